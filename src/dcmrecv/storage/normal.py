"""``-B``: the data set is parsed while it arrives and written as parsed. The first half is that of ``--ignore``, too.

An object that arrives in one batch costs one write. A larger one goes to its temporary as soon as the UIDs for
the file meta information are known. If they are not known early (they may stand in an item at the very end), the
data set is written first and copied behind its header afterwards; so is one that needs a second pass. Errors of
the file are printed when the object is complete, as the reference does, which looks at files only then.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from dcmrecv.conditions import RECEIVE_FAILED
from dcmrecv.config import LogLevel
from dcmrecv.dataset.rewriter import DataSetError, DataSetRewriter, MediaStorageUids
from dcmrecv.dataset.sort_elements import SecondPass
from dcmrecv.dataset.tags import NO_TEXT
from dcmrecv.observer import (
    DataSetRemark,
    DataSetStarted,
    DataSetUnreadable,
    DebugRemark,
    MetaHeaderWritten,
    ProcessingStore,
)
from dcmrecv.storage.directories import DirectoryError
from dcmrecv.storage.meta import meta_header
from dcmrecv.storage.naming import new_uid
from dcmrecv.storage.publish import FileError, ObjectFile
from dcmrecv.storage.session import (
    CANNOT_UNDERSTAND,
    STORED,
    SUCCESS,
    ReceiveFailure,
    StoreResult,
    StoreSession,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from dcmrecv.core.events import AcceptedAssociation, StoreRequest
    from dcmrecv.dataset.dictionary import DataDictionary
    from dcmrecv.dataset.memory import Buffer
    from dcmrecv.observer import AssociationObserver
    from dcmrecv.remarks import Remark
    from dcmrecv.storage.filing import ObjectFiler

__all__ = ["HOLD_LIMIT", "NormalSession", "ParsingSession", "Shared"]

_BATCH = 1000
"""Pieces of a rewritten data set that are written in one system call."""
_BATCH_BYTES = 1 << 20
"""Bytes of them, at least."""

HOLD_LIMIT = 1 << 16
"""Bytes of a data set kept in memory while the UIDs of its header are not known yet."""

_NOT_READ = (RECEIVE_FAILED,)
_PRIVATE_GENERIC_FILE = b"1.2.276.0.7230010.3.1.0.1"


class Shared(NamedTuple):
    """What the sessions of a store share."""

    filer: ObjectFiler
    dictionary: Callable[[], DataDictionary]
    max_nesting: int


class ParsingSession(StoreSession):
    """One C-STORE whose data set is read; what to do with the output is the subclass's."""

    __slots__ = ("_rewriter", "_shared", "_transfer_syntax")

    saving = True
    """True if the output is written: the parser then also says what it says about writing."""

    def __init__(
        self,
        shared: Shared,
        request: StoreRequest,
        association: AcceptedAssociation,
        observer: AssociationObserver,
    ) -> None:
        # for each object: super() costs more than the call
        StoreSession.__init__(self, request, association, observer)
        self._shared = shared
        self._transfer_syntax = request.transfer_syntax
        self._rewriter: DataSetRewriter | None = None

    def receive(self, views: list[memoryview], last: bool, context_id: int) -> ReceiveFailure | None:
        """See `StoreSession.receive`."""
        rewriter = self._rewriter
        try:
            if rewriter is None:
                rewriter = self._start(views, context_id)
            chunks = rewriter.feed(views, last)
            held = rewriter.held
            if held > self.charged:
                self.charge(held - self.charged)
            if last:
                chunks += rewriter.finish()
        except DataSetError as error:
            if DataSetUnreadable in self.observer.wanted:
                self.observer.observe(DataSetUnreadable(error.condition.text))
            self.discard()
            return ReceiveFailure(_NOT_READ, error.fragments)
        self._take(chunks, last)
        return None

    def _start(self, views: list[memoryview], context_id: int) -> DataSetRewriter:
        if context_id != self.request.context_id:
            for context in self.association.contexts:
                if context.context_id == context_id:
                    self._transfer_syntax = context.transfer_syntax
                    break
        observer = self.observer
        wanted = observer.wanted
        if DataSetStarted in wanted and any(views):
            observer.observe(DataSetStarted(self._transfer_syntax))
        self._rewriter = DataSetRewriter(
            self._transfer_syntax,
            self._shared.dictionary,
            self._remark if DataSetRemark in wanted else None,
            DebugRemark in wanted,
            self.saving,
            self._shared.max_nesting,
        )
        return self._rewriter

    def _remark(self, remark: Remark) -> None:
        kind = DebugRemark if remark.kind.level is LogLevel.DEBUG else DataSetRemark
        self.observer.observe(kind(remark))

    def _take(self, chunks: list[Buffer], last: bool) -> None:
        """Do with the output what the mode does."""
        raise NotImplementedError

    def discard(self) -> None:
        """See `StoreSession.discard`."""
        self._rewriter = None


