"""Who we say we are on the wire and in stored files (PS3.7 Annex D.3.3.2, PS3.10 section 7.1)."""

from __future__ import annotations

from dcmrecv._version import __version__

__all__ = [
    "IMPLEMENTATION_CLASS_UID",
    "IMPLEMENTATION_VERSION_NAME",
    "REFERENCE_BANNER",
    "__version__",
]

IMPLEMENTATION_CLASS_UID = b"2.25.53960173962688077417891841739279351970"
"""A UUID-derived UID (PS3.5 Annex B.2) made once for this program."""

IMPLEMENTATION_VERSION_NAME = b"PYDCMRECV_" + __version__.replace(".", "").encode("ascii")[:6]
"""At most 16 bytes (PS3.7 D.3.3.2.3)."""

REFERENCE_BANNER = "$dcmtk: dcmrecv v3.6.8 2023-12-19 $"
"""The line wrappers look for; it stays the reference's (``docs/differences.md``)."""
