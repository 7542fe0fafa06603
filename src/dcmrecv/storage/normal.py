"""``-B`` and ``--ignore``: the data set is parsed while it arrives and, in normal mode, written as parsed.

An object that arrives in one batch costs one write. A larger one goes to its temporary as soon as the UIDs for
the file meta information are known. If they are not known early (they may stand in an item at the very end), the
data set is written first and copied behind its header afterwards; so is one that needs a second pass. Errors of
the file are told when the object is complete, as the reference does, which looks at files only then.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dcmrecv.conditions import Condition
from dcmrecv.config import FilenameMode
from dcmrecv.dataset.encoding import encoding_of
from dcmrecv.dataset.rewriter import DataSetError, DataSetRewriter, MediaStorageUids
from dcmrecv.dataset.whole import WholeDataSet, read_whole
from dcmrecv.storage.directories import DirectoryError, series_date_directory
from dcmrecv.storage.meta import meta_header
from dcmrecv.storage.naming import new_uid
from dcmrecv.storage.publish import Buffer, FileError, NameTaken, NoName, ObjectFile, Target
from dcmrecv.storage.session import (
    CANNOT_UNDERSTAND,
    OUT_OF_RESOURCES,
    STORED,
    SUCCESS,
    StoreResult,
    StoreSession,
)
from dcmrecv.text import from_bytes

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from dcmrecv.core.events import AcceptedAssociation, StoreRequest
    from dcmrecv.observer import AssociationObserver
    from dcmrecv.storage.store import ObjectStore

__all__ = ["HOLD_LIMIT", "IgnoreSession", "NormalSession"]

_BATCH = 1000
"""Pieces of a rewritten data set that are written in one system call."""

HOLD_LIMIT = 1 << 16
"""Bytes of a data set kept in memory while the UIDs of its header are not known yet."""

_PRIVATE_GENERIC_FILE = b"1.2.276.0.7230010.3.1.0.1"
_NOT_READ = (Condition(0x0006, 0x020D, "DIMSE Failed to receive message"),)


class IgnoreSession(StoreSession):
    """One C-STORE in ignore mode: received and parsed, then forgotten."""

    # Defaults of the class: what most objects never set costs nothing.
    _saving = False
    _rewriter: DataSetRewriter | None = None
    _found: DataSetRewriter | WholeDataSet | None = None

    def __init__(
        self,
        store: ObjectStore,
        request: StoreRequest,
        association: AcceptedAssociation,
        observer: AssociationObserver,
    ) -> None:
        self._store = store
        self._request = request
        self._association = association
        self._observer = observer
        self._transfer_syntax = request.transfer_syntax

    def receive(self, views: list[memoryview], last: bool, context_id: int) -> tuple[Condition, ...] | None:
        """See `StoreSession.receive`."""
        rewriter = self._rewriter
        try:
            if rewriter is None:
                if last and len(views) == 1 and self._is_usual(context_id):
                    whole = read_whole(views[0], encoding_of(self._transfer_syntax))
                    if whole is not None:
                        self._found = whole
                        self._take_whole(whole)
                        return None
                rewriter = self._start(views, context_id)
            chunks = rewriter.feed(views, last)
            if last:
                chunks += rewriter.finish()
        except DataSetError as error:
            self.failed_after = error.fragments
            self._observer.data_set_unreadable(error.parser_text)
            self.discard()
            return _NOT_READ
        self._take(chunks, last)
        return None

    def _is_usual(self, context_id: int) -> bool:
        """Return whether nobody wants to know more than what the data set is."""
        return context_id == self._request.context_id and not self._observer.wants_milestones

    def _start(self, views: list[memoryview], context_id: int) -> DataSetRewriter:
        if context_id != self._request.context_id:
            for context in self._association.contexts:
                if context.context_id == context_id:
                    self._transfer_syntax = context.transfer_syntax
                    break
        if self._observer.wants_milestones and any(views):
            self._observer.data_set_starts(self._transfer_syntax)
        observer = self._observer
        self._rewriter = self._found = DataSetRewriter(
            self._transfer_syntax,
            dictionary=self._store.dictionary,
            note=observer.data_set_note if observer.wants_notes else None,
            detail=observer.note_detail,
            syntax_name=self._store.syntax_name,
            saving=self._saving,
        )
        return self._rewriter

    def _take(self, chunks: Sequence[Buffer], last: bool) -> None:
        """Do with the output what the mode does; nothing here."""

    def _take_whole(self, found: WholeDataSet) -> None:
        """Do with a data set that is all there what the mode does; nothing here."""

    def complete(self) -> StoreResult:
        """See `StoreSession.complete`."""
        self._observer.ignored()
        return STORED

    def discard(self) -> None:
        """See `StoreSession.discard`."""
        self._rewriter = self._found = None


class NormalSession(IgnoreSession):
    """One C-STORE in normal mode."""

    _saving = True
    _held: list[Buffer] | None = None
    _held_size = 0
    _file: ObjectFile | None = None
    _header_size = 0
    _header_first = False
    _uids = (b"", b"")
    _found_uids: MediaStorageUids | None = None
    _finished = False
    _failure: FileError | DirectoryError | None = None

    # -- while receiving -----------------------------------------------------------------------------

    def _take(self, chunks: Sequence[Buffer], last: bool) -> None:
        if self._failure is not None:
            return
        if self._file is not None:
            self._write(self._file, chunks)
        elif last:
            # the views stay valid until `complete`
            self._held = [*self._held, *chunks] if self._held else [*chunks]
        elif self._rewriter is not None and self._rewriter.head_complete:
            self._open(chunks, self._header())
        else:
            self._hold(chunks)

    def _hold(self, chunks: Sequence[Buffer]) -> None:
        self._held_size += sum(map(len, chunks))
        if self._held_size > HOLD_LIMIT:
            self._open(chunks, b"")
        else:
            held = self._held = self._held or []
            held.extend(bytes(chunk) for chunk in chunks)

    def _take_whole(self, found: WholeDataSet) -> None:
        self._held = found.out  # the views stay valid until `complete`
        self._finished = True

    def _header(self) -> bytes:
        self._uids = _media_storage_uids(self._found.head if self._found is not None else None)
        return meta_header(*self._uids, self._transfer_syntax)

    def _open(self, chunks: Sequence[Buffer], header: bytes) -> None:
        """Create the temporary and write what there is; with an empty *header* the data set comes first."""
        store = self._store
        file = store.publisher.new_file()
        try:
            if not store.space.enough():
                raise FileError("No space left on device")
            file.open()
        except (FileError, DirectoryError) as error:
            self._failure = error
            return
        self._file = file
        self._header_size = len(header)
        self._header_first = bool(header)
        held, self._held = self._held or (), None
        self._write(file, [header, *held, *chunks] if header else [*held, *chunks])

    def _write(self, file: ObjectFile, chunks: Sequence[Buffer]) -> None:
        if not chunks:
            return
        try:
            file.write(chunks)
        except FileError as error:
            self._failure = error
            self._file = None

    # -- when complete -------------------------------------------------------------------------------

    def complete(self) -> StoreResult:
        """See `StoreSession.complete`."""
        try:
            status = self._complete()
            return STORED if status == SUCCESS else StoreResult(status)
        finally:
            if self._file is not None:
                self.discard()

    def _complete(self) -> int:
        found = self._found
        observer = self._observer
        observer.processing_store()
        if found is None or found.empty:
            return CANNOT_UNDERSTAND
        request = self._request
        sop_class = request.sop_class_uid
        if not sop_class:
            sop_class = (found.head.sop_class if found.head is not None else None) or b""
            if not sop_class and self._store.namer.mode is FilenameMode.DEFAULT:
                return self._no_name("Invalid SOP Class UID")
        try:
            if self._store.output.by_date:
                return self._store_by_date(sop_class, series_date_directory(found.series_date))
            return self._store_at(sop_class, self._store.shown, None)
        except NoName as error:
            return self._no_name(error.text)

    def _no_name(self, reason: str) -> int:
        self._observer.store_error(f"cannot generate directory or file name for received object: {reason}")
        return CANNOT_UNDERSTAND

    def _store_by_date(self, sop_class: bytes, relative: bytes) -> int:
        output = self._store.output
        shown = output.shown + b"/" + relative + b"/"
        try:
            with output.subdirectory(relative) as directory:
                return self._store_at(sop_class, shown, directory)
        except DirectoryError as error:
            namer = self._store.namer
            path = shown + namer.name(sop_class, self._request.sop_instance_uid)
            if namer.looks:
                Target(path).is_taken()  # the reference makes the name first and may fail in that
            self._observer.name_generated(path, before_reception=False)
            return self._no_directory(error)

    def _no_directory(self, error: DirectoryError) -> int:
        shown = from_bytes(error.path or b"/")
        self._observer.store_error(f"cannot create directory for received object: {shown}: {error.text}")
        return OUT_OF_RESOURCES

    def _store_at(self, sop_class: bytes, shown: bytes, directory: int | None) -> int:
        """Name and publish the object; *shown* is the directory as messages show it, with its slash."""
        namer = self._store.namer
        while True:
            name = namer.name(sop_class, self._request.sop_instance_uid)
            path = shown + name
            target = Target(path) if directory is None else Target(name, directory)
            if namer.looks and target.is_taken():
                continue
            try:
                return self._store_as(path, target)
            except NameTaken:
                continue

    def _store_as(self, path: bytes, target: Target) -> int:
        observer = self._observer
        observer.name_generated(path, before_reception=False)
        if self._file is None and self._failure is None:
            self._open((), self._header())
        if isinstance(self._failure, DirectoryError):
            return self._no_directory(self._failure)
        replaces = self._store.namer.replaces
        try:
            if replaces:
                if target.exists() and not target.is_directory():
                    observer.overwriting(path)
                target.check()
            if self._failure is not None:
                raise self._failure
            if not self._finished:
                self._finish_file()
            assert self._file is not None
            self._file.publish(target, replace=replaces)
        except DirectoryError as error:
            return self._no_directory(error)
        except FileError as error:
            observer.store_error(f"cannot store received object: {from_bytes(path)}: {error.text}")
            return OUT_OF_RESOURCES
        size = self._file.size
        self._file = None
        observer.stored(path, self._request, size)
        return SUCCESS

    def _finish_file(self) -> None:
        """Bring the temporary into its final form, once. Raises `FileError` and `DirectoryError`."""
        found = self._found
        assert found is not None
        if found.unsaveable is not None:
            raise FileError(found.unsaveable)
        file = self._file
        assert file is not None
        if found.reorder is not None:
            self._rewrite(file)
        elif not self._header_first:
            self._put_header_first(file)
        else:
            for offset, data in found.patches:
                file.patch(self._header_size + offset, data)
        self._finished = True
        if self._observer.wants_milestones:
            self._tell_meta_header()

    def _put_header_first(self, body: ObjectFile) -> None:
        assert self._found is not None
        for offset, data in self._found.patches:
            body.patch(offset, data)
        whole = self._store.publisher.new_file()
        self._file = whole
        try:
            whole.open()
            whole.write([self._header()])
            whole.append_from(body)
        finally:
            body.discard()
        self._header_first = True

    def _rewrite(self, first: ObjectFile) -> None:
        """Write the object anew from what the first pass has left in *first* (spec/storage.md T1, T2)."""
        assert self._found is not None
        second_pass = self._found.reorder
        assert second_pass is not None
        publisher = self._store.publisher
        plain = first
        begin = self._header_size
        whole = publisher.new_file()
        try:
            if second_pass.deflated:
                plain, begin = publisher.new_file(), 0
                plain.open()
                for piece in second_pass.inflate(first.blocks(self._header_size)):
                    plain.write([piece])
            with plain.mapped() as content:
                source = content[begin:]
                try:
                    second_pass.prepare(source)
                    self._uids = _media_storage_uids(second_pass.head)
                    self._found_uids = second_pass.head
                    self._file = whole
                    whole.open()
                    whole.write([meta_header(*self._uids, self._transfer_syntax)])
                    self._write_batches(whole, second_pass.write())
                finally:
                    second_pass.close()
                    source.release()
        except DataSetError as error:
            raise FileError(str(error)) from None
        finally:
            first.discard()
            plain.discard()

    @staticmethod
    def _write_batches(file: ObjectFile, pieces: Iterable[Buffer]) -> None:
        """Write *pieces*, many in one system call."""
        batch: list[Buffer] = []
        for piece in pieces:
            batch.append(piece)
            if len(batch) >= _BATCH:
                file.write(batch)
                batch = []
        if batch:
            file.write(batch)

    def _tell_meta_header(self) -> None:
        assert self._found is not None
        head = self._found_uids or self._found.head
        self._observer.meta_header_written(
            self._transfer_syntax,
            *self._uids,
            head is not None and head.sop_class is not None,
            head is not None and head.sop_instance is not None,
        )

    def discard(self) -> None:
        """See `StoreSession.discard`."""
        super().discard()
        self._held = None
        file, self._file = self._file, None
        if file is not None:
            file.discard()


def _media_storage_uids(head: MediaStorageUids | None) -> tuple[bytes, bytes]:
    """Return the values of (0002,0002) and (0002,0003) for what the data set says (spec/storage.md 2)."""
    sop_class, sop_instance = head if head is not None else (None, None)
    if sop_class is None:
        sop_class = _PRIVATE_GENERIC_FILE
    elif sop_class[:1] == b"=":
        sop_class = _resolved(sop_class)
    if sop_instance is None:
        sop_instance = new_uid()
    elif sop_instance[:1] == b"=":
        sop_instance = _resolved(sop_instance)
    return sop_class, sop_instance


def _resolved(value: bytes) -> bytes:
    """A value that starts with an equals sign is the name of a UID; an unknown name gives nothing."""
    from dcmrecv.uidnames import uid_of

    return (uid_of(value[1:].decode("latin-1")) or "").encode("ascii")
