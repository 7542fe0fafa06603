"""Value representations: header form, padding, width (PS3.5 6.2, 7.1.2; spec/storage.md 3.1 T3, T7)."""

from __future__ import annotations

from typing import NamedTuple

__all__ = ["INFO", "VrInfo", "describe"]

PAD_NONE = 0
"""Odd values stay odd."""
PAD_TEXT = 1
"""Padded with a blank (UI: NUL); the pad byte counts in group lengths."""
PAD_BINARY = 2
"""Padded with NUL; the pad byte does not count in group lengths."""


class VrInfo(NamedTuple):
    """How the reference reads and writes one VR."""

    name: str
    """As the reference names it; ``??`` for unknown ones."""
    long: bool
    """12 byte header when read in explicit VR (2 reserved bytes, 4 byte length)."""
    width: int
    """Bytes per unit for swapping; 0: no values of its own."""
    pad: int
    written: str
    """VR of the output in explicit VR."""
    standard: bool


_TEXT = ("AE", "AS", "CS", "DA", "DS", "DT", "IS", "LO", "LT", "PN", "SH", "ST", "TM", "UI")
_LONG_TEXT = ("UC", "UR", "UT")
_SHORT_NUMBERS = {"AT": 2, "FL": 4, "FD": 8, "SL": 4, "SS": 2, "UL": 4, "US": 2}
_LONG_NUMBERS = {"OD": 8, "OF": 4, "OL": 4, "OV": 8, "OW": 2, "SV": 8, "UV": 8}


def _table() -> dict[str, VrInfo]:
    table = {}
    for name in _TEXT:
        table[name] = VrInfo(name, False, 1, PAD_TEXT, name, True)
    for name in _LONG_TEXT:
        table[name] = VrInfo(name, True, 1, PAD_TEXT, name, True)
    for name, width in _SHORT_NUMBERS.items():
        table[name] = VrInfo(name, False, width, PAD_NONE, name, True)
    for name, width in _LONG_NUMBERS.items():
        table[name] = VrInfo(name, True, width, PAD_NONE, name, True)
    for name in ("OB", "UN"):
        table[name] = VrInfo(name, True, 1, PAD_BINARY, name, True)
    table["SQ"] = VrInfo("SQ", True, 0, PAD_NONE, "SQ", True)
    # The reference's internal VRs, which it also understands on the wire.
    table["ox"] = VrInfo("ox", True, 1, PAD_BINARY, "OB", False)
    table["px"] = VrInfo("px", True, 1, PAD_NONE, "OW", False)
    table["lt"] = VrInfo("lt", True, 2, PAD_NONE, "OW", False)
    table["xs"] = VrInfo("xs", False, 2, PAD_NONE, "US", False)
    table["up"] = VrInfo("up", False, 4, PAD_NONE, "UL", False)
    table["na"] = VrInfo("na", False, 0, PAD_NONE, "UN", False)
    table["pi"] = VrInfo("pi", False, 1, PAD_NONE, "UN", False)
    return table


INFO = _table()
FUTURE = VrInfo("??", True, 1, PAD_BINARY, "UN", False)
"""Two upper-case letters that are no VR of 3.6.8: taken for a VR to come, with 4 byte length."""
ILLEGAL = VrInfo("??", False, 1, PAD_BINARY, "UN", False)
"""Anything else: 2 byte length."""
UNKNOWN = FUTURE
"""Implicit VR, tag not in the dictionary."""


def describe(code: bytes) -> VrInfo:
    """Return how the two VR bytes *code* of an explicit VR header are read."""
    info = INFO.get(code.decode("latin-1"))
    if info is None:
        info = FUTURE if all(65 <= c <= 90 for c in code) else ILLEGAL
    return info
