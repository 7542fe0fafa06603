"""The data dictionary: VRs and names of elements (spec/logging.md D.2; spec/storage.md 3.3).

Only what a receiver needs: whether an element is a sequence, how its odd values are padded, what it is called.
The built-in table is a data file that is read when it is first asked for; explicit VR data without anything to
say about never asks.
"""

from __future__ import annotations

from typing import NamedTuple

from dcmrecv import conditions
from dcmrecv.conditions import Condition
from dcmrecv.dataset.rules import Rules, implicit_rules

__all__ = ["DataDictionary", "TagRange", "builtin_dictionary"]

UNKNOWN_NAME = "Unknown Tag & Data"
UNKNOWN_VR = "??"
_GROUP_LENGTH = ("UL", "GenericGroupLength")
_DELIMITERS = {
    0xFFFEE000: ("na", "Item"),
    0xFFFEE00D: ("na", "ItemDelimitationItem"),
    0xFFFEE0DD: ("na", "SequenceDelimitationItem"),
}


class TagRange(NamedTuple):
    """Limits of a range entry; restrictions are ``"e"``, ``"o"`` or ``""``."""

    low_group: int
    high_group: int
    group_restriction: str
    low_element: int
    high_element: int
    element_restriction: str
    creator: bytes | None = None

    def __contains__(self, key: object) -> bool:
        """Whether the tag (a number) lies in the range; the creator is not looked at."""
        if not isinstance(key, int):
            return False
        group = key >> 16
        element = key & 0xFFFF
        if self.group_restriction and group & 1 != (self.group_restriction == "o"):
            return False
        if self.element_restriction and element & 1 != (self.element_restriction == "o"):
            return False
        return self.low_group <= group <= self.high_group and self.low_element <= element <= self.high_element

    def is_subset(self, other: TagRange) -> bool:
        """Whether an entry with this range goes before one with *other*."""
        return (
            self.low_group >= other.low_group
            and self.high_group <= other.high_group
            and self.low_element >= other.low_element
            and self.high_element <= other.high_element
            and self.creator == other.creator
        )


GENERIC_GROUP_LENGTH = TagRange(0, 0xFFFF, "", 0, 0, "")


class DataDictionary:
    """Entries by tag, by private creator and tag, and by range; later entries replace earlier ones.

    `loaded` is the reference's flag (spec/logging.md D.3).
    """

    def __init__(self) -> None:
        self.exact: dict[int, tuple[str, str]] = dict(_DELIMITERS)
        self.private: dict[tuple[int, bytes], tuple[str, str]] = {}
        self.ranges: list[tuple[TagRange, tuple[str, str]]] = [(GENERIC_GROUP_LENGTH, _GROUP_LENGTH)]
        self.loaded = False
        self._rules: tuple[Rules | None] | None = None

    @property
    def rules(self) -> Rules | None:
        """What the scanner may pass over in implicit VR with this dictionary; None: nothing."""
        if self._rules is None:
            ranges = [
                (
                    range(limits.low_group, limits.high_group + 1),
                    range(limits.low_element, limits.high_element + 1),
                    vr,
                )
                for limits, (vr, _) in self.ranges
                if not limits.creator
            ]
            self._rules = (implicit_rules(self.exact, ranges, self.has_private),)
        return self._rules[0]

    @property
    def has_private(self) -> bool:
        """There are entries with a private creator."""
        return bool(self.private) or any(limits.creator for limits, _ in self.ranges)

    def add(self, tag: int, vr: str, name: str, creator: bytes | None = None) -> None:
        """Add or replace the entry of one tag."""
        if creator:
            self.private[tag, creator] = (vr, name)
        else:
            self.exact[tag] = (vr, name)
        self._rules = None

    def add_range(self, limits: TagRange, vr: str, name: str) -> None:
        """Add or replace a range entry; a subset goes before the range it is part of."""
        entry = (limits, (vr, name))
        for index, (other, _) in enumerate(self.ranges):
            if other == limits:
                self.ranges[index] = entry
                break
            if limits.is_subset(other):
                self.ranges.insert(index, entry)
                break
        else:
            self.ranges.append(entry)
        self._rules = None

    def lookup(self, tag: int, creator: bytes | None = None) -> tuple[str, str] | None:
        """Return (VR, name) of *tag*; *creator* is the private creator's value byte for byte."""
        entry = self.exact.get(tag)
        if entry is not None:
            return entry
        if creator:
            private = self.private
            entry = private.get((tag, creator)) or private.get((tag & 0xFFFF00FF, creator))
            if entry is not None:
                return entry
        for limits, entry in self.ranges:
            if tag in limits and (limits.creator or None) == (creator or None):
                return entry
        return None

    def vr(self, tag: int, creator: bytes | None = None) -> str:
        """Return the VR of *tag*, ``??`` if it is not in the dictionary."""
        entry = self.lookup(tag, creator)
        return UNKNOWN_VR if entry is None else entry[0]

    def name(self, tag: int, creator: bytes | None = None) -> str:
        """Return the name of *tag* as the reference prints it."""
        entry = self.lookup(tag, creator)
        return UNKNOWN_NAME if entry is None else entry[1]

    @property
    def dimse_obstacle(self) -> Condition | None:
        """Why the reference would abort every association with this dictionary, if it would."""
        if not self.loaded:
            return conditions.NO_DICTIONARY
        return None if self.vr(0x00000100) == "US" else conditions.MISSING_COMMAND_FIELD


_builtin: DataDictionary | None = None


def builtin_dictionary() -> DataDictionary:
    """Return the built-in dictionary: the standard's elements as DCMTK 3.6.8 names them, no private ones."""
    global _builtin
    if _builtin is None:
        from importlib.resources import files  # 8 ms to import, and few receivers ever get here

        dictionary = DataDictionary()
        text = files("dcmrecv.dataset").joinpath("data/dictionary.txt").read_text("ascii")
        exact = dictionary.exact
        for line in text.splitlines():
            if line[0] == "#":
                continue
            tag, vr, name = line.split(" ")
            if len(tag) == 8:
                exact[int(tag, 16)] = (vr, name)
            else:
                group, element = tag.split(",")
                dictionary.add_range(TagRange(*_limits(group), *_limits(element)), vr, name)
        dictionary.loaded = True
        _builtin = dictionary
    return _builtin


def _limits(text: str) -> tuple[int, int, str]:
    """Return low, high and restriction of ``lo-hi`` followed by an optional e or o."""
    restriction = ""
    if text[-1] in "eo" and "-" in text:
        restriction = text[-1]
        text = text[:-1]
    low, _, high = text.partition("-")
    return int(low, 16), int(high or low, 16), restriction
