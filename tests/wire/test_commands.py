"""Commands and responses as dialogues (spec/network.md c.1, c.2, a.4)."""

from __future__ import annotations

import struct
import tracemalloc
from itertools import pairwise

import pytest

from dcmrecv import remarks
from dcmrecv.core import events as ev
from dcmrecv.core import limits
from dcmrecv.core.acceptor import Wait

from .peer import (
    ABORT,
    COMMAND,
    CT,
    DATA,
    FIND,
    FRAGMENTABLE_MPEG2,
    HTJ2K,
    IMPLICIT,
    LAST_COMMAND,
    LAST_DATA,
    US,
    VERIFICATION,
    Data,
    Dialogue,
    associate,
    associated,
    command,
    context,
    echo,
    echo_rq,
    element,
    p_data,
    pdu,
    pdv,
    store,
    store_rq,
    uid,
    us,
    user,
)

RECEIVE = "0006:020d DIMSE Failed to receive message"


def _response(number: int, *elements: bytes) -> bytes:
    return p_data(pdv(number, command(*elements), LAST_COMMAND))


def _echo_rsp(number: int = 1, message_id: int = 1, sop_class: bytes = VERIFICATION) -> bytes:
    return _response(
        number,
        element(0, 2, uid(sop_class)),
        element(0, 0x100, us(0x8030)),
        element(0, 0x120, us(message_id)),
        element(0, 0x800, us(0x101)),
        element(0, 0x900, us(0)),
    )


def _one(request: bytes, number: int = 1) -> Dialogue:
    return associated().say(p_data(pdv(number, request, LAST_COMMAND)))


def _refused(peer: Dialogue) -> list[str]:
    """We aborted and wait; return the causes."""
    assert peer.new() == [ABORT]
    assert peer.acceptor.wait is Wait.ABORT_WAIT
    return peer.error()


@pytest.mark.parametrize("message_id", [1, 65535, 0])
@pytest.mark.parametrize("sop_class", [VERIFICATION, CT, b"", VERIFICATION + b" ", b" 1.2\0 3"])
@pytest.mark.parametrize("number", [1, 3])
def test_echo_is_answered_whatever_the_class(message_id: int, sop_class: bytes, number: int) -> None:
    peer = _one(echo_rq(message_id, sop_class), number)
    assert isinstance(peer.last, ev.EchoRequest)
    assert peer.new() == [_echo_rsp(number, message_id, sop_class.partition(b"\0")[0].strip())]


@pytest.mark.parametrize("sop_class", [CT, b"", b"1.2.3.4"])
@pytest.mark.parametrize("instance", [b"1.2.3.4.5", b" 1.2.3.4 ", b"../../evil", b"2" * 64])
@pytest.mark.parametrize("status", [0, 0xA700, 0xC000])
def test_store_response(sop_class: bytes, instance: bytes, status: int) -> None:
    peer = associated().say(p_data(pdv(1, store_rq(7, instance, sop_class), LAST_COMMAND)))
    request = peer.last
    assert isinstance(request, ev.StoreRequest)
    assert request.transfer_syntax == IMPLICIT
    assert peer.acceptor.send_response(request, status) == ()
    assert peer.acceptor.data_to_send() == _response(
        1,
        element(0, 2, uid(sop_class)),
        element(0, 0x100, us(0x8001)),
        element(0, 0x120, us(7)),
        element(0, 0x800, us(0x101)),
        element(0, 0x900, us(status)),
        element(0, 0x1000, uid(instance.strip())),
    )


def test_commands_of_a_series_are_read_anew() -> None:
    """Layouts are remembered: nothing of an earlier command may show up in a later one."""
    peer = associated()
    for number, (instance, sop_class) in enumerate(
        [
            (b"1.2.3.10", CT),
            (b"1.2.3.11", CT),
            (b"1.2.3.12", CT[:-1] + b"9"),
            (b"1.2.3", CT),
            (b"1.2.3.1 ", CT),
        ]
    ):
        peer.say(p_data(pdv(3, store_rq(number, instance, sop_class), LAST_COMMAND)))
        request = peer.last
        assert isinstance(request, ev.StoreRequest)
        assert request.message_id == number
        assert request.sop_instance_uid == instance.strip()
        assert request.sop_class_uid == sop_class
        assert request.command_set == store_rq(number, instance, sop_class)
        peer.say(p_data(pdv(3, b"", LAST_DATA)))
    peer.say(p_data(pdv(3, store_rq(1, b"        "), LAST_COMMAND)))
    assert _refused_after(peer) == ["0006:0203 DIMSE Badly formed message"]


