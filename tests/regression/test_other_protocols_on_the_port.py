"""An HTTP request or a TLS hello on a plain port, and the bare connects of load balancers."""

from __future__ import annotations

import pytest

from dcmrecv import conditions
from dcmrecv.core import events as ev
from dcmrecv.core.acceptor import Wait
from tests.wire.peer import dialogue


@pytest.mark.parametrize(
    ("said", "kind"),
    [
        (b"GET / HTTP/1.1\r\nHost: pacs\r\n\r\n", "47"),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(500), "16"),
        (b"SSH-2.0-OpenSSH_9.2\r\n", "53"),
        (b"PROXY TCP4 10.0.0.1 10.0.0.2 1 2\r\n", "50"),
    ],
)
def test_not_answered(said: bytes, kind: str) -> None:
    peer = dialogue().say(said)
    assert peer.events == [ev.RequestUnusable(conditions.unrecognized_pdu(int(kind, 16)))]
    assert peer.sent == b""
    assert peer.acceptor.wait is Wait.LINGER
    assert peer.acceptor.unread == len(said) - 6  # so the connection is reset


def test_bare_connect() -> None:
    for reset in (False, True):
        peer = dialogue().end(reset=reset)
        assert peer.events == [ev.NotAnAssociation(None)]
        assert peer.sent == b""
        assert peer.acceptor.wait is Wait.CLOSED
