"""Turns keep threads from each other's way, and nobody waits for a thread that takes long."""

from __future__ import annotations

import threading
import time

import pytest

from dcmrecv.server import limits
from dcmrecv.server.turns import Turn, Turns

PATIENCE = 20.0


@pytest.fixture
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Waits for a turn are as long as a test may take: none ends by itself."""
    monkeypatch.setattr(limits, "TURN_SECONDS", PATIENCE)


@pytest.mark.usefixtures("patient")
def test_one_at_a_time() -> None:
    turns = Turns()
    inside = most = 0

    def work() -> None:
        nonlocal inside, most
        turn = Turn(turns)
        for _ in range(50):
            turn.take()
            inside += 1
            most = max(most, inside)
            time.sleep(0)
            inside -= 1
            turn.give_back()

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE)
    assert not any(thread.is_alive() for thread in threads)
    assert most == 1
    assert not turns.lock.locked()


def test_a_turn_that_takes_long_suspends_all_until_it_is_over() -> None:
    turns = Turns()
    slow, first, second = Turn(turns), Turn(turns), Turn(turns)
    slow.take()
    first.take()  # in vain, after a short while
    assert turns.suspended
    second.take()  # does not even try
    first.give_back()
    second.give_back()
    assert turns.suspended
    assert turns.lock.locked()
    slow.give_back()
    assert not turns.suspended
    assert not turns.lock.locked()
    second.take()
    assert turns.lock.locked()
    second.give_back()


def test_nobody_tries_while_turns_are_suspended(monkeypatch: pytest.MonkeyPatch) -> None:
    turns = Turns()
    slow, other = Turn(turns), Turn(turns)
    slow.take()
    other.take()
    monkeypatch.setattr(limits, "TURN_SECONDS", PATIENCE)
    start = time.monotonic()
    for _ in range(100):
        other.take()
        other.give_back()
    assert time.monotonic() - start < PATIENCE


def test_suspended_for_nobody() -> None:
    """A wait may end in vain just when the long turn does: the next one goes on as if nothing had been."""
    turns = Turns()
    turns.suspended = True
    turn = Turn(turns)
    turn.take()
    assert turns.lock.locked()
    turn.give_back()
    assert not turns.suspended


def test_giving_back_what_one_does_not_have() -> None:
    turns = Turns()
    mine, other = Turn(turns), Turn(turns)
    mine.take()
    other.give_back()
    assert turns.lock.locked()
    mine.give_back()
    mine.give_back()
    assert not turns.lock.locked()


def test_without_turns() -> None:
    turn = Turn(None)
    turn.take()
    turn.give_back()
