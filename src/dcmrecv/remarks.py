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

# -- the parser of data sets (spec/storage.md 3) -------------------------------------------------------

MORE_REMARKS = _data("more-remarks")
"""What follows is not said. Ours."""
NO_MULTIPLE = _data("no-multiple")
"""(tag, width, VR): the length is no multiple of the width of a value."""
ODD_ITEM = _data("odd-item")
"""(tag of the sequence)."""
UNKNOWN_VR = _data("unknown-vr")
"""(tag, the two bytes of the VR, bytes of its length field)."""
VR_OX = _data("vr-ox")
"""(tag)."""
VR_CHOSEN = _data("vr-chosen", LogLevel.DEBUG)
"""(tag, VR): of an element that has a choice, in implicit VR."""
VR_CHOSEN_BY_SIGN = _data("vr-chosen-by-sign", LogLevel.DEBUG)
"""(tag, tag that decides, VR, True if that has the value 1); the next one likewise, with the value 8."""
VR_CHOSEN_BY_BITS = _data("vr-chosen-by-bits", LogLevel.DEBUG)
GROUP_LENGTH_CORRECTED = _data("group-length-corrected")
ITEM_TOO_SHORT = _data("item-too-short")
"""(length of the item)."""
DELIMITED_TOO_EARLY = _data("delimited-too-early")
LARGER_THAN_ITEM = _data("larger-than-item")
"""(tag, length, remaining bytes)."""
WRONG_ELEMENT = _data("wrong-element")
"""(tag)."""
NO_ITEM_DELIMITER = _data("no-item-delimiter", LogLevel.ERROR)
"""(tag found)."""
NO_SUB_ELEMENT = _data("no-sub-element", LogLevel.DEBUG)
"""(tag)."""
NESTING_TOO_DEEP = _data("nesting-too-deep", LogLevel.ERROR)
"""(tag of the sequence, levels allowed)."""
SEQUENCE_NOT_ENDED = _data("sequence-not-ended")
"""(tag of the sequence)."""
STRING_NOT_LOADED = _data("string-not-loaded")
"""(tag): of undefined length; `ELEMENT_NOT_LOADED` likewise, of another VR."""
ELEMENT_NOT_LOADED = _data("element-not-loaded", LogLevel.ERROR)
EXPLICIT_VOI_LUT = _data("explicit-voi-lut", LogLevel.ERROR)
UNDEFINED_LENGTH = _data("undefined-length", LogLevel.ERROR)
"""(tag, text of the condition)."""
NATIVE_PIXEL_DATA = _data("native-pixel-data", LogLevel.ERROR)
"""(transfer syntax UID)."""
