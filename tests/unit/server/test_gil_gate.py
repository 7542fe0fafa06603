"""A gate lets one thread in at a time, and stands open for a thread that takes long."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

import pytest

from dcmrecv.server import gil_gate, limits
from dcmrecv.server.gil_gate import GateTicket, GilGate

PATIENCE = 20.0
SHORT, BULK = 100, limits.GATE_BELOW


@pytest.fixture
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Waits at a gate are as long as a test may take: none ends by itself."""
    monkeypatch.setattr(limits, "GATE_SECONDS", PATIENCE)
    monkeypatch.setattr(limits, "HEAVY_GATE_SECONDS", PATIENCE)


def heavy(gate: GilGate) -> GateTicket:
    ticket = GateTicket(gate)
    ticket.debt = limits.MOST_DEBT_SECONDS
    return ticket


def most_inside(make: Callable[[], GateTicket], size: int) -> int:
    """Return how many of four threads were inside at the same time."""
    inside = most = 0

    def work() -> None:
        nonlocal inside, most
        ticket = make()
        for _ in range(50):
            ticket.enter(size)
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
    return most


@pytest.mark.usefixtures("patient")
def test_one_at_a_time() -> None:
    gate = GilGate()
    assert gate.short is not None
    assert most_inside(lambda: GateTicket(gate), SHORT) == 1
    assert not gate.short.lock.locked()


@pytest.mark.usefixtures("patient")
@pytest.mark.parametrize("size", [SHORT, BULK])
@pytest.mark.parametrize("short", [True, False])
def test_one_of_those_that_make_us_compute_much(size: int, short: bool) -> None:
    gate = GilGate(short=short)
    assert most_inside(lambda: heavy(gate), size) == 1
    assert not gate.heavy.lock.locked()


@pytest.mark.usefixtures("patient")
def test_the_others_do_not_wait_for_these() -> None:
    gate = GilGate()
    slow, one, bulk = heavy(gate), GateTicket(gate), GateTicket(gate)
    slow.enter(BULK)
    one.enter(SHORT)
    bulk.enter(BULK)
    for ticket in (slow, one, bulk):
        ticket.leave()


def test_the_gate_stands_open_until_a_slow_holder_is_through() -> None:
    gate = GilGate()
    assert gate.short is not None
    slow, first, second = (GateTicket(gate) for _ in range(3))
    slow.enter(SHORT)
    first.enter(SHORT)  # in vain, after a short while
    assert gate.short.open
    second.enter(SHORT)  # does not even try
    first.leave()
    second.leave()
    assert gate.short.open
    assert gate.short.lock.locked()
    slow.leave()
    assert not gate.short.open
    assert not gate.short.lock.locked()
    second.enter(SHORT)
    assert gate.short.lock.locked()
    second.leave()


