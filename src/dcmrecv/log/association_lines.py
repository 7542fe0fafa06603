"""What is printed about a connection, its negotiation and its end (spec/network.md f.1, spec/logging.md A.5).

Texts are DCMTK 3.6.8's and interface: wrappers read them. The dumps of the debug level are in `dcmrecv.log.dumps`.
"""

from __future__ import annotations

import traceback

from dcmrecv import observer as ob
from dcmrecv import remarks
from dcmrecv.config import LEVEL_BY_LETTER, LogLevel
from dcmrecv.core import events as ev
from dcmrecv.log import dumps
from dcmrecv.log.association_log import AssociationLog, Lines, causes_text
from dcmrecv.text import printable

__all__ = ["LINES"]

LINES = Lines()

_INFO, _DEBUG = LogLevel.INFO, LogLevel.DEBUG

_REFUSALS = {
    ev.RejectReason.BAD_APPLICATION_CONTEXT: "bad application context",
    ev.RejectReason.CALLED_AE_TITLE_NOT_RECOGNIZED: "called AE title not recognized",
    ev.RejectReason.CALLING_AE_TITLE_NOT_RECOGNIZED: "calling AE title not recognized",
    ev.RejectReason.LOCAL_LIMIT_EXCEEDED: "too many associations",
    ev.RejectReason.NO_ACCEPTABLE_PRESENTATION_CONTEXTS: "no acceptable presentation contexts",
}


@LINES.of(ob.Connected, net=_DEBUG)
def connected(log: AssociationLog, event: ob.Connected) -> None:
    for letter, text in log.settings.socket_lines:
        log.net.log(LEVEL_BY_LETTER[letter], text)
    if log.settings.debug:
        log.net.debug(f"Association Received: {log.host}")
        log.net.debug("setting network send timeout to 60 seconds")
        log.net.debug("setting network receive timeout to 60 seconds")


@LINES.of(ob.TlsEstablished)
def tls_established(log: AssociationLog, event: ob.TlsEstablished) -> None:
    for text in event.warnings:
        log.tls.warn(text)


@LINES.of(ob.TlsDetails, tls=_DEBUG)
def tls_details(log: AssociationLog, event: ob.TlsDetails) -> None:
    log.tls.debug(event.text)


@LINES.of(ob.TlsFailed)
def tls_failed(log: AssociationLog, event: ob.TlsFailed) -> None:
    for letter, line in event.lines:
        log.tls.log(LEVEL_BY_LETTER[letter], line)
    _unusable(log, "tls_failed", event.text)


def _unusable(log: AssociationLog, name: str, reason: str) -> None:
    text = f"Could not receive association request: {reason}"
    log.net.error(text, {"event": name, "reason": reason})


@LINES.of(ev.NotAnAssociation, net=_INFO)
def not_an_association(log: AssociationLog, event: ev.NotAnAssociation) -> None:
    _request_lines(log, None)
    _refuse(log, "bad application context")


@LINES.of(ev.RequestUnusable)
def request_unusable(log: AssociationLog, event: ev.RequestUnusable) -> None:
    if log.settings.debug:
        _received(log, event.raw, event.parsed)
    log.note(*event.notes)
    if event.cause is not None:
        _unusable(log, "request_unusable", event.cause.text)
    elif log.settings.debug:
        terminated(log, event)


@LINES.of(ev.RequestReceived)
def request_received(log: AssociationLog, event: ev.RequestReceived) -> None:
    request = log.request = event.request
    log.receive_notes = event.receive_notes
    if log.settings.debug:
        _received(log, event.raw, parsed=True)
    log.note(*event.notes)
    if log.settings.info:
        _request_lines(log, request)


def _received(log: AssociationLog, raw: bytes, parsed: bool) -> None:
    if raw:
        log.net.debug(dumps.hex_dump(raw))
        if parsed:
            log.net.debug("Parsing an A-ASSOCIATE PDU")


def _request_lines(log: AssociationLog, request: ev.AssociateRequest | None) -> None:
    fields = {"event": "association_requested", "calling": log.calling, "called": log.called}
    log.net.info(f"Association Received {log.host}: {log.calling} -> {log.called}", fields)
    if log.settings.dumps_parameters:
        text = dumps.request_dump(request, log.settings.max_pdu)
        log.net.log(log.settings.dump_level, f"Incoming Association Request:\n{text}")


