"""Reading an A-ASSOCIATE-RQ as the reference reads it (PS3.8 section 9.3.2, PS3.7 Annex D.3.3).

What is tolerated, what is an error and the words for it are in spec/network.md a.1 step 4. Every length is
checked against what encloses it before anything is taken.
"""

from __future__ import annotations

import struct

from dcmrecv import conditions, remarks
from dcmrecv.conditions import Condition
from dcmrecv.config import Role
from dcmrecv.core import limits
from dcmrecv.core.events import (
    AssociateRequest,
    ProposedContext,
    ProposedExtendedNegotiation,
    ProposedRole,
    UserIdentity,
)
from dcmrecv.remarks import Remark

__all__ = ["MalformedRequest", "UnsupportedProtocol", "parse_associate_request"]

_FIXED = 68
_U16 = struct.Struct(">H").unpack_from
_U32 = struct.Struct(">I").unpack_from

_APPLICATION_CONTEXT = 0x10
_CONTEXT = (0x20, 0x21)
_ABSTRACT_SYNTAX = 0x30
_TRANSFER_SYNTAX = 0x40
_USER_INFORMATION = 0x50
_MAXIMUM_LENGTH = 0x51
_IMPLEMENTATION_CLASS_UID = 0x52
_ROLE_SELECTION = 0x54
_IMPLEMENTATION_VERSION_NAME = 0x55
_EXTENDED_NEGOTIATION = 0x56
_USER_IDENTITY = (0x58, 0x59)
_USER_AND_PASSWORD = 2


class MalformedRequest(Exception):
    """The peer's violation: no reply is sent.

    `notes` are the warnings up to here; `started` is False if not even the fixed part was looked at.
    """

    def __init__(self, condition: Condition) -> None:
        super().__init__(condition.text)
        self.condition = condition
        self.notes: tuple[Remark, ...] = ()
        self.started = True


class UnsupportedProtocol(MalformedRequest):
    """Protocol version bit 0 is not set: answered with an A-ASSOCIATE-RJ (a.1 step 5)."""


def _illegal(what: str, got: int, minimum: int = 0, length: int = 0) -> MalformedRequest:
    return MalformedRequest(conditions.illegal_item(what, got, minimum, length))


def _text(raw: bytes) -> bytes:
    """Strings end at the first NUL."""
    return raw.partition(b"\0")[0]


