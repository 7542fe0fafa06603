"""What is printed about C-ECHO and C-STORE, data sets and files (spec/network.md f.1, spec/storage.md section 1).

Texts are DCMTK 3.6.8's and interface: wrappers read them. The dumps of the debug level are in `dcmrecv.log.dumps`.
"""

from __future__ import annotations

from dcmrecv import observer as ob
from dcmrecv.config import LogLevel, StorageMode
from dcmrecv.core import events as ev
from dcmrecv.log import dumps
from dcmrecv.log.association_log import AssociationLog, Lines, causes_text
from dcmrecv.text import printable
from dcmrecv.uids import long_name

__all__ = ["LINES"]

LINES = Lines()

_INFO, _DEBUG = LogLevel.INFO, LogLevel.DEBUG

_STATUS = {0x0000: "Success", 0xA700: "Refused: OutOfResources", 0xC000: "Error: CannotUnderstand"}
"""Statuses in the info lines; dumps spell them differently (`dcmrecv.log.status_texts`)."""

_STORE_ERROR = {"event": "store_error"}


# -- commands --------------------------------------------------------------------------------------------


@LINES.of(ev.StoreRequest, data=_DEBUG)
def store_request(log: AssociationLog, event: ev.StoreRequest) -> None:
    log.command_starts()


@LINES.of(ob.CommandRemark)
def command_remark(log: AssociationLog, event: ob.CommandRemark) -> None:
    log.note(event.remark)


@LINES.of(ev.EchoRequest)
def echo_request(log: AssociationLog, event: ev.EchoRequest) -> None:
    if log.settings.data_debug:
        log.command_starts()
    log.note(*event.notes)
    if not log.settings.info:
        return
    fields = {"event": "echo_request", "message_id": event.message_id}
    if log.settings.debug:
        log.net.info("Received C-ECHO Request", fields)
        log.net.debug(dumps.echo_request_dump(event))
    else:
        log.net.info(f"Received C-ECHO Request (MsgID {event.message_id})", fields)


@LINES.of(ob.EchoResponse, net=_INFO)
def echo_response(log: AssociationLog, event: ob.EchoResponse) -> None:
    text = "Sending C-ECHO Response"
    if not log.settings.debug:
        text += " (Success)"
    fields = {"event": "echo_response", "message_id": event.request.message_id, "status": "0000"}
    log.net.info(text, fields)


_FIXED = {
    ob.EchoResponseSent: "C-ECHO Response successfully sent",
    ob.ProcessingStore: "checking and processing C-STORE request",
    ob.Ignored: "received dataset is not stored since the storage mode is set to 'ignore'",
}


@LINES.of(*_FIXED, net=_DEBUG)
def fixed(log: AssociationLog, event: ob.EchoResponseSent | ob.ProcessingStore | ob.Ignored) -> None:
    log.net.debug(_FIXED[type(event)])


@LINES.of(ob.StoreStarted, net=_INFO)
def store_started(log: AssociationLog, event: ob.StoreStarted) -> None:
    text = "Received C-STORE Request"
    if not log.settings.debug:
        text += f" (MsgID {event.request.message_id})"
    log.net.info(text, log.store_fields("store_request", event.request))


@LINES.of(ob.StoreResponse, net=_INFO)
def store_response(log: AssociationLog, event: ob.StoreResponse) -> None:
    request, status = event
    fields = log.store_fields("store_response", request, status=f"{status:04x}")
    if not log.settings.debug:
        words = _STATUS.get(status) or f"0x{status:04x}"
        log.net.info(f"Sending C-STORE Response ({words})", fields)
        return
    log.net.info("Sending C-STORE Response", fields)
    log.net.debug(dumps.store_response_dump(request, status))


@LINES.of(ob.ResponseFailed)
def response_failed(log: AssociationLog, event: ob.ResponseFailed) -> None:
    failed = (
        "Failed sending C-STORE response" if event.service == "C-STORE" else "Cannot send C-ECHO Response"
    )
    fields = {"event": "response_failed", "service": event.service}
    log.net.error(f"{failed}: {causes_text(event.causes)}", fields)


# -- data sets -------------------------------------------------------------------------------------------


@LINES.of(ob.DataSetStarted, data=_DEBUG)
def data_set_started(log: AssociationLog, event: ob.DataSetStarted) -> None:
    log.reading(long_name(event.transfer_syntax))


@LINES.of(ob.DataSetRemark, data=LogLevel.ERROR)
@LINES.of(ob.DebugRemark, data=_DEBUG)
def data_set_remark(log: AssociationLog, event: ob.DataSetRemark) -> None:
    log.note(event.remark)


@LINES.of(ob.DataSetUnreadable)
def data_set_unreadable(log: AssociationLog, event: ob.DataSetUnreadable) -> None:
    text = f"DIMSE receiveDataSetInMemory: dset->read() Failed ({event.reason})"
    log.net.warn(f"DIMSE Warning: ({log.calling},{log.called}): {text}")


@LINES.of(ob.DataSetReceived, net=_DEBUG)
def data_set_received(log: AssociationLog, event: ob.DataSetReceived) -> None:
    text = f"Received dataset on presentation context {event.context_id}"
    if event.to_file:
        text += " and stored it directly to file"
    log.net.debug(text)
    _dump_request(log, event.request)


def _dump_request(log: AssociationLog, request: ev.StoreRequest) -> None:
    if log.settings.debug:
        log.net.debug(dumps.store_request_dump(request))


