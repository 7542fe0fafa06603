"""Negotiation, as a dialogue: one request, one answer (spec/network.md a)."""

from __future__ import annotations

import struct

import pytest

from dcmrecv import conditions, remarks
from dcmrecv import identity as own_identity
from dcmrecv.config import Role
from dcmrecv.core import events as ev
from dcmrecv.core import limits
from dcmrecv.core.acceptor import Acceptor, Wait

from .peer import (
    APPLICATION_CONTEXT,
    BIG_ENDIAN,
    CT,
    DEFLATED,
    EXPLICIT,
    FIND,
    FRAGMENTABLE_MPEG2,
    IMPLICIT,
    JPEG,
    MR,
    SC,
    US,
    VERIFICATION,
    Dialogue,
    associate,
    associated,
    context,
    dialogue,
    echo,
    identity,
    item,
    max_length,
    pdu,
    role,
    settings,
    user,
)

REJECT_CONTEXT = pdu(3, b"\0\2\1\2")
REJECT_CALLED = pdu(3, b"\0\1\1\7")
REJECT_NONE = pdu(3, b"\0\1\1\1")
REJECT_VERSION = pdu(3, b"\0\1\2\2")


def _answer(peer: Dialogue) -> ev.AcceptedAssociation:
    assert isinstance(peer.last, ev.AssociationAccepted), peer.last
    return peer.last.association


def _unusable(peer: Dialogue) -> str:
    assert isinstance(peer.last, ev.RequestUnusable), peer.last
    assert peer.acceptor.wait is Wait.LINGER
    return "" if peer.last.cause is None else peer.last.cause.text


def _sub_items(ac: bytes, kind: int) -> list[bytes]:
    """Values of the items and user information sub-items of type *kind* in an A-ASSOCIATE-AC."""
    found = []
    pos = 74
    while pos < len(ac):
        number, length = struct.unpack_from(">BxH", ac, pos)
        if number == 0x50:
            length = 0
        elif number == kind:
            found.append(ac[pos + 4 : pos + 4 + length])
        pos += 4 + length
    return found


def test_the_answer_byte_for_byte() -> None:
    request = associate(context(1, VERIFICATION, IMPLICIT), context(3, FIND, EXPLICIT), called=b"SCP")
    peer = dialogue().say(request)
    (ac,) = peer.new()
    user_items = (
        max_length(16384)
        + item(0x52, own_identity.IMPLEMENTATION_CLASS_UID)
        + item(0x55, own_identity.IMPLEMENTATION_VERSION_NAME)
    )
    assert ac == pdu(
        2,
        b"\0\1\0\0"
        + b"SCP".ljust(16)
        + b"PEER".ljust(16)
        + bytes(32)
        + item(0x10, APPLICATION_CONTEXT)
        + item(0x21, b"\1\0\0\0" + item(0x40, IMPLICIT))
        + item(0x21, b"\3\0\3\0" + item(0x40, IMPLICIT))
        + item(0x50, user_items),
    )
    assert peer.acceptor.wait is Wait.PDU_BOUNDARY


@pytest.mark.parametrize(
    ("proposed", "outcome", "transfer_syntax"),
    [
        (context(1, FIND, EXPLICIT), 3, IMPLICIT),
        (context(1, b"", EXPLICIT), 3, IMPLICIT),
        (context(1, MR, JPEG), 4, IMPLICIT),
        (context(1, MR, IMPLICIT, EXPLICIT), 0, EXPLICIT),
        (context(1, MR, IMPLICIT, BIG_ENDIAN), 0, BIG_ENDIAN),
        (context(1, SC, EXPLICIT, IMPLICIT), 0, IMPLICIT),
        (context(1, CT, EXPLICIT, DEFLATED), 0, DEFLATED),
        (context(1, US, FRAGMENTABLE_MPEG2), 0, FRAGMENTABLE_MPEG2),
        (context(1, CT + b" ", EXPLICIT), 3, IMPLICIT),
        (context(1, CT + b"\0x", EXPLICIT), 0, EXPLICIT),
        (context(1, CT, EXPLICIT + b" "), 4, IMPLICIT),
        (context(1, FIND, EXPLICIT, extra=item(0x30, CT)), 0, EXPLICIT),
    ],
)
def test_each_context_is_judged_by_the_profile(proposed: bytes, outcome: int, transfer_syntax: bytes) -> None:
    peer = dialogue().say(associate(proposed, context(9, VERIFICATION, IMPLICIT)))
    (ac,) = peer.new()
    assert _sub_items(ac, 0x21)[0] == bytes((1, 0, outcome, 0)) + item(0x40, transfer_syntax)


