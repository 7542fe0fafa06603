"""An established connection gives all plain text that has arrived, however the ciphertext is cut."""

from __future__ import annotations

import random
import socket
import ssl
from pathlib import Path

import pytest

from dcmrecv.tls.connection import TlsConnection


class Pieces:
    """A socket that brings ciphertext in pieces, then has nothing for now."""

    def __init__(self) -> None:
        self.pieces: list[bytes] = []
        self.reads = 0
        self.flags = 0

    def cut(self, data: bytes, chance: random.Random) -> None:
        while data:
            size = chance.choice((1, 4, 5, 6, 100, 16389, 40000))
            self.pieces.append(data[:size])
            data = data[size:]

    def recv_into(self, buffer: memoryview, nbytes: int = 0, flags: int = 0) -> int:
        self.reads += 1
        self.flags = flags
        if not self.pieces:
            raise BlockingIOError
        piece = self.pieces.pop(0)
        taken = piece[: len(buffer)]
        buffer[: len(taken)] = taken
        if len(taken) < len(piece):
            self.pieces.insert(0, piece[len(taken) :])
        return len(taken)

    def sendall(self, data: bytes) -> None:
        """What we have to say is of no interest here."""

    def send(self, data: bytes, flags: int) -> int:
        return len(data)


def connect(pki: Path, version: ssl.TLSVersion) -> tuple[ssl.SSLObject, ssl.MemoryBIO, TlsConnection, Pieces]:
    """Return the client, what it sends, and our end behind a socket in pieces."""
    ours = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    ours.load_cert_chain(pki / "server.pem", pki / "server.key")
    theirs = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    theirs.check_hostname = False
    theirs.verify_mode = ssl.CERT_NONE
    theirs.minimum_version = theirs.maximum_version = version
    to_us, to_them, answers, incoming = (ssl.MemoryBIO() for _ in range(4))
    client = theirs.wrap_bio(to_them, to_us)
    server = ours.wrap_bio(incoming, answers, server_side=True)
    done = set()
    while len(done) < 2:
        for end in (client, server):
            try:
                end.do_handshake()
                done.add(end)
            except ssl.SSLWantReadError:
                pass
            incoming.write(to_us.read())
            to_them.write(answers.read())
    sock = Pieces()
    connection = TlsConnection(sock, server, incoming, answers, ())  # type: ignore[arg-type]
    return client, to_us, connection, sock


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
@pytest.mark.parametrize("seed", range(40))
def test_nothing_that_has_arrived_stays_behind(pki: Path, version: ssl.TLSVersion, seed: int) -> None:
    chance = random.Random(seed)
    client, ciphertext, connection, sock = connect(pki, version)
    room = memoryview(bytearray(chance.choice((10, 1000, 16384, 100_000))))
    for _ in range(5):
        sent = b""
        for _ in range(chance.randrange(1, 6)):
            data = chance.randbytes(chance.choice((1, 150, 16384, 30_000)))
            sent += data
            client.write(data)
        whole = ciphertext.read()
        kept = chance.choice((0, 0, 1, 6))  # of the last record: not here yet
        sock.cut(whole[: len(whole) - kept], chance)
        received = b""
        if kept:
            with pytest.raises(BlockingIOError):
                while True:
                    received += bytes(room[: connection.recv_into(room) or 0])
            assert len(received) < len(sent)
            sock.pieces.append(whole[len(whole) - kept :])
        while len(received) < len(sent):
            received += bytes(room[: connection.recv_into(room) or 0])
        assert received == sent
        assert not sock.pieces


def test_a_look_takes_what_is_there_and_waits_for_nothing(pki: Path) -> None:
    client, ciphertext, connection, sock = connect(pki, ssl.TLSVersion.TLSv1_3)
    room = memoryview(bytearray(4))
    with pytest.raises(BlockingIOError):
        connection.recv_into(room, 0, socket.MSG_DONTWAIT)
    assert sock.flags == socket.MSG_DONTWAIT
    client.write(b"more than fits")
    sock.pieces = [ciphertext.read()]
    assert connection.recv_into(room, 0, socket.MSG_DONTWAIT) == 4
    reads = sock.reads
    assert connection.recv_into(room, 0, socket.MSG_DONTWAIT) == 4
    assert sock.reads == reads


def test_a_broken_record_is_refused_at_once(pki: Path) -> None:
    client, ciphertext, connection, sock = connect(pki, ssl.TLSVersion.TLSv1_3)
    client.write(b"good")
    sock.pieces = [ciphertext.read(), b"GET / HTTP/1.1\r\n"]
    room = memoryview(bytearray(100))
    assert connection.recv_into(room) == 4
    with pytest.raises(ssl.SSLError):
        connection.recv_into(room)
