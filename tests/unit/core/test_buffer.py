"""The receive buffer: it grows with what arrives, moves what is left, and never resizes under a view."""

from __future__ import annotations

import pytest

from dcmrecv.core import limits
from dcmrecv.core.buffer import ReceiveBuffer


def _receive(buffer: ReceiveBuffer, data: bytes) -> None:
    room = buffer.receive_buffer()
    room[: len(data)] = data
    buffer.bytes_received(len(data))


def _left(buffer: ReceiveBuffer) -> bytes:
    return bytes(buffer._view[buffer._pos : buffer._end])


def test_what_is_left_moves_to_the_front() -> None:
    buffer = ReceiveBuffer(16390)
    _receive(buffer, b"abcdef")
    buffer._pos = buffer._pdv = buffer._pdu_end = 4
    room = buffer.receive_buffer()
    assert (_left(buffer), len(room)) == (b"ef", limits.BUFFER_FIRST - 2)
    _receive(buffer, b"gh")
    assert _left(buffer) == b"efgh"


def test_it_grows_when_it_was_filled_and_leaves_old_views_alone() -> None:
    buffer = ReceiveBuffer(16390)
    _receive(buffer, b"x" * limits.BUFFER_FIRST)
    view = buffer._view[:10]
    assert len(buffer.receive_buffer()) == limits.BUFFER_FIRST
    _receive(buffer, b"y")
    assert bytes(view) == b"x" * 10
    assert _left(buffer) == b"x" * limits.BUFFER_FIRST + b"y"


def test_it_stops_growing() -> None:
    buffer = ReceiveBuffer(16390)
    for _ in range(10):
        room = buffer.receive_buffer()
        buffer.bytes_received(len(room))
        buffer._pos = buffer._pdv = buffer._pdu_end = buffer._end
    assert buffer._size == limits.BUFFER_FULL


def test_the_longest_pdu_always_fits() -> None:
    assert ReceiveBuffer(1_000_006)._full == 2_000_012


def test_too_much_at_once() -> None:
    buffer = ReceiveBuffer(16390)
    buffer.receive_data(bytes(limits.BUFFER_FULL))
    with pytest.raises(ValueError, match="do not fit"):
        buffer.receive_data(b"x")


def test_pdvs_not_yet_looked_at_are_kept() -> None:
    buffer = ReceiveBuffer(16390)
    _receive(buffer, b"0123456789")
    buffer._pos, buffer._pdu_begin, buffer._pdv, buffer._pdu_end = 8, 2, 4, 8
    buffer.receive_buffer()
    assert (buffer._pdv, buffer._pdu_end, buffer._pos) == (0, 4, 4)
    assert bytes(buffer._view[: buffer._end]) == b"456789"