def _refused_after(peer: Dialogue) -> list[str]:
    assert peer.pdus()[-1] == ABORT
    return peer.error()


def test_move_originator_and_priority() -> None:
    extra = (element(0, 0x1030, b"MOVER "), element(0, 0x1031, us(9)))
    peer = _one(store_rq(1, b"1.2", CT, *extra))
    request = peer.last
    assert isinstance(request, ev.StoreRequest)
    assert (request.move_originator_ae_title, request.move_originator_message_id) == (b"MOVER", 9)
    too_long = _one(store_rq(1, b"1.2", CT, element(0, 0x1030, b"M" * 18)))
    assert isinstance(too_long.last, ev.StoreRequest)
    assert too_long.last.move_originator_ae_title is None


@pytest.mark.parametrize("pieces", [2, 3, 4, 34])
@pytest.mark.parametrize("one_pdu", [True, False])
def test_a_command_in_pieces(pieces: int, one_pdu: bool) -> None:
    """Three and more PDVs of any lengths in one PDU are read right (spec/network.md h)."""
    whole = echo_rq()
    cuts = [0, *range(2, 2 * pieces, 2), len(whole)]
    parts = [whole[a:b] for a, b in pairwise(cuts)]
    pdvs = [pdv(1, part, COMMAND) for part in parts[:-1]] + [pdv(1, parts[-1], LAST_COMMAND)]
    peer = associated().say(p_data(*pdvs) if one_pdu else b"".join(p_data(each) for each in pdvs))
    assert isinstance(peer.last, ev.EchoRequest)
    assert peer.new() == [_echo_rsp()]


@pytest.mark.parametrize("one_pdu", [True, False])
def test_empty_pieces_around_a_command(one_pdu: bool) -> None:
    pdvs = [pdv(1, b"", COMMAND), pdv(1, echo_rq(), COMMAND), pdv(1, b"", LAST_COMMAND)]
    peer = associated().say(p_data(*pdvs) if one_pdu else b"".join(p_data(each) for each in pdvs))
    assert peer.new() == [_echo_rsp()]


def test_two_stores_in_one_pdu() -> None:
    """The reference crashes (spec/network.md h)."""
    data = bytes(100)
    peer = associated().say(
        p_data(
            pdv(3, store_rq(1), LAST_COMMAND),
            pdv(3, data, LAST_DATA),
            pdv(3, store_rq(2, b"1.2.3.4.66"), LAST_COMMAND),
            pdv(3, data[:10], DATA),
            pdv(3, data[10:], LAST_DATA),
        )
    )
    assert [type(event) for event in peer.events] == [ev.StoreRequest, Data] * 2
    assert [e.content for e in peer.events if isinstance(e, Data)] == [data, data]
    assert len(peer.new()) == 2


def test_messages_without_waiting() -> None:
    peer = associated().say(store() + echo(1, 2) + p_data(pdv(1, echo_rq(3), 3), pdv(1, echo_rq(4), 3)))
    assert [type(event) for event in peer.events] == [ev.StoreRequest, Data] + [ev.EchoRequest] * 3
    assert peer.new()[1:] == [_echo_rsp(1, n) for n in (2, 3, 4)]


@pytest.mark.parametrize(
    "request_",
    [
        pdu(4, pdv(1, echo_rq(), 0xF3)),
        b"\4\x09" + p_data(pdv(1, echo_rq(), LAST_COMMAND))[2:],
        p_data(pdv(1, echo_rq() + b"\0\0\0\x10\0\0", LAST_COMMAND)),
        p_data(pdv(1, echo_rq()[12:], LAST_COMMAND)),
        p_data(pdv(1, element(0, 0, b"\xf0\xff\xff\xff") + echo_rq()[12:], LAST_COMMAND)),
        p_data(pdv(1, echo_rq() + element(8, 0x16, b"1.2.") + element(9, 0x10, b"x "), LAST_COMMAND)),
        p_data(
            pdv(1, echo_rq() + struct.pack("<HHI", 0x40, 0xA730, 0xFFFFFFFF) + b"\xfe\xff\xdd\xe0\0\0\0\0", 3)
        ),
    ],
    ids=["flags", "reserved", "stray", "no group length", "group length", "other groups", "empty sequence"],
)
def test_tolerated(request_: bytes) -> None:
    peer = associated().say(request_)
    assert peer.new() == [_echo_rsp()]


_PARTS = {
    2: element(0, 2, uid(VERIFICATION)),
    0x100: element(0, 0x100, us(0x30)),
    0x110: element(0, 0x110, us(1)),
    0x800: element(0, 0x800, us(0x101)),
}