@pytest.mark.parametrize("number", [0, 2, 255])
def test_context_ids_are_not_validated(number: int) -> None:
    peer = associated(associate(context(number, VERIFICATION, IMPLICIT))).say(echo(number))
    assert isinstance(peer.last, ev.EchoRequest)


def test_of_a_repeated_id_the_first_place_and_the_last_result_count() -> None:
    peer = dialogue().say(
        associate(context(1, VERIFICATION, IMPLICIT), context(3, MR, IMPLICIT), context(1, CT, EXPLICIT))
    )
    (ac,) = peer.new()
    assert _sub_items(ac, 0x21) == [
        b"\1\0\0\0" + item(0x40, EXPLICIT),
        b"\3\0\0\0" + item(0x40, IMPLICIT),
    ]
    first, _, again = _answer(peer).contexts
    assert (first.abstract_syntax, first.transfer_syntax) == (VERIFICATION, EXPLICIT)
    assert again.outcome is ev.ContextOutcome.PROPOSED
    assert again.proposed_transfer_syntaxes == (EXPLICIT,)


def test_a_repeated_id_that_ends_refused_is_refused() -> None:
    peer = dialogue().say(associate(context(1, VERIFICATION, IMPLICIT), context(1, FIND, IMPLICIT)))
    assert peer.new() == [REJECT_NONE]


_NO = None
_ROLE_TABLE = [
    # proposed, then the answer for no role entry, SCU, SCP and BOTH in the profile
    ((1, 0), (_NO, b"\1\0", b"\0\0", b"\1\0")),
    ((0, 1), (_NO, b"\0\0", b"\0\1", b"\0\1")),
    ((1, 1), (_NO, b"\1\0", b"\0\1", b"\1\1")),
    ((0, 0), (_NO, b"\1\0", b"\0\1", b"\1\1")),
    ((2, 2), (_NO, b"\1\0", b"\0\1", b"\1\1")),
    ((2, 0), (_NO, b"\0\0", b"\0\1", b"\0\1")),
]


@pytest.mark.parametrize(
    ("proposed", "profile", "answer"),
    [
        (proposed, profile, answer)
        for proposed, answers in _ROLE_TABLE
        for profile, answer in zip(("Default", "RoleSCU", "RoleSCP", "RoleBoth"), answers, strict=True)
    ],
)
def test_role_selection(proposed: tuple[int, int], profile: str, answer: bytes | None) -> None:
    request = associate(context(1, CT, IMPLICIT), user_items=user(role(CT, *proposed)))
    peer = dialogue(profile).say(request)
    (ac,) = peer.new()
    expected = [] if answer is None else [struct.pack(">H", len(CT)) + CT + answer]
    assert _sub_items(ac, 0x54) == expected
    assert _sub_items(ac, 0x21)[0][2] == 0
    kinds = [note.kind for note in _answer(peer).notes]
    assert kinds == ([remarks.ROLE_NONE] if answer == b"\0\0" else [])
    received = peer.events[0]
    assert isinstance(received, ev.RequestReceived)
    assert [n.kind for n in received.notes] == ([remarks.ROLE_BOTH_ZERO] if proposed == (0, 0) else [])


def test_no_role_item_where_only_scp_is_configured() -> None:
    peer = dialogue("RoleSCP").say(associate(context(1, CT, IMPLICIT), context(3, VERIFICATION, IMPLICIT)))
    (ac,) = peer.new()
    assert _sub_items(ac, 0x21)[0] == b"\1\0\2\0" + item(0x40, IMPLICIT)
    assert [note.kind for note in _answer(peer).notes] == [remarks.ROLE_REFUSED]


