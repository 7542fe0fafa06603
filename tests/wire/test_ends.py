"""How associations end: release, abort, silence, disconnection, and what is said afterwards (d, e)."""

from __future__ import annotations

import pytest

from dcmrecv.conditions import Condition
from dcmrecv.core import events as ev
from dcmrecv.core.acceptor import Wait

from .peer import (
    ABORT,
    ABORT_2_2,
    COMMAND,
    DATA,
    LAST_COMMAND,
    RELEASE_RP,
    RELEASE_RQ,
    Dialogue,
    associate,
    associated,
    echo,
    echo_rq,
    p_data,
    pdu,
    pdv,
    store_rq,
)

RECEIVE = "0006:020d DIMSE Failed to receive message"
READ = "0006:020c DIMSE Read PDV failed"

IDLE = b""
IN_COMMAND = p_data(pdv(1, echo_rq()[:10], COMMAND))
IN_DATA_SET = p_data(pdv(3, store_rq(), LAST_COMMAND)) + p_data(pdv(3, b"ab", DATA))
BEFORE_DATA_SET = p_data(pdv(3, store_rq(), LAST_COMMAND))

everywhere = pytest.mark.parametrize(
    "situation", [IDLE, IN_COMMAND, BEFORE_DATA_SET, IN_DATA_SET], ids=["idle", "command", "store", "data"]
)


def _stage(situation: bytes) -> ev.Stage:
    return ev.Stage.DATA_SET if situation in (IN_DATA_SET, BEFORE_DATA_SET) else ev.Stage.COMMAND


def _nested(situation: bytes, cause: str) -> list[str]:
    return [READ, cause] if _stage(situation) is ev.Stage.DATA_SET else [RECEIVE, READ, cause]


def _at(situation: bytes) -> Dialogue:
    return associated().say(situation)


@everywhere
@pytest.mark.parametrize("body", [b"", bytes(4), b"\1\2\3\4", bytes(128)])
def test_release(situation: bytes, body: bytes) -> None:
    peer = _at(situation).say(pdu(5, body))
    assert peer.last == ev.ReleaseRequested(_stage(situation), situation == IN_COMMAND)
    assert peer.new() == [RELEASE_RP]
    assert (peer.acceptor.wait, peer.acceptor.unread) == (Wait.LINGER, 0)


@pytest.mark.parametrize("more", [RELEASE_RQ, echo(), associate(), ABORT, b"\0"])
def test_nothing_is_said_after_a_release(more: bytes) -> None:
    peer = associated().say(RELEASE_RQ + more)
    assert peer.new() == [RELEASE_RP]
    assert isinstance(peer.last, ev.ReleaseRequested)
    assert (peer.acceptor.wait, peer.acceptor.unread) == (Wait.LINGER, len(more))
    peer.end()
    assert peer.acceptor.wait is Wait.CLOSED


@everywhere
@pytest.mark.parametrize("kind", [5, 7])
def test_a_release_or_abort_with_a_long_body(situation: bytes, kind: int) -> None:
    peer = _at(situation).say(pdu(kind, b"", 129))
    assert peer.error() == _nested(situation, "0006:0308 DUL Illegal PDU Length")
    assert peer.new() == [ABORT]
    peer.say(bytes(129))  # the body is read as PDUs: an unknown type
    assert peer.new() == [ABORT_2_2]
    assert (peer.acceptor.wait, peer.acceptor.unread) == (Wait.LINGER, 123)


@pytest.mark.parametrize("kind", [5, 7])
def test_a_second_abort_that_a_reset_would_overtake_is_not_sent(kind: int) -> None:
    peer = associated().say(pdu(kind, bytes(129)))
    assert peer.new() == [ABORT]
    assert (peer.acceptor.wait, peer.acceptor.unread) == (Wait.LINGER, 123)


@everywhere
@pytest.mark.parametrize(("source", "reason"), [(0, 0), (2, 1), (9, 9)])
def test_abort_by_the_peer(situation: bytes, source: int, reason: int) -> None:
    peer = _at(situation).say(pdu(7, bytes((0, 0, source, reason))))
    assert peer.last == ev.AbortReceived(source, reason, _stage(situation), situation == IN_COMMAND)
    assert peer.new() == []
    assert (peer.acceptor.wait, peer.acceptor.unread) == (Wait.CLOSED, 0)


@pytest.mark.parametrize("body", [b"", b"\0", bytes(128)])
def test_abort_of_any_length(body: bytes) -> None:
    peer = associated().say(pdu(7, body) + b"x")
    assert isinstance(peer.last, ev.AbortReceived)
    assert peer.acceptor.unread == 1


@everywhere
@pytest.mark.parametrize("kind", [1, 2, 3, 6])
@pytest.mark.parametrize("body", [b"", bytes(4)])
def test_unexpected_pdus(situation: bytes, kind: int, body: bytes) -> None:
    peer = _at(situation).say(pdu(kind, body))
    assert peer.error() == _nested(situation, "0000:0000 Normal")
    assert peer.new() == [ABORT_2_2]
    assert (peer.acceptor.wait, peer.acceptor.unread) == (Wait.LINGER, len(body))


@everywhere
@pytest.mark.parametrize(("kind", "text"), [(0, " 0"), (8, " 8"), (0x47, "47"), (255, "ff")])
def test_unknown_pdus(situation: bytes, kind: int, text: str) -> None:
    peer = _at(situation).say(pdu(kind, b"", 0xFFFFFFFF))
    assert peer.error() == _nested(situation, f"0006:0321 Unrecognized PDU type: {text}")
    assert peer.new() == [ABORT]
    assert peer.acceptor.wait is Wait.ABORT_WAIT


