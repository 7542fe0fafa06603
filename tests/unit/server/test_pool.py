from __future__ import annotations

import contextlib
import os
import resource
import select
import socket
import threading
import time
from collections.abc import Callable, Iterator

import pytest

from dcmrecv.observer import ReceiverEvent, ShortageBegan
from dcmrecv.server import limits, pool
from dcmrecv.server.accept_queue import AcceptQueue
from dcmrecv.server.descriptors import Descriptors
from dcmrecv.server.pool import ThreadPool
from dcmrecv.server.shortages import Shortages


class Server:
    """A pool whose connections are held until the test lets them go."""

    def __init__(self, limit: int = 0) -> None:
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.port = self.listener.getsockname()[1]
        self.release = threading.Event()
        self.shortages: list[ReceiverEvent] = []
        self.failures: list[BaseException] = []
        self.failed: Callable[[BaseException], None] = self.failures.append
        self.fault: BaseException | None = None
        self.pool = ThreadPool(
            AcceptQueue([self.listener]),
            self._serve,
            Descriptors(lambda: False),
            Shortages(self.shortages.append),
            limit=limit,
            failed=lambda error: self.failed(error),
        )
        assert self.pool.restore()

    def _serve(self, sock: socket.socket, address: tuple[str, int]) -> None:
        if self.fault is not None:
            raise self.fault
        sock.sendall(b"!")
        self.release.wait(20)
        sock.close()

    def connect(self) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.port), timeout=10)

    def is_served(self) -> bool:
        """Connect; return whether somebody accepts within ten seconds, with a look from outside now and then."""
        with self.connect() as peer:
            peer.settimeout(0.1)
            end = time.monotonic() + 10
            while time.monotonic() < end:
                self.pool.restore()
                with contextlib.suppress(TimeoutError):
                    return peer.recv(1) == b"!"
        return False


@pytest.fixture
def server() -> Iterator[Server]:
    made = Server()
    yield made
    made.release.set()
    made.pool.stop()
    assert made.pool.join(10)


def until(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.01)


def test_no_connection_waits_for_another(server: Server) -> None:
    peers = [server.connect() for _ in range(40)]
    for peer in peers:
        assert peer.recv(1) == b"!"
    assert server.pool.serving == server.pool.accepted == 40
    for peer in peers:
        peer.close()


def test_a_burst_in_one_event_is_served_whole(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """Connections that come while no thread can look at them are one event to all of them."""
    with monkeypatch.context() as patch:
        patch.setattr(pool, "start_thread", lambda work: False)  # those that wait are all there are
        first = server.connect()
        assert first.recv(1) == b"!"
        peers = [first, *(server.connect() for _ in range(10))]
    server.pool.restore()
    for peer in peers[1:]:
        assert peer.recv(1) == b"!"
    for peer in peers:
        peer.close()


def test_threads_beyond_the_idle_stock_end(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "IDLE_SECONDS", 0.1)
    peers = [server.connect() for _ in range(limits.IDLE_THREADS + 20)]
    for peer in peers:
        peer.recv(1)
    server.release.set()
    for peer in peers:
        assert peer.recv(1) == b""
        peer.close()
    until(lambda: server.pool.waiting <= limits.IDLE_THREADS)
    until(lambda: server.pool.waiting <= limits.SPARE_THREADS)
    assert server.is_served()


def test_beyond_the_limit_connections_wait() -> None:
    server = Server(limit=2)
    first, second, third = (server.connect() for _ in range(3))
    assert first.recv(1) == second.recv(1) == b"!"
    third.settimeout(0.2)
    with pytest.raises(TimeoutError):
        third.recv(1)
    assert server.pool.restore()
    assert server.pool.full
    server.release.set()
    third.settimeout(10)
    assert third.recv(1) == b"!"
    for peer in (first, second, third):
        peer.close()
    server.pool.stop()
    assert server.pool.join(10)


def test_stop_ends_idle_threads_at_once() -> None:
    server = Server()
    server.pool.stop()
    assert server.pool.join(5)
    with pytest.raises(OSError):
        server.connect()


def test_stop_leaves_a_shared_socket_alone() -> None:
    """A service manager holds the socket, too: what it accepts after us must go on as before."""
    server = Server()
    with socket.socket(fileno=os.dup(server.listener.fileno())) as kept:
        server.pool.stop()
        assert server.pool.join(5)
        assert kept.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN)
        with server.connect() as peer:
            select.select([kept], [], [], 10)
            kept.accept()[0].close()
            assert peer.recv(1) == b""


