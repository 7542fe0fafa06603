"""How long the program takes to say something or to listen, and what it does while it waits."""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time

from bench.run import storage_directory
from bench.stats import median, significant
from bench.targets import Server, Settings, Target, all_targets

__all__ = ["startup"]

BASELINE = (sys.executable, "-c", "import argparse, ssl")
SETTLE_SECONDS = 1.0
IDLE_SECONDS = 1.0
CASES = (("--help", ("--help",)), ("--version", ("--version",)), ("syntax error", ("--no-such-option",)))


def _seconds(command: tuple[str, ...], environment: dict[str, str]) -> float:
    start = time.monotonic()
    subprocess.run(
        command,
        env={**os.environ, **environment},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        check=False,
    )
    return time.monotonic() - start


def _listening(target: Target) -> tuple[float, float, int]:
    """Return seconds to listening, CPU seconds while idle, resident bytes after the start."""
    with Server(target, Settings(), storage_directory("tmpfs")) as server:
        time.sleep(SETTLE_SECONDS)  # a receiver may open its port before it has loaded everything
        settled = server.usage().cpu
        time.sleep(IDLE_SECONDS)
        idle = server.usage()
        return server.seconds_to_listen, idle.cpu - settled, idle.rss


def imports(limit: int = 12) -> list[list[str]]:
    """Return the modules that cost most when the package's entry point is imported."""
    command = [sys.executable, "-X", "importtime", "-c", "import dcmrecv.__main__"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    entries = []
    for line in done.stderr.splitlines():
        words = line.removeprefix("import time:").split("|")
        if len(words) == 3 and words[0].strip().isdigit():
            entries.append((int(words[0]), int(words[1]), words[2].strip()))
    rows = [["module", "self ms", "with its imports ms"]]
    for own, total, name in sorted(entries, reverse=True)[:limit]:
        rows.append([name, f"{own / 1000:.1f}", f"{total / 1000:.1f}"])
    return rows


def startup(options: argparse.Namespace) -> tuple[str, list[list[list[str]]]]:
    """Return the start-up times of the reference, of us and of a bare interpreter."""
    rounds = options.count or options.rounds or (3 if options.quick else 11)
    targets = [
        target
        for target in all_targets(
            ours=options.dcmrecv,
            reference=options.reference,
            dictionary=options.reference_dictionary,
            wanted=options.targets,
        )
        if target.kind != "sink" and not target.name.endswith("-nd")
    ]
    times: dict[tuple[str, str], list[float]] = {}
    idle: dict[str, tuple[float, int]] = {}
    for _ in range(rounds):
        times.setdefault(("python", "import argparse, ssl"), []).append(_seconds(BASELINE, {}))
        for target in targets:
            for title, arguments in CASES:
                seconds = _seconds((*target.command, *arguments), target.environment)
                times.setdefault((target.name, title), []).append(seconds)
        for target in targets:
            seconds, cpu, rss = _listening(target)
            times.setdefault((target.name, "listening"), []).append(seconds)
            before = idle.get(target.name, (0.0, 0))
            idle[target.name] = (max(before[0], cpu), max(before[1], rss))
    titles = [title for title, _ in CASES] + ["listening"]
    rows = [["", *(f"{title}, ms" for title in titles), "idle CPU ms/s", "idle RSS MiB"]]
    for target in targets:
        row = [target.name]
        for title in titles:
            row.append(significant(median(times[target.name, title]) * 1000))
        cpu, rss = idle[target.name]
        rows.append([*row, significant(cpu * 1000 / IDLE_SECONDS), f"{rss / 2**20:.0f}"])
    baseline = significant(median(times["python", "import argparse, ssl"]) * 1000)
    rows.append(["python -c 'import argparse, ssl'", baseline, *["–"] * 5])
    tables = [rows]
    if any(target.ours for target in targets):
        tables.append(imports())
    return f"Start, median of {rounds}", tables
