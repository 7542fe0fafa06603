"""The receive buffer: it grows with what arrives, moves what is left, and never resizes under a view."""

from __future__ import annotations

import pytest

from dcmrecv.core import limits
from dcmrecv.core.buffer import ReceiveBuffer
from dcmrecv.memory import Account, MemoryBudget, MemoryBudgetExceeded


def _receive(buffer: ReceiveBuffer, data: bytes) -> None:
    room = buffer.room()
    room[: len(data)] = data
    buffer.received(len(data))


def _fill(buffer: ReceiveBuffer) -> None:
    buffer.received(len(buffer.room()))


def _left(buffer: ReceiveBuffer) -> bytes:
    return bytes(buffer.view[buffer.begin : buffer.end])


def test_what_is_left_moves_to_the_front() -> None:
    buffer = ReceiveBuffer(16390)
    _receive(buffer, b"abcdef")
    buffer.begin = 4
    room = buffer.room()
    assert (_left(buffer), len(room)) == (b"ef", limits.BUFFER_FIRST - 2)
    _receive(buffer, b"gh")
    assert _left(buffer) == b"efgh"


def test_it_grows_when_it_was_filled_and_leaves_old_views_alone() -> None:
    buffer = ReceiveBuffer(16390)
    _receive(buffer, b"x" * limits.BUFFER_FIRST)
    assert buffer.filled
    view = buffer.view[:10]
    buffer.grow()
    assert len(buffer.room()) == limits.BUFFER_FIRST
    _receive(buffer, b"y")
    assert not buffer.filled
    assert bytes(view) == b"x" * 10
    assert _left(buffer) == b"x" * limits.BUFFER_FIRST + b"y"


def test_it_stops_growing() -> None:
    buffer = ReceiveBuffer(16390)
    for _ in range(10):
        _fill(buffer)
        buffer.grow()
        buffer.begin = buffer.end
    assert buffer.size == limits.BUFFER_FULL


def test_a_long_request_may_have_more() -> None:
    buffer = ReceiveBuffer(16390)
    buffer.wanted = limits.REQUEST_LENGTH + 6
    for _ in range(10):
        _fill(buffer)
        buffer.grow()
    assert buffer.size == limits.REQUEST_LENGTH + 6


@pytest.mark.parametrize("longest", [16390, 1_000_006])
def test_the_longest_pdu_always_fits(longest: int) -> None:
    buffer = ReceiveBuffer(longest)
    while buffer.filled or len(buffer) < longest:
        _fill(buffer)
        buffer.grow()
    assert len(buffer) >= longest


def test_what_is_beyond_the_first_buffer_is_charged_and_given_back() -> None:
    budget = MemoryBudget(1 << 20)
    buffer = ReceiveBuffer(16390, Account(budget))
    assert budget.used == 0
    _fill(buffer)
    buffer.grow()
    assert budget.used == buffer.size - limits.BUFFER_FIRST > 0
    buffer.shrink()  # what is in it does not fit
    assert budget.used == buffer.size - limits.BUFFER_FIRST > 0
    buffer.begin = buffer.end - 3
    buffer.data[buffer.begin : buffer.end] = b"end"
    buffer.shrink()
    assert (budget.used, buffer.size, _left(buffer)) == (0, limits.BUFFER_FIRST, b"end")


def test_a_buffer_that_only_saves_reads_is_not_taken_when_memory_is_short() -> None:
    budget = MemoryBudget(1 << 20)
    Account(budget).charge(1 << 19)
    buffer = ReceiveBuffer(16390, Account(budget))
    _fill(buffer)
    buffer.begin = 1
    buffer.grow()
    assert buffer.size == limits.BUFFER_FIRST
    _fill(buffer)
    buffer.grow()  # nothing can be moved: the PDU needs it
    assert buffer.size == 2 * limits.BUFFER_FIRST


def test_no_budget_is_left() -> None:
    buffer = ReceiveBuffer(16390, Account(MemoryBudget(1000)))
    _fill(buffer)
    with pytest.raises(MemoryBudgetExceeded):
        buffer.grow()
    assert buffer.size == limits.BUFFER_FIRST
