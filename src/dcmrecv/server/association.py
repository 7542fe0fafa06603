"""One association from its connection to its end: what each event of the core makes us do.

The driver owns no protocol rule (`dcmrecv.core`), no file (`dcmrecv.storage`) and no text
(`dcmrecv.observer`); it carries events from one to the other, in the order in which the reference does and
says things (spec/network.md f.1).
"""

from __future__ import annotations

import errno
import os
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from dcmrecv import conditions
from dcmrecv import observer as ob
from dcmrecv.conditions import Condition
from dcmrecv.core import events as ev
from dcmrecv.core.acceptor import Acceptor, AcceptorSettings, Wait
from dcmrecv.memory import Account, MemoryBudget, MemoryBudgetExceeded
from dcmrecv.server import limits
from dcmrecv.server.gil_gate import GateTicket, GilGate
from dcmrecv.server.passive_close import PassiveClose
from dcmrecv.server.transport import Clocks, Transport
from dcmrecv.storage import ReceiveFailure, RequestRefused
from dcmrecv.threads import let_others_run

if TYPE_CHECKING:
    from dcmrecv.storage import StoreSession
    from dcmrecv.tls.context import TlsServerContext

__all__ = ["Association", "Services"]

_LINGER = Wait.LINGER  # by a plain name where each read passes


class Store(Protocol):
    """What takes a C-STORE."""

    def request(
        self, request: ev.StoreRequest, association: ev.AcceptedAssociation, observer: ob.AssociationObserver
    ) -> StoreSession:
        """Return the session of *request*. Raises `RequestRefused` to abort the association at once."""


@dataclass(frozen=True, slots=True)
class Services:
    """What all associations of a process share."""

    settings: AcceptorSettings
    clocks: Clocks
    store: Store
    observer: ob.ReceiverObserver
    tls: TlsServerContext | None = None
    obstacle: tuple[Condition, ...] = ()
    """Why every DIMSE message is answered by an abort (an unusable data dictionary), or nothing."""
    gate: GilGate = field(default_factory=GilGate)
    """Among the associations."""
    echo: Callable[[ev.EchoRequest, ev.AcceptedAssociation], tuple[int, bytes]] | None = None
    """Gives status and details of the response to a C-ECHO; None: 0000."""
    memory: MemoryBudget = field(default_factory=MemoryBudget.default)
    """For all connections together, beyond their base."""


