"""The fuzz target itself works, and a short run of it finds nothing."""

from __future__ import annotations

from .fuzz_core import one_input, run_random, seeds


def test_seeds_are_played() -> None:
    for data in seeds():
        one_input(data)
        for how in (1, 2, 3, 4, 9):
            one_input(bytes((how,)) + data[1:])


def test_a_short_run() -> None:
    assert run_random(0.5) > 100
