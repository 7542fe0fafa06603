"""A declared length of up to 4 GiB (A-ASSOCIATE-RQ or any other PDU) must not cost memory or time."""

from __future__ import annotations

import tracemalloc

import pytest

from dcmrecv.core import events as ev
from dcmrecv.core import limits
from tests.wire.peer import ABORT, ABORT_2_2, associate, associated, dialogue, pdu


@pytest.mark.parametrize("length", [0x100001, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF])
def test_request(length: int) -> None:
    peer = dialogue().say(pdu(1, associate()[6:], length))
    assert isinstance(peer.last, ev.RequestUnusable)
    assert peer.last.cause is not None
    assert peer.last.cause.text == "A-ASSOCIATE PDU too large"
    assert peer.sent == b""
    assert peer.acceptor.buffer.size == limits.BUFFER_FIRST


def test_memory_follows_the_bytes_that_arrive() -> None:
    peer = dialogue()
    tracemalloc.start()
    try:
        peer.say(pdu(1, b"\0\1", 0x100000))
        peer.say(bytes(1000))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 100_000
    peer.say(bytes(100_000))
    assert peer.acceptor.buffer.size <= 262144


@pytest.mark.parametrize("length", [16385, 0x7FFFFFFF, 0xFFFFFFFF])
def test_p_data(length: int) -> None:
    peer = associated().say(pdu(4, bytes(40), length))
    assert peer.new() == [ABORT]
    assert peer.acceptor.unread == 40  # the reset would overtake a second abort
    assert associated().say(pdu(4, b"", length)).new() == [ABORT, ABORT_2_2]
    assert peer.acceptor.buffer.size == limits.BUFFER_FIRST


@pytest.mark.parametrize("kind", [1, 2, 3, 5, 6, 7, 8, 255])
def test_other_pdus(kind: int) -> None:
    peer = associated().say(pdu(kind, bytes(40), 0xFFFFFFFF))
    assert isinstance(peer.last, ev.ProtocolError)
    assert peer.acceptor.buffer.size == limits.BUFFER_FIRST


def test_a_dropped_pdu_of_4_gib_takes_no_memory() -> None:
    peer = associated().say(pdu(255, b""))
    peer.say(pdu(5, b"", 0xFFFFFFFF))
    for _ in range(50):
        peer.say(bytes(32768))
    assert peer.acceptor.buffer.size <= limits.BUFFER_FULL
    assert peer.acceptor.unread == 0
