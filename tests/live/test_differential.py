"""DCMTK's ``dcmrecv``, of the version installed, and ours store the same: pydicom's test files and generated data sets.

A longer run, or one against another build of the reference: ``python -m tests.support.differential --help``.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.support.differential import (
    Case,
    Receiver,
    compare,
    file_cases,
    find_reference,
    generated_cases,
    ours,
    reference,
)

KNOWN = {
    "[a group length without its value at the very end: 3.6.8 dies of it, 3.7.0 stores it empty]",
    "[a media storage UID is taken from an element of another VR by 3.6.8 alone]",
    "[a VR that is no text: refused since 3.6.9]",
    "[an empty media storage UID: the command's is taken]",
    "[deflated, in these fragments only: the reference stores what lies in its memory]",
    "[out of order across fragments: the reference loses its place]",
    "[the reference dies]",
}
"""Differences that docs/differences.md explains; some are between 3.6.8 and the version installed."""


@pytest.fixture(scope="module")
def receivers(client, tmp_path_factory) -> Iterator[tuple[Receiver, Receiver]]:
    program = find_reference()
    if program is None:
        client("the reference's dcmrecv")
    assert program is not None
    # Without private.dic, which the distribution's build loads by default.
    dictionaries = sorted(Path("/usr/share").glob("*dcmtk*/dicom.dic"))
    directory = tmp_path_factory.mktemp("differential")
    theirs = reference(program, directory / "theirs", str(dictionaries[-1]) if dictionaries else None)
    mine = ours(directory / "ours")
    try:
        yield theirs.start(), mine.start()
    finally:
        theirs.stop()
        mine.stop()


def unexplained(
    cases: Callable[[], Iterator[Case]], receivers: tuple[Receiver, Receiver]
) -> tuple[dict[str, str], int]:
    counts: Counter[str] = Counter()
    found = {}
    for case in cases():
        difference = compare(case, *receivers) or "same"
        counts[difference] += 1
        if difference != "same" and difference not in KNOWN:
            found[case.name] = difference
    return found, counts["same"]


def test_test_files_are_stored_alike(receivers):
    found, same = unexplained(file_cases, receivers)
    assert found == {}
    assert same > 100


def test_generated_data_sets_are_stored_alike(receivers):
    found, same = unexplained(lambda: generated_cases(range(300)), receivers)
    assert found == {}
    assert same > 250
