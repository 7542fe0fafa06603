"""The long run of the scanner against single steps, compiled against uncompiled: no form may differ in anything.

    python -m tests.fuzz.scan_oracle --cases 1000000 --seed 1

Each case is a data set, as it was generated or damaged, in one of the encodings, cut anywhere and fed in batches of
any size, with and without a listener. Compared are output, values for the meta header, notes, errors and after how
many fragments they came. A case that differs is printed with the seed that makes it again, and the exit code is 1.
``tests/unit/dataset/test_scan.py`` has a small part of this for every run of the suite.
"""

from __future__ import annotations

import argparse
import random
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import TypeAlias

from dcmrecv.compiled import compiled_modules
from tests.support.source_form import source_form
from tests.unit.dataset.generate import EXPLICIT, IMPLICIT, JPEG, Generator, Repetition
from tests.unit.dataset.rewriting import outcome

VARIANTS = 20
"""Cases made of one data set."""
LARGEST = 4000

Case: TypeAlias = tuple[bytes, bytes, list[int], dict[str, object]]


def data_set(seed: int) -> tuple[bytes, bytes]:
    """Return a data set and its transfer syntax."""
    chance = random.Random(seed)
    if chance.random() < 0.3:
        syntax = chance.choice((EXPLICIT, IMPLICIT))
        return Repetition(syntax, seed, clean=chance.random() < 0.5).data_set(), syntax
    generator = Generator(seed, chance.choice((0.0, 0.01, 0.04)))
    return generator.data_set(), generator.syntax


def damaged(data: bytes, chance: random.Random) -> bytes:
    """Return *data* with a few bytes changed, inserted, removed or repeated; of even length."""
    changed = bytearray(data)
    for _ in range(chance.choice((0, 0, 1, 1, 2, 5))):
        if len(changed) < 8:
            break
        at = chance.randrange(0, len(changed) - 4, 2)
        kind = chance.randrange(5)
        if kind == 0:
            changed[at] = chance.randrange(256)
        elif kind == 1:
            changed[at : at + 4] = chance.choice((b"\xff\xff\xff\xff", b"\xfe\xff\xff\xff", bytes(4)))
        elif kind == 2:
            changed[at : at + 2] = chance.choice((b"SQ", b"UN", b"OB", b"US", b"\0\0", b"\xfe\xff"))
        elif kind == 3:
            del changed[at : at + chance.choice((2, 8, 12))]
        else:
            end = at + chance.choice((8, 12, 40))
            changed[at:at] = changed[at:end]
    return bytes(changed[: len(changed) & ~1])


def cuts(size: int, chance: random.Random) -> list[int]:
    """Return even fragment sizes that add up to *size*."""
    mean = chance.choice((2, 12, 60, 600, 16372))
    found = []
    while size > 0:
        cut = min(size, 2 * (1 + int(chance.expovariate(2 / mean))), 16372)
        found.append(cut)
        size -= cut
    return found or [0]


def cases(seed: int) -> Iterator[Case]:
    """Yield the cases of *seed*: data set, transfer syntax, fragments, options."""
    data, syntax = data_set(seed)
    chance = random.Random(f"variants {seed}")
    for _ in range(VARIANTS):
        variant = damaged(data[:LARGEST], chance)
        options = {
            "noted": chance.random() < 0.6,
            "detailed": chance.choice((False, False, False, True)),
            "batch": chance.choice((1, 1, 3, 50)),
        }
        as_syntax = JPEG if syntax == EXPLICIT and chance.random() < 0.1 else syntax
        yield variant, as_syntax, cuts(len(variant), chance), options


def outcomes(made: Sequence[Case], *, single_steps: bool = False) -> list[tuple[object, ...]]:
    """Return what becomes of each case."""
    return [
        outcome(data, syntax, sizes, single_steps=single_steps, **how)  # type: ignore[arg-type]
        for data, syntax, sizes, how in made
    ]


def main() -> int:
    """Run; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cases", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    print("compiled here:", *compiled_modules())
    seen: Counter[str] = Counter()
    differences = 0
    start = time.monotonic()
    seed = options.seed * 10_000_000
    with source_form() as source:
        while seen["cases"] < options.cases:
            seed += 1
            made = list(cases(seed))
            by_source = source.submit(outcomes, made)
            by_steps = outcomes(made, single_steps=True)
            compared = zip(made, by_steps, outcomes(made), by_source.result(), strict=True)
            for number, (case, expected, *found) in enumerate(compared):
                seen["cases"] += 1
                seen["errors" if len(expected) == 3 else "stored"] += 1
                seen[case[1].decode()] += 1
                if found != [expected, expected]:
                    differences += 1
                    print(f"DIFFERENT: seed {seed}, case {number}", expected, *found, sep="\n  ", flush=True)
    print(dict(seen), f"{differences} differences, {time.monotonic() - start:.0f} s")
    return 1 if differences else 0


if __name__ == "__main__":
    sys.exit(main())
