"""The same handler of EVT_C_STORE served by pynetdicom and by this engine."""

from __future__ import annotations

import argparse
import sys

from bench.generator import Generator
from bench.run import Cell, run_cell
from bench.stats import significant
from bench.targets import Target
from bench.workloads import BY_NAME

__all__ = ["handlers"]

SERVERS = {
    "normal": ("pynetdicom write", "dcmrecv write", "dcmrecv store", "dcmrecv bound"),
    "ignore": ("pynetdicom decode", "dcmrecv decode"),
}
"""By mode: library and handler (`bench.handler_scp`). In the second nothing is stored."""


def handlers(options: argparse.Namespace) -> tuple[str, list[list[list[str]]]]:
    """Return the throughput of each server and handler, and the ratios of the libraries."""
    rounds = options.rounds or (1 if options.quick else 3)
    rows = [["workload", *SERVERS["normal"], *SERVERS["ignore"], "write: ratio", "decode: ratio"]]
    generator = Generator(pure_python=options.pure_python)
    try:
        for workload in [BY_NAME[name] for name in options.only or ("W1", "W2", "W5")]:
            found: dict[str, float] = {}
            for mode, names in SERVERS.items():
                command = (sys.executable, "-m", "bench.handler_scp")
                targets = [Target(name, "pynetdicom", (*command, *name.split())) for name in names]
                cell = Cell(workload, mode, 16384, "tmpfs", False)
                for measured in run_cell(cell, targets, generator, rounds=rounds, quick=options.quick):
                    found[measured.target] = measured.rate or 0.0
            row = [f"{workload.name}: {workload.title}", *map(significant, found.values())]
            for handler in ("write", "decode"):
                theirs = found[f"pynetdicom {handler}"]
                row.append(significant(found[f"dcmrecv {handler}"] / theirs) if theirs else "–")
            rows.append(row)
    finally:
        generator.close()
    return f"Handlers of EVT_C_STORE, median of {rounds}", [rows]