@pytest.mark.parametrize("fault", [MemoryError(), ZeroDivisionError(), SystemExit()], ids=repr)
def test_a_connection_that_raises_ends_no_thread(server: Server, fault: BaseException) -> None:
    server.fault = fault
    for _ in range(limits.SPARE_THREADS + 3):
        with server.connect() as peer:
            assert peer.recv(1) == b""
    server.fault = None
    assert server.is_served()
    if isinstance(fault, MemoryError):
        assert server.shortages == [ShortageBegan("memory")]
    else:
        assert set(server.failures) == {fault}


def test_no_thread_to_be_had(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """Connections wait until there is one, whatever the running ones do."""
    with monkeypatch.context() as patch:
        patch.setattr(pool, "start_thread", lambda work: False)
        first = server.connect()
        assert first.recv(1) == b"!"
        second = server.connect()
        second.settimeout(0.2)
        with pytest.raises(TimeoutError):
            second.recv(1)
        assert server.pool.restore() is False
        assert (server.pool.waiting, server.pool.full) == (0, False)
    assert server.shortages == [ShortageBegan("threads")]
    assert server.pool.restore()
    second.settimeout(10)
    assert second.recv(1) == b"!"
    first.close()
    second.close()


def test_a_thread_that_serves_before_its_starter_goes_on(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It cannot start the next one itself: its starter still holds the lock, and looks once more."""
    start = pool.start_thread

    def start_and_wait(function: Callable[[], None]) -> bool:
        before = server.pool.serving
        assert start(function)
        end = time.monotonic() + 0.5
        while server.pool.serving == before and time.monotonic() < end:
            time.sleep(0.001)
        time.sleep(0.05)
        return True

    monkeypatch.setattr(pool, "start_thread", start_and_wait)
    peers = [server.connect() for _ in range(3)]
    assert [peer.recv(1) for peer in peers] == [b"!"] * 3
    for peer in peers:
        peer.close()


def test_a_thread_that_never_comes_to_life(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """As one does whose first frame there is no memory for: nobody waits for it, and it is replaced."""
    monkeypatch.setattr(limits, "THREAD_START_SECONDS", 0.2)
    with monkeypatch.context() as patch:
        patch.setattr("_thread.start_new_thread", lambda function, arguments: 1)
        first = server.connect()
        assert first.recv(1) == b"!"
        until(lambda: not server.pool.waiting)
    assert server.is_served()
    assert server.shortages == [ShortageBegan("threads")]
    first.close()


def test_a_thread_that_dies(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is known that could do that; still the next one takes its place."""

    def die(error: BaseException) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("sys.unraisablehook", lambda *unraisable: None)
    server.failed = die
    server.fault = ZeroDivisionError()
    with server.connect() as peer:
        assert peer.recv(1) == b""
    until(lambda: not server.pool.serving)
    server.fault = None
    assert server.is_served()


def test_alone_a_thread_serves_in_the_order_of_arrival(server: Server) -> None:
    """Also if the first connection takes longer to serve than another thread takes to start."""
    server.pool.alone = True
    first, second = server.connect(), server.connect()
    assert first.recv(1) == b"!"
    second.settimeout(0.1)
    with pytest.raises(TimeoutError):
        second.recv(1)
    server.pool.alone = False
    assert server.pool.restore()
    second.settimeout(10)
    assert second.recv(1) == b"!"
    first.close()
    second.close()


def test_no_descriptor_to_be_had(server: Server) -> None:
    """Whoever waits meanwhile is served afterwards, and the wait takes no time of the processor."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    peer = server.connect()
    assert peer.recv(1) == b"!"
    other = socket.socket()
    resource.setrlimit(resource.RLIMIT_NOFILE, (other.fileno() + 1, hard))
    try:
        other.settimeout(10)
        other.connect(("127.0.0.1", server.port))
        other.settimeout(0.5)
        before = time.process_time()
        with pytest.raises(TimeoutError):
            other.recv(1)
        assert time.process_time() - before < 0.25
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert server.shortages == [ShortageBegan("file descriptors")]
    other.settimeout(10)
    assert other.recv(1) == b"!"
    other.close()
    peer.close()
