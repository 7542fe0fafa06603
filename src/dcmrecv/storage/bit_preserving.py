"""``+B``: the data set is written as it comes, behind a file meta header made from the command.

The name is made before reception. A file that cannot be made or written swallows the rest of the data set,
is answered with A700 and ends the association (spec/storage.md 4, spec/network.md c.3).
"""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING

from dcmrecv import conditions
from dcmrecv.observer import AssociationObserver, FileNotCreated, FileNotWritten, Stored
from dcmrecv.storage.directories import DirectoryError
from dcmrecv.storage.meta import meta_header
from dcmrecv.storage.publish import FileError, ObjectFile, Target
from dcmrecv.storage.session import OUT_OF_RESOURCES, STORED, ReceiveFailure, StoreResult, StoreSession
from dcmrecv.text import printable

if TYPE_CHECKING:
    from dcmrecv.core.events import AcceptedAssociation, StoreRequest
    from dcmrecv.dataset.memory import Buffer
    from dcmrecv.storage.filing import ObjectFiler

__all__ = ["BitPreservingSession"]


class BitPreservingSession(StoreSession):
    """One C-STORE in bit-preserving mode."""

    __slots__ = ("_context_id", "_creatable", "_file", "_filer", "_reason", "_target")

    to_file = True

    def __init__(
        self,
        filer: ObjectFiler,
        request: StoreRequest,
        association: AcceptedAssociation,
        observer: AssociationObserver,
        target: Target,
    ) -> None:
        # for each object: super() costs more than the call
        StoreSession.__init__(self, request, association, observer)
        self._filer = filer
        self._target = target
        self._file = ObjectFile(filer.publisher)
        self._creatable = False
        self._context_id = request.context_id
        self._reason = conditions.FILE_NOT_WRITTEN

    def create(self, exists: bool) -> None:
        """Create the file, or find out that this is impossible, which is said with the first fragment.

        *exists* is what the target's `exists` has returned. Raises `DirectoryError` if the output directory is gone
        and cannot be made again.
        """
        try:
            self._file.open()
            self._target.check(exists)
            self._creatable = True
        except FileError:
            self._creatable = False

    def receive(self, views: list[memoryview], last: bool, context_id: int) -> ReceiveFailure | None:
        """See `StoreSession.receive`."""
        self._context_id = context_id
        if self.dropped:
            return None
        if not self._creatable:
            self._drop()
            path = self._target.path
            self._reason = conditions.file_not_created(printable(path))
            if FileNotCreated in self.observer.wanted:
                self.observer.observe(FileNotCreated(path, context_id))
            return None
        file = self._file
        first = not file.size
        chunks: list[Buffer] = [*views]
        if first:
            request = self.request
            header = meta_header(
                request.sop_class_uid,
                request.sop_instance_uid,
                request.transfer_syntax,
                self.association.request.calling_ae_title.rstrip(b" "),
            )
            chunks.insert(0, header)
        try:
            file.write(chunks)
            if last:
                # here and not in `complete`: the lines of a failure come before those of a whole data set
                file.flush()
            elif first:
                file.hold()
        except FileError:
            self._drop_unwritten()
        return None

    def _drop(self) -> None:
        self._file.discard()
        self.dropped = True

    def _drop_unwritten(self) -> None:
        self._drop()
        if FileNotWritten in self.observer.wanted:
            self.observer.observe(FileNotWritten(self._context_id))

    def complete(self) -> StoreResult:
        """See `StoreSession.complete`."""
        path = b""
        if not self.dropped:
            try:
                path = self._publish()
            except (FileError, DirectoryError):
                self._drop_unwritten()
        if self.dropped:
            return StoreResult(OUT_OF_RESOURCES, (self._reason,))
        if Stored in self.observer.wanted:
            self.observer.observe(Stored(path, self.request, self._file.size))
        return STORED

    def _publish(self) -> bytes:
        return self._filer.publish(self._file, self._target, self.request)

    def keep_or_discard(self) -> None:
        """See `StoreSession.keep_or_discard`."""
        with ExitStack() as at_the_end:
            at_the_end.callback(self.discard)
            if not self.dropped:
                try:
                    self._publish()
                except (FileError, DirectoryError):
                    self._drop()

    def discard(self) -> None:
        """See `StoreSession.discard`."""
        self._file.discard()
