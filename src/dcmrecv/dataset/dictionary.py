"""The data dictionary: names and VRs of elements (spec/logging.md D)."""

from __future__ import annotations


class DataDictionary:
    """Temporary."""

    def __init__(self) -> None:
        self.plain: set[int] = set()
        self.has_private = False

    def vr(self, tag: int, creator: bytes | None) -> str:
        from pydicom.datadict import dictionary_VR
        if not tag & 0xffff: return "UL"
        if tag >> 16 & 1: return "??"
        try:
            v = dictionary_VR(tag)
        except KeyError:
            return "??"
        if tag == 0x7fe00010: return "px"
        return {"OB or OW":"ox","US or SS":"xs","US or SS or OW":"lt","US or OW":"lt"}.get(v, v)

    def name(self, tag: int) -> str:
        from pydicom.datadict import keyword_for_tag
        return keyword_for_tag(tag) or "Unknown Tag & Data"
