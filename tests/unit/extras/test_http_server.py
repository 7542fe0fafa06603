"""The HTTP server behind ``/healthz``: no client keeps another from its answer."""

from __future__ import annotations

import contextlib
import resource
import select
import socket
import threading
import time
from collections.abc import Callable, Iterator

import pytest

from dcmrecv.extras import http_server
from dcmrecv.extras.http_server import CONNECTIONS, REQUEST_LENGTH, Answer, HttpServer

BODY = b"x" * 12_000_000  # more than the buffers of a connection hold


def broken() -> Answer:
    raise ZeroDivisionError


class Http:
    def __init__(self) -> None:
        listener = socket.create_server(("127.0.0.1", 0), backlog=CONNECTIONS)
        self.port = listener.getsockname()[1]
        self.server = HttpServer(
            listener,
            {
                "/": lambda: Answer(200, "text/plain", b"well"),
                "/long": lambda: Answer(200, "text/plain", BODY),
                "/broken": broken,
            },
        )
        self.server.start()

    def connect(self, data: bytes = b"") -> socket.socket:
        peer = socket.create_connection(("127.0.0.1", self.port), timeout=20)
        peer.sendall(data)
        return peer

    def ask(self, request: bytes) -> bytes:
        with self.connect(request) as peer:
            return read(peer)


def read(peer: socket.socket) -> bytes:
    answer = bytearray()
    while data := peer.recv(1 << 18):
        answer += data
    return bytes(answer)


@pytest.fixture
def http() -> Iterator[Http]:
    made = Http()
    yield made
    made.server.close()


@pytest.mark.parametrize(
    ("request_", "status", "body"),
    [
        (b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", 200, b"well"),
        (b"GET /?a=b HTTP/1.0\n\n", 200, b"well"),
        (b"GET /long HTTP/1.1\r\n\r\n", 200, BODY),
        (b"HEAD / HTTP/1.1\r\n\r\n", 200, b""),
        (b"GET /none HTTP/1.1\r\n\r\n", 404, b"Not Found\n"),
        (b"GET /broken HTTP/1.1\r\n\r\n", 500, b"Internal Server Error\n"),
        (b"POST / HTTP/1.1\r\n\r\n", 501, b"Not Implemented\n"),
        (b"\r\n\r\n", 400, b"Bad Request\n"),
        (b"GET / HTTP/1.1\r\n" + b"X" * REQUEST_LENGTH, 200, b"well"),
    ],
)
def test_answers(http: Http, request_: bytes, status: int, body: bytes) -> None:
    head, _, rest = http.ask(request_).partition(b"\r\n\r\n")
    assert head.split()[1] == str(status).encode()
    assert rest == body


def test_a_client_that_leaves(http: Http) -> None:
    http.connect().close()
    http.connect(b"GET ").close()
    http.connect(b"GET /long HTTP/1.1\r\n\r\n").close()
    assert http.ask(b"GET / HTTP/1.1\r\n\r\n").endswith(b"well")


def test_the_end_of_what_a_client_sends_ends_its_request(http: Http) -> None:
    """It is answered at once: to wait for more would keep the thread busy until its time is over."""
    with http.connect(b"GET / HTTP/1.1") as peer:
        start = time.monotonic()
        peer.shutdown(socket.SHUT_WR)
        assert read(peer).endswith(b"well")
        assert time.monotonic() - start < http_server.SECONDS / 2


def test_dripping_clients_silence_nobody(http: Http) -> None:
    """They have every place; still who asks is answered, in a fraction of the time they have."""
    clients = [http.connect(b"G") for _ in range(CONNECTIONS)]
    start = time.monotonic()
    for _ in range(10):
        assert http.ask(b"GET / HTTP/1.1\r\n\r\n").endswith(b"well")
    assert time.monotonic() - start < http_server.SECONDS
    for client in clients:
        client.close()


def test_a_client_has_so_many_seconds_in_all(http: Http, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_server, "SECONDS", 0.3)
    silent, slow = http.connect(), http.connect(b"GET /long HTTP/1.1\r\n\r\n")
    assert silent.recv(1) == b""
    time.sleep(0.5)
    with contextlib.suppress(ConnectionResetError):
        assert len(read(slow)) < len(BODY)
    silent.close()
    slow.close()


def test_without_descriptors_it_waits_and_does_not_spin(http: Http) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    peer = socket.socket()
    resource.setrlimit(resource.RLIMIT_NOFILE, (peer.fileno() + 1, hard))
    try:
        peer.settimeout(0.6)
        peer.connect(("127.0.0.1", http.port))
        peer.sendall(b"GET / HTTP/1.1\r\n\r\n")
        before = time.process_time()
        with pytest.raises(TimeoutError):
            peer.recv(1)
        assert time.process_time() - before < 0.3
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    peer.settimeout(20)
    assert read(peer).endswith(b"well")
    peer.close()


def test_a_thread_that_died_is_replaced(http: Http, monkeypatch: pytest.MonkeyPatch) -> None:
    died = threading.Event()

    def die(*_: object) -> None:
        died.set()
        raise KeyboardInterrupt

    monkeypatch.setattr("sys.unraisablehook", lambda *what: None)
    with monkeypatch.context() as patch:
        patch.setattr(socket.socket, "accept", die)
        peer = http.connect(b"GET / HTTP/1.1\r\n\r\n")
        assert died.wait(20)
    until(
        lambda: http.server.look() or bool(select.select([peer], [], [], 0.1)[0])
    )  # it may not be quite dead yet
    assert read(peer).endswith(b"well")
    peer.close()


def until(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.01)
