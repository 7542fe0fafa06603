"""What a client asks for in its ClientHello (RFC 8446 4.1.2, RFC 6066 3, RFC 7301 3.1).

Python's ``ssl`` cannot refuse by ALPN and cannot see every server name, so the first message is read here as
well, before OpenSSL gets it unchanged. Anything odd is none of our business: OpenSSL then says what is wrong.
"""

from __future__ import annotations

import io
from dataclasses import dataclass

from dcmrecv.tls import limits

__all__ = ["NO_HELLO", "ClientHello", "read_client_hello"]

_RECORD_HEADER = 5
_RECORD_LIMIT = 16384 + 2048
_HANDSHAKE = 22
_CLIENT_HELLO = 1
_MESSAGE_HEADER = 4
_SERVER_NAME = 0
_HOST_NAME = 0
_ALPN = 16


@dataclass(frozen=True, slots=True)
class ClientHello:
    """The two extensions a DICOM server looks at; None where the client sent none."""

    server_name: bytes | None = None
    protocols: tuple[bytes, ...] | None = None


NO_HELLO = ClientHello()
"""What cannot be understood asks for nothing."""


def read_client_hello(data: bytes | bytearray) -> ClientHello | None:
    """Return the ClientHello that *data*, all received so far, begins with; None if more is needed.

    `NO_HELLO` stands for everything that is not a ClientHello.
    """
    message = bytearray()
    offset = 0
    while True:
        if len(data) > offset and data[offset] != _HANDSHAKE:
            return NO_HELLO
        if len(data) < offset + _RECORD_HEADER:
            return None
        length = int.from_bytes(data[offset + 3 : offset + 5], "big")
        if data[offset + 1] != 3 or not 0 < length <= _RECORD_LIMIT:
            return NO_HELLO
        record = data[offset + _RECORD_HEADER : offset + _RECORD_HEADER + length]
        message += record
        if message[0] != _CLIENT_HELLO if message else False:
            return NO_HELLO
        if len(message) >= _MESSAGE_HEADER:
            wanted = _MESSAGE_HEADER + int.from_bytes(message[1:4], "big")
            if wanted > limits.CLIENT_HELLO_BYTES:
                return NO_HELLO
            if len(message) >= wanted:
                return _parse(bytes(message[_MESSAGE_HEADER:wanted]))
        if len(record) < length:
            return None
        offset += _RECORD_HEADER + length
        if offset > limits.CLIENT_HELLO_BYTES:
            return NO_HELLO


class _Reader(io.BytesIO):
    """Takes fields from the front; running out of bytes is a ValueError."""

    def __bool__(self) -> bool:
        return self.tell() < len(self.getbuffer())

    def take(self, count: int) -> bytes:
        taken = self.read(count)
        if len(taken) < count:
            raise ValueError("truncated")
        return taken

    def number(self, size: int) -> int:
        return int.from_bytes(self.take(size), "big")

    def vector(self, size: int) -> bytes:
        """Take a field with a length of *size* bytes before it."""
        return self.take(self.number(size))


def _parse(body: bytes) -> ClientHello:
    server_name, protocols = None, None
    try:
        reader = _Reader(body)
        reader.take(2 + 32)  # version, random
        reader.vector(1)  # session id
        reader.vector(2)  # cipher suites
        reader.vector(1)  # compression methods
        if reader:
            extensions = _Reader(reader.vector(2))
            while extensions:
                kind = extensions.number(2)
                content = extensions.vector(2)
                if kind == _SERVER_NAME:
                    server_name = _host_name(content)
                elif kind == _ALPN:
                    protocols = _protocol_names(content)
    except ValueError:
        return NO_HELLO
    return ClientHello(server_name, protocols)


def _host_name(content: bytes) -> bytes | None:
    names = _Reader(_Reader(content).vector(2))
    while names:
        kind = names.number(1)
        name = names.vector(2)
        if kind == _HOST_NAME:
            return name
    return None


def _protocol_names(content: bytes) -> tuple[bytes, ...]:
    names = _Reader(_Reader(content).vector(2))
    found = []
    while names:
        found.append(names.vector(1))
    return tuple(found)
