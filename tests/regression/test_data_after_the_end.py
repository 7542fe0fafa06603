"""Data after a release, a rejection or an abort is not looked at, answered or kept."""

from __future__ import annotations

import pytest

from dcmrecv.core import limits
from dcmrecv.core.acceptor import Wait
from tests.wire.peer import ABORT, RELEASE_RQ, associate, associated, dialogue, echo, p_data, pdu, pdv, store


@pytest.mark.parametrize("more", [echo() * 10, store() * 10, RELEASE_RQ, ABORT, associate(), bytes(5000)])
@pytest.mark.parametrize("end", [RELEASE_RQ, ABORT, pdu(6, b"")])
def test_in_an_association(end: bytes, more: bytes) -> None:
    peer = associated().say(end)
    events, sent = len(peer.events), peer.sent
    peer.say(more)
    assert (len(peer.events), peer.sent) == (events, sent)
    assert peer.acceptor.unread == len(more)
    assert peer.acceptor.wait in (Wait.LINGER, Wait.CLOSED)


def test_after_a_rejection() -> None:
    peer = dialogue().say(associate(application=b"1.2"))
    sent = peer.sent
    peer.say(associate() + store())
    assert peer.sent == sent


def test_a_flood_after_our_abort_is_dropped() -> None:
    peer = associated().say(p_data(pdv(99, b"\0\0", 3)))
    peer.say(p_data(pdv(3, bytes(16000), 0)) * 20)
    assert peer.acceptor.buffer.size <= limits.BUFFER_FULL
    assert peer.acceptor.wait is Wait.LINGER
    assert peer.new() == [ABORT]
