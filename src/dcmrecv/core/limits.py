"""Named limits of the protocol core. A length from the wire meets one of these before memory is taken.

Values in bytes unless said otherwise. Those of the reference name their section of spec/network.md.
"""

from __future__ import annotations

__all__ = [
    "BUFFER_FIRST",
    "BUFFER_FULL",
    "CACHED_REQUESTS",
    "CACHED_REQUEST_LENGTH",
    "COMMAND_FRAGMENTS",
    "CONTROL_BODY",
    "FRAGMENTS_AT_ONCE",
    "IGNORED_BLOCK",
    "REQUEST_COST",
    "REQUEST_LENGTH",
    "SEND_LENGTH",
    "STRING_ITEM",
    "TRANSFER_SYNTAXES",
    "UID_LENGTH",
    "USUAL_REQUEST",
    "WHOLE_COMMAND",
]

REQUEST_LENGTH = 0x100000
"""PDU length of an A-ASSOCIATE-RQ (a.1 step 2)."""

STRING_ITEM = 64
"""Application context, abstract and transfer syntaxes, implementation UID and name (a.1 step 4)."""

TRANSFER_SYNTAXES = 50
"""Transfer syntaxes of one presentation context (a.1 step 9); a number, not bytes."""

WHOLE_COMMAND = 65536
"""A command set, all fragments together. Ours: the largest honest one has a few hundred bytes."""

UID_LENGTH = 64
"""A UI value of a command set (c.1 check 7)."""

CONTROL_BODY = 128
"""Body of an A-RELEASE-RQ or A-ABORT (e)."""

IGNORED_BLOCK = 1024
"""After our A-ABORT the reference drops PDUs in blocks of this size (d, abort-wait)."""

SEND_LENGTH = 131072
"""What we make of a peer's maximum length of 0 or more than this (a.4)."""

BUFFER_FIRST = 16384
"""Receive buffer of a new connection: enough for a request and for small objects."""

BUFFER_FULL = 524288
"""Receive buffer of a connection that fills it; never more, except for a large A-ASSOCIATE-RQ."""

CACHED_REQUESTS = 64
"""Negotiated answers that all associations of a process share, by the whole request; a number."""

CACHED_REQUEST_LENGTH = 16384
"""Answers to longer requests are not kept."""

COMMAND_FRAGMENTS = 1024
"""Fragments of one command set, empty ones included; a number. Ours: the reference has no limit."""

FRAGMENTS_AT_ONCE = 512
"""Fragments of a data set that are framed and handed out at once: other associations wait meanwhile. A number."""

USUAL_REQUEST = 65536
"""An A-ASSOCIATE-RQ up to this length belongs to a connection's base; each byte beyond is charged to the
memory budget `REQUEST_COST` times, since what is made of it is larger than itself."""

REQUEST_COST = 40
"""What a byte of a large A-ASSOCIATE-RQ is charged for."""
