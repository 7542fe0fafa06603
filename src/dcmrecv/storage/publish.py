"""How an object becomes a file: written under a hidden name, then renamed. Never anything half-written.

The temporary lies in the output directory. Without ``+ssd`` that is the target directory; with it the object's
directory is made only when the object is complete, so that a transfer that fails leaves nothing behind at all.

The descriptor stays open until the object has its name, because the name of the temporary may lead nowhere by
then: an operator has moved the output directory away and made a new one, has pointed a link elsewhere, or has
removed everything. What is open is still the whole object. It gets a temporary in the directory as it is now
(`ObjectFile._move_to`: a hard link, or a copy) and is published from there; the old temporary is removed where it
lies. A duplicate of the descriptor is closed before the rename, since on a network file system the close is the
last place where a full disk is reported.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Callable, Iterator, Sequence

from dcmrecv.config import StorageConfig
from dcmrecv.storage.directories import DirectoryError, OutputDirectory, close_quietly
from dcmrecv.storage.sync import DirectorySync
from dcmrecv.storage.temporary import TemporaryNames, hold

__all__ = [
    "MAX_ATTEMPTS",
    "Buffer",
    "DirectoryGone",
    "FileError",
    "NameTaken",
    "NoName",
    "ObjectFile",
    "Publisher",
    "Target",
]

Buffer = bytes | bytearray | memoryview

MAX_ATTEMPTS = 10
"""Directories that are made again for one object while another process removes or replaces them."""

_IOV_MAX = 1024
_COPY_BLOCK = 1 << 20
_CREATE = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
_SURELY_A_NAME = 255
"""A path of so many bytes is not refused for its length on any file system that matters (NAME_MAX)."""
_WRITE_FAILED = "I/O suspension or premature end of stream"
_NO_RENAME = (errno.ENOSYS, errno.ENOTSUP, errno.EPERM, errno.EINVAL)


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


class DirectoryGone(FileError):
    """The directory of the target was removed or replaced meanwhile; the temporary is kept, to try again."""

    def __init__(self) -> None:
        super().__init__(os.strerror(errno.ENOENT))


class Target:
    """Where an object is to appear: a directory, open if it lies below the output directory, and a name."""

    __slots__ = ("directory", "path")

    def __init__(self, path: bytes, directory: int | None = None) -> None:
        self.directory = directory
        """Descriptor that the name is relative to; None: the path is used as it is."""
        self.path = path
        """Full path, or the bare name when `directory` is open."""

    def exists(self) -> bool:
        """True if there is something under the name; links are followed, as the reference does to warn."""
        return os.access(self.path, os.F_OK, dir_fd=self.directory)

    def check(self, exists: bool) -> None:
        """Refuse what the reference could not open for writing; *exists* is what `exists` has returned.

        Raises `FileError`.
        """
        if exists or len(self.path) > _SURELY_A_NAME:
            self._refuse_unwritable()

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

    def is_file(self, descriptor: int) -> bool:
        """True if the name is one of the open file's."""
        try:
            return os.path.samestat(os.lstat(self.path, dir_fd=self.directory), os.fstat(descriptor))
        except OSError:
            return False

    def _refuse_unwritable(self) -> None:
        try:
            mode = os.lstat(self.path, dir_fd=self.directory).st_mode
        except FileNotFoundError:
            return
        except OSError as error:
            raise _refused(error) from None
        if stat.S_ISDIR(mode):
            raise FileError(os.strerror(errno.EISDIR))
        if not stat.S_ISLNK(mode) and not os.access(self.path, os.W_OK, dir_fd=self.directory):
            raise FileError(os.strerror(errno.EACCES))


class Publisher:
    """What the files of one process share: where they go and how durable they are."""

    def __init__(
        self, config: StorageConfig, output: OutputDirectory, room: Callable[[], bool] | None = None
    ) -> None:
        """*room* says whether there is room to write more; None: not asked (``--min-free-space``)."""
        self.output = output
        self.names = TemporaryNames(output.path)
        self.fsync = config.fsync
        self.room = room
        self.directories = DirectorySync()


