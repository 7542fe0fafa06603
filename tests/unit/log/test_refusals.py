from __future__ import annotations

import pytest

from dcmrecv.log import refusals


def test_one_line_for_each_address_and_reason_now_and_then(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 1000.0
    monkeypatch.setattr(refusals.time, "monotonic", lambda: now)
    lines = refusals.RefusalLines()
    first = "Refused 192.0.2.1: it is not on the list of --allow-host"
    assert lines.line("192.0.2.1", "address") == first
    assert lines.line("192.0.2.1", "address") is None
    assert lines.line("192.0.2.1", "address") is None
    assert lines.line("192.0.2.2", "address") is not None
    assert lines.line("192.0.2.1", "title", "MR") is not None
    now += refusals.QUIET_SECONDS
    assert lines.line("192.0.2.1", "address") == f"{first} (2 times more since the last line about it)"
    now += refusals.QUIET_SECONDS
    assert lines.line("192.0.2.1", "address") == first


def test_the_number_of_addresses_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(refusals, "MAX_ADDRESSES", 2)
    lines = refusals.RefusalLines()
    assert all(lines.line(str(number), "limit") for number in range(3))
    assert lines.line("0", "limit") is not None  # forgotten meanwhile
