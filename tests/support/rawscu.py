"""A service class user of a few lines over a plain socket: exactly the bytes a test asks for.

For tests that need control over the wire or must not depend on installed tools. Implicit VR Little Endian
unless a test says otherwise; one presentation context, number 1.
"""

from __future__ import annotations

import socket
import struct
from collections.abc import Callable
from dataclasses import dataclass
from types import TracebackType

__all__ = [
    "CT_IMAGE",
    "IMPLICIT_VR",
    "VERIFICATION",
    "Association",
    "Requestor",
    "UnexpectedPdu",
    "associate_rq",
    "command_set",
    "element",
    "p_data",
    "pdu",
    "status_of",
]

VERIFICATION = "1.2.840.10008.1.1"
CT_IMAGE = "1.2.840.10008.5.1.4.1.1.2"
IMPLICIT_VR = "1.2.840.10008.1.2"
APPLICATION_CONTEXT = b"1.2.840.10008.3.1.1.1"

ASSOCIATE_AC, P_DATA, RELEASE_RQ, RELEASE_RP, ABORT = 2, 4, 5, 6, 7


class UnexpectedPdu(Exception):
    """The peer answered with another PDU than the one asked for; `kind` is its type (PS3.8 9.3.1)."""

    def __init__(self, kind: int, body: bytes) -> None:
        super().__init__(f"PDU type {kind}: {body[:32].hex()}")
        self.kind = kind
        self.body = body


@dataclass(frozen=True)
class Requestor:
    """Who asks: titles, implementation and maximum PDU length in bytes."""

    calling: str = "TESTSCU"
    called: str = "ANY-SCP"
    implementation_class: str = "1.2.826.0.1.3680043.8.498.1"
    implementation_version: str = "TEST_SCU"
    max_pdu: int = 16384


def _item(kind: int, payload: bytes) -> bytes:
    return struct.pack(">BBH", kind, 0, len(payload)) + payload


def pdu(kind: int, body: bytes) -> bytes:
    """Return a PDU of type *kind*."""
    return struct.pack(">BBI", kind, 0, len(body)) + body


def associate_rq(
    who: Requestor, abstract_syntax: str, transfer_syntaxes: tuple[str, ...] = (IMPLICIT_VR,)
) -> bytes:
    """Return an A-ASSOCIATE-RQ with one presentation context (PS3.8 9.3.2)."""
    context = struct.pack(">BBBB", 1, 0, 0xFF, 0) + _item(0x30, abstract_syntax.encode())
    context += b"".join(_item(0x40, syntax.encode()) for syntax in transfer_syntaxes)
    user = (
        _item(0x51, struct.pack(">I", who.max_pdu))
        + _item(0x52, who.implementation_class.encode())
        + _item(0x55, who.implementation_version.encode())
    )
    body = struct.pack(">HH", 1, 0) + who.called.encode().ljust(16) + who.calling.encode().ljust(16)
    body += bytes(32) + _item(0x10, APPLICATION_CONTEXT) + _item(0x20, context) + _item(0x50, user)
    return pdu(1, body)


def element(group: int, number: int, value: bytes) -> bytes:
    """Return one element in Implicit VR Little Endian; *value* is padded with NUL to even length."""
    value += b"\0" * (len(value) % 2)
    return struct.pack("<HHI", group, number, len(value)) + value


def command_set(elements: dict[int, bytes | int]) -> bytes:
    """Return a command set; integers are US (PS3.7 6.3.1)."""
    body = b"".join(
        element(0, number, struct.pack("<H", value) if isinstance(value, int) else value)
        for number, value in elements.items()
    )
    return element(0, 0, struct.pack("<I", len(body))) + body


def p_data(flags: int, data: bytes, context: int = 1) -> bytes:
    """Return a P-DATA-TF of one PDV; *flags*: 1 command, 2 last fragment (PS3.8 E.2)."""
    return pdu(P_DATA, struct.pack(">IBB", len(data) + 2, context, flags) + data)


