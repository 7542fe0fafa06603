"""A data set that was received for a program's handler: in memory while it is small, then in a temporary file.

What handlers ask to have in memory, as it came, decoded or inflated, is counted against one budget.
"""

from __future__ import annotations

import os
import tempfile
import threading
import zlib
from collections.abc import Iterator, Sequence
from contextlib import suppress
from io import BytesIO
from pathlib import Path
from typing import BinaryIO

__all__ = ["HANDLER_MEMORY", "IN_MEMORY", "HandlerMemory", "HandlerMemoryError", "ReceivedDataSet"]

HANDLER_MEMORY = 1 << 30
"""Bytes of data sets held for EVT_C_STORE handlers at the same time, all associations together."""

IN_MEMORY = 1 << 20
"""Bytes of a data set up to which it is not written to a temporary file."""

_BLOCK = 1 << 20


class HandlerMemoryError(MemoryError):
    """A data set does not fit into what is left of the memory for handlers."""


class HandlerMemory:
    """What is left of the memory for handlers. Shared by the threads of a server."""

    def __init__(self, limit: int = HANDLER_MEMORY) -> None:
        self._left = limit
        self._lock = threading.Lock()

    def take(self, count: int) -> bool:
        """Take *count* bytes, a negative number gives back; False if there are not so many."""
        with self._lock:
            if count > self._left:
                return False
            self._left -= count
            return True


class ReceivedDataSet:
    """One data set. Used by one thread; `close` gives back all it has taken.

    A program may keep an event, and read it later: the data set is then there as long as the event, in memory or in a
    file without a name, and is no part of the budget any more.

    What stands before a data set in a file also stands before it in memory. So the object that most handlers ask for
    is there as a whole: to put its parts together would take longer than to receive it.
    """

    def __init__(self, budget: HandlerMemory, header: bytes) -> None:
        """*header*: what stands before the data set in a file (PS3.10 section 7)."""
        self._budget = budget
        self._begin = len(header)
        self._memory: BytesIO | None = BytesIO()
        self._memory.write(header)
        self._file: BinaryIO | None = None
        self._path: Path | None = None
        self._taken = 0
        self._closed = False
        self.size = 0
        """Bytes of the data set."""

    def write(self, views: Sequence[memoryview]) -> None:
        """Append *views*. Raises OSError if they cannot be written."""
        size = sum(map(len, views))
        if self._memory is not None:
            if self.size + size <= IN_MEMORY and self._take(size):
                self._memory.writelines(views)  # fragments of one byte each cost one byte each
                self.size += size
                return
            self._spill()
            self._memory = None
            self._budget.take(-self._taken)
            self._taken = 0
        assert self._file is not None
        self._file.writelines(views)
        self.size += size

    def _take(self, count: int) -> bool:
        if self._closed:
            return True
        if not self._budget.take(count):
            return False
        self._taken += count
        return True

    def _need(self, count: int) -> None:
        """Count *count* more bytes in memory. Raises `HandlerMemoryError`."""
        if not self._take(count):
            raise HandlerMemoryError(f"no memory left for {count} bytes of a data set")

    def _spill(self) -> None:
        """Go on in a file."""
        descriptor, name = tempfile.mkstemp(prefix="dcmrecv-", suffix=".dcm")
        self._path = Path(name)
        self._file = os.fdopen(descriptor, "w+b")
        if self._memory is not None:
            self._file.write(self._memory.getvalue())

    def path(self) -> Path:
        """Return the path of a file with header and data set; `close` removes what is there by then."""
        self.check_open()
        if self._path is None:
            self._spill()
        assert self._file is not None
        assert self._path is not None
        self._file.flush()
        return self._path

    def _stream(self) -> BinaryIO:
        """Return what has the data set, at its first byte."""
        stream = self._memory or self._file
        assert stream is not None
        stream.seek(self._begin)
        return stream

    def read(self, *, with_header: bool) -> bytes:
        """Return the data set, as it is or behind its header. Raises `HandlerMemoryError`."""
        if with_header and self._memory is not None:
            return self._memory.getvalue()  # a reference to the bytes that are there, no copy
        stream = self.stream()
        if with_header:
            stream.seek(0)
        return stream.read()

    def stream(self) -> BinaryIO:
        """Return the data set to read; what is read of a file counts. Raises `HandlerMemoryError`."""
        if self._memory is None:
            self._need(self.size)
        return self._stream()

    def inflated(self) -> BytesIO:
        """Return the data set inflated (PS3.5 A.5). Raises `HandlerMemoryError`, and zlib.error."""
        inflater = zlib.decompressobj(-zlib.MAX_WBITS)
        out = BytesIO()
        stream = self._stream()
        while not inflater.eof:
            piece = inflater.unconsumed_tail or stream.read(_BLOCK)
            found = inflater.decompress(piece, _BLOCK)
            if not piece and not found:
                raise zlib.error("incomplete deflated data set")
            self._need(len(found))
            out.write(found)
        out.seek(0)
        return out

    def blocks(self) -> Iterator[tuple[memoryview, bool]]:
        """Yield the data set in blocks, and whether it is the last one."""
        if self._memory is not None:
            yield memoryview(self._memory.getvalue())[self._begin :], True
            return
        stream = self._stream()
        block = stream.read(_BLOCK)
        while following := stream.read(_BLOCK):
            yield memoryview(block), False
            block = following
        yield memoryview(block), True

    def check_open(self) -> None:
        """Raise RuntimeError after `close`."""
        if self._closed:
            raise RuntimeError("an object can be stored, and has a file, only until its handler returns")

    def close(self) -> None:
        """Remove the file's name, if it is still there, and give the memory back. May be called again."""
        self._closed = True
        taken, self._taken = self._taken, 0
        self._budget.take(-taken)
        path, self._path = self._path, None
        if path is not None:
            path.unlink(missing_ok=True)

    def __del__(self) -> None:
        if self._file is not None:
            with suppress(OSError):  # of a full disk: what is written now is of no use any more
                self._file.close()
