"""The multi-line dumps of the debug level: the request in hex, association parameters, DIMSE messages.

Each function returns one message; its lines get their prefixes from the layout. Values are the bytes of the
wire as text (`dcmrecv.text`). Layout: spec/network.md f.2.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterable
from typing import Final

from dcmrecv.config import Role
from dcmrecv.core import events as ev
from dcmrecv.core.dimse import NO_DATA_SET, read_elements
from dcmrecv.identity import IMPLEMENTATION_CLASS_UID, IMPLEMENTATION_VERSION_NAME
from dcmrecv.log.status_texts import status_text
from dcmrecv.text import printable
from dcmrecv.uids import name_of

__all__ = [
    "accept_dump",
    "command_dump",
    "echo_request_dump",
    "hex_dump",
    "reject_dump",
    "request_dump",
    "store_request_dump",
    "store_response_dump",
]

HEX_DUMP_LIMIT: Final = 512
"""Bytes of a request that are dumped."""

_OUTCOMES: Final = {
    ev.ContextOutcome.ACCEPTED: "Accepted",
    ev.ContextOutcome.USER_REJECTION: "User Rejection",
    ev.ContextOutcome.NO_REASON: "No Reason",
    ev.ContextOutcome.ABSTRACT_SYNTAX_NOT_SUPPORTED: "Abstract Syntax Not Supported",
    ev.ContextOutcome.TRANSFER_SYNTAXES_NOT_SUPPORTED: "Transfer Syntaxes Not Supported",
    ev.ContextOutcome.PROPOSED: "Proposed",
}
_ROLES: Final = {Role.SCU: "SCU", Role.SCP: "SCP", Role.BOTH: "SCP/SCU"}
_PRIORITIES: Final = {0: "medium", 1: "high", 2: "low"}


def hex_dump(raw: bytes) -> str:
    """Return the dump of the A-ASSOCIATE-RQ *raw* (the whole PDU with its header)."""
    lines = [f"PDU Type: Associate Request, PDU Length: {len(raw) - 6} + 6 bytes PDU header"]
    if len(raw) > HEX_DUMP_LIMIT:
        lines.append(f"Only dumping {HEX_DUMP_LIMIT} bytes.")
        raw = raw[:HEX_DUMP_LIMIT]
    lines.extend("  " + raw[i : i + 16].hex(" ").replace(" ", "  ") for i in range(0, len(raw), 16))
    if len(raw) % 16 == 0:
        lines.append("")
    return "\n".join(lines)


def _symbolic(uid: bytes) -> str:
    text = printable(uid)
    name = name_of(text)
    return text if name is None else "=" + name


def _class_name(uid: bytes) -> str:
    text = printable(uid)
    return name_of(text) or text


def _role(role: Role | str | None) -> str:
    if role is None:
        return "Default"
    if isinstance(role, Role):
        return _ROLES[role]
    return "None"


def _extended(title: str, items: Iterable[ev.ProposedExtendedNegotiation]) -> list[str]:
    lines = []
    for item in items:
        uid = printable(item.sop_class)
        data = ", ".join(f"0x{byte:02x}" for byte in item.data)
        lines += [f"  ={name_of(uid) or 'Unknown-UID'} ({uid})", f"    [{data}]"]
    return [title, *lines] if lines else []


_IDENTITIES: Final = {
    1: "Username",
    2: "Username/Password",
    3: ("Kerberos", "Kerberos Service Ticket"),
    4: ("SAML", "SAML Assertion"),
    5: ("JWT", "JSON Web Token"),
}
"""Kinds of user identity (PS3.7 D.3.3.7); of a ticket also what it is called."""


def _identity(identity: ev.UserIdentity | None) -> list[str]:
    title = "Requested User Identity Negotiation:"
    if identity is None:
        return [title + " none"]
    first, second = identity.primary, identity.secondary
    kind = _IDENTITIES.get(identity.kind)
    if kind is None:
        lines = [
            "  Authentication mode: Unknown ",
            f"  First value (not dumped), length: {len(first)}",
            f"  Second Value (not dumped), length: {len(second)}",
        ]
    elif isinstance(kind, tuple):
        lines = [
            f"  Authentication mode {identity.kind}: {kind[0]}",
            f"  {kind[1]} (not dumped) length: {len(first)}",
        ]
    else:
        lines = [f"  Authentication mode {identity.kind}: {kind}", f"  Username: [{printable(first)}]"]
        if identity.kind == 2:
            lines.append(f"  Password: [{printable(second)}]")
    answer = "Yes" if identity.response_requested else "No"
    return [title, *lines, f"  Positive Response requested: {answer}"]


_NO_REQUEST: Final = ev.AssociateRequest(0, b"", b"", b"", (), 0, b"", b"", (), (), None)


def _parameters(
    kind: str,
    request: ev.AssociateRequest,
    max_pdu: int,
    responding: bytes,
    contexts: list[str],
    accepted: Iterable[ev.ProposedExtendedNegotiation],
) -> str:
    requested = _extended("Requested Extended Negotiation:", request.extended_negotiation)
    return "\n".join(
        [
            f"====================== BEGIN A-ASSOCIATE-{kind} =====================",
            f"Our Implementation Class UID:      {printable(IMPLEMENTATION_CLASS_UID)}",
            f"Our Implementation Version Name:   {printable(IMPLEMENTATION_VERSION_NAME)}",
            f"Their Implementation Class UID:    {printable(request.implementation_class_uid)}",
            f"Their Implementation Version Name: {printable(request.implementation_version_name[:16])}",
            f"Application Context Name:    {printable(request.application_context)}",
            f"Calling Application Name:    {printable(request.calling_ae_title)}",
            f"Called Application Name:     {printable(request.called_ae_title)}",
            f"Responding Application Name: {printable(responding)}",
            f"Our Max PDU Receive Size:    {max_pdu}",
            f"Their Max PDU Receive Size:  {request.max_pdu}",
            "Presentation Contexts:",
            *contexts,
            *(requested or ["Requested Extended Negotiation: none"]),
            *(
                _extended("Accepted Extended Negotiation:", accepted)
                or ["Accepted Extended Negotiation:  none"]
            ),
            *_identity(request.user_identity),
            "User Identity Negotiation Response:  none",
            f"======================= END A-ASSOCIATE-{kind} ======================",
        ]
    )


def request_dump(request: ev.AssociateRequest | None, max_pdu: int) -> str:
    """Return the parameters of *request* as proposed; None stands for a PDU that was no request.

    *max_pdu* is our maximum PDU length in bytes.
    """
    request = request or _NO_REQUEST
    lines: list[str] = []
    roles: dict[bytes, Role] = {}
    for role in request.roles:
        roles.setdefault(role.sop_class, role.role)
    for context in request.contexts:
        lines += [
            f"  Context ID:        {context.context_id} (Proposed)",
            f"    Abstract Syntax: {_symbolic(context.abstract_syntax)}",
            f"    Proposed SCP/SCU Role: {_role(roles.get(context.abstract_syntax))}",
            "    Proposed Transfer Syntax(es):",
        ]
        lines += [f"      {_symbolic(syntax)}" for syntax in context.transfer_syntaxes]
    return _parameters("RQ", request, max_pdu, b"", lines, ())


def _results(contexts: Iterable[ev.ContextResult]) -> list[str]:
    lines: list[str] = []
    for context in contexts:
        lines += [
            f"  Context ID:        {context.context_id} ({_OUTCOMES[context.outcome]})",
            f"    Abstract Syntax: {_symbolic(context.abstract_syntax)}",
            f"    Proposed SCP/SCU Role: {_role(context.proposed_role)}",
        ]
        if context.outcome is ev.ContextOutcome.PROPOSED:  # a repeated ID
            lines.append("    Proposed Transfer Syntax(es):")
            lines += [f"      {_symbolic(syntax)}" for syntax in context.proposed_transfer_syntaxes]
            continue
        lines.append(f"    Accepted SCP/SCU Role: {_role(context.accepted_role)}")
        if context.outcome is ev.ContextOutcome.ACCEPTED:
            lines.append(f"    Accepted Transfer Syntax: {_symbolic(context.transfer_syntax)}")
    return lines


def accept_dump(association: ev.AcceptedAssociation) -> str:
    """Return the parameters of an accepted association."""
    request = association.request
    return _parameters(
        "AC",
        request,
        association.max_receive_pdu,
        request.called_ae_title,
        _results(association.contexts),
        association.extended_negotiation,
    )


def reject_dump(request: ev.AssociateRequest, contexts: Iterable[ev.ContextResult], max_pdu: int) -> str:
    """Return the parameters of an association refused for its contexts; *max_pdu* is ours, in bytes."""
    return _parameters("RJ", request, max_pdu, request.called_ae_title, _results(contexts), ())


# -- DIMSE messages --------------------------------------------------------------------------------------

_INCOMING: Final = "===================== INCOMING DIMSE MESSAGE ===================="
_OUTGOING: Final = "===================== OUTGOING DIMSE MESSAGE ===================="
_END: Final = "======================= END DIMSE MESSAGE ======================="


def _message(head: str, *fields: tuple[str, object]) -> str:
    return "\n".join([head, *(f"{label:<30}: {value}" for label, value in fields), _END])


def _presence(data_set_type: int) -> str:
    return "none" if data_set_type == NO_DATA_SET else "present"


def echo_request_dump(request: ev.EchoRequest) -> str:
    """Return the dump of a C-ECHO request."""
    return _message(
        _INCOMING,
        ("Message Type", "C-ECHO RQ"),
        ("Presentation Context ID", request.context_id),
        ("Message ID", request.message_id),
        ("Data Set", "none"),
    )


def store_request_dump(request: ev.StoreRequest) -> str:
    """Return the dump of a C-STORE request."""
    fields: list[tuple[str, object]] = [
        ("Message Type", "C-STORE RQ"),
        ("Presentation Context ID", request.context_id),
        ("Message ID", request.message_id),
        ("Affected SOP Class UID", _class_name(request.sop_class_uid)),
        ("Affected SOP Instance UID", printable(request.sop_instance_uid)),
        ("Data Set", _presence(request.data_set_type)),
        ("Priority", _PRIORITIES.get(request.priority, "")),
    ]
    if request.move_originator_ae_title is not None:
        fields.append(("Move Originator AE Title", printable(request.move_originator_ae_title)))
    if request.move_originator_message_id is not None:
        fields.append(("Move Originator ID", request.move_originator_message_id))
    return _message(_INCOMING, *fields)


def store_response_dump(request: ev.StoreRequest, status: int) -> str:
    """Return the dump of the C-STORE response with *status* to *request*."""
    return _message(
        _OUTGOING,
        ("Message Type", "C-STORE RSP"),
        ("Presentation Context ID", request.context_id),
        ("Message ID Being Responded To", request.message_id),
        ("Affected SOP Class UID", _class_name(request.sop_class_uid)),
        ("Affected SOP Instance UID", printable(request.sop_instance_uid)),
        ("Data Set", "none"),
        ("DIMSE Status", status_text("C-STORE", status)),
    )


def _number(value: bytes) -> int:
    return int.from_bytes(value[:2], "little")


def _trimmed(value: bytes) -> bytes:
    return value.split(b"\0", 1)[0].strip()


def _identifiers(value: bytes) -> str:
    pairs = struct.iter_unpack("<HH", value[: len(value) & ~3])
    return "".join(f"({group:04x},{element:04x}) " for group, element in pairs) or "none"


_FIELDS: Final[dict[str, tuple[str, int, Callable[[bytes], object]]]] = {
    "id": ("Message ID", 0x0110, _number),
    "to": ("Message ID Being Responded To", 0x0120, _number),
    "class": ("Affected SOP Class UID", 0x0002, lambda value: _class_name(_trimmed(value))),
    "instance": ("Affected SOP Instance UID", 0x1000, lambda value: printable(_trimmed(value))),
    "requested-class": ("Requested SOP Class UID", 0x0003, lambda value: _class_name(_trimmed(value))),
    "requested": ("Requested SOP Instance UID", 0x1001, lambda value: printable(_trimmed(value))),
    "destination": ("Move Destination", 0x0600, lambda value: printable(_trimmed(value))),
    "priority": ("Priority", 0x0700, lambda value: _PRIORITIES.get(_number(value), "")),
    "data": ("Data Set", 0x0800, lambda value: _presence(_number(value))),
    "attributes": ("Attribute Identifier List", 0x1005, _identifiers),
    "event": ("Event Type ID", 0x1002, _number),
    "action": ("Action Type ID", 0x1008, _number),
    "remaining": ("Remaining Suboperations", 0x1020, _number),
    "completed": ("Completed Suboperations", 0x1021, _number),
    "failed": ("Failed Suboperations", 0x1022, _number),
    "warning": ("Warning Suboperations", 0x1023, _number),
}
"""Label, element (PS3.7 annex E.1) and how its value is shown. The status depends on the service, too."""

_RESPONSE: Final = "to class? instance? data status"
_RETRIEVED: Final = "to class? remaining? completed? failed? warning? data status"

_COMMANDS: Final = {
    0x8001: ("C-STORE RSP", _RESPONSE),
    0x0010: ("C-GET RQ", "id class data priority"),
    0x8010: ("C-GET RSP", _RETRIEVED),
    0x0020: ("C-FIND RQ", "id class data priority"),
    0x8020: ("C-FIND RSP", "to class? data status"),
    0x0021: ("C-MOVE RQ", "id class data priority destination"),
    0x8021: ("C-MOVE RSP", _RETRIEVED),
    0x8030: ("C-ECHO RSP", "to class? data status"),
    0x0FFF: ("C-CANCEL RQ", "to data"),
    0x0100: ("N-EVENT-REPORT RQ", "id class instance data event"),
    0x8100: ("N-EVENT-REPORT RSP", "to class? instance? data event? status"),
    0x0110: ("N-GET RQ", "id requested-class requested data attributes"),
    0x8110: ("N-GET RSP", _RESPONSE),
    0x0120: ("N-SET RQ", "id requested-class requested data"),
    0x8120: ("N-SET RSP", _RESPONSE),
    0x0130: ("N-ACTION RQ", "id requested-class requested action data"),
    0x8130: ("N-ACTION RSP", "to class? instance? data action? status"),
    0x0140: ("N-CREATE RQ", "id class instance? data"),
    0x8140: ("N-CREATE RSP", _RESPONSE),
    0x0150: ("N-DELETE RQ", "id requested-class requested data"),
    0x8150: ("N-DELETE RSP", _RESPONSE),
}
"""Title and fields of the messages a storage SCP does not handle, by Command Field; ``?``: "none" if absent."""


def command_dump(command_set: bytes) -> str | None:
    """Return the dump of a command that is not handled; None if its Command Field is none of PS3.7's.

    *command_set* was read before (spec/network.md c.1 steps 6 and 7); the context ID is not shown.
    """
    elements, _ = read_elements(command_set)
    title, names = _COMMANDS.get(_number(elements.get(0x0100, b"")), ("", ""))
    if not title:
        return None
    fields: list[tuple[str, object]] = [("Message Type", title)]
    for name in names.split():
        if name == "status":
            status = _number(elements.get(0x0900, b""))
            fields.append(("DIMSE Status", status_text(title.split(" ", 1)[0], status)))
            continue
        label, element, shown = _FIELDS[name.removesuffix("?")]
        absent = name.endswith("?") and element not in elements
        fields.append((label, "none" if absent else shown(elements.get(element, b""))))
    return _message(_INCOMING, *fields)
