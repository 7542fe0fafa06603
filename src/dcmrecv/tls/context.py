"""The server's side of the handshake, in the worker of its association (spec/tls.md d, e, f, g.1).

The bytes travel through memory, so that the socket's timeouts, the ClientHello and OpenSSL's answers are in
our hands: a refusal by ALPN takes the place of the answer that OpenSSL had prepared.
"""

from __future__ import annotations

import contextlib
import re
import socket
import ssl
import struct
import time
from collections.abc import Sequence

from dcmrecv.text import printable, to_bytes
from dcmrecv.tls import limits
from dcmrecv.tls.certificate import UNREADABLE, CertificateError, parse_certificate
from dcmrecv.tls.checks import check_peer_certificate
from dcmrecv.tls.client_hello import NO_HELLO, ClientHello, read_client_hello
from dcmrecv.tls.connection import TlsConnection, abort_on_close, send_pending
from dcmrecv.tls.directories import DerDirectories
from dcmrecv.tls.errors import HandshakeError
from dcmrecv.tls.suites import SecurityProfile

__all__ = ["TlsServerContext"]

_ALERT_RECORD = 21
_FATAL = 2
_INTERNAL_ERROR = 80
_UNRECOGNIZED_NAME = 112
_NO_APPLICATION_PROTOCOL = 120
_TLS12 = b"\x03\x03"
_REASON = re.compile(r"\] (.*?)(?:: | \(_ssl\.c)")


class TlsServerContext:
    """Everything TLS connections of a server share. `handshake` may run in many threads at once."""

    def __init__(
        self,
        context: ssl.SSLContext,
        profile: SecurityProfile | None,
        *,
        expected_sni: str | None,
        answer_sni: bool,
        directories: DerDirectories,
    ) -> None:
        self._context = context
        self._profile = profile
        self._expected_sni = None if expected_sni is None else to_bytes(expected_sni)
        self._answer_sni = answer_sni
        self._directories = directories
        if answer_sni:
            # only when needed: the presence of a callback alone changes what OpenSSL decides about
            # certificates with uncommon curves, and the reference always has one
            context.sni_callback = self._check_name

    @classmethod
    def of_program(cls, context: ssl.SSLContext) -> TlsServerContext:
        """Return what shakes hands as *context* says, without the further checks of a security profile."""
        return cls(context, None, expected_sni=None, answer_sni=False, directories=DerDirectories())

    def _check_name(self, tls: object, name: str | None, context: object) -> int | None:
        if self._expected_sni is None or name is None or name.encode() == self._expected_sni:
            return None
        return ssl.ALERT_DESCRIPTION_UNRECOGNIZED_NAME

    def handshake(self, sock: socket.socket, *, read_timeout: float, deadline: float) -> TlsConnection:
        """Shake hands on *sock*, a connected blocking socket, which stays the caller's to close.

        *read_timeout* (seconds) limits each read, *deadline* (seconds from now) the whole. The socket's
        receive timeout is left changed. Raises `HandshakeError`, after the alert was sent.
        """
        self._directories.load_new(self._context)
        return _Handshake(self, sock, read_timeout, time.monotonic() + deadline).run()


