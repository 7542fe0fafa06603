"""Data sets: which PDVs belong to one, and what is handed on (spec/network.md c.3, c.4)."""

from __future__ import annotations

import pytest

from dcmrecv.core import events as ev
from dcmrecv.core import limits
from dcmrecv.core.acceptor import Acceptor, Wait

from .peer import (
    ABORT,
    ABORT_2_2,
    COMMAND,
    CT,
    DATA,
    FIND,
    IMPLICIT,
    LAST_COMMAND,
    LAST_DATA,
    US,
    Data,
    Dialogue,
    associate,
    associated,
    context,
    echo_rq,
    p_data,
    pdu,
    pdv,
    receive,
    store_rq,
)

RECEIVE = "0006:020d DIMSE Failed to receive message"
READ = "0006:020c DIMSE Read PDV failed"


def _storing(request: bytes | None = None) -> Dialogue:
    peer = associated(request).say(p_data(pdv(3, store_rq(), LAST_COMMAND)))
    assert isinstance(peer.last, ev.StoreRequest)
    return peer


@pytest.mark.parametrize(
    "sizes", [(0,), (2,), (0, 0), (10, 0), (0, 10), (2, 4, 6, 8), (100, 100, 100, 100, 6), (8,) * 200]
)
@pytest.mark.parametrize("per_pdu", [1, 2, 3, 1000])
def test_fragments_of_any_size_and_number(sizes: tuple[int, ...], per_pdu: int) -> None:
    content = bytes(i & 0xFF for i in range(sum(sizes)))
    pdvs, pos = [], 0
    for number, size in enumerate(sizes, 1):
        pdvs.append(pdv(3, content[pos : pos + size], LAST_DATA if number == len(sizes) else DATA))
        pos += size
    peer = _storing().say(b"".join(p_data(*pdvs[i : i + per_pdu]) for i in range(0, len(pdvs), per_pdu)))
    assert peer.last == Data(content, True, 3)
    assert len(peer.new()) == 1


def test_each_view_is_one_pdv_and_a_portion_ends_with_the_data_set() -> None:
    peer = _storing()
    acceptor = peer.acceptor
    receive(
        acceptor,
        p_data(pdv(3, b"ab", DATA), pdv(3, b"", DATA))
        + p_data(pdv(3, b"cd", DATA))
        + p_data(pdv(3, b"ef", LAST_DATA), pdv(3, store_rq(2), LAST_COMMAND)),
    )
    views: list[memoryview] = []
    event = None
    while event is None or not event.last:
        event = acceptor.next_event()
        assert isinstance(event, ev.DataFragments)
        assert event.context_id == 3
        views += event.views
    assert [bytes(view) for view in views] == [b"ab", b"", b"cd", b"ef"]
    assert len({id(view.obj) for view in views}) == 1  # no copies
    assert isinstance(acceptor.next_event(), ev.StoreRequest)


def test_a_bulk_transfer_gets_a_larger_buffer_and_no_more() -> None:
    peer = _storing()
    small = peer.acceptor.buffer.size
    fragment = bytes(16378)
    peer.say(p_data(pdv(3, fragment, DATA)) * 100)
    assert small < peer.acceptor.buffer.size == limits.BUFFER_FULL
    assert peer.last == Data(fragment * 100, False, 3)
    peer.say(p_data(pdv(3, fragment, LAST_DATA)))
    assert peer.last == Data(fragment * 101, True, 3)


def test_a_data_set_of_another_context_is_handed_on() -> None:
    """That it differs from the command's is for the driver to say, at the end (c.3)."""
    peer = _storing().say(p_data(pdv(5, b"ab", LAST_DATA)))
    assert peer.events[-2] == Data(b"ab", True, 5)
    assert peer.new() == [ABORT]
    assert isinstance(peer.last, ev.ProtocolError)
    assert peer.last.stage is ev.Stage.COMMAND  # the driver has reported the rest


_BAD = [
    (pdv(77, b"ab", DATA), [RECEIVE, "0006:0101 ASC Bad presentation context ID"]),
    (
        pdv(5, b"ab", DATA),
        [RECEIVE, "0006:0206 DIMSE: Different PresIDs inside data set: 3 != 5"],
    ),
    (pdv(3, b"abc", DATA), ["0006:020d DIMSE: Odd Fragment Length: 3"]),
    (pdv(3, b"abc", LAST_DATA), ["0006:020d DIMSE: Odd Fragment Length: 3"]),
    (pdv(3, echo_rq(), LAST_COMMAND), ["0006:020f DIMSE Unexpected PDV type"]),
    (pdv(77, b"abc", COMMAND), ["0006:020f DIMSE Unexpected PDV type"]),
]


@pytest.mark.parametrize(("bad", "causes"), _BAD)
@pytest.mark.parametrize("before", [0, 1, 3])
@pytest.mark.parametrize("one_pdu", [True, False])
def test_what_does_not_belong(bad: bytes, causes: list[str], before: int, one_pdu: bool) -> None:
    if bad.startswith(pdv(77, b"ab", DATA)) and before:
        causes = [RECEIVE, "0006:0206 DIMSE: Different PresIDs inside data set: 3 != 77"]
    if bad.startswith(pdv(5, b"ab", DATA)) and not before:
        return  # another accepted context: accepted as the data set's
    good = [pdv(3, b"xy", DATA)] * before
    pdvs = [*good, bad]
    peer = _storing().say(p_data(*pdvs) if one_pdu else b"".join(map(p_data, pdvs)))
    assert peer.error() == causes
    assert isinstance(peer.last, ev.ProtocolError)
    assert peer.last.stage is ev.Stage.DATA_SET
    is_command = bad[5] & 1
    assert peer.last.context_id == (3 if before else None if is_command else bad[4])
    assert peer.new() == [ABORT]
    if before:
        assert peer.events[-2] == Data(b"xy" * before, False, 3)


