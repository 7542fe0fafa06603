"""What the reference remarks on while it reads: each kind with its logger, its level and its text.

The engine makes a `Remark` of a kind and its arguments and attaches it to an event, or hands it to the observer.
Texts are DCMTK 3.6.8's and interface; nothing here depends on how a text reads, and `dcmrecv.log.remark_text` alone
fills it in.
"""

from __future__ import annotations

from typing import NamedTuple

from dcmrecv.config import LogLevel
from dcmrecv.loggers import DCMDATA, DCMNET

__all__ = ["Remark", "RemarkKind"]


class RemarkKind(NamedTuple):
    """A kind of remark; calling it makes one."""

    text: str
    """Numbers stand for the arguments; ``{tag}`` and ``{keyword}`` are those of the first argument, ``{tag1}``
    that of the second; ``{calling}`` and ``{called}`` are the titles of the association. ``{hex}`` are the bytes
    of the second argument, ``{vr}`` those with blanks for control characters; ``{kind}`` says whether the fourth
    is true, ``{name}`` is that of a transfer syntax."""
    logger: str
    level: LogLevel

    def __call__(self, *args: object) -> Remark:
        """Return the remark of this kind with *args*, as documented with each kind."""
        return Remark(self, args)


class Remark(NamedTuple):
    """One remark. Tags are the numbers ``0xGGGGEEEE``; bytes are of the peer."""

    kind: RemarkKind
    args: tuple[object, ...] = ()


def _net(text: str, level: LogLevel = LogLevel.WARN) -> RemarkKind:
    return RemarkKind(text, DCMNET, level)


def _data(text: str, level: LogLevel = LogLevel.WARN) -> RemarkKind:
    return RemarkKind(text, DCMDATA, level)


# A table: a kind takes as few lines as it can.
# fmt: off

# -- an A-ASSOCIATE-RQ (spec/network.md a.1, a.3) ------------------------------------------------------

MAX_LENGTH_ITEM = _net("Invalid length ({0}) for maximum length item, must be 4")
"""(length): of the maximum length sub-item, not 4."""
ROLE_UID_LENGTH = _net("Provided role SOP Class UID length {0} is larger than maximum allowed UID length 64 (will use"
                       " 64 bytes max)")
"""(length): of the UID in a role selection sub-item, beyond 64."""
ROLE_BOTH_ZERO = _net("DULFSM: both role fields are 0 in SCP/SCU role selection sub-item")
ROLE_REFUSED = _net("ASSOC: SCP/SCU role selection failed, Default role (i.e. SCU) proposed but only SCP role"
                    " configured for acceptance", LogLevel.ERROR)
ROLE_NONE = _net("setting accepted SCP/SCU role to NONE, i.e. both role fields are 0 in SCP/SCU role selection"
                 " sub-item")
SYNTAX_UNKNOWN = _net("Presentation Context {0} refused: it is not known how data sets in transfer syntax {1} are"
                      " encoded")
"""(context ID, UID as bytes): nothing is known of how its data sets are encoded. Ours."""
SEND_LENGTH_ODD = _net("ASSOC: PDV send length {0} is odd (using {1})")
"""(the peer's maximum length, length used)."""
SEND_LENGTH_SMALL = _net("ASSOC: PDV send length too small, using DUL to split larger PDVs.")
SEND_LENGTH_DEFAULT = _net("ASSOC: PDV send length {0} (using default)")
"""(the peer's maximum length)."""
REQUEST_TOO_LONG = _net("A-ASSOCIATE PDU too large: {0} bytes, refusing.", LogLevel.ERROR)
"""(length): of the A-ASSOCIATE-RQ."""
NO_AP_TITLE = _net("Illegal service parameter: {0} AP Title", LogLevel.ERROR)
"""("Called" or "Calling"): that title is empty."""
TOO_MANY_SYNTAXES = _net("0006:0103 ASC Coding error in ASC_getPresentationContext: too many transfer"
                         " syntaxes", LogLevel.ERROR)

# -- a command set (c.1) -------------------------------------------------------------------------------

NO_STORAGE_COMMAND = _net("cannot handle this kind of DIMSE command (0x{0:04x}), we are a Storage SCP"
                          " only", LogLevel.ERROR)
NO_DATA_SET = _net("DIMSE Warning: ({calling},{called}): {0}: DataSetType == NULL")
"""(message): a data set must follow that message and does not; `DATA_SET` likewise: must not and does."""
DATA_SET = _net("DIMSE Warning: ({calling},{called}): {0}: DataSetType != NULL")
BAD_INSTANCE_UID = _net("DIMSE Warning: ({calling},{called}): {0}: AffectedSOPInstanceUID: bad size")
"""(message)."""
UNKNOWN_SEQUENCE = _data("Found element {tag} with VR UN and undefined length, reading a sequence with transfer syntax"
                         " LittleEndianImplicit (CP-246)")
"""(tag): of VR UN and undefined length."""
NO_SEQUENCE_DELIMITER = _data("DcmSequenceOfItems: Parse error in sequence {tag}, found {tag1} instead of sequence"
                              " delimiter (fffe,e0dd)", LogLevel.ERROR)
