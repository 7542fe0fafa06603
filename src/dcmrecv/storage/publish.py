"""How an object becomes a file: written under a hidden name, then renamed. Never anything half-written.

The temporary lies in the output directory. Without ``+ssd`` that is the target directory; with it the object's
directory is made only when the object is complete, so that a transfer that fails leaves nothing behind at all.
"""

from __future__ import annotations

import errno
import mmap
import os
import stat
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from dcmrecv.config import StorageConfig
from dcmrecv.storage.directories import OutputDirectory
from dcmrecv.storage.sync import DirectorySync
from dcmrecv.storage.temporary import TemporaryNames

__all__ = ["Buffer", "FileError", "NameTaken", "NoName", "ObjectFile", "Publisher", "Target"]

Buffer = bytes | bytearray | memoryview

_IOV_MAX = 1024
_COPY_BLOCK = 1 << 20
_CREATE = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_SURELY_A_NAME = 255
"""A path of so many bytes is not refused for its length on any file system that matters (NAME_MAX)."""
_WRITE_FAILED = "I/O suspension or premature end of stream"
_NO_HARD_LINKS = {errno.EPERM, errno.ENOTSUP, errno.ENOSYS, errno.EMLINK}


class FileError(Exception):
    """A file cannot be created, written or published; `text` is what the reference says of it."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.text = text


class NoName(FileError):
    """No name can be made for an object, because the system cannot say whether there is one like it."""

    def __init__(self) -> None:
        super().__init__("Could not generate filename")


class NameTaken(Exception):
    """The name exists and must not be replaced."""


class Target:
    """Where an object is to appear: a directory, open if it lies below the output directory, and a name."""

    __slots__ = ("_nothing_there", "directory", "path")

    def __init__(self, path: bytes, directory: int | None = None) -> None:
        self.directory = directory
        """Descriptor that the name is relative to; None: the path is used as it is."""
        self.path = path
        """Full path, or the bare name when `directory` is open."""
        self._nothing_there = False

    def exists(self) -> bool:
        """True if there is something under the name; links are followed, as the reference does to warn."""
        found = os.access(self.path, os.F_OK, dir_fd=self.directory)
        self._nothing_there = not found and len(self.path) <= _SURELY_A_NAME
        return found

    def is_taken(self) -> bool:
        """As `exists`, but raises `NoName` if the system cannot tell (spec/storage.md 5.4)."""
        try:
            os.stat(self.path, dir_fd=self.directory)
        except FileNotFoundError:
            return False
        except OSError:
            raise NoName from None
        return True

    def is_directory(self) -> bool:
        """True if the name is a directory's."""
        try:
            return stat.S_ISDIR(os.lstat(self.path, dir_fd=self.directory).st_mode)
        except OSError:
            return False

    def check(self) -> None:
        """Refuse what the reference could not open for writing. Raises `FileError`."""
        if self._nothing_there:
            return
        try:
            mode = os.lstat(self.path, dir_fd=self.directory).st_mode
        except FileNotFoundError:
            return
        except OSError as error:
            raise FileError(os.strerror(error.errno or 0)) from None
        if stat.S_ISDIR(mode):
            raise FileError(os.strerror(errno.EISDIR))
        if not stat.S_ISLNK(mode) and not os.access(self.path, os.W_OK, dir_fd=self.directory):
            raise FileError(os.strerror(errno.EACCES))


class Publisher:
    """What the files of one process share: where they go and how durable they are."""

    def __init__(self, config: StorageConfig, output: OutputDirectory) -> None:
        self.output = output
        self.names = TemporaryNames()
        self.fsync = config.fsync
        self.directories = DirectorySync()

    def new_file(self) -> ObjectFile:
        """Return a file that is not open yet."""
        return ObjectFile(self)