def test_the_first_role_item_of_a_class_counts_and_each_context_gets_its_answer() -> None:
    request = associate(
        context(1, CT, IMPLICIT),
        context(3, CT, EXPLICIT),
        user_items=user(role(CT, 1, 0), role(CT, 0, 1)),
    )
    peer = dialogue("RoleBoth").say(request)
    (ac,) = peer.new()
    assert [value[-2:] for value in _sub_items(ac, 0x54)] == [b"\1\0", b"\1\0"]
    assert _answer(peer).contexts[0].accepted_role is Role.SCU


def test_extended_negotiation_is_the_profiles_for_accepted_classes() -> None:
    proposed = item(0x56, struct.pack(">H", len(MR)) + MR + b"\7")
    peer = dialogue("ExtNeg").say(associate(context(1, CT, IMPLICIT), user_items=user(proposed)))
    (ac,) = peer.new()
    assert _sub_items(ac, 0x56) == [struct.pack(">H", len(CT)) + CT + bytes.fromhex("0200000001000200")]
    assert _answer(peer).request.extended_negotiation == (ev.ProposedExtendedNegotiation(MR, b"\7"),)


@pytest.mark.parametrize(
    ("peer_maximum", "ours"),
    [(0xA500005A, 0xA510FFFF), (0xA5FFFF5A, 0xA510FFFF), (0xA500005B, 16384), (0x1500005A, 16384)],
)
def test_the_magic_maximum_length(peer_maximum: int, ours: int) -> None:
    peer = dialogue().say(associate(user_items=user(max_pdu=peer_maximum)))
    (ac,) = peer.new()
    assert _sub_items(ac, 0x51) == [struct.pack(">I", ours)]
    assert _answer(peer).max_receive_pdu == 16384


def test_an_odd_maximum_length_of_ours_is_made_even() -> None:
    (ac,) = dialogue(max_pdu=4097).say(associate()).new()
    assert _sub_items(ac, 0x51) == [struct.pack(">I", 4096)]


@pytest.mark.parametrize(
    ("length", "send", "notes"),
    [
        (0, 131060, []),
        (131072, 131060, []),
        (0xFFFFFFFF, 131060, []),
        (16384, 16372, []),
        (16385, 16372, [remarks.SEND_LENGTH_ODD(16385, 16384)]),
        (24, 12, []),
        (25, 12, [remarks.SEND_LENGTH_ODD(25, 24)]),
        (23, 4084, [remarks.SEND_LENGTH_ODD(23, 22), remarks.SEND_LENGTH_SMALL()]),
        (14, 4084, [remarks.SEND_LENGTH_SMALL()]),
        (13, 4084, [remarks.SEND_LENGTH_ODD(13, 12), remarks.SEND_LENGTH_DEFAULT(0)]),
        (12, 4084, [remarks.SEND_LENGTH_DEFAULT(0)]),
        (10, 4084, [remarks.SEND_LENGTH_DEFAULT(-2)]),
    ],
)
def test_the_peers_maximum_length(length: int, send: int, notes: list[remarks.Remark]) -> None:
    peer = dialogue().say(associate(user_items=user(max_pdu=length)))
    assert _answer(peer).max_send_pdv == send
    received = peer.events[0]
    assert isinstance(received, ev.RequestReceived)
    assert list(received.receive_notes) == notes


