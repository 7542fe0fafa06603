"""Command sets: reading requests and writing responses (PS3.7 section 6.3 and Annex E).

A command set is Implicit VR Little Endian whatever its presentation context says. What is tolerated, which
element is needed by which command and what is said about the rest is in spec/network.md c.1 and c.2.
"""

from __future__ import annotations

import struct
from typing import NamedTuple

from dcmrecv import conditions, remarks
from dcmrecv.conditions import Condition
from dcmrecv.remarks import Remark

__all__ = [
    "C_ECHO_RQ",
    "C_STORE_RQ",
    "NO_DATA_SET",
    "Command",
    "CommandError",
    "read_command",
    "read_elements",
]

C_STORE_RQ = 0x0001
C_ECHO_RQ = 0x0030
NO_DATA_SET = 0x0101
"""Command Data Set Type of a message without a data set (PS3.7 E.1-1)."""

_HEADER = struct.Struct("<HHI").unpack_from
_US = struct.Struct("<H").unpack_from
_UNDEFINED = 0xFFFFFFFF
_ITEM = 0xFFFEE000
_SEQUENCE_END = 0xFFFEE0DD
_INVALID_GROUPS = frozenset((1, 2, 3, 5, 7, 0xFFFF))

_COMMAND_FIELD = 0x0100
_MESSAGE_ID = 0x0110
_RESPONDED_TO = 0x0120
_DATA_SET_TYPE = 0x0800
_STATUS = 0x0900
_CLASS_UID = 0x0002
_INSTANCE_UID = 0x1000
_PRIORITY = 0x0700
_MOVE_ORIGINATOR = 0x1030
_MOVE_ORIGINATOR_ID = 0x1031

_KEYWORDS = {
    0x0002: "AffectedSOPClassUID",
    0x0003: "RequestedSOPClassUID",
    0x0100: "CommandField",
    0x0110: "MessageID",
    0x0120: "MessageIDBeingRespondedTo",
    0x0600: "MoveDestination",
    0x0700: "Priority",
    0x0800: "CommandDataSetType",
    0x0900: "Status",
    0x1000: "AffectedSOPInstanceUID",
    0x1001: "RequestedSOPInstanceUID",
    0x1002: "EventTypeID",
    0x1008: "ActionTypeID",
}

_STRING_LIMITS = {0x0002: 64, 0x0003: 64, 0x1000: 64, 0x1001: 64, 0x0600: 16, 0x1030: 16}
"""Elements that are strings, with the longest value in bytes; the others of a command are US."""

_REQUEST = (_MESSAGE_ID, _DATA_SET_TYPE)
_RESPONSE = (_RESPONDED_TO, _DATA_SET_TYPE, _STATUS)
_QUERY = (*_REQUEST, _CLASS_UID, _PRIORITY)
_REQUESTED = (*_REQUEST, 0x0003, 0x1001)
_MANDATORY: dict[int, tuple[int, ...]] = {
    C_STORE_RQ: (*_REQUEST, _CLASS_UID, _INSTANCE_UID, _PRIORITY),
    0x0010: _QUERY,
    0x0020: _QUERY,
    0x0021: (*_QUERY, 0x0600),
    C_ECHO_RQ: (*_REQUEST, _CLASS_UID),
    0x0FFF: (_RESPONDED_TO, _DATA_SET_TYPE),
    0x0100: (*_REQUEST, _CLASS_UID, _INSTANCE_UID, 0x1002),
    0x0110: _REQUESTED,
    0x0120: _REQUESTED,
    0x0130: (*_REQUESTED, 0x1008),
    0x0140: (*_REQUEST, _CLASS_UID),
    0x0150: _REQUESTED,
}
"""Elements each command needs, in the order in which the reference asks for them (c.1 check 7)."""
_MANDATORY.update(
    (field, _RESPONSE) for field in (0x8001, 0x8010, 0x8020, 0x8021, 0x8030, *range(0x8100, 0x8160, 0x10))
)

_DATA_SET_RULES = {
    C_ECHO_RQ: (False, "C-Echo RQ"),
    0x8030: (False, "C-Echo RSP"),
    C_STORE_RQ: (True, "C-Store RQ"),
    0x8001: (False, "C-Store RSP"),
    0x0010: (True, "C-Get RQ"),
    0x0020: (True, "C-Find RQ"),
    0x0021: (True, "C-Move RQ"),
    0x0FFF: (False, "C-Cancel RQ"),
}
"""Must a data set follow (True), must none (False); and the name of the message (c.1 check 8)."""


class Command(NamedTuple):
    """A usable command set. UIDs are cut and trimmed; what a command does not have is empty, 0 or None."""

    field: int
    message_id: int
    class_uid: bytes
    instance_uid: bytes
    priority: int
    data_set_type: int
    move_originator: bytes | None
    move_originator_id: int | None
    notes: tuple[Remark, ...]


class CommandError(Exception):
    """The peer's violation: *causes* outermost first; *notes* come before them."""

    def __init__(self, reasons: tuple[Condition, ...], notes: tuple[Remark, ...]) -> None:
        super().__init__(reasons)
        self.causes = reasons
        self.notes = notes


