"""A data set as text in the style of dcmdump, long values shortened (spec/network.md f.2, trace level)."""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import NamedTuple

from dcmrecv.dataset.captured import choice
from dcmrecv.dataset.dictionary import DataDictionary
from dcmrecv.dataset.tags import (
    ITEM_DELIMITER,
    ITEM_TAG,
    PIXEL_REPRESENTATION,
    SEQUENCE_DELIMITER,
    UNDEFINED,
    WAVEFORM_BITS_ALLOCATED,
)
from dcmrecv.dataset.vr import INFO, PAD_TEXT, UNKNOWN, VrInfo, describe
from dcmrecv.text import from_bytes
from dcmrecv.transfer_syntaxes import encoding_of
from dcmrecv.uids import name_of

__all__ = ["dump_data_set"]

LINE_LENGTH = 70
"""Characters of a value that are shown at most."""
VALUE_LENGTH = 40
"""Columns a value takes at least."""
MAX_LINES = 10_000
"""Lines of one dump; the rest is left out."""
_NUMBERS = {"US": "H", "SS": "h", "UL": "I", "SL": "i", "UV": "Q", "SV": "q", "xs": "H", "up": "I"}
_ALWAYS_ONE = frozenset(("OB", "OW", "OD", "OF", "OL", "OV", "UN", "??", "ox", "px", "lt"))
"""VRs whose multiplicity is 1 whatever the value."""


class _Open(NamedTuple):
    """A sequence or item that is being printed."""

    is_item: bool
    end: int
    undefined: bool
    line: int
    """Number of its first line, where the count of its children is filled in."""


def dump_data_set(data: bytes, transfer_syntax: bytes, dictionary: DataDictionary) -> list[str]:
    """Return the lines of *data* (a well-formed data or command set, not deflated).

    Stops quietly where the data ends early, and after `MAX_LINES` lines.
    """
    return _Dump(data, transfer_syntax, dictionary).lines


class _Dump:
    def __init__(self, data: bytes, transfer_syntax: bytes, dictionary: DataDictionary) -> None:
        self.lines: list[str] = []
        self._data = data
        self._encoding = encoding_of(transfer_syntax)
        self._dictionary = dictionary
        self._order = ">" if self._encoding.big_endian else "<"
        self._counts: list[int] = [0]
        self._context: list[dict[int, bytes | int]] = [{}]
        self._open: list[_Open] = []
        try:
            self._run()
        except struct.error:
            return

    def _line(self, tag: int, vr: str, shown: str, length: int, multiplicity: int, name: str) -> None:
        size = "u/l" if length == UNDEFINED else f"{length:3d}"
        start = f"{'  ' * len(self._open)}({tag >> 16:04x},{tag & 0xFFFF:04x}) {vr} "
        self.lines.append(f"{start}{shown:<{VALUE_LENGTH}} # {size},{multiplicity:2d} {name}")

    def _run(self) -> None:
        data = self._data
        position = 0
        size = len(data)
        while len(self.lines) < MAX_LINES:
            while self._open and not self._open[-1].undefined and position >= self._open[-1].end:
                self._close(explicit=True)
            if position >= size:
                return
            group, element, length = struct.unpack_from(self._order + "HHI", data, position)
            tag = group << 16 | element
            if tag in (ITEM_DELIMITER, SEQUENCE_DELIMITER):
                position += 8
                if self._open:
                    self._close(explicit=False)
                continue
            self._counts[-1] += 1
            if tag == ITEM_TAG:
                position += 8
                self._enter(True, position, length, "na", tag, "Item")
                continue
            position = self._element(tag, position)

    def _enter(self, is_item: bool, position: int, length: int, vr: str, tag: int, name: str) -> None:
        self._line(tag, vr, "", length, 1, name)
        undefined = length == UNDEFINED
        self._open.append(_Open(is_item, position + length, undefined, len(self.lines) - 1))
        self._counts.append(0)
        self._context.append({})

    def _close(self, explicit: bool) -> None:
        opened = self._open.pop()
        count = self._counts.pop()
        self._context.pop()
        kind = "explicit" if explicit else "undefined"
        what = "Item" if opened.is_item else "Sequence"
        line = self.lines[opened.line]
        indent = len(line) - len(line.lstrip())
        value_at = indent + 15
        text = f"({what} with {kind} length #={count})"
        tail = line[line.rindex(" # ") :]
        self.lines[opened.line] = f"{line[:value_at]}{text:<{VALUE_LENGTH}}{tail}"
        name = "ItemDelimitationItem" if opened.is_item else "SequenceDelimitationItem"
        suffix = " for re-encoding" if opened.is_item else " for re-encod."
        shown = f"({name}{suffix if explicit else ''})"
        self._line(ITEM_DELIMITER if opened.is_item else SEQUENCE_DELIMITER, "na", shown, 0, 0, name)

    def _element(self, tag: int, position: int) -> int:
        data = self._data
        header = 8
        if self._encoding.explicit:
            info = describe(data[position + 4 : position + 6])
            if info.long:
                header = 12
                (length,) = struct.unpack_from(self._order + "I", data, position + 8)
            else:
                (length,) = struct.unpack_from(self._order + "H", data, position + 6)
        else:
            vr = self._dictionary.vr(tag)
            chosen = choice(vr, tag, self._context[-1])
            info = INFO.get(vr if chosen is None else chosen.vr, UNKNOWN)
            (length,) = struct.unpack_from(self._order + "I", data, position + 4)
        name = self._dictionary.name(tag)
        start = position + header
        if info.name == "SQ" or (length == UNDEFINED and info.name in ("UN", "??")):
            self._enter(False, start, length, "SQ", tag, name)
            return start
        if length == UNDEFINED:
            return self._fragments(tag, start, name)
        value = data[start : start + length]
        if tag in (PIXEL_REPRESENTATION, WAVEFORM_BITS_ALLOCATED) and length >= 2:
            self._context[-1][tag] = struct.unpack_from(self._order + "H", value)[0]
        shown, multiplicity = self._value(info, value)
        self._line(tag, _shown_vr(info, tag), shown, length, multiplicity, name)
        return int(start + length)

    def _fragments(self, tag: int, position: int, name: str) -> int:
        first = len(self.lines)
        self._line(tag, "OB", "", UNDEFINED, 1, name)
        count = 0
        indent = "  " * len(self._open)
        while len(self.lines) < MAX_LINES:
            group, element, length = struct.unpack_from(self._order + "HHI", self._data, position)
            position += 8
            if group << 16 | element != ITEM_TAG:
                break
            count += 1
            shown, multiplicity = _words(self._data[position : position + length], 1, self._order)
            self._line(ITEM_TAG, "pi", shown, length, multiplicity, "Item")
            self.lines[-1] = f"  {self.lines[-1]}"
            position += length
        text = f"(PixelSequence #={count})"
        self.lines[first] = (
            f"{indent}({tag >> 16:04x},{tag & 0xFFFF:04x}) OB {text:<{VALUE_LENGTH}} # u/l, 1 {name}"
        )
        self._line(SEQUENCE_DELIMITER, "na", "(SequenceDelimitationItem)", 0, 0, "SequenceDelimitationItem")
        return position

    def _value(self, info: VrInfo, value: bytes) -> tuple[str, int]:
        """Return what is shown of *value* and its multiplicity."""
        if not value:
            return "(no value available)", int(info.name in _ALWAYS_ONE)
        if info.pad == PAD_TEXT:
            return _text(info.name, value)
        order = self._order
        if info.name in _NUMBERS:
            return _numbers(value, order + _NUMBERS[info.name], info.width, str)
        if info.name in ("FL", "FD"):
            return _numbers(value, order + ("f" if info.name == "FL" else "d"), info.width, _float(info.name))
        if info.name == "AT":
            return _tags(value, order)
        wide = 2 if info.name in ("OW", "lt", "px") else 1
        return _words(value, wide, order)