class NormalSession(ParsingSession):
    """One C-STORE in normal mode."""

    __slots__ = (
        "_failure", "_file", "_finished", "_found_uids", "_header_first", "_header_size", "_held", "_held_size", "_uids"
    )  # fmt: skip

    def __init__(
        self,
        shared: Shared,
        request: StoreRequest,
        association: AcceptedAssociation,
        observer: AssociationObserver,
    ) -> None:
        ParsingSession.__init__(self, shared, request, association, observer)
        self._held: list[Buffer] | None = None
        self._held_size = 0
        self._file: ObjectFile | None = None
        self._header_size = 0
        self._header_first = False
        self._uids = (b"", b"")
        self._found_uids: MediaStorageUids | None = None
        self._finished = False
        self._failure: FileError | DirectoryError | None = None

    # -- while receiving -----------------------------------------------------------------------------

    def _take(self, chunks: list[Buffer], last: bool) -> None:
        if self._failure is not None:
            return
        if self._file is not None:
            self._write(self._file, chunks)
        elif last:
            # the views stay valid until `complete`
            self._held = [*self._held, *chunks] if self._held else chunks
        elif (head := self.found().early_head()) is not None:
            self._open(chunks, self._header(head), more=True)
        else:
            self._hold(chunks)

    def _hold(self, chunks: Sequence[Buffer]) -> None:
        self._held_size += sum(map(len, chunks))
        if self._held_size > HOLD_LIMIT:
            self._open(chunks, b"", more=True)
        else:
            held = self._held = self._held or []
            held.extend(bytes(chunk) for chunk in chunks)

    def _header(self, head: MediaStorageUids) -> bytes:
        self._set_uids(head)
        sop_class, sop_instance = self._uids
        return meta_header(sop_class, sop_instance, self._transfer_syntax)

    def _open(self, chunks: Sequence[Buffer], header: bytes, *, more: bool = False) -> None:
        """Create the temporary and write what there is; with an empty *header* the data set comes first.

        *more* of the object is to come from the peer, who may take long.
        """
        file = ObjectFile(self._shared.filer.publisher)
        try:
            file.open()
            if more:
                file.hold()
            self._header_size = len(header)
            self._header_first = bool(header)
            self._file = file
            file.write([header, *(self._held or ()), *chunks])
        except (FileError, DirectoryError) as error:
            self._failure = error
            self._file = None
        self._held = None

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
        if ProcessingStore in self.observer.wanted:
            self.observer.observe(ProcessingStore())
        try:
            if self._rewriter is None or self._rewriter.empty:  # without a fragment there is none
                return StoreResult(CANNOT_UNDERSTAND)
            status = self._shared.filer.file(self, self.observer)
            return STORED if status == SUCCESS else StoreResult(status)
        finally:
            file = self._file
            if file is not None and file.is_open():  # not published
                self.discard()

    def found(self) -> DataSetRewriter:
        """See `ReceivedObject.found`."""
        assert self._rewriter is not None
        return self._rewriter

    def prepare(self) -> None:
        """See `ReceivedObject.prepare`."""
        if self._file is None and self._failure is None:
            self._open((), self._header(self.found().head))
        if isinstance(self._failure, DirectoryError):
            raise self._failure

    def finish(self) -> ObjectFile:
        """See `ReceivedObject.finish`."""
        if self._failure is not None:
            raise self._failure
        if not self._finished:
            self._finish_file()
        assert self._file is not None
        return self._file

    def _finish_file(self) -> None:
        """Bring the temporary into its final form, once. Raises `FileError` and `DirectoryError`."""
        found = self.found()
        file = self._file
        assert file is not None
        if found.unsaveable is not None:
            raise FileError(found.unsaveable)
        if found.reorder is not None:
            self._rewrite(file, found.reorder)
        elif not self._header_first:
            self._put_header_first(file, found)
        else:
            for offset, data in found.patches:
                file.patch(self._header_size + offset, data)
        self._finished = True
        if MetaHeaderWritten in self.observer.wanted:
            self._meta_header_written()

    def _put_header_first(self, body: ObjectFile, found: DataSetRewriter) -> None:
        for offset, data in found.patches:
            body.patch(offset, data)
        whole = ObjectFile(self._shared.filer.publisher)
        self._file = whole
        try:
            whole.open()
            whole.hold()
            whole.write([self._header(found.head)])
            whole.append_from(body)
        finally:
            body.discard()
        self._header_first = True

    def _rewrite(self, first: ObjectFile, second_pass: SecondPass) -> None:
        """Write the object anew from what the first pass has left in *first* (spec/storage.md T1, T2)."""
        publisher = self._shared.filer.publisher
        plain = first
        begin = self._header_size
        whole = ObjectFile(publisher)
        try:
            if second_pass.deflated:
                plain, begin = ObjectFile(publisher), 0
                plain.open()
                plain.hold()
                for piece in second_pass.inflate(first.blocks(self._header_size)):
                    plain.write([piece])
            second_pass.charge = self.charge
            second_pass.prepare(lambda offset, size: plain.read(begin + offset, size), plain.size - begin)
            self._set_uids(second_pass.head)
            self._found_uids = second_pass.head
            self._file = whole
            whole.open()
            whole.hold()
            whole.write([meta_header(*self._uids, self._transfer_syntax)])
            self._write_batches(whole, second_pass.write())
        except DataSetError as error:
            raise FileError(str(error)) from None
        finally:
            first.discard()
            plain.discard()

    @staticmethod
    def _write_batches(file: ObjectFile, pieces: Iterable[Buffer]) -> None:
        """Write *pieces*, many in one system call."""
        batch: list[Buffer] = []
        size = 0
        for piece in pieces:
            batch.append(piece)
            size += len(piece)
            if len(batch) >= _BATCH or size >= _BATCH_BYTES:
                file.write(batch)
                batch = []
                size = 0
        if batch:
            file.write(batch)

    def _set_uids(self, head: MediaStorageUids) -> None:
        """Set the values of (0002,0002) and (0002,0003) from what the data set says (spec/storage.md 2).

        For an element whose VR is no text, UN for instance, the reference writes an empty value and so a file that
        is not valid; the command's UID is taken.
        """
        sop_class, sop_instance = head
        if sop_class is None:
            sop_class = _PRIVATE_GENERIC_FILE
        elif sop_class.startswith(b"="):
            sop_class = _named(sop_class)
        if sop_instance is None:
            sop_instance = new_uid()
        elif sop_instance.startswith(b"="):
            sop_instance = _named(sop_instance)
        request = self.request
        self._uids = (
            request.sop_class_uid if sop_class == NO_TEXT else sop_class,
            request.sop_instance_uid if sop_instance == NO_TEXT else sop_instance,
        )

    def _meta_header_written(self) -> None:
        head = self._found_uids or self.found().head
        self.observer.observe(
            MetaHeaderWritten(
                self._transfer_syntax,
                *self._uids,
                class_found=head.sop_class is not None,
                instance_found=head.sop_instance is not None,
            )
        )

    def discard(self) -> None:
        """See `StoreSession.discard`."""
        super().discard()
        self._held = None
        file, self._file = self._file, None
        if file is not None:
            file.discard()


def _named(value: bytes) -> bytes:
    """A value that starts with an equals sign is the name of a UID; an unknown name gives nothing."""
    from dcmrecv.uids import uid_of

    return (uid_of(value[1:].decode("latin-1")) or "").encode("ascii")
