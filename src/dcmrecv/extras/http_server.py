"""Answers for HTTP clients that may be slow, silent or many: one thread, no client waits for another.

A client has `SECONDS` for its request and our answer together. When there are `CONNECTIONS`, a new one takes the
place of the oldest: clients that drip keep no other out, since a request that comes at once is answered at once.
"""

from __future__ import annotations

import contextlib
import os
import select
import socket
import time
from collections.abc import Callable, Mapping
from email.utils import formatdate
from http import HTTPStatus
from typing import NamedTuple

from dcmrecv.threads import start_thread

__all__ = ["CONNECTIONS", "Answer", "HttpServer"]

CONNECTIONS = 64
"""Clients connected at the same time; one more, and the oldest is dropped."""

SECONDS = 10.0
"""Longest time for a request and its answer together."""

REQUEST_LENGTH = 8192
"""Bytes of a request, headers included."""

_PAUSE = 0.5
"""Seconds before `accept` is tried again when descriptors or memory are short."""


class Answer(NamedTuple):
    """What is sent back."""

    status: int
    kind: str
    body: bytes


class _Client:
    """One connection: it sends a request, gets an answer and closes."""

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock
        self.deadline = time.monotonic() + SECONDS
        self.request = bytearray()
        self.answer = memoryview(b"")
        self.answered = False

    def advance(self, reply: Callable[[bytes], bytes]) -> bool:
        """Do what can be done without waiting; return False when the connection is over."""
        try:
            if not self.answered:
                data = self.sock.recv(REQUEST_LENGTH)
                self.request += data
                end = b"\r\n\r\n" in self.request or b"\n\n" in self.request or not data
                if not end and len(self.request) < REQUEST_LENGTH:
                    return True
                self.answer = memoryview(reply(bytes(self.request)))
                self.answered = True
            if self.answer:
                self.answer = self.answer[self.sock.send(self.answer) :]
                if not self.answer:
                    self.sock.shutdown(socket.SHUT_WR)
                return True
            return bool(self.sock.recv(REQUEST_LENGTH))  # a close with unread bytes would be a reset
        except BlockingIOError:
            return True
        except OSError:
            return False

    @property
    def waits_for(self) -> int:
        return select.POLLOUT if self.answer else select.POLLIN


class HttpServer:
    """Answers GET and HEAD requests on *listener* in a thread, until `close`."""

    def __init__(self, listener: socket.socket, answers: Mapping[str, Callable[[], Answer]]) -> None:
        """*answers* gives for each path what makes its answer, without waiting."""
        self._listener = listener
        self._answers = answers
        self._clients: dict[int, _Client] = {}
        self._bell = os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK)
        self._pause_until = 0.0
        self._works = False
        self._closing = False
        listener.setblocking(False)

    def start(self) -> None:
        """Begin to serve. Raises OSError if the system gives no thread."""
        if not start_thread(self._work):
            raise OSError("the system gives no thread for the metrics server")

    def look(self) -> None:
        """Make good for a thread that has died. Call now and then."""
        if not self._works and not self._closing:
            start_thread(self._work)

    def close(self) -> None:
        """End serving and close all sockets."""
        self._closing = True
        os.eventfd_write(self._bell, 1)
        end = time.monotonic() + 1.0
        while self._works and time.monotonic() < end:
            time.sleep(0.005)
        self._listener.close()
        for client in self._clients.values():
            client.sock.close()
        self._clients.clear()

    def _work(self) -> None:
        if self._works:
            return
        self._works = True
        try:
            while not self._closing:
                try:
                    self._work_once()
                except MemoryError:
                    time.sleep(_PAUSE)
        finally:
            self._works = False

    def _work_once(self) -> None:
        now = time.monotonic()
        for number in [number for number, client in self._clients.items() if client.deadline <= now]:
            self._drop(number)
        poll = select.poll()
        poll.register(self._bell, select.POLLIN)
        if now >= self._pause_until:
            poll.register(self._listener, select.POLLIN)
        for number, client in self._clients.items():
            poll.register(number, client.waits_for)
        for number, _ in poll.poll(self._next_event(now)):
            if number == self._listener.fileno():
                self._accept()
            elif number in self._clients and not self._clients[number].advance(self._reply):
                self._drop(number)

    def _next_event(self, now: float) -> float | None:
        """Return the milliseconds until something is to be done even if no client does anything."""
        times = [client.deadline for client in self._clients.values()]
        if now < self._pause_until:
            times.append(self._pause_until)
        return max(min(times) - now, 0.0) * 1000 + 1 if times else None

    def _accept(self) -> None:
        try:
            sock, _ = self._listener.accept()
        except BlockingIOError:
            return
        except OSError:
            self._pause_until = time.monotonic() + _PAUSE
            return
        sock.setblocking(False)
        if len(self._clients) >= CONNECTIONS:
            self._drop(next(iter(self._clients)))
        self._clients[sock.fileno()] = _Client(sock)

    def _drop(self, number: int) -> None:
        with contextlib.suppress(KeyError):
            self._clients.pop(number).sock.close()

    def _reply(self, request: bytes) -> bytes:
        """Return the answer to *request*, headers included."""
        method, target = (*request.split(b"\n", 1)[0].split(), b"", b"")[:2]
        path = target.split(b"?", 1)[0].decode("latin-1")
        if method not in (b"GET", b"HEAD"):
            answer = _plain(HTTPStatus.NOT_IMPLEMENTED if method else HTTPStatus.BAD_REQUEST)
        elif path not in self._answers:
            answer = _plain(HTTPStatus.NOT_FOUND)
        else:
            try:
                answer = self._answers[path]()
            except Exception:  # noqa: BLE001 a mistake of ours costs this answer and not the thread
                answer = _plain(HTTPStatus.INTERNAL_SERVER_ERROR)
        head = (
            f"HTTP/1.0 {answer.status} {HTTPStatus(answer.status).phrase}\r\n"
            "Server: dcmrecv\r\n"
            f"Date: {formatdate(usegmt=True)}\r\n"
            f"Content-Type: {answer.kind}\r\n"
            f"Content-Length: {len(answer.body)}\r\n"
            "Cache-Control: no-store\r\n"
            "Content-Security-Policy: default-src 'none'; style-src 'unsafe-inline'\r\n"
            "X-Content-Type-Options: nosniff\r\n"
            "Connection: close\r\n"
            "\r\n"
        )
        return head.encode("latin-1") + (b"" if method == b"HEAD" else answer.body)


def _plain(status: HTTPStatus) -> Answer:
    return Answer(status, "text/plain; charset=utf-8", f"{status.phrase}\n".encode())
