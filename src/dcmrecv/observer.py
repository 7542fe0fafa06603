"""What a receiver says about its work: typed events, in the order things happen.

The engine hands each event to `AssociationObserver.observe`; it never builds a text. The dialect implements an
observer that prints the reference's log lines; metrics, the spool and embedding programs are others.

An event is an instance of one of the classes below, or of `dcmrecv.core.events` where that event of the
protocol says all there is to say. Each observer names the kinds it wants in `AssociationObserver.wanted`, and the
engine asks ``Kind in wanted`` before it makes an event: what no observer wants costs that test. The numbers
are those of the table in spec/network.md f.1.

Observers must not block: the peer waits. What they raise is the business of `dcmrecv.receiver.observer_fanout`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, TypeAlias

from dcmrecv.conditions import Condition
from dcmrecv.core import events as ev
from dcmrecv.remarks import Remark

__all__ = [
    "AssociationEvent", "AssociationObserver", "Closed", "CommandRemark", "Connected", "ContextsDiffer", "Crashed",
    "CutOff", "DataSetDropped", "DataSetFailed", "DataSetReceived", "DataSetRemark", "DataSetStarted",
    "DataSetUnreadable", "DebugRemark", "DictionaryUnusable", "DirectoryNotCreated", "EchoResponse", "EchoResponseSent",
    "FileNotCreated", "FileNotWritten", "Ignored", "InternalError", "MetaHeaderWritten", "NameGenerated",
    "NameNotGenerated", "NotStored", "OutputDirectoryRemade", "OutputFileSystemChanged", "Overwriting",
    "PeerRefused", "ProcessingStore", "ReceiverEvent", "ReceiverObserver", "ResponseFailed", "ShortageBegan",
    "ShortageEnded", "SpoolBehind", "SpoolCaughtUp", "SpoolLost", "StopBegan", "StoreResponse", "StoreStarted",
    "Stored", "Terminated", "TlsDetails", "TlsEstablished", "TlsFailed", "Waiting", "WireReceived",
    "WorkerEnded", "WorkerNotStarted", "WorkerStarted",
]  # fmt: skip


# -- the connection ------------------------------------------------------------------------------------


class Connected(NamedTuple):
    """9: a connection was accepted, before anything is read."""


class WireReceived(NamedTuple):
    """Bytes as they arrived (behind TLS), before the core sees them. Trace level."""

    data: memoryview
    """Valid until `AssociationObserver.observe` returns."""


class TlsEstablished(NamedTuple):
    """The TLS handshake is done."""

    warnings: Sequence[str]
    """About the peer's certificate."""


class TlsDetails(NamedTuple):
    """What was agreed in the handshake, after `TlsEstablished`. Debug level."""

    text: str


class TlsFailed(NamedTuple):
    """The TLS handshake failed: lines of dcmtls, then 18 with *text*."""

    lines: Sequence[tuple[str, str]]
    """(level letter, text)."""
    text: str


class Terminated(NamedTuple):
    """40: the association is over."""


class Crashed(NamedTuple):
    """A mistake in this program ends the association. Not a line of the reference."""

    error: Exception


class Closed(NamedTuple):
    """The connection is gone; nothing follows. Not a line of the reference."""


# -- commands ------------------------------------------------------------------------------------------
#
# `dcmrecv.core.events.EchoRequest` and `StoreRequest` come first for every complete command: 19 (command),
# the remarks on its elements and, for an echo, the first half of 20 or 21.


class EchoResponse(NamedTuple):
    """20 or 21, second half, before the response is sent."""

    request: ev.EchoRequest
    status: int


class EchoResponseSent(NamedTuple):
    """21: C-ECHO Response successfully sent."""


class StoreStarted(NamedTuple):
    """22. In bit-preserving mode after `NameGenerated` and `Overwriting`."""

    request: ev.StoreRequest


class StoreResponse(NamedTuple):
    """30, before the response is sent."""

    request: ev.StoreRequest
    status: int


class ResponseFailed(NamedTuple):
    """31: a response could not be sent. `ProtocolError` with the same causes follows."""

    service: str
    """``"C-STORE"`` or ``"C-ECHO"``."""
    causes: Sequence[Condition]


