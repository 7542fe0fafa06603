from __future__ import annotations

import pytest

from dcmrecv.server import limits
from dcmrecv.server.health import HealthBoard


def test_a_shortage_makes_a_process_neither_healthy_nor_hopeless() -> None:
    health = HealthBoard(3)
    health.found(0, healthy=True, hopeless=False)
    health.found(1, healthy=False, hopeless=False)
    health.found(2, healthy=False, hopeless=True)
    assert (health.count, health.kept) == (1, 2)
    assert [health.worth_keeping(number) for number in range(3)] == [True, True, False]


def test_what_is_not_found_again_counts_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    health = HealthBoard()
    health.found(0, healthy=True, hopeless=False)
    monkeypatch.setattr(limits, "DEAF_SECONDS", 0.0)
    assert (health.count, health.kept) == (0, 0)
    monkeypatch.undo()
    assert (health.count, health.kept) == (1, 1)
    health.forget(0)
    assert (health.count, health.kept) == (0, 0)
