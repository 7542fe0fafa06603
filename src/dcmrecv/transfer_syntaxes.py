"""How the data sets of a transfer syntax are encoded, by its UID (PS3.5 section 10 and annex A).

The standard fixes it for whole families: every syntax below 1.2.840.10008.1.2.4 (JPEG to JPEG XL, MPEG, HEVC,
and those to come) is explicit VR little endian outside the fragments of its pixel data (A.4), so a new codec
needs no new line here. The exceptions are the JPIP syntaxes, whose pixel data is elsewhere (A.6, A.7).

A syntax of which nothing is known cannot be parsed and is refused at negotiation: the retired MIME and XML
syntaxes (1.2.840.10008.1.2.6) are no encoding of a data set in a C-STORE, and private ones may be anything.
"""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Encoding", "encoding_of", "is_receivable"]


@dataclass(frozen=True, slots=True)
class Encoding:
    """How a data set is encoded."""

    explicit: bool = True
    big_endian: bool = False
    encapsulated: bool = True
    deflated: bool = False


_IMPLICIT = Encoding(explicit=False, encapsulated=False)
_EXPLICIT = Encoding(encapsulated=False)
_DEFLATED = Encoding(encapsulated=False, deflated=True)
_ENCAPSULATED = Encoding()

_PREFIX = b"1.2.840.10008.1.2"
_KNOWN = {
    _PREFIX: _IMPLICIT,
    _PREFIX + b".1": _EXPLICIT,
    _PREFIX + b".1.98": _ENCAPSULATED,  # Encapsulated Uncompressed Explicit VR Little Endian
    _PREFIX + b".1.99": _DEFLATED,
    _PREFIX + b".2": Encoding(big_endian=True, encapsulated=False),
    _PREFIX + b".4.94": _EXPLICIT,  # JPIP Referenced
    _PREFIX + b".4.95": _DEFLATED,  # JPIP Referenced Deflate
    _PREFIX + b".4.204": _EXPLICIT,  # JPIP HTJ2K Referenced
    _PREFIX + b".4.205": _DEFLATED,  # JPIP HTJ2K Referenced Deflate
    _PREFIX + b".5": _ENCAPSULATED,  # RLE Lossless
    _PREFIX + b".8.1": _ENCAPSULATED,  # Deflated Image Frame Compression: frames of deflated bytes
    b"1.2.840.10008.1.20": _IMPLICIT,  # Papyrus 3, retired
    b"1.2.840.113619.5.2": _IMPLICIT,  # GE: its pixel data is big endian, which changes no stored byte
}
_CODECS = (_PREFIX + b".4.", _PREFIX + b".7.")
"""Codecs, and the real-time video of DICOM-RTV."""


def encoding_of(transfer_syntax: bytes) -> Encoding:
    """Return the encoding of *transfer_syntax* (a UID); of one that is not receivable, that of the codecs."""
    return _KNOWN.get(transfer_syntax, _ENCAPSULATED)


def is_receivable(transfer_syntax: bytes) -> bool:
    """Return True if it is known how data sets in *transfer_syntax* (a UID) are encoded."""
    return transfer_syntax in _KNOWN or transfer_syntax.startswith(_CODECS)
