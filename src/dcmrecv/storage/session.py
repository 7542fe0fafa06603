"""What the association driver sees of a C-STORE: a session that takes fragments and ends in a status.

The driver (`dcmrecv.server.association`) calls `StoreSession.receive` for every batch of fragments, then either
`complete` or, when the data set never got whole, `discard`. Sessions hand the observer the events of
`dcmrecv.observer`, in the reference's order (spec/network.md f.1):

* normal: `DataSetStarted` and remarks while receiving; in `complete` `ProcessingStore`, `NameGenerated`,
  `Overwriting`, `MetaHeaderWritten`, and `Stored` or one of `NameNotGenerated`, `DirectoryNotCreated`, `NotStored`;
* bit preserving: `NameGenerated` and `Overwriting` when the session is made, `FileNotCreated` or
  `FileNotWritten` while receiving, `Stored` in `complete`;
* ignore: as normal while receiving, `Ignored` in `complete`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from dcmrecv.conditions import Condition
from dcmrecv.memory import Account

if TYPE_CHECKING:
    from dcmrecv.core.events import AcceptedAssociation, StoreRequest
    from dcmrecv.observer import AssociationObserver

__all__ = [
    "CANNOT_UNDERSTAND",
    "OUT_OF_RESOURCES",
    "STORED",
    "SUCCESS",
    "ReceiveFailure",
    "RequestRefused",
    "StoreResult",
    "StoreSession",
]

SUCCESS = 0x0000
OUT_OF_RESOURCES = 0xA700
CANNOT_UNDERSTAND = 0xC000


class StoreResult(NamedTuple):
    """How a C-STORE ended: the status of the response, and why to abort after it, if so."""

    status: int
    abort: tuple[Condition, ...] | None = None
    details: bytes = b""
    """Elements that stand behind the status in the response, encoded (PS3.7 C.4)."""


STORED = StoreResult(SUCCESS)
"""How nearly all of them end."""


class ReceiveFailure(NamedTuple):
    """Why a data set cannot be received: the association is aborted without a response."""

    conditions: tuple[Condition, ...]
    fragments: int | None = None
    """How many fragments of the batch count as received; None: all (spec/storage.md 1)."""


class RequestRefused(Exception):
    """A request gets no answer; the association is aborted with `conditions`."""

    def __init__(self, conditions: tuple[Condition, ...]) -> None:
        super().__init__(*map(str, conditions))
        self.conditions = conditions


class StoreSession:
    """One C-STORE. Used by one thread."""

    __slots__ = ("account", "association", "charged", "dropped", "observer", "request")

    to_file = False
    """True if the data set goes to its file as it comes (bit preserving)."""

    def __init__(
        self, request: StoreRequest, association: AcceptedAssociation, observer: AssociationObserver
    ) -> None:
        self.request = request
        self.association = association
        self.observer = observer
        self.dropped = False
        """True if the data set was received but thrown away because its file failed (bit preserving)."""
        self.account: Account | None = None
        """What is remembered of the data set is charged to it; set by the driver."""
        self.charged = 0
        """Bytes charged so far; the driver gives them back when the session is over."""

    def charge(self, size: int) -> None:
        """Charge *size* bytes more to `account`. Raises `MemoryBudgetExceeded`."""
        if self.account is not None:
            self.charged += size
            self.account.charge(size)

    def receive(self, views: list[memoryview], last: bool, context_id: int) -> ReceiveFailure | None:
        """Take fragments; they are written or copied when this returns, except those of the *last* batch,
        which stay valid until `complete`."""
        raise NotImplementedError

    def complete(self) -> StoreResult:
        """All fragments are there: publish the object and return the result. May raise `RequestRefused`."""
        raise NotImplementedError

    def keep_or_discard(self) -> None:
        """The data set came on another presentation context than its command: the association is aborted.

        Bit preserving keeps the file (as the reference does), the other modes forget the object.
        """
        self.discard()

    def discard(self) -> None:
        """The object will not be stored: remove what was written. May be called again."""
        raise NotImplementedError
