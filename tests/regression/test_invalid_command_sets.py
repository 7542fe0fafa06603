"""Command sets that crashed a DCMTK receiver (CVE-2024-34508, CVE-2024-34509): wrong, empty, of other VRs."""

from __future__ import annotations

import struct

import pytest

from dcmrecv.core import events as ev
from tests.wire.peer import ABORT, associated, command, echo_rq, element, p_data, pdv, store_rq, us


@pytest.mark.parametrize(
    "command_set",
    [
        b"",
        b"\0" * 8,
        b"\0" * 7,
        command(),
        command(element(0, 0x100, b"")),
        command(element(0, 0x100, b"\1")),
        command(element(0, 0x100, us(1))),
        command(element(0, 0x100, us(0x30)), element(0, 0x110, b"")),
        struct.pack("<HHI", 0, 0x100, 0xFFFFFFFF),
        struct.pack("<HHI", 0, 0x100, 0xFFFFFFFE) + us(0x30),
        struct.pack("<HHI", 0, 2, 0xFFFFFFFF) * 20,
        struct.pack("<HHI", 0xFFFE, 0xE000, 0xFFFFFFFF) * 500,
        struct.pack("<HHI", 0xFFFE, 0xE00D, 0) + echo_rq()[:30],
        store_rq()[:-10],
        echo_rq()[:-2],
        bytes(range(256)) * 10,
    ],
)
def test_refused(command_set: bytes) -> None:
    peer = associated().say(p_data(pdv(1, command_set, 3)))
    assert isinstance(peer.last, ev.ProtocolError)
    assert peer.new() == [ABORT]
