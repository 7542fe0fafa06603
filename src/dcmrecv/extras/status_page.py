"""The page at ``/`` of the metrics port: what people look at first, without a script."""

from __future__ import annotations

import html
import math
import time
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from dcmrecv._version import __version__
from dcmrecv.extras.counters import OUTCOMES, STATUSES, Counters, Texts
from dcmrecv.uids import name_of

__all__ = ["View", "page", "size_text", "span_text"]

_STYLE = """
:root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif; }
body { max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.4rem; margin: 0; } h2 { font-size: 1.1rem; margin: 2rem 0 .5rem; }
.state { font-weight: 600; } .good { color: #1a7f37; } .bad { color: #cf222e; }
dl { display: grid; grid-template-columns: repeat(auto-fit, minmax(13rem, 1fr)); gap: .8rem; margin: 1.2rem 0; }
dl div { border: 1px solid #8886; border-radius: .5rem; padding: .6rem .9rem; }
dt { font-size: .85rem; opacity: .75; } dd { margin: 0; font-size: 1.5rem; font-variant-numeric: tabular-nums; }
table { border-collapse: collapse; } td, th { text-align: left; vertical-align: top; padding: .2rem 1rem .2rem 0; }
.counts { min-width: min(22rem, 100%); } .wide { width: 100%; } tr { border-bottom: 1px solid #8884; }
.counts td:last-child { text-align: right; } td { font-variant-numeric: tabular-nums; overflow-wrap: anywhere; }
th { font-size: .85rem; font-weight: 400; opacity: .75; }
@media (max-width: 45rem) {
  .wide thead { display: none; } .wide tr { display: block; padding: .4rem 0; }
  .wide td { display: grid; grid-template-columns: 7rem 1fr; padding: 0; }
  .wide td::before { content: attr(data-of); font-size: .85rem; opacity: .75; }
}
footer { margin-top: 2rem; font-size: .85rem; opacity: .75; }
@media (prefers-color-scheme: dark) { .good { color: #3fb950; } .bad { color: #ff7b72; } }
"""


def size_text(count: float) -> str:
    """Return a number of bytes as people read it."""
    if count < 1000:
        return f"{count:.0f} B"
    power = min(int(math.log10(count)) // 3, 4)
    return f"{count / 1000**power:.1f} {' kMGT'[power]}B"


def span_text(seconds: float) -> str:
    """Return a time span as people read it."""
    seconds = int(max(seconds, 0))
    if seconds < 60:
        return f"{seconds} s"
    minutes = seconds // 60
    if minutes < 60:
        return f"{minutes} min"
    hours = minutes // 60
    return f"{hours} h {minutes % 60} min" if hours < 24 else f"{hours // 24} d {hours % 24} h"


def _table(title: str, rows: list[tuple[str, int]]) -> str:
    lines = "".join(f"<tr><td>{html.escape(name)}</td><td>{count:,}</td></tr>" for name, count in rows)
    return f'<h2>{html.escape(title)}</h2><table class="counts"><tbody>{lines}</tbody></table>'


def _wide(title: str, columns: Sequence[str], rows: Iterable[Sequence[str]], none: str) -> str:
    """Return a table that becomes a list on a narrow screen; what is in it may come from peers."""
    lines = "".join(
        "<tr>"
        + "".join(
            f'<td data-of="{column}">{html.escape(cell) or "–"}</td>'
            for column, cell in zip(columns, row, strict=True)
        )
        + "</tr>"
        for row in rows
    )
    head = "".join(f"<th>{column}</th>" for column in columns)
    table = f'<table class="wide"><thead><tr>{head}</tr></thead><tbody>{lines}</tbody></table>'
    return f"<h2>{title}</h2>{table if lines else f'<p>{none}</p>'}"


class View(NamedTuple):
    """What the page shows beside the counters."""

    serving: int
    """Processes that accept connections."""
    free: int | None
    """Bytes free for objects, None if unknown."""
    min_free_space: int = 0
    rate: tuple[float, float] | None = None
    """Objects and bytes a second of late, None if unknown."""
    about: Sequence[tuple[str, str]] = ()
    """What is served, in words."""


def _moving(counters: Counters, moment: float) -> Iterable[str]:
    """Return the tables of what happens, and of what happened last."""
    columns = ("calling", "called", "peer", "for", "objects", "object under way", "process")
    running = [
        (
            *each[:3],
            span_text(moment - each.since),
            f"{each.objects:,}",
            size_text(each.under_way),
            f"{each.process}",
        )
        for each in counters.running()
    ]
    yield _wide("Running associations", columns, running, "none")
    of_objects = ("when", "calling", "size", "took", "SOP class", "SOP instance UID")
    objects = [
        (
            f"{span_text(moment - float(when))} ago",
            calling,
            size_text(int(size)),
            f"{float(took) * 1000:,.1f} ms",
            name_of(kind) or kind,
            uid,
        )
        for when, calling, size, took, kind, uid in counters.latest(Texts.objects)
    ]
    yield _wide("Last objects", of_objects, objects, "none yet")
    failures = [
        (f"{span_text(moment - float(when))} ago", *words) for when, *words in counters.latest(Texts.failures)
    ]
    yield _wide("Last failures", ("when", "calling", "peer", "reason"), failures, "none")


def page(counters: Counters, view: View) -> str:
    """Return the HTML page."""
    now = counters.snapshot()
    moment = time.time()
    serving, free, min_free_space, rate, about = view
    problems = []
    if not serving:
        problems.append("not accepting connections")
    if free is not None and min_free_space and free < min_free_space:
        problems.append("too little free space: objects are refused")
    state = "; ".join(problems) or "receiving"
    last = "none yet" if not now.last_object else f"{span_text(moment - now.last_object)} ago"
    responses = sum(now[f"status {status}"] for status in STATUSES)
    mean = f"{now['store microseconds'] / responses / 1000:.1f} ms" if responses else "–"
    failures = now["failed_data_sets"] + now["store_errors"]
    tiles = [
        ("rate now", "–" if rate is None else f"{size_text(rate[1])}/s"),
        ("objects now", "–" if rate is None else f"{rate[0]:,.1f} /s"),
        ("objects stored", f"{now.objects:,}"),
        ("volume stored", size_text(now.bytes)),
        ("last object", last),
        ("connections now", f"{now['active']:,}"),
        ("mean C-STORE", mean),
        ("failures", f"{failures:,}"),
        ("free space", "unknown" if free is None else size_text(free)),
        ("running for", span_text(moment - counters.started)),
    ]
    return "".join(
        (
            '<!doctype html><html lang="en"><head><meta charset="utf-8"><title>dcmrecv</title>',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            '<meta http-equiv="refresh" content="5">',
            f"<style>{_STYLE}</style></head><body><h1>DICOM storage receiver</h1>",
            f'<p class="state {"bad" if problems else "good"}">{state}</p>',
            *(f"<p>{html.escape(name)} {html.escape(what)}</p>" for name, what in about),
            "<dl>",
            *(f"<div><dt>{name}</dt><dd>{value}</dd></div>" for name, value in tiles),
            "</dl>",
            *_moving(counters, moment),
            _table("C-STORE responses", [(words, now[f"status {name}"]) for name, words in STATUSES.items()]),
            _table("Connections", [(words, now[f"outcome {name}"]) for name, words in OUTCOMES.items()]),
            f"<footer>dcmrecv {__version__} · {serving} serving process(es) · ",
            '<a href="/metrics">metrics</a> · <a href="/healthz">health</a> · renewed every 5 s</footer>',
            "</body></html>",
        )
    )
