"""Handlers written for pynetdicom, called by this receiver.

Bound to the same events and given the same `pynetdicom.events.Event`, whose association is described by an
`AssociationView`. Only imported when a program that embeds the receiver binds handlers.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence
from io import BytesIO
from typing import TYPE_CHECKING, Any, TypeAlias, cast

from pydicom.dataset import Dataset
from pydicom.uid import UID
from pynetdicom import evt
from pynetdicom.dimse_primitives import C_ECHO, C_STORE
from pynetdicom.presentation import PresentationContextTuple

from dcmrecv import observer as ob
from dcmrecv.core import events as ev
from dcmrecv.observer import AssociationObserver, ReceiverObserver
from dcmrecv.receiver.pynetdicom_association import AssociationView
from dcmrecv.storage import ObjectStore, ReceiveFailure, StoreResult, StoreSession

if TYPE_CHECKING:
    from pynetdicom.ae import ApplicationEntity
    from pynetdicom.association import Association

    from dcmrecv.config import StorageConfig

__all__ = ["HANDLER_MEMORY", "Bindings", "HandlerBinding", "HandlerObserver", "HandlerStore"]

HandlerBinding: TypeAlias = tuple[Any, Callable[..., Any]] | tuple[Any, Callable[..., Any], list[Any]]
"""(event, handler) or (event, handler, further arguments), as pynetdicom takes them."""

HANDLER_MEMORY = 1 << 30
"""Bytes of data sets held for EVT_C_STORE handlers at the same time, all associations together."""

HANDLER_FAILED = 0xC211
"""Status when an EVT_C_STORE handler raises (pynetdicom's)."""

STATUS_MISSING = 0xC001
"""Status when a handler returns a `Dataset` without one (pynetdicom's)."""

STATUS_INVALID = 0xC002
"""Status when a handler returns something else (pynetdicom's)."""

OUT_OF_MEMORY = 0xA700
"""Status when a data set does not fit into what is left of the memory for handlers."""

NOT_A_REQUEST = 0xC000
"""Status for a command whose values pydicom or pynetdicom do not take."""

_LOGGER = logging.getLogger("dcmrecv.handlers")
_INTERVENTIONS = (evt.EVT_C_STORE, evt.EVT_C_ECHO)
_NOTIFICATIONS = (
    evt.EVT_CONN_OPEN,
    evt.EVT_CONN_CLOSE,
    evt.EVT_REQUESTED,
    evt.EVT_ACCEPTED,
    evt.EVT_ESTABLISHED,
    evt.EVT_REJECTED,
    evt.EVT_RELEASED,
    evt.EVT_ABORTED,
)


class Bindings:
    """The handlers of a receiver, and the association that each thread serves."""

    def __init__(self, handlers: Sequence[HandlerBinding], memory: int = HANDLER_MEMORY) -> None:
        """*memory*: bytes of data sets that wait for EVT_C_STORE handlers at the same time.

        Raises ValueError for an event that this receiver does not have.
        """
        self._memory = memory
        self._bound: dict[Any, list[tuple[Callable[..., Any], list[Any]]]] = {}
        self._current = threading.local()
        for binding in handlers:
            event, handler = binding[0], binding[1]
            arguments = list(binding[2]) if len(binding) > 2 else []
            if event in _INTERVENTIONS:
                self._bound[event] = [(handler, arguments)]  # the last one counts, as in pynetdicom
            elif event in _NOTIFICATIONS:
                self._bound.setdefault(event, []).append((handler, arguments))
            else:
                raise ValueError(f"{event} is no event of this receiver")

    def binds(self, event: Any) -> bool:
        """Return whether a handler is bound to *event*."""
        return event in self._bound

    @property
    def current(self) -> AssociationView:
        """The association that this thread serves."""
        view = self._current.view
        assert isinstance(view, AssociationView)
        return view

    @current.setter
    def current(self, view: AssociationView) -> None:
        self._current.view = view

    def store(self, builtin: ObjectStore) -> ObjectStore:
        """Return what receives C-STOREs: *builtin*, unless a handler takes its place."""
        if not self.binds(evt.EVT_C_STORE):
            return builtin
        return HandlerStore(builtin.config, self, self._memory, dictionary=builtin.dictionary)

    def notify(self, view: AssociationView, event: Any, **attributes: Any) -> None:
        """Call the handlers of a notification. What they raise is logged (logger ``dcmrecv.handlers``)."""
        for handler, arguments in self._bound.get(event, ()):
            try:
                handler(evt.Event(_as_association(view), event, attributes), *arguments)
            except Exception:
                _LOGGER.exception("the handler of %s failed", event)

    def ask(self, view: AssociationView, event: Any, **attributes: Any) -> Any:
        """Call the handler of an intervention and return its answer. Raises what the handler raises."""
        ((handler, arguments),) = self._bound[event]
        return handler(evt.Event(_as_association(view), event, attributes), *arguments)

    def echo(self, request: ev.EchoRequest, agreed: ev.AcceptedAssociation) -> int:
        """Return the status for a C-ECHO; 0000 if there is no handler or it fails, as in pynetdicom."""
        if not self.binds(evt.EVT_C_ECHO):
            return 0x0000
        try:
            primitive = C_ECHO()
            primitive.MessageID = request.message_id
            primitive.AffectedSOPClassUID = UID(_text(request.sop_class_uid))
            context = _context(agreed, request.context_id)
            answer = self.ask(self.current, evt.EVT_C_ECHO, request=primitive, context=context)
        except Exception:
            _LOGGER.exception("the handler of EVT_C_ECHO failed")
            return 0x0000
        status = _status(answer)
        return 0x0000 if status in (STATUS_MISSING, STATUS_INVALID) else status


def _as_association(view: AssociationView) -> Association:
    """Tell the type checker that *view* does for pynetdicom's `Event`, which only keeps it."""
    return cast("Association", view)


def _text(data: bytes) -> str:
    return data.decode("ascii", "replace").strip(" \0")


def _context(agreed: ev.AcceptedAssociation, context_id: int) -> PresentationContextTuple:
    for context in agreed.contexts:
        if context.context_id == context_id:
            return PresentationContextTuple(
                context_id, UID(_text(context.abstract_syntax)), UID(_text(context.transfer_syntax))
            )
    raise LookupError(context_id)


def _status(answer: object) -> int:
    """Return the status in what a handler answered: an int or a `Dataset` with a Status."""
    if isinstance(answer, Dataset):
        if "Status" not in answer:
            _LOGGER.error("a handler returned a Dataset without a Status")
            return STATUS_MISSING
        answer = answer.Status
    if isinstance(answer, int) and 0 <= answer <= 0xFFFF:
        return int(answer)
    _LOGGER.error("a handler returned %r, which is no status", type(answer))
    return STATUS_INVALID


class _Memory:
    """What is left of the memory for handlers."""

    def __init__(self, limit: int) -> None:
        self._left = limit
        self._lock = threading.Lock()

    def take(self, count: int) -> bool:
        with self._lock:
            if count > self._left:
                return False
            self._left -= count
            return True

    def leave(self, count: int) -> None:
        with self._lock:
            self._left += count


class HandlerStore(ObjectStore):
    """Gives every object to the EVT_C_STORE handler instead of storing it."""

    def __init__(self, config: StorageConfig, bindings: Bindings, limit: int, **more: Any) -> None:
        """*limit*: bytes of data sets held at the same time."""
        super().__init__(config, **more)
        self._bindings = bindings
        self._memory = _Memory(limit)

    def start(self) -> None:
        """Nothing is on disk, so there is nothing to tidy up."""

    def request(
        self, request: ev.StoreRequest, association: ev.AcceptedAssociation, observer: AssociationObserver
    ) -> StoreSession:
        """See `ObjectStore.request`."""
        return _HandlerSession(self._bindings, self._memory, request, association)


class _HandlerSession(StoreSession):
    def __init__(
        self,
        bindings: Bindings,
        memory: _Memory,
        request: ev.StoreRequest,
        association: ev.AcceptedAssociation,
    ) -> None:
        self._bindings = bindings
        self._memory = memory
        self._request = request
        self._association = association
        self._data = BytesIO()  # grows in place: fragments of one byte each cost one byte each
        self._taken = 0
        self._refused = False

    def receive(self, views: list[memoryview], last: bool, context_id: int) -> ReceiveFailure | None:
        """See `StoreSession.receive`."""
        if self._refused:
            return None
        size = sum(map(len, views))
        if self._memory.take(size):
            self._taken += size
            self._data.writelines(views)
        else:
            self._refused = True
            self.discard()
        return None

    def complete(self) -> StoreResult:
        """See `StoreSession.complete`."""
        if self._refused:
            _LOGGER.error("no memory left for a data set: the object is refused")
            return StoreResult(OUT_OF_MEMORY)
        try:
            return StoreResult(self._ask())
        finally:
            self.discard()

    def _ask(self) -> int:
        try:
            primitive = self._primitive()
            context = _context(self._association, self._request.context_id)
        except (ValueError, TypeError, LookupError):
            _LOGGER.exception("a C-STORE command that pynetdicom does not take")
            return NOT_A_REQUEST
        try:
            answer = self._bindings.ask(
                self._bindings.current, evt.EVT_C_STORE, request=primitive, context=context
            )
        except Exception:
            _LOGGER.exception("the handler of EVT_C_STORE failed")
            return HANDLER_FAILED
        return _status(answer)

    def _primitive(self) -> C_STORE:
        request = self._request
        primitive = C_STORE()
        primitive.MessageID = request.message_id
        primitive.AffectedSOPClassUID = UID(_text(request.sop_class_uid))
        primitive.AffectedSOPInstanceUID = UID(_text(request.sop_instance_uid))
        if request.priority in (0, 1, 2):
            primitive.Priority = request.priority
        if request.move_originator_ae_title is not None:
            primitive.MoveOriginatorApplicationEntityTitle = _text(request.move_originator_ae_title)
        if request.move_originator_message_id is not None:
            primitive.MoveOriginatorMessageID = request.move_originator_message_id
        self._data.seek(0)
        primitive.DataSet = self._data
        return primitive

    def discard(self) -> None:
        """See `StoreSession.discard`."""
        self._data = BytesIO()
        taken, self._taken = self._taken, 0
        self._memory.leave(taken)


class HandlerObserver(ReceiverObserver):
    """Turns what happens on connections into pynetdicom's notifications."""

    def __init__(self, bindings: Bindings, ae: ApplicationEntity, listening: tuple[str, int]) -> None:
        """*listening*: address and port listened on."""
        self._bindings = bindings
        self._ae = ae
        self._listening = listening

    def association(self, peer_address: str, peer_port: int) -> AssociationObserver:
        """See `ReceiverObserver.association`."""
        view = AssociationView(self._ae, (peer_address, peer_port), self._listening)
        return _HandlerAssociation(self._bindings, view)


class _HandlerAssociation(AssociationObserver):
    wanted = frozenset(
        {
            ob.Connected,
            ev.RequestReceived,
            ev.AssociationAccepted,
            ev.AssociationRejected,
            ev.ReleaseRequested,
            ev.AbortReceived,
            ev.PeerClosed,
            ev.ProtocolError,
            ob.Crashed,
            ob.Closed,
        }
    )

    def __init__(self, bindings: Bindings, view: AssociationView) -> None:
        self._bindings = bindings
        self._view = view

    def _notify(self, event: Any, **attributes: Any) -> None:
        self._bindings.notify(self._view, event, **attributes)

    def observe(self, event: ob.AssociationEvent) -> None:
        """See `AssociationObserver.observe`."""
        view = self._view
        match event:
            case ob.Connected():
                self._bindings.current = view
                self._notify(evt.EVT_CONN_OPEN, address=(view.requestor.address, view.requestor.port))
            case ev.RequestReceived():
                view.requested(event.request)
                self._notify(evt.EVT_REQUESTED)
            case ev.AssociationAccepted():
                view.accepted(event.association)
                self._notify(evt.EVT_ACCEPTED)
                self._notify(evt.EVT_ESTABLISHED)
            case ev.AssociationRejected():
                view.is_rejected = True
                self._notify(evt.EVT_REJECTED)
            case ev.ReleaseRequested():
                view.ended()
                view.is_released = True
                self._notify(evt.EVT_RELEASED)
            case ob.Closed():
                view.ended()
                self._notify(evt.EVT_CONN_CLOSE, address=(view.requestor.address, view.requestor.port))
            case _:
                self._aborted()

    def _aborted(self) -> None:
        self._view.ended()
        self._view.is_aborted = True
        self._notify(evt.EVT_ABORTED)
