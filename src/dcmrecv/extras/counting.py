"""The observer that counts into the shared memory of `dcmrecv.extras.counters`."""

from __future__ import annotations

import re
import threading
import time
from bisect import bisect_left
from typing import TYPE_CHECKING

from dcmrecv import observer as ob
from dcmrecv.core import events as ev
from dcmrecv.extras.counters import (
    DURATIONS,
    HIDDEN,
    LATEST,
    OTHER,
    PHASES,
    PLACES,
    RUNNING,
    TITLES,
    Counters,
    Texts,
)
from dcmrecv.observer import AssociationObserver, ReceiverObserver

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dcmrecv.conditions import Condition

__all__ = ["CountingObserver"]

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


_FILE_FAILURES = {
    ob.FileNotCreated: "the file cannot be created",
    ob.FileNotWritten: "the file cannot be written",
}
_HISTOGRAMS = {name: PLACES[f"{name} 0"] for name in ("store", *PHASES)}  # each followed by its sum
_NOT_PLAIN = re.compile(r"[^ -~]")


def _plain(text: str | bytes, length: int) -> str:
    """Return at most *length* characters of *text*, with a question mark for whatever is not printable ASCII."""
    if isinstance(text, bytes):
        text = text[:length].decode("latin-1")
    text = text[:length]
    return text if text.isascii() and text.isprintable() else _NOT_PLAIN.sub("?", text)


def _in_words(causes: Sequence[Condition]) -> str:
    return ": ".join(each.text for each in causes) or "no reason is known"


class CountingObserver(ReceiverObserver):
    """Counts into one part of *counters*. Made in the process that serves."""

    def __init__(self, counters: Counters, number: int = 0) -> None:
        self.row = counters.row(number)
        self.texts = counters.texts(number)
        self.identifiers = counters.identifiers
        self.lock = threading.Lock()
        self._free = list(range(RUNNING))
        self._titles = {
            title[0]: place
            for place in range(TITLES)
            if (title := self.texts.get(Texts.titles + place)) is not None
        }
        self._latest = {Texts.objects: 0, Texts.failures: 0}
        self.row[PLACES["active"]] = 0  # of a process that died
        for place in self._free:
            self.texts.clear(Texts.running + place)

    def add(self, *names: str, number: int = 1) -> None:
        """Add *number* to each of *names*."""
        with self.lock:
            for name in names:
                self.row[PLACES[name]] += number

    def time(self, **durations: float) -> None:
        """Put durations, in seconds, into the histograms named."""
        row = self.row
        with self.lock:
            for histogram, seconds in durations.items():
                first = _HISTOGRAMS[histogram]
                row[first + bisect_left(DURATIONS, seconds)] += 1
                row[first + len(DURATIONS) + 1] += max(int(seconds * 1e6), 0)

    def title(self, title: str) -> int:
        """Return the number under which *title* is counted."""
        with self.lock:
            number = self._titles.get(title, OTHER)
            if number == OTHER and len(self._titles) < TITLES and title:
                number = self._titles[title] = len(self._titles)
                self.texts.put(Texts.titles + number, title)
            return number

    def remember(self, begin: int, *value: object) -> None:
        """Keep *value* among the latest objects or failures, *begin* says which of `Texts`."""
        with self.lock:
            number = self._latest[begin]
            self._latest[begin] = (number + 1) % LATEST
            self.texts.put(begin + number, time.time(), *value)

    def begin(self, *value: object) -> int:
        """Show *value* as a running association, under the number returned."""
        with self.lock:
            if not self._free:
                return HIDDEN
            number = self._free.pop()
            for what in ("objects", "bytes"):
                self.row[PLACES[f"running {number} {what}"]] = 0
            self.texts.put(Texts.running + number, *value)
            return number

    def end(self, number: int) -> None:
        """The association with *number* is over."""
        if number != HIDDEN:
            with self.lock:
                self.texts.clear(Texts.running + number)
                self._free.append(number)

    def observe(self, event: ob.ReceiverEvent) -> None:
        """See `ReceiverObserver.observe`."""
        if isinstance(event, ob.PeerRefused):
            self.add(f"outcome refused_{event.reason}")

    def association(self, peer_address: str, peer_port: int) -> AssociationObserver:
        """See `ReceiverObserver.association`."""
        return _CountingAssociation(self, peer_address)


