"""The long names of transfer syntaxes in log lines (spec/network.md f.1 rows 19 and 27)."""

from __future__ import annotations

from typing import Final

from dcmrecv.text import from_bytes

__all__ = ["LONG_NAMES", "long_name"]

LONG_NAMES: Final[dict[bytes, str]] = {
    b"1.2.840.10008.1.2": "Little Endian Implicit",
    b"1.2.840.10008.1.2.1": "Little Endian Explicit",
    b"1.2.840.10008.1.2.2": "Big Endian Explicit",
    b"1.2.840.10008.1.2.4.50": "JPEG Baseline",
    b"1.2.840.10008.1.2.4.51": "JPEG Extended, Process 2+4",
    b"1.2.840.10008.1.2.4.52": "JPEG Extended, Process 3+5",
    b"1.2.840.10008.1.2.4.53": "JPEG Spectral Selection, Non-hierarchical, Process 6+8",
    b"1.2.840.10008.1.2.4.54": "JPEG Spectral Selection, Non-hierarchical, Process 7+9",
    b"1.2.840.10008.1.2.4.55": "JPEG Full Progression, Non-hierarchical, Process 10+12",
    b"1.2.840.10008.1.2.4.56": "JPEG Full Progression, Non-hierarchical, Process 11+13",
    b"1.2.840.10008.1.2.4.57": "JPEG Lossless, Non-hierarchical, Process 14",
    b"1.2.840.10008.1.2.4.58": "JPEG Lossless, Non-hierarchical, Process 15",
    b"1.2.840.10008.1.2.4.59": "JPEG Extended, Hierarchical, Process 16+18",
    b"1.2.840.10008.1.2.4.60": "JPEG Extended, Hierarchical, Process 17+19",
    b"1.2.840.10008.1.2.4.61": "JPEG Spectral Selection, Hierarchical, Process 20+22",
    b"1.2.840.10008.1.2.4.62": "JPEG Spectral Selection, Hierarchical, Process 21+23",
    b"1.2.840.10008.1.2.4.63": "JPEG Full Progression, Hierarchical, Process 24+26",
    b"1.2.840.10008.1.2.4.64": "JPEG Full Progression, Hierarchical, Process 25+27",
    b"1.2.840.10008.1.2.4.65": "JPEG Lossless, Hierarchical, Process 28",
    b"1.2.840.10008.1.2.4.66": "JPEG Lossless, Hierarchical, Process 29",
    b"1.2.840.10008.1.2.4.70": "JPEG Lossless, Non-hierarchical, 1st Order Prediction",
    b"1.2.840.10008.1.2.5": "RLE Lossless",
    b"1.2.840.10008.1.2.1.99": "Deflated Explicit VR Little Endian",
    b"1.2.840.10008.1.2.4.80": "JPEG-LS Lossless",
    b"1.2.840.10008.1.2.4.81": "JPEG-LS Lossy (Near-lossless)",
    b"1.2.840.10008.1.2.4.90": "JPEG 2000 (Lossless only)",
    b"1.2.840.10008.1.2.4.91": "JPEG 2000 (Lossless or Lossy)",
    b"1.2.840.10008.1.2.4.92": "JPEG 2000 Part 2 Multicomponent Image Compression (Lossless only)",
    b"1.2.840.10008.1.2.4.93": "JPEG 2000 Part 2 Multicomponent Image Compression (Lossless or Lossy)",
    b"1.2.840.10008.1.2.4.94": "JPIP Referenced",
    b"1.2.840.10008.1.2.4.95": "JPIP Referenced Deflate",
    b"1.2.840.10008.1.2.4.100": "MPEG2 Main Profile @ Main Level",
    b"1.2.840.10008.1.2.4.100.1": "Fragmentable MPEG2 Main Profile / Main Level",
    b"1.2.840.10008.1.2.4.101": "MPEG2 Main Profile @ High Level",
    b"1.2.840.10008.1.2.4.101.1": "Fragmentable MPEG2 Main Profile / High Level",
    b"1.2.840.10008.1.2.4.102": "MPEG-4 AVC/H.264 High Profile / Level 4.1",
    b"1.2.840.10008.1.2.4.102.1": "Fragmentable MPEG-4 AVC/H.264 High Profile / Level 4.1",
    b"1.2.840.10008.1.2.4.103": "MPEG-4 AVC/H.264 BD-compatible High Profile / Level 4.1",
    b"1.2.840.10008.1.2.4.103.1": "Fragmentable MPEG-4 AVC/H.264 BD-compatible High Profile / Level 4.1",
    b"1.2.840.10008.1.2.4.104": "MPEG-4 AVC/H.264 High Profile / Level 4.2 For 2D Video",
    b"1.2.840.10008.1.2.4.104.1": "Fragmentable MPEG-4 AVC/H.264 High Profile / Level 4.2 For 2D Video",
    b"1.2.840.10008.1.2.4.105": "MPEG-4 AVC/H.264 High Profile / Level 4.2 For 3D Video",
    b"1.2.840.10008.1.2.4.105.1": "Fragmentable MPEG-4 AVC/H.264 High Profile / Level 4.2 For 3D Video",
    b"1.2.840.10008.1.2.4.106": "MPEG-4 AVC/H.264 Stereo High Profile / Level 4.2",
    b"1.2.840.10008.1.2.4.106.1": "Fragmentable MPEG-4 AVC/H.264 Stereo High Profile / Level 4.2",
    b"1.2.840.10008.1.2.4.107": "HEVC/H.265 Main Profile / Level 5.1",
    b"1.2.840.10008.1.2.4.108": "HEVC/H.265 Main 10 Profile / Level 5.1",
    b"1.2.840.113619.5.2": "Private GE Little Endian Implicit with big endian pixel data",
}
"""Name by UID; these are the ones DCMTK 3.6.8 knows."""


def long_name(uid: bytes) -> str:
    """Return the name of the transfer syntax *uid*, or the UID itself if it has none."""
    return LONG_NAMES.get(uid) or from_bytes(uid)