def test_a_queue_is_no_slow_holder(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever waits long because many are before it waits on: none of them takes long."""
    gate = GilGate()
    monkeypatch.setattr(gate.heavy, "seconds", 0.2)
    waiting = heavy(gate)
    done = threading.Event()

    def wait() -> None:
        waiting.enter(BULK)
        done.set()

    first, second = heavy(gate), heavy(gate)
    first.enter(BULK)
    thread = threading.Thread(target=wait)
    thread.start()
    for _ in range(6):  # changes hands without the lock being free for the one that waits
        time.sleep(0.05)
        gate.heavy.entries += 1
    assert not gate.heavy.open
    first.leave()
    assert done.wait(PATIENCE)
    waiting.leave()
    thread.join()
    second.enter(BULK)
    second.leave()


def test_nobody_waits_at_an_open_gate(monkeypatch: pytest.MonkeyPatch) -> None:
    gate = GilGate()
    slow, other = GateTicket(gate), GateTicket(gate)
    slow.enter(SHORT)
    other.enter(SHORT)
    assert gate.short is not None
    monkeypatch.setattr(gate.short, "seconds", PATIENCE)
    start = time.monotonic()
    for _ in range(100):
        other.enter(SHORT)
        other.leave()
    assert time.monotonic() - start < PATIENCE


def test_open_without_a_holder() -> None:
    """A wait may end in vain just when the slow holder leaves: the next one goes on as if nothing had been."""
    gate = GilGate()
    assert gate.short is not None
    gate.short.open = True
    ticket = GateTicket(gate)
    ticket.enter(SHORT)
    assert gate.short.lock.locked()
    ticket.leave()
    assert not gate.short.open


def test_leaving_without_being_inside() -> None:
    gate = GilGate()
    assert gate.short is not None
    mine, other = GateTicket(gate), GateTicket(gate)
    mine.enter(SHORT)
    other.leave()
    assert gate.short.lock.locked()
    mine.leave()
    mine.leave()
    assert not gate.short.lock.locked()


def test_without_a_gate_for_short_work() -> None:
    gate = GilGate(short=False)
    first, second = GateTicket(gate), GateTicket(gate)
    first.enter(SHORT)
    second.enter(SHORT)
    first.leave()
    second.leave()
    assert not gate.heavy.lock.locked()


def test_waiting_actively_is_at_the_cost_of_no_other() -> None:
    gate = GilGate(spare_processor=True)
    mine, other = GateTicket(gate), GateTicket(gate)
    assert not mine.may_wait_actively()  # it has done no short work yet
    for may in (False, True):  # once more, and no other has worked in between
        mine.enter(SHORT)
        mine.leave()
        assert mine.may_wait_actively() is may
    other.enter(BULK)
    other.leave()
    assert mine.may_wait_actively()
    other.enter(SHORT)
    assert not mine.may_wait_actively()
    other.leave()
    assert not mine.may_wait_actively()
    for may in (False, True):
        mine.enter(SHORT)
        mine.leave()
        assert mine.may_wait_actively() is may
    busy = heavy(gate)
    for may in (False, True):
        busy.enter(SHORT)
        assert not mine.may_wait_actively()
        busy.leave()
        assert busy.may_wait_actively() is may


@pytest.mark.parametrize(("short", "spare"), [(True, False), (False, True)])
def test_no_active_waiting_where_there_is_nothing_to_spare(short: bool, spare: bool) -> None:
    ticket = GateTicket(GilGate(short=short, spare_processor=spare))
    for _ in range(3):
        ticket.enter(SHORT)
        ticket.leave()
        assert not ticket.may_wait_actively()


class Times:
    """What a thread has computed and what time it is, as the test says."""

    def __init__(self) -> None:
        self.computed, self.now = 500.0, 10.0  # of a thread that has served others before

    def thread_time(self) -> float:
        return self.computed

    def monotonic(self) -> float:
        return self.now


@pytest.mark.parametrize(
    ("size", "seconds", "rounds", "is_heavy"),
    [
        (8_000, 0.00015, 1000, False),  # small objects without a pause
        (500_000, 0.001, 1000, False),  # large ones
        (500_000, 0.5, 1, True),  # tiny elements
        (32_000, 0.04, 1, True),
        (80, 0.0002, 1000, True),  # echoes without a pause
        (1000, 0.0015, 10, True),  # tiny elements in small portions
    ],
)
def test_who_makes_us_compute_much(
    monkeypatch: pytest.MonkeyPatch, size: int, seconds: float, rounds: int, is_heavy: bool
) -> None:
    times = Times()
    monkeypatch.setattr(gil_gate, "time", times)
    ticket = GateTicket(GilGate())
    for _ in range(rounds):
        times.computed += seconds
        times.now += seconds
        ticket.leave(size)
    assert (ticket.debt > limits.DEBT_SECONDS) is is_heavy
    times.now += 1 + limits.MOST_DEBT_SECONDS / limits.COMPUTE_SHARE
    ticket.leave()
    assert ticket.debt == 0


def test_waiting_actively_makes_no_debt(monkeypatch: pytest.MonkeyPatch) -> None:
    times = Times()
    monkeypatch.setattr(gil_gate, "time", times)
    ticket = GateTicket(GilGate())
    for _ in range(1000):
        times.computed += 0.00006
        times.now += 0.00006
        ticket.waited_actively(0.00006)
        ticket.leave(80)
    assert ticket.debt == 0


def test_a_wait_without_a_processor_forgives_no_debt(monkeypatch: pytest.MonkeyPatch) -> None:
    times = Times()
    monkeypatch.setattr(gil_gate, "time", times)
    ticket = GateTicket(GilGate())
    times.computed += 0.05
    times.now += 0.05
    ticket.waited_actively(0.05)
    ticket.leave(80)
    assert ticket.debt > limits.DEBT_SECONDS


def test_an_echo_now_and_then_is_nobody_s_burden(monkeypatch: pytest.MonkeyPatch) -> None:
    times = Times()
    monkeypatch.setattr(gil_gate, "time", times)
    ticket = GateTicket(GilGate())
    for _ in range(1000):
        times.computed += 0.0002
        times.now += 0.1
        ticket.leave(80)
    assert ticket.debt == 0
