"""The long run: PDU sequences at random, the usual exchange against the general path, compiled against source.

    python -m tests.fuzz.long_exchange --sequences 10000000 [--seed 1] [--processes 2]

A sequence is a dialogue of up to seven messages, cut anywhere (`tests.support.pdu_sequences`). It prints the first
difference, if there is one, as a plan that can be played again, and how many sequences were the same. Every tenth
sequence is played with the source of `dcmrecv.core.exchange` as well.
"""

from __future__ import annotations

import argparse
import multiprocessing
import random
import sys
import time

from dcmrecv.core import acceptor as acceptor_module
from dcmrecv.core import exchange
from tests.support import pdu_sequences
from tests.support.source_module import source_of
from tests.wire import peer

REPORT_EVERY = 20_000


def run(first: int, count: int, seed: int) -> int:
    """Play *count* sequences; return how many were the same, which is all of them, or end with the difference."""
    settings = peer.settings("RoleBoth")
    source = source_of("dcmrecv.core.exchange")
    chance = random.Random(seed * 1_000_003 + first)
    begin = time.monotonic()
    for number in range(count):
        plan = pdu_sequences.sequence(chance)
        different = pdu_sequences.compare(settings, plan)
        if different is None and number % 10 == 0:
            for module in (source, exchange):
                acceptor_module.frame_request = module.frame_request
                acceptor_module.frame_data_set = module.frame_data_set
                different = different or pdu_sequences.compare(settings, plan)
        if different is not None:
            print(f"sequence {number} from {first}, seed {seed}: {plan}\n  {different[0]}\n  {different[1]}")
            sys.exit(1)
        if number % REPORT_EVERY == REPORT_EVERY - 1:
            speed = number / (time.monotonic() - begin)
            print(f"{first}+{number + 1} the same, {speed:.0f} a second", flush=True)
    return count


def main() -> None:
    """Run as the docstring of this module says."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--sequences", type=int, default=10_000_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--processes", type=int, default=1)
    options = parser.parse_args()
    share = options.sequences // options.processes
    parts = [(number * share, share, options.seed) for number in range(options.processes)]
    with multiprocessing.Pool(options.processes) as pool:
        print(sum(pool.starmap(run, parts)), "sequences, all the same")


if __name__ == "__main__":
    main()
