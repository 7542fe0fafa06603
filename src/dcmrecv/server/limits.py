"""Limits and clocks of the server that are ours, not the peer's or the command line's. All in one place.

The values of the reference are named as such (spec/network.md sections 0 and d).
"""

from __future__ import annotations

__all__ = [
    "ACCEPT_PAUSE",
    "BACKLOG",
    "COMMAND_SECONDS",
    "GATE_BELOW",
    "GATE_SECONDS",
    "HOST_CACHE_SECONDS",
    "HOST_CACHE_SIZE",
    "HOST_LOOKUP_SECONDS",
    "IDLE_THREADS",
    "MAX_PASSIVE_CLOSES",
    "PASSIVE_CLOSE_SECONDS",
    "PDU_SECONDS",
    "QUICKACK_BELOW",
    "READ_SECONDS",
    "TLS_HANDSHAKE_SECONDS",
    "WRITE_SECONDS",
]

BACKLOG = 1024
"""Connections the kernel queues while nobody accepts (ours; 50 with the reference). A burst that overflows the
queue loses its SYNs, and each of those peers waits a second or more until it tries again. The kernel may set
a lower limit (net.core.somaxconn)."""

READ_SECONDS = 60
"""Longest silence within one read where no option says otherwise (the reference's SO_RCVTIMEO)."""

WRITE_SECONDS = 60
"""Longest wait for the peer to take our bytes (the reference's SO_SNDTIMEO)."""

PASSIVE_CLOSE_SECONDS = 180
"""How long a connection that is over waits for the peer to close first (the reference's value)."""

MAX_PASSIVE_CLOSES = 1024
"""Connections that are over and wait so; beyond them the oldest is closed (ours)."""

PDU_SECONDS = 600
"""Longest time one PDU may take from its first byte to its last (ours): a peer that drips single bytes
restarts the 60 s of each read for ever; no honest peer sends 128 KiB at less than 220 bytes a second."""

TLS_HANDSHAKE_SECONDS = 180
"""Longest TLS handshake as a whole (ours); each read within it has the reference's 60 s."""

HOST_LOOKUP_SECONDS = 5.0
"""Longest wait for the name of a peer; after that its address is logged (ours)."""

HOST_CACHE_SECONDS = 300.0
"""How long a peer's name, or the fact that it has none, is remembered (ours)."""

HOST_CACHE_SIZE = 1024
"""Most peers whose names are remembered (ours)."""

IDLE_THREADS = 16
"""Threads kept waiting for connections; more are made while needed and end when idle (ours)."""

ACCEPT_PAUSE = 0.1
"""Seconds to wait after `accept` failed for lack of descriptors or memory (ours)."""

QUICKACK_BELOW = 1 << 17
"""A read of at least this many bytes is bulk, which the kernel acknowledges unasked (measured)."""

GATE_BELOW = 1 << 16
"""A read of fewer bytes passes the gate (`gil_gate`); the work on more is mostly the kernel's (measured)."""

GATE_SECONDS = 0.02
"""Longest wait at the gate; then it stands open until its holder is through (ours)."""

COMMAND_SECONDS = 600
"""For a whole command set, from its first fragment on. Seconds; ours: each PDU has a clock, their number has not."""