# -- the data set --------------------------------------------------------------------------------------


class DataSetStarted(NamedTuple):
    """19 (data set, normal and ignore mode): the first byte of a data set is parsed. Debug level."""

    transfer_syntax: bytes


class CommandRemark(NamedTuple):
    """Something odd in the command set of a C-STORE; follows the `StoreRequest`, in the order of the elements."""

    remark: Remark


class DataSetRemark(NamedTuple):
    """A warning or an error of the data set parser (logger dcmdata). Without a taker the parser makes none."""

    remark: Remark


class DebugRemark(DataSetRemark):
    """A debug line of the data set parser."""

    __slots__ = ()


class DataSetUnreadable(NamedTuple):
    """32: the parser gave up (after its remarks, before `DataSetFailed`)."""

    reason: str
    """``Invalid stream``, ..."""


class DataSetReceived(NamedTuple):
    """24: all fragments are there; then the dump of the request."""

    request: ev.StoreRequest
    context_id: int
    to_file: bool


class DataSetFailed(NamedTuple):
    """33, dump of the request, 34: the data set could not be received; `ProtocolError` follows, or the end."""

    request: ev.StoreRequest
    context_id: int | None
    """Presentation context of the data set, None if no fragment of it came."""
    causes: Sequence[Condition]


class DataSetDropped(NamedTuple):
    """Dump of the request, 34: all fragments came, but `FileNotCreated` or `FileNotWritten` before.

    Takes the place of `DataSetReceived`; `StoreResponse` and `ProtocolError` follow.
    """

    request: ev.StoreRequest


class CutOff(NamedTuple):
    """The receiver stops, and the grace time for this C-STORE is over. Not a line of the reference."""

    request: ev.StoreRequest
    association: ev.AcceptedAssociation


class ContextsDiffer(NamedTuple):
    """c.3: Presentation Context ID of command and data set differs."""

    request: ev.StoreRequest
    context_id: int
    """Of the data set."""


# -- storage -------------------------------------------------------------------------------------------


class ProcessingStore(NamedTuple):
    """25's first line (normal mode)."""


class NameGenerated(NamedTuple):
    """23 (before reception) or 25's second line."""

    path: bytes
    before_reception: bool


class Overwriting(NamedTuple):
    """26."""

    path: bytes


class MetaHeaderWritten(NamedTuple):
    """27: normal mode, writing. Debug level."""

    transfer_syntax: bytes
    class_uid: bytes
    instance_uid: bytes
    class_found: bool
    """The UID stands in the data set; else one was chosen. The next one likewise."""
    instance_found: bool


class Stored(NamedTuple):
    """28: the object is published under *path*, and the sender does not know yet."""

    path: bytes
    request: ev.StoreRequest
    size: int
    """Bytes of the file."""


class Ignored(NamedTuple):
    """29."""


class NameNotGenerated(NamedTuple):
    """35: no name can be made for the object."""

    reason: str
    before_reception: bool


class DirectoryNotCreated(NamedTuple):
    """35: the directory of the object is not there and cannot be made, or not be entered."""

    path: bytes
    reason: str
    before_reception: bool


class NotStored(NamedTuple):
    """35: normal mode, the file could not be written or get its name."""

    path: bytes
    reason: str


class FileNotCreated(NamedTuple):
    """36: bit-preserving, the file cannot be opened. With the first fragment, after `StoreStarted`."""

    path: bytes
    context_id: int
    """Of the data set."""


class FileNotWritten(NamedTuple):
    """36: bit-preserving, Cannot write to file. When the write fails."""

    context_id: int


AssociationEvent: TypeAlias = (
    Connected | WireReceived | TlsEstablished | TlsDetails | TlsFailed | Terminated | Crashed | Closed |
    ev.NotAnAssociation | ev.RequestUnusable | ev.RequestReceived | ev.AssociationRejected | ev.AssociationAccepted
    | ev.EchoRequest | ev.StoreRequest | ev.DataFragments | ev.ReleaseRequested | ev.AbortReceived | ev.PeerClosed |
    ev.ProtocolError | EchoResponse | EchoResponseSent | StoreStarted | StoreResponse | ResponseFailed |
    CommandRemark | DataSetStarted | DataSetRemark | DataSetUnreadable | DataSetReceived | DataSetFailed |
    DataSetDropped | ContextsDiffer | CutOff | ProcessingStore | NameGenerated | Overwriting | MetaHeaderWritten |
    Stored | Ignored | NameNotGenerated | DirectoryNotCreated | NotStored | FileNotCreated | FileNotWritten
)  # fmt: skip


