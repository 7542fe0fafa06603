"""`dcmrecv.dataset.number_text`; expected texts are the reference's."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dcmrecv.dataset.number_text import number_text


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (0.0, "0"),
        (-0.0, "0"),
        (1.0, "1"),
        (-2.5, "-2.5"),
        (2.01018719e-25, "2.01018719e-25"),
        (3291.037109375, "3291.037109"),
        (-495154.09375, "-495154.0938"),
        (12934.0830078125, "12934.08301"),
        (999999999.5, "1000000000"),
        (9999999999.0, "1e+10"),
        (123456789012.0, "1.23456789e+11"),
        (math.inf, "inf"),
        (-math.inf, "-inf"),
        (math.nan, "nan"),
    ],
)
def test_single(number: float, text: str) -> None:
    assert number_text(number, 9) == text


def test_double() -> None:
    assert number_text(0.0001, 17) == "0.0001"
    assert number_text(-3.8569512869883135e175, 17) == "-3.8569512869883135e+175"


@given(st.floats(-1e300, 1e300))
def test_is_near_the_number(number: float) -> None:
    assert math.isclose(float(number_text(number, 17)), number, rel_tol=1e-12, abs_tol=1e-300)
