"""The memory budget: what is charged counts, and the greediest goes."""

from __future__ import annotations

import socket
import threading
from pathlib import Path

import pytest

from dcmrecv import memory
from dcmrecv.memory import Account, MemoryBudget, MemoryBudgetExceeded, available_memory


class Connection:
    """Notes that its reading side was shut down."""

    def __init__(self) -> None:
        self.interrupted: list[int] = []

    def shutdown(self, how: int, /) -> None:
        self.interrupted.append(how)


def test_charges_and_what_is_given_back() -> None:
    budget = MemoryBudget(100)
    one, other = Account(budget), Account(budget)
    one.charge(30)
    other.charge(50)
    one.give_back(10)
    assert (budget.used, one.held, other.held) == (70, 20, 50)
    one.close()
    other.close()
    one.close()
    assert (budget.used, one.held, other.held) == (0, 0, 0)


def test_the_greediest_goes_and_the_small_one_stays() -> None:
    budget = MemoryBudget(100)
    connection = Connection()
    greedy, small = Account(budget, connection), Account(budget)
    greedy.charge(80)
    small.charge(30)
    assert (greedy.evicted, small.evicted) == (True, False)
    assert connection.interrupted == [socket.SHUT_RD]
    assert budget.used == 30
    with pytest.raises(MemoryBudgetExceeded):
        greedy.charge(1)
    greedy.close()
    assert budget.used == 30


def test_the_greediest_may_be_the_one_that_asks() -> None:
    budget = MemoryBudget(100)
    connection = Connection()
    greedy, small = Account(budget, connection), Account(budget)
    small.charge(40)
    with pytest.raises(MemoryBudgetExceeded):
        greedy.charge(70)
    assert greedy.evicted
    assert connection.interrupted == []  # it is awake
    greedy.close()
    assert budget.used == small.held == 40


def test_as_many_go_as_must() -> None:
    budget = MemoryBudget(100)
    accounts = [Account(budget, Connection()) for _ in range(4)]
    for account in accounts:
        account.charge(25)
    last = Account(budget)
    with pytest.raises(MemoryBudgetExceeded):
        last.charge(101)
    assert not any(account.evicted for account in accounts)
    other = Account(budget)
    other.charge(24)
    assert [account.evicted for account in accounts].count(True) == 1
    assert budget.used <= 100


def test_a_connection_that_is_closed_already() -> None:
    budget = MemoryBudget(10)
    with socket.socket() as closed:
        pass
    greedy = Account(budget, closed)
    greedy.charge(9)
    Account(budget).charge(5)
    assert greedy.evicted


def test_relaxed() -> None:
    budget = MemoryBudget(100)
    account = Account(budget)
    account.charge(49)
    assert account.relaxed
    account.charge(1)
    assert not account.relaxed


def test_threads_lose_nothing() -> None:
    budget = MemoryBudget(1 << 40)

    def work() -> None:
        account = Account(budget)
        for number in range(2000):
            account.charge(number)
            account.give_back(number // 2)
        account.close()

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert budget.used == 0


def test_what_a_control_group_allows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = available_memory()
    files = [tmp_path / "memory.max", tmp_path / "missing"]
    monkeypatch.setattr(memory, "_CGROUP_LIMITS", [str(file) for file in files])
    files[0].write_text("max\n")
    assert available_memory() >= whole
    files[0].write_text("268435456\n")
    assert available_memory() == 268435456
    assert MemoryBudget.default().limit == 67108864
    assert MemoryBudget.default(64).limit == memory.LEAST


def test_what_the_address_space_allows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory.resource, "getrlimit", lambda kind: (1 << 27, -1))
    assert available_memory() <= 1 << 27