class AssociationObserver:
    """Observes one connection; used by one thread at a time. The base class wants nothing."""

    wanted: frozenset[type] = frozenset()
    """The kinds of event that `observe` is called with. Does not change while the connection lives."""
    holds_back: bool = True
    """False if `flush` need not be called. Does not change while the connection lives."""

    def observe(self, event: AssociationEvent) -> None:
        """Take an event of a wanted kind."""

    def flush(self) -> None:
        """Hand collected lines to the operating system; called before every wait for the peer."""


# -- the receiver --------------------------------------------------------------------------------------


class Waiting(NamedTuple):
    """8: about to wait for a connection (the odd ``-pdu`` warning)."""


class DictionaryUnusable(NamedTuple):
    """An association is about to be aborted because the data dictionary lacks what DIMSE needs."""


class OutputDirectoryRemade(NamedTuple):
    """The output directory had vanished and was made again. Not a line of the reference; nor are the next ones."""

    path: bytes


class OutputFileSystemChanged(NamedTuple):
    """The output directory is on another file system than before: perhaps a volume is not mounted any more."""

    path: bytes


class SpoolBehind(NamedTuple):
    """Lines cannot be written to the spool now; they are kept and will be written."""

    path: bytes
    reason: str


class SpoolCaughtUp(NamedTuple):
    """Lines are written to the spool again."""

    path: bytes
    lost: int
    """Lines for which there was no room meanwhile."""


class SpoolLost(NamedTuple):
    """The receiver ends, and lines could not be written to the spool."""

    path: bytes
    lost: int


class ShortageBegan(NamedTuple):
    """The system has no more of what serving needs: connections wait until it has."""

    resource: str
    """``"file descriptors"``, ``"threads"`` or ``"memory"``."""


class ShortageEnded(NamedTuple):
    """There is enough again; comes once for each `ShortageBegan`."""

    resource: str


class PeerRefused(NamedTuple):
    """A connection is not served; no association has an observer for it, unless its peer is over its number."""

    host: str
    reason: str
    """``"address"`` (it is not on the list), ``"limit"`` (it has too many associations) or ``"proxy"`` (it is a
    balancer and sent no good PROXY protocol header)."""


class InternalError(NamedTuple):
    """A mistake in this program where no association has an observer for it."""

    error: BaseException


class StopBegan(NamedTuple):
    """No more connections are accepted, and C-STOREs are running. An idle receiver stops without a word."""

    grace: float
    """Seconds that running C-STOREs may take."""


class WorkerEnded(NamedTuple):
    """A worker process ended before it was to; it will be replaced."""

    number: int
    pid: int
    status: int | None
    """As `os.waitpid` returns it; None if unknown."""
    ill: bool
    """It did not accept connections any more and was killed for that."""


class WorkerNotStarted(NamedTuple):
    """A worker process cannot be started; that is tried again, and not reported again for the same reason."""

    number: int
    reason: str


class WorkerStarted(NamedTuple):
    """A worker process runs at last, after `WorkerNotStarted`."""

    number: int
    pid: int


ReceiverEvent: TypeAlias = (
    Waiting | DictionaryUnusable | OutputDirectoryRemade | OutputFileSystemChanged | SpoolBehind | SpoolCaughtUp |
    SpoolLost | ShortageBegan | ShortageEnded | PeerRefused | InternalError | StopBegan | WorkerEnded |
    WorkerNotStarted | WorkerStarted
)  # fmt: skip


class ReceiverObserver:
    """Observes a whole receiver, from several threads; hands out the observer of each connection."""

    def association(self, peer_address: str, peer_port: int) -> AssociationObserver:
        """Return the observer of a new connection."""
        return AssociationObserver()

    def observe(self, event: ReceiverEvent) -> None:
        """Take an event of the receiver, of any kind."""

    def flush(self) -> None:
        """Hand everything over to the operating system."""
