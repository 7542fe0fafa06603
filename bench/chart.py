"""Draw the throughput tables as a picture: ``python3 -m bench.chart [FIGURES] [PICTURE]``.

*FIGURES* is a file of ``python3 -m bench --json`` or, by default, ``bench/RESULTS.md``, of which the last table
with `OURS` in it counts. *PICTURE* is ``docs/images/throughput.svg`` by default. For each workload in normal mode,
max PDU 16384, on tmpfs and without TLS, a bar says how many times as fast as the reference each receiver is.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Sequence
from html import escape
from pathlib import Path
from typing import Any, NamedTuple

from bench.workloads import WORKLOADS

__all__ = ["Row", "draw", "main", "rows_of_json", "rows_of_markdown"]

OURS = "dcmrecv"
BASES = ("reference-nd", "debian-nd", "reference", "debian")
"""What the others are compared with: the first of these that was measured, its best case before the shipped one."""
COLOURS = {
    OURS: "#1f6fb2",
    "reference-nd": "#9aa7b4",
    "debian-nd": "#b9c3cd",
    "reference": "#d9a35b",
    "debian": "#d9a35b",
    "pynetdicom": "#7b9e6b",
    "limit": "#e2e6ea",
}
TITLES = {
    OURS: "this program",
    "reference-nd": "DCMTK 3.6.8, Nagle off at both ends (its best case)",
    "debian-nd": "DCMTK of the distribution, Nagle off at both ends",
    "reference": "DCMTK 3.6.8 as shipped",
    "debian": "DCMTK of the distribution, as shipped",
    "pynetdicom": "pynetdicom storescp",
    "limit": "a C program that does not look at the data",
}
WIDTH, LEFT, RIGHT, TOP, BAR, GAP = 960, 300, 150, 96, 15, 16


class Row(NamedTuple):
    """One workload: its title, its unit and the rate of each receiver."""

    title: str
    unit: str
    rates: dict[str, float]


def _counts(mode: str, max_pdu: str, storage: str) -> bool:
    return mode == "normal" and max_pdu == "16384" and storage == "tmpfs"


def rows_of_json(figures: dict[str, Any]) -> list[Row]:
    """Return the rows of a ``--json`` file."""
    titles = {workload.name: workload.title for workload in WORKLOADS}
    rows = []
    for cell in figures["cells"]:
        if _counts(cell["mode"], str(cell["max_pdu"]), cell["storage"]) and not cell["tls"]:
            rates = {
                entry["target"]: entry["rate"]
                for entry in cell["targets"]
                if entry["rate"] and not entry["problems"]
            }
            rows.append(
                Row(f"{cell['workload']} {titles.get(cell['workload'], '')}".strip(), cell["unit"], rates)
            )
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
    """Return the rows of the last throughput table that names us; of several rows for a workload the last counts."""
    found: list[Row] = []
    for header, _, *body in _tables(text.splitlines()):
        if (
            header[:4] != ["workload", "mode", "max PDU", "storage"]
            or OURS not in header
            or "unit" not in header
        ):
            continue
        first = header.index("unit") + 1
        rows = {}
        for fields in body:
            if _counts(*fields[1:4]):
                rates = {
                    name: rate
                    for name, field in zip(header[first:], fields[first:], strict=True)
                    if not name.startswith("÷") and (rate := _number(field)) is not None
                }
                rows[fields[0]] = Row(fields[0], fields[first - 1], rates)
        found = list(rows.values()) or found
    return found


def _base(row: Row) -> str | None:
    return next((name for name in BASES if name in row.rates), None)


def draw(rows: Sequence[Row], machine: str = "") -> str:
    """Return an SVG of *rows*. Raises ValueError if there is nothing to compare."""
    rows = [row for row in rows if OURS in row.rates and _base(row)]
    if not rows:
        raise ValueError("no row with this program and the reference")
    names = [name for name in COLOURS if any(name in row.rates for row in rows)]
    factors = [{name: row.rates[name] / row.rates[_base(row) or ""] for name in row.rates} for row in rows]
    # Bars beyond this are cut and say so: as shipped against Nagle off is a factor of hundreds.
    longest = min(max(factor[name] for factor in factors for name in factor), 8.0)
    scale = (WIDTH - LEFT - RIGHT) / longest
    parts = []
    y = y_first = TOP + 18 * len(names)
    for row, factor in zip(rows, factors, strict=True):
        parts.append(f'<text x="{LEFT - 12}" y="{y + BAR}" text-anchor="end">{escape(row.title)}</text>')
        for name in names:
            if name not in factor:
                continue
            length = min(factor[name], longest) * scale
            label = (
                f"{factor[name]:.3g}× · {row.rates[name]:,.0f} {row.unit}"
                if name == OURS
                else f"{factor[name]:.2g}×"
            )
            parts.append(
                f'<rect x="{LEFT}" y="{y}" width="{max(length, 1):.1f}" height="{BAR}" fill="{COLOURS[name]}"/>'
                f'<text class="small" x="{LEFT + length + 5:.1f}" y="{y + BAR - 3}">{escape(label)}</text>'
            )
            y += BAR + 2
        y += GAP
    legend = [
        f'<rect x="{LEFT}" y="{68 + 18 * n}" width="12" height="12" fill="{COLOURS[name]}"/>'
        f'<text class="small" x="{LEFT + 18}" y="{79 + 18 * n}">{escape(TITLES[name])}</text>'
        for n, name in enumerate(names)
    ]
    one = LEFT + scale
    height = y + 12
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" '
            'font-family="Helvetica, Arial, sans-serif" font-size="13">',
            "<title>Throughput</title>",
            "<style>text { fill: #333; } .small { font-size: 11px; fill: #555; }</style>",
            f'<rect width="{WIDTH}" height="{height}" fill="#ffffff"/>',
            '<text x="20" y="28" font-size="17">Times as fast as the reference (longer is better)</text>',
            f'<text class="small" x="20" y="48">normal mode, max PDU 16384, files on tmpfs. {escape(machine)}</text>',
            *legend,
            f'<path d="M{one:.1f} {y_first - 8} V{height - 16}" stroke="#c0392b" stroke-dasharray="3 3"/>',
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
