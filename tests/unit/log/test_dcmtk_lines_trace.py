"""The trace level (spec/network.md f.3): what is said of PDU headers, items, elements and states."""

from __future__ import annotations

import struct

import pytest

from dcmrecv import observer as ob
from dcmrecv.conditions import Condition
from dcmrecv.config import LogLevel, StorageMode
from dcmrecv.core import events as ev
from dcmrecv.log.trace_text import Wire

from .dcmtk_lines_parts import CT, IMPLICIT, REFERENCE, agreed, encoded, observer, request, say, store, story

PATH = b"<OD>/CT.1.2.3.4.5"


def _element(element: int, value: bytes) -> bytes:
    value += bytes(len(value) & 1)
    return struct.pack("<HHL", 0, element, len(value)) + value


def _command() -> bytes:
    body = b"".join(
        [
            _element(0x0002, CT),
            _element(0x0100, b"\1\0"),
            _element(0x0110, b"\1\0"),
            _element(0x0700, b"\0\0"),
            _element(0x0800, b"\2\1"),
            _element(0x1000, b"1.2.3.4.5"),
        ]
    )
    return _element(0x0000, struct.pack("<L", len(body))) + body


def _pdata(flags: int, data: bytes) -> bytes:
    return struct.pack(">BBLLBB", 4, 0, len(data) + 6, len(data) + 2, 3, flags) + data


@pytest.mark.parametrize("name", ["trace-store", "trace-store-bit"])
def test_a_store(name: str) -> None:
    mode = StorageMode.BIT_PRESERVING if name.endswith("bit") else StorageMode.NORMAL
    told, recorder = observer(LogLevel.TRACE, mode=mode)
    assert ob.WireReceived in told.wanted
    asked = request()
    raw = encoded(asked)
    event = store(command_set=_command())
    data_set = bytes(92)
    say(told, ob.Connected())
    say(told, ob.WireReceived(memoryview(raw)))
    say(told, ev.RequestReceived(asked, raw))
    say(told, agreed(asked))
    say(told, ob.WireReceived(memoryview(_pdata(3, event.command_set) + _pdata(2, data_set))))
    say(told, event)
    if mode is StorageMode.BIT_PRESERVING:
        say(told, ob.NameGenerated(PATH, before_reception=True))
        say(told, ob.StoreStarted(event))
        say(told, ob.DataSetReceived(event, 3, to_file=True))
    else:
        say(told, ob.StoreStarted(event))
        say(told, ob.DataSetStarted(IMPLICIT))
        say(told, ob.DataSetReceived(event, 3, to_file=False))
        say(told, ob.ProcessingStore())
        say(told, ob.NameGenerated(PATH, before_reception=False))
        say(told, ob.MetaHeaderWritten(IMPLICIT, CT, b"1.2.3.4.5", True, True))
    say(told, ob.Stored(PATH, event, 400))
    say(told, ob.StoreResponse(event, 0))
    say(told, ob.WireReceived(memoryview(b"\5\0\0\0\0\4\0\0\0\0")))
    say(told, ev.ReleaseRequested(ev.Stage.COMMAND))
    say(told, ob.Terminated())
    assert recorder.lines == story(name)


def test_headers_do_not_depend_on_the_pieces() -> None:
    pdu = struct.pack(">BBL", 4, 0, 18 + 4) + b"".join(
        struct.pack(">LBB", len(data) + 2, 1, flags) + data
        for flags, data in ((1, b"ab"), (3, b"cd"), (2, b""))
    )
    stream = pdu + b"\7\0\0\0\0\4abcd"
    for size in (1, 2, 5, 7, len(stream)):
        wire = Wire()
        for position in range(0, len(stream), size):
            wire.feed(stream[position : position + size])
        command = list(wire.next_of_message(True))
        assert [found.pdvs for found in command] == [((1, 2), (3, 2), (2, 0))]
        assert list(wire.next_of_message(False)) == []
        last = wire.next()
        assert last is not None
        assert last.head == b"\7\0\0\0\0\4"
        assert wire.next() is None


def test_an_abort_and_a_close_are_told_apart() -> None:
    for wire, line in ((b"\7\0\0\0\0\4abcd", "Indicate Peer Aborted"), (b"", "Indicate AP Abort")):
        told, recorder = observer(LogLevel.TRACE)
        say(told, ob.WireReceived(memoryview(wire)))
        say(told, ev.PeerClosed(ev.Stage.COMMAND))
        assert any(line in text for text in recorder.lines)
        assert recorder.lines[-1] == "I: Received Association Abort Request"


@pytest.mark.parametrize("name", sorted(REFERENCE["commands"]))
def test_any_command_can_be_shown(name: str) -> None:
    command = bytes.fromhex(REFERENCE["commands"][name]["command"])
    told, recorder = observer(LogLevel.TRACE)
    cause = Condition(0x0006, 0x0201, "DIMSE Bad command type")
    say(told, ev.ProtocolError(ev.Stage.COMMAND, (cause,), command_set=command, context_of_command=1))
    lines = recorder.lines
    assert f"T: DIMSE receiveCommand: 1 PDVs ({len(command)} bytes), PresID=1" in lines
    assert any(line.startswith("T: (0000,0100) US ") for line in lines)
