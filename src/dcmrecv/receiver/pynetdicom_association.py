"""What handlers read of an association: the part of `pynetdicom.association.Association` that describes it.

Lists of contexts are made when a handler asks for them: few do, and pynetdicom takes its time with each UID.
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from pydicom.config import IGNORE
from pydicom.uid import UID
from pynetdicom.presentation import PresentationContext, PresentationContextTuple

from dcmrecv.core.events import AcceptedAssociation, AssociateRequest, ContextOutcome, ContextResult
from dcmrecv.identity import IMPLEMENTATION_CLASS_UID, IMPLEMENTATION_VERSION_NAME

if TYPE_CHECKING:
    from pynetdicom.ae import ApplicationEntity

__all__ = ["PynetdicomAssociation", "PynetdicomPeer", "text_of", "uid_of"]


def text_of(data: bytes) -> str:
    """Return a title or UID without its padding."""
    return data.decode("ascii", "replace").strip(" \0")


def uid_of(data: bytes) -> UID:
    """Return a UID as it came, valid or not."""
    return UID(text_of(data), IGNORE)


class PynetdicomPeer:
    """One side of an association, with the names of pynetdicom's ``ServiceUser``."""

    def __init__(self, mode: str, address: str, port: int) -> None:
        self.mode = mode
        self.address = address
        self.port = port
        self.ae_title = ""
        self.maximum_length = 0
        """Bytes of a PDU this side takes; 0: any."""
        self.implementation_class_uid: UID | None = None
        self.implementation_version_name: str | None = None
        self.request: AssociateRequest | None = None
        """What this side has asked for, if it has."""

    @cached_property
    def requested_contexts(self) -> list[PresentationContext]:
        """The contexts that this side has proposed."""
        return [
            _context(each.context_id, each.abstract_syntax, each.transfer_syntaxes)
            for each in (() if self.request is None else self.request.contexts)
        ]

    @property
    def info(self) -> dict[str, str | int]:
        """Title, address and port as a dictionary."""
        return {"mode": self.mode, "ae_title": self.ae_title, "address": self.address, "port": self.port}

    @property
    def is_requestor(self) -> bool:
        """True for the peer."""
        return self.mode == "requestor"

    @property
    def is_acceptor(self) -> bool:
        """True for the receiver."""
        return self.mode == "acceptor"


class PynetdicomAssociation:
    """``event.assoc``: who talks to whom, and what was agreed. It describes; it cannot abort or send."""

    mode = "acceptor"
    is_acceptor = True
    is_requestor = False

    def __init__(self, ae: ApplicationEntity, peer: tuple[str, int], listening: tuple[str, int]) -> None:
        self.ae = ae
        self.requestor = PynetdicomPeer("requestor", *peer)
        self.acceptor = PynetdicomPeer("acceptor", *listening)
        self.acceptor.ae_title = ae.ae_title
        self.acceptor.implementation_class_uid = uid_of(IMPLEMENTATION_CLASS_UID)
        self.acceptor.implementation_version_name = text_of(IMPLEMENTATION_VERSION_NAME)
        self.acceptor.maximum_length = ae.maximum_pdu_size
        self.is_established = False
        self.is_rejected = False
        self.is_released = False
        self.is_aborted = False
        self.can_abort = False
        """True while a handler of EVT_C_STORE or EVT_C_ECHO runs."""
        self.abort_asked = False
        self._results: tuple[ContextResult, ...] = ()
        self._evaluated: list[PresentationContext] = []
        self._of_events: dict[int, PresentationContextTuple] = {}

    @property
    def remote(self) -> dict[str, str | int]:
        """The peer as a dictionary."""
        return self.requestor.info

    @property
    def local(self) -> dict[str, str | int]:
        """The receiver as a dictionary."""
        return self.acceptor.info

    @property
    def accepted_contexts(self) -> list[PresentationContext]:
        """The contexts that were accepted."""
        return [each for each in self._contexts() if each.result == ContextOutcome.ACCEPTED]

    @property
    def rejected_contexts(self) -> list[PresentationContext]:
        """The contexts that were not."""
        return [each for each in self._contexts() if each.result != ContextOutcome.ACCEPTED]

    def _contexts(self) -> list[PresentationContext]:
        if not self._evaluated:
            for each in self._results:
                context = _context(each.context_id, each.abstract_syntax, (each.transfer_syntax,))
                context.result = int(each.outcome)
                self._evaluated.append(context)
        return self._evaluated

    def context(self, context_id: int) -> PresentationContextTuple:
        """Return the accepted context *context_id* in the shape that events have it in."""
        if context_id not in self._of_events:
            found = next(each for each in self._results if each.context_id == context_id)
            self._of_events[context_id] = PresentationContextTuple(
                context_id, uid_of(found.abstract_syntax), uid_of(found.transfer_syntax)
            )
        return self._of_events[context_id]

    def abort(self) -> None:
        """Abort the association as soon as the handler of EVT_C_STORE or EVT_C_ECHO that calls this returns.

        Raises RuntimeError outside of such a handler: the association belongs to the thread that serves it.
        """
        if not self.can_abort:
            raise RuntimeError("only a handler of EVT_C_STORE or EVT_C_ECHO can abort its association")
        self.abort_asked = True

    def requested(self, request: AssociateRequest) -> None:
        """Take over what an A-ASSOCIATE-RQ says."""
        requestor = self.requestor
        requestor.request = request
        requestor.ae_title = text_of(request.calling_ae_title)
        requestor.maximum_length = request.max_pdu
        requestor.implementation_class_uid = uid_of(request.implementation_class_uid)
        requestor.implementation_version_name = text_of(request.implementation_version_name)
        self.acceptor.ae_title = text_of(request.called_ae_title)

    def accepted(self, agreed: AcceptedAssociation) -> None:
        """Take over what an A-ASSOCIATE-AC says."""
        self._results = agreed.contexts
        self.is_established = True


def _context(
    context_id: int, abstract_syntax: bytes, transfer_syntaxes: tuple[bytes, ...]
) -> PresentationContext:
    """Return a pynetdicom context. What pynetdicom refuses as a value stays unset."""
    context = PresentationContext()
    try:
        context.context_id = context_id
        context.abstract_syntax = uid_of(abstract_syntax)
        context.transfer_syntax = [uid_of(each) for each in transfer_syntaxes]
    except ValueError:
        return context
    return context