@LINES.of(ob.DataSetFailed)
def data_set_failed(log: AssociationLog, event: ob.DataSetFailed) -> None:
    context_id = event.context_id
    if context_id is None:
        # In normal mode the reference prints an uninitialised byte here.
        bit_preserving = log.settings.mode is StorageMode.BIT_PRESERVING
        context_id = 0 if bit_preserving else event.request.context_id
    _data_set_error(log, context_id, causes_text(event.causes))
    _not_received(log, event.request)


@LINES.of(ob.DataSetDropped)
def data_set_dropped(log: AssociationLog, event: ob.DataSetDropped) -> None:
    _not_received(log, event.request)


def _data_set_error(log: AssociationLog, context_id: int, causes: str) -> None:
    text = f"Unable to receive dataset on presentation context {context_id}: {causes}"
    log.net.error(text, {"event": "data_set_failed", "reason": causes.split("\n", 1)[0]})


def _not_received(log: AssociationLog, request: ev.StoreRequest) -> None:
    _dump_request(log, request)
    text = f"Unable to receive C-STORE dataset on presentation context {request.context_id}"
    log.net.error(text, log.store_fields("store_failed", request))


@LINES.of(ob.CutOff)
def cut_off(log: AssociationLog, event: ob.CutOff) -> None:
    calling = printable(event.association.request.calling_ae_title)
    instance = printable(event.request.sop_instance_uid)
    log.net.warn(f"Stopped while receiving {instance} from {calling} at {log.host}: the object is not stored")


@LINES.of(ob.ContextsDiffer)
def contexts_differ(log: AssociationLog, event: ob.ContextsDiffer) -> None:
    request = event.request
    text = (
        f"Presentation Context ID of command ({request.context_id}) and data set ({event.context_id}) differs"
    )
    log.net.error(text, log.store_fields("store_failed", request))


# -- files -----------------------------------------------------------------------------------------------


@LINES.of(ob.NameGenerated, net=_DEBUG)
def name_generated(log: AssociationLog, event: ob.NameGenerated) -> None:
    log.net.debug(f"generated filename for {_object(event.before_reception)}: {printable(event.path)}")


def _object(before_reception: bool) -> str:
    return "object to be received" if before_reception else "received object"


@LINES.of(ob.Overwriting)
def overwriting(log: AssociationLog, event: ob.Overwriting) -> None:
    if log.net.warn_on:
        fields = {"event": "overwriting", "path": event.path}
        log.net.warn(f"file already exists, overwriting: {printable(event.path)}", fields)


@LINES.of(ob.MetaHeaderWritten, data=_DEBUG)
def meta_header_written(log: AssociationLog, event: ob.MetaHeaderWritten) -> None:
    check = "DcmFileFormat::checkMetaHeaderValue() "
    if event.class_found:
        of_class = f"use SOPClassUID [{printable(event.class_uid)}] from Dataset"
    else:
        of_class = "no SOPClassUID in Dataset, using PrivateGenericFileSOPClass"
    instance = printable(event.instance_uid)
    if event.instance_found:
        of_instance = f"use SOPInstanceUID [{instance}] from Dataset"
    else:
        of_instance = f"use new generated SOPInstanceUID [{instance}]"
    syntax = long_name(event.transfer_syntax)
    log.data.debug(f"{check}Version of MetaHeader is ok: 0x0001")
    log.data.debug(check + of_class)
    log.data.debug(check + of_instance)
    log.data.debug(f"{check}use new TransferSyntaxUID [{syntax}] on writing following Dataset")
    log.data.debug("DcmFileFormat::validateMetaInfo() found 7 Elements in DcmMetaInfo 'metinf'")


@LINES.of(ob.Stored, net=_INFO)
def stored(log: AssociationLog, event: ob.Stored) -> None:
    fields = log.store_fields("stored", event.request, path=event.path, size=event.size)
    log.net.info(f"Stored received object to file: {printable(event.path)}", fields)


@LINES.of(ob.NameNotGenerated)
def name_not_generated(log: AssociationLog, event: ob.NameNotGenerated) -> None:
    what = _object(event.before_reception)
    log.net.error(f"cannot generate directory or file name for {what}: {event.reason}", _STORE_ERROR)


@LINES.of(ob.DirectoryNotCreated)
def directory_not_created(log: AssociationLog, event: ob.DirectoryNotCreated) -> None:
    path, reason, before_reception = event
    text = f"cannot create directory for {_object(before_reception)}: {printable(path)}: {reason}"
    log.net.error(text, _STORE_ERROR)


@LINES.of(ob.NotStored)
def not_stored(log: AssociationLog, event: ob.NotStored) -> None:
    text = f"cannot store received object: {printable(event.path)}: {event.reason}"
    log.net.error(text, _STORE_ERROR)


@LINES.of(ob.FileNotCreated)
def file_not_created(log: AssociationLog, event: ob.FileNotCreated) -> None:
    cause = f"0006:020a DIMSE createFilestream: cannot create file '{printable(event.path)}'"
    _data_set_error(log, event.context_id, cause)
    log.net.debug("Ignoring incoming dataset and returning an error status to the SCU")


@LINES.of(ob.FileNotWritten)
def file_not_written(log: AssociationLog, event: ob.FileNotWritten) -> None:
    cause = "0006:020a DIMSE receiveDataSetInFile: Cannot write to file"
    _data_set_error(log, event.context_id, cause)
