from __future__ import annotations

import socket
import threading
from collections.abc import Iterator

import pytest

from dcmrecv.server import limits
from dcmrecv.server.pool import ThreadPool


class Server:
    """A pool whose connections are held until the test lets them go."""

    def __init__(self, limit: int = 0) -> None:
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.port = self.listener.getsockname()[1]
        self.served = threading.Semaphore(0)
        self.release = threading.Event()
        self.pool = ThreadPool(self.listener, self._serve, limit=limit)
        self.pool.start()

    def _serve(self, sock: socket.socket, address: tuple[str, int]) -> None:
        sock.sendall(b"!")
        self.served.release()
        self.release.wait(20)
        sock.close()

    def connect(self) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.port), timeout=10)


@pytest.fixture
def server() -> Iterator[Server]:
    made = Server()
    yield made
    made.release.set()
    made.pool.stop()
    assert made.pool.join(10)


def test_no_connection_waits_for_another(server: Server) -> None:
    peers = [server.connect() for _ in range(40)]
    for peer in peers:
        assert peer.recv(1) == b"!"
    assert server.pool.serving == 40
    for peer in peers:
        peer.close()


def test_threads_beyond_the_idle_stock_end(server: Server) -> None:
    peers = [server.connect() for _ in range(limits.IDLE_THREADS + 20)]
    for peer in peers:
        peer.recv(1)
    server.release.set()
    for peer in peers:
        assert peer.recv(1) == b""
        peer.close()
    for _ in range(500):
        if server.pool._threads <= limits.IDLE_THREADS + 1:
            break
        threading.Event().wait(0.01)
    assert server.pool._threads <= limits.IDLE_THREADS + 1


def test_beyond_the_limit_connections_wait() -> None:
    server = Server(limit=2)
    first, second, third = (server.connect() for _ in range(3))
    assert first.recv(1) == second.recv(1) == b"!"
    third.settimeout(0.2)
    with pytest.raises(TimeoutError):
        third.recv(1)
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
