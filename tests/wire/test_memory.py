"""What peers can make a connection hold is charged to one budget, and the greediest is aborted."""

from __future__ import annotations

import tracemalloc

import pytest

from dcmrecv.core import events as ev
from dcmrecv.core import limits
from dcmrecv.core.acceptor import Acceptor, Wait
from dcmrecv.memory import Account, MemoryBudget

from . import peer as p

TEXT = "0006:020d memory budget of all connections exceeded"


class Connection:
    """Closes its reading side for the acceptor, as a socket does for its thread."""

    interrupted = False

    def shutdown(self, how: int, /) -> None:
        self.interrupted = True


def _dialogue(budget: MemoryBudget) -> tuple[p.Dialogue, Account, Connection]:
    connection = Connection()
    account = Account(budget, connection)
    return p.Dialogue(Acceptor(p.settings(), account)), account, connection


def _woken(peer: p.Dialogue) -> p.Dialogue:
    """The thread of an evicted connection finds that nothing more comes."""
    return peer.end()


_SITUATIONS = {
    "idle": (b"", ev.Stage.COMMAND),
    "command": (p.p_data(p.pdv(3, p.store_rq()[:20], p.COMMAND)), ev.Stage.COMMAND),
    "data set": (
        p.p_data(p.pdv(3, p.store_rq(), p.LAST_COMMAND)) + p.p_data(p.pdv(3, b"ab", p.DATA)),
        ev.Stage.DATA_SET,
    ),
    "in a PDU": (p.store()[:-3], ev.Stage.DATA_SET),
}


@pytest.mark.parametrize("name", _SITUATIONS)
def test_an_evicted_association_is_aborted(name: str) -> None:
    said, stage = _SITUATIONS[name]
    budget = MemoryBudget(100)
    peer, account, connection = _dialogue(budget)
    peer.say(p.associate() + said)
    account.charge(90)
    other = Account(budget)
    other.charge(20)
    assert connection.interrupted
    peer.new()
    _woken(peer)
    assert peer.error() == [TEXT]
    assert isinstance(peer.last, ev.ProtocolError)
    assert peer.last.stage is stage
    assert peer.new() == [p.ABORT]
    assert budget.used == 20
    _woken(peer)
    assert peer.acceptor.wait is Wait.CLOSED


def test_an_evicted_connection_without_an_association() -> None:
    budget = MemoryBudget(100)
    peer, account, _ = _dialogue(budget)
    peer.say(p.associate()[:60])
    account.charge(90)
    Account(budget).charge(20)
    _woken(peer)
    assert isinstance(peer.last, ev.RequestUnusable)
    assert str(peer.last.cause) == TEXT
    assert (peer.acceptor.wait, peer.sent) == (Wait.LINGER, b"")
    _woken(peer)
    assert peer.acceptor.wait is Wait.CLOSED


def test_small_associations_go_on_beside_greedy_ones() -> None:
    budget = MemoryBudget(4 << 20)
    begun = p.pdu(1, p.associate()[6:], 0x100000) + bytes(0x90000)
    good, _, _ = _dialogue(budget)
    good.say(p.associate())
    greedy = []
    for _ in range(40):
        peer, account, connection = _dialogue(budget)
        greedy.append((peer, account, connection))
        peer.say(begun)
        for other, _, each in greedy:
            if each.interrupted:
                each.interrupted = False
                _woken(other)
        assert budget.used <= budget.limit
    good.say(p.store())
    assert isinstance(good.events[-2], ev.StoreRequest)
    assert sum(account.evicted for _, account, _ in greedy) >= 30


def test_an_unfinished_request_holds_what_has_arrived_and_not_what_was_declared() -> None:
    peer, account, _ = _dialogue(MemoryBudget(1 << 30))
    for sent in (0, 1000, 40_000, 200_000, 600_000):
        peer.say(p.pdu(1, p.associate()[6:], 0x100000) if not sent else bytes(sent - peer.acceptor.unread))
        assert peer.acceptor.buffer.size <= max(2 * sent, limits.BUFFER_FIRST)
        assert account.held == peer.acceptor.buffer.size - limits.BUFFER_FIRST


def test_a_buffer_is_given_back_when_memory_is_short() -> None:
    budget = MemoryBudget(1 << 22)
    peer, account, _ = _dialogue(budget)
    peer.say(p.associate() + p.p_data(p.pdv(3, p.store_rq(), p.LAST_COMMAND)))
    peer.say(p.p_data(p.pdv(3, bytes(16378), p.DATA)) * 100)
    assert account.held > 0
    other = Account(budget)
    other.charge(1 << 21)
    peer.say(p.p_data(p.pdv(3, bytes(16378), p.DATA)) * 100)
    assert (account.held, peer.acceptor.buffer.size) == (0, limits.BUFFER_FIRST)
    other.close()
    peer.say(p.p_data(p.pdv(3, bytes(16378), p.DATA)) * 100 + p.p_data(p.pdv(3, b"", p.LAST_DATA)))
    assert account.held > 0
    assert peer.last == p.Data(bytes(300 * 16378), True, 3)


@pytest.mark.parametrize(
    "items",
    [
        p.context(1, b"", b"") * 60_000,
        p.item(0x50, p.role(b"", 0, 1) * 8_000) * 8,
        p.item(0x50, p.item(0x56, b"\0\0") * 10_000) * 8,
    ],
    ids=["contexts", "roles", "extended negotiation"],
)
def test_what_becomes_of_a_large_request_is_charged(items: bytes) -> None:
    request = p.associate(p.context(1, p.CT, p.IMPLICIT), extra=items)
    budget = MemoryBudget(1 << 30)
    peer, account, _ = _dialogue(budget)
    tracemalloc.start()
    try:
        peer.say(request)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert isinstance(peer.events[0], ev.RequestReceived)
    assert account.held + 2 * len(request) + (1 << 20) >= peak, peak / len(request)
    refused, _, _ = _dialogue(MemoryBudget(1 << 22))
    refused.say(request)
    assert isinstance(refused.last, ev.RequestUnusable)
    assert str(refused.last.cause) == TEXT
