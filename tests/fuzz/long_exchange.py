"""The long run: PDU sequences at random, the usual exchange against the general path, compiled against source.

    python -m tests.fuzz.long_exchange --sequences 10000000 [--seed 1] [--processes 2]

A sequence is a dialogue of up to seven messages, cut anywhere (`tests.support.pdu_sequences`). It prints the first
difference, if there is one, as a plan that can be played again, and how many sequences were the same. Every tenth
sequence is played by the source as well.
"""

from __future__ import annotations

import argparse
import random
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from typing import NoReturn

from tests.support import pdu_sequences
from tests.support.source_form import source_form
from tests.wire import peer

BATCH = 20_000
"""Sequences between two reports; every tenth of them is played by the source, too."""


def run(first: int, count: int, seed: int) -> int:
    """Play *count* sequences; return how many were the same, which is all of them, or end with the difference."""
    settings = peer.settings("RoleBoth")
    chance = random.Random(seed * 1_000_003 + first)
    begin = time.monotonic()
    with source_form() as source:
        for start in range(0, count, BATCH):
            plans = [pdu_sequences.sequence(chance) for _ in range(min(BATCH, count - start))]
            by_source = source.submit(pdu_sequences.stories, plans[::10])
            for number, plan in enumerate(plans, start):
                different = pdu_sequences.compare(settings, plan)
                if different is not None:
                    end(f"sequence {number} from {first}, seed {seed}", plan, *different)
            for plan, here, there in zip(
                plans[::10], pdu_sequences.stories(plans[::10]), by_source.result(), strict=True
            ):
                if here != there:
                    end(f"compiled against source, from {first}, seed {seed}", plan, here, there)
            speed = (start + len(plans)) / (time.monotonic() - begin)
            print(f"{first}+{start + len(plans)} the same, {speed:.0f} a second", flush=True)
    return count


def end(what: str, plan: pdu_sequences.Plan, one: object, other: object) -> NoReturn:
    """Print a difference and end."""
    print(f"{what}: {plan}\n  {one}\n  {other}")
    sys.exit(1)


def main() -> None:
    """Run as the docstring of this module says."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--sequences", type=int, default=10_000_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--processes", type=int, default=1)
    options = parser.parse_args()
    share = options.sequences // options.processes
    parts = [(number * share, share, options.seed) for number in range(options.processes)]
    with ProcessPoolExecutor(options.processes) as pool:  # unlike Pool, its processes may have children
        print(sum(pool.map(run, *zip(*parts, strict=True))), "sequences, all the same")


if __name__ == "__main__":
    main()
