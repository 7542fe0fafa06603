"""A PDV length so large that length + 4 wraps around (DCMTK pull request 87), and its small neighbours."""

from __future__ import annotations

import pytest

from tests.wire.peer import ABORT, associated, pdu, pdv


@pytest.mark.parametrize(
    "length", [0, 1, 7, 0x7FFFFFFB, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFB, 0xFFFFFFFC, 0xFFFFFFFF]
)
@pytest.mark.parametrize("first", [b"", pdv(1, b"\0\0", 1)])
def test_refused(length: int, first: bytes) -> None:
    peer = associated().say(pdu(4, first + pdv(1, b"\0\0\0\0", 3, length)))
    assert peer.new() == [ABORT]
    assert peer.error()[-1] == (
        f"0006:0308 PDV with invalid length {length} encountered. "
        "This probably indicates a malformed P DATA PDU."
    )
