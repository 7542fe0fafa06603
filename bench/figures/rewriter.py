"""The normal-mode rewriter alone, without a network or files."""

from __future__ import annotations

import argparse
import time
from typing import TYPE_CHECKING

from bench.dicom import EXPLICIT_LE
from bench.objects import DataSet
from bench.stats import median, significant
from bench.workloads import data_sets

if TYPE_CHECKING:
    from dcmrecv.dataset.dictionary import DataDictionary

__all__ = ["rewriter"]

VIEWS_PER_FEED = 16
"""Fragments that the engine hands over at a time when the sender is fast."""


def _no_dictionary() -> DataDictionary:
    raise AssertionError("explicit VR needs no dictionary")


def _seconds(data_set: DataSet, fragment: int) -> float:
    """Return seconds for one pass over *data_set* in fragments of *fragment* bytes."""
    from dcmrecv.dataset.rewriter import DataSetRewriter

    view = memoryview(data_set.encoded())
    views = [view[at : at + fragment] for at in range(0, len(view), fragment)]
    feeds = [views[at : at + VIEWS_PER_FEED] for at in range(0, len(views), VIEWS_PER_FEED)]
    start = time.perf_counter()
    walker = DataSetRewriter(EXPLICIT_LE, dictionary=_no_dictionary)
    out = 0
    for number, feed in enumerate(feeds, 1):
        out += sum(map(len, walker.feed(feed, number == len(feeds))))
    out += sum(map(len, walker.finish()))
    seconds = time.perf_counter() - start
    if out < data_set.size // 2:
        raise RuntimeError(f"{out} bytes of {data_set.size} came out")
    return seconds


def rewriter(options: argparse.Namespace) -> tuple[str, list[list[list[str]]]]:
    """Return elements and bytes per second of the rewriter for the objects of W1, W2, W3 and W8."""
    budget = 0.3 if options.quick else 2.0
    rows = [["object", "bytes", "elements", "fragment", "µs per object", "elements/s", "MB/s"]]
    for name in options.only or ("W1", "W2", "W3", "W8"):
        data_set = data_sets(name, options.quick)[0]
        for pdu in options.pdu:
            times: list[float] = []
            end = time.monotonic() + budget
            while time.monotonic() < end or len(times) < 3:
                times.append(_seconds(data_set, int(pdu) - 12))
            middle = median(times)
            rows.append(
                [
                    name,
                    f"{data_set.size:,}",
                    f"{data_set.elements:,}",
                    str(int(pdu) - 12),
                    significant(middle * 1e6),
                    significant(data_set.elements / middle),
                    significant(data_set.size / 1e6 / middle),
                ]
            )
    return "Normal-mode rewriter alone, one thread", [rows]
