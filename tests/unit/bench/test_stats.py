"""The statistics behind the tables."""

from __future__ import annotations

import pytest
from bench.stats import paired_ratio, percentile, significant


def test_percentile_is_by_nearest_rank() -> None:
    values = [float(value) for value in range(100, 0, -1)]
    assert percentile(values, 50) == 50
    assert percentile(values, 99) == 99
    assert percentile(values, 100) == 100
    assert percentile([3.0], 1) == 3.0


def test_percentile_of_nothing() -> None:
    with pytest.raises(ValueError, match="no values"):
        percentile([], 50)


def test_ratio_is_paired_by_round() -> None:
    assert paired_ratio([10.0, 40.0, 30.0], [5.0, 10.0, 10.0]) == 3.0


def test_ratio_skips_failed_rounds() -> None:
    assert paired_ratio([10.0, None, 30.0], [5.0, 1.0, None]) == 2.0
    assert paired_ratio([None], [1.0]) is None
    assert paired_ratio([], []) is None


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "–"),
        (0.0, "0"),
        (0.01234, "0.0123"),
        (12.345, "12.3"),
        (999.6, "1,000"),
        (1234567.0, "1,234,567"),
    ],
)
def test_significant_digits(value: float | None, text: str) -> None:
    assert significant(value) == text
