"""The reference's condition codes and texts, as data (spec/network.md f.1, "Codes in use")."""

from __future__ import annotations

from dcmrecv.conditions import Condition
from dcmrecv.core import limits
from dcmrecv.core.events import Stage

__all__ = [
    "BAD_COMMAND_TYPE",
    "BAD_CONTEXT",
    "BAD_MESSAGE",
    "COMMAND_EXPECTED",
    "COMMAND_IN_PIECES",
    "COMMAND_TOO_LONG",
    "COMMAND_UNREADABLE",
    "ILLEGAL_PDU_LENGTH",
    "INVALID_STREAM",
    "MISSING_COMMAND_FIELD",
    "NETWORK_CLOSED",
    "NORMAL",
    "NO_DATA",
    "NO_PDVS",
    "OUT_OF_MEMORY",
    "READ_TIMEOUT",
    "RECEIVE_FAILED",
    "SEQUENCE_DELIMITATION_MISSING",
    "UNEXPECTED_PDV",
    "contexts_in_command",
    "contexts_in_data_set",
    "element_missing",
    "invalid_command",
    "invalid_pdv_length",
    "odd_fragment",
    "pdu_problem",
    "pdu_too_long",
    "pdvs_do_not_add_up",
    "request_too_long",
    "response_too_long",
    "unrecognized_pdu",
]

_DCMNET = 0x0006

NORMAL = Condition(0, 0, "Normal")
INVALID_STREAM = Condition(0x0001, 0x0004, "Invalid stream")
SEQUENCE_DELIMITATION_MISSING = Condition(0x0001, 0x0022, "Sequence Delimitation Item missing")
BAD_CONTEXT = Condition(_DCMNET, 0x0101, "ASC Bad presentation context ID")
BAD_COMMAND_TYPE = Condition(_DCMNET, 0x0201, "DIMSE Bad command type")
BAD_MESSAGE = Condition(_DCMNET, 0x0203, "DIMSE Badly formed message")
NO_DATA = Condition(_DCMNET, 0x0207, "DIMSE No data available (timeout in non-blocking mode)")
MISSING_COMMAND_FIELD = Condition(_DCMNET, 0x020B, "DIMSE_parseCmdObject: Missing CommandField")
READ_PDV_FAILED = Condition(_DCMNET, 0x020C, "DIMSE Read PDV failed")
RECEIVE_FAILED = Condition(_DCMNET, 0x020D, "DIMSE Failed to receive message")
COMMAND_UNREADABLE = Condition(_DCMNET, 0x020D, "DIMSE: receiveCommand: cmdSet->read() Failed")
COMMAND_TOO_LONG = Condition(_DCMNET, 0x020D, f"DIMSE: Command set of more than {limits.WHOLE_COMMAND} bytes")
"""Ours: the reference has no limit."""
OUT_OF_MEMORY = Condition(_DCMNET, 0x020D, "memory budget of all connections exceeded")
"""Ours (`dcmrecv.memory`)."""
COMMAND_IN_PIECES = Condition(
    _DCMNET, 0x020D, f"DIMSE: Command set of more than {limits.COMMAND_FRAGMENTS} fragments"
)
"""Ours: the reference has no limit."""
SEND_FAILED = Condition(_DCMNET, 0x020E, "DIMSE Failed to send message")
UNEXPECTED_PDV = Condition(_DCMNET, 0x020F, "DIMSE Unexpected PDV type")
COMMAND_EXPECTED = Condition(_DCMNET, 0x020F, "DIMSE: Command PDV Expected")
NO_PDVS = Condition(
    _DCMNET,
    0x0307,
    "PDU without any PDVs encountered. In DT_2_IndicatePData.  "
    "This probably indicates a  malformed P DATA PDU.",
)
ILLEGAL_PDU_LENGTH = Condition(_DCMNET, 0x0308, "DUL Illegal PDU Length")
NETWORK_CLOSED = Condition(_DCMNET, 0x0310, "DUL network closed")
READ_TIMEOUT = Condition(_DCMNET, 0x031A, "DUL network read timeout")


def pdu_problem(stage: Stage, cause: Condition) -> tuple[Condition, ...]:
    """Nest a problem with a PDU by what was being waited for."""
    if stage is Stage.COMMAND:
        return (RECEIVE_FAILED, READ_PDV_FAILED, cause)
    return (READ_PDV_FAILED, cause)


def unrecognized_pdu(kind: int) -> Condition:
    """A PDU type that PS3.8 does not know."""
    return Condition(_DCMNET, 0x0321, f"Unrecognized PDU type: {kind:2x}")


def pdu_too_long(length: int, limit: int) -> Condition:
    """A P-DATA-TF PDU above the advertised maximum."""
    return Condition(_DCMNET, 0x0308, f"DUL Illegal PDU Length {length}.  Max expected {limit}")


def request_too_long(length: int) -> Condition:
    """An A-ASSOCIATE-RQ above its limit."""
    return Condition(_DCMNET, 0x0308, f"A-ASSOCIATE PDU too large: {length} bytes, refusing.")


def invalid_pdv_length(length: int) -> Condition:
    """A PDV that is too short for its header or longer than the rest of its PDU."""
    return Condition(
        _DCMNET,
        0x0308,
        f"PDV with invalid length {length} encountered. This probably indicates a malformed P DATA PDU.",
    )


def pdvs_do_not_add_up(count: int) -> Condition:
    """Stray bytes behind the last PDV of a PDU."""
    return Condition(
        _DCMNET,
        0x0307,
        f"PDV lengths don't add up correctly: {count} PDVs. "
        "This probably indicates a malformed P-DATA PDU. PDU type is 04.",
    )


def contexts_in_command(first: int, other: int) -> tuple[Condition, ...]:
    """The context changes between the fragments of a command."""
    return (
        RECEIVE_FAILED,
        Condition(_DCMNET, 0x0206, f"DIMSE: Different PresIDs inside Command Set: {first} != {other}"),
    )


def contexts_in_data_set(first: int, other: int) -> tuple[Condition, ...]:
    """The context changes between the fragments of a data set."""
    return (
        RECEIVE_FAILED,
        Condition(_DCMNET, 0x0206, f"DIMSE: Different PresIDs inside data set: {first} != {other}"),
    )


def odd_fragment(length: int) -> Condition:
    """A data set fragment of odd length (PS3.8 Annex E.1)."""
    return Condition(_DCMNET, 0x020D, f"DIMSE: Odd Fragment Length: {length}")


def element_missing(element: int, keyword: str) -> Condition:
    """A mandatory element of a command is missing or not usable."""
    return Condition(_DCMNET, 0x020B, f"DIMSE: Command Parse Failed: Element: (0000,{element:04x}) {keyword}")


def invalid_command(field: int) -> Condition:
    """A command field that PS3.7 does not know."""
    return Condition(_DCMNET, 0x0201, f"DIMSE_parseCmdObject: Invalid Command Message: 0x{field:x}")


def response_too_long(max_pdu: int) -> tuple[Condition, ...]:
    """The peer's maximum length leaves no room for any response."""
    return (
        SEND_FAILED,
        Condition(
            _DCMNET,
            0x0308,
            "DUL Cannot send P-DATA PDU because receiver's max PDU size of "
            f"{max_pdu} is illegal (must be > 12)",
        ),
    )