@pytest.mark.parametrize("proposed", [context(7, FIND, IMPLICIT), context(7, US, b"1.2.3.4.5.99")])
def test_a_data_set_on_a_context_that_cannot_be_received(proposed: bytes) -> None:
    peer = _storing(associate(context(3, CT, IMPLICIT), proposed)).say(p_data(pdv(7, b"ab", DATA)))
    assert peer.error() == [RECEIVE, "0006:0101 ASC Bad presentation context ID"]


_STRUCTURE = [
    (
        b"",
        "0006:0307 PDU without any PDVs encountered. In DT_2_IndicatePData.  "
        "This probably indicates a  malformed P DATA PDU.",
    ),
    *(
        (
            body,
            f"0006:0308 PDV with invalid length {length} encountered. "
            "This probably indicates a malformed P DATA PDU.",
        )
        for body, length in (
            (bytes(4), 0),
            (b"\0\0\0\1\3", 1),
            (pdv(3, b"ab", DATA, 5), 5),
            (pdv(3, b"ab", DATA, 500), 500),
            (pdv(3, b"ab", DATA, 0x7FFFFFFF), 0x7FFFFFFF),
            (pdv(3, b"ab", DATA, 0xFFFFFFFF), 0xFFFFFFFF),
            (pdv(3, b"ab", DATA) + pdv(3, b"cd", DATA, 9), 9),
        )
    ),
    *(
        (
            b"".join([pdv(3, b"ab", DATA)] * count) + stray,
            f"0006:0307 PDV lengths don't add up correctly: {count} PDVs. "
            "This probably indicates a malformed P-DATA PDU. PDU type is 04.",
        )
        for count, stray in ((0, b"\0"), (1, b"\0"), (1, b"\0\0"), (2, b"\0\0\0"))
    ),
]


@pytest.mark.parametrize(("body", "cause"), _STRUCTURE)
@pytest.mark.parametrize("before", [b"", p_data(pdv(3, b"xy", DATA)) * 3])
def test_a_malformed_pdu_gives_none_of_its_pdvs(body: bytes, cause: str, before: bytes) -> None:
    peer = _storing().say(before + pdu(4, body))
    assert peer.error() == [READ, cause]
    assert peer.new() == [ABORT]
    assert [e.content for e in peer.events if isinstance(e, Data)] == ([b"xyxyxy"] if before else [])
    waiting = associated().say(pdu(4, body))
    assert waiting.error() == [RECEIVE, READ, cause]


@pytest.mark.parametrize("limit", [4096, 16384, 131072])
def test_the_advertised_length_is_the_limit(limit: int) -> None:
    exact = p_data(pdv(3, bytes(limit - 6), DATA))
    peer = associated(max_pdu=limit).say(p_data(pdv(3, store_rq(), LAST_COMMAND)) + exact)
    assert peer.last == Data(bytes(limit - 6), False, 3)
    peer.say(pdu(4, b"", limit + 1))
    assert peer.error() == [READ, f"0006:0308 DUL Illegal PDU Length {limit + 1}.  Max expected {limit}"]
    assert peer.new() == [ABORT, ABORT_2_2]
    assert (peer.acceptor.wait, peer.acceptor.unread) == (Wait.LINGER, 0)
    peer.say(bytes(10))
    assert peer.acceptor.unread == 10


def _give_up(acceptor: Acceptor, count: int) -> None:
    """Abort because of the *count*-th PDV."""
    while True:
        event = acceptor.next_event()
        assert isinstance(event, ev.DataFragments)
        if count <= len(event.views):
            acceptor.abort((), after=count)
            return
        count -= len(event.views)


def test_a_driver_that_gives_up_inside_a_portion() -> None:
    """What follows the PDV that spoiled the data set is said after our abort, as for the reference."""
    acceptor = _storing().acceptor
    pdus = [p_data(pdv(3, b"ab", DATA), pdv(3, b"cd", DATA)), p_data(pdv(3, b"ef", DATA))]
    receive(acceptor, b"".join(pdus) + p_data(pdv(3, bytes(1012), DATA)))
    _give_up(acceptor, 3)
    assert isinstance(acceptor.next_event(), ev.ProtocolError)
    assert acceptor.data_to_send() == ABORT
    assert acceptor.next_event() is None
    assert acceptor.wait is Wait.ABORT_WAIT  # 1018 of the 1024 bytes that would be dropped are there
    receive(acceptor, bytes(7))
    assert acceptor.next_event() is None
    assert (acceptor.wait, acceptor.unread) == (Wait.LINGER, 1)


@pytest.mark.parametrize(("after", "unread"), [(1, 90), (2, 90), (3, 76), (4, 56), (5, 38), (6, 20), (7, 0)])
def test_where_reading_goes_on_after_giving_up(after: int, unread: int) -> None:
    acceptor = _storing().acceptor
    pdus = [
        p_data(pdv(3, b"ab", DATA), pdv(3, b"cd", DATA)),
        p_data(pdv(3, b"ef", DATA)),
        p_data(pdv(3, b"ghijklmn", DATA)),
        p_data(pdv(3, b"opqrst", DATA)),
        p_data(pdv(3, b"opqrst", DATA)),
        p_data(pdv(3, b"uvwxyzab", LAST_DATA)),
    ]
    assert [len(each) for each in pdus] == [22, 14, 20, 18, 18, 20]
    receive(acceptor, b"".join(pdus))
    _give_up(acceptor, after)
    assert acceptor.unread == unread