class ObjectFile:
    """One object on its way to disk. Every way out of it leaves either the whole object or nothing."""

    def __init__(self, publisher: Publisher) -> None:
        self._publisher = publisher
        self._path = publisher.output.path + b"/" + publisher.names.next()
        self._descriptor = -1
        self.size = 0

    @property
    def is_open(self) -> bool:
        """True between `open` and the end of the object."""
        return self._descriptor >= 0

    def open(self) -> None:
        """Create the temporary, and the output directory if it vanished.

        Raises `FileError`, or `DirectoryError` if there is no directory and none can be made.
        """
        try:
            self._descriptor = os.open(self._path, _CREATE, 0o666)
        except (FileNotFoundError, NotADirectoryError):
            self._publisher.output.ensure()
            try:
                self._descriptor = os.open(self._path, _CREATE, 0o666)
            except OSError as error:
                raise FileError(os.strerror(error.errno or 0)) from None
        except OSError as error:
            raise FileError(os.strerror(error.errno or 0)) from None

    def write(self, chunks: Sequence[Buffer]) -> None:
        """Append *chunks*. Raises `FileError` and removes the file if they cannot be written."""
        try:
            if len(chunks) <= _IOV_MAX:
                self._write(chunks)
            else:
                for start in range(0, len(chunks), _IOV_MAX):
                    self._write(chunks[start : start + _IOV_MAX])
        except OSError:
            self.discard()
            raise FileError(_WRITE_FAILED) from None

    def _write(self, chunks: Sequence[Buffer]) -> None:
        """Append at most `_IOV_MAX` *chunks*."""
        descriptor = self._descriptor
        written = os.writev(descriptor, chunks)
        self.size += written
        if written == sum(map(len, chunks)):
            return
        rest = memoryview(b"".join(chunks))[written:]
        while rest:
            written = os.write(descriptor, rest)
            if not written:
                raise OSError(errno.EIO, "nothing written")
            self.size += written
            rest = rest[written:]

    def patch(self, offset: int, data: bytes) -> None:
        """Overwrite *data* at *offset* of the file. Raises `FileError` as `write` does."""
        try:
            if os.pwrite(self._descriptor, data, offset) != len(data):
                raise OSError(errno.EIO, "short write")
        except OSError:
            self.discard()
            raise FileError(_WRITE_FAILED) from None

    def blocks(self, offset: int = 0) -> Iterator[bytes]:
        """Yield the content from *offset* on in blocks of bounded size. Raises `FileError`."""
        try:
            while block := os.pread(self._descriptor, _COPY_BLOCK, offset):
                yield block
                offset += len(block)
        except OSError as error:
            raise FileError(os.strerror(error.errno or 0)) from None

    @contextmanager
    def mapped(self) -> Iterator[memoryview]:
        """Map the content into memory, read only, inside the ``with`` block. Raises `FileError`."""
        if not self.size:
            yield memoryview(b"")
            return
        try:
            mapping = mmap.mmap(self._descriptor, self.size, access=mmap.ACCESS_READ)
        except OSError as error:
            raise FileError(os.strerror(error.errno or 0)) from None
        # Not closed here: when writing fails, the error still refers to parts of it for a while.
        with memoryview(mapping) as view:
            yield view

    def append_from(self, other: ObjectFile) -> None:
        """Append all of *other*, which stays open. Raises `FileError` as `write` does."""
        try:
            for block in other.blocks():
                self._write([block])
        except OSError:
            self.discard()
            raise FileError(_WRITE_FAILED) from None

    def close(self) -> None:
        """End writing: with the publisher's `fsync` the content is on disk. Raises `FileError` as `write`."""
        if self._descriptor < 0:
            return
        try:
            if self._publisher.fsync:
                os.fsync(self._descriptor)
            descriptor, self._descriptor = self._descriptor, -1
            os.close(descriptor)  # the last place where a network file system may report a full disk
        except OSError:
            self.discard()
            raise FileError(_WRITE_FAILED) from None

    def publish(self, target: Target, *, replace: bool = True) -> None:
        """Give the object its name. With the publisher's `fsync` it is on disk before and after.

        Raises `FileError` after the temporary was removed; `NameTaken`, with the temporary kept, if *replace*
        is false and the name exists.
        """
        self.close()
        sync = self._publisher.fsync
        try:
            if replace:
                self._rename(target)
            else:
                self._link(target)
            if sync:
                self._sync_directory(target)
        except OSError as error:
            self.discard()
            raise FileError(os.strerror(error.errno or 0)) from None
        self._path = b""

    def _rename(self, target: Target) -> None:
        try:
            os.rename(self._path, target.path, dst_dir_fd=target.directory)
        except OSError as error:
            if error.errno != errno.EXDEV or target.directory is None:
                raise
            self._copy_across(target, target.directory)

    def _link(self, target: Target) -> None:
        try:
            os.link(self._path, target.path, dst_dir_fd=target.directory, follow_symlinks=False)
        except FileExistsError:
            raise NameTaken from None
        except OSError as error:
            if error.errno not in _NO_HARD_LINKS and error.errno != errno.EXDEV:
                raise
            if target.exists():
                raise NameTaken from None
            self._rename(target)
        else:
            os.unlink(self._path)

    def _copy_across(self, target: Target, directory: int) -> None:
        """Move the object to another file system (a mount below the output directory), atomically there."""
        name = os.path.basename(self._path)
        copy = os.open(name, _CREATE, 0o666, dir_fd=directory)
        try:
            with open(self._path, "rb") as source:
                while block := source.read(_COPY_BLOCK):
                    rest = memoryview(block)
                    while rest:
                        written = os.write(copy, rest)
                        if not written:
                            raise OSError(errno.EIO, "nothing written")
                        rest = rest[written:]
            if self._publisher.fsync:
                os.fsync(copy)
            # even a close that fails gives the number back, perhaps to another thread at once
            descriptor, copy = copy, -1
            os.close(descriptor)
            os.rename(name, target.path, src_dir_fd=directory, dst_dir_fd=directory)
        except OSError:
            os.unlink(name, dir_fd=directory)
            raise
        finally:
            if copy >= 0:
                os.close(copy)
        os.unlink(self._path)

    def _sync_directory(self, target: Target) -> None:
        if target.directory is not None:
            self._publisher.directories.sync(target.directory)
            return
        descriptor = os.open(
            os.path.dirname(target.path) or b"/", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
        )
        try:
            self._publisher.directories.sync(descriptor)
        finally:
            os.close(descriptor)

    def discard(self) -> None:
        """Remove the temporary, if there is one. A file system that refuses even that leaves an orphan."""
        path, self._path = self._path, b""
        descriptor, self._descriptor = self._descriptor, -1
        if descriptor >= 0:
            try:
                os.close(descriptor)
            except OSError as error:
                if error.errno == errno.EBADF:
                    raise
        if path:
            try:
                os.unlink(path)
            except OSError as error:
                if error.errno == errno.EBADF:
                    raise