class _Items:
    """One pass over the items; collects what counts (later sub-items win)."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.application_context = b""
        self.contexts: list[ProposedContext] = []
        self.max_pdu = 0
        self.implementation_class_uid = b""
        self.implementation_version_name = b""
        self.roles: list[tuple[bytes, int, int]] = []
        self.extended_negotiation: list[ProposedExtendedNegotiation] = []
        self.user_identity: UserIdentity | None = None
        self.notes: list[Remark] = []

    def items(self, pos: int, end: int) -> None:
        data = self.data
        while pos < end:
            kind = data[pos]
            left = end - pos
            if kind == _APPLICATION_CONTEXT:
                value, pos = self.string(pos, left)
                self.application_context = value
            elif kind in _CONTEXT:
                pos = self.context(pos, left)
            elif kind == _USER_INFORMATION:
                pos = self.user_information(pos, left)
            else:
                pos = self.skip(pos, left)

    def string(self, pos: int, left: int) -> tuple[bytes, int]:
        if left < 4:
            raise _illegal("subitem", left, 4)
        (length,) = _U16(self.data, pos + 2)
        if length > limits.STRING_ITEM:
            raise MalformedRequest(conditions.subitem_too_long(length, limits.STRING_ITEM))
        if left - 4 < length:
            raise _illegal("subitem", left, 0, length)
        end = pos + 4 + length
        return _text(self.data[pos + 4 : end]), end

    def length(self, pos: int, left: int, what: str, minimum: int) -> int:
        """Return the length of the item at *pos*, which has *minimum* bytes at least."""
        if left < minimum:
            raise _illegal(what, left, minimum)
        (length,) = _U16(self.data, pos + 2)
        if left - 4 < length:
            raise _illegal(what, left, 0, length)
        return int(length)

    def skip(self, pos: int, left: int) -> int:
        return pos + 4 + self.length(pos, left, "dummy item", 4)

    def context(self, pos: int, left: int) -> int:
        if left < 8:
            raise _illegal("presentation context", left, 8)
        data = self.data
        (length,) = _U16(data, pos + 2)
        if left - 4 < length or length < 4:
            raise _illegal("presentation context", left, 4, length)
        end = pos + 4 + int(length)
        context_id = data[pos + 4]
        abstract_syntax = b""
        transfer_syntaxes: list[bytes] = []
        # an item of the reply's type that says "refused" is not looked into
        inner = end if data[pos] == _CONTEXT[1] and data[pos + 6] else pos + 8
        while inner < end:
            kind = data[inner]
            if kind == _ABSTRACT_SYNTAX:
                abstract_syntax, inner = self.string(inner, end - inner)
            elif kind == _TRANSFER_SYNTAX:
                value, inner = self.string(inner, end - inner)
                transfer_syntaxes.append(value)
            else:
                inner = self.skip(inner, end - inner)
        self.contexts.append(ProposedContext(context_id, abstract_syntax, tuple(transfer_syntaxes)))
        return end

    def user_information(self, pos: int, left: int) -> int:
        data = self.data
        end = pos + 4 + self.length(pos, left, "user info", 4)
        pos += 4
        while pos < end:
            kind = data[pos]
            left = end - pos
            if kind == _MAXIMUM_LENGTH:
                pos = self.maximum_length(pos, left)
            elif kind == _IMPLEMENTATION_CLASS_UID:
                self.implementation_class_uid, pos = self.string(pos, left)
            elif kind == _IMPLEMENTATION_VERSION_NAME:
                value, pos = self.string(pos, left)
                self.implementation_version_name = value[:16]
            elif kind == _ROLE_SELECTION:
                pos = self.role_selection(pos, left)
            elif kind == _EXTENDED_NEGOTIATION:
                pos = self.extended(pos, left)
            elif kind in _USER_IDENTITY:
                pos = self.identity(pos, left)
            else:
                pos = self.skip(pos, left)
        return end

    def maximum_length(self, pos: int, left: int) -> int:
        if left < 8:
            raise _illegal("Max PDU", left, 8)
        (length,) = _U16(self.data, pos + 2)
        (self.max_pdu,) = _U32(self.data, pos + 4)
        if length != 4:
            self.notes.append(remarks.MAX_LENGTH_ITEM(length))
        if left - 4 < length:
            raise _illegal("Max PDU", left, 0, length)
        return pos + 4 + int(length)

    def role_selection(self, pos: int, left: int) -> int:
        data = self.data
        length = self.length(pos, left, "SCU-SCP role list", 8)
        (uid_length,) = _U16(data, pos + 4)
        if length < 4:
            raise _illegal("SCU-SCP role list UID", length, 4)
        if length - 4 < uid_length:
            raise _illegal("SCU-SCP role list UID", length, 0, uid_length)
        if uid_length > limits.STRING_ITEM:
            self.notes.append(remarks.ROLE_UID_LENGTH(uid_length))
            uid_length = limits.STRING_ITEM
        stop = pos + 6 + uid_length
        self.roles.append((_text(data[pos + 6 : stop]), data[stop], data[stop + 1]))
        return pos + 4 + length

    def extended(self, pos: int, left: int) -> int:
        data = self.data
        length = self.length(pos, left, "extended negotiation", 6)
        (uid_length,) = _U16(data, pos + 4)
        if length < 2:
            raise _illegal("extended negotiation item", left, 2)
        if length - 2 < uid_length:
            raise _illegal("extended negotiation item", length, 0, uid_length)
        stop = pos + 6 + uid_length
        end = pos + 4 + length
        self.extended_negotiation.append(ProposedExtendedNegotiation(data[pos + 6 : stop], data[stop:end]))
        return end

    def identity(self, pos: int, left: int) -> int:
        if left < 10:
            raise MalformedRequest(conditions.identity_too_short(left))
        data = self.data
        (length,) = _U16(data, pos + 2)
        if left - 4 < length:
            raise MalformedRequest(conditions.illegal_identity(left, length))
        if length < 6:
            raise MalformedRequest(conditions.CORRUPTED_DATA)
        kind = data[pos + 4]
        (primary_length,) = _U16(data, pos + 6)
        if length - 6 < primary_length:
            raise MalformedRequest(conditions.illegal_identity(left, length, primary_length))
        stop = pos + 8 + primary_length
        (secondary_length,) = _U16(data, stop)
        if length - 6 - primary_length < secondary_length:
            raise MalformedRequest(
                conditions.illegal_identity(left, length, primary_length, secondary_length)
            )
        primary = data[pos + 8 : stop]
        secondary = b""
        stop += 2
        # the secondary field of the other kinds is not skipped: it is read as the next sub-item
        if kind == _USER_AND_PASSWORD:
            secondary = data[stop : stop + secondary_length]
            stop += secondary_length
        self.user_identity = UserIdentity(kind, bool(data[pos + 5]), primary, secondary)
        return int(stop)

    def proposed_roles(self) -> tuple[ProposedRole, ...]:
        """Read odd role values as the reference does: the table of a.3."""
        return tuple(
            ProposedRole(sop_class, Role.BOTH if scu == scp else Role.SCU if scu == 1 else Role.SCP)
            for sop_class, scu, scp in self.roles
        )

    def check_contexts(self) -> None:
        """What is looked at after all items: role items that say nothing, contexts without syntax."""
        first: dict[bytes, tuple[int, int]] = {}
        for sop_class, scu, scp in self.roles:
            first.setdefault(sop_class, (scu, scp))
        for context in self.contexts:
            if first.get(context.abstract_syntax) == (0, 0):
                self.notes.append(remarks.ROLE_BOTH_ZERO())
            if not context.transfer_syntaxes:
                raise MalformedRequest(conditions.NO_TRANSFER_SYNTAX)


def parse_associate_request(raw: bytes) -> tuple[AssociateRequest, tuple[Remark, ...]]:
    """Return the request in *raw*, a whole PDU with its header, and the warnings while reading it.

    Raises `UnsupportedProtocol` or `MalformedRequest`.
    """
    length = len(raw) - 6
    if length < _FIXED:
        error = _illegal("associate PDU", length, _FIXED)
        error.started = False
        raise error
    (version,) = _U16(raw, 6)
    if not version & 1:
        error = UnsupportedProtocol(conditions.unsupported_protocol(version))
        error.started = False
        raise error
    reader = _Items(raw)
    try:
        reader.items(6 + _FIXED, len(raw))
        reader.check_contexts()
    except MalformedRequest as problem:
        problem.notes = tuple(reader.notes)
        raise
    request = AssociateRequest(
        protocol_version=version,
        called_ae_title=_text(raw[10:26]).rstrip(b" "),
        calling_ae_title=_text(raw[26:42]).rstrip(b" "),
        application_context=reader.application_context,
        contexts=tuple(reader.contexts),
        max_pdu=reader.max_pdu,
        implementation_class_uid=reader.implementation_class_uid,
        implementation_version_name=reader.implementation_version_name,
        roles=reader.proposed_roles(),
        extended_negotiation=tuple(reader.extended_negotiation),
        user_identity=reader.user_identity,
    )
    return request, tuple(reader.notes)
