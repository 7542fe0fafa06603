"""The table of states against PS3.8 tables 9-6 to 9-10, and that the code takes every step from it."""

from __future__ import annotations

import struct

import pytest

from dcmrecv.core import limits, pdu
from dcmrecv.core.buffer import ReceiveBuffer
from dcmrecv.core.upper_layer import STEPS, Arrival, Indicates, State, UpperLayer

MAX_PDU = 16384
READING = (State.STA2, State.STA6, State.STA13)


def _layer(state: State) -> tuple[UpperLayer, ReceiveBuffer]:
    buffer = ReceiveBuffer(MAX_PDU + pdu.HEADER)
    layer = UpperLayer(buffer, MAX_PDU)
    layer.state = state
    return layer, buffer


def _say(buffer: ReceiveBuffer, data: bytes) -> None:
    buffer.room()[: len(data)] = data
    buffer.received(len(data))


def _pdu(kind: int, length: int, body: bytes = b"") -> bytes:
    return struct.pack(">BxI", kind, length) + body


_SOUND = _pdu(4, 8, struct.pack(">IBB", 4, 1, 3) + b"ab")
_PDUS = {
    Arrival.ASSOCIATE_RQ: _pdu(1, 4, bytes(4)),
    Arrival.ASSOCIATE_AC: _pdu(2, 4, bytes(4)),
    Arrival.ASSOCIATE_RJ: _pdu(3, 4, bytes(4)),
    Arrival.P_DATA: _SOUND,
    Arrival.RELEASE_RQ: _pdu(5, 4, bytes(4)),
    Arrival.RELEASE_RP: _pdu(6, 4, bytes(4)),
    Arrival.ABORT: _pdu(7, 4, bytes(4)),
    Arrival.UNRECOGNIZED: _pdu(9, 4, bytes(4)),
    Arrival.LONG_P_DATA: _pdu(4, MAX_PDU + 1),
    Arrival.LONG_REQUEST: _pdu(1, limits.REQUEST_LENGTH + 1),
    Arrival.LONG_CONTROL: _pdu(5, limits.CONTROL_BODY + 1),
    Arrival.BAD_PDVS: _pdu(4, 6, struct.pack(">IBB", 1, 1, 3)),
}
_CELLS = [(state, arrival) for state in READING for arrival in STEPS[state] if arrival in _PDUS]


@pytest.mark.parametrize(("state", "arrival"), _CELLS)
def test_every_pdu_takes_its_step(state: State, arrival: Arrival) -> None:
    layer, buffer = _layer(state)
    _say(buffer, _PDUS[arrival])
    indication = layer.next()
    step = STEPS[state][arrival]
    assert (None if indication is None else indication.what) is step.indicates
    if arrival is Arrival.LONG_P_DATA and state is State.STA6:
        # its header is found again while the reaction to the first abort is awaited (c.4)
        assert (layer.state, layer.unsent) == (
            State.STA13_UNREAD,
            [pdu.ABORT_BY_USER, pdu.ABORT_BY_PROVIDER],
        )
        return
    assert layer.state is step.state
    assert layer.unsent == ([step.send] if step.send else [])
    assert layer.left == (8 if step.indicates is Indicates.P_DATA else 0)


@pytest.mark.parametrize("state", READING)
def test_every_pdu_has_a_step(state: State) -> None:
    known = {Arrival(kind) for kind in range(1, 8)} | {Arrival.UNRECOGNIZED, Arrival.LONG_P_DATA}
    ends = {Arrival.CLOSED, Arrival.EXPIRED}
    assert known | ends <= set(STEPS[state])


@pytest.mark.parametrize(
    ("state", "reset", "expired", "said", "arrival"),
    [
        (State.STA2, False, False, b"\1", Arrival.CLOSED),
        (State.STA2, True, False, b"", Arrival.CLOSED),
        (State.STA2, False, True, b"\1", Arrival.EXPIRED),
        (State.STA2, False, False, _pdu(1, 9), Arrival.CLOSED_IN_BODY),
        (State.STA6, False, False, b"", Arrival.CLOSED),
        (State.STA6, False, False, _SOUND[:5], Arrival.CLOSED),
        (State.STA6, False, False, _SOUND[:9], Arrival.CLOSED_IN_BODY),
        (State.STA6, True, False, _SOUND[:9], Arrival.RESET_IN_BODY),
        (State.STA6, False, True, b"", Arrival.EXPIRED),
        (State.STA6, False, True, _SOUND[:3], Arrival.EXPIRED_IN_HEADER),
        (State.STA13, False, False, _SOUND[:3], Arrival.CLOSED),
        (State.STA13, False, True, b"", Arrival.EXPIRED),
        (State.STA13_UNREAD, False, False, b"", Arrival.CLOSED),
        (State.STA13_UNREAD, False, True, b"", Arrival.EXPIRED),
    ],
)
def test_every_end_takes_its_step(
    state: State, reset: bool, expired: bool, said: bytes, arrival: Arrival
) -> None:
    layer, buffer = _layer(state)
    _say(buffer, said)
    assert layer.next() is None
    layer.end(reset=reset, expired=expired)
    indication = layer.next()
    step = STEPS[state][arrival]
    assert (None if indication is None else indication.what) is step.indicates
    assert (layer.state, layer.unsent) == (step.state, [step.send] if step.send else [])
    assert layer.next() is None


def test_what_follows_a_pdu_is_left_for_the_next_call() -> None:
    layer, buffer = _layer(State.STA6)
    _say(buffer, _SOUND + _PDUS[Arrival.RELEASE_RQ])
    first = layer.next()
    assert first is not None
    assert first.what is Indicates.P_DATA
    buffer.begin += layer.left
    layer.left = 0
    second = layer.next()
    assert second is not None
    assert second.what is Indicates.RELEASE
    assert len(buffer) == 0
