"""What the fuzz targets share: mutation at random, and the two ways to run a target."""

from __future__ import annotations

import random
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

__all__ = ["run", "run_random"]

Target = Callable[[bytes], None]
Seeds = Callable[[], Iterator[bytes]]


def mutate(source: random.Random, corpus: Sequence[bytes]) -> bytes:
    """Return one of *corpus* with one to five small changes."""
    data = bytearray(source.choice(corpus))
    for _ in range(source.randrange(1, 6)):
        at = source.randrange(len(data))
        choice = source.randrange(4)
        if choice == 0:
            data[at] = source.choice((0, 1, 2, 3, 4, 0x7F, 0x80, 0xFF, source.randrange(256)))
        elif choice == 1:
            del data[at : at + source.randrange(1, 9)]
        elif choice == 2:
            data[at:at] = source.choice(corpus)[: source.randrange(40)]
        else:
            data[at:at] = source.randbytes(source.randrange(8))
        if not data:
            data += b"\0\1"
    return bytes(data)


def run_random(target: Target, seeds: Seeds, seconds: float, seed: int = 1) -> int:
    """Mutate the seeds at random for *seconds*; return the number of inputs played."""
    source = random.Random(seed)
    corpus = list(seeds())
    end = time.monotonic() + seconds
    count = 0
    while time.monotonic() < end:
        data = mutate(source, corpus)
        try:
            target(data)
        except BaseException:
            sys.stderr.write(f"input: {data.hex()}\n")
            raise
        count += 1
    return count


def run(arguments: Sequence[str], target: Target, seeds: Seeds) -> None:
    """Do what the command line of a fuzz target asks for."""
    if arguments[1:2] == ["--seed"]:
        for number, data in enumerate(seeds()):
            (Path(arguments[2]) / f"seed-{number}").write_bytes(data)
    elif arguments[1:2] == ["--seconds"]:
        print(run_random(target, seeds, float(arguments[2]), seed=time.time_ns()), "inputs")
    else:
        import atheris  # optional, needed only here

        atheris.instrument_all()
        atheris.Setup(list(arguments), target)
        atheris.Fuzz()
