"""The counters of a receiver: numbers in memory that all its processes share, and the observer that counts.

Each process adds to a row of its own; whoever shows the counters sums the rows. The memory is made before the
processes are, so there are no files, a dead process takes nothing with it, and its replacement counts on.
"""

from __future__ import annotations

import mmap
import threading
import time
from bisect import bisect_left
from typing import TYPE_CHECKING

from dcmrecv import observer as ob
from dcmrecv.core import events as ev
from dcmrecv.observer import AssociationObserver, ReceiverObserver

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["DURATIONS", "OUTCOMES", "STATUSES", "Counters", "CountingObserver", "Snapshot"]

OUTCOMES = (
    "released",
    "aborted_by_peer",
    "aborted_by_us",
    "rejected_application_context",
    "rejected_called_title",
    "rejected_calling_title",
    "rejected_limit",
    "rejected_no_context",
    "unusable_request",
    "not_an_association",
    "tls_failed",
    "internal_error",
    "cut_off",
    "refused_address",
    "refused_limit",
)
"""How a connection ended. ``internal_error``: by a mistake in this program; ``cut_off``: by our own stop;
``refused_…``: closed before anything was read."""

STATUSES = ("0000", "A700", "C000", "other")
"""Statuses of C-STORE responses, hexadecimal."""

DURATIONS = (0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1.0, 5.0, 10.0, 60.0)
"""Upper bounds of the histogram of C-STORE durations, seconds; one more bucket holds the rest."""

_SINGLE = (
    "active",
    "associations",
    "accepted",
    "association_microseconds",
    "objects",
    "bytes",
    "echoes",
    "failed_data_sets",
    "store_errors",
    "store_microseconds",
    "last_object_microseconds",
)
_NAMES = (
    *_SINGLE,
    *(f"outcome {name}" for name in OUTCOMES),
    *(f"status {name}" for name in STATUSES),
    *(f"duration {number}" for number in range(len(DURATIONS) + 1)),
)
_PLACES = {name: number for number, name in enumerate(_NAMES)}
_REJECTIONS = {
    ev.RejectReason.UNSUPPORTED_PROTOCOL_VERSION: "unusable_request",
    ev.RejectReason.BAD_APPLICATION_CONTEXT: "rejected_application_context",
    ev.RejectReason.CALLED_AE_TITLE_NOT_RECOGNIZED: "rejected_called_title",
    ev.RejectReason.CALLING_AE_TITLE_NOT_RECOGNIZED: "rejected_calling_title",
    ev.RejectReason.LOCAL_LIMIT_EXCEEDED: "rejected_limit",
    ev.RejectReason.NO_ACCEPTABLE_PRESENTATION_CONTEXTS: "rejected_no_context",
}
_OUTCOMES: dict[type, str] = {
    ob.TlsFailed: "tls_failed",
    ev.NotAnAssociation: "not_an_association",
    ev.RequestUnusable: "unusable_request",
    ev.ReleaseRequested: "released",
    ev.AbortReceived: "aborted_by_peer",
    ev.PeerClosed: "aborted_by_peer",
    ev.ProtocolError: "aborted_by_us",
    ob.Crashed: "internal_error",
}
"""Kinds of event that say how a connection ends."""
_COUNTED: dict[type, tuple[str, ...]] = {
    ob.Connected: ("associations", "active"),
    ev.AssociationAccepted: ("accepted",),
    ev.EchoRequest: ("echoes",),
    ob.DataSetFailed: ("failed_data_sets",),
    ob.NameNotGenerated: ("store_errors",),
    ob.DirectoryNotCreated: ("store_errors",),
    ob.NotStored: ("store_errors",),
    ob.FileNotCreated: ("store_errors",),
    ob.FileNotWritten: ("store_errors",),
}
_STATUS_NAMES = {0x0000: "0000", 0xA700: "A700", 0xC000: "C000"}


class Snapshot:
    """The sums over all processes at one moment; names as in the table of this module."""

    def __init__(self, rows: Sequence[Sequence[int]]) -> None:
        self._sums: list[int] = [sum(column) for column in zip(*rows, strict=True)]
        self.last_object = max(row[_PLACES["last_object_microseconds"]] for row in rows) / 1e6
        """When the last object was stored, seconds since the epoch; 0: none yet."""

    def __getitem__(self, name: str) -> int:
        return self._sums[_PLACES[name]]


