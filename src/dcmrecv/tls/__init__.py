"""TLS: profiles, keys, certificates, CRLs and the handshake.

Importing this package imports no ``ssl``: without ``+tls`` a receiver never needs it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from dcmrecv.tls.errors import HandshakeError, TlsStartError

if TYPE_CHECKING:
    from dcmrecv.config import TlsConfig
    from dcmrecv.tls.connection import TlsConnection
    from dcmrecv.tls.context import TlsServerContext

__all__ = [
    "HandshakeError",
    "TlsConnection",
    "TlsServerContext",
    "TlsStartError",
    "available_profiles",
    "list_ciphers",
    "prepare",
]


def prepare(config: TlsConfig, log: Callable[[str, str], None], *, again: bool = False) -> TlsServerContext:
    """Load all that *config* names, in the reference's order of messages (spec/tls.md a.4).

    *log* takes (level letter, text) for logger dcmtk.dcmtls. An encrypted key without a password is asked
    for at the terminal. Raises `TlsStartError`, whose text is the last F line (exit code 71). *again*: see
    `dcmrecv.tls.startup.prepare`.
    """
    from dcmrecv.tls import startup  # ssl takes tens of milliseconds to import

    return startup.prepare(config, log, again=again)


def list_ciphers() -> list[str]:
    """Return the IANA names for ``--list-ciphers``, weakest first."""
    from dcmrecv.tls import capabilities  # see prepare

    return capabilities.list_ciphers()


def available_profiles() -> tuple[str, ...]:
    """Return the profiles this TLS library can do: ``("pg", "py", ...)``, short option names without sign."""
    from dcmrecv.tls import capabilities  # see prepare

    return capabilities.profiles()


def __getattr__(name: str) -> object:
    if name == "TlsServerContext":
        from dcmrecv.tls.context import TlsServerContext

        return TlsServerContext
    if name == "TlsConnection":
        from dcmrecv.tls.connection import TlsConnection

        return TlsConnection
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
