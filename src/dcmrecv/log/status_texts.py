"""The words behind a DIMSE status in a dump (PS3.7 Annex C, PS3.4 B.2.3, C.4; DCMTK's spelling).

`pynetdicom.status` spells every one of them differently.
"""

from __future__ import annotations

from typing import Final

__all__ = ["status_text"]

_SHARED: Final = {
    0x0122: "Refused: SOP Class not supported",
    0x0210: "Duplicate invocation",
    0x0211: "Unrecognized operation",
    0x0212: "Mistyped argument",
}
_RETRIEVE: Final = {
    0x0000: "Success: Sub-operations complete - No failures or warnings",
    0xA701: "Refused: Out of resources - Unable to calculate number of matches",
    0xA702: "Refused: Out of resources - Unable to perform sub-operations",
    0xA900: "Error: Data Set does not match SOP Class",
    0xAA00: "Failed: None of the frames requested were found in SOP Instance",
    0xAA01: "Failed: Unable to create new object for this SOP Class",
    0xAA02: "Failed: Unable to extract frames",
    0xAA03: "Failed: Time-based request for non-time-based SOP Instance",
    0xAA04: "Failed: Invalid request",
    0xFE00: "Cancel: Sub-operations terminated due to Cancel Indication",
    0xB000: "Warning: Sub-operations complete - One or more failures or warnings",
    0xFF00: "Pending: Sub-operations are continuing",
}
_NORMALIZED: Final = {
    0x0000: "Success",
    0x0001: "MPPS retrieve warning: Requested optional attributes not supported",
    0x0105: "No such attribute",
    0x0106: "Invalid attribute value",
    0x0107: "Attribute list error",
    0x0110: "Processing failure",
    0x0111: "Duplicate SOP Instance",
    0x0112: "No such SOP Instance",
    0x0113: "No such Event Type",
    0x0114: "No such argument",
    0x0115: "Invalid argument value",
    0x0116: "Attribute value out of range",
    0x0117: "Invalid SOP Instance",
    0x0118: "No such SOP Class",
    0x0119: "Class-Instance conflict",
    0x0120: "Missing attribute",
    0x0121: "Missing attribute value",
    0x0122: "SOP Class not supported",
    0x0123: "No such action",
    0x0124: "Refused: Not authorized",
    0x0210: "Duplicate invocation",
    0x0211: "Unrecognized operation",
    0x0212: "Mistyped argument",
    0x0213: "Resource limitation",
    0xFE00: "Cancel",
    0xA510: "Media creation failure - Action already received",
    0xB101: "Event logging warning - Synchronization Frame of Reference does not match",
    0xB102: "Event logging warning - Study Instance UID coercion",
    0xB104: "Event logging warning - IDs inconsistent in matching a current study - Event logged",
    0xB600: "Basic film session warning - Memory allocation",
    0xB601: "Basic film session warning - No session printing",
    0xB602: "Basic film session warning - Empty page",
    0xB603: "Basic film box warning - Empty page",
    0xB604: "Basic film session/box or image box warning - Image demagnified",
    0xB605: "Image box warning - Min/Max density",
    0xB609: "Basic film session/box or image box warning - Image cropped",
    0xB60A: "Basic film session/box or image box warning - Image decimated",
    0xC101: "Event logging failure - Procedural logging not available",
    0xC102: "Event logging failure - Event information does not match template",
    0xC103: "Event logging failure - Cannot match event to a current study",
    0xC104: "Event logging failure - IDs inconsistent in matching a current study - Event not logged",
    0xC201: "Media creation failure - Request already completed",
    0xC202: "Media creation failure - Request already in progress",
    0xC203: "Media creation failure - Cancellation denied",
    0xC600: "Basic film session failure - No film box",
    0xC601: "Basic film session failure - Print queue full",
    0xC602: "Basic film box failure - Print queue full",
    0xC603: "Basic film session/box failure - Image size",
    0xC604: "Basic film session/box failure - Position collision (retired)",
    0xC605: "Image box failure - Insufficient memory",
    0xC606: "Image box failure - More than one VOI LUT",
    0xC613: "Basic film session/box failure - Combined image size",
}
_EXACT: Final[dict[str, dict[int, str]]] = {
    "C-ECHO": {**_SHARED, 0x0000: "Success"},
    "C-STORE": {
        **_SHARED,
        0x0000: "Success",
        0x0117: "Invalid SOP Class",
        0x0124: "Refused: Not authorized",
        0xB000: "Warning: Coercion of Data Elements",
        0xB006: "Warning: Elements discarded",
        0xB007: "Warning: Data Set does not match SOP Class",
    },
    "C-FIND": {
        0x0000: "Success: Matching is complete",
        0x0122: "Refused: SOP Class not supported",
        0xA700: "Refused: Out of resources",
        0xFE00: "Cancel: Matching terminated due to Cancel Request",
        0xFF00: "Pending: Matches are continuing",
        0xFF01: "Pending: Matches are continuing - Warning: Unsupported optional keys",
    },
    "C-GET": {**_SHARED, **_RETRIEVE},
    "C-MOVE": {
        **_SHARED,
        **_RETRIEVE,
        0x0124: "Refused: Not authorized",
        0xA801: "Refused: Move Destination unknown",
    },
}
_RANGES: Final[dict[str, tuple[tuple[int, int, str], ...]]] = {
    "C-STORE": (
        (0xFF00, 0xA700, "Refused: Out of resources"),
        (0xFF00, 0xA900, "Error: Data Set does not match SOP Class"),
        (0xF000, 0xC000, "Error: Cannot understand"),
    ),
    "C-FIND": (
        (0xFF00, 0xA900, "Error: Data Set does not match SOP Class"),
        (0xF000, 0xC000, "Failed: Unable to process"),
    ),
    "C-GET": ((0xF000, 0xC000, "Failed: Unable to process"),),
    "C-MOVE": ((0xF000, 0xC000, "Failed: Unable to process"),),
}
"""Mask, value and text of the statuses that are known by their first digits."""


def _general(status: int) -> str:
    """Return the kind of a status that the service does not define (PS3.7 Annex C)."""
    if status == 0:
        return "Success"
    if status & 0xF000 == 0xB000 or status in (0x0001, 0x0107, 0x0116):
        return "Warning"
    if status & 0xF000 in (0xA000, 0xC000) or status & 0xFF00 in (0x0100, 0x0200):
        return "Failure"
    if status == 0xFE00:
        return "Cancel"
    if status in (0xFF00, 0xFF01):
        return "Pending"
    return "Unknown Status Code (non-standard)"


def status_text(service: str, status: int) -> str:
    """Return *status* of a response of *service* (``C-STORE``, ``N-GET``, ...) in numbers and words."""
    words = _EXACT.get(service, _NORMALIZED).get(status)
    if words is None:
        for mask, value, text in _RANGES.get(service, ()):
            if status & mask == value:
                words = text
                break
    return f"0x{status:04x}: {words or _general(status)}"
