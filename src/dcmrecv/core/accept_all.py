"""``--accept-all`` (an addition): which abstract syntaxes are storage, found without a table of them.

The rule for a proposed abstract syntax, which must be a UID of 1 to 64 digits and dots:

1. Verification is accepted.
2. Below DICOM's own root 1.2.840.10008 it is storage if it begins with 1.2.840.10008.5.1.4.1.1. (PS3.4
   annex B.5 puts storage classes there, future ones too) and is not one of the query, retrieve and creation
   classes that were put there as well; or if it is one of the few storage classes with a place elsewhere.
3. Any other root is private: accepted, unless it is known not to be storage.

Of the proposed transfer syntaxes the first that can be received is taken: the sender knows best what it has.
"""

from __future__ import annotations

from dcmrecv.core.limits import UID_LENGTH

__all__ = ["is_storage"]

_VERIFICATION = b"1.2.840.10008.1.1"
_DICOM_ROOT = b"1.2.840.10008."
_STORAGE_ROOT = b"1.2.840.10008.5.1.4.1.1."

_NOT_STORAGE = frozenset(
    [
        _STORAGE_ROOT + suffix for suffix in (b"200.4", b"200.5", b"200.6")
    ]  # protocol approval: FIND, MOVE, GET
    + [_STORAGE_ROOT + b"201.%d" % number for number in range(2, 7)]  # inventory: FIND to repository query
    + [
        b"1.2.276.0.7230010.3.4.1915765545.18030.917282194.0",  # DCMTK's private shutdown class
        b"1.2.40.0.13.1.5.1.4.1.2.1.1",  # dcm4che's private patient root FIND
        b"1.2.40.0.13.1.5.1.4.1.2.2.1",  # dcm4che's private study root FIND
    ]
)

_STORAGE_ELSEWHERE = frozenset(
    [
        b"1.2.840.10008.5.1.1.27",  # Stored Print (retired)
        b"1.2.840.10008.5.1.1.29",  # Hardcopy Grayscale Image (retired)
        b"1.2.840.10008.5.1.1.30",  # Hardcopy Color Image (retired)
        b"1.2.840.10008.5.1.4.34.1",  # RT Beams Delivery Instruction, trial (retired)
        b"1.2.840.10008.5.1.4.34.7",  # RT Beams Delivery Instruction
        b"1.2.840.10008.5.1.4.34.10",  # RT Brachy Application Setup Delivery Instruction
        b"1.2.840.10008.5.1.4.38.1",  # Hanging Protocol
        b"1.2.840.10008.5.1.4.39.1",  # Color Palette
        b"1.2.840.10008.5.1.4.43.1",  # Generic Implant Template
        b"1.2.840.10008.5.1.4.44.1",  # Implant Assembly Template
        b"1.2.840.10008.5.1.4.45.1",  # Implant Template Group
    ]
)


def is_storage(abstract_syntax: bytes) -> bool:
    """Return whether *abstract_syntax* (a UID as proposed) is taken as storage or Verification."""
    if not 0 < len(abstract_syntax) <= UID_LENGTH or not abstract_syntax.replace(b".", b"").isdigit():
        return False
    if not abstract_syntax.startswith(_DICOM_ROOT):
        return abstract_syntax not in _NOT_STORAGE
    if abstract_syntax.startswith(_STORAGE_ROOT):
        return abstract_syntax not in _NOT_STORAGE
    return abstract_syntax in _STORAGE_ELSEWHERE or abstract_syntax == _VERIFICATION
