"""What options cost: log levels, --fsync, --workers."""

from __future__ import annotations

import argparse
import dataclasses
from collections.abc import Sequence

from bench.generator import Generator
from bench.report import cost_table, throughput_table
from bench.run import Cell, Measured, run_cell
from bench.targets import Target, all_targets
from bench.workloads import BY_NAME, Shape, Workload

__all__ = ["fsync", "logging_levels", "workers"]

Table = list[list[str]]
Variant = tuple[str, tuple[str, ...]]


def _compare(
    options: argparse.Namespace,
    workloads: Sequence[Workload],
    storage: str,
    base: Sequence[str],
    variants: Sequence[Variant],
    *,
    only_ours: bool,
) -> tuple[list[Table], int]:
    """Run *workloads* with each of *variants* of the base targets; ratios are to the last variant of ours."""
    found = all_targets(
        ours=options.dcmrecv,
        reference=options.reference,
        dictionary=options.reference_dictionary,
        wanted=options.targets or base,
    )
    targets: list[Target] = []
    for target in found:
        if target.ours or not only_ours:
            for title, extra in variants:
                name = f"{target.name}{title}"
                targets.append(dataclasses.replace(target, name=name, extra=extra, stalls=False))
        else:
            targets.append(target)
    rounds = options.rounds or (1 if options.quick else 5)
    generator = Generator(pure_python=options.pure_python)
    results: list[tuple[Cell, list[Measured]]] = []
    try:
        for workload in workloads:
            for mode in options.modes or ["normal"]:
                cell = Cell(workload, mode, 16384, storage, False)
                measured = run_cell(
                    cell, targets, generator, rounds=rounds, quick=options.quick, disk=options.disk
                )
                results.append((cell, measured))
    finally:
        generator.close()
    last = f"dcmrecv{variants[-1][0]}"
    return [throughput_table(results, ours=last), cost_table(results)], rounds


def logging_levels(options: argparse.Namespace) -> tuple[str, list[Table]]:
    """Return throughput with the default level, -v and -d, output to /dev/null."""
    variants = (("", ()), (" -v", ("-v",)), (" -d", ("-d",)))
    chosen = [BY_NAME["W1"], BY_NAME["W5"]]
    tables, rounds = _compare(
        options, chosen, "tmpfs", ("debian-nd", "reference-nd", "dcmrecv"), variants, only_ours=False
    )
    return f"Log levels, median of {rounds}", tables


def fsync(options: argparse.Namespace) -> tuple[str, list[Table]]:
    """Return throughput on disk with and without --fsync, one sender and eight."""
    single = dataclasses.replace(
        BY_NAME["W1"], title="8 KB, one sender", shape=Shape(1, 1, 1000), quick=Shape(1, 1, 200)
    )
    many = dataclasses.replace(
        BY_NAME["W1"], title="8 KB, eight senders", shape=Shape(8, 1, 250), quick=Shape(8, 1, 50)
    )
    large = dataclasses.replace(
        BY_NAME["W2"], title="512 KB, one sender", shape=Shape(1, 1, 200), quick=Shape(1, 1, 50)
    )
    variants = (("", ()), (" --fsync", ("--fsync",)))
    tables, rounds = _compare(
        options, [single, many, large], "disk", ("debian-nd", "dcmrecv"), variants, only_ours=True
    )
    return f"--fsync on disk, median of {rounds}", tables


def workers(options: argparse.Namespace) -> tuple[str, list[Table]]:
    """Return W6 with one process and two."""
    variants = (("", ()), (" --workers 2", ("--workers", "2")))
    base = ("debian-nd", "reference-nd", "limit", "dcmrecv")
    many = dataclasses.replace(
        BY_NAME["W5"], title="eight senders of W5", shape=Shape(8, 250, 1), quick=Shape(8, 50, 1)
    )
    tables, rounds = _compare(options, [BY_NAME["W6"], many], "tmpfs", base, variants, only_ours=True)
    return f"Workers, median of {rounds}", tables
