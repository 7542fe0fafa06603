"""What the TLS room raises."""

from __future__ import annotations

from collections.abc import Sequence

__all__ = ["HandshakeError", "TlsStartError"]


class TlsStartError(Exception):
    """TLS cannot be set up (exit code 71). The text is that of the final F line: ``000b:CCCC ...``."""


class HandshakeError(Exception):
    """A handshake failed; the connection is of no further use.

    *text* follows ``Could not receive association request: ``; *lines* are the (level letter, text) lines of
    logger dcmtk.dcmtls that come before it (spec/tls.md e.3).
    """

    def __init__(self, text: str, lines: Sequence[tuple[str, str]] = ()) -> None:
        super().__init__(text)
        self.text = text
        self.lines = tuple(lines)
