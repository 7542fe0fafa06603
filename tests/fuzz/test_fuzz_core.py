"""The fuzz target itself works, and a short run of it finds nothing."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.fuzz.fuzz_core import one_input, seeds
from tests.fuzz.mutations import run_random

_CORPUS = Path(__file__).parent / "corpus" / "core"


def test_seeds_are_played() -> None:
    for data in seeds():
        one_input(data)
        for how in (1, 2, 3, 4, 9):
            one_input(bytes((how,)) + data[1:])


def test_a_short_run() -> None:
    assert run_random(one_input, seeds, 0.5) > 0


@pytest.mark.parametrize("how", range(0, 32, 5))
def test_the_corpus_is_played(how: int) -> None:
    files = sorted(_CORPUS.iterdir())
    assert len(files) > 100
    for file in files:
        data = file.read_bytes()
        one_input(data)
        one_input(bytes((how,)) + data[1:])
