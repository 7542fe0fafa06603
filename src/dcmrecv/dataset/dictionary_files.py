"""Data dictionary files and DCMDICTPATH (spec/logging.md D.1-D.3)."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator

from dcmrecv.dataset.dictionary import DataDictionary, TagRange, builtin_dictionary
from dcmrecv.dataset.vr import FUTURE, ILLEGAL, describe
from dcmrecv.files import read_file
from dcmrecv.text import from_bytes

__all__ = ["load_environment", "load_file"]

MAX_LINE = 2047
"""Bytes; the rest of a longer line is read as the next one."""
MAX_FIELDS = 6
MAX_TAG_PART = 63
MAX_FILE_SIZE = 64 << 20
"""Bytes of one dictionary file. The reference has no limit; the largest ones in use have 1 MB."""

_SPACE = b" \t\n\v\f\r"
_HEX = re.compile(rb"[ \t\n\v\f\r]*([+-]?(?:0[xX])?[0-9a-fA-F]+)")
# What may follow the matched part does not matter, except after a number.
_VM = re.compile(rb"[+-]?\d+(?:-[+-]?\d+(?:[nN]|\Z)|-?[nN]|\Z)|[nN]")

Report = Callable[[str, str], None]


class _BadField(Exception):
    pass


def load_environment(path: str | bytes | None, report: Report) -> Callable[[], DataDictionary]:
    """Return what gives the dictionary for the value of DCMDICTPATH.

    None or empty: the built-in dictionary, read when first asked for. Otherwise the files are read now, left to
    right. *report* is called with log lines as level letter and text (logger dcmdata).
    """
    if not path:
        return builtin_dictionary
    names = os.fsencode(path)
    dictionary = DataDictionary()
    parts = names.split(b":")
    failed = False
    for name in parts:
        if name or len(parts) == 1:
            failed |= not load_file(dictionary, name, report)
    if not failed:
        dictionary.loaded = True
    return lambda: dictionary


def load_file(dictionary: DataDictionary, name: bytes, report: Report) -> bool:
    """Add the entries of one file to *dictionary*; return whether there was no error.

    Sets `dictionary.loaded` as the reference does. Bad lines are reported and skipped.
    """
    shown = from_bytes(name)
    try:
        data = read_file(name, MAX_FILE_SIZE, wait=False)
    except OSError:
        report("E", f"DcmDataDictionary: Cannot open file: {shown}")
        return False
    report("D", f"DcmDataDictionary: Loading file: {shown}")
    good = True
    for number, line in enumerate(_lines(data), 1):
        stripped = line.strip(_SPACE)
        if not stripped or stripped.startswith(b"#"):
            continue
        if not _load_line(dictionary, line, f"DcmDataDictionary: {shown}: ", number, report):
            good = False
    dictionary.loaded = good
    return good


def _lines(data: bytes) -> Iterator[bytes]:
    for text in data.split(b"\n"):
        line = text + b"\n"
        for start in range(0, len(line), MAX_LINE):
            # What the C library's line reader hands out ends for DCMTK at the first NUL.
            yield line[start : start + MAX_LINE].split(b"\0", 1)[0].rstrip(_SPACE)


def _without_space(field: bytes) -> bytes:
    return field.translate(None, _SPACE)


def _load_line(dictionary: DataDictionary, line: bytes, prefix: str, number: int, report: Report) -> bool:
    fields = line.split(b"\t", MAX_FIELDS)[:MAX_FIELDS]
    if len(fields) < 3:
        report("E", f"{prefix}too few fields (line {number})")
        return False
    if len(fields) > 5:
        report("E", f"{prefix}too many fields (line {number}): ")
        return False
    good = True
    if len(fields) > 3:
        multiplicity = _without_space(fields[3])
        if not _VM.match(multiplicity):
            report("E", f"{prefix}bad VM field (line {number}): {from_bytes(multiplicity)}")
            good = False
    try:
        limits = _tag(fields[0], report)
    except _BadField:
        report("E", f"{prefix}bad Tag field (line {number}): {from_bytes(fields[0].strip(_SPACE))}")
        return False
    if not good:
        return False
    vr_field = _without_space(fields[1])
    info = describe(vr_field[:2]) if len(vr_field) > 1 else ILLEGAL
    if info is FUTURE:
        report("E", f"{prefix}bad VR field (line {number}): {from_bytes(vr_field)}")
        return False
    name = from_bytes(_without_space(fields[2]))
    if limits.low_group == limits.high_group and limits.low_element == limits.high_element:
        dictionary.add(limits.low_group << 16 | limits.low_element, info.name, name, limits.creator)
    else:
        dictionary.add_range(limits, info.name, name)
    return True


def _tag(field: bytes, report: Report) -> TagRange:
    field = field.strip(_SPACE)
    if not field.startswith(b"(") or not field.endswith(b")") or b"," not in field:
        raise _BadField
    group, _, rest = field[1:].partition(b",")
    rest = rest.lstrip(_SPACE)
    creator = None
    if rest.startswith(b'"'):
        creator, quote, rest = rest[1:].partition(b'"')
        rest = rest.lstrip(_SPACE)
        if not quote or not rest.startswith(b",") or len(creator) > MAX_TAG_PART:
            raise _BadField
        rest = rest[1:]
    element = rest.partition(b")")[0]
    if len(group) > MAX_TAG_PART or len(element) > MAX_TAG_PART:
        raise _BadField
    low_group, high_group, group_restriction = _part(_without_space(group), report)
    low_element, high_element, element_restriction = _part(_without_space(element), report)
    return TagRange(
        low_group,
        high_group,
        group_restriction,
        low_element,
        high_element,
        element_restriction,
        creator or None,
    )


def _part(text: bytes, report: Report) -> tuple[int, int, str]:
    """Read ``hex``, ``hex-hex`` or ``hex-r-hex``; what follows is ignored."""
    low = _HEX.match(text)
    if low is None:
        raise _BadField
    start = _number(low)
    rest = text[low.end() :]
    if rest.startswith(b"-") and len(rest) > 1:
        if rest[2:3] == b"-":
            high = _HEX.match(rest, 3)
            if high is not None:
                letter = chr(rest[1]).lower()
                if letter not in "oeu":
                    report("E", f"DcmDataDictionary: Unknown range restrictor: {from_bytes(rest[1:2])}")
                    raise _BadField
                return start, _number(high), "" if letter == "u" else letter
        high = _HEX.match(rest, 1)
        if high is not None:
            return start, _number(high), "e"
    return start, start, ""


def _number(match: re.Match[bytes]) -> int:
    return int(match.group(1), 16) & 0xFFFF
