"""What ``-B`` and ``--ignore`` have in common: the data set is parsed while it arrives."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dcmrecv.conditions import Condition
from dcmrecv.dataset.rewriter import DataSetError, DataSetRewriter
from dcmrecv.dataset.whole import WholeDataSet, read_whole
from dcmrecv.storage.session import ReceiveFailure, StoreSession
from dcmrecv.transfer_syntaxes import encoding_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dcmrecv.core.events import AcceptedAssociation, StoreRequest
    from dcmrecv.observer import AssociationObserver
    from dcmrecv.storage.publish import Buffer
    from dcmrecv.storage.store import ObjectStore

__all__ = ["ParsingSession"]

_NOT_READ = (Condition(0x0006, 0x020D, "DIMSE Failed to receive message"),)


class ParsingSession(StoreSession):
    """One C-STORE whose data set is read; what to do with the output is the subclass's."""

    #: True if the output is written: the parser then also says what it says about writing.
    saving: bool

    # Defaults of the class: what most objects never set costs nothing.
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
        self.request = request
        self._association = association
        self._observer = observer
        self._transfer_syntax = request.transfer_syntax

    def receive(self, views: list[memoryview], last: bool, context_id: int) -> ReceiveFailure | None:
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
            self._observer.data_set_unreadable(error.parser_text)
            self.discard()
            return ReceiveFailure(_NOT_READ, error.fragments)
        self._take(chunks, last)
        return None

    def _is_usual(self, context_id: int) -> bool:
        """Return whether nobody wants to know more than what the data set is."""
        return context_id == self.request.context_id and not self._observer.wants_milestones

    def _start(self, views: list[memoryview], context_id: int) -> DataSetRewriter:
        if context_id != self.request.context_id:
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
            saving=self.saving,
        )
        return self._rewriter

    def _take(self, chunks: Sequence[Buffer], last: bool) -> None:
        """Do with the output what the mode does."""
        raise NotImplementedError

    def _take_whole(self, found: WholeDataSet) -> None:
        """Do with a data set that is all there what the mode does."""
        raise NotImplementedError

    def discard(self) -> None:
        """See `StoreSession.discard`."""
        self._rewriter = self._found = None