class _Handshake:
    def __init__(
        self, server: TlsServerContext, sock: socket.socket, read_timeout: float, end: float
    ) -> None:
        self._server = server
        self._sock = sock
        self._read_timeout = read_timeout
        self._end = end
        self._incoming = ssl.MemoryBIO()
        self._outgoing = ssl.MemoryBIO()
        self._tls = server._context.wrap_bio(self._incoming, self._outgoing, server_side=True)
        self._hello: ClientHello = NO_HELLO

    def run(self) -> TlsConnection:
        try:
            self._read_hello()
            self._negotiate()
            warnings = self._check_chain()
            send_pending(self._sock, self._outgoing)
        except ssl.SSLError as error:
            self._flush()
            wrong_name = error.reason == "CALLBACK_FAILED"
            raise self._failed(_text(error), self._sni_lines() if wrong_name else ()) from None
        except (BlockingIOError, TimeoutError):
            raise self._failed("TLS read operation did not complete (SSL_ERROR_WANT_READ)") from None
        except OSError:
            raise self._failed("OpenSSL I/O error (SSL_ERROR_SYSCALL)") from None
        return TlsConnection(self._sock, self._tls, self._incoming, self._outgoing, warnings)

    def _read_hello(self) -> None:
        """Collect the ClientHello, and give all of it to OpenSSL at once."""
        data = bytearray()
        while True:
            received = self._receive()
            data += received
            hello = read_client_hello(data) if received else NO_HELLO
            if hello is not None:
                break
        self._hello = hello
        self._incoming.write(data)
        if not received:
            self._incoming.write_eof()
        name = hello.server_name
        if self._server._answer_sni and name is not None and not name.isascii():
            # Python would print a traceback from within the handshake
            raise self._refused(_UNRECOGNIZED_NAME, "callback failed", self._sni_lines())

    def _negotiate(self) -> None:
        answered = False
        while True:
            try:
                self._tls.do_handshake()
            except ssl.SSLWantReadError:
                done = False
            else:
                done = True
            if not answered and self._outgoing.pending:
                answered = True
                self._check_protocol()
            if done:
                return
            send_pending(self._sock, self._outgoing)
            received = self._receive()
            if received:
                self._incoming.write(received)
            else:
                self._incoming.write_eof()

    def _receive(self) -> bytes:
        seconds = min(self._read_timeout, self._end - time.monotonic())
        if seconds <= 0:
            raise TimeoutError
        whole, fraction = divmod(seconds, 1)
        timeout = struct.pack("ll", int(whole), max(1, int(fraction * 1_000_000)))
        self._sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, timeout)
        return self._sock.recv(limits.HANDSHAKE_READ_BYTES)

    def _check_protocol(self) -> None:
        """Refuse a client that wants protocols, but not DICOM (spec/tls.md d)."""
        if self._server._profile is None:
            return
        if self._hello.protocols is not None and self._tls.selected_alpn_protocol() is None:
            lines = (
                ("E", "TLS ALPN negotiation failure: Client has proposed protocol(s) other than 'dicom'"),
            )
            raise self._refused(_NO_APPLICATION_PROTOCOL, "no application protocol", lines)

    def _check_chain(self) -> list[str]:
        """Return the warnings about the client's verified chain, root first; refuse what is too weak.

        Comes after the handshake, where the reference judges within it: with TLS 1.2 the refusal still takes
        the place of our Finished, with TLS 1.3 the alert can no longer be sent.
        """
        lines: list[tuple[str, str]] = []
        profile = self._server._profile
        if profile is None or self._server._context.verify_mode == ssl.CERT_NONE or self._tls.session_reused:
            return []
        for encoding in reversed(_verified_chain(self._tls)):
            try:
                certificate = parse_certificate(encoding)
            except CertificateError:  # OpenSSL takes some certificates that are not quite DER
                certificate = UNREADABLE
            for line in check_peer_certificate(certificate, profile):
                lines.append(line)
                if line[0] != "W":
                    raise self._refused(_INTERNAL_ERROR, "certificate verify failed", lines)
        return [text for _, text in lines]

    def _refused(self, alert: int, reason: str, lines: Sequence[tuple[str, str]]) -> HandshakeError:
        """Return our own refusal, after its alert was sent."""
        self._send_alert(alert)
        return self._failed(f"TLS error: {reason}", lines)

    def _send_alert(self, alert: int) -> None:
        """Replace OpenSSL's answer by an alert in clear, in the record version it would have used."""
        answer = self._outgoing.read()
        if alert == _INTERNAL_ERROR and self._tls.version() == "TLSv1.3":
            return  # it would have to be encrypted
        version = answer[1:3] or _TLS12
        self._outgoing.write(bytes([_ALERT_RECORD, *version, 0, 2, _FATAL, alert]))
        self._flush()

    def _flush(self) -> None:
        with contextlib.suppress(OSError):  # the peer is gone; the failure is reported anyway
            send_pending(self._sock, self._outgoing)

    def _failed(self, text: str, lines: Sequence[tuple[str, str]] = ()) -> HandshakeError:
        if self._incoming.pending:
            # OpenSSL left bytes unread; with the reference they are in the kernel, whose close then resets
            with contextlib.suppress(OSError):  # closed by the peer already
                abort_on_close(self._sock)
        return HandshakeError(text, lines)

    def _sni_lines(self) -> Sequence[tuple[str, str]]:
        name, expected = self._hello.server_name, self._server._expected_sni
        if name is None or expected is None:
            return ()
        text = (
            f"SNI failure: client requested server '{printable(name)}', my name is '{printable(expected)}'."
        )
        return (("E", text),)


def _text(error: ssl.SSLError) -> str:
    """Return what the reference says about a failure of OpenSSL."""
    if isinstance(error, ssl.SSLEOFError):
        return "TLS error: unexpected eof while reading"
    if isinstance(error, ssl.SSLZeroReturnError):
        return "TLS connection closed by peer (SSL_ERROR_ZERO_RETURN)"
    match = _REASON.search(str(error))
    reason = match[1] if match else (error.reason or "").replace("_", " ").lower()
    if error.library and error.library != "SSL":
        return f"OpenSSL error: {error.library}: {reason}"
    return f"TLS error: {reason}"


def _verified_chain(tls: ssl.SSLObject) -> list[bytes]:
    """Return the verified chain of the peer in DER, its own certificate first; empty without one."""
    if hasattr(tls, "get_verified_chain"):  # Python 3.13
        return list(tls.get_verified_chain())
    chain = tls._sslobj.get_verified_chain()  # type: ignore[attr-defined]
    return [certificate.public_bytes(ssl._ssl.ENCODING_DER) for certificate in chain or ()]  # type: ignore[attr-defined]
