"""Floating point numbers as text, with the last digit that the reference shows.

It makes decimal digits by multiplying the fraction by ten again and again, in the arithmetic of the machine, and
rounds by the next digit alone. So its last digit is now and then not the one nearest to the number.
"""

from __future__ import annotations

import math

__all__ = ["number_text"]

_SMALLEST_PLAIN = 0.0001
"""Smaller numbers get an exponent."""


def number_text(number: float, digits: int) -> str:
    """Return *number* with at most *digits* significant digits, in the style of C's ``%g``."""
    if math.isnan(number):
        return "nan"
    sign = "-" if number < 0 else ""
    if math.isinf(number):
        return sign + "inf"
    fraction, whole = math.modf(abs(number))
    integer = _integer_digits(whole)
    if len(integer) > digits or (not integer and 0 < fraction < _SMALLEST_PLAIN):
        return _without_minus_zero(sign, _with_exponent(integer, fraction, digits))
    return _without_minus_zero(sign, _plain(integer, fraction, digits))


def _without_minus_zero(sign: str, text: str) -> str:
    return sign + text if text.strip("0.") else text


def _integer_digits(whole: float) -> str:
    shown = ""
    while whole:
        rest, whole = math.modf(whole / 10)
        shown = str(int((rest + 0.01) * 10)) + shown
    return shown


def _fraction_digits(fraction: float, count: int) -> tuple[str, float]:
    """Return up to *count* decimal digits of *fraction* and what is left of it."""
    shown = ""
    while count > 0 and fraction:
        fraction, digit = math.modf(fraction * 10)
        shown += str(int(digit))
        count -= 1
    return shown, fraction


def _rounded(digits: str, next_digit: int) -> str:
    """Return *digits*, one more in number where the rounding carries over."""
    if next_digit <= 4 or not digits:
        return digits
    return str(int(digits) + 1).zfill(len(digits))


def _plain(integer: str, fraction: float, digits: int) -> str:
    shown = integer or "0"
    decimals = ""
    left = digits - len(integer)
    if fraction and left:
        # The first decimal that is not zero counts with those in front of it as one.
        while True:
            fraction, digit = math.modf(fraction * 10)
            decimals += str(int(digit))
            if digit:
                break
        more, fraction = _fraction_digits(fraction, left - 1)
        decimals += more
    if fraction:
        both = _rounded(shown + decimals, int(fraction * 10))
        split = len(both) - len(decimals)
        shown, decimals = both[:split], both[split:]
    decimals = decimals.rstrip("0")
    return f"{shown}.{decimals}" if decimals else shown


def _with_exponent(integer: str, fraction: float, digits: int) -> str:
    left = digits - 1
    if integer:
        exponent = len(integer) - 1
        shown = integer[:digits]
        left = digits - len(shown)
        if len(integer) > digits:
            fraction = 0.0
            rounded = _rounded(shown, int(integer[digits]))
            if len(rounded) > len(shown):
                exponent += 1
            shown = rounded[:digits]
    else:
        exponent = -1
        while True:
            fraction, digit = math.modf(fraction * 10)
            if digit:
                break
            exponent -= 1
        shown = str(int(digit))
    more, fraction = _fraction_digits(fraction, left)
    shown += more
    if fraction:
        rounded = _rounded(shown, int(fraction * 10))
        if len(rounded) > len(shown):
            exponent += 1
            rounded = rounded[: len(shown)]
        shown = rounded
    mantissa = f"{shown[0]}.{shown[1:]}".rstrip("0").rstrip(".")
    return f"{mantissa}e{'-' if exponent < 0 else '+'}{abs(exponent):02d}"
