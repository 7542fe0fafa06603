"""How numbers are read: the reference's rule for its own options, a strict one for ours (spec/cli.md c)."""

from __future__ import annotations

__all__ = ["parse_amount", "parse_size", "parse_unsigned"]

_WORD = 1 << 64
_SPACE = " \t\n\v\f\r"
_DIGITS = "0123456789"
_UNITS = {"": 1, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30, "T": 1 << 40}
_MAX_DIGITS = 20
"""Significant digits that can stay below 2**64; more saturate without being converted."""


def parse_unsigned(text: str) -> int | None:
    """Return the leading number of *text* as an unsigned 64-bit value, or None if there is none.

    White space, a sign, decimal digits; whatever follows is ignored. A minus sign negates modulo 2**64; a
    magnitude of 2**64 or more becomes 2**64 - 1 whatever its sign.
    """
    rest = text.lstrip(_SPACE)
    negative = rest.startswith("-")
    if rest.startswith(("+", "-")):
        rest = rest[1:]
    digits = rest[: len(rest) - len(rest.lstrip(_DIGITS))]
    if not digits:
        return None
    significant = digits.lstrip("0")
    if len(significant) > _MAX_DIGITS or (value := int(significant or "0")) >= _WORD:
        return _WORD - 1
    return (_WORD - value) % _WORD if negative else value


def parse_amount(text: str) -> float | None:
    """Return *text* as a plain decimal number with an optional fraction, or None."""
    whole, point, fraction = text.partition(".")
    if not whole or len(text) > _MAX_DIGITS or (point and not fraction):
        return None
    if (whole + fraction).strip(_DIGITS):
        return None
    return float(text)


def parse_size(text: str) -> int | None:
    """Return *text*, whole digits and an optional binary unit K, M, G or T, as bytes, or None."""
    digits = text.rstrip("KMGTkmgt")
    unit = _UNITS.get(text[len(digits) :].upper())
    if unit is None or not digits or digits.strip(_DIGITS) or len(digits) > _MAX_DIGITS:
        return None
    return int(digits) * unit
