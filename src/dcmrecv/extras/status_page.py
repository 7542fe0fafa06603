"""The page at ``/`` of the metrics port: what people look at first, without a script."""

from __future__ import annotations

import html
import math
import time

from dcmrecv._version import __version__
from dcmrecv.extras.counters import OUTCOMES, STATUSES, Counters

__all__ = ["page"]

_STYLE = """
:root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif; }
body { max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.4rem; margin: 0; } h2 { font-size: 1.1rem; margin: 2rem 0 .5rem; }
.state { font-weight: 600; } .good { color: #1a7f37; } .bad { color: #cf222e; }
dl { display: grid; grid-template-columns: repeat(auto-fit, minmax(13rem, 1fr)); gap: .8rem; margin: 1.2rem 0; }
dl div { border: 1px solid #8886; border-radius: .5rem; padding: .6rem .9rem; }
dt { font-size: .85rem; opacity: .75; } dd { margin: 0; font-size: 1.5rem; font-variant-numeric: tabular-nums; }
table { border-collapse: collapse; min-width: 22rem; } td, th { text-align: left; padding: .2rem 1rem .2rem 0; }
td:last-child { text-align: right; font-variant-numeric: tabular-nums; } tr { border-bottom: 1px solid #8884; }
footer { margin-top: 2rem; font-size: .85rem; opacity: .75; }
@media (prefers-color-scheme: dark) { .good { color: #3fb950; } .bad { color: #ff7b72; } }
"""

_MEANINGS = {
    "released": "released in good order",
    "aborted_by_peer": "aborted or closed by the sender",
    "aborted_by_us": "aborted by the receiver",
    "rejected_application_context": "rejected: application context",
    "rejected_called_title": "rejected: called AE title",
    "rejected_calling_title": "rejected: calling AE title",
    "rejected_limit": "rejected: too many associations",
    "rejected_no_context": "rejected: no acceptable presentation context",
    "unusable_request": "unusable request",
    "not_an_association": "no DICOM at all (probes, other protocols)",
    "tls_failed": "TLS handshake failed",
    "internal_error": "ended by a mistake in the receiver",
    "cut_off": "ended by our own stop",
    "refused_address": "refused: address not on the list",
    "refused_limit": "refused: too many of one address",
    "0000": "0000 success",
    "A700": "A700 out of resources",
    "C000": "C000 cannot understand",
    "other": "other",
}


def _size(count: float) -> str:
    if count < 1000:
        return f"{count:.0f} B"
    power = min(int(math.log10(count)) // 3, 4)
    return f"{count / 1000**power:.1f} {' kMGT'[power]}B"


def _span(seconds: float) -> str:
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
    return f"<h2>{html.escape(title)}</h2><table><tbody>{lines}</tbody></table>"


def page(counters: Counters, serving: int, free: int | None, min_free_space: int) -> str:
    """Return the HTML page. *serving*: processes that accept; *free*: bytes free for objects, None if unknown."""
    now = counters.snapshot()
    moment = time.time()
    problems = []
    if not serving:
        problems.append("not accepting connections")
    if free is not None and min_free_space and free < min_free_space:
        problems.append("too little free space: objects are refused")
    state = "; ".join(problems) or "receiving"
    last = "none yet" if not now.last_object else f"{_span(moment - now.last_object)} ago"
    responses = sum(now[f"status {status}"] for status in STATUSES)
    mean = f"{now['store_microseconds'] / responses / 1000:.1f} ms" if responses else "–"
    failures = now["failed_data_sets"] + now["store_errors"]
    tiles = [
        ("objects stored", f"{now['objects']:,}"),
        ("volume stored", _size(now["bytes"])),
        ("last object", last),
        ("connections now", f"{now['active']:,}"),
        ("mean C-STORE", mean),
        ("failures", f"{failures:,}"),
        ("free space", "unknown" if free is None else _size(free)),
        ("running for", _span(moment - counters.started)),
    ]
    return "".join(
        (
            '<!doctype html><html lang="en"><head><meta charset="utf-8"><title>dcmrecv</title>',
            '<meta name="viewport" content="width=device-width"><meta http-equiv="refresh" content="5">',
            f"<style>{_STYLE}</style></head><body><h1>DICOM storage receiver</h1>",
            f'<p class="state {"bad" if problems else "good"}">{state}</p><dl>',
            *(f"<div><dt>{name}</dt><dd>{value}</dd></div>" for name, value in tiles),
            "</dl>",
            _table("C-STORE responses", [(_MEANINGS[s], now[f"status {s}"]) for s in STATUSES]),
            _table("Connections", [(_MEANINGS[o], now[f"outcome {o}"]) for o in OUTCOMES]),
            _table(
                "Failures",
                [
                    ("data sets that did not arrive whole", now["failed_data_sets"]),
                    ("objects that could not be stored", now["store_errors"]),
                ],
            ),
            f"<footer>dcmrecv {__version__} · {serving} serving process(es) · ",
            '<a href="/metrics">metrics</a> · <a href="/healthz">health</a> · renewed every 5 s</footer>',
            "</body></html>",
        )
    )