class _CountingAssociation(AssociationObserver):
    wanted = frozenset(
        {
            *_OUTCOMES,
            *_COUNTED,
            ob.Closed,
            ev.RequestReceived,
            ev.AssociationRejected,
            ev.StoreRequest,
            ev.DataFragments,
            ob.DataSetReceived,
            ob.MetaHeaderWritten,
            ob.Stored,
            ob.StoreResponse,
        }
    )
    _calling = _called = ""
    _number = HIDDEN  # among the running associations
    _title = OTHER
    _store_begun = 0.0
    _written = 0.0  # seconds of the current object that went into parsing and writing
    _busy_since = 0.0  # when the last fragments came, 0 while the sender is waited for
    _whole = 0.0  # when the file was complete
    _reported = False  # why the current object failed

    def __init__(self, counts: CountingObserver, peer: str) -> None:
        self._counts = counts
        self._peer = _plain(peer, 45) if counts.identifiers else ""
        self._outcome = "cut_off"
        self._begun = time.monotonic()

    def flush(self) -> None:
        """See `AssociationObserver.flush`: the sender is waited for from now on."""
        if self._busy_since:
            self._written += time.monotonic() - self._busy_since
            self._busy_since = 0.0

    def observe(self, event: ob.AssociationEvent) -> None:
        counts = self._counts
        kind = type(event)
        if isinstance(event, ev.DataFragments):
            self._fragments(sum(map(len, event.views)))
        elif isinstance(event, ev.StoreRequest):
            self._store_request()
        elif kind is ob.DataSetReceived or kind is ob.MetaHeaderWritten:
            self._whole = time.monotonic()
        elif isinstance(event, ob.Stored):
            self._stored(event)
        elif isinstance(event, ob.StoreResponse):
            self._store_response(event.status)
        elif isinstance(event, ev.RequestReceived):
            if counts.identifiers:
                self._calling = _plain(event.request.calling_ae_title.strip(b" \0"), 16)
                self._called = _plain(event.request.called_ae_title.strip(b" \0"), 16)
        elif isinstance(event, ob.Closed):
            self._closed()
        else:
            if kind in _COUNTED:
                counts.add(*_COUNTED[kind])
            if isinstance(event, ev.AssociationAccepted):
                self._number = counts.begin(self._calling, self._called, self._peer, time.time())
            elif isinstance(event, ev.AssociationRejected):
                self._outcome = _REJECTIONS[event.reason]
            self._outcome = _OUTCOMES.get(kind, self._outcome)
            self._look_for_failure(event)

    def _look_for_failure(self, event: ob.AssociationEvent) -> None:
        """Remember what *event* says of a failure, unless it comes from one that was reported already."""
        match event:
            case ev.AssociationRejected():
                self._failed(f"rejected: {event.reason.name.lower().replace('_', ' ')}")
            case ev.RequestUnusable():
                self._failed("unusable request" if event.cause is None else event.cause.text)
            case ob.TlsFailed():
                self._failed(f"TLS: {event.text}")
            case ob.Crashed():
                self._failed(f"internal error: {type(event.error).__name__}")
            case ob.DataSetFailed():
                self._counts.add(f"title {self._title} failed")
                self._failed(f"data set not received: {_in_words(event.causes)}")
            case ob.NameNotGenerated() | ob.DirectoryNotCreated() | ob.NotStored():
                self._failed(f"not stored: {event.reason}")
            case ob.FileNotCreated() | ob.FileNotWritten():
                self._failed(f"not stored: {_FILE_FAILURES[type(event)]}")
            case ev.ProtocolError() if not self._reported:
                self._failed(f"aborted by us: {_in_words(event.causes)}")

    def _failed(self, reason: str) -> None:
        self._reported = True
        self._counts.remember(Texts.failures, self._calling, self._peer, _plain(reason, 200))

    def _closed(self) -> None:
        counts = self._counts
        counts.end(self._number)
        counts.add(f"outcome {self._outcome}")
        counts.add("association_microseconds", number=int((time.monotonic() - self._begun) * 1e6))
        counts.add("active", number=-1)

    # -- C-STORE -------------------------------------------------------------------------------------

    def _store_request(self) -> None:
        self._reported = False
        self._written = self._busy_since = 0.0
        self._store_begun = self._whole = time.monotonic()
        if self._title == OTHER:
            self._title = self._counts.title(self._calling)
        self._counts.row[PLACES[f"running {self._number} bytes"]] = 0

    def _fragments(self, size: int) -> None:
        self._counts.add("received_bytes", f"running {self._number} bytes", number=size)
        if self._busy_since:  # more came with one read
            self.flush()
        self._busy_since = time.monotonic()

    def _stored(self, event: ob.Stored) -> None:
        counts = self._counts
        now = time.monotonic()
        last_came = self._busy_since or now
        counts.time(
            receive=last_came - self._store_begun - self._written,
            write=self._written + self._whole - last_came,
            publish=now - self._whole,
        )
        self._busy_since = 0.0
        counts.add(f"title {self._title} objects", f"running {self._number} objects")
        counts.add(f"title {self._title} bytes", number=event.size)
        counts.row[PLACES["last_object_microseconds"]] = time.time_ns() // 1000
        uids = (
            (event.request.sop_class_uid, event.request.sop_instance_uid) if counts.identifiers else ("", "")
        )
        took = now - self._store_begun
        counts.remember(Texts.objects, self._calling, event.size, took, *(_plain(u, 64) for u in uids))

    def _store_response(self, status: int) -> None:
        counts = self._counts
        counts.add(f"status {_STATUS_NAMES.get(status, 'other')}")
        counts.time(store=time.monotonic() - self._store_begun)
        counts.row[PLACES[f"running {self._number} bytes"]] = 0
        if status:
            counts.add(f"title {self._title} failed")
            if not self._reported:
                self._failed(f"C-STORE answered {status:04X}")
