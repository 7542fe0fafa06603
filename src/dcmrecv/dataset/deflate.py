"""Deflated Explicit VR Little Endian: raw deflate in and out, in bounded steps (PS3.5 A.5; spec/storage.md 3.9)."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator

from dcmrecv import conditions
from dcmrecv.dataset import limits
from dcmrecv.dataset.errors import DataSetError, limit_exceeded
from dcmrecv.dataset.memory import Buffer

__all__ = ["Deflater", "Inflater"]

_RAW = -15
_LEVEL = 6
_MEMORY_LEVEL = 8


class Inflater:
    """Inflates a raw deflate stream; what follows its end is dropped."""

    def __init__(self, *, own: bool = False) -> None:
        """*own*: the stream is one that we have deflated; its ratio is not looked at."""
        self._zlib = zlib.decompressobj(_RAW)
        self._own = own
        self._taken = 0
        self._total = 0
        self._done = False

    def feed(self, view: memoryview) -> Iterator[tuple[bytes, bool]]:
        """Yield (inflated bytes, whether the stream ends with them), at most `limits.INFLATE_STEP` bytes each.

        Raises DataSetError for damaged data, beyond `limits.MAX_INFLATED`, and for more than
        `limits.MAX_INFLATE_RATIO` times the bytes received beyond `limits.INFLATE_UNRATED`.
        """
        self._taken += len(view)
        data: bytes | memoryview = view
        held = b""
        while not self._done:
            try:
                piece = self._zlib.decompress(data, limits.INFLATE_STEP)
            except zlib.error as error:
                if held:
                    yield held, False
                raise DataSetError(conditions.zlib_error(_message(error))) from None
            self._total += len(piece)
            self._check_size()
            data = self._zlib.unconsumed_tail
            self._done = self._zlib.eof
            if held and piece:
                yield held, False
                held = b""
            held = piece or held
            if not data and len(piece) < limits.INFLATE_STEP:
                break
        if held:
            yield held, self._done

    def _check_size(self) -> None:
        if self._total > limits.MAX_INFLATED:
            raise limit_exceeded("size of the inflated data set")
        rated = self._total > limits.INFLATE_UNRATED and not self._own
        if rated and self._total > limits.MAX_INFLATE_RATIO * self._taken:
            raise limit_exceeded("ratio of the inflated data set to the deflated one")

    @property
    def done(self) -> bool:
        """The end of the deflate stream was seen."""
        return self._done


def _message(error: zlib.error) -> str:
    """Return zlib's own message out of "Error -3 while decompressing data: invalid block type"."""
    return str(error).partition(": ")[2]


class Deflater:
    """Deflates as the reference does: level 6, memLevel 8, default strategy."""

    def __init__(self) -> None:
        self._zlib = zlib.compressobj(_LEVEL, zlib.DEFLATED, _RAW, _MEMORY_LEVEL)
        self._out: list[Buffer] = []

    def feed(self, pieces: Iterable[Buffer]) -> None:
        """Take uncompressed bytes."""
        compress = self._zlib.compress
        for piece in pieces:
            data = compress(piece)
            if data:
                self._out.append(data)

    def take(self) -> list[Buffer]:
        """Return the compressed bytes that are ready."""
        out = self._out
        self._out = []
        return out

    def finish(self) -> list[Buffer]:
        """End the stream; return the rest of it."""
        self._out.append(self._zlib.flush())
        return self.take()