@pytest.mark.parametrize(
    ("request_", "reply", "reason"),
    [
        (associate(application=b"1.2.3"), REJECT_CONTEXT, "BAD_APPLICATION_CONTEXT"),
        (associate(application=None), REJECT_CONTEXT, "BAD_APPLICATION_CONTEXT"),
        (associate(extra=item(0x10, b"1.2")), REJECT_CONTEXT, "BAD_APPLICATION_CONTEXT"),
        (associate(called=b"OTHER"), REJECT_CALLED, "CALLED_AE_TITLE_NOT_RECOGNIZED"),
        (associate(called=b"myscp"), REJECT_CALLED, "CALLED_AE_TITLE_NOT_RECOGNIZED"),
        (associate(called=b" MYSCP"), REJECT_CALLED, "CALLED_AE_TITLE_NOT_RECOGNIZED"),
        (associate(application=b"1", called=b"OTHER"), REJECT_CONTEXT, "BAD_APPLICATION_CONTEXT"),
        (
            associate(context(1, FIND, IMPLICIT), called=b"MYSCP"),
            REJECT_NONE,
            "NO_ACCEPTABLE_PRESENTATION_CONTEXTS",
        ),
        (
            associate(items=item(0x10, APPLICATION_CONTEXT), called=b"MYSCP"),
            REJECT_NONE,
            "NO_ACCEPTABLE_PRESENTATION_CONTEXTS",
        ),
    ],
)
def test_rejections_and_their_order(request_: bytes, reply: bytes, reason: str) -> None:
    peer = dialogue(ae_title=b"MYSCP").say(request_)
    assert peer.new() == [reply]
    assert isinstance(peer.last, ev.AssociationRejected)
    assert peer.last.reason.name == reason
    assert peer.acceptor.wait is Wait.LINGER
    assert peer.acceptor.unread == 0
    peer.say(associate())
    assert peer.new() == []
    assert peer.acceptor.unread > 0


@pytest.mark.parametrize("called", [b"MYSCP", b"MYSCP\0junk", b"MYSCP\0          "])
def test_the_called_title_is_cut_at_the_nul_and_trimmed(called: bytes) -> None:
    peer = dialogue(ae_title=b"MYSCP").say(associate(called=called))
    (ac,) = peer.new()
    assert ac[10:26] == b"MYSCP".ljust(16)


def test_titles_are_bytes() -> None:
    peer = dialogue().say(associate(called=b"A\1\\B\xe4       xy  ", calling=b"\xff\n C"))
    (ac,) = peer.new()
    assert ac[10:42] == b"A\1\\B\xe4       xy  " + b"\xff\n C".ljust(16)


@pytest.mark.parametrize(
    ("titles", "name"),
    [
        ({"calling": b""}, "Calling"),
        ({"calling": bytes(16)}, "Calling"),
        ({"called": b"", "calling": b""}, "Called"),
    ],
)
def test_an_empty_title_gets_no_reply(titles: dict[str, bytes], name: str) -> None:
    peer = dialogue().say(associate(**titles))  # type: ignore[arg-type]
    assert peer.new() == []
    assert _unusable(peer) == ""
    assert isinstance(peer.events[0], ev.RequestReceived)
    assert peer.last == ev.RequestUnusable(None, notes=(remarks.NO_AP_TITLE(name),))


@pytest.mark.parametrize(("count", "accepted"), [(50, True), (51, False)])
def test_too_many_transfer_syntaxes_get_no_reply(count: int, accepted: bool) -> None:
    syntaxes = [*(b"1.2.3.%d" % n for n in range(count - 1)), IMPLICIT]
    peer = dialogue().say(associate(context(1, CT, *syntaxes)))
    if accepted:
        assert isinstance(peer.last, ev.AssociationAccepted)
        return
    assert peer.new() == []
    assert isinstance(peer.last, ev.RequestUnusable)
    assert peer.last == ev.RequestUnusable(None, notes=(remarks.TOO_MANY_SYNTAXES(),))


@pytest.mark.parametrize(("version", "good"), [(1, True), (3, True), (0xFFFF, True), (0, False), (2, False)])
def test_only_bit_0_of_the_version_counts(version: int, good: bool) -> None:
    # before the application context and the called title
    bad_otherwise = {} if good else {"application": b"1.2", "called": b"OTHER"}
    peer = dialogue(ae_title=b"ANY-SCP").say(associate(version=version, **bad_otherwise))  # type: ignore[arg-type]
    if good:
        assert isinstance(peer.last, ev.AssociationAccepted)
    else:
        assert peer.new() == [REJECT_VERSION]
        text = f"DUL Unsupported peer protocol {version:04x}; expected 0001 in parseAssociate"
        assert _unusable(peer) == text


