"""What ``-B`` and ``--ignore`` have in common: the data set is parsed while it arrives."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from dcmrecv import observer as ob
from dcmrecv.conditions import RECEIVE_FAILED
from dcmrecv.config import LogLevel
from dcmrecv.dataset.rewriter import DataSetError, DataSetRewriter
from dcmrecv.storage.session import ReceiveFailure, StoreSession

if TYPE_CHECKING:
    from collections.abc import Callable

    from dcmrecv.core.events import AcceptedAssociation, StoreRequest
    from dcmrecv.dataset.dictionary import DataDictionary
    from dcmrecv.remarks import Remark
    from dcmrecv.storage.filing import ObjectFiler
    from dcmrecv.storage.publish import Buffer

__all__ = ["ParsingSession", "Shared"]

_NOT_READ = (RECEIVE_FAILED,)


class Shared(NamedTuple):
    """What the sessions of a store share."""

    filer: ObjectFiler
    dictionary: Callable[[], DataDictionary]
    max_nesting: int


class ParsingSession(StoreSession):
    """One C-STORE whose data set is read; what to do with the output is the subclass's."""

    __slots__ = ("_association", "_observer", "_rewriter", "_shared", "_transfer_syntax", "request")

    saving = True
    """True if the output is written: the parser then also says what it says about writing."""

    def __init__(
        self,
        shared: Shared,
        request: StoreRequest,
        association: AcceptedAssociation,
        observer: ob.AssociationObserver,
    ) -> None:
        StoreSession.__init__(self)  # for each object: super() costs more than the call
        self._shared = shared
        self.request = request
        self._association = association
        self._observer = observer
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
            if ob.DataSetUnreadable in self._observer.wanted:
                self._observer.observe(ob.DataSetUnreadable(error.condition.text))
            self.discard()
            return ReceiveFailure(_NOT_READ, error.fragments)
        self._take(chunks, last)
        return None

    def _start(self, views: list[memoryview], context_id: int) -> DataSetRewriter:
        if context_id != self.request.context_id:
            for context in self._association.contexts:
                if context.context_id == context_id:
                    self._transfer_syntax = context.transfer_syntax
                    break
        observer = self._observer
        wanted = observer.wanted
        if ob.DataSetStarted in wanted and any(views):
            observer.observe(ob.DataSetStarted(self._transfer_syntax))
        self._rewriter = DataSetRewriter(
            self._transfer_syntax,
            self._shared.dictionary,
            self._remark if ob.DataSetRemark in wanted else None,
            ob.DebugRemark in wanted,
            self.saving,
            self._shared.max_nesting,
        )
        return self._rewriter

    def _remark(self, remark: Remark) -> None:
        kind = ob.DebugRemark if remark.kind.level is LogLevel.DEBUG else ob.DataSetRemark
        self._observer.observe(kind(remark))

    def _take(self, chunks: list[Buffer], last: bool) -> None:
        """Do with the output what the mode does."""
        raise NotImplementedError

    def discard(self) -> None:
        """See `StoreSession.discard`."""
        self._rewriter = None