@pytest.mark.parametrize(
    ("request_", "notes"),
    [
        (
            b"".join(_PARTS[n] for n in (0x800, 0x110, 0x100, 2)),
            [remarks.ELEMENT_ORDER(n) for n in (0x110, 0x100, 2)],
        ),
        (
            b"".join(_PARTS[n] for n in (2, 0x800, 0x100, 0x110)) + _PARTS[0x100] + _PARTS[2],
            [remarks.ELEMENT_ORDER(0x100), remarks.ELEMENT_ORDER(0x110)]
            + [remarks.ELEMENT_TWICE(n) for n in (0x100, 2)],
        ),
        (echo_rq() + element(0, 0x110, us(2)), [remarks.ELEMENT_TWICE(0x110)]),
        (echo_rq() + element(0, 0x1000, b"1.2") + b"\0", [remarks.ELEMENT_ODD(0x1000)]),
        (echo_rq() + element(3, 0x10, b"x "), [remarks.ELEMENT_INVALID(0x30010)]),
        (
            echo_rq() + struct.pack("<HHI", 0, 0x1000, 20),
            [remarks.ELEMENT_LOST(0x1000, 20)],
        ),
        (
            echo_rq() + struct.pack("<HHI", 8, 0x16, 0xFFFFFFFF),
            [remarks.ELEMENT_LOST(0x80016, 0xFFFFFFFF)],
        ),
    ],
)
def test_remarks_on_the_elements(request_: bytes, notes: list[remarks.Remark]) -> None:
    peer = _one(request_)
    assert isinstance(peer.last, ev.EchoRequest)
    assert list(peer.last.notes) == notes
    assert peer.new() == [_echo_rsp()]  # of a repeated element the first counts


def test_a_long_us_counts_its_first_value() -> None:
    parts = {**_PARTS, 0x110: element(0, 0x110, us(5) + us(6))}
    assert _one(b"".join(parts.values())).new() == [_echo_rsp(1, 5)]


@pytest.mark.parametrize(
    ("pdvs", "causes"),
    [
        (
            (pdv(1, echo_rq()[:10], COMMAND), pdv(3, echo_rq()[10:], LAST_COMMAND)),
            [RECEIVE, "0006:0206 DIMSE: Different PresIDs inside Command Set: 1 != 3"],
        ),
        ((pdv(3, bytes(10), LAST_DATA),), [RECEIVE, "0006:020f DIMSE: Command PDV Expected"]),
        ((pdv(99, bytes(10), LAST_DATA),), [RECEIVE, "0006:0101 ASC Bad presentation context ID"]),
        ((pdv(99, echo_rq(), LAST_COMMAND),), [RECEIVE, "0006:0101 ASC Bad presentation context ID"]),
        ((pdv(1, b"", LAST_COMMAND),), ["0006:020b DIMSE_parseCmdObject: Missing CommandField"]),
        ((pdv(1, b"\0", LAST_COMMAND),), ["0006:020b DIMSE_parseCmdObject: Missing CommandField"]),
        ((pdv(1, b"\0" * 9, DATA),), ["0006:020b DIMSE_parseCmdObject: Missing CommandField"]),
        (
            (pdv(1, echo_rq()[:12], COMMAND), pdv(1, echo_rq()[12:], LAST_DATA)),
            [RECEIVE, "0006:020f DIMSE: Command PDV Expected"],
        ),
        (
            (pdv(1, echo_rq() + struct.pack("<HHI", 0, 0x1000, 20) + b"1.24", LAST_COMMAND),),
            ["0006:020d DIMSE: receiveCommand: cmdSet->read() Failed", "0001:0004 Invalid stream"],
        ),
        (
            (pdv(1, b"\xff" * 40, LAST_COMMAND),),
            [
                "0006:020d DIMSE: receiveCommand: cmdSet->read() Failed",
                "0001:0022 Sequence Delimitation Item missing",
            ],
        ),
    ],
)
def test_what_is_no_command(pdvs: tuple[bytes, ...], causes: list[str]) -> None:
    assert _refused(associated().say(p_data(*pdvs))) == causes


def test_an_odd_piece_ends_a_command_and_what_came_before_counts() -> None:
    peer = associated().say(
        p_data(pdv(1, echo_rq(), COMMAND)) + p_data(pdv(1, b"\0\0\0", COMMAND)) + echo(1, 2)
    )
    assert peer.new() == [_echo_rsp(), _echo_rsp(1, 2)]