"""(tag of the sequence, tag found)."""
NO_SUB_ITEM = _data("DcmSequenceOfItems::readSubItem() cannot create Sub Item {tag}", LogLevel.DEBUG)

# -- elements, of a command set or a data set ----------------------------------------------------------

ELEMENT_ORDER = _data("DcmItem: Dataset not in ascending tag order, at element {tag}")
ELEMENT_TWICE = _data("DcmItem: Element {tag} found twice in one data set or item, ignoring second entry")
ELEMENT_ODD = _data("DcmItem: Length of element {tag} is odd")
ELEMENT_INVALID = _data("DcmItem: Invalid Element {tag} found in data set")
ELEMENT_CUT = _data("DcmElement: {keyword} {tag} larger ({1}) than remaining bytes ({2}) in file, premature end of"
                    " stream", LogLevel.ERROR)
"""(tag, length, remaining bytes)."""
ELEMENT_LOST = _data("DcmElement: {keyword} {tag} larger ({1}) than remaining bytes in file", LogLevel.ERROR)

# -- the parser of data sets (spec/storage.md 3) -------------------------------------------------------

MORE_REMARKS = _data("DcmItem: further messages about this data set are not shown")
"""What follows is not said. Ours."""
NO_MULTIPLE = _data("DcmItem: Length of element {tag} is not a multiple of {1} (VR={2})")
"""(tag, width, VR): the length is no multiple of the width of a value."""
ODD_ITEM = _data("DcmSequenceOfItems: Length of item in sequence {keyword} {tag} is odd")
"""(tag of the sequence)."""
UNKNOWN_VR = _data("DcmItem: Non-standard VR '{vr}' ({hex}) encountered while parsing element {tag}, assuming {2} byte"
                   " length field")
"""(tag, the two bytes of the VR, bytes of its length field)."""
VR_OX = _data("DcmItem: Non-standard VR 'OX' is known to be wrongly used for PixelData {tag}, setting VR to 'OW'")
VR_CHOSEN = _data("DcmItem::checkAndUpdateVR() setting undefined VR of {keyword} {tag} to '{1}'", LogLevel.DEBUG)
"""(tag, VR): of an element that has a choice, in implicit VR."""
VR_CHOSEN_BY_SIGN = _data("DcmItem::checkAndUpdateVR() setting undefined VR of {keyword} {tag} to '{2}' because"
                          " PixelRepresentation {tag1} has a value {kind} 1", LogLevel.DEBUG)
"""(tag, tag that decides, VR, True if that has the value 1); the next one likewise, with the value 8."""
VR_CHOSEN_BY_BITS = _data("DcmItem::checkAndUpdateVR() setting undefined VR of {keyword} {tag} to '{2}' because"
                          " WaveformBitsAllocated {tag1} has a value {kind} 8", LogLevel.DEBUG)
GROUP_LENGTH_CORRECTED = _data("DcmItem: Group Length with VR other than UL found, corrected")
ITEM_TOO_SHORT = _data("DcmItem: Explicit item length ({0} bytes) too large for the elements contained in the item")
"""(length of the item)."""
DELIMITED_TOO_EARLY = _data("DcmItem: Sequence delimitation occurred before all bytes announced by explicit item length"
                            " could be read")
LARGER_THAN_ITEM = _data("DcmItem: Element {keyword} {tag} larger ({1}) than remaining bytes ({2}) of surrounding item")
"""(tag, length, remaining bytes)."""
WRONG_ELEMENT = _data("DcmItem: Parse error while parsing element {tag}")
NO_ITEM_DELIMITER = _data("DcmItem: Parse error in sequence item, found {tag} instead of item delimiter"
                          " (fffe,e00d)", LogLevel.ERROR)
"""(tag found)."""
NO_SUB_ELEMENT = _data("DcmItem::readSubElement() cannot create Sub Element {tag}", LogLevel.DEBUG)
NESTING_TOO_DEEP = _data("DcmSequenceOfItems: Maximum nesting depth ({1}) exceeded while parsing sequence {keyword}"
                         " {tag}", LogLevel.ERROR)
"""(tag of the sequence, levels allowed)."""
SEQUENCE_NOT_ENDED = _data("DcmSequenceOfItems: Reached end of stream before the end of sequence {keyword} {tag}")
"""(tag of the sequence)."""
STRING_NOT_LOADED = _data("DcmByteString: Element {keyword} {tag} has odd maximum length (4294967295) and therefore is"
                          " not loaded")
"""(tag): of undefined length; `ELEMENT_NOT_LOADED` likewise, of another VR."""
ELEMENT_NOT_LOADED = _data("DcmElement: {keyword} {tag} has odd maximum length (4294967295) and therefore is not"
                           " loaded", LogLevel.ERROR)
EXPLICIT_VOI_LUT = _data("DcmItem: VOI LUT Sequence with VR=OW and explicit length encountered.", LogLevel.ERROR)
UNDEFINED_LENGTH = _data("DcmItem: Parse error in {tag}: {1}", LogLevel.ERROR)
"""(tag, text of the condition)."""
NATIVE_PIXEL_DATA = _data("Found explicit length Pixel Data in top level dataset with transfer syntax {name}: Only"
                          " undefined length permitted", LogLevel.ERROR)
"""(transfer syntax UID)."""
