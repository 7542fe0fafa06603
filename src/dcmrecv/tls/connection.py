"""An established TLS connection: application bytes over a plain, blocking socket.

The socket stays the caller's, with its own kernel timeouts; OpenSSL works on memory in between. One system
call brings up to 128 KiB of ciphertext, where OpenSSL on a socket makes two for every record of at most
16 KiB: measured, that is half as fast again, for one copy (of the ciphertext) more.
"""

from __future__ import annotations

import contextlib
import socket
import ssl
import struct
from collections.abc import Sequence

from dcmrecv.tls import limits
from dcmrecv.tls.certificate import CertificateError, parse_certificate

__all__ = ["TlsConnection", "send_pending"]


def send_pending(sock: socket.socket, outgoing: ssl.MemoryBIO) -> None:
    """Send what OpenSSL has to say. Raises OSError."""
    if outgoing.pending:
        sock.sendall(outgoing.read())


class TlsConnection:
    """Reads and writes the plain text of one connection. Used by one thread."""

    def __init__(
        self,
        sock: socket.socket,
        tls: ssl.SSLObject,
        incoming: ssl.MemoryBIO,
        outgoing: ssl.MemoryBIO,
        warnings: Sequence[str],
    ) -> None:
        self.socket = sock
        self.warnings = list(warnings)
        """W lines about the client's certificates (logger dcmtk.dcmtls)."""
        self._tls = tls
        self._incoming = incoming
        self._outgoing = outgoing
        self._ciphertext = memoryview(bytearray(limits.SMALL_READ_BYTES))
        self._ended = False
        self._failure: ssl.SSLError | None = None

    def recv_into(self, buffer: memoryview, nbytes: int = 0, flags: int = 0, /) -> int | None:
        """Fill *buffer* with what has arrived; wait for the first byte only, and once only.

        *nbytes* and *flags* are those of a socket's `recv_into`; there is no use for the first here.

        Returns the count, 0 at the end of the connection, and None if what came is not a whole record yet: the
        caller, who keeps the clocks, decides whether to wait for more. Raises what the socket raises
        (BlockingIOError or TimeoutError when its timeout passes; more bytes may follow), and ssl.SSLError, an
        OSError, if the peer breaks the protocol.
        """
        size = len(buffer)
        count = self._decrypt(buffer, size)
        if count:
            return count
        if self._failure is None and not self._ended:
            received = self.socket.recv_into(self._ciphertext, 0, flags)
            if not received:
                return 0
            self._incoming.write(self._ciphertext[:received])
            if received == len(self._ciphertext) < limits.BULK_READ_BYTES:
                self._ciphertext = memoryview(bytearray(limits.BULK_READ_BYTES))
            count = self._decrypt(buffer, size)
        if count:
            return count
        if self._failure is not None:
            raise self._failure
        return 0 if self._ended else None

    def _decrypt(self, buffer: memoryview, size: int) -> int:
        """Decrypt the records that are here, as far as they fit."""
        read, incoming = self._tls.read, self._incoming
        count = 0
        try:
            while count < size and (incoming.pending or self._tls.pending()):
                got = read(size - count, buffer[count:])
                if not got:
                    self._ended = True  # close_notify
                    break
                count += got  # type: ignore[operator]
        except ssl.SSLWantReadError:
            pass  # the rest of the record is still on its way
        except ssl.SSLError as error:
            self._failure = error  # reported after the bytes that came before it
            self._say_last_words()
        if self._outgoing.pending:  # an answer to a key update, a refused renegotiation
            send_pending(self.socket, self._outgoing)
        return count

    def sendall(self, data: bytes, /) -> None:
        """Send all of *data*, in one call of the socket. Raises OSError."""
        self._tls.write(data)
        send_pending(self.socket, self._outgoing)

    def details(self) -> str:
        """Return the connection details of the debug level (spec/tls.md e.3), lines separated by newlines."""
        name, _, bits = self._tls.cipher() or ("", "", 0)
        lines = [
            "================== BEGIN TLS CONNECTION DETAILS =================",
            "Transport connection: TLS over TCP/IP",
            f"  Protocol    : {self._tls.version()}",
            f"  Ciphersuite : {name}, encryption: {bits} bits",
        ]
        certificate = self._tls.getpeercert(binary_form=True)
        try:
            if certificate:
                lines += parse_certificate(certificate).details()
            else:
                lines.append("Peer did not provide a certificate or certificate verification is disabled.")
        except CertificateError as error:  # OpenSSL takes some certificates that are not quite DER
            lines.append(f"Peer X.509 Certificate ({error})")
        lines.append("=================== END TLS CONNECTION DETAILS ==================")
        return "\n".join(lines)

    def close(self) -> None:
        """Say close_notify without waiting for the peer's, or for the peer at all; the socket stays open."""
        with contextlib.suppress(OSError):  # the peer's close_notify has not come, or all is broken already
            self._tls.unwrap()
        self._say_last_words()

    def _say_last_words(self) -> None:
        if self._outgoing.pending:
            with contextlib.suppress(OSError):  # the peer is gone
                self.socket.send(self._outgoing.read(), socket.MSG_DONTWAIT)


def abort_on_close(sock: socket.socket) -> None:
    """Make the close of *sock* a reset, as a close with unread bytes is."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
