"""``python3 -m bench``: the side-by-side run. ``python3 -m bench FIGURE``: one of the other figures."""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from bench import figures, profiling
from bench.generator import Generator
from bench.report import cost_table, format_table, machine, throughput_table
from bench.run import cells, run_cell
from bench.targets import MODES, all_targets
from bench.workloads import WORKLOADS

__all__ = ["main"]

QUICK_TARGETS = ("debian-nd", "reference-nd", "limit", "dcmrecv")


def _words(text: str) -> list[str]:
    return [word for word in text.split(",") if word]


def _parse(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python3 -m bench", description=__doc__)
    add = parser.add_argument
    texts = [f"{name}: {text}" for name, (_, text) in figures.FIGURES.items()]
    add(
        "figure",
        nargs="?",
        choices=[*figures.FIGURES, "profile"],
        metavar="FIGURE",
        help="; ".join([*texts, "profile: where the receiver's time goes"]),
    )
    add("--dcmrecv", metavar="CMD", help="command of the receiver under test")
    add("--reference", metavar="PATH", help="a further reference binary")
    add("--reference-dictionary", metavar="PATH", help="its DCMDICTPATH")
    add("--targets", type=_words, default=[], help="e.g. debian,debian-nd,pynetdicom,limit,dcmrecv")
    add("--rounds", type=int, help="rounds in alternation (default 5, quick 1)")
    add("--quick", action="store_true", help="fewer and smaller; under two minutes")
    add("--only", type=_words, default=[], help="workloads, e.g. W1,W3")
    add("--modes", type=_words, default=[], help="normal,bit,ignore")
    add("--pdu", type=_words, default=["16384"], help="e.g. 16384,131072")
    add("--storage", type=_words, default=["tmpfs"], help="tmpfs,disk")
    add("--disk", type=Path, help="directory for --storage disk (default bench/.work/out)")
    add("--tls", type=_words, default=["plain"], help="plain,tls (tls: W1 to W3)")
    add("--extra", default="", help="further options for DCMTK-like receivers, separated by spaces")
    add("--count", type=int, default=0, help="how many (startup, stall, endurance, memory)")
    add("--markdown", type=Path, metavar="FILE", help="append the tables to FILE")
    add("--json", type=Path, metavar="FILE", help="write every figure to FILE")
    add("--pure-python", action="store_true", help="use the generator's Python twin")
    add("--tool", choices=("cprofile", "perf", "strace"), default="cprofile", help="for profile")
    add("--lines", type=int, default=25, help="lines that profile prints")
    return parser.parse_args(arguments)


def _write(options: argparse.Namespace, title: str, tables: Sequence[list[list[str]]]) -> None:
    heading = f"{title} ({machine()})"
    sys.stdout.write(f"{heading}\n\n")
    for table in tables:
        sys.stdout.write(format_table(table, markdown=False) + "\n")
    if options.markdown:
        with options.markdown.open("a", encoding="utf-8") as file:
            file.write(f"### {title}\n\n{machine()}\n\n")
            for table in tables:
                file.write(format_table(table, markdown=True) + "\n")


def _compare(options: argparse.Namespace) -> int:
    wanted = options.targets or (list(QUICK_TARGETS) if options.quick else [])
    targets = all_targets(
        ours=options.dcmrecv,
        reference=options.reference,
        dictionary=options.reference_dictionary,
        wanted=wanted,
    )
    only = options.only
    workloads = [w for w in WORKLOADS if not only or w.name in only or w.name.rstrip("sd") in only]
    modes = options.modes or (["normal", "bit"] if options.quick else list(MODES))
    rounds = options.rounds or (1 if options.quick else 5)
    matrix = cells(
        workloads,
        modes,
        [int(pdu) for pdu in options.pdu],
        options.storage,
        [word == "tls" for word in options.tls],
    )
    generator = Generator(pure_python=options.pure_python)
    results = []
    try:
        for cell in matrix:
            start = time.monotonic()
            extra = tuple(options.extra.split())
            measured = run_cell(
                cell, targets, generator, rounds=rounds, quick=options.quick, disk=options.disk, extra=extra
            )
            results.append((cell, measured))
            sys.stderr.write(f"{cell.title}: {time.monotonic() - start:.1f} s\n")
    finally:
        generator.close()
    title = f"Throughput, median of {rounds}"
    _write(options, title, [throughput_table(results), cost_table(results)])
    if options.json:
        entries = [
            {
                "workload": cell.workload.name,
                "mode": cell.mode,
                "max_pdu": cell.max_pdu,
                "storage": cell.storage,
                "tls": cell.tls,
                "unit": cell.workload.unit,
                "targets": [entry.as_json() for entry in measured],
            }
            for cell, measured in results
        ]
        text = json.dumps({"machine": machine(), "rounds": rounds, "cells": entries}, indent=1)
        options.json.write_text(text + "\n")
    return 1 if any(entry.problems for _, measured in results for entry in measured) else 0


def main(arguments: Sequence[str] | None = None) -> int:
    """Run what the command line asks for; return the exit status."""
    options = _parse(sys.argv[1:] if arguments is None else arguments)
    if options.figure is None:
        return _compare(options)
    if options.figure == "profile":
        return profiling.run(options)
    title, tables = figures.FIGURES[options.figure][0](options)
    _write(options, title, tables)
    return 0


if __name__ == "__main__":
    sys.exit(main())
