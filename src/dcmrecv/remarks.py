"""What the reference remarks on while it reads: each kind with its logger and level, here; its text in the log.

The engine makes a `Remark` of a kind and its arguments and attaches it to an event, or hands it to the observer.
The dialect has a text for each kind (`dcmrecv.log.messages.REMARKS`); nothing depends on how a text reads.
"""

from __future__ import annotations

from typing import NamedTuple

from dcmrecv.config import LogLevel
from dcmrecv.loggers import DCMDATA, DCMNET

__all__ = ["Remark", "RemarkKind"]


class RemarkKind(NamedTuple):
    """A kind of remark; calling it makes one."""

    name: str
    logger: str
    level: LogLevel

    def __call__(self, *args: object) -> Remark:
        """Return the remark of this kind with *args*, as documented with each kind."""
        return Remark(self, args)


class Remark(NamedTuple):
    """One remark. Tags are the numbers ``0xGGGGEEEE``; bytes are of the peer."""

    kind: RemarkKind
    args: tuple[object, ...] = ()


def _net(name: str, level: LogLevel = LogLevel.WARN) -> RemarkKind:
    return RemarkKind(name, DCMNET, level)


def _data(name: str, level: LogLevel = LogLevel.WARN) -> RemarkKind:
    return RemarkKind(name, DCMDATA, level)


# -- an A-ASSOCIATE-RQ (spec/network.md a.1, a.3) ------------------------------------------------------

MAX_LENGTH_ITEM = _net("max-length-item")
"""(length): of the maximum length sub-item, not 4."""
ROLE_UID_LENGTH = _net("role-uid-length")
"""(length): of the UID in a role selection sub-item, beyond 64."""
ROLE_BOTH_ZERO = _net("role-both-zero")
ROLE_REFUSED = _net("role-refused", LogLevel.ERROR)
ROLE_NONE = _net("role-none")
SYNTAX_UNKNOWN = _net("syntax-unknown")
"""(context ID, UID as bytes): nothing is known of how its data sets are encoded. Ours."""
SEND_LENGTH_ODD = _net("send-length-odd")
"""(the peer's maximum length, length used)."""
SEND_LENGTH_SMALL = _net("send-length-small")
SEND_LENGTH_DEFAULT = _net("send-length-default")
"""(the peer's maximum length)."""
REQUEST_TOO_LONG = _net("request-too-long", LogLevel.ERROR)
"""(length): of the A-ASSOCIATE-RQ."""
NO_AP_TITLE = _net("no-ap-title", LogLevel.ERROR)
"""("Called" or "Calling"): that title is empty."""
TOO_MANY_SYNTAXES = _net("too-many-syntaxes", LogLevel.ERROR)

# -- a command set (c.1) -------------------------------------------------------------------------------

NO_STORAGE_COMMAND = _net("no-storage-command", LogLevel.ERROR)
"""(command field)."""
NO_DATA_SET = _net("no-data-set")
"""(message): a data set must follow that message and does not; `DATA_SET` likewise: must not and does."""
DATA_SET = _net("data-set")
BAD_INSTANCE_UID = _net("bad-instance-uid")
"""(message)."""
UNKNOWN_SEQUENCE = _data("unknown-sequence")
"""(tag): of VR UN and undefined length."""
NO_SEQUENCE_DELIMITER = _data("no-sequence-delimiter", LogLevel.ERROR)
"""(tag of the sequence, tag found)."""
NO_SUB_ITEM = _data("no-sub-item", LogLevel.DEBUG)
"""(tag)."""

# -- elements, of a command set or a data set ----------------------------------------------------------

ELEMENT_ORDER = _data("element-order")
"""(tag), as all up to the next comment."""
ELEMENT_TWICE = _data("element-twice")
ELEMENT_ODD = _data("element-odd")
ELEMENT_INVALID = _data("element-invalid")
ELEMENT_CUT = _data("element-cut", LogLevel.ERROR)
"""(tag, length, remaining bytes)."""
ELEMENT_LOST = _data("element-lost", LogLevel.ERROR)
"""(tag, length)."""
