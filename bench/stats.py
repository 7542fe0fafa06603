"""The little statistics that the tables need."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median

__all__ = ["median", "paired_ratio", "percentile", "significant"]


def percentile(values: Sequence[float], percent: float) -> float:
    """Return the value below which *percent* per cent of *values* lie, by nearest rank.

    Raises ValueError without values.
    """
    if not values:
        raise ValueError("no values")
    ordered = sorted(values)
    rank = -(-len(ordered) * percent // 100)
    return ordered[max(0, min(len(ordered), int(rank)) - 1)]


def paired_ratio(ours: Sequence[float | None], theirs: Sequence[float | None]) -> float | None:
    """Return the median of ours ÷ theirs of each round; None if no round has both.

    Pairing within a round takes out the drift of a shared machine.
    """
    ratios = [a / b for a, b in zip(ours, theirs, strict=False) if a is not None and b]
    return median(ratios) if ratios else None


def significant(value: float | None, digits: int = 3) -> str:
    """Return *value* with *digits* significant digits and thousands separators; a dash for None."""
    if value is None:
        return "–"
    if value == 0:
        return "0"
    if abs(value) >= 10 ** (digits - 1):
        return f"{value:,.0f}"
    return f"{value:.{digits}g}"
