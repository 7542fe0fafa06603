"""What a receiver tells about its work, as typed calls in the order things happen.

The engine calls a `ReceiverObserver`; it never builds a text. The DCMTK dialect implements one that prints the
reference's log lines; metrics, JSON logs and embedding programs are others. Every method of the base classes
does nothing, so an implementation overrides what it is interested in. Methods must not block and must not
raise. One `AssociationObserver` serves one connection and is used by one thread at a time.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dcmrecv.conditions import Condition
    from dcmrecv.core import events as ev

__all__ = ["AssociationObserver", "ReceiverObserver"]


class AssociationObserver:
    """The story of one connection; numbers are those of the event table in spec/network.md f.1."""

    #: True if `message_dumped` style details are wanted; lets the engine skip collecting them.
    wants_details: bool = False
    #: True if the received data set itself is dumped (trace level): the engine then keeps a copy of it.
    wants_data_set: bool = False

    #: True if somebody listens to `data_set_note`: otherwise the parser makes no remarks.
    wants_notes: bool = False
    #: 1 if `data_set_note` is to be told the debug lines of the parser, too, 2 for those of the trace level.
    note_detail: int = 0
    #: True if somebody listens to `data_set_starts` and `meta_header_written`.
    wants_milestones: bool = False

    #: True if every received byte is to be shown to `wire_received` (trace level).
    wants_wire: bool = False

    def wire_received(self, data: memoryview) -> None:
        """Bytes as they arrived (behind TLS), before the core sees them; only if `wants_wire`. Not kept."""

    def connected(self) -> None:
        """9: a connection was accepted, before anything is read."""

    def tls_established(self, details: str, warnings: Sequence[str]) -> None:
        """TLS handshake done: certificate warnings (W), then the details block (D), logger dcmtls."""

    def tls_failed(self, lines: Sequence[tuple[str, str]], text: str) -> None:
        """TLS handshake failed: (level letter, text) lines of dcmtls, then line 18 with *text*."""

    def not_an_association(self, event: ev.NotAnAssociation) -> None:
        """Row 2 of a.1 step 1: an association without titles, refused; then 40."""

    def request_unusable(self, event: ev.RequestUnusable) -> None:
        """10 (if the body was read), 18. After `request_received` (no text in the event): its lines, 40."""

    def request_received(self, event: ev.RequestReceived) -> None:
        """10, 11, 12."""

    def rejected(self, event: ev.AssociationRejected) -> None:
        """16, 17."""

    def accepted(self, event: ev.AssociationAccepted) -> None:
        """13, 14, 15."""

    def command_received(self, event: ev.EchoRequest | ev.StoreRequest) -> None:
        """19 (command) and the notes of the command: first thing for every complete command."""

    def echo_request(self, event: ev.EchoRequest) -> None:
        """20 or 21, first half: request received. Directly after `command_received`."""

    def echo_response(self, event: ev.EchoRequest) -> None:
        """20 or 21, second half, before the response is sent."""

    def echo_response_sent(self) -> None:
        """21: D: C-ECHO Response successfully sent."""

    def store_request(self, event: ev.StoreRequest) -> None:
        """22. In bit-preserving mode called after `name_generated` and `overwriting`."""

    def name_generated(self, path: bytes, *, before_reception: bool) -> None:
        """23 (before_reception) or 25's second line: the path of the object."""

    def overwriting(self, path: bytes) -> None:
        """26."""

    def data_set_starts(self, transfer_syntax: bytes) -> None:
        """19 (data set, normal and ignore mode): the first byte of a data set is parsed.

        Told only if `wants_milestones`, as is `meta_header_written`.
        """

    def data_set_note(self, level: str, text: str) -> None:
        """A line of the data set parser (logger dcmdata): level letter, text."""

    def data_set_unreadable(self, reason: str) -> None:
        """32: the parser gave up (after its notes, before `data_set_failed`): ``Invalid stream``, ..."""

    def data_set_received(
        self, request: ev.StoreRequest, context_id: int, *, to_file: bool, data_set: bytes | None
    ) -> None:
        """24: all fragments are there, then the dump of the request (with the data set at trace level)."""

    def processing_store(self) -> None:
        """25's first line (normal mode)."""

    def meta_header_written(
        self,
        transfer_syntax: bytes,
        class_uid: bytes,
        instance_uid: bytes,
        class_found: bool,
        instance_found: bool,
    ) -> None:
        """27: normal mode, writing."""

    def stored(self, path: bytes, request: ev.StoreRequest, size: int) -> None:
        """28: the object is published under *path*; *size* in bytes of the file."""

    def ignored(self) -> None:
        """29."""

    def store_response(self, request: ev.StoreRequest, status: int) -> None:
        """30, before the response is sent."""

    def response_failed(self, kind: str, causes: Sequence[Condition]) -> None:
        """31: kind is ``"C-STORE"`` or ``"C-ECHO"``. `aborting` with the same causes follows."""

    def data_set_failed(
        self,
        request: ev.StoreRequest,
        context_id: int | None,
        causes: Sequence[Condition],
    ) -> None:
        """33, dump of the request, 34: the data set could not be received; `aborting` follows.

        *context_id* is that of the data set, None if no fragment of it came.
        """

    def data_set_dropped(self, request: ev.StoreRequest) -> None:
        """Dump of the request, 34: all fragments came, but `file_not_created` or `file_not_written` was
        said before. Takes the place of `data_set_received`; `store_response` and `aborting` follow."""

    def contexts_differ(self, request: ev.StoreRequest, context_id: int) -> None:
        """c.3: Presentation Context ID of command and data set differs."""

    def store_error(self, text: str) -> None:
        """35: one complete E line of the storage layer (logger dcmnet)."""

    def file_not_created(self, path: bytes, context_id: int) -> None:
        """36: bit-preserving, the file cannot be opened: E and D: Ignoring incoming dataset ...

        Said with the first fragment, after `store_request`; *context_id* is that of the data set.
        """

    def file_not_written(self, context_id: int) -> None:
        """36: bit-preserving, Cannot write to file. When the write fails."""

    def aborting(self, event: ev.ProtocolError) -> None:
        """Lines of the event, then 37: D: DIMSE Error, detail (if available): ..."""

    def release_requested(self, *, command_started: bool = False) -> None:
        """38. *command_started*: an incomplete command was lost, whose 19 is still to be said."""

    def abort_received(self, *, command_started: bool = False) -> None:
        """39 (also for a peer that closed). *command_started* as above."""

    def terminated(self) -> None:
        """40."""

    def flush(self) -> None:
        """Hand collected lines to the operating system; called before every wait for the peer."""

    def crashed(self, error: Exception) -> None:
        """A mistake in this program ends the association. Not a line of the reference."""

    def closed(self) -> None:
        """The connection is gone; nothing follows. Not a line of the reference."""


class ReceiverObserver:
    """What concerns the whole receiver; hands out the observer of each connection."""

    def association(self, peer_address: str, peer_port: int) -> AssociationObserver:
        """Return the observer of a new connection."""
        return AssociationObserver()

    def waiting(self) -> None:
        """8: about to wait for a connection (the odd ``-pdu`` warning)."""

    def dictionary_unusable(self) -> None:
        """An association is about to be aborted because the data dictionary lacks what DIMSE needs."""

    def flush(self) -> None:
        """Hand everything over to the operating system."""
