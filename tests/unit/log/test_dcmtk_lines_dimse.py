"""Single lines of commands, data sets and storage; whole conversations are in `test_dcmtk_lines_stories`."""

from __future__ import annotations

import pytest

from dcmrecv import observer as ob
from dcmrecv import remarks
from dcmrecv.conditions import Condition
from dcmrecv.config import LogLevel, StorageMode
from dcmrecv.core import events as ev

from .dcmtk_lines_parts import (
    CT,
    REFERENCE,
    agreed,
    begin,
    echo,
    encoded,
    observer,
    request,
    results,
    say,
    store,
)

DEBUG, INFO, WARN = LogLevel.DEBUG, LogLevel.INFO, LogLevel.WARN
Note = remarks.Remark
PATH = b"out/CT.1.2.3.4.5"
FAILED = Condition(0x0006, 0x020D, "DIMSE Failed to receive message")
ABORTED = Condition(0x0006, 0x0317, "Peer aborted Association (or never connected)")


def test_remarks_about_elements() -> None:
    association, recorder = observer(WARN)
    begin(association, recorder)
    notes = (
        remarks.ELEMENT_ORDER(0x2),
        remarks.ELEMENT_INVALID(0xFFFFFFFF),
        remarks.ELEMENT_ODD(0x80016),
        remarks.ELEMENT_CUT(0x1, 33554432, 2),
        remarks.ELEMENT_LOST(0x1000, 6),
        remarks.DATA_SET("C-Echo RQ"),
    )
    say(association, echo(notes=notes))
    assert recorder.lines == [
        "W: DcmItem: Dataset not in ascending tag order, at element (0000,0002)",
        "W: DcmItem: Invalid Element (????,????) found in data set",
        "W: DcmItem: Length of element (0008,0016) is odd",
        "E: DcmElement: RETIRED_CommandLengthToEnd (0000,0001) larger (33554432) than remaining bytes (2) in file,"
        " premature end of stream",
        "E: DcmElement: AffectedSOPInstanceUID (0000,1000) larger (6) than remaining bytes in file",
        "W: DIMSE Warning: (PEER,ANY-SCP): C-Echo RQ: DataSetType != NULL",
    ]


def test_a_file_that_cannot_be_written_in_bit_preserving_mode() -> None:
    association, recorder = observer(INFO, mode=StorageMode.BIT_PRESERVING)
    begin(association, recorder)
    event = store()
    say(association, ob.StoreStarted(event))
    say(association, ob.FileNotWritten(3))
    say(association, ob.DataSetDropped(event))
    say(association, ob.StoreResponse(event, 0xA700))
    assert recorder.lines == [
        "I: Received C-STORE Request (MsgID 1)",
        "E: Unable to receive dataset on presentation context 3:"
        " 0006:020a DIMSE receiveDataSetInFile: Cannot write to file",
        "E: Unable to receive C-STORE dataset on presentation context 3",
        "I: Sending C-STORE Response (Refused: OutOfResources)",
    ]


@pytest.mark.parametrize(
    ("status", "words"),
    [(0xC000, "Error: CannotUnderstand"), (0xA700, "Refused: OutOfResources"), (0x0122, "0x0122")],
)
def test_statuses_at_info(status: int, words: str) -> None:
    association, recorder = observer(INFO)
    say(association, ob.StoreResponse(store(), status))
    assert recorder.lines == [f"I: Sending C-STORE Response ({words})"]


def test_a_response_that_cannot_be_sent() -> None:
    association, recorder = observer(DEBUG)
    causes = (
        Condition(0x0006, 0x020E, "DIMSE Failed to send message"),
        Condition(0x0006, 0x031D, "TCP I/O Error (Broken pipe) occurred in routine: writeDataPDU"),
    )
    say(association, ob.ResponseFailed("C-STORE", causes))
    say(association, ev.ProtocolError(ev.Stage.COMMAND, causes))
    detail = [
        "0006:020e DIMSE Failed to send message",
        "0006:031d TCP I/O Error (Broken pipe) occurred in routine: writeDataPDU",
    ]
    assert recorder.lines == [
        f"E: Failed sending C-STORE response: {detail[0]}",
        f"E: {detail[1]}",
        f"D: DIMSE Error, detail (if available): {detail[0]}",
        f"D: {detail[1]}",
    ]


