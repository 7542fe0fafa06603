from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from dcmrecv.extras.systemd import Notifier


@pytest.fixture
def manager(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[socket.socket]:
    path = str(tmp_path / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as receiver:
        receiver.bind(path)
        receiver.settimeout(5)
        monkeypatch.setenv("NOTIFY_SOCKET", path)
        yield receiver


def test_it_notifies_the_manager(manager: socket.socket, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WATCHDOG_USEC", "10000000")
    notifier = Notifier()
    assert "NOTIFY_SOCKET" not in os.environ
    notifier.ready("listening on port 11112")
    assert manager.recv(1000).decode().split("\n") == [
        "READY=1",
        "STATUS=listening on port 11112",
        f"MAINPID={os.getpid()}",
    ]
    notifier.alive()
    assert manager.recv(1000) == b"WATCHDOG=1"
    notifier.stopping()
    assert manager.recv(1000).startswith(b"STOPPING=1\n")


@pytest.mark.parametrize(
    ("pid", "interval"), [("", 5.0), (str(os.getpid()), 5.0), ("1", 0.0)], ids=["anyone", "us", "another"]
)
def test_the_watchdog_interval(
    manager: socket.socket, monkeypatch: pytest.MonkeyPatch, pid: str, interval: float
) -> None:
    monkeypatch.setenv("WATCHDOG_USEC", "10000000")
    if pid:
        monkeypatch.setenv("WATCHDOG_PID", pid)
    notifier = Notifier()
    assert notifier.watchdog_interval == interval
    assert notifier.interval(1.0) == 1.0
    assert notifier.interval(60.0) == (interval or 60.0)


def test_without_a_watchdog_there_is_nothing_to_feed(manager: socket.socket) -> None:
    notifier = Notifier()
    notifier.alive()
    notifier.stopping()
    assert manager.recv(1000).startswith(b"STOPPING=1\n")


def test_without_a_manager_it_says_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NOTIFY_SOCKET", raising=False)
    monkeypatch.setenv("WATCHDOG_USEC", "1000")
    notifier = Notifier()
    notifier.ready("")
    assert notifier.watchdog_interval == 0.0


def test_a_manager_that_is_away_for_a_moment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "notify"
    monkeypatch.setenv("NOTIFY_SOCKET", str(path))
    notifier = Notifier()
    notifier.ready("")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as receiver:
        receiver.bind(str(path))
        receiver.settimeout(5)
        notifier.stopping()
        assert receiver.recv(1000).startswith(b"STOPPING=1\n")
