"""Transfer syntaxes as the data set parser sees them (PS3.5 A; spec/storage.md 1)."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Encoding", "encoding_of"]


@dataclass(frozen=True, slots=True)
class Encoding:
    """How a data set is encoded."""

    explicit: bool = True
    big_endian: bool = False
    encapsulated: bool = True
    deflated: bool = False


_PREFIX = b"1.2.840.10008.1.2"
_NATIVE = {
    _PREFIX: Encoding(explicit=False, encapsulated=False),
    _PREFIX + b".1": Encoding(encapsulated=False),
    _PREFIX + b".1.99": Encoding(encapsulated=False, deflated=True),
    _PREFIX + b".2": Encoding(big_endian=True, encapsulated=False),
}
_ENCAPSULATED = Encoding()


def encoding_of(transfer_syntax: bytes) -> Encoding:
    """Return the encoding of *transfer_syntax* (UID); every other one is encapsulated, little endian."""
    return _NATIVE.get(transfer_syntax, _ENCAPSULATED)
