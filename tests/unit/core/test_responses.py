"""Cutting responses (spec/network.md a.4)."""

from __future__ import annotations

import struct

import pytest

from dcmrecv.core.events import StoreRequest
from dcmrecv.core.responses import ResponseWriter, cut_by_elements, cut_by_length


def _element(number: int, size: int) -> bytes:
    return struct.pack("<HHI", 0, number, size) + bytes(size)


def test_by_elements_as_recorded_for_24() -> None:
    message = b"".join(_element(n, size) for n, size in ((0, 4), (2, 18), (0x100, 2), (0x120, 2), (0x800, 2)))
    assert [len(piece) for piece in cut_by_elements(message, 12)] == [12, 12, 12, 12, 10, 10]


@pytest.mark.parametrize("length", range(12, 90, 2))
def test_nothing_is_lost_and_nothing_is_too_long(length: int) -> None:
    message = b"".join(_element(n, size) for n, size in ((0, 4), (2, 0), (3, 64), (4, 2), (5, 30)))
    pieces = cut_by_elements(message, length)
    assert b"".join(pieces) == message
    assert all(0 < len(piece) <= length for piece in pieces)


def test_a_message_that_fits_exactly_is_one_piece() -> None:
    message = _element(0, 4)
    assert cut_by_elements(message, 12) == [message]
    assert cut_by_length(message, 5) == [message[:5], message[5:10], message[10:]]


@pytest.mark.parametrize(("limit", "possible"), [(0, True), (1, False), (12, False), (13, False), (14, True)])
def test_possible(limit: int, possible: bool) -> None:
    assert ResponseWriter(limit, 4084).possible is possible


def test_a_whole_response_and_its_pieces_say_the_same() -> None:
    request = StoreRequest(5, 7, b"1.2.3", b"4.5", b"1.2.840.10008.1.2", 0, 1, None, None, b"")
    whole = ResponseWriter(16384, 16372).write(request, 0xA700)
    pieces = ResponseWriter(24, 12).write(request, 0xA700)
    joined = b""
    while pieces:
        length = struct.unpack_from(">I", pieces, 2)[0]
        joined += pieces[12 : 6 + length]
        pieces = pieces[6 + length :]
    assert joined == whole[12:]
    assert whole[12:24] == struct.pack("<HHII", 0, 0, 4, len(joined) - 12)
