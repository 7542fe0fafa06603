"""The fuzz target itself works, and a short run of it finds nothing."""

from __future__ import annotations

import pytest
from bench.dicom import element

from tests.fuzz import fuzz_data_set, scan_oracle
from tests.fuzz.fuzz_data_set import one_input, seeds
from tests.fuzz.mutations import run_random
from tests.support.source_form import source_form
from tests.unit.dataset.rewriting import rewrite


def test_seeds_are_clean_data_sets() -> None:
    stored = 0
    for data in seeds():
        one_input(data)
        if data[0] in (fuzz_data_set.IMPLICIT_LE, fuzz_data_set.EXPLICIT_LE):
            stored += bool(rewrite(data[2:], fuzz_data_set.SYNTAXES[data[0]]).data)
    assert stored > 20


def test_a_cut_in_encapsulated_data_of_a_native_syntax_is_the_exception() -> None:
    start = element(0x00080016, b"UI", b"1.2.3\0") + bytes.fromhex("e07f10004f420000ffffffff")
    data = start + bytes.fromhex("feff00e000000000feff00e004000000ffd8ffd9feffdde000000000")
    for cut in range(1, 60):
        one_input(bytes((1, cut)) + data)
    assert fuzz_data_set.outcome(data, b"1.2.840.10008.1.2.1", 40) == fuzz_data_set.CUT_ENCAPSULATED
    assert fuzz_data_set.outcome(data, b"1.2.840.10008.1.2.1", None) == data


def test_a_short_run() -> None:
    assert run_random(one_input, seeds, 0.5) > 0


def test_a_difference_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fuzz_data_set, "outcome", lambda data, syntax, cut: data[: cut or 0])
    with pytest.raises(AssertionError):
        run_random(one_input, seeds, 0.5)


def test_single_steps_and_the_source_say_the_same() -> None:
    """Longer: ``python -m tests.fuzz.scan_oracle``."""
    made = [case for seed in range(1, 13) for case in scan_oracle.cases(seed)]
    with source_form() as source:
        by_source = source.submit(scan_oracle.outcomes, made)
        expected = scan_oracle.outcomes(made, single_steps=True)
        assert scan_oracle.outcomes(made) == expected
        assert by_source.result() == expected
