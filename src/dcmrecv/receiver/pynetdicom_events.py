"""Handlers written for pynetdicom, called by this engine with pynetdicom's events.

`Handlers` is three things to the engine, all of them about what is bound: the store (EVT_C_STORE), what answers
a C-ECHO (EVT_C_ECHO), and an observer that turns what happens on connections into notifications.

A data set for a program's handler is received as a whole first (`dcmrecv.receiver.received`), then the event is
handled; a `StorageWriter` that is bound itself gets the fragments as they come, and no event is made.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias, cast

from pydicom.dataset import Dataset
from pydicom.filereader import read_dataset
from pydicom.uid import UID
from pynetdicom import _config, evt
from pynetdicom.dimse_primitives import C_ECHO, C_STORE
from pynetdicom.dsutils import encode

from dcmrecv import conditions
from dcmrecv import observer as ob
from dcmrecv.core import events as ev
from dcmrecv.receiver.pynetdicom_association import PynetdicomAssociation, text_of, uid_of
from dcmrecv.receiver.received import HandlerMemory, HandlerMemoryError, ReceivedDataSet
from dcmrecv.receiver.storage_writer import StorageWriter
from dcmrecv.storage import RequestRefused, StoreResult, StoreSession
from dcmrecv.storage.meta import meta_header
from dcmrecv.storage.session import CANNOT_UNDERSTAND, OUT_OF_RESOURCES
from dcmrecv.text import from_bytes
from dcmrecv.transfer_syntaxes import encoding_of

if TYPE_CHECKING:
    from pynetdicom.ae import ApplicationEntity
    from pynetdicom.association import Association

__all__ = ["HandlerBinding", "Handlers", "StoreEvent"]

HandlerBinding: TypeAlias = tuple[Any, Callable[..., Any]] | tuple[Any, Callable[..., Any], list[Any]]
"""(event, handler) or (event, handler, further arguments), as pynetdicom takes them."""

_Bound: TypeAlias = tuple[Callable[..., Any], list[Any] | None]
"""A handler and its further arguments."""

HANDLER_FAILED = 0xC211
"""Status when an EVT_C_STORE handler raises (pynetdicom's)."""

STATUS_MISSING = 0xC001
"""Status when a handler returns a `Dataset` without one (pynetdicom's)."""

STATUS_INVALID = 0xC002
"""Status when a handler returns something else (pynetdicom's)."""

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
_DETAILS = {"OffendingElement", "ErrorComment"}
"""Elements of a status `Dataset` that go to the sender as well (PS3.7 C.4)."""


class Handlers(ob.ReceiverObserver):
    """The handlers of a server, and the associations that its threads serve."""

    def __init__(self, ae: ApplicationEntity, default: StorageWriter, budget: HandlerMemory) -> None:
        """*default* handles EVT_C_STORE while no other handler is bound."""
        self.ae = ae
        self.listening = ("", 0)
        self.associations: set[PynetdicomAssociation] = set()
        self.budget = budget
        self._default: list[_Bound] = [(default, None)]
        self._bound: dict[Any, list[_Bound]] = {evt.EVT_C_STORE: self._default}
        self._thread = threading.local()

    # -- binding -------------------------------------------------------------------------------------

    def bind(self, event: Any, handler: Callable[..., Any], args: list[Any] | None = None) -> None:
        """Bind *handler* to *event*; an intervention has one handler, the last one bound.

        Raises ValueError for an event that this engine does not have.
        """
        if event in _INTERVENTIONS:
            self._bound[event] = [(handler, args)]
        elif event not in _NOTIFICATIONS:
            raise ValueError(f"{event} is no event of this engine: it serves Verification and Storage")
        elif (handler, args) not in self._bound.get(event, ()):
            self._bound[event] = [*self._bound.get(event, ()), (handler, args)]

    def unbind(self, event: Any, handler: Callable[..., Any]) -> None:
        """Take *handler* from *event*."""
        left = [each for each in self.of(event) if each[0] != handler]
        if left or event == evt.EVT_C_STORE:
            self._bound[event] = left or self._default
        else:
            self._bound.pop(event, None)

    def events(self) -> list[Any]:
        """Return the events that have handlers."""
        return sorted(self._bound, key=lambda event: str(event.name))

    def of(self, event: Any) -> list[_Bound]:
        """Return the handlers of *event* with their further arguments."""
        return self._bound.get(event, [])

    @property
    def writer(self) -> StorageWriter | None:
        """The built-in handler, if it is what EVT_C_STORE is bound to."""
        ((handler, args),) = self._bound[evt.EVT_C_STORE]
        return handler if isinstance(handler, StorageWriter) and not args else None

    # -- events --------------------------------------------------------------------------------------

    def association(self, peer_address: str, peer_port: int) -> ob.AssociationObserver:
        """See `ReceiverObserver.association`."""
        return _AssociationEvents(
            self, PynetdicomAssociation(self.ae, (peer_address, peer_port), self.listening)
        )

    @property
    def current(self) -> PynetdicomAssociation:
        """The association that this thread serves."""
        return cast("PynetdicomAssociation", self._thread.association)

    def begin(self, association: PynetdicomAssociation) -> None:
        """This thread begins to serve *association*."""
        self._thread.association = association
        self.associations.add(association)

    def notify(self, association: PynetdicomAssociation, event: Any, **attributes: Any) -> None:
        """Call the handlers of a notification. What they raise is logged (logger ``dcmrecv.handlers``)."""
        for handler, args in self.of(event):
            try:
                handler(evt.Event(_for_event(association), event, attributes), *(args or ()))
            except Exception:
                _LOGGER.exception("the handler of %s failed", event)

    def request(
        self, request: ev.StoreRequest, association: ev.AcceptedAssociation, observer: ob.AssociationObserver
    ) -> StoreSession:
        """See `ObjectStore.request`."""
        writer = self.writer
        if writer is not None:
            return writer.request(request, association, observer)
        return _EventSession(self, request, association, observer)

    def echo(self, request: ev.EchoRequest, agreed: ev.AcceptedAssociation) -> tuple[int, bytes]:
        """Return status and details for a C-ECHO; 0000 if no handler is bound or it fails, as in pynetdicom."""
        bound = self.of(evt.EVT_C_ECHO)
        if not bound:
            return 0x0000, b""
        try:
            primitive = C_ECHO()
            primitive.MessageID = request.message_id
            primitive.AffectedSOPClassUID = uid_of(request.sop_class_uid)
        except ValueError:
            _LOGGER.exception("a C-ECHO command that pynetdicom does not take")
            return 0x0000, b""
        attributes = {"request": primitive, "context": self.current.context(request.context_id)}
        event = evt.Event(_for_event(self.current), evt.EVT_C_ECHO, attributes)
        status, details = self.answer(event, bound[0], failed=0x0000)
        return (0x0000, b"") if status in (STATUS_MISSING, STATUS_INVALID) else (status, details)

    def answer(self, event: evt.Event, bound: _Bound, *, failed: int) -> tuple[int, bytes]:
        """Return status and details that the handler *bound* answers; *failed* is the status if it raises.

        What it raises is logged (logger ``dcmrecv.handlers``). Raises `RequestRefused` if it asks for an abort.
        """
        handler, args = bound
        association = self.current
        association.can_abort = True
        try:
            answer = _status(handler(event, *(args or ())))
        except HandlerMemoryError as error:
            _LOGGER.error("the object is refused: %s", error)
            answer = OUT_OF_RESOURCES, b""
        except Exception:
            _LOGGER.exception("the handler of %s failed", event.event)
            answer = failed, b""
        finally:
            association.can_abort = False
        if association.abort_asked:
            raise RequestRefused((conditions.HANDLER_ABORTS,))
        return answer


class StoreEvent(evt.Event):
    """A C-STORE request with its data set, all of which has been received."""

    request: C_STORE
    _stored: ob.Stored | None = None

    def __init__(self, association: PynetdicomAssociation, received: _EventSession) -> None:
        """Raises ValueError for what `_Request` does not take."""
        super().__init__(_for_event(association), evt.EVT_C_STORE)
        self._received = received
        self.request = _Request(received.request, received.content)
        self.context = association.context(received.request.context_id)

    @property
    def dataset(self) -> Dataset:
        """The data set, decoded (once). Raises `HandlerMemoryError` if there is no memory left for it."""
        if self._decoded is None:
            self._decoded = self._decode()
        return self._decoded

    def _decode(self) -> Dataset:
        content = self._received.content
        if not content.size:
            return Dataset()
        encoding = encoding_of(self._received.request.transfer_syntax)
        data = read_dataset(
            content.inflated() if encoding.deflated else content.stream(),
            not encoding.explicit,
            not encoding.big_endian,
        )
        data.set_original_encoding(not encoding.explicit, not encoding.big_endian)
        return data

    @property
    def dataset_path(self) -> Path:
        """A file with the object, file meta information first. It is there until the handler returns.

        Raises RuntimeError after that.
        """
        return self._received.content.path()

    def encoded_dataset(self, include_meta: bool = True) -> bytes:
        """Return the data set as it came. Raises `HandlerMemoryError` if there is no memory left for it."""
        return self._received.content.read(with_header=include_meta)

    @property
    def stored_path(self) -> Path | None:
        """Where a `StorageWriter` has stored it."""
        return None if self._stored is None else Path(from_bytes(self._stored.path))

    @property
    def stored_size(self) -> int:
        """Bytes of that file."""
        return 0 if self._stored is None else self._stored.size

    def store_with(self, writer: StorageWriter) -> int:
        """Have *writer* store the object; return the status for the response.

        Raises RuntimeError if the handler has returned: the association goes on, or is over.
        """
        received = self._received
        received.content.check_open()
        seen = _StoredSeen(received.observer)
        try:
            session = writer.request(received.request, received.association, seen)
        except RequestRefused as refused:
            _LOGGER.error("the object cannot be stored: %s", refused)
            return CANNOT_UNDERSTAND
        try:
            for block, last in received.content.blocks():
                failure = session.receive([block], last, received.request.context_id)
                if failure is not None:
                    _LOGGER.error("the data set cannot be read: %s", failure.conditions)
                    return CANNOT_UNDERSTAND
            status = session.complete().status
        finally:
            session.discard()
        self._stored = seen.stored or self._stored
        return status


class _Request(C_STORE):
    """The request of a `StoreEvent`, whose data set is taken into memory when it is asked for."""

    def __init__(self, request: ev.StoreRequest, content: ReceivedDataSet) -> None:
        """Raises ValueError for UIDs that are none if the program asks pynetdicom for that."""
        super().__init__()
        self._content = content
        self.MessageID = request.message_id
        # past the properties, which would make and check each UID three times more
        self._affected_sop_class_uid = _checked(uid_of(request.sop_class_uid)) or None
        self._affected_sop_instance_uid = _checked(uid_of(request.sop_instance_uid)) or None
        if request.priority in (0, 1, 2):
            self.Priority = request.priority
        if request.move_originator_ae_title is not None:
            self.MoveOriginatorApplicationEntityTitle = text_of(request.move_originator_ae_title)
        if request.move_originator_message_id is not None:
            self.MoveOriginatorMessageID = request.move_originator_message_id

    @property
    def DataSet(self) -> BytesIO:
        """The data set as it came. Raises `HandlerMemoryError`."""
        return BytesIO(self._content.read(with_header=False))

    @DataSet.setter
    def DataSet(self, value: BytesIO | None) -> None:
        if value is not None:
            raise AttributeError("the data set of a request that was received cannot be replaced")


def _checked(uid: UID) -> UID:
    if _config.ENFORCE_UID_CONFORMANCE and uid and not uid.is_valid:
        raise ValueError(f"the UID {uid!r} is not conformant")
    return uid


class _EventSession(StoreSession):
    """A C-STORE for a program's handler."""

    def __init__(
        self,
        handlers: Handlers,
        request: ev.StoreRequest,
        association: ev.AcceptedAssociation,
        observer: ob.AssociationObserver,
    ) -> None:
        super().__init__(request, association, observer)
        self.content = ReceivedDataSet(
            handlers.budget,
            meta_header(request.sop_class_uid, request.sop_instance_uid, request.transfer_syntax),
        )
        self._handlers = handlers
        self._failure: OSError | None = None

    def receive(self, views: list[memoryview], last: bool, context_id: int) -> None:
        """See `StoreSession.receive`."""
        if self._failure is None:
            try:
                self.content.write(views)
            except OSError as error:
                self._failure = error

    def complete(self) -> StoreResult:
        """See `StoreSession.complete`."""
        try:
            if self._failure is not None:
                _LOGGER.error("a data set could not be kept for its handler: %s", self._failure)
                return StoreResult(OUT_OF_RESOURCES)
            return self._handle()
        finally:
            self.discard()

    def _handle(self) -> StoreResult:
        try:
            event = StoreEvent(self._handlers.current, self)
        except ValueError:
            _LOGGER.exception("a C-STORE command that pynetdicom does not take")
            return StoreResult(CANNOT_UNDERSTAND)
        (bound,) = self._handlers.of(evt.EVT_C_STORE)
        status, details = self._handlers.answer(event, bound, failed=HANDLER_FAILED)
        return StoreResult(status, details=details)

    def discard(self) -> None:
        """See `StoreSession.discard`."""
        self.content.close()


class _StoredSeen(ob.AssociationObserver):
    """Hands everything on, and keeps what was stored."""

    def __init__(self, observer: ob.AssociationObserver) -> None:
        self.stored: ob.Stored | None = None
        self.wanted = frozenset({ob.Stored, *observer.wanted})
        self._observer = observer

    def observe(self, event: ob.AssociationEvent) -> None:
        """See `AssociationObserver.observe`."""
        if isinstance(event, ob.Stored):
            self.stored = event
        if type(event) in self._observer.wanted:
            self._observer.observe(event)


class _AssociationEvents(ob.AssociationObserver):
    """Turns what happens on one connection into pynetdicom's notifications."""

    holds_back = False
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

    def __init__(self, handlers: Handlers, association: PynetdicomAssociation) -> None:
        self._handlers = handlers
        self._association = association

    def _notify(self, event: Any, **attributes: Any) -> None:
        self._handlers.notify(self._association, event, **attributes)

    def observe(self, event: ob.AssociationEvent) -> None:
        """See `AssociationObserver.observe`."""
        association = self._association
        peer = association.requestor
        match event:
            case ob.Connected():
                self._handlers.begin(association)
                self._notify(evt.EVT_CONN_OPEN, address=(peer.address, peer.port))
            case ev.RequestReceived():
                association.requested(event.request)
                self._notify(evt.EVT_REQUESTED)
            case ev.AssociationAccepted():
                association.accepted(event.association)
                self._notify(evt.EVT_ACCEPTED)
                self._notify(evt.EVT_ESTABLISHED)
            case ev.AssociationRejected():
                association.is_rejected = True
                self._notify(evt.EVT_REJECTED)
            case ev.ReleaseRequested():
                association.is_established = False
                association.is_released = True
                self._notify(evt.EVT_RELEASED)
            case ob.Closed():
                association.is_established = False
                self._handlers.associations.discard(association)
                self._notify(evt.EVT_CONN_CLOSE, address=(peer.address, peer.port))
            case _:
                association.is_established = False
                association.is_aborted = True
                self._notify(evt.EVT_ABORTED)


def _for_event(association: PynetdicomAssociation) -> Association:
    """Tell the type checker that it does for pynetdicom's `Event`, which only keeps it."""
    return cast("Association", association)


def _details(answer: Dataset) -> bytes:
    """Return what of a status goes to the sender beside it, encoded (PS3.7 C.4)."""
    details = Dataset()
    for keyword in _DETAILS & set(answer.dir()):
        details[keyword] = answer[keyword]
    return encode(details, True, True) or b""


def _status(answer: object) -> tuple[int, bytes]:
    """Return the status in what a handler answered, an int or a `Dataset`, and its details, encoded."""
    details = b""
    if isinstance(answer, Dataset):
        if "Status" not in answer:
            _LOGGER.error("a handler returned a Dataset without a Status")
            return STATUS_MISSING, b""
        details = _details(answer)
        answer = answer.Status
    if isinstance(answer, int) and 0 <= answer <= 0xFFFF:
        return int(answer), details
    _LOGGER.error("a handler returned %r, which is no status", type(answer))
    return STATUS_INVALID, b""
