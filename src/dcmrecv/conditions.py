"""Conditions: DCMTK's OFCondition, a module number, a code in it and a text. All of them are here.

The reference prints conditions as ``{module:code text}``; several of them, outermost first, explain one failure
(spec/network.md f.1, "Codes in use").
"""

from __future__ import annotations

from typing import NamedTuple

__all__ = ["Condition"]


class Condition(NamedTuple):
    """``{module:04x}:{code:04x} {text}`` of the reference."""

    module: int
    code: int
    text: str

    def __str__(self) -> str:
        return f"{self.module:04x}:{self.code:04x} {self.text}"


_DCMDATA = 1
_DCMNET = 6

NORMAL = Condition(0, 0, "Normal")
INVALID_STREAM = Condition(_DCMDATA, 4, "Invalid stream")
CORRUPTED_DATA = Condition(_DCMDATA, 6, "Corrupted data")
SEQUENCE_DELIMITER_MISSING = Condition(_DCMDATA, 34, "Sequence Delimitation Item missing")
INVALID_TAG = Condition(_DCMDATA, 1, "Invalid tag")
ILLEGAL_CALL = Condition(_DCMDATA, 7, "Illegal call, perhaps wrong parameters")
REPRESENTATION_NOT_FOUND = Condition(_DCMDATA, 13, "Pixel representation not found")
ELEMENT_LARGER_THAN_ITEM = Condition(
    _DCMDATA, 27, "Length of element larger than explicit length of surrounding item"
)
ITEM_DELIMITER_MISSING = Condition(_DCMDATA, 38, "Item Delimitation Item missing")
PREMATURE_SEQUENCE_DELIMITER = Condition(
    _DCMDATA, 39, "Sequence Delimitation Item occurred before Item was completely read"
)
UNDEFINED_LENGTH_OB_OW = Condition(
    _DCMDATA,
    51,
    "Illegal element with OB or OW Value Representation and undefined length encountered",
)
VOI_LUT_OB_OW = Condition(
    _DCMDATA,
    52,
    "Illegal VOI LUT Sequence element with OB or OW Value Representation and explicit length encountered",
)
PIXEL_DATA_EXPLICIT_LENGTH = Condition(
    _DCMDATA,
    53,
    "Pixel data in top level dataset in compressed Transfer Syntax uses explicit length",
)
NESTING_TOO_DEEP = Condition(_DCMDATA, 69, "Maximum sequence nesting depth exceeded")
"""Of DCMTK after 3.7.0 (CVE-2026-44031); 3.6.8 has no limit and dies."""
BAD_CONTEXT = Condition(_DCMNET, 0x0101, "ASC Bad presentation context ID")
BAD_COMMAND_TYPE = Condition(_DCMNET, 0x0201, "DIMSE Bad command type")
BAD_MESSAGE = Condition(_DCMNET, 0x0203, "DIMSE Badly formed message")
NO_DATA = Condition(_DCMNET, 0x0207, "DIMSE No data available (timeout in non-blocking mode)")
NO_DICTIONARY = Condition(_DCMNET, 0x0213, "Data dictionary missing")
MISSING_COMMAND_FIELD = Condition(_DCMNET, 0x020B, "DIMSE_parseCmdObject: Missing CommandField")
READ_PDV_FAILED = Condition(_DCMNET, 0x020C, "DIMSE Read PDV failed")
RECEIVE_FAILED = Condition(_DCMNET, 0x020D, "DIMSE Failed to receive message")
COMMAND_UNREADABLE = Condition(_DCMNET, 0x020D, "DIMSE: receiveCommand: cmdSet->read() Failed")
OUT_OF_MEMORY = Condition(_DCMNET, 0x020D, "memory budget of all connections exceeded")
"""Ours (`dcmrecv.memory`)."""
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

REQUEST_TOO_LONG = Condition(_DCMNET, 0x0308, "A-ASSOCIATE PDU too large")
NO_TRANSFER_SYNTAX = Condition(_DCMNET, 0x0315, "DUL Presentation Context translation failure")
PEER_ABORTED = Condition(_DCMNET, 0x0317, "Peer aborted Association (or never connected)")
PEER_RELEASED = Condition(_DCMNET, 0x0319, "DUL Peer Requested Release")
INVALID_SOP_CLASS = Condition(_DCMNET, 0x03E8, "Invalid SOP Class UID")
CONTEXTS_DIFFER = Condition(_DCMNET, 0x0206, "DIMSE: Presentation Contexts of Command and Data Set differ")
FILE_NOT_WRITTEN = Condition(_DCMNET, 0x020A, "DIMSE receiveDataSetInFile: Cannot write to file")
HANDLER_ABORTS = Condition(_DCMNET, 0x0317, "A handler of the program aborts the association")