@pytest.mark.parametrize("name", sorted(REFERENCE["commands"]))
def test_a_command_that_is_not_handled(name: str) -> None:
    command = bytes.fromhex(REFERENCE["commands"][name]["command"])
    association, recorder = observer(DEBUG)
    begin(association, recorder)
    line = "cannot handle this kind of DIMSE command (0x0020), we are a Storage SCP only"
    cause = Condition(0x0006, 0x0201, "DIMSE Bad command type")
    say(
        association,
        ev.ProtocolError(
            ev.Stage.COMMAND,
            (cause,),
            command_set=command,
            command_field=0x20,
            context_of_command=1,
            command_started=True,
        ),
    )
    assert recorder.lines == [
        'D: DcmDataset::read() TransferSyntax="Little Endian Implicit"',
        f"E: {line}",
        *(f"D: {line}" for line in REFERENCE["commands"][name]["dump"]),
        "D: DIMSE Error, detail (if available): 0006:0201 DIMSE Bad command type",
    ]


def test_causes_are_hidden_at_info() -> None:
    association, recorder = observer(INFO)
    say(association, ev.ProtocolError(ev.Stage.COMMAND, (FAILED,)))
    say(association, ob.Terminated())
    assert recorder.lines == []


def test_remarks_have_their_logger() -> None:
    association, recorder = observer(WARN)
    notes = (remarks.UNKNOWN_SEQUENCE(0xFFFFFFFF), remarks.DATA_SET("C-Echo RQ"))
    say(association, ev.ProtocolError(ev.Stage.COMMAND, (FAILED,), notes=notes))
    assert [(name, text.split(" ", 1)[0]) for name, _, text, _ in recorder.messages] == [
        ("dcmtk.dcmdata", "Found"),
        ("dcmtk.dcmnet", "DIMSE"),
    ]


def test_json_fields_are_made_only_for_those_who_want_them() -> None:
    event = store()
    for wanted in (False, True):
        association, recorder = observer(INFO, fields=wanted)
        say(association, ob.StoreStarted(event))
        say(association, ob.Stored(PATH, event, 400))
        say(association, ob.StoreResponse(event, 0))
        fields = [message[3] for message in recorder.messages]
        if wanted:
            assert fields[1] == {
                "event": "stored",
                "message_id": 1,
                "sop_class_uid": CT,
                "sop_instance_uid": b"1.2.3.4.5",
                "path": PATH,
                "size": 400,
            }
            assert fields[2] is not None
            assert fields[2]["status"] == "0000"
        else:
            assert fields == [None] * 3


FORGED = b"1.2\nI: Stored received object to file: /etc/passwd\r\x1b[2K\x00\xc2\x85"


def test_a_peer_cannot_write_lines_of_its_own() -> None:
    asked = request(calling_ae_title=FORGED, called_ae_title=FORGED, application_context=FORGED)
    event = store(
        sop_class_uid=FORGED,
        sop_instance_uid=FORGED,
        transfer_syntax=FORGED,
        move_originator_ae_title=FORGED,
    )
    for level in (INFO, DEBUG, LogLevel.TRACE):
        association, recorder = observer(level)
        contexts = tuple(
            result._replace(abstract_syntax=FORGED, transfer_syntax=FORGED) for result in results(asked)
        )
        say(association, ev.RequestReceived(asked, encoded(request())))
        say(association, agreed(asked, contexts=contexts, notes=(remarks.SYNTAX_UNKNOWN(1, FORGED),)))
        say(association, event)
        say(association, ob.NameGenerated(FORGED, before_reception=False))
        say(association, ob.Overwriting(FORGED))
        say(association, ob.StoreStarted(event))
        say(association, ob.DataSetStarted(FORGED))
        say(association, ob.DataSetReceived(event, 3, to_file=False))
        say(association, ob.MetaHeaderWritten(FORGED, FORGED, FORGED, True, True))
        say(association, ob.DirectoryNotCreated(FORGED, "reason", before_reception=False))
        say(association, ob.NotStored(FORGED, "reason"))
        say(association, ob.FileNotCreated(FORGED, 3))
        say(association, ob.Stored(FORGED, event, 1))
        say(association, ob.StoreResponse(event, 0))
        written = [line for line in recorder.lines if "passwd" in line]
        assert len(written) >= 7
        assert all("1.2\\x0aI: Stored" in line for line in written)
        assert all(line.isprintable() for line in recorder.lines)
