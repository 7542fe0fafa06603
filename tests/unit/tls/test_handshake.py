"""Handshakes over a socket pair, with Python's own client."""

from __future__ import annotations

import socket
import ssl
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from dcmrecv.config import TlsConfig
from dcmrecv.tls.connection import TlsConnection
from dcmrecv.tls.errors import HandshakeError
from dcmrecv.tls.startup import prepare


def silent(letter: str, text: str) -> None:
    raise AssertionError(f"{letter}: {text}")


def client_context(pki: Path, name: str | None = "client") -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.set_ciphers("DEFAULT:@SECLEVEL=0")
    context.load_verify_locations(pki / "ca.pem")
    if name:
        context.load_cert_chain(pki / f"{name}.pem", pki / f"{name}.key")
    return context


def config(pki: Path, sni: str | None = None) -> TlsConfig:
    def path(name: str) -> bytes:
        return bytes(pki / name)

    return TlsConfig(
        private_key=path("server.key"),
        certificate=path("server.pem"),
        trusted_files=(path("ca.pem"),),
        expected_sni=sni,
    )


def meet(
    server: Callable[[socket.socket], None], client: Callable[[socket.socket], None]
) -> BaseException | None:
    """Run *client* in a thread and *server* here; return what the client raised."""
    ours, theirs = socket.socketpair()
    raised: list[BaseException] = []

    def run() -> None:
        with theirs:
            try:
                client(theirs)
            except OSError as error:
                raised.append(error)

    thread = threading.Thread(target=run)
    with ours:
        thread.start()
        try:
            server(ours)
        finally:
            ours.close()
            thread.join(20)
    assert not thread.is_alive()
    return raised[0] if raised else None


@pytest.mark.parametrize("size", [1, 1000, 16384, 1 << 20])
def test_bytes_arrive_whole_and_in_order(pki: Path, size: int) -> None:
    data = bytes(range(251)) * (size // 251 + 1)
    context = prepare(config(pki), silent)

    def client(sock: socket.socket) -> None:
        with client_context(pki).wrap_socket(sock) as tls:
            tls.sendall(data)
            assert tls.recv(10) == b"thanks"

    def server(sock: socket.socket) -> None:
        connection = context.handshake(sock, read_timeout=60, deadline=60)
        assert "CN=client" in connection.details()
        assert connection.warnings == []
        got = bytearray()
        buffer = memoryview(bytearray(70000))
        while len(got) < len(data):
            got += buffer[: connection.recv_into(buffer) or 0]
        assert got == data
        connection.sendall(b"thanks")
        assert connection.recv_into(buffer) == 0
        connection.close()

    assert meet(server, client) is None


def fails(pki: Path, client: Callable[[socket.socket], None], sni: str | None = None) -> HandshakeError:
    context = prepare(config(pki, sni), silent)
    failures: list[HandshakeError] = []

    def server(sock: socket.socket) -> None:
        with pytest.raises(HandshakeError) as caught:
            context.handshake(sock, read_timeout=0.3, deadline=0.6)
        failures.append(caught.value)

    meet(server, client)
    return failures[0]


def test_no_certificate(pki: Path) -> None:
    error = fails(pki, lambda sock: client_context(pki, None).wrap_socket(sock).close())
    assert error.text == "TLS error: peer did not return a certificate"


def test_weak_signature_is_a_warning(pki: Path) -> None:
    context = prepare(config(pki), silent)
    seen: list[TlsConnection] = []

    def client(sock: socket.socket) -> None:
        with client_context(pki, "weak").wrap_socket(sock) as tls:
            tls.recv(1)

    meet(lambda sock: seen.append(context.handshake(sock, read_timeout=60, deadline=60)), client)
    assert seen[0].warnings == [
        "Weak certificate hash key: RFC 9325 recommends SHA-256 (or better, "
        "but peer provided certificate with 'RSA-SHA1'."
    ]


def test_other_protocols_are_refused(pki: Path) -> None:
    tls = client_context(pki)
    tls.set_alpn_protocols(["http/1.1"])
    error = fails(pki, lambda sock: tls.wrap_socket(sock).close())
    assert error.text == "TLS error: no application protocol"
    assert error.lines == (
        ("E", "TLS ALPN negotiation failure: Client has proposed protocol(s) other than 'dicom'"),
    )


def test_wrong_server_name(pki: Path) -> None:
    tls = client_context(pki)
    error = fails(pki, lambda sock: tls.wrap_socket(sock, server_hostname="foo").close(), sni="dicom.example")
    assert error.text == "TLS error: callback failed"
    assert error.lines == (("E", "SNI failure: client requested server 'foo', my name is 'dicom.example'."),)


def test_dicom_in_clear(pki: Path) -> None:
    error = fails(pki, lambda sock: sock.sendall(b"\x01\x00\x00\x00\x00\xcd\x00\x01" + bytes(200)))
    assert error.text == "TLS error: wrong version number"


def test_end_within_the_hello(pki: Path) -> None:
    assert (
        fails(pki, lambda sock: sock.sendall(b"\x16\x03")).text == "TLS error: unexpected eof while reading"
    )


def test_silence_ends(pki: Path) -> None:
    error = fails(pki, lambda sock: time.sleep(0.5))
    assert error.text == "TLS read operation did not complete (SSL_ERROR_WANT_READ)"


def test_dripping_ends_at_the_deadline(pki: Path) -> None:
    def client(sock: socket.socket) -> None:
        for octet in b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03":
            sock.sendall(bytes([octet]))
            time.sleep(0.1)

    started = time.monotonic()
    assert "SSL_ERROR_WANT_READ" in fails(pki, client).text
    assert time.monotonic() - started < 5
