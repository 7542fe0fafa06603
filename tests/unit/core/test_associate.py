"""Reading A-ASSOCIATE-RQ: every error text with its numbers, and what is tolerated."""

from __future__ import annotations

import struct

import pytest

from dcmrecv import remarks
from dcmrecv.config import Role
from dcmrecv.core.associate import MalformedRequest, UnsupportedProtocol, parse_associate_request
from dcmrecv.core.events import ProposedRole
from tests.wire.peer import (
    APPLICATION_CONTEXT,
    CT,
    IMPLICIT,
    VERIFICATION,
    associate,
    context,
    identity,
    item,
    max_length,
    pdu,
    role,
    user,
)

BEHIND = " (data before length field is not included in length field)."
MINIMUM_4 = " The minimum allowed size is 4."


def _text(raw: bytes) -> str:
    with pytest.raises(MalformedRequest) as caught:
        parse_associate_request(raw)
    return caught.value.condition.text


@pytest.mark.parametrize("length", [0, 1, 67])
def test_too_short(length: int) -> None:
    assert _text(pdu(1, b"\0\1" + bytes(65))[: 6 + length]) == (
        f"DUL Illegal associate PDU. Got {length} bytes of data. The minimum allowed size is 68."
    )


def test_the_fixed_part_alone_is_well_formed() -> None:
    request, notes = parse_associate_request(associate(items=b""))
    assert (request.application_context, request.contexts, request.max_pdu, notes) == (b"", (), 0, ())


@pytest.mark.parametrize(
    ("items", "text"),
    [
        (item(0x10, b"1" * 65), "DUL illegal subitem length 65. Maximum allowed size is 64."),
        (b"\x10\0\0", "DUL Illegal subitem. Got 3 bytes of data." + MINIMUM_4),
        (
            item(0x10, b"1.2", 9),
            "DUL Illegal subitem. Got 7 bytes of data with a length field of 9" + BEHIND,
        ),
        (b"\0", "DUL Illegal dummy item. Got 1 bytes of data." + MINIMUM_4),
        (b"\0\0\0", "DUL Illegal dummy item. Got 3 bytes of data." + MINIMUM_4),
        (
            item(0x77, b"ab", 3),
            "DUL Illegal dummy item. Got 6 bytes of data with a length field of 3" + BEHIND,
        ),
        (
            item(0x20, b"\1\0\0"),
            "DUL Illegal presentation context. Got 7 bytes of data. The minimum allowed size is 8.",
        ),
        (
            item(0x20, b"\1\0\0\0", 0),
            "DUL Illegal presentation context. Got 8 bytes of data." + MINIMUM_4,
        ),
        (
            item(0x20, b"\1\0\0\0", 3),
            "DUL Illegal presentation context. Got 8 bytes of data with a length field of 3"
            + BEHIND
            + MINIMUM_4,
        ),
        (
            item(0x20, b"\1\0\0\0", 500),
            "DUL Illegal presentation context. Got 8 bytes of data with a length field of 500"
            + BEHIND
            + MINIMUM_4,
        ),
        (
            context(1, CT, IMPLICIT, extra=b"\x40\0\0"),
            "DUL Illegal subitem. Got 3 bytes of data." + MINIMUM_4,
        ),
        (
            context(1, CT, IMPLICIT, extra=item(0x30, b"1" * 65)),
            "DUL illegal subitem length 65. Maximum allowed size is 64.",
        ),
        (
            context(1, CT, IMPLICIT, extra=item(0x99, b"", 1)),
            "DUL Illegal dummy item. Got 4 bytes of data with a length field of 1" + BEHIND,
        ),
        (b"\x50\0\0", "DUL Illegal user info. Got 3 bytes of data." + MINIMUM_4),
        (
            item(0x50, b"", 200),
            "DUL Illegal user info. Got 4 bytes of data with a length field of 200" + BEHIND,
        ),
        (
            item(0x50, item(0x52, b"1.2", 60)),
            "DUL Illegal subitem. Got 7 bytes of data with a length field of 60" + BEHIND,
        ),
        (
            item(0x50, item(0x53, b"", 4)),
            "DUL Illegal dummy item. Got 4 bytes of data with a length field of 4" + BEHIND,
        ),
        (context(1, CT), "DUL Presentation Context translation failure"),
        (
            item(0x21, b"\1\0\3\0" + item(0x30, CT) + item(0x40, IMPLICIT)),
            "DUL Presentation Context translation failure",
        ),
    ],
)
def test_errors(items: bytes, text: str) -> None:
    assert _text(associate(items=items)) == text


