"""Limits and clocks of the server that are ours, not the peer's or the command line's. All in one place.

The values of the reference are named as such (spec/network.md sections 0 and d).
"""

from __future__ import annotations

BACKLOG = 1024
"""Connections the kernel queues while no thread accepts (ours; 50 with the reference). A burst that overflows the
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

PROXY_HEADER_SECONDS = 5.0
"""Longest wait for a whole PROXY protocol header (ours): a balancer sends it at once."""

HOST_LOOKUP_SECONDS = 5.0
"""Longest wait for the name of a peer; after that its address is logged (ours)."""

HOST_LOOKUPS = 32
"""Most names that are looked up at the same time, each by a thread; further peers are logged by address (ours)."""

HOST_CACHE_SECONDS = 300.0
"""How long a peer's name, or the fact that it has none, is remembered (ours)."""

HOST_CACHE_SIZE = 1024
"""Most peers whose names are remembered (ours)."""

IDLE_THREADS = 16
"""Threads that stay to wait for connections after one has ended; more are made while needed (ours)."""

SPARE_THREADS = 2
"""Threads that wait however long no peer connects (ours): a small limit on tasks is not held by idle ones."""

IDLE_SECONDS = 10.0
"""How long the other threads wait for a connection before they end (ours)."""

THREAD_START_SECONDS = 5.0
"""After this time a thread that was started and has not come to life is taken for dead (ours)."""

CHECK_SECONDS = 1.0
"""Time between two looks, from outside the accepting threads, at whether they accept (ours)."""

DEAF_SECONDS = 10.0
"""How long connections may wait for a receiver that has room before `/healthz` says that it is ill (ours)."""

HEAD_START_SECONDS = 0.1
"""How long a connection that came before we could serve goes before the next (ours)."""

HOPELESS_SECONDS = 60.0
"""After this time without a cure, and no shortage to wait for, the process ends with exit code 70, and a worker is
replaced (ours). A shortage passes, and transfers may be running: it ends nothing."""

SHORTAGE_SECONDS = 5.0
"""A shortage (of descriptors, threads, memory) is over when it was not met for so long (ours)."""

RESERVED_DESCRIPTORS = 32
"""Descriptors that no connection may take, or a quarter of all if that is less (ours)."""

DESCRIPTORS_EACH = 3
"""Descriptors kept free for the files of each running association (ours): object, directory, second pass."""

LAST_WORD_SECONDS = 1.0
"""How long a stop waits for threads to notice it (ours)."""

STOP_SECONDS = 15.0
"""After the grace time and so many seconds more a stop that hangs somewhere ends without good order (ours)."""

LOOK_AGAIN_SECONDS = 0.05
"""Seconds between two looks at whether a drain is over or cut short (ours)."""

ACCEPT_PAUSE = 0.1
"""Seconds to wait after `accept` failed for lack of descriptors or memory (ours)."""

QUICKACK_BELOW = 1 << 17
"""A read of at least this many bytes is bulk, which the kernel acknowledges unasked (measured)."""

GATE_BELOW = 1 << 16
"""A read of fewer bytes passes the gate (`gil_gate`); the work on more is mostly the kernel's (measured)."""

GATE_SECONDS = 0.02
"""Longest wait at the gate; then it stands open until its holder is through (ours)."""

HEAVY_GATE_SECONDS = 2.0
"""The same for the gate of associations that make us compute much (ours)."""

ACTIVE_WAIT_SECONDS = 60e-6
"""How long a thread looks again and again, after a response, whether the peer has answered, before it sleeps (ours)."""

NEAR_SECONDS = 120e-6
"""A peer is near if it went on so soon after our last response (ours); waiting actively is for such peers only."""

ACCOUNT_SECONDS = 0.002
"""How often at most the processor time of an association is looked at (ours); less than `DEBT_SECONDS`."""

COMPUTE_PER_BYTE = 1e-7
"""Seconds of processor time that each byte received entitles to (ours): five times what small objects take."""

COMPUTE_SHARE = 0.01
"""Share of all time that an association may compute beyond that (ours)."""

DEBT_SECONDS = 0.005
"""Processor time beyond that from which on an association counts as one that makes us compute much (ours)."""

MOST_DEBT_SECONDS = 0.1
"""Most of it that is remembered (ours): after ten quiet seconds all is forgiven."""

SWITCH_SECONDS = 0.0005
"""After so long a thread that computes lets another one have the interpreter (ours; 5 ms by default): measured."""

COMMAND_SECONDS = 600
"""For a whole command set, from its first fragment on. Seconds; ours: each PDU has a clock, their number has not."""

WORKER_PAUSE = 1.0
"""Seconds before a worker process that ended, or could not be started, is started again (ours); twice as long each
time, up to the next limit."""

WORKER_PAUSE_MOST = 5.0
"""Longest time between two starts of the same worker (ours)."""

WORKER_SETTLED_SECONDS = 60.0
"""A worker that has run for so long begins again with the shortest pause (ours)."""