@LINES.of(ev.AssociationRejected)
def rejected(log: AssociationLog, event: ev.AssociationRejected) -> None:
    log.note(*event.notes)
    settings = log.settings
    match event.reason:
        case ev.RejectReason.CALLED_AE_TITLE_NOT_RECOGNIZED:
            title = printable(settings.called_title or b"")
            log.net.error(f"Called AE Title does not match configured AE Title: {title}")
        case ev.RejectReason.CALLING_AE_TITLE_NOT_RECOGNIZED:
            line = settings.refusals.line(log.peer_address, "title", log.calling)
            if line is not None:
                log.net.warn(line)
        case ev.RejectReason.NO_ACCEPTABLE_PRESENTATION_CONTEXTS:
            log.net.info("No Acceptable Presentation Contexts")
            if settings.dumps_parameters and log.request is not None:
                text = dumps.reject_dump(log.request, event.contexts, settings.max_pdu)
                log.net.log(settings.dump_level, text)
    if event.reason in _REFUSALS:
        _refuse(log, _REFUSALS[event.reason])


def _refuse(log: AssociationLog, reason: str) -> None:
    fields = {"event": "association_refused", "reason": reason}
    log.net.info(f"Refusing Association ({reason})", fields)


@LINES.of(ev.AssociationAccepted)
def accepted(log: AssociationLog, event: ev.AssociationAccepted) -> None:
    association = event.association
    # The reference finds out about a refused role while it looks at the contexts, about the rest later.
    for note in association.notes:
        if note.kind is remarks.ROLE_REFUSED:
            log.note(note)
    if log.settings.debug:
        log.net.debug("Constructing Associate AC PDU")
    for note in (*association.notes, *log.receive_notes):
        if note.kind is not remarks.ROLE_REFUSED:
            log.note(note)
    if log.settings.debug:
        log.net.debug("DcmSCP: Association Acknowledged")
    if log.settings.info:
        fields = {
            "event": "association_accepted",
            "calling": log.calling,
            "called": log.called,
            "contexts": sum(1 for context in association.contexts if not context.outcome),
        }
        log.net.info(f"Association Acknowledged (Max Send PDV: {association.max_send_pdv})", fields)
    if log.settings.dumps_parameters:
        log.net.log(log.settings.dump_level, dumps.accept_dump(association))


# -- end -------------------------------------------------------------------------------------------------


@LINES.of(ev.ProtocolError)
def protocol_error(log: AssociationLog, event: ev.ProtocolError) -> None:
    if event.command_started:
        log.command_starts()
    log.note(*event.notes)
    if event.command_set:
        log.note(remarks.NO_STORAGE_COMMAND(event.command_field))
    if not log.settings.debug:
        return
    if event.command_set:
        dump = dumps.command_dump(event.command_set)
        if dump is not None:
            log.net.debug(dump)
    log.net.debug(f"DIMSE Error, detail (if available): {causes_text(event.causes)}")


# At the debug level of dcmdata, a command that was read in part has a line, too.
@LINES.of(ev.ReleaseRequested, net=_INFO, data=_DEBUG)
def release_requested(log: AssociationLog, event: ev.ReleaseRequested) -> None:
    if event.command_started:
        log.command_starts()
    log.net.info("Received Association Release Request", {"event": "release_requested"})


@LINES.of(ev.AbortReceived, ev.PeerClosed, net=_INFO, data=_DEBUG)
def abort_received(log: AssociationLog, event: ev.AbortReceived | ev.PeerClosed) -> None:
    if event.command_started:
        log.command_starts()
    log.net.info("Received Association Abort Request", {"event": "abort_received"})


@LINES.of(ob.Terminated, net=_DEBUG)
def terminated(log: AssociationLog, event: ob.Terminated | ev.RequestUnusable) -> None:
    log.net.debug("DcmSCP: Association Terminated")
    log.net.debug("+++++++++++++++++++++++++++++")


@LINES.of(ob.Crashed)
def crashed(log: AssociationLog, event: ob.Crashed) -> None:
    error = event.error
    log.net.error(f"internal error, the association is ended: {type(error).__name__}: {error}")
    if log.settings.debug:
        log.net.debug("".join(traceback.format_exception(error)).rstrip())


@LINES.of(ob.Closed)
def closed(log: AssociationLog, event: ob.Closed) -> None:
    log.close()
