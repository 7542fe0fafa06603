"""The lines of one connection: the reference's, in the reference's order.

What is said when is decided by the engine (`dcmrecv.observer`); how it reads is in `dcmrecv.log.messages`;
the dumps of the debug level are in `dcmrecv.log.dumps`, imported with the first one. Here levels, loggers and
the texts that depend on the level of ``dcmtk.dcmnet`` meet (spec/network.md f.1, spec/logging.md A.5).
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

from dcmrecv import observer as ob
from dcmrecv import remarks
from dcmrecv.conditions import Condition
from dcmrecv.config import LEVEL_BY_LETTER, StorageMode
from dcmrecv.core import events as ev
from dcmrecv.log import messages
from dcmrecv.log.settings import LineSettings
from dcmrecv.loggers import DCMDATA, DCMNET, DCMTLS
from dcmrecv.remarks import Remark
from dcmrecv.text import printable

if TYPE_CHECKING:
    from dcmrecv.log.api import AssociationLogs, Fields, Log, Logs

__all__ = ["LINES", "DcmtkAssociationLines"]

_OBJECT = {True: "object to be received", False: "received object"}


def _causes(causes: Iterable[Condition]) -> str:
    return "\n".join(map(str, causes))


def _syntax_name(uid: bytes) -> str:
    from dcmrecv.uids import long_name  # for one line about broken data sets, and the debug level

    return long_name(uid)


_STORE_ERROR = {"event": "store_error"}


class DcmtkAssociationLines(ob.AssociationObserver):
    """The lines of one connection: a method for each kind of event (table at the end of this module)."""

    # Most connections have nothing to say: what they would say it with is made when there is something.
    _opened: AssociationLogs | None = None
    _info = _debug = _data_debug = _dumps_parameters = False
    _host = _calling = _called = ""
    _request: ev.AssociateRequest | None = None
    _notes: Sequence[Remark] = ()

    def __init__(
        self, logs: Logs, settings: LineSettings, number: int, peer_address: str, peer_port: int
    ) -> None:
        """*number* is that of the connection in this process."""
        self.wanted = settings.wanted
        self._all_logs = logs
        self._settings = settings
        self._number = number
        self._peer_address = peer_address
        self._peer_port = peer_port
        self._json = settings.fields
        if settings.info or settings.data_debug:
            self._info = settings.info
            self._debug = settings.debug
            self._data_debug = settings.data_debug
            self._dumps_parameters = settings.dumps_parameters

    def observe(self, event: ob.AssociationEvent) -> None:
        LINES[type(event)](self, event)

    @property
    def _logs(self) -> AssociationLogs:
        """The loggers of the connection, with an identity of its own for JSON and NDC."""
        logs = self._opened
        if logs is None:
            address = self._peer_address
            peer = f"[{address}]:{self._peer_port}" if ":" in address else f"{address}:{self._peer_port}"
            logs = self._opened = self._all_logs.association(f"{os.getpid()}-{self._number}", peer)
        return logs

    @cached_property
    def _net(self) -> Log:
        return self._logs.logger(DCMNET)

    @cached_property
    def _data(self) -> Log:
        return self._logs.logger(DCMDATA)

    # -- helpers -------------------------------------------------------------------------------------

    def _host_name(self) -> str:
        if not self._host:
            self._host = self._settings.resolve(self._peer_address)
        return self._host

    def _note(self, *notes: Remark) -> None:
        for note in notes:
            kind = note.kind
            log = self._net if kind.logger == DCMNET else self._data
            if log.on(kind.level):
                names = self._settings.keyword, self._calling, self._called
                log.log(kind.level, messages.remark_text(note, *names, syntax_name=_syntax_name))

    def _command_starts(self) -> None:
        if self._data_debug:
            self._data.debug(messages.READING.format(name="Little Endian Implicit"))

    # -- association ---------------------------------------------------------------------------------

    def connected(self, event: ob.Connected) -> None:
        for letter, text in self._settings.socket_lines:
            self._net.log(LEVEL_BY_LETTER[letter], text)
        if self._debug:
            host = self._host_name()
            for text in messages.CONNECTED:
                self._net.debug(text.format(host=host))

    def tls_established(self, event: ob.TlsEstablished) -> None:
        for text in event.warnings:
            self._logs.logger(DCMTLS).warn(text)

    def tls_details(self, event: ob.TlsDetails) -> None:
        self._logs.logger(DCMTLS).debug(event.text)

    def tls_failed(self, event: ob.TlsFailed) -> None:
        log = self._logs.logger(DCMTLS)
        for letter, line in event.lines:
            log.log(LEVEL_BY_LETTER[letter], line)
        self._unusable("tls_failed", event.text)

    def _unusable(self, name: str, reason: str) -> None:
        self._net.error(messages.REQUEST_UNUSABLE.format(reason=reason), {"event": name, "reason": reason})

    def not_an_association(self, event: ev.NotAnAssociation) -> None:
        self._request_lines(None)
        self._refuse("bad application context")

    def _request_lines(self, request: ev.AssociateRequest | None) -> None:
        text = messages.REQUEST_RECEIVED.format(
            host=self._host_name(), calling=self._calling, called=self._called
        )
        fields = {"event": "association_requested", "calling": self._calling, "called": self._called}
        self._net.info(text, fields)
        if self._dumps_parameters:
            from dcmrecv.log import dumps

            text = dumps.request_dump(request, self._settings.max_pdu)
            self._net.log(self._settings.dump_level, f"{messages.REQUEST_DUMP_TITLE}\n{text}")

    def _received(self, raw: bytes, parsed: bool) -> None:
        if raw:
            from dcmrecv.log import dumps

            self._net.debug(dumps.hex_dump(raw))
            if parsed:
                self._net.debug(messages.PARSING_REQUEST)

    def request_unusable(self, event: ev.RequestUnusable) -> None:
        if self._debug:
            self._received(event.raw, event.parsed)
        self._note(*event.notes)
        if event.cause is not None:
            self._unusable("request_unusable", event.cause.text)
        else:
            self.terminated(ob.Terminated())

    def request_received(self, event: ev.RequestReceived) -> None:
        request = event.request
        self._request = request
        self._notes = event.receive_notes
        self._calling = printable(request.calling_ae_title)
        self._called = printable(request.called_ae_title)
        if self._debug:
            self._received(event.raw, parsed=True)
        self._note(*event.notes)
        if self._info:
            self._request_lines(request)

    def rejected(self, event: ev.AssociationRejected) -> None:
        self._note(*event.notes)
        match event.reason.name:
            case "CALLED_AE_TITLE_NOT_RECOGNIZED":
                title = printable(self._settings.called_title or b"")
                self._net.error(messages.WRONG_CALLED_TITLE.format(title=title))
            case "CALLING_AE_TITLE_NOT_RECOGNIZED":
                line = self._settings.refusals.line(self._peer_address, "title", self._calling)
                if line is not None:
                    self._net.warn(line)
            case "NO_ACCEPTABLE_PRESENTATION_CONTEXTS":
                self._net.info(messages.NO_CONTEXTS)
                if self._dumps_parameters and self._request is not None:
                    from dcmrecv.log import dumps

                    text = dumps.reject_dump(self._request, event.contexts, self._settings.max_pdu)
                    self._net.log(self._settings.dump_level, text)
        reason = messages.REFUSALS.get(event.reason.name)
        if reason is not None:
            self._refuse(reason)

    def _refuse(self, reason: str) -> None:
        fields = {"event": "association_refused", "reason": reason}
        self._net.info(messages.REFUSING.format(reason=reason), fields)

    def accepted(self, event: ev.AssociationAccepted) -> None:
        association = event.association
        notes = association.notes
        # The reference finds out about a refused role while it looks at the contexts, about the rest later.
        for note in notes:
            if note.kind is remarks.ROLE_REFUSED:
                self._note(note)
        if self._debug:
            self._net.debug(messages.CONSTRUCTING_ACCEPT)
        for note in (*notes, *self._notes):
            if note.kind is not remarks.ROLE_REFUSED:
                self._note(note)
        if self._debug:
            self._net.debug(messages.ACKNOWLEDGED)
        if self._info:
            fields = {
                "event": "association_accepted",
                "calling": self._calling,
                "called": self._called,
                "contexts": sum(1 for context in association.contexts if not context.outcome),
            }
            self._net.info(messages.ACKNOWLEDGED_LENGTH.format(length=association.max_send_pdv), fields)
        if self._dumps_parameters:
            from dcmrecv.log import dumps

            self._net.log(self._settings.dump_level, dumps.accept_dump(association))

    # -- commands ------------------------------------------------------------------------------------

    def command(self, event: ev.EchoRequest | ev.StoreRequest) -> None:
        if self._data_debug:
            self._command_starts()
        if event.notes:
            self._note(*event.notes)

    def echo_request(self, event: ev.EchoRequest) -> None:
        self.command(event)
        if not self._info:
            return
        fields = {"event": "echo_request", "message_id": event.message_id}
        if self._debug:
            from dcmrecv.log import dumps

            self._net.info(messages.ECHO_REQUEST, fields)
            self._net.debug(dumps.echo_request_dump(event))
        else:
            self._net.info(messages.ECHO_REQUEST_INFO.format(message_id=event.message_id), fields)

    def echo_response(self, event: ob.EchoResponse) -> None:
        text = messages.ECHO_RESPONSE
        if not self._debug:
            text = messages.ECHO_RESPONSE_INFO.format(status=messages.STATUS_SHORT[0])
        fields = {"event": "echo_response", "message_id": event.request.message_id, "status": "0000"}
        self._net.info(text, fields)

    def store_started(self, event: ob.StoreStarted) -> None:
        request = event.request
        text = messages.STORE_REQUEST
        if not self._debug:
            text = messages.STORE_REQUEST_INFO.format(message_id=request.message_id)
        self._net.info(text, self._store_fields("store_request", request) if self._json else None)

    def _store_fields(self, name: str, request: ev.StoreRequest, **more: object) -> Fields:
        return {
            "event": name,
            "message_id": request.message_id,
            "sop_class_uid": request.sop_class_uid,
            "sop_instance_uid": request.sop_instance_uid,
            **more,
        }

    def response_failed(self, event: ob.ResponseFailed) -> None:
        stores = event.service == "C-STORE"
        template = messages.STORE_RESPONSE_FAILED if stores else messages.ECHO_RESPONSE_FAILED
        fields = {"event": "response_failed", "service": event.service}
        self._net.error(template.format(causes=_causes(event.causes)), fields)

    # -- data sets and storage -----------------------------------------------------------------------

    def fixed(self, event: ob.EchoResponseSent | ob.ProcessingStore | ob.Ignored) -> None:
        self._net.debug(_FIXED[type(event)])

    def name_generated(self, event: ob.NameGenerated) -> None:
        before = event.before_reception
        template = messages.NAME_BEFORE_RECEPTION if before else messages.NAME_AFTER_RECEPTION
        self._net.debug(template.format(path=printable(event.path)))

    def overwriting(self, event: ob.Overwriting) -> None:
        if self._net.warn_on:
            fields = {"event": "overwriting", "path": event.path}
            self._net.warn(messages.OVERWRITING.format(path=printable(event.path)), fields)

    def data_set_started(self, event: ob.DataSetStarted) -> None:
        self._data.debug(messages.READING.format(name=_syntax_name(event.transfer_syntax)))

    def data_set_remark(self, event: ob.DataSetRemark) -> None:
        self._note(event.remark)

    def data_set_unreadable(self, event: ob.DataSetUnreadable) -> None:
        text = messages.DATA_SET_UNREADABLE.format(reason=event.reason)
        self._net.warn(messages.DIMSE_WARNING.format(calling=self._calling, called=self._called, text=text))

    def data_set_received(self, event: ob.DataSetReceived) -> None:
        template = messages.DATA_SET_STORED_DIRECTLY if event.to_file else messages.DATA_SET_RECEIVED
        self._net.debug(template.format(context_id=event.context_id))
        self._dump_store_request(event.request)

    def _dump_store_request(self, request: ev.StoreRequest) -> None:
        if self._debug:
            from dcmrecv.log import dumps

            self._net.debug(dumps.store_request_dump(request))

    def _data_set_error(self, context_id: int, causes: str) -> None:
        text = messages.DATA_SET_NOT_RECEIVED.format(context_id=context_id, causes=causes)
        self._net.error(text, {"event": "data_set_failed", "reason": causes.split("\n", 1)[0]})

    def data_set_failed(self, event: ob.DataSetFailed) -> None:
        context_id = event.context_id
        if context_id is None:
            # In normal mode the reference prints an uninitialised byte here.
            bit_preserving = self._settings.mode is StorageMode.BIT_PRESERVING
            context_id = 0 if bit_preserving else event.request.context_id
        self._data_set_error(context_id, _causes(event.causes))
        self.data_set_dropped(event)

    def data_set_dropped(self, event: ob.DataSetFailed | ob.DataSetDropped) -> None:
        self._dump_store_request(event.request)
        self._store_failed(messages.STORE_DATA_SET_NOT_RECEIVED, event.request)

    def _store_failed(self, template: str, request: ev.StoreRequest, **more: int) -> None:
        fields = self._store_fields("store_failed", request)
        self._net.error(template.format(context_id=request.context_id, **more), fields)

    def contexts_differ(self, event: ob.ContextsDiffer) -> None:
        self._store_failed(messages.CONTEXTS_DIFFER, event.request, data_set=event.context_id)

    def name_not_generated(self, event: ob.NameNotGenerated) -> None:
        what = _OBJECT[event.before_reception]
        self._net.error(messages.NO_NAME.format(object=what, reason=event.reason), _STORE_ERROR)

    def directory_not_created(self, event: ob.DirectoryNotCreated) -> None:
        path, reason, before = event
        text = messages.NO_DIRECTORY.format(object=_OBJECT[before], path=printable(path), reason=reason)
        self._net.error(text, _STORE_ERROR)

    def not_stored(self, event: ob.NotStored) -> None:
        text = messages.NOT_STORED.format(path=printable(event.path), reason=event.reason)
        self._net.error(text, _STORE_ERROR)

    def file_not_created(self, event: ob.FileNotCreated) -> None:
        text = messages.CANNOT_CREATE_STREAM.format(path=printable(event.path))
        self._data_set_error(event.context_id, text)
        self._net.debug(messages.IGNORING_DATA_SET)

    def file_not_written(self, event: ob.FileNotWritten) -> None:
        self._data_set_error(event.context_id, messages.CANNOT_WRITE_FILE)

    def meta_header_written(self, event: ob.MetaHeaderWritten) -> None:
        debug = self._data.debug
        debug(messages.META_VERSION)
        template = messages.META_CLASS if event.class_found else messages.META_NO_CLASS
        debug(template.format(uid=printable(event.class_uid)))
        template = messages.META_INSTANCE if event.instance_found else messages.META_NEW_INSTANCE
        debug(template.format(uid=printable(event.instance_uid)))
        debug(messages.META_SYNTAX.format(name=_syntax_name(event.transfer_syntax)))
        debug(messages.META_VALID)

    def stored(self, event: ob.Stored) -> None:
        fields = None
        if self._json:
            fields = self._store_fields("stored", event.request, path=event.path, size=event.size)
        self._net.info(messages.STORED.format(path=printable(event.path)), fields)

    def store_response(self, event: ob.StoreResponse) -> None:
        request, status = event
        fields = None
        if self._json:
            fields = self._store_fields("store_response", request, status=f"{status:04x}")
        if not self._debug:
            words = messages.STATUS_SHORT.get(status) or f"0x{status:04x}"
            self._net.info(messages.STORE_RESPONSE_INFO.format(status=words), fields)
            return
        from dcmrecv.log import dumps

        self._net.info(messages.STORE_RESPONSE, fields)
        self._net.debug(dumps.store_response_dump(request, status))

    # -- end -----------------------------------------------------------------------------------------

    def protocol_error(self, event: ev.ProtocolError) -> None:
        if event.command_started:
            self._command_starts()
        self._note(*event.notes)
        if event.command_set:
            self._note(remarks.NO_STORAGE_COMMAND(event.command_field))
        if not self._debug:
            return
        if event.command_set:
            from dcmrecv.log import dumps

            dump = dumps.command_dump(event.command_set)
            if dump is not None:
                self._net.debug(dump)
        self._net.debug(messages.DIMSE_ERROR.format(causes=_causes(event.causes)))

    def release_requested(self, event: ev.ReleaseRequested) -> None:
        if event.command_started:
            self._command_starts()
        self._net.info(messages.RELEASE_REQUESTED, {"event": "release_requested"})

    def abort_received(self, event: ev.AbortReceived | ev.PeerClosed) -> None:
        if event.command_started:
            self._command_starts()
        self._net.info(messages.ABORT_RECEIVED, {"event": "abort_received"})

    def terminated(self, event: ob.Terminated) -> None:
        if self._debug:
            for text in messages.TERMINATED:
                self._net.debug(text)

    def flush(self) -> None:
        if self._opened is not None:
            self._opened.flush()

    def crashed(self, event: ob.Crashed) -> None:
        error = event.error
        self._net.error(messages.CRASHED.format(kind=type(error).__name__, text=error))
        if self._debug:
            import traceback  # only for this

            self._net.debug("".join(traceback.format_exception(error)).rstrip())

    def cut_off(self, event: ob.CutOff) -> None:
        calling = printable(event.association.request.calling_ae_title)
        instance = printable(event.request.sop_instance_uid)
        self._net.warn(messages.CUT_OFF.format(instance=instance, calling=calling, host=self._host_name()))

    def closed(self, event: ob.Closed) -> None:
        if self._opened is not None:
            self._opened.close()


_FIXED: dict[type, str] = {
    ob.EchoResponseSent: messages.ECHO_RESPONSE_SENT,
    ob.ProcessingStore: messages.PROCESSING_STORE,
    ob.Ignored: messages.IGNORED,
}
"""Debug lines that are the same each time."""

LINES: dict[type, Callable[[Any, Any], None]] = {
    ob.Connected: DcmtkAssociationLines.connected,
    ob.TlsEstablished: DcmtkAssociationLines.tls_established,
    ob.TlsDetails: DcmtkAssociationLines.tls_details,
    ob.TlsFailed: DcmtkAssociationLines.tls_failed,
    ev.NotAnAssociation: DcmtkAssociationLines.not_an_association,
    ev.RequestUnusable: DcmtkAssociationLines.request_unusable,
    ev.RequestReceived: DcmtkAssociationLines.request_received,
    ev.AssociationRejected: DcmtkAssociationLines.rejected,
    ev.AssociationAccepted: DcmtkAssociationLines.accepted,
    ev.EchoRequest: DcmtkAssociationLines.echo_request,
    ob.EchoResponse: DcmtkAssociationLines.echo_response,
    ob.EchoResponseSent: DcmtkAssociationLines.fixed,
    ev.StoreRequest: DcmtkAssociationLines.command,
    ob.StoreStarted: DcmtkAssociationLines.store_started,
    ob.DataSetStarted: DcmtkAssociationLines.data_set_started,
    ob.DataSetRemark: DcmtkAssociationLines.data_set_remark,
    ob.DebugRemark: DcmtkAssociationLines.data_set_remark,
    ob.DataSetUnreadable: DcmtkAssociationLines.data_set_unreadable,
    ob.DataSetReceived: DcmtkAssociationLines.data_set_received,
    ob.DataSetFailed: DcmtkAssociationLines.data_set_failed,
    ob.DataSetDropped: DcmtkAssociationLines.data_set_dropped,
    ob.CutOff: DcmtkAssociationLines.cut_off,
    ob.ContextsDiffer: DcmtkAssociationLines.contexts_differ,
    ob.ProcessingStore: DcmtkAssociationLines.fixed,
    ob.NameGenerated: DcmtkAssociationLines.name_generated,
    ob.Overwriting: DcmtkAssociationLines.overwriting,
    ob.MetaHeaderWritten: DcmtkAssociationLines.meta_header_written,
    ob.Stored: DcmtkAssociationLines.stored,
    ob.Ignored: DcmtkAssociationLines.fixed,
    ob.NameNotGenerated: DcmtkAssociationLines.name_not_generated,
    ob.DirectoryNotCreated: DcmtkAssociationLines.directory_not_created,
    ob.NotStored: DcmtkAssociationLines.not_stored,
    ob.FileNotCreated: DcmtkAssociationLines.file_not_created,
    ob.FileNotWritten: DcmtkAssociationLines.file_not_written,
    ob.StoreResponse: DcmtkAssociationLines.store_response,
    ob.ResponseFailed: DcmtkAssociationLines.response_failed,
    ev.ProtocolError: DcmtkAssociationLines.protocol_error,
    ev.ReleaseRequested: DcmtkAssociationLines.release_requested,
    ev.AbortReceived: DcmtkAssociationLines.abort_received,
    ev.PeerClosed: DcmtkAssociationLines.abort_received,
    ob.Terminated: DcmtkAssociationLines.terminated,
    ob.Crashed: DcmtkAssociationLines.crashed,
    ob.Closed: DcmtkAssociationLines.closed,
}
"""What each kind of event prints, at one level or another."""
