"""The trace level (spec/network.md f.3): what is said of PDU headers and states."""

from __future__ import annotations

import struct

import pytest

from dcmrecv import observer as ob
from dcmrecv.config import LogLevel, StorageMode
from dcmrecv.core import events as ev
from dcmrecv.log.dcmtk_trace import PduHeaders

from .dcmtk_lines_parts import CT, IMPLICIT, agreed, encoded, observer, request, say, store, story

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
    """The usual lines all, in order; of those of the trace level none that the reference does not print."""
    mode = StorageMode.BIT_PRESERVING if name.endswith("bit") else StorageMode.NORMAL
    association, recorder = observer(LogLevel.TRACE, mode=mode)
    asked = request()
    raw = encoded(asked)
    event = store(command_set=_command())
    say(association, ob.Connected())
    say(association, ob.WireReceived(memoryview(raw)))
    say(association, ev.RequestReceived(asked, raw))
    say(association, agreed(asked))
    say(association, ob.WireReceived(memoryview(_pdata(3, event.command_set) + _pdata(2, bytes(92)))))
    say(association, event)
    if mode is StorageMode.BIT_PRESERVING:
        say(association, ob.NameGenerated(PATH, before_reception=True))
        say(association, ob.StoreStarted(event))
        say(association, ob.DataSetReceived(event, 3, to_file=True))
    else:
        say(association, ob.StoreStarted(event))
        say(association, ob.DataSetStarted(IMPLICIT))
        say(association, ob.DataSetReceived(event, 3, to_file=False))
        say(association, ob.ProcessingStore())
        say(association, ob.NameGenerated(PATH, before_reception=False))
        say(association, ob.MetaHeaderWritten(IMPLICIT, CT, b"1.2.3.4.5", True, True))
    say(association, ob.Stored(PATH, event, 400))
    say(association, ob.StoreResponse(event, 0))
    say(association, ob.WireReceived(memoryview(b"\5\0\0\0\0\4\0\0\0\0")))
    say(association, ev.ReleaseRequested(ev.Stage.COMMAND))
    say(association, ob.Terminated())
    # no control character of a peer is printed, not even the padding of a UID
    reference = [line.replace("\0]", "] ") for line in story(name)]
    usual = [line for line in recorder.lines if not line.startswith("T: ")]
    assert usual == [line for line in reference if not line.startswith("T: ")]
    traced = [line for line in recorder.lines if line.startswith("T: ")]
    assert len(traced) > 30
    assert set(traced) <= set(reference)


def test_headers_do_not_depend_on_the_pieces() -> None:
    stream = _pdata(3, b"ab") + b"\7\0\0\0\0\0" + _pdata(2, b"") + b"\5\0\0\0\0\4abcd"
    for size in (1, 2, 5, 7, len(stream)):
        headers = PduHeaders()
        found = [
            head
            for position in range(0, len(stream), size)
            for head in headers.feed(memoryview(stream)[position : position + size])
        ]
        assert [head[0] for head in found] == [4, 7, 4, 5]


def test_an_abort_and_a_close_are_told_apart() -> None:
    abort = ev.AbortReceived(0, 0, ev.Stage.COMMAND)
    for wire, event, line in (
        (b"\7\0\0\0\0\4abcd", abort, "Indicate Peer Aborted"),
        (b"", ev.PeerClosed(ev.Stage.COMMAND), "Indicate AP Abort"),
    ):
        association, recorder = observer(LogLevel.TRACE)
        say(association, ob.WireReceived(memoryview(wire)))
        say(association, event)
        assert any(line in text for text in recorder.lines)
        assert recorder.lines[-1] == "I: Received Association Abort Request"