class Association:
    """Serves one connection. `run` in its thread; `end_soon` from any thread."""

    __slots__ = (
        "_acceptor", "_account", "_agreed", "_cut_off", "_data_context", "_ending", "_observe", "_observer", "_over",
        "_passive_close", "_request", "_services", "_session", "_sock", "_ticket", "_transport", "_wanted",
    )  # fmt: skip

    def __init__(
        self, services: Services, passive_close: PassiveClose, sock: socket.socket, address: tuple[str, int]
    ) -> None:
        """*passive_close* takes the connection if the peer is to close it first."""
        self._services = services
        self._passive_close = passive_close
        self._sock = sock
        self._ticket = GateTicket(services.gate)
        self._transport = Transport(sock, services.clocks, self._ticket)
        self._observer = services.observer.association(*address)
        self._observe = self._observer.observe
        self._wanted = self._observer.wanted
        self._account = Account(services.memory, sock)
        self._acceptor = Acceptor(services.settings, self._account)
        self._agreed: ev.AcceptedAssociation | None = None
        self._request: ev.StoreRequest | None = None
        self._session: StoreSession | None = None
        self._data_context: int | None = None  # of the data set being received, None before its first PDV
        self._over = False
        self._ending = False
        self._cut_off = False

    @property
    def storing(self) -> bool:
        """True while a C-STORE is being received."""
        return self._session is not None

    def end_soon(self, *, at_once: bool) -> None:
        """Let a running C-STORE finish and then end; with *at_once*, end now whatever is running."""
        self._ending = True
        self._cut_off = at_once
        if at_once or not self.storing:
            try:
                # wakes a thread that waits for bytes, and one that waits for the peer to take ours
                self._sock.shutdown(socket.SHUT_RDWR if at_once else socket.SHUT_RD)
            except OSError as error:
                if error.errno not in (errno.ENOTCONN, errno.EBADF, errno.EINVAL):
                    raise

    def run(self) -> None:
        """Serve the connection to its end and close it."""
        observer = self._observer
        try:
            self._say(ob.Connected)
            if self._services.tls is None or self._shake_hands():
                self._converse()
                self._ticket.leave()
                if observer.holds_back:
                    observer.flush()
                self._transport.finish(self._acceptor, self._passive_close)
        except MemoryError:  # no mistake in the code: the pool says that memory is short
            self._acceptor.abort()
            self._send()
            raise
        except Exception as error:  # noqa: BLE001
            # A mistake of ours must cost this peer its association and no other peer anything.
            if ob.Crashed in self._wanted:
                self._observe(ob.Crashed(error))
            self._acceptor.abort()
            self._send()
        finally:
            self._end()

    def _end(self) -> None:
        """Give back all that the association has, whatever of it fails for want of memory."""
        try:
            self._ticket.leave()
            self._end_session()
        finally:
            try:
                self._account.close()
            finally:
                try:
                    self._transport.close()
                finally:
                    self._say(ob.Closed)
                    if self._observer.holds_back:
                        self._observer.flush()

    def _shake_hands(self) -> bool:
        from dcmrecv.tls.errors import HandshakeError

        assert self._services.tls is not None
        try:
            connection = self._services.tls.handshake(
                self._sock, read_timeout=limits.READ_SECONDS, deadline=limits.TLS_HANDSHAKE_SECONDS
            )
        except HandshakeError as error:
            if ob.TlsFailed in self._wanted:
                self._observe(ob.TlsFailed(error.lines, error.text))
            return False
        self._transport.use_tls(connection)
        if ob.TlsEstablished in self._wanted:
            self._observe(ob.TlsEstablished(connection.warnings))
        if ob.TlsDetails in self._wanted:
            self._observe(ob.TlsDetails(connection.details()))
        return True

    def _converse(self) -> None:
        acceptor = self._acceptor
        transport = self._transport
        ticket = self._ticket
        handlers = _HANDLERS
        flush = self._observer.flush if self._observer.holds_back else None
        watch = self._wire_received if ob.WireReceived in self._wanted else None
        progressed = False
        size = 0
        command_ends = 0.0
        while True:
            event = acceptor.next_event()
            if event is None:
                if acceptor.unsent:
                    self._send()
                wait = acceptor.wait
                if self._over or wait >= _LINGER:
                    return
                if self._ending and self._session is None:
                    return
                if not acceptor.in_command:
                    command_ends = 0.0
                elif not command_ends:
                    command_ends = time.monotonic() + limits.COMMAND_SECONDS
                elif time.monotonic() > command_ends:
                    acceptor.receive_timeout()
                    continue
                if flush is not None:
                    flush()
                if progressed:
                    transport.progressed()
                    progressed = False
                ticket.leave(size)
                size = transport.receive(acceptor, wait, watch)
                ticket.enter(size)
            else:
                handlers[type(event)](self, event)
                progressed = True

    def _send(self) -> OSError | None:
        """Send what the acceptor has to say; an error means that the peer is gone."""
        data = self._acceptor.data_to_send()
        if data:
            try:
                self._transport.send(data)
            except OSError as error:
                return error
        return None

    def _say(self, kind: type[ob.Connected | ob.Terminated | ob.Closed]) -> None:
        """Hand an event without contents to the observer if it wants that."""
        if kind in self._wanted:
            self._observe(kind())

    def _wire_received(self, data: memoryview) -> None:
        self._observe(ob.WireReceived(data))

    # -- association ---------------------------------------------------------------------------------

    def _not_an_association(self, event: ev.NotAnAssociation) -> None:
        self._pass_on(event)
        self._say(ob.Terminated)

    def _pass_on(self, event: ob.AssociationEvent) -> None:
        """Hand an event of the core to the observer if it wants that."""
        if type(event) in self._wanted:
            self._observe(event)

    def _rejected(self, event: ev.AssociationRejected) -> None:
        self._pass_on(event)
        self._send()
        self._say(ob.Terminated)

    def _accepted(self, event: ev.AssociationAccepted) -> None:
        self._agreed = event.association
        self._pass_on(event)
        self._send()
        self._passive_close.sweep()

    def _released(self, event: ev.ReleaseRequested) -> None:
        if event.stage is ev.Stage.DATA_SET:
            self._data_set_failed((conditions.PEER_RELEASED,), self._data_context)
        self._pass_on(event)
        self._send()
        self._say(ob.Terminated)

    def _aborted(self, event: ev.AbortReceived | ev.PeerClosed) -> None:
        if self._ending and (self._cut_off or not self.storing):  # woken by end_soon: the peer did nothing
            self._over = True
            if self.storing and ob.CutOff in self._wanted:
                assert self._request is not None
                assert self._agreed is not None
                self._observe(ob.CutOff(self._request, self._agreed))
            return
        if event.stage is ev.Stage.DATA_SET:
            self._data_set_failed((conditions.PEER_ABORTED,), self._data_context)
        self._pass_on(event)
        self._say(ob.Terminated)

    def _protocol_error(self, event: ev.ProtocolError) -> None:
        if event.stage is ev.Stage.DATA_SET:
            self._data_set_failed(event.causes, event.context_id)
        self._pass_on(event)
        self._send()
        self._say(ob.Terminated)

    # -- C-ECHO --------------------------------------------------------------------------------------

    def _echo(self, event: ev.EchoRequest) -> None:
        if self._services.obstacle:
            self._refuse()
            return
        status, details = 0, b""
        self._pass_on(event)
        if self._services.echo is not None and self._agreed is not None:
            try:
                status, details = self._services.echo(event, self._agreed)
            except RequestRefused as refused:
                self._give_up(refused.conditions)
                return
        if ob.EchoResponse in self._wanted:
            self._observe(ob.EchoResponse(event, status))
        sent = self._respond("C-ECHO", self._acceptor.send_response(event, status, details))
        if sent and ob.EchoResponseSent in self._wanted:
            self._observe(ob.EchoResponseSent())

    def _respond(self, service: str, impossible: tuple[Condition, ...]) -> bool:
        """Send the response that the acceptor has made; *impossible* are the causes why it has not."""
        error = None if impossible else self._send()
        if error is not None:
            impossible = conditions.connection_lost(os.strerror(error.errno or 0))
            self._give_up(impossible)
        if impossible:
            if ob.ResponseFailed in self._wanted:
                self._observe(ob.ResponseFailed(service, impossible))
            return False
        return True

    # -- C-STORE -------------------------------------------------------------------------------------

    def _store(self, event: ev.StoreRequest) -> None:
        assert self._agreed is not None
        if self._services.obstacle:
            self._refuse()
            return
        self._request = event
        self._data_context = None
        if ev.StoreRequest in self._wanted:
            self._observe(event)
        if event.notes and ob.CommandRemark in self._wanted:
            for note in event.notes:
                self._observe(ob.CommandRemark(note))
        try:
            session = self._services.store.request(event, self._agreed, self._observer)
        except RequestRefused as refused:
            self._give_up(refused.conditions)
            return
        self._session = session
        session.account = self._account
        if ob.StoreStarted in self._wanted:
            self._observe(ob.StoreStarted(event))

    def _fragments(self, event: ev.DataFragments) -> None:
        session = self._session
        assert session is not None
        self._data_context = event.context_id
        if ev.DataFragments in self._wanted:
            self._observe(event)
        try:
            failure = session.receive(event.views, event.last, event.context_id)
        except MemoryBudgetExceeded:
            failure = ReceiveFailure((conditions.OUT_OF_MEMORY,), None)
        if failure is not None:
            self._data_set_failed(failure.conditions, event.context_id)
            self._acceptor.abort(failure.conditions, after=failure.fragments)
        elif event.last:
            self._complete(session, event.context_id)
        else:
            let_others_run()  # a buffer may hold thousands of fragments that need no system call

    def _complete(self, session: StoreSession, context_id: int) -> None:
        request = self._request
        assert request is not None
        if session.dropped:
            if ob.DataSetDropped in self._wanted:
                self._observe(ob.DataSetDropped(request))
        else:
            if ob.DataSetReceived in self._wanted:
                self._observe(ob.DataSetReceived(request, context_id, session.to_file))
        if context_id != request.context_id:
            session.keep_or_discard()
            self._session = None
            if ob.ContextsDiffer in self._wanted:
                self._observe(ob.ContextsDiffer(request, context_id))
            self._give_up((conditions.CONTEXTS_DIFFER,))
            return
        try:
            result = session.complete()
        except (RequestRefused, MemoryBudgetExceeded) as error:
            self._end_session()
            self._give_up(
                error.conditions if isinstance(error, RequestRefused) else (conditions.OUT_OF_MEMORY,)
            )
            return
        self._session = None
        if session.charged:
            self._account.give_back(session.charged)
        if ob.StoreResponse in self._wanted:
            self._observe(ob.StoreResponse(request, result.status))
        sent = self._respond("C-STORE", self._acceptor.send_response(request, result.status, result.details))
        if sent and result.abort is not None:
            self._give_up(result.abort)

    def _data_set_failed(self, causes: tuple[Condition, ...], context_id: int | None) -> None:
        request = self._request
        assert request is not None
        self._end_session()
        if ob.DataSetFailed in self._wanted:
            self._observe(ob.DataSetFailed(request, context_id, causes))

    def _give_up(self, causes: tuple[Condition, ...]) -> None:
        """Abort for a reason of our own; the acceptor answers with a `ProtocolError`."""
        self._acceptor.abort(causes)

    def _refuse(self) -> None:
        self._services.observer.observe(ob.DictionaryUnusable())
        self._give_up(self._services.obstacle)

    def _end_session(self) -> None:
        session = self._session
        if session is not None:
            self._session = None
            if session.charged:
                self._account.give_back(session.charged)
            session.discard()


_HANDLERS: dict[type[Any], Callable[[Association, Any], None]] = {
    ev.NotAnAssociation: Association._not_an_association,
    ev.RequestUnusable: Association._pass_on,
    ev.RequestReceived: Association._pass_on,
    ev.AssociationRejected: Association._rejected,
    ev.AssociationAccepted: Association._accepted,
    ev.EchoRequest: Association._echo,
    ev.StoreRequest: Association._store,
    ev.DataFragments: Association._fragments,
    ev.ReleaseRequested: Association._released,
    ev.AbortReceived: Association._aborted,
    ev.PeerClosed: Association._aborted,
    ev.ProtocolError: Association._protocol_error,
}
"""What each event makes us do; shared, since a table of bound methods per connection costs
as much as reading a command."""
