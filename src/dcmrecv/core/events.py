"""What an `Acceptor` has to say: the events of one connection, in the order of the wire.

Every event is the consequence of bytes (or of their absence) and carries what the edges need to act and to
log. None of them refers to sockets, files, clocks or log levels. UIDs and AE titles are raw bytes, cut and
trimmed as the reference does (spec/network.md a.1, c.1).
"""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import NamedTuple, TypeAlias

from dcmrecv.conditions import Condition
from dcmrecv.config import Role
from dcmrecv.remarks import Remark

__all__ = [
    "AbortReceived",
    "AcceptedAssociation",
    "AssociateRequest",
    "AssociationAccepted",
    "AssociationRejected",
    "ContextOutcome",
    "ContextResult",
    "DataFragments",
    "EchoRequest",
    "Event",
    "NotAnAssociation",
    "PeerClosed",
    "ProposedContext",
    "ProposedExtendedNegotiation",
    "ProposedRole",
    "ProtocolError",
    "RejectReason",
    "ReleaseRequested",
    "RequestReceived",
    "RequestUnusable",
    "Stage",
    "StoreRequest",
    "UserIdentity",
]


class Stage(enum.Enum):
    """What was being waited for or read when something went wrong."""

    COMMAND = "command"
    DATA_SET = "data set"


class ContextOutcome(enum.IntEnum):
    """Result byte of a presentation context item in an A-ASSOCIATE-AC (PS3.8 table 9-18)."""

    ACCEPTED = 0
    USER_REJECTION = 1
    NO_REASON = 2
    ABSTRACT_SYNTAX_NOT_SUPPORTED = 3
    TRANSFER_SYNTAXES_NOT_SUPPORTED = 4
    PROPOSED = 255
    """Never sent: a further context of an ID that was already there; the first one has the last result."""


class RejectReason(enum.Enum):
    """Why an association was refused; the value is (result, source, reason) of the A-ASSOCIATE-RJ."""

    UNSUPPORTED_PROTOCOL_VERSION = (1, 2, 2)
    BAD_APPLICATION_CONTEXT = (2, 1, 2)
    CALLING_AE_TITLE_NOT_RECOGNIZED = (1, 1, 3)
    CALLED_AE_TITLE_NOT_RECOGNIZED = (1, 1, 7)
    NO_ACCEPTABLE_PRESENTATION_CONTEXTS = (1, 1, 1)
    LOCAL_LIMIT_EXCEEDED = (2, 3, 2)


class ProposedContext(NamedTuple):
    """A presentation context item of the request, as proposed."""

    context_id: int
    abstract_syntax: bytes
    transfer_syntaxes: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class ProposedRole:
    """A role selection sub-item, after the reference's reading of odd values (spec/network.md a.3)."""

    sop_class: bytes
    role: Role


@dataclass(frozen=True, slots=True)
class ProposedExtendedNegotiation:
    """A SOP class extended negotiation sub-item."""

    sop_class: bytes
    data: bytes


@dataclass(frozen=True, slots=True)
class UserIdentity:
    """A user identity sub-item. It is logged and never answered."""

    kind: int
    response_requested: bool
    primary: bytes
    secondary: bytes


@dataclass(frozen=True, slots=True)
class AssociateRequest:
    """A well-formed A-ASSOCIATE-RQ."""

    protocol_version: int
    called_ae_title: bytes
    calling_ae_title: bytes
    application_context: bytes
    contexts: tuple[ProposedContext, ...]
    max_pdu: int
    implementation_class_uid: bytes
    implementation_version_name: bytes
    roles: tuple[ProposedRole, ...]
    extended_negotiation: tuple[ProposedExtendedNegotiation, ...]
    user_identity: UserIdentity | None


class ContextResult(NamedTuple):
    """One evaluated presentation context. `transfer_syntax` is meaningful when accepted."""

    context_id: int
    abstract_syntax: bytes
    outcome: ContextOutcome
    transfer_syntax: bytes
    proposed_role: Role | None
    """None: default role (no role sub-item for the class)."""
    accepted_role: Role | str | None
    """None: default; the string ``"NONE"`` when both bytes of the answer are 0."""
    proposed_transfer_syntaxes: tuple[bytes, ...] = ()
    """Of a context that stays `ContextOutcome.PROPOSED`."""


@dataclass(frozen=True, slots=True)
class AcceptedAssociation:
    """What was agreed, shared by everything that serves the association."""

    request: AssociateRequest
    contexts: tuple[ContextResult, ...]
    """One entry per evaluated context, in order, refused ones included."""
    max_receive_pdu: int
    max_send_pdv: int
    """Largest PDV we send, bytes (the log's "Max Send PDV")."""
    extended_negotiation: tuple[ProposedExtendedNegotiation, ...]
    """What our A-ASSOCIATE-AC says, profile order."""
    notes: tuple[Remark, ...] = ()


