"""Lengths inside maximum length and role items that reach beyond the item (DCMTK commit 48d00326a)."""

from __future__ import annotations

import pytest

from dcmrecv.core import events as ev
from tests.wire.peer import associate, dialogue, item

BEHIND = " (data before length field is not included in length field)."


@pytest.mark.parametrize(
    ("sub_items", "text"),
    [
        (item(0x51, b"\0\0"), "DUL Illegal Max PDU. Got 6 bytes of data. The minimum allowed size is 8."),
        (
            item(0x51, bytes(4), 5),
            "DUL Illegal Max PDU. Got 8 bytes of data with a length field of 5" + BEHIND,
        ),
        (
            item(0x51, bytes(4), 0xFFFF),
            "DUL Illegal Max PDU. Got 8 bytes of data with a length field of 65535" + BEHIND,
        ),
        (
            item(0x54, b"\0\0\1"),
            "DUL Illegal SCU-SCP role list. Got 7 bytes of data. The minimum allowed size is 8.",
        ),
        (
            item(0x54, b"\0\0\1\1", 0xFFFF),
            "DUL Illegal SCU-SCP role list. Got 8 bytes of data with a length field of 65535" + BEHIND,
        ),
        (
            item(0x54, b"\0\0\1\1", 3),
            "DUL Illegal SCU-SCP role list UID. Got 3 bytes of data. The minimum allowed size is 4.",
        ),
        (
            item(0x54, b"\xff\xff1.2\1\1"),
            "DUL Illegal SCU-SCP role list UID. Got 7 bytes of data with a length field of 65535" + BEHIND,
        ),
        (
            item(0x56, b"\0"),
            "DUL Illegal extended negotiation. Got 5 bytes of data. The minimum allowed size is 6.",
        ),
        (
            item(0x56, b"\xff\xff1.2"),
            "DUL Illegal extended negotiation item. Got 5 bytes of data with a length field of 65535"
            + BEHIND,
        ),
        (item(0x58, bytes(5)), "DUL user identity rq length 9. Need at least 10 bytes"),
        (
            item(0x58, bytes(6), 0xFFFF),
            "DUL illegal user identify rq length 10. Info claims to be -1 bytes.",
        ),
        (
            item(0x58, b"\1\0\xff\xff\0\0"),
            "DUL illegal user identify rq length 10. Info claims to be 6 bytes. Primary field has -1 bytes.",
        ),
        (
            item(0x58, b"\1\0\0\0\0\1"),
            "DUL illegal user identify rq length 10. Info claims to be 6 bytes. Primary field has 0 bytes. "
            "Secondary field has 1 bytes.",
        ),
        (item(0x58, b"\1\0\0\0\0\0", 5), "Corrupted data"),
    ],
)
def test_no_reply_and_the_reason(sub_items: bytes, text: str) -> None:
    peer = dialogue().say(associate(user_items=item(0x50, sub_items)))
    assert isinstance(peer.last, ev.RequestUnusable)
    assert peer.last.cause is not None
    assert peer.last.cause.text == text
    assert peer.sent == b""