def read_elements(data: bytes, *, whole: bool = True) -> tuple[dict[int, bytes], tuple[Remark, ...]]:
    """Return the elements in *data* (tag to value, the first of a tag counts) and the remarks on them.

    *whole* is False when more was to come: then an element that is cut is no error.
    Raises `CommandError` where the reference's parser gives up.
    """
    elements: dict[int, bytes] = {}
    notes: list[Remark] = []
    highest = -1
    pos = 0
    end = len(data)
    while end - pos >= 8:
        group, element, length = _HEADER(data, pos)
        tag = group << 16 | element
        pos += 8
        if length & 1 and length != _UNDEFINED:
            notes.append(remarks.ELEMENT_ODD(tag))
        if length > end - pos and (length != _UNDEFINED or pos == end):
            if not whole:
                break
            if pos == end:
                # its header is the last thing: the element is lost, the others count
                notes.append(remarks.ELEMENT_LOST(tag, length))
                break
            notes.append(remarks.ELEMENT_CUT(tag, length, end - pos))
            raise CommandError((conditions.COMMAND_UNREADABLE, conditions.INVALID_STREAM), tuple(notes))
        if length == _UNDEFINED:
            pos = _undefined_length(data, pos, tag, tuple(notes))
            value = b""
        else:
            value = data[pos : pos + length]
            pos += length
        if tag in elements:
            notes.append(remarks.ELEMENT_TWICE(tag))
        else:
            if tag < highest:
                notes.append(remarks.ELEMENT_ORDER(tag))
            else:
                highest = tag
            elements[tag] = value
        if group in _INVALID_GROUPS:
            notes.append(remarks.ELEMENT_INVALID(tag))
    return elements, tuple(notes)


def _undefined_length(data: bytes, pos: int, tag: int, notes: tuple[Remark, ...]) -> int:
    """A value of undefined length is a sequence; no command has one, so only an empty one is read."""
    if len(data) - pos >= 8:
        group, element, _ = _HEADER(data, pos)
        found = group << 16 | element
        if found == _SEQUENCE_END:
            return pos + 8
    else:
        found = _ITEM
    notes += (remarks.UNKNOWN_SEQUENCE(tag),)
    if found != _ITEM:
        notes += (remarks.NO_SEQUENCE_DELIMITER(tag, found), remarks.NO_SUB_ITEM(found))
    if tag >> 16 in _INVALID_GROUPS:
        notes += (remarks.ELEMENT_INVALID(tag),)
    raise CommandError((conditions.COMMAND_UNREADABLE, conditions.SEQUENCE_DELIMITER_MISSING), notes)


def _trimmed(value: bytes) -> bytes:
    """Strings are cut at the first NUL; white space around them goes (c.1, last line)."""
    return value.partition(b"\0")[0].strip()


def _usable(elements: dict[int, bytes], element: int) -> bool:
    value = elements.get(element)
    if value is None:
        return False
    limit = _STRING_LIMITS.get(element)
    return len(value) >= 2 if limit is None else len(value) <= limit


def _number(elements: dict[int, bytes], element: int) -> int:
    value = elements.get(element, b"")
    return int(_US(value)[0]) if len(value) >= 2 else 0


def _decode(elements: dict[int, bytes], notes: tuple[Remark, ...]) -> Command:
    """Checks 6 to 8 of c.1; raises `CommandError`."""
    if not _usable(elements, _COMMAND_FIELD):
        raise CommandError((conditions.MISSING_COMMAND_FIELD,), notes)
    field = _number(elements, _COMMAND_FIELD)
    mandatory = _MANDATORY.get(field)
    if mandatory is None:
        raise CommandError((conditions.invalid_command(field),), notes)
    for element in mandatory:
        if not _usable(elements, element):
            raise CommandError((conditions.element_missing(element, _KEYWORDS[element]),), notes)
    instance_uid = _trimmed(elements.get(_INSTANCE_UID, b""))
    data_set_type = _number(elements, _DATA_SET_TYPE)
    warnings = []
    needs_data_set, message = _DATA_SET_RULES.get(field, (None, ""))
    if needs_data_set is (data_set_type == NO_DATA_SET):
        warnings.append((remarks.NO_DATA_SET if needs_data_set else remarks.DATA_SET)(message))
    if not instance_uid and (field == C_STORE_RQ or (field == 0x8001 and _usable(elements, _INSTANCE_UID))):
        warnings.append(remarks.BAD_INSTANCE_UID(message))
    if warnings:
        raise CommandError((conditions.BAD_MESSAGE,), (*notes, *warnings))
    move_originator = None
    if _usable(elements, _MOVE_ORIGINATOR):
        move_originator = _trimmed(elements[_MOVE_ORIGINATOR])
    move_originator_id = None
    if _usable(elements, _MOVE_ORIGINATOR_ID):
        move_originator_id = _number(elements, _MOVE_ORIGINATOR_ID)
    return Command(
        field,
        _number(elements, _MESSAGE_ID),
        _trimmed(elements.get(_CLASS_UID, b"")),
        instance_uid,
        _number(elements, _PRIORITY),
        data_set_type,
        move_originator,
        move_originator_id,
        notes,
    )


def read_command(data: bytes, *, whole: bool = True) -> Command:
    """Return the command in *data*; raises `CommandError`. *whole* as for `read_elements`."""
    elements, notes = read_elements(data, whole=whole)
    return _decode(elements, notes)