@pytest.mark.parametrize("proposed", [context(1, FIND, IMPLICIT), context(1, US, b"1.2.3.4.5.99")])
def test_a_context_on_which_nothing_can_be_received(proposed: bytes) -> None:
    peer = associated(associate(proposed, context(3, VERIFICATION, IMPLICIT))).say(echo(1))
    assert _refused(peer) == [RECEIVE, "0006:0101 ASC Bad presentation context ID"]


@pytest.mark.parametrize("syntax", [FRAGMENTABLE_MPEG2, HTJ2K])
def test_codecs_younger_than_the_reference_are_received(syntax: bytes) -> None:
    peer = associated(associate(context(1, US, syntax))).say(echo(1))
    assert peer.new() == [_echo_rsp(1)]


def _without(request: bytes, number: int) -> bytes:
    pos = 0
    while True:
        _, found, length = struct.unpack_from("<HHI", request, pos)
        if found == number:
            return request[:pos] + request[pos + 8 + length :]
        pos += 8 + length


@pytest.mark.parametrize(
    ("request_", "number", "keyword"),
    [(echo_rq(), n, k) for n, k in ((0x110, "MessageID"), (0x800, "CommandDataSetType"))]
    + [(echo_rq(), 2, "AffectedSOPClassUID"), (store_rq(), 2, "AffectedSOPClassUID")]
    + [(store_rq(), 0x700, "Priority"), (store_rq(), 0x1000, "AffectedSOPInstanceUID")]
    + [(store_rq(), 0x110, "MessageID"), (store_rq(), 0x800, "CommandDataSetType")],
)
def test_mandatory_elements(request_: bytes, number: int, keyword: str) -> None:
    text = f"0006:020b DIMSE: Command Parse Failed: Element: (0000,{number:04x}) {keyword}"
    missing = _without(request_, number)
    assert _refused(_one(missing)) == [text]
    if number in (2, 0x1000):
        assert _refused(_one(missing + element(0, number, b"1" * 66))) == [text]
    else:
        assert _refused(_one(missing + element(0, number, b""))) == [text]


def test_missing_command_field() -> None:
    assert _refused(_one(_without(echo_rq(), 0x100))) == [
        "0006:020b DIMSE_parseCmdObject: Missing CommandField"
    ]


@pytest.mark.parametrize(
    ("request_", "warnings"),
    [
        (echo_rq(data_set=0), [remarks.DATA_SET("C-Echo RQ")]),
        (
            _without(store_rq(), 0x800) + element(0, 0x800, us(0x101)),
            [remarks.NO_DATA_SET("C-Store RQ")],
        ),
        (store_rq(1, b""), [remarks.BAD_INSTANCE_UID("C-Store RQ")]),
        (store_rq(1, b"  "), [remarks.BAD_INSTANCE_UID("C-Store RQ")]),
    ],
)
def test_badly_formed(request_: bytes, warnings: list[remarks.Remark]) -> None:
    peer = _one(request_)
    assert _refused(peer) == ["0006:0203 DIMSE Badly formed message"]
    assert isinstance(peer.last, ev.ProtocolError)
    assert [note for note in peer.last.notes if note.kind.logger == remarks.DCMNET] == warnings
    assert peer.last.command_started


_OTHERS = {
    0x0010: (0x110, 0x800, 2, 0x700),
    0x0020: (0x110, 0x800, 2, 0x700),
    0x0021: (0x110, 0x800, 2, 0x700, 0x600),
    0x0FFF: (0x120, 0x800),
    0x0100: (0x110, 0x800, 2, 0x1000, 0x1002),
    0x0110: (0x110, 0x800, 3, 0x1001),
    0x0120: (0x110, 0x800, 3, 0x1001),
    0x0130: (0x110, 0x800, 3, 0x1001, 0x1008),
    0x0140: (0x110, 0x800, 2),
    0x0150: (0x110, 0x800, 3, 0x1001),
    **dict.fromkeys((32769, 32784, 32800, 32801, 32816, 33024, 33104), (288, 2048, 2304)),
}
_NO_DATA_SET = {0x0FFF, 0x8001, 0x8030}