class ObjectFile:
    """One object on its way to disk. Every way out of it leaves either the whole object or nothing."""

    __slots__ = ("_descriptor", "_flushed", "_parent", "_path", "_publisher", "size")

    def __init__(self, publisher: Publisher) -> None:
        self._publisher = publisher
        self._path = publisher.names.path()
        self._parent: int | None = None  # of the path, an open directory, if the object had to move
        self._descriptor = -1
        self._flushed = False
        self.size = 0

    def is_open(self) -> bool:
        """Return True while there is a temporary, neither published nor discarded."""
        return self._descriptor >= 0

    def open(self) -> None:
        """Create the temporary, and the output directory if it vanished.

        Raises `FileError`, or `DirectoryError` if there is no directory and none can be made.
        """
        publisher = self._publisher
        if publisher.room is not None and not publisher.room():
            raise FileError(os.strerror(errno.ENOSPC))
        publisher.output.look()
        attempts = MAX_ATTEMPTS
        while self._descriptor < 0:
            try:
                self._descriptor = os.open(self._path, _CREATE, 0o666)
            except (FileNotFoundError, NotADirectoryError) as error:
                publisher.output.ensure()
                attempts -= 1
                if not attempts:
                    raise _refused(error) from None
            except OSError as error:
                raise _refused(error) from None

    def hold(self) -> None:
        """Show other processes that the temporary is being written: one call when more is to come later."""
        hold(self._descriptor)

    # -- content ---------------------------------------------------------------------------------------

    def write(self, chunks: Sequence[Buffer]) -> None:
        """Append *chunks*. Raises `FileError` and removes the file if they cannot be written."""
        if self._publisher.room is not None and not self._publisher.room():
            self.discard()
            raise FileError(os.strerror(errno.ENOSPC))
        try:
            while len(chunks) > _IOV_MAX:
                self._write(chunks[:_IOV_MAX])
                chunks = chunks[_IOV_MAX:]
            self._write(chunks)
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
        self.size += len(rest)
        _write_all(descriptor, rest)

    def patch(self, offset: int, data: bytes) -> None:
        """Overwrite *data* at *offset* of the file. Raises `FileError` as `write` does."""
        try:
            if os.pwrite(self._descriptor, data, offset) != len(data):
                raise OSError(errno.EIO, "short write")
        except OSError:
            self.discard()
            raise FileError(_WRITE_FAILED) from None

    def read(self, offset: int, size: int) -> bytes:
        """Return exactly *size* bytes at *offset*. Raises `FileError`.

        No mapping of the file: a page that cannot be read would end the whole process (SIGBUS).
        """
        try:
            data = os.pread(self._descriptor, size, offset)
            while len(data) < size:
                more = os.pread(self._descriptor, size - len(data), offset + len(data))
                if not more:
                    raise OSError(errno.EIO, "the file became shorter")
                data += more
        except OSError as error:
            raise _refused(error) from None
        return data

    def blocks(self, offset: int = 0) -> Iterator[bytes]:
        """Yield the content from *offset* on in blocks of bounded size. Raises `FileError`."""
        while offset < self.size:
            block = self.read(offset, min(_COPY_BLOCK, self.size - offset))
            yield block
            offset += len(block)

    def append_from(self, other: ObjectFile) -> None:
        """Append all of *other*, which stays open. Raises `FileError` as `write` does."""
        for block in other.blocks():
            self.write([block])

    def flush(self) -> None:
        """End writing: with the publisher's `fsync` the content is on disk. Raises `FileError` as `write`."""
        if self._flushed:
            return
        self._flushed = True
        try:
            if self._publisher.fsync:
                os.fsync(self._descriptor)
            os.close(os.dup(self._descriptor))  # where a network file system may report a full disk at last
        except OSError:
            self.discard()
            raise FileError(_WRITE_FAILED) from None

    # -- publication -----------------------------------------------------------------------------------

    def publish(self, target: Target, *, replace: bool = True) -> None:
        """Give the object its name. With the publisher's `fsync` it is on disk before and after.

        Raises `FileError` after the temporary was removed. The temporary is kept if the caller may try again:
        `NameTaken` if *replace* is false and the name exists, `DirectoryGone` if the target's directory has to
        be opened again. Raises `DirectoryError` if the output directory is gone and cannot be made again.
        """
        if not self._flushed:
            self.flush()
        place = self._rename if replace else self._link
        try:
            try:
                place(target)
            except FileNotFoundError:
                self._place_again(target, place)
            self._path = b""  # whatever fails from here on: the file stays
            if self._publisher.fsync:
                self._sync_directory(target)
        except OSError as error:
            self.discard()
            raise _refused(error) from None
        except DirectoryError:
            self.discard()
            raise
        self._close()

    def _place_again(self, target: Target, place: Callable[[Target], None]) -> None:
        """*place*, for which a directory was missing."""
        for _ in range(MAX_ATTEMPTS):
            if target.is_file(self._descriptor):
                return  # a network file system has done it and says so late
            name = os.path.basename(target.path)
            if target.directory is None:
                if os.path.dirname(target.path) != self._publisher.output.shown:
                    break  # a slash in the extension
                directory = self._publisher.output.open()
            else:
                directory = os.dup(target.directory)
            try:
                self._move_to(directory)
                place(Target(name, directory))
            except FileNotFoundError:
                if target.directory is not None:
                    raise DirectoryGone from None
            else:
                return
            try:
                place(target)
            except FileNotFoundError:
                continue
            return
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT))

    def _rename(self, target: Target) -> None:
        try:
            os.rename(self._path, target.path, src_dir_fd=self._parent, dst_dir_fd=target.directory)
        except FileNotFoundError:
            raise
        except OSError as error:
            if error.errno == errno.EXDEV and target.directory is not None:
                self._copy_across(target, target.directory)
            elif error.errno in _NO_RENAME:
                self._link_instead(target, error)
            else:
                raise

    def _link_instead(self, target: Target, reason: OSError) -> None:
        """Publish where nothing can be renamed, unless there is an older object, which cannot be replaced."""
        try:
            self._link_to(target)
        except OSError:
            raise reason from None
        self._drop_name()

    def _link_to(self, target: Target) -> None:
        os.link(
            self._path,
            target.path,
            src_dir_fd=self._parent,
            dst_dir_fd=target.directory,
            follow_symlinks=False,
        )

    def _link(self, target: Target) -> None:
        try:
            self._link_to(target)
        except FileExistsError:
            # unless a network file system has done it and says so late
            if not target.is_file(self._descriptor):
                raise NameTaken from None
        except FileNotFoundError:
            raise
        except OSError:
            # No hard links here, whatever the system calls it: EPERM, EINVAL (CIFS), EIO (rclone), EACCES ...
            if target.exists():
                raise NameTaken from None
            self._rename(target)
            return
        self._drop_name()  # should it stay: the object is stored, and a start will remove the other name

    def _copy_across(self, target: Target, directory: int) -> None:
        """Move the object to another file system (a mount below the output directory), atomically there."""
        name = os.path.basename(self._path)
        copy = self._copy(name, directory)
        close_quietly(copy)
        try:
            os.rename(name, target.path, src_dir_fd=directory, dst_dir_fd=directory)
        except OSError:
            _remove(name, directory)
            raise
        self._drop_name()

    def _move_to(self, directory: int) -> None:
        """Give the object a temporary in *directory*, which is kept open, and remove the old one.

        From then on the object is independent of what others do to the names of directories. Raises OSError.
        """
        name = self._publisher.names.name()
        old, old_name = self._descriptor, os.path.basename(self._path)
        try:
            try:
                os.link(b"/proc/self/fd/%d" % old, name, dst_dir_fd=directory, follow_symlinks=True)
            except OSError:  # another file system, or the temporary was removed
                self._descriptor = self._copy(name, directory)
                if not _remove_open(old, old_name):
                    _empty(old)
            else:
                self._descriptor = os.open(name, os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=directory)
                _remove_open(old, old_name)
        except OSError:
            close_quietly(directory)
            raise
        close_quietly(old)
        if self._parent is not None:
            close_quietly(self._parent)
        self._path, self._parent = name, directory

    def _copy(self, name: bytes, directory: int) -> int:
        """Return the descriptor of a whole copy of the object, *name* in *directory*. Raises OSError."""
        copy = os.open(name, _CREATE, 0o666, dir_fd=directory)
        try:
            for block in self.blocks():
                _write_all(copy, memoryview(block))
            if self._publisher.fsync:
                os.fsync(copy)
            os.close(os.dup(copy))
        except (OSError, FileError) as error:
            close_quietly(copy)
            _remove(name, directory)
            if isinstance(error, OSError):
                raise
            raise OSError(errno.EIO, os.strerror(errno.EIO)) from None
        return copy

    def _sync_directory(self, target: Target) -> None:
        known = self._parent if target.directory is None else target.directory
        if known is not None:
            self._publisher.directories.sync(known)
            return
        descriptor = self._open_own_directory()
        if descriptor < 0:
            descriptor = os.open(os.path.dirname(target.path) or b"/", _DIRECTORY)
        try:
            self._publisher.directories.sync(descriptor)
        finally:
            close_quietly(descriptor)

    def _open_own_directory(self) -> int:
        """Open the directory that the file is in, whatever its name is by now; return -1 without /proc."""
        for _ in range(MAX_ATTEMPTS):
            try:
                path = os.readlink(b"/proc/self/fd/%d" % self._descriptor)
                return os.open(os.path.dirname(path), _DIRECTORY)
            except FileNotFoundError:
                continue
            except OSError:
                break
        return -1

    def discard(self) -> None:
        """Remove the temporary, if there is one. A file system that refuses even that leaves an orphan."""
        if self._path and self._descriptor >= 0 and not self._drop_name():
            _empty(self._descriptor)
        self._path = b""
        self._close()

    def _drop_name(self) -> bool:
        """Remove the temporary, wherever its directory is by now; say whether that could be done."""
        return _remove(self._path, self._parent) or _remove_open(
            self._descriptor, os.path.basename(self._path)
        )

    def _close(self) -> None:
        descriptor = self._descriptor
        if descriptor >= 0:
            self._descriptor = -1
            close_quietly(descriptor)
        if self._parent is not None:
            close_quietly(self._parent)
            self._parent = None


def _refused(error: OSError) -> FileError:
    return FileError(os.strerror(error.errno or 0))


def _write_all(descriptor: int, data: memoryview) -> None:
    while data:
        written = os.write(descriptor, data)
        if not written:
            raise OSError(errno.EIO, "nothing written")
        data = data[written:]


def _remove(path: bytes, directory: int | None = None) -> bool:
    try:
        os.unlink(path, dir_fd=directory)
    except OSError:
        return False
    return True


def _remove_open(descriptor: int, name: bytes) -> bool:
    """Remove the temporary *name*, open as *descriptor*, whose directory has another name by now."""
    for _ in range(MAX_ATTEMPTS):  # and yet another one meanwhile
        try:
            path = os.readlink(b"/proc/self/fd/%d" % descriptor)
            if os.path.basename(path) != name:
                return False  # removed by somebody
            os.unlink(path)
        except FileNotFoundError:
            continue
        except OSError:
            return False
        return True
    return False


def _empty(descriptor: int) -> None:
    """See to it that no part of an image stays in a temporary that cannot be removed."""
    try:
        os.ftruncate(descriptor, 0)
    except OSError:
        return
