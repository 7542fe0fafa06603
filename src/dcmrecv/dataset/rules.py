"""How the scanner knows elements that it may pass over: their VR, or in implicit VR the dictionary's.

A rule is a number: 0 the complete step's business; `OPENS` a sequence; else the bits that must be 0 in the length
of a value (every value has an even length, and a whole number of units: PS3.5 6.2, 7.1.1), with `SHORT` where the
header has 8 bytes (PS3.5 7.1.2).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from dcmrecv.dataset.tags import SERIES_DATE, SOP_CLASS_UID, SOP_INSTANCE_UID, WAVEFORM_BITS_ALLOCATED
from dcmrecv.dataset.vr import INFO

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

__all__ = ["EXPLICIT", "LONG", "OPENS", "SHORT", "Rules", "implicit_rules", "mark"]

SHORT, LONG, OPENS = 0x10, 0x20, 0x40
_LARGEST_RANGE = 65_536
"""Tags of a dictionary's range that are written out one by one."""
_SPECIAL = {"SQ": OPENS, "na": 0, "pi": 0}
"""Rules of the dictionary's VRs; values of all others differ only in what an odd length leads to."""
_CAPTURED = {SOP_CLASS_UID: "UI", SOP_INSTANCE_UID: "UI", SERIES_DATE: "DA"}


class Rules(NamedTuple):
    """How the scanner reads headers in one encoding; in implicit VR with one dictionary."""

    explicit: bool
    table: bytes
    """Explicit VR: the rule by the VR, read as a number. Implicit VR: not 0 by `mark` where `special` may have one."""
    special: dict[int, int]
    """Implicit VR: by tag the rules of what is not an ordinary value."""
    private: int
    """Implicit VR: the bit that makes a tag the complete step's business where there are private creators."""


def _by_vr() -> bytes:
    table = bytearray(1 << 16)
    for name, info in INFO.items():
        if info.standard:
            bits = OPENS if name == "SQ" else (LONG if info.long else SHORT) | max(info.width, 2) - 1
            table[int.from_bytes(name.encode(), "little")] = bits
    return bytes(table)


EXPLICIT = Rules(True, _by_vr(), {}, 0)


def mark(tag: int) -> int:
    """Return where `Rules.table` knows of *tag*, and of some others."""
    return (tag ^ tag >> 16) & 0xFFFF


def implicit_rules(
    exact: Mapping[int, tuple[str, str]], ranges: Iterable[tuple[range, range, str]], has_private: bool
) -> Rules | None:
    """Return the rules for a dictionary: VR and name by tag, and VRs of ranges of groups and elements.

    None if a range that is not of ordinary values is too large: every element is the complete step's then.
    """
    special = {WAVEFORM_BITS_ALLOCATED: 0}
    for groups, elements, vr in ranges:
        if vr in _SPECIAL:
            if len(groups) * len(elements) > _LARGEST_RANGE:
                return None
            special.update((group << 16 | element, 0) for group in groups for element in elements)
    special.update((tag, _SPECIAL[vr]) for tag, (vr, _) in exact.items() if vr in _SPECIAL)
    special.update((tag, 0) for tag, vr in _CAPTURED.items() if exact.get(tag, ("",))[0] != vr)
    table = bytearray(1 << 16)
    for tag in special:
        table[mark(tag)] = 1
    return Rules(False, bytes(table), special, 0x10000 if has_private else 0)