def test_parsing_stops_at_the_first_error_and_keeps_the_warnings() -> None:
    sub_items = item(0x51, bytes(6)) + item(0x52, b"1" * 65) + item(0x51, b"")
    with pytest.raises(MalformedRequest) as caught:
        parse_associate_request(associate(items=item(0x50, sub_items)))
    assert caught.value.condition.text.startswith("DUL illegal subitem length 65")
    assert caught.value.notes == (remarks.MAX_LENGTH_ITEM(6),)
    assert caught.value.started


def test_version_comes_before_the_items_and_after_the_length() -> None:
    with pytest.raises(UnsupportedProtocol) as caught:
        parse_associate_request(associate(version=2, items=b"\0"))
    assert not caught.value.started
    assert not isinstance(_error(pdu(1, bytes(67))), UnsupportedProtocol)


def _error(raw: bytes) -> MalformedRequest:
    with pytest.raises(MalformedRequest) as caught:
        parse_associate_request(raw)
    return caught.value


def test_any_order_unknown_items_and_reserved_bytes() -> None:
    raw = associate(
        items=user(item(0x60, b"zz"))
        + b"\x77\xff\0\2hi"
        + context(3, CT, IMPLICIT, extra=item(0x99, b"x"))
        + item(0x10, APPLICATION_CONTEXT + b"\0junk")
        + item(0x21, b"\1\xff\0\xff" + item(0x30, VERIFICATION + b"\0") + item(0x40, IMPLICIT))
    )
    request, notes = parse_associate_request(raw)
    assert request.application_context == APPLICATION_CONTEXT
    assert [(c.context_id, c.abstract_syntax) for c in request.contexts] == [(3, CT), (1, VERIFICATION)]
    assert notes == ()


def test_later_sub_items_win() -> None:
    again = item(0x50, max_length(4096) + item(0x55, b"OTHER"))
    request, _ = parse_associate_request(associate(extra=again))
    assert (request.max_pdu, request.implementation_version_name) == (4096, b"OTHER")
    assert request.implementation_class_uid == b"1.2.3.999.1"


def test_a_maximum_length_item_of_another_length() -> None:
    """Its first 4 bytes count, even if they are not its own."""
    longer = item(0x51, struct.pack(">I", 7777) + b"\0\0")
    request, notes = parse_associate_request(associate(user_items=item(0x50, longer)))
    assert request.max_pdu == 7777
    assert notes == (remarks.MAX_LENGTH_ITEM(6),)
    empty = item(0x51, b"") + item(0x77, b"")
    request, notes = parse_associate_request(associate(user_items=item(0x50, empty)))
    assert request.max_pdu == 0x77000000
    assert notes == (remarks.MAX_LENGTH_ITEM(0),)


def test_names_are_cut() -> None:
    request, _ = parse_associate_request(
        associate(user_items=item(0x50, item(0x55, b"V" * 40) + item(0x52, b"1.2\0.3")))
    )
    assert request.implementation_version_name == b"V" * 16
    assert request.implementation_class_uid == b"1.2"


@pytest.mark.parametrize(
    ("scu", "scp", "expected"),
    [
        (1, 0, Role.SCU),
        (0, 1, Role.SCP),
        (1, 1, Role.BOTH),
        (0, 0, Role.BOTH),
        (2, 2, Role.BOTH),
        (2, 0, Role.SCP),
        (1, 2, Role.SCU),
    ],
)
def test_role_values(scu: int, scp: int, expected: Role) -> None:
    request, notes = parse_associate_request(
        associate(context(1, CT, IMPLICIT), user_items=user(role(CT, scu, scp)))
    )
    assert request.roles == (ProposedRole(CT, expected),)
    assert notes == ((remarks.ROLE_BOTH_ZERO(),) if scu == scp == 0 else ())


def test_a_role_uid_of_65_bytes_is_cut_and_the_roles_are_read_behind_the_cut() -> None:
    request, notes = parse_associate_request(associate(user_items=user(role(b"1" * 64 + b"\1", 0, 9))))
    assert request.roles == (ProposedRole(b"1" * 64, Role.SCU),)
    assert notes == (remarks.ROLE_UID_LENGTH(65),)


def test_only_kind_2_has_a_secondary_field() -> None:
    request, _ = parse_associate_request(associate(user_items=user(identity(2, b"u", b"p"))))
    assert request.user_identity is not None
    assert (request.user_identity.primary, request.user_identity.secondary) == (b"u", b"p")
    hidden = item(0x55, b"HIDDEN")
    request, _ = parse_associate_request(associate(user_items=user(identity(1, b"u", hidden))))
    assert request.user_identity is not None
    assert request.user_identity.secondary == b""
    assert request.implementation_version_name == b"HIDDEN"  # its bytes are the next sub-item