def status_of(command: bytes) -> int:
    """Return the Status (0000,0900) of a command set."""
    position = 0
    while position + 8 <= len(command):
        group, number, length = struct.unpack_from("<HHI", command, position)
        if (group, number) == (0, 0x0900):
            return int(struct.unpack_from("<H", command, position + 8)[0])
        position += 8 + length
    raise ValueError("no status")


class Association:
    """An established association; ends with `release`, `abort` or by closing the connection.

    *wrap* may put TLS around the connected socket.
    """

    def __init__(
        self,
        port: int,
        abstract_syntax: str = VERIFICATION,
        who: Requestor | None = None,
        *,
        transfer_syntaxes: tuple[str, ...] = (IMPLICIT_VR,),
        timeout: float = 20.0,
        wrap: Callable[[socket.socket], socket.socket] = lambda plain: plain,
    ) -> None:
        self.who = who or Requestor()
        self.abstract_syntax = abstract_syntax
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=timeout)
        try:
            self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self.socket = wrap(self.socket)
            self.send(associate_rq(self.who, abstract_syntax, transfer_syntaxes))
            self.accept = self.expect(ASSOCIATE_AC)
        except BaseException:
            self.socket.close()
            raise

    def send(self, data: bytes) -> None:
        """Send raw bytes."""
        self.socket.sendall(data)

    def _exactly(self, count: int) -> bytes:
        data = b""
        while len(data) < count:
            chunk = self.socket.recv(count - len(data))
            if not chunk:
                raise ConnectionResetError("the peer closed")
            data += chunk
        return data

    def receive(self) -> tuple[int, bytes]:
        """Return type and body of the next PDU."""
        kind, _, length = struct.unpack(">BBI", self._exactly(6))
        return kind, self._exactly(length)

    def expect(self, kind: int) -> bytes:
        """Return the body of the next PDU; raises `UnexpectedPdu` if it is of another type."""
        got, body = self.receive()
        if got != kind:
            raise UnexpectedPdu(got, body)
        return body

    def response_status(self) -> int:
        """Return the status of the next DIMSE response."""
        return status_of(self.expect(P_DATA)[6:])

    def echo(self, message_id: int = 1) -> int:
        """Send a C-ECHO-RQ and return the status."""
        command: dict[int, bytes | int] = {
            0x0002: self.abstract_syntax.encode(),
            0x0100: 0x30,
            0x0110: message_id,
            0x0800: 0x0101,
        }
        self.send(p_data(3, command_set(command)))
        return self.response_status()

    def store(self, instance: str, data_set: bytes, message_id: int = 1) -> int:
        """Send a C-STORE-RQ with *data_set* and return the status."""
        self.send_store(instance, data_set, message_id)
        return self.response_status()

    def send_store(self, instance: str, data_set: bytes, message_id: int = 1, *, whole: bool = True) -> None:
        """Send a C-STORE-RQ with *data_set*, cut to the peer's maximum; not *whole*: more is to come."""
        command: dict[int, bytes | int] = {
            0x0002: self.abstract_syntax.encode(),
            0x0100: 0x01,
            0x0110: message_id,
            0x0700: 0,
            0x0800: 1,
            0x1000: instance.encode(),
        }
        self.send(p_data(3, command_set(command)))
        step = 16372
        for start in range(0, max(len(data_set), 1), step):
            last = whole and start + step >= len(data_set)
            self.send(p_data(2 if last else 0, data_set[start : start + step]))

    def release(self) -> None:
        """Release the association and close the connection."""
        self.send(pdu(RELEASE_RQ, bytes(4)))
        self.expect(RELEASE_RP)
        self.socket.close()

    def abort(self) -> None:
        """Send an A-ABORT and close the connection."""
        self.send(pdu(ABORT, bytes(4)))
        self.socket.close()

    def __enter__(self) -> Association:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.socket.close()
