"""Pieces of output: what a rewritten data set consists of."""

from __future__ import annotations

__all__ = ["Buffer", "joined"]

Buffer = bytes | bytearray | memoryview

_FEW = 8
_JOIN_BELOW = 512
"""Pieces that are smaller than this on average are joined: one copy costs less than a vector for each."""


def joined(pieces: list[Buffer]) -> list[Buffer]:
    """Return *pieces*, or all in one where they are many and small."""
    if len(pieces) > _FEW and sum(map(len, pieces)) < len(pieces) * _JOIN_BELOW:
        return [b"".join(pieces)]
    return pieces