@everywhere
def test_td_at_a_boundary(situation: bytes) -> None:
    peer = _at(situation)
    assert peer.acceptor.wait is Wait.PDU_BOUNDARY
    peer.timeout()
    assert peer.error() == ["0006:0207 DIMSE No data available (timeout in non-blocking mode)"]
    assert isinstance(peer.last, ev.ProtocolError)
    assert peer.last.stage is _stage(situation)
    assert peer.last.context_id == (3 if situation == IN_DATA_SET else None)
    assert peer.last.command_started is (situation == IN_COMMAND)
    assert peer.new() == [ABORT]


@everywhere
def test_td_inside_a_header(situation: bytes) -> None:
    peer = _at(situation).say(echo()[:5])
    assert peer.acceptor.wait is Wait.PDU_HEADER
    peer.timeout()
    assert peer.error() == _nested(situation, "0006:031a DUL network read timeout")
    assert peer.new() == [ABORT]
    assert peer.acceptor.unread == 0


@everywhere
@pytest.mark.parametrize("part", [0, 1, 5])
@pytest.mark.parametrize("reset", [False, True])
def test_the_peer_leaves_at_a_boundary_or_in_a_header(situation: bytes, part: int, reset: bool) -> None:
    peer = _at(situation).say(echo()[:part]).end(reset=reset)
    assert peer.last == ev.PeerClosed(_stage(situation), situation == IN_COMMAND)
    assert peer.new() == []
    assert (peer.acceptor.wait, peer.acceptor.unread) == (Wait.CLOSED, 0)


@everywhere
@pytest.mark.parametrize("partial", [echo()[:-1], echo()[:6], RELEASE_RQ[:8], ABORT[:8]])
def test_the_peer_leaves_inside_a_body(situation: bytes, partial: bytes) -> None:
    peer = _at(situation).say(partial)
    assert peer.acceptor.wait is Wait.PDU_BODY
    peer.end()
    assert peer.error() == _nested(situation, "0006:0310 DUL network closed")
    assert peer.new() == [ABORT]
    assert peer.acceptor.wait is Wait.ABORT_WAIT
    peer.end()
    assert peer.acceptor.wait is Wait.CLOSED


def test_a_reset_inside_a_body_leaves_nobody_to_abort() -> None:
    peer = associated().say(echo()[:-1]).end(reset=True)
    assert peer.error()[-1] == "0006:0310 DUL network closed"
    assert peer.new() == []
    assert peer.acceptor.wait is Wait.CLOSED


# -- after our abort: the table of d ----------------------------------------------------------------


def _aborted() -> Dialogue:
    peer = associated().say(p_data(pdv(99, echo_rq(), LAST_COMMAND)))
    assert peer.new() == [ABORT]
    assert peer.acceptor.wait is Wait.ABORT_WAIT
    return peer


@pytest.mark.parametrize("how", ["end", "reset", "timeout"])
def test_then_the_peer_leaves_or_ta_expires(how: str) -> None:
    peer = _aborted()
    count = len(peer.events)
    peer = peer.timeout() if how == "timeout" else peer.end(reset=how == "reset")
    assert len(peer.events) == count
    assert (peer.new(), peer.acceptor.wait, peer.acceptor.unread) == ([], Wait.CLOSED, 0)


def test_then_an_abort_comes() -> None:
    peer = _aborted().say(ABORT)
    assert (peer.new(), peer.acceptor.wait, peer.acceptor.unread) == ([], Wait.CLOSED, 4)


@pytest.mark.parametrize("kind", [2, 3, 4, 5, 6])
def test_then_a_short_pdu_blocks_until_ta(kind: int) -> None:
    peer = _aborted().say(pdu(kind, bytes(100)))
    assert (peer.new(), peer.acceptor.wait) == ([], Wait.ABORT_WAIT)
    peer.say(echo() * 3)  # swallowed by the same block
    assert peer.acceptor.wait is Wait.ABORT_WAIT
    peer.timeout()
    assert (peer.new(), peer.acceptor.wait) == ([], Wait.CLOSED)


@pytest.mark.parametrize("kind", [2, 3, 4, 5, 6])
@pytest.mark.parametrize(("length", "dropped"), [(0, 0), (1, 1024), (1024, 1024), (1025, 2048)])
def test_then_a_covered_pdu_is_dropped(kind: int, length: int, dropped: int) -> None:
    peer = _aborted().say(pdu(kind, b"", length) + bytes(dropped) + b"xy")
    assert (peer.new(), peer.acceptor.wait, peer.acceptor.unread) == ([], Wait.LINGER, 2)


@pytest.mark.parametrize(
    "more", [associate(), b"GET / HTTP/1.0\r\n", bytes(10), pdu(4, b"", 16385), pdu(4, b"", 0xFFFFFFFF)]
)
def test_then_a_second_abort(more: bytes) -> None:
    peer = _aborted().say(more)
    assert (peer.new(), peer.acceptor.wait) == ([ABORT_2_2], Wait.LINGER)
    assert peer.acceptor.unread == len(more) - 6


def test_a_driver_cannot_abort_twice() -> None:
    peer = _aborted()
    count = len(peer.events)
    peer.acceptor.abort((Condition(6, 0x20A, "x"),))
    peer.pull()
    assert (peer.new(), len(peer.events)) == ([], count)


def test_a_driver_aborts() -> None:
    peer = associated()
    cause = Condition(6, 0x20A, "Cannot create file: x")
    peer.acceptor.abort((cause,))
    peer.pull()
    assert peer.last == ev.ProtocolError(ev.Stage.COMMAND, (cause,))
    assert peer.new() == [ABORT]