def _shown_vr(info: VrInfo, tag: int) -> str:
    if info.name in ("px", "ox") and (tag == 0x7FE00010 or tag & 0xFF00FFFF == 0x60003000):
        return "OW"
    return info.name


def _text(vr: str, value: bytes) -> tuple[str, int]:
    multiplicity = 1 if vr in ("LT", "ST", "UT", "UR") else value.count(b"\\") + 1
    if vr == "UI":
        name = name_of(value.split(b"\0", 1)[0].decode("latin-1"))
        if name:
            return f"={name}", multiplicity
    if len(value) + 2 > LINE_LENGTH:
        return f"[{from_bytes(value[: LINE_LENGTH - 4])}...", multiplicity
    return f"[{from_bytes(value)}]", multiplicity


def _numbers(value: bytes, form: str, width: int, show: Callable[[float], str]) -> tuple[str, int]:
    count = len(value) // width
    if not count:
        return "(invalid value)", 0
    texts = (show(struct.unpack_from(form, value, i * width)[0]) for i in range(count))
    return _shorten(texts, count), count


def _float(vr: str) -> Callable[[float], str]:
    digits = 9 if vr == "FL" else 17
    return lambda number: f"{number:.{digits}g}"


def _tags(value: bytes, order: str) -> tuple[str, int]:
    count = len(value) // 4
    if not count:
        return "(invalid value)", 0
    pairs = (struct.unpack_from(order + "HH", value, i * 4) for i in range(count))
    return _shorten((f"({group:04x},{element:04x})" for group, element in pairs), count), count


def _shorten(texts: object, count: int) -> str:
    shown = ""
    for index, text in enumerate(texts):  # type: ignore[arg-type, var-annotated]
        part = text if not index else f"\\{text}"
        new = len(shown) + len(part)
        if new > LINE_LENGTH or (index + 1 < count and new + 3 > LINE_LENGTH):
            return shown + ("..." if index + 1 < count else "")
        shown += part
    return shown


def _words(value: bytes, width: int, order: str) -> tuple[str, int]:
    """Show bytes or 16 bit words in hexadecimal."""
    if not value:
        return "(no value available)", 0
    count = len(value) // width
    if not count:
        return "(invalid value)", 0
    digits = 2 * width
    shown = count
    if count * (digits + 1) - 1 > LINE_LENGTH:
        shown = (LINE_LENGTH - 3 + 1) // (digits + 1)
    form = order + ("H" if width == 2 else "B")
    text = "\\".join(f"{struct.unpack_from(form, value, i * width)[0]:0{digits}x}" for i in range(shown))
    return text + ("..." if shown < count else ""), 1
