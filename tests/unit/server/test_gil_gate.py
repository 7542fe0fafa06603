"""The gate lets one thread in at a time, and stands open for a thread that takes long."""

from __future__ import annotations

import threading
import time

import pytest

from dcmrecv.server import limits
from dcmrecv.server.gil_gate import GateTicket, GilGate

PATIENCE = 20.0


@pytest.fixture
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Waits at the gate are as long as a test may take: none ends by itself."""
    monkeypatch.setattr(limits, "GATE_SECONDS", PATIENCE)


@pytest.mark.usefixtures("patient")
def test_one_at_a_time() -> None:
    gate = GilGate()
    inside = most = 0

    def work() -> None:
        nonlocal inside, most
        ticket = GateTicket(gate)
        for _ in range(50):
            ticket.enter()
            inside += 1
            most = max(most, inside)
            time.sleep(0)
            inside -= 1
            ticket.leave()

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE)
    assert not any(thread.is_alive() for thread in threads)
    assert most == 1
    assert not gate.lock.locked()


def test_the_gate_stands_open_until_a_slow_holder_is_through() -> None:
    gate = GilGate()
    slow, first, second = GateTicket(gate), GateTicket(gate), GateTicket(gate)
    slow.enter()
    first.enter()  # in vain, after a short while
    assert gate.open
    second.enter()  # does not even try
    first.leave()
    second.leave()
    assert gate.open
    assert gate.lock.locked()
    slow.leave()
    assert not gate.open
    assert not gate.lock.locked()
    second.enter()
    assert gate.lock.locked()
    second.leave()


def test_nobody_waits_at_an_open_gate(monkeypatch: pytest.MonkeyPatch) -> None:
    gate = GilGate()
    slow, other = GateTicket(gate), GateTicket(gate)
    slow.enter()
    other.enter()
    monkeypatch.setattr(limits, "GATE_SECONDS", PATIENCE)
    start = time.monotonic()
    for _ in range(100):
        other.enter()
        other.leave()
    assert time.monotonic() - start < PATIENCE


def test_open_without_a_holder() -> None:
    """A wait may end in vain just when the slow holder leaves: the next one goes on as if nothing had been."""
    gate = GilGate()
    gate.open = True
    ticket = GateTicket(gate)
    ticket.enter()
    assert gate.lock.locked()
    ticket.leave()
    assert not gate.open


def test_leaving_without_being_inside() -> None:
    gate = GilGate()
    mine, other = GateTicket(gate), GateTicket(gate)
    mine.enter()
    other.leave()
    assert gate.lock.locked()
    mine.leave()
    mine.leave()
    assert not gate.lock.locked()


def test_without_a_gate() -> None:
    ticket = GateTicket(None)
    ticket.enter()
    ticket.leave()
