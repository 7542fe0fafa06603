"""Over-long sub-items, and a request of 1 MiB made of thousands of tiny ones."""

from __future__ import annotations

import time

import pytest

from dcmrecv.core import events as ev
from tests.wire.peer import CT, EXPLICIT, IMPLICIT, associate, context, dialogue, item, user

ROOM = 0x100000 - 400
ENOUGH = 10.0
"""Seconds; a machine without load needs well below one."""


@pytest.mark.parametrize("kind", [0x10, 0x52, 0x55])
@pytest.mark.parametrize("length", [65, 255, 0xFFF0])
def test_long_strings(kind: int, length: int) -> None:
    bad = item(kind, b"1" * length)
    peer = dialogue().say(associate(extra=bad if kind == 0x10 else item(0x50, bad[:0xFFFF])))
    assert isinstance(peer.last, ev.RequestUnusable)
    assert peer.sent == b""


@pytest.mark.parametrize(
    "tiny",
    [
        item(0x77, b""),
        item(0x50, b""),
        item(0x10, b""),
        item(0x20, b"\1\0\0\0" + item(0x40, b"")),
        context(1, CT, IMPLICIT),
        context(1, CT, *([EXPLICIT] * 50)),
    ],
    ids=["unknown", "user information", "application context", "contexts", "same context", "syntaxes"],
)
def test_thousands(tiny: bytes) -> None:
    begin = time.monotonic()
    peer = dialogue().say(associate(extra=tiny * (ROOM // len(tiny))))
    assert time.monotonic() - begin < ENOUGH
    assert isinstance(peer.events[0], ev.RequestReceived)


@pytest.mark.parametrize("tiny", [item(0x53, b""), item(0x54, b"\0\0\1\1") + item(0x77, b"")])
def test_thousands_of_user_information(tiny: bytes) -> None:
    begin = time.monotonic()
    peer = dialogue().say(associate(user_items=user(tiny * (65000 // len(tiny))) * 15))
    assert time.monotonic() - begin < ENOUGH
    assert isinstance(peer.last, ev.AssociationAccepted)