class Counters:
    """The shared memory: one row for each of *processes*."""

    def __init__(self, processes: int = 1) -> None:
        self._width = len(_NAMES)
        self._processes = processes
        self._memory = memoryview(mmap.mmap(-1, processes * self._width * 8)).cast("Q")
        self.started = time.time()

    def row(self, number: int) -> memoryview[int]:
        """Return the row of process *number*, to be written by that process alone."""
        return self._memory[number * self._width : (number + 1) * self._width]

    def snapshot(self) -> Snapshot:
        """Return the sums."""
        return Snapshot([self.row(number).tolist() for number in range(self._processes)])


class CountingObserver(ReceiverObserver):
    """Counts into one row of *counters*. Made in the process that serves."""

    def __init__(self, counters: Counters, number: int = 0) -> None:
        self.row = counters.row(number)
        self.lock = threading.Lock()
        self.row[_PLACES["active"]] = 0  # of a process that died

    def add(self, *names: str) -> None:
        """Add one to each of *names*."""
        with self.lock:
            for name in names:
                self.row[_PLACES[name]] += 1

    def observe(self, event: ob.ReceiverEvent) -> None:
        """See `ReceiverObserver.observe`."""
        if isinstance(event, ob.PeerRefused):
            self.add(f"outcome refused_{event.reason}")

    def association(self, peer_address: str, peer_port: int) -> AssociationObserver:
        """See `ReceiverObserver.association`."""
        return _CountingAssociation(self)


class _CountingAssociation(AssociationObserver):
    wanted = frozenset(
        {
            ob.Connected,
            ob.Closed,
            ob.TlsFailed,
            ev.NotAnAssociation,
            ev.RequestUnusable,
            ev.AssociationRejected,
            ev.AssociationAccepted,
            ev.ReleaseRequested,
            ev.AbortReceived,
            ev.PeerClosed,
            ev.ProtocolError,
            ob.Crashed,
            ev.EchoRequest,
            ev.StoreRequest,
            ob.DataSetFailed,
            ob.NameNotGenerated,
            ob.DirectoryNotCreated,
            ob.NotStored,
            ob.FileNotCreated,
            ob.FileNotWritten,
            ob.Stored,
            ob.StoreResponse,
        }
    )

    def __init__(self, counts: CountingObserver) -> None:
        self._counts = counts
        self._outcome = "cut_off"
        self._begun = time.monotonic()
        self._store_begun = 0.0

    def observe(self, event: ob.AssociationEvent) -> None:
        counts = self._counts
        kind = type(event)
        if kind in _OUTCOMES:
            self._outcome = _OUTCOMES[kind]
        elif kind in _COUNTED:
            counts.add(*_COUNTED[kind])
        elif isinstance(event, ev.StoreRequest):
            self._store_begun = time.monotonic()
        elif isinstance(event, ob.Stored):
            with counts.lock:
                counts.row[_PLACES["objects"]] += 1
                counts.row[_PLACES["bytes"]] += event.size
                counts.row[_PLACES["last_object_microseconds"]] = time.time_ns() // 1000
        elif isinstance(event, ob.StoreResponse):
            self._store_response(event.status)
        elif isinstance(event, ev.AssociationRejected):
            self._outcome = _REJECTIONS[event.reason]
        elif isinstance(event, ob.Closed):
            self._closed()

    def _closed(self) -> None:
        counts = self._counts
        counts.add(f"outcome {self._outcome}")
        spent = int((time.monotonic() - self._begun) * 1e6)
        with counts.lock:
            counts.row[_PLACES["active"]] -= 1
            counts.row[_PLACES["association_microseconds"]] += spent

    def _store_response(self, status: int) -> None:
        seconds = time.monotonic() - self._store_begun
        counts = self._counts
        with counts.lock:
            counts.row[_PLACES[f"status {_STATUS_NAMES.get(status, 'other')}"]] += 1
            counts.row[_PLACES["store_microseconds"]] += int(seconds * 1e6)
            counts.row[_PLACES["duration 0"] + bisect_left(DURATIONS, seconds)] += 1
