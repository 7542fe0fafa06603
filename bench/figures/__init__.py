"""Figures other than throughput. Each takes the parsed command line and returns a title and tables."""

from __future__ import annotations

import argparse
from collections.abc import Callable

from bench.figures import costs, handlers, memory, rewriter, robustness, startup

__all__ = ["FIGURES"]

Figure = Callable[[argparse.Namespace], tuple[str, list[list[list[str]]]]]

FIGURES: dict[str, tuple[Figure, str]] = {
    "startup": (startup.startup, "time to listening, --help, --version, errors; imports; idle CPU"),
    "stall": (robustness.stall, "one good sender beside --count silent, dripping and half-open peers"),
    "endurance": (
        robustness.endurance,
        "--count associations and bare connects: memory, descriptors, threads",
    ),
    "logging": (costs.logging_levels, "the cost of -v and -d"),
    "fsync": (costs.fsync, "the cost of --fsync"),
    "handlers": (handlers.handlers, "one EVT_C_STORE handler, by pynetdicom's server and by ours"),
    "dataset": (rewriter.rewriter, "the normal-mode rewriter alone: elements/s, MB/s"),
    "workers": (costs.workers, "W6 with one and two workers"),
    "memory": (memory.memory, "per idle association and per transfer"),
}
