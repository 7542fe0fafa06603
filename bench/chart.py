"""Draw the throughput tables as a picture: ``python3 -m bench.chart [FIGURES] [PICTURE]``.

*FIGURES* is a file of ``python3 -m bench --json`` or, by default, ``bench/RESULTS.md``. *PICTURE* is
``docs/images/throughput.svg`` by default. What counts is max PDU 16384 on tmpfs, normal and bit-preserving mode, plain
and TLS. A bar reaches from the line of the reference (1) to the right where we are faster, to the left where we are
slower, on a logarithmic scale, so that twice as fast and half as fast are equally long. Rows measured with ordinary
senders come first.
"""

from __future__ import annotations

import json
import math
import re
import sys
from collections.abc import Iterator, Sequence
from html import escape
from pathlib import Path
from typing import Any, NamedTuple

from bench.workloads import WORKLOADS

__all__ = ["Row", "draw", "main", "rows_of_json", "rows_of_markdown"]

OURS = "dcmrecv"
SHIPPED, BEST = ("reference", "debian"), ("reference-nd", "debian-nd")
"""What we are compared with: the first that was measured. *SHIPPED* was measured with ordinary senders alone."""
OTHERS = {"limit": "a C program that writes what it receives without looking at it"}
FASTER, SLOWER, LIMIT = "#1f6fb2", "#c0392b", "#d5dbe1"
MODES = {"normal": "", "bit": ", bit"}
STORAGES = {"tmpfs": "", "tmpfs, TLS": ", TLS"}
GRID = (0.5, 1, 2, 5, 10, 20, 50, 100, 200)
WIDTH, LEFT, RIGHT, BAR, STEP = 960, 340, 170, 13, 19


class Row(NamedTuple):
    """One workload: its title, its unit, the rates by receiver, and ours divided by them under ``÷``."""

    title: str
    unit: str
    rates: dict[str, float]


def _suffix(mode: str, max_pdu: str, storage: str) -> str | None:
    """Return what the title of a row says of its conditions, None if the row does not count."""
    if mode not in MODES or max_pdu != "16384" or storage not in STORAGES:
        return None
    return MODES[mode] + STORAGES[storage]


def rows_of_json(figures: dict[str, Any]) -> list[Row]:
    """Return the rows of a ``--json`` file."""
    titles = {workload.name: workload.title for workload in WORKLOADS}
    rows = []
    for cell in figures["cells"]:
        storage = cell["storage"] + (", TLS" if cell["tls"] else "")
        suffix = _suffix(cell["mode"], str(cell["max_pdu"]), storage)
        if suffix is not None:
            rates = {
                entry["target"]: entry["rate"]
                for entry in cell["targets"]
                if entry["rate"] and not entry["problems"]
            }
            title = f"{cell['workload']} {titles.get(cell['workload'], '')}".strip()
            rows.append(Row(title + suffix, cell["unit"], rates))
    return rows


def _tables(lines: Sequence[str]) -> Iterator[list[list[str]]]:
    table: list[list[str]] = []
    for line in [*lines, ""]:
        if line.startswith("|"):
            table.append([field.strip() for field in line.strip().strip("|").split("|")])
        elif table:
            yield table
            table = []


def _number(text: str) -> float | None:
    try:
        return float(text.replace(",", ""))  # a failed round's "!" is no number
    except ValueError:
        return None


def rows_of_markdown(text: str) -> list[Row]:
    """Return the rows of all throughput tables that name us; of several rows with one title the first counts."""
    rows: dict[str, Row] = {}
    for header, _, *body in _tables(text.splitlines()):
        if (
            header[:4] != ["workload", "mode", "max PDU", "storage"]
            or OURS not in header
            or "unit" not in header
        ):
            continue
        first = header.index("unit") + 1
        for fields in body:
            suffix = _suffix(*fields[1:4])
            if suffix is None:
                continue
            rates = {
                name: rate
                for name, field in zip(header[first:], fields[first:], strict=True)
                if (rate := _number(field)) is not None
            }
            title = fields[0] + suffix
            rows.setdefault(title, Row(title, fields[first - 1], rates))
    return list(rows.values())


def _x(factor: float) -> float:
    low, high = math.log(GRID[0]), math.log(GRID[-1])
    share = (math.log(min(max(factor, GRID[0]), GRID[-1])) - low) / (high - low)
    return LEFT + share * (WIDTH - LEFT - RIGHT)


def _bar(factor: float, y: int, colour: str, height: int) -> str:
    start, end = sorted((_x(1), _x(factor)))
    return (
        f'<rect x="{start:.1f}" y="{y}" width="{max(end - start, 1):.1f}" height="{height}" fill="{colour}"/>'
    )


