"""Connections that wait for their peers to close first: each is closed in time, none is forgotten."""

from __future__ import annotations

import contextlib
import errno
import os
import select
import socket
import time
from collections.abc import Iterator

import pytest

from dcmrecv.server import limits, passive_close
from dcmrecv.server.passive_close import PassiveClose


@pytest.fixture
def made() -> Iterator[PassiveClose]:
    own = PassiveClose()
    yield own
    own.close()


def take(made: PassiveClose) -> socket.socket:
    """Let one end of a connection linger and return the peer's."""
    ours, peer = socket.socketpair()
    made.take(ours)
    peer.settimeout(10)
    return peer


def is_closed(peer: socket.socket) -> bool:
    """True if the other end is closed by now."""
    return bool(select.select([peer], [], [], 0)[0])


def closes(peer: socket.socket) -> bool:
    """True as soon as the other end is closed: the thread takes it from the list first, then closes it."""
    return bool(select.select([peer], [], [], 10)[0])


def wait_until_closed(made: PassiveClose) -> None:
    end = time.monotonic() + 10
    while len(made):
        assert time.monotonic() < end
        time.sleep(0.005)


def test_the_peer_closes_first(made: PassiveClose) -> None:
    peer = take(made)
    assert not is_closed(peer)
    peer.shutdown(socket.SHUT_WR)
    assert peer.recv(1) == b""
    peer.close()


def test_a_peer_that_sends_more(made: PassiveClose) -> None:
    peer = take(made)
    peer.sendall(b"after the end")
    wait_until_closed(made)
    assert closes(peer)
    peer.close()


def test_a_peer_that_does_not_close(made: PassiveClose, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "PASSIVE_CLOSE_SECONDS", 0.3)
    start = time.monotonic()
    peer = take(made)
    assert peer.recv(1) == b""
    assert time.monotonic() - start >= 0.3
    peer.close()


def test_one_that_comes_while_the_thread_waits_for_another(made: PassiveClose) -> None:
    silent = take(made)
    time.sleep(0.05)  # longer than the thread leaves it to those that follow
    peer = take(made)
    peer.shutdown(socket.SHUT_WR)
    assert peer.recv(1) == b""
    assert not is_closed(silent)
    silent.close()
    peer.close()


def test_an_association_that_follows_closes_it_on_its_way(
    made: PassiveClose, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(passive_close, "start_thread", lambda work: False)
    first, second = take(made), take(made)
    first.shutdown(socket.SHUT_WR)
    made.sweep()
    assert is_closed(first)
    assert not is_closed(second)
    second.close()
    first.close()


def test_beyond_the_limit_the_oldest_goes(made: PassiveClose, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "MAX_PASSIVE_CLOSES", 3)
    peers = [take(made) for _ in range(5)]
    assert [is_closed(peer) for peer in peers] == [True, True, False, False, False]
    for peer in peers:
        peer.close()


class Epoll:
    """An epoll that shows what is done with it, and takes no sockets when it is *full*."""

    def __init__(self, full: bool) -> None:
        self.real = select.epoll()
        self.full = full
        self.waits_for: float | None = -1.0
        """The timeout while somebody waits, -1 while nobody does."""

    def register(self, watched: int | socket.socket, events: int) -> None:
        if self.full and isinstance(watched, socket.socket):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        self.real.register(watched, events)

    def poll(self, timeout: float | None, most: int) -> list[tuple[int, int]]:
        self.waits_for = timeout
        try:
            return self.real.poll(timeout, most)
        finally:
            self.waits_for = -1.0

    def close(self) -> None:
        self.real.close()


@contextlib.contextmanager
def with_epoll(
    monkeypatch: pytest.MonkeyPatch, *, full: bool = False
) -> Iterator[tuple[PassiveClose, Epoll]]:
    epoll = Epoll(full)
    with monkeypatch.context() as patch:
        patch.setattr(select, "epoll", lambda: epoll)
        made = PassiveClose()
    yield made, epoll
    made.close()


def test_one_that_cannot_be_watched_is_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    with with_epoll(monkeypatch, full=True) as (made, _):
        peer = take(made)
        wait_until_closed(made)
        assert closes(peer)
        peer.close()


def test_its_thread_waits_when_nothing_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    with with_epoll(monkeypatch) as (made, epoll):
        for _ in range(3):
            take(made).close()
            wait_until_closed(made)
            end = time.monotonic() + 10
            while epoll.waits_for is not None:
                assert time.monotonic() < end
                time.sleep(0.005)


def test_close(monkeypatch: pytest.MonkeyPatch) -> None:
    with with_epoll(monkeypatch) as (made, epoll):
        close_all(made, epoll)


def close_all(made: PassiveClose, epoll: Epoll) -> None:
    peers = [take(made) for _ in range(3)]
    made.close()
    assert all(is_closed(peer) for peer in peers)
    assert epoll.real.closed  # only when its thread has ended
    late = take(made)
    assert is_closed(late)
    for peer in (*peers, late):
        peer.close()


def test_without_a_thread_a_look_closes(made: PassiveClose, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither memory nor threads may be had: what calls from outside does the work."""
    with monkeypatch.context() as patch:
        patch.setattr(passive_close, "start_thread", lambda work: False)
        first, second = take(made), take(made)
        first.shutdown(socket.SHUT_WR)
        made.look()
        assert is_closed(first)
        assert not is_closed(second)
    made.look()  # now there is a thread
    second.shutdown(socket.SHUT_WR)
    assert closes(second)
    second.close()
    first.close()


def test_a_farewell_comes_before_the_close(made: PassiveClose) -> None:
    ours, peer = socket.socketpair()
    peer.settimeout(10)
    made.take(ours, lambda: ours.sendall(b"good-bye"))
    peer.shutdown(socket.SHUT_WR)
    assert peer.recv(8) == b"good-bye"
    assert peer.recv(1) == b""
    peer.close()


def test_the_oldest_is_closed_for_its_descriptor(made: PassiveClose) -> None:
    first, second = take(made), take(made)
    assert made.close_oldest()
    assert closes(first)
    assert not is_closed(second)
    assert made.close_oldest()
    assert not made.close_oldest()
    first.close()
    second.close()
