"""Tables as text and markdown, and the description of the machine."""

from __future__ import annotations

import datetime
import os
import platform
from collections.abc import Sequence
from pathlib import Path

from bench.run import Cell, Measured
from bench.stats import median, paired_ratio, significant

__all__ = ["cost_table", "format_table", "machine", "throughput_table"]

Rows = list[list[str]]


def machine() -> str:
    """Return one line about this machine and the day."""
    model = platform.machine()
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            model = line.partition(":")[2].strip()
            break
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    load = os.getloadavg()[0]
    day = datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%d %H:%M UTC")
    return (
        f"{day}, {model}, {os.cpu_count()} cores, {memory:.0f} GiB, Linux {platform.release()}, "
        f"Python {platform.python_version()}, load {load:.1f}"
    )


def format_table(rows: Rows, *, markdown: bool) -> str:
    """Return *rows*, the header first, as an aligned table; all but the first column to the right."""
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    lines = []
    for number, row in enumerate(rows):
        padded = [
            text.ljust(width) if i == 0 else text.rjust(width)
            for i, (text, width) in enumerate(zip(row, widths, strict=True))
        ]
        lines.append(f"| {' | '.join(padded)} |" if markdown else "  ".join(padded).rstrip())
        if number == 0:
            rule = ["-" * widths[0], *("-" * (width - 1) + ":" for width in widths[1:])]
            lines.append(f"| {' | '.join(rule)} |" if markdown else "  ".join("-" * w for w in widths))
    return "\n".join(lines) + "\n"


def _cell_columns(cell: Cell) -> list[str]:
    where = cell.storage + (", TLS" if cell.tls else "")
    return [f"{cell.workload.name} {cell.workload.title}", cell.mode, str(cell.max_pdu), where]


CELL_HEADER = ["workload", "mode", "max PDU", "storage"]


def throughput_table(results: Sequence[tuple[Cell, Sequence[Measured]]], *, ours: str = "dcmrecv") -> Rows:
    """Return medians per receiver, and our ratio to each of the others (median of the rounds' ratios)."""
    names = list(dict.fromkeys(entry.target for _, entries in results for entry in entries))
    others = [name for name in names if name != ours] if ours in names else []
    rows = [[*CELL_HEADER, "unit", *names, *(f"÷ {name}" for name in others)]]
    for cell, entries in results:
        by_name = {entry.target: entry for entry in entries}
        row = [*_cell_columns(cell), cell.workload.unit]
        for name in names:
            entry = by_name.get(name)
            failed = entry is not None and entry.problems
            row.append(significant(entry.rate if entry else None) + ("!" if failed else ""))
        for name in others:
            ratio = None
            if name in by_name and ours in by_name:
                ratio = paired_ratio(by_name[ours].rates, by_name[name].rates)
            row.append(significant(ratio))
        rows.append(row)
    return rows


def cost_table(results: Sequence[tuple[Cell, Sequence[Measured]]]) -> Rows:
    """Return peak memory in MiB / server CPU in microseconds per object."""
    names = list(dict.fromkeys(entry.target for _, entries in results for entry in entries))
    rows = [[*CELL_HEADER, *names]]
    for cell, entries in results:
        by_name = {entry.target: entry for entry in entries}
        row = _cell_columns(cell)
        for name in names:
            entry = by_name.get(name)
            cpu = [value for value in entry.cpu if value is not None] if entry else []
            if entry is None or not cpu:
                row.append("–")
            else:
                row.append(f"{entry.peak_rss / 2**20:.0f} / {significant(median(cpu))}")
        rows.append(row)
    return rows