@pytest.mark.parametrize(("field", "needed"), _OTHERS.items())
def test_commands_of_other_services(field: int, needed: tuple[int, ...]) -> None:
    values = {n: element(0, n, b"1.2.3." if n in (2, 3, 0x600, 0x1000, 0x1001) else us(0)) for n in needed}
    if field in _NO_DATA_SET:
        values[0x800] = element(0, 0x800, us(0x101))
    head = element(0, 0x100, us(field))
    request = head + b"".join(values.values())
    peer = _one(request)
    assert _refused(peer) == ["0006:0201 DIMSE Bad command type"]
    assert isinstance(peer.last, ev.ProtocolError)
    last = peer.last
    assert (last.command_set, last.command_field, last.context_of_command) == (request, field, 1)
    for missing in needed:
        rest = head + b"".join(v for n, v in values.items() if n != missing)
        (cause,) = _refused(_one(rest))
        assert cause.startswith(f"0006:020b DIMSE: Command Parse Failed: Element: (0000,{missing:04x}) ")


@pytest.mark.parametrize("field", [0, 2, 0x33, 0x0160, 0x8033, 0xFFFF])
def test_unknown_commands(field: int) -> None:
    peer = _one(element(0, 0x100, us(field)))
    assert _refused(peer) == [f"0006:0201 DIMSE_parseCmdObject: Invalid Command Message: 0x{field:x}"]


def _fragments(pdus: list[bytes]) -> list[tuple[int, bytes]]:
    for each in pdus:
        assert struct.unpack_from(">II", each, 2) == (len(each) - 6, len(each) - 10)
        assert each[10] == 1
    return [(each[11], each[12:]) for each in pdus]


@pytest.mark.parametrize("limit", [24, 25, 26, 50, 51, 78, 80, 96, 100])
def test_a_response_for_a_small_peer_is_cut_between_elements(limit: int) -> None:
    peer = associated(associate(user_items=user(max_pdu=limit))).say(echo())
    pieces = _fragments(peer.new())
    assert [flags for flags, _ in pieces] == [1] * (len(pieces) - 1) + [3]
    assert all(len(piece) <= limit - 12 and len(piece) % 2 == 0 for _, piece in pieces)
    message = _echo_rsp()[12:]
    assert b"".join(piece for _, piece in pieces) == message
    ends = {0}
    for _, piece in pieces:
        ends.add(max(ends) + len(piece))
    pos = 0
    while pos < len(message):
        assert not ends & set(range(pos + 1, pos + 8)), "an element header is cut"
        pos += 8 + struct.unpack_from("<I", message, pos + 4)[0]


@pytest.mark.parametrize("limit", range(14, 24))
def test_a_response_for_a_tiny_peer_is_cut_anywhere(limit: int) -> None:
    peer = associated(associate(user_items=user(max_pdu=limit))).say(echo())
    pieces = _fragments(peer.new())
    assert {len(piece) for _, piece in pieces[:-1]} == {limit - 12}
    assert [flags for flags, _ in pieces] == [1] * (len(pieces) - 1) + [3]
    assert b"".join(piece for _, piece in pieces) == _echo_rsp()[12:]


@pytest.mark.parametrize("limit", [1, 10, 12, 13])
@pytest.mark.parametrize("message", [echo(), store()])
def test_no_response_fits(limit: int, message: bytes) -> None:
    peer = associated(associate(user_items=user(max_pdu=limit))).say(message)
    causes = [
        "0006:020e DIMSE Failed to send message",
        f"0006:0308 DUL Cannot send P-DATA PDU because receiver's max PDU size of {limit} is illegal "
        "(must be > 12)",
    ]
    assert [str(cause) for cause in peer.failures[-1]] == causes
    assert _refused(peer) == causes


def test_an_endless_command_is_bounded() -> None:
    peer = associated()
    for _ in range(5):
        peer.say(p_data(pdv(1, bytes(16000), COMMAND)))
    assert _refused(peer) == [RECEIVE, "0006:020d DIMSE: Command set of more than 65536 bytes"]
    assert not peer.acceptor.in_command


def test_the_fragments_of_a_command_are_bounded_in_number() -> None:
    empty = pdv(1, b"", COMMAND)
    peer = associated()
    for _ in range(8):
        peer.say(p_data(*[empty] * (limits.COMMAND_FRAGMENTS // 8)))
    assert peer.events == []
    assert peer.acceptor.in_command
    peer.say(p_data(empty))
    assert _refused(peer) == [RECEIVE, "0006:020d DIMSE: Command set of more than 1024 fragments"]
    assert not peer.acceptor.in_command


def test_empty_fragments_of_a_command_take_no_memory() -> None:
    peer = associated()
    pieces = p_data(*[pdv(1, b"", COMMAND)] * (limits.COMMAND_FRAGMENTS // 2))
    peer.say(p_data(pdv(1, b"", COMMAND)))
    tracemalloc.start()
    try:
        peer.say(pieces)
        held, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert held < 4096