def _group(rows: Sequence[tuple[Row, str]], heading: str, y: int) -> tuple[list[str], int]:
    """Return the parts of *rows*, each with the name of what it is compared with, and the place below them."""
    parts = [f'<text x="20" y="{y}" font-weight="bold">{escape(heading)}</text>']
    y += 10
    for row, base in rows:
        factor = row.rates.get(f"÷ {base}", row.rates[OURS] / row.rates[base])  # as the table rounds it
        parts += [
            _bar(row.rates[name] / row.rates[base], y, LIMIT, BAR) for name in OTHERS if name in row.rates
        ]
        parts.append(_bar(factor, y + 3, FASTER if factor >= 1 else SLOWER, BAR - 6))
        parts.append(f'<text x="{LEFT - 12}" y="{y + BAR - 2}" text-anchor="end">{escape(row.title)}</text>')
        label = f"{factor:.3g}× · {row.rates[OURS]:,.0f} {row.unit}"
        parts.append(f'<text class="small" x="{WIDTH - RIGHT + 10}" y="{y + BAR - 2}">{escape(label)}</text>')
        y += STEP
    return parts, y + 22


def draw(rows: Sequence[Row], machine: str = "") -> str:
    """Return an SVG of *rows*. Raises ValueError if there is nothing to compare."""
    ordinary: list[tuple[Row, str]] = []
    best: list[tuple[Row, str]] = []
    for row in rows:
        base = next((name for name in (*SHIPPED, *BEST) if name in row.rates), None)
        if OURS in row.rates and base:
            (ordinary if base in SHIPPED else best).append((row, base))
    if not ordinary and not best:
        raise ValueError("no row with this program and the reference")
    parts: list[str] = []
    y = first = 116
    for group, heading in (
        (ordinary, "Ordinary senders; the reference as shipped"),
        (best, "The reference's best case: Nagle's algorithm off at both ends"),
    ):
        if group:
            more, y = _group(group, heading, y)
            parts += more
    grid = []
    for factor in GRID:
        colour, x = ("#555" if factor == 1 else "#e6e6e6"), _x(factor)
        grid.append(f'<path d="M{x:.1f} {first - 14} V{y - 22}" stroke="{colour}"/>')
        grid.append(
            f'<text class="small" x="{x:.1f}" y="{first - 20}" text-anchor="middle">{factor:g}×</text>'
        )
    legend = ((FASTER, "faster"), (SLOWER, "slower"), *((LIMIT, text) for text in OTHERS.values()))
    keys = [
        f'<rect x="{20 + 90 * n}" y="60" width="12" height="12" fill="{colour}"/>'
        f'<text class="small" x="{38 + 90 * n}" y="71">{escape(text)}</text>'
        for n, (colour, text) in enumerate(legend)
    ]
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {y}" '
            'font-family="Helvetica, Arial, sans-serif" font-size="12">',
            "<title>Throughput</title>",
            "<style>text { fill: #333; } .small { font-size: 11px; fill: #555; }</style>",
            f'<rect width="{WIDTH}" height="{y}" fill="#ffffff"/>',
            '<text x="20" y="28" font-size="17">Times as fast as DCMTK\'s dcmrecv 3.6.8, logarithmic scale</text>',
            '<text class="small" x="20" y="48">ratios of medians; max PDU 16384, files on tmpfs; bit: bit-preserving'
            f" mode. {escape(machine)}</text>",
            *keys,
            *grid,
            *parts,
            "</svg>\n",
        ]
    )


def main(arguments: Sequence[str]) -> int:
    """Read figures, write the picture, say where it is."""
    here = Path(__file__).resolve().parent
    source = Path(arguments[0]) if arguments else here / "RESULTS.md"
    target = Path(arguments[1]) if len(arguments) > 1 else here.parent / "docs" / "images" / "throughput.svg"
    text = source.read_text(encoding="utf-8")
    machine = ""
    if source.suffix == ".json":
        figures = json.loads(text)
        rows, machine = rows_of_json(figures), figures["machine"]
    else:
        rows = rows_of_markdown(text)
        measured = re.search(r"^(\d{4}-\d\d-\d\d .*), load ", text, re.MULTILINE)
        machine = measured[1] if measured else ""
    try:
        picture = draw(rows, machine)
    except ValueError as error:
        sys.stderr.write(f"{source}: {error}\n")
        return 1
    target.write_text(picture, encoding="utf-8")
    sys.stdout.write(f"{target}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