@dataclass(frozen=True, slots=True)
class NotAnAssociation:
    """The first PDU was another upper layer PDU, or the peer left before a whole PDU header.

    The reference logs an association without titles and a refusal (spec/network.md a.1 step 1).
    """

    pdu_type: int | None


@dataclass(frozen=True, slots=True)
class RequestUnusable:
    """No reply, or only an A-ASSOCIATE-RJ for the protocol version: ``Could not receive ...: {text}``.

    Also follows `RequestReceived` when the answer cannot be made (spec/network.md a.1 steps 9 and 11): then
    there is no `cause`, and the error is the last of `notes`.
    """

    cause: Condition | None
    raw: bytes = b""
    """The whole PDU if its body was read, for the debug hex dump."""
    parsed: bool = False
    """True if the items were looked at: the body was read, is long enough and the version is right."""
    notes: tuple[Remark, ...] = ()


@dataclass(frozen=True, slots=True)
class RequestReceived:
    """A well-formed request, before anything is decided. `raw` is the whole PDU with its header."""

    request: AssociateRequest
    raw: bytes
    notes: tuple[Remark, ...] = ()
    """Warnings while parsing."""
    receive_notes: tuple[Remark, ...] = ()
    """Warnings about the peer's maximum length, which follow the line "Association Received"."""


@dataclass(frozen=True, slots=True)
class AssociationRejected:
    """An A-ASSOCIATE-RJ is waiting to be sent."""

    reason: RejectReason
    contexts: tuple[ContextResult, ...] = ()
    """Evaluated contexts, when that step was reached."""
    notes: tuple[Remark, ...] = ()


@dataclass(frozen=True, slots=True)
class AssociationAccepted:
    """An A-ASSOCIATE-AC is waiting to be sent."""

    association: AcceptedAssociation


class EchoRequest(NamedTuple):
    """A complete C-ECHO-RQ."""

    context_id: int
    message_id: int
    sop_class_uid: bytes
    command_set: bytes
    """The command set as received, Implicit VR Little Endian."""
    notes: tuple[Remark, ...] = ()


class StoreRequest(NamedTuple):  # one for each object: made in a third of the time of a frozen dataclass
    """A complete C-STORE-RQ command; its data set follows as `DataFragments`."""

    context_id: int
    message_id: int
    sop_class_uid: bytes
    sop_instance_uid: bytes
    transfer_syntax: bytes
    """Of the command's presentation context."""
    priority: int
    data_set_type: int
    move_originator_ae_title: bytes | None
    move_originator_message_id: int | None
    command_set: bytes
    notes: tuple[Remark, ...] = ()


class DataFragments(NamedTuple):
    """Data set fragments of one C-STORE, in order: views into the receive buffer.

    The views are valid until the acceptor is given more bytes. A fragment may be empty. `sizes` of PDVs are
    the lengths of the views: each view is one whole PDV's data.
    """

    views: list[memoryview]
    last: bool
    """True if the final view ends the data set."""
    context_id: int


@dataclass(frozen=True, slots=True)
class ReleaseRequested:
    """A-RELEASE-RQ; the A-RELEASE-RP is waiting to be sent. `stage` says whether a data set was cut off."""

    stage: Stage
    command_started: bool = False
    """As `ProtocolError.command_started`."""


@dataclass(frozen=True, slots=True)
class AbortReceived:
    """A-ABORT from the peer."""

    source: int
    reason: int
    stage: Stage
    command_started: bool = False
    """As `ProtocolError.command_started`."""


@dataclass(frozen=True, slots=True)
class PeerClosed:
    """End of stream, reset or 60 s of silence at a PDU boundary of an established association."""

    stage: Stage
    command_started: bool = False
    """As `ProtocolError.command_started`."""


@dataclass(frozen=True, slots=True)
class ProtocolError:
    """We abort: an A-ABORT is waiting to be sent (or, when `sent` is False, cannot be).

    `causes` are the lines after ``DIMSE Error, detail (if available):``, outermost first.
    """

    stage: Stage
    causes: tuple[Condition, ...]
    context_id: int | None = None
    """Context of the data set when known (the number in "Unable to receive dataset ...")."""
    command_set: bytes = b""
    """The command set that a storage SCP does not handle, for the debug dump; else empty."""
    command_field: int = 0
    """Command Field of `command_set`."""
    context_of_command: int | None = None
    """Presentation context of `command_set`."""
    notes: tuple[Remark, ...] = ()
    """Remarks on the elements of a command that could not be used."""
    command_started: bool = False
    """True if at least one byte of a command set was parsed and no event named that command."""


Event: TypeAlias = (
    NotAnAssociation
    | RequestUnusable
    | RequestReceived
    | AssociationRejected
    | AssociationAccepted
    | EchoRequest
    | StoreRequest
    | DataFragments
    | ReleaseRequested
    | AbortReceived
    | PeerClosed
    | ProtocolError
)