def limit_exceeded(what: str) -> Condition:
    """A data set that meets one of our own limits."""
    return Condition(_DCMDATA, 4, f"Limit exceeded: {what}")


def zlib_error(message: str) -> Condition:
    """A damaged deflated data set."""
    return Condition(_DCMDATA, 16, f"ZLib Error: {message}")


def unrecognized_pdu(kind: int) -> Condition:
    """A PDU type that PS3.8 does not know."""
    return Condition(_DCMNET, 0x0321, f"Unrecognized PDU type: {kind:2x}")


def pdu_too_long(length: int, limit: int) -> Condition:
    """A P-DATA-TF PDU above the advertised maximum."""
    return Condition(_DCMNET, 0x0308, f"DUL Illegal PDU Length {length}.  Max expected {limit}")


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


def command_too_long(limit: int) -> Condition:
    """A command set of more than *limit* bytes. Ours: the reference has no limit."""
    return Condition(_DCMNET, 0x020D, f"DIMSE: Command set of more than {limit} bytes")


def command_in_pieces(limit: int) -> Condition:
    """A command set of more than *limit* fragments. Ours: the reference has no limit."""
    return Condition(_DCMNET, 0x020D, f"DIMSE: Command set of more than {limit} fragments")


# -- an A-ASSOCIATE-RQ that cannot be read (spec/network.md a.1 step 4) --------------------------------


def unsupported_protocol(version: int) -> Condition:
    """Bit 0 of the protocol version is not set."""
    return Condition(
        _DCMNET, 0x0322, f"DUL Unsupported peer protocol {version:04x}; expected 0001 in parseAssociate"
    )


def illegal_item(what: str, got: int, minimum: int, length: int) -> Condition:
    """An item of which *got* bytes are there, too few by its nature (*minimum*) or by its own *length*."""
    text = f"DUL Illegal {what}. Got {got} bytes of data"
    if length:
        text += f" with a length field of {length} (data before length field is not included in length field)"
    if minimum:
        text += f". The minimum allowed size is {minimum}"
    return Condition(_DCMNET, 0x0308, text + ".")


def subitem_too_long(length: int, limit: int) -> Condition:
    """A UID or name of more than *limit* bytes."""
    return Condition(
        _DCMNET, 0x0308, f"DUL illegal subitem length {length}. Maximum allowed size is {limit}."
    )


def identity_too_short(left: int) -> Condition:
    """A user identity sub-item of which only *left* bytes are there."""
    return Condition(_DCMNET, 0x0308, f"DUL user identity rq length {left}. Need at least 10 bytes")


def illegal_identity(left: int, *lengths: int) -> Condition:
    """A user identity sub-item in *left* bytes: its length, then those of its fields as far as they were read.

    The reference prints these 16 bit numbers as signed ones.
    """
    signed = [value - 0x10000 if value & 0x8000 else value for value in lengths]
    text = f"DUL illegal user identify rq length {left}. Info claims to be {signed[0]} bytes."
    for name, value in zip(("Primary", "Secondary"), signed[1:], strict=False):
        text += f" {name} field has {value} bytes."
    return Condition(_DCMNET, 0x0308, text)


# -- sending and storing -------------------------------------------------------------------------------


def connection_lost(reason: str) -> tuple[Condition, ...]:
    """A response cannot be sent: *reason* is the system's."""
    text = f"TCP I/O Error ({reason}) occurred in routine: writeDataPDU"
    return (SEND_FAILED, Condition(_DCMNET, 0x031D, text))


def file_not_created(path: str) -> Condition:
    """Bit-preserving mode: the file cannot be opened."""
    return Condition(_DCMNET, 0x020A, f"Cannot create file: {path}")


def no_file_name(reason: str) -> Condition:
    """No name for the object."""
    return Condition(0, 0x000E, reason)


def no_directory(reason: str) -> Condition:
    """No directory for the object."""
    return Condition(0, 0x000D, reason)