def test_user_identity_is_read_and_not_answered() -> None:
    shared = settings()
    peer = Dialogue(Acceptor(shared)).say(associate(user_items=user(identity(2, b"user", b"secret"))))
    (ac,) = peer.new()
    assert _sub_items(ac, 0x59) == []
    assert _answer(peer).request.user_identity == ev.UserIdentity(2, True, b"user", b"secret")
    assert shared.answers == {}  # no password is kept


def test_known_requests_get_the_known_answer() -> None:
    shared = settings()
    first = Dialogue(Acceptor(shared)).say(associate())
    again = Dialogue(Acceptor(shared)).say(associate())
    assert again.sent == first.sent
    assert again.events == first.events
    assert len(shared.answers) == 1
    assert again.acceptor.association is first.acceptor.association


@pytest.mark.parametrize(
    ("kind", "reply", "wait"),
    [(kind, [pdu(7, bytes(4))], Wait.LINGER) for kind in range(2, 7)] + [(7, [], Wait.CLOSED)],
)
@pytest.mark.parametrize("body", [b"", bytes(4)])
def test_another_pdu_first(kind: int, reply: list[bytes], wait: Wait, body: bytes) -> None:
    peer = dialogue().say(pdu(kind, body))
    assert peer.events == [ev.NotAnAssociation(kind)]
    assert peer.new() == reply
    assert peer.acceptor.wait is wait
    assert peer.acceptor.unread == len(body)


@pytest.mark.parametrize(
    ("first", "text"),
    [
        (b"GET / HTTP/1.0\r\n\r\n", "Unrecognized PDU type: 47"),
        (pdu(0, b""), "Unrecognized PDU type:  0"),
        (pdu(8, b""), "Unrecognized PDU type:  8"),
        (pdu(255, b""), "Unrecognized PDU type: ff"),
        (pdu(4, b"", 16385), "DUL Illegal PDU Length 16385.  Max expected 16384"),
    ],
)
def test_no_reply_to_what_is_no_pdu(first: bytes, text: str) -> None:
    peer = dialogue().say(first)
    assert peer.new() == []
    assert _unusable(peer) == text


@pytest.mark.parametrize("sent", [b"", b"\1", b"\1\0\0\0\1"])
def test_the_peer_leaves_before_a_header(sent: bytes) -> None:
    peer = dialogue().say(sent)
    assert peer.acceptor.wait is Wait.FIRST_HEADER
    peer.end()
    assert peer.events == [ev.NotAnAssociation(None)]
    assert (peer.acceptor.wait, peer.acceptor.unread) == (Wait.CLOSED, 0)


@pytest.mark.parametrize("sent", [b"", b"\1\0\0\0\1"])
def test_ta_expires(sent: bytes) -> None:
    peer = dialogue().say(sent).timeout()
    assert peer.events == [ev.RequestUnusable(conditions.READ_TIMEOUT)]
    assert (peer.acceptor.wait, peer.acceptor.unread) == (Wait.CLOSED, 0)


def test_the_peer_leaves_inside_the_request() -> None:
    peer = dialogue().say(associate()[:50])
    assert peer.acceptor.wait is Wait.REQUEST_BODY
    peer.end()
    assert _unusable(peer) == "DUL network closed"
    assert peer.new() == []


def test_a_request_of_1_mib_is_read_and_a_longer_one_is_not() -> None:
    filler = item(0x77, bytes(65531)) * 15
    room = 0x100000 + 6 - len(associate(extra=filler)) - 4
    request = associate(extra=filler + item(0x77, bytes(room)))
    assert len(request) == 0x100000 + 6
    peer = dialogue().say(request)
    assert isinstance(peer.last, ev.AssociationAccepted)
    assert peer.acceptor.buffer.size == limits.BUFFER_FIRST  # given back
    peer.say(echo())
    assert isinstance(peer.last, ev.EchoRequest)
    too_long = dialogue().say(request[:2] + struct.pack(">I", 0x100001) + request[6:])
    assert too_long.last == ev.RequestUnusable(
        conditions.REQUEST_TOO_LONG, notes=(remarks.REQUEST_TOO_LONG(1048577),)
    )
