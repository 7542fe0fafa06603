"""Named limits of the TLS room, in bytes where not said otherwise."""

from __future__ import annotations

__all__ = [
    "BULK_READ_BYTES",
    "CLIENT_HELLO_BYTES",
    "HANDSHAKE_READ_BYTES",
    "MATERIAL_BYTES",
    "PASSWORD_BYTES",
    "PROMPT_BYTES",
    "SEED_BYTES",
    "SMALL_READ_BYTES",
]

HANDSHAKE_READ_BYTES = 16384
"""Most bytes one read of a handshake takes."""

CLIENT_HELLO_BYTES = 65536
"""Most bytes looked at in search of the end of a ClientHello; OpenSSL itself takes 16 KiB of message."""

SMALL_READ_BYTES = 17408
"""First size of a connection's ciphertext buffer: one TLS record of the largest size, with its header."""

BULK_READ_BYTES = 1 << 17
"""Size of the ciphertext buffer once a read has filled the small one: measured, larger gains nothing."""

MATERIAL_BYTES = 16 << 20
"""Largest key, certificate, or parameter file that is read."""

SEED_BYTES = 1 << 20
"""Most bytes of a seed file that are mixed into the random number generator."""

PASSWORD_BYTES = 1024
"""Longest password of a private key; the reference, too, cuts the rest off silently."""

PROMPT_BYTES = 8192
"""Longest line read at the pass phrase prompt."""
