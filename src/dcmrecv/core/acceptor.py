"""One association from the acceptor's side: bytes in, events out.

Four parts, each with one matter, and none of them reaches into another:

* `ReceiveBuffer` has the bytes;
* `UpperLayer` has PDUs and the states of PS3.8;
* `Acceptor`, here, has the messages in the PDVs (PS3.7 section 6.3.1, PS3.8 Annex E; spec/network.md c): it collects a
  command set, hands out the fragments of a data set, and makes events of the layer's indications;
* `ResponseWriter` has the answers.

Nearly all messages have one shape; `dcmrecv.core.exchange` frames a C-STORE of that shape in one step. It answers None
to everything else, and what follows here is the general path, which takes every message, the usual ones as well.

The rules of a message: all fragments of a command set or data set have one presentation context and an even length;
a command set ends with the fragment that says so, and what is in it is judged when it is whole (c.1); a data
set follows a C-STORE-RQ and nothing else does (c.3). Nothing is looked at twice: a fragment is either taken or the
reason for an abort, and an error behind good fragments is found by the next call, when these have been dealt with.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence

from dcmrecv import conditions, remarks
from dcmrecv.conditions import Condition
from dcmrecv.core import limits, pdu
from dcmrecv.core.buffer import ReceiveBuffer
from dcmrecv.core.dimse import C_ECHO_RQ, C_STORE_RQ, Command, CommandError, read_command, read_elements
from dcmrecv.core.events import (
    AbortReceived,
    AcceptedAssociation,
    DataFragments,
    EchoRequest,
    Event,
    NotAnAssociation,
    PeerClosed,
    ProtocolError,
    ReleaseRequested,
    RequestUnusable,
    Stage,
    StoreRequest,
)
from dcmrecv.core.exchange import Exchange, frame_data_set, frame_request
from dcmrecv.core.negotiate import AcceptorSettings
from dcmrecv.core.responses import ResponseWriter
from dcmrecv.core.upper_layer import Arrival, Indicates, Indication, State, UpperLayer, Wait
from dcmrecv.memory import Account, MemoryBudgetExceeded
from dcmrecv.remarks import Remark

__all__ = ["Acceptor", "AcceptorSettings", "Wait"]

_PDV = struct.Struct(">IBB").unpack_from
_PDV_HEADER = 6
# by plain names where each message passes: looking a member up in its class costs more than the comparison
_STA6 = State.STA6
_ACCEPTED, _REJECTED = Arrival.ACCEPTED, Arrival.REJECTED
_ASSOCIATE, _P_DATA, _RELEASE = Indicates.ASSOCIATE, Indicates.P_DATA, Indicates.RELEASE
_BOUNDARY = Wait.PDU_BOUNDARY
_COMMAND, _DATA_SET = Stage.COMMAND, Stage.DATA_SET
_COMMAND_BIT = 1
_LAST_BIT = 2


def _nested(stage: Stage, cause: Condition) -> tuple[Condition, ...]:
    """Nest a problem with a PDU by what was being waited for."""
    if stage is Stage.COMMAND:
        return (conditions.RECEIVE_FAILED, conditions.READ_PDV_FAILED, cause)
    return (conditions.READ_PDV_FAILED, cause)


class Acceptor:
    """The protocol of one connection. Used by one thread.

    The driver's part: pull `next_event` until it is None; send `data_to_send`; then, by `wait`, receive into
    the `room` of `buffer` and say `received`, or `receive_eof` or `receive_timeout`; and so on.
    """

    __slots__ = (
        "_account", "_association", "_command", "_command_context", "_command_pdvs", "_command_started", "_contexts",
        "_data_context", "_exchange", "_framed", "_general", "_layer", "_pending", "_responses", "_settings", "_stage",
        "buffer", "unsent",
    )  # fmt: skip

    def __init__(
        self, settings: AcceptorSettings, account: Account | None = None, *, general: bool = False
    ) -> None:
        """*account*: what memory beyond the first buffer is charged to; None: it is not.

        *general*: take the general path for everything (to compare the two).
        """
        self._settings = settings
        self._general = general
        self._account = account
        self.buffer = ReceiveBuffer(settings.max_pdu + pdu.HEADER, account)
        """Where the next bytes go; to make room there ends the life of views in earlier `DataFragments`."""
        self._layer = UpperLayer(self.buffer, settings.max_pdu)
        self.unsent = self._layer.unsent
        """What waits for `data_to_send`."""
        self._pending: tuple[Event, ...] = ()
        self._association: AcceptedAssociation | None = None
        self._contexts: dict[int, bytes] = {}  # transfer syntax of each accepted one
        self._responses: ResponseWriter  # since the association was accepted
        self._exchange: Exchange | None = None  # the usual one that is being answered
        self._framed: Sequence[
            memoryview
        ] = ()  # the last `DataFragments`, if each is the only one of its PDU
        self._stage = _COMMAND
        self._command: bytearray | None = None  # the fragments of the command set being received
        self._command_pdvs = 0
        self._command_context = -1
        self._command_started = False  # bytes of a command were looked at and no event has named it
        self._data_context = -1  # context of the data set being received, -1 before its first PDV

    # -- bytes in ------------------------------------------------------------------------------------

    def receive_eof(self, *, reset: bool = False) -> None:
        """The peer has closed or (*reset*) reset the connection, or was silent too long inside a PDU."""
        if self._account is None or not self._account.evicted:  # else the eviction has closed it
            self._layer.end(reset=reset)

    def receive_timeout(self) -> None:
        """``-ta`` or ``-td`` has expired; which of them is clear from `wait`."""
        self._layer.end(expired=True)

    # -- what the driver asks ------------------------------------------------------------------------

    @property
    def wait(self) -> Wait:
        """What is waited for once `next_event` has returned None."""
        buffer = self.buffer
        layer = self._layer
        # the usual case in short
        return _BOUNDARY if buffer.begin == buffer.end and layer.state is _STA6 else layer.wait

    @property
    def in_command(self) -> bool:
        """True while a command set has begun and is not whole: it has a time limit of its own."""
        return self._command is not None

    @property
    def unread(self) -> int:
        """Received bytes that were not consumed; meaningful in `Wait.LINGER` and `Wait.CLOSED`.

        If there are any, the connection ends with a reset, not with a FIN.
        """
        return len(self.buffer)

    @property
    def association(self) -> AcceptedAssociation | None:
        """What was agreed, or None."""
        return self._association

    def data_to_send(self) -> bytes:
        """Return what is to be sent now, in one piece, and forget it."""
        out = self.unsent
        if not out:
            return b""
        data = out[0] if len(out) == 1 else b"".join(out)
        out.clear()
        return data

    def next_event(self) -> Event | None:
        """Return the next event, or None if bytes are needed (or nothing more will come: see `wait`)."""
        pending = self._pending
        if pending:
            self._pending = pending[1:]
            return pending[0]
        layer = self._layer
        buffer = self.buffer
        event: Event | None = None
        if layer.state is _STA6 and not layer.left and buffer.begin != buffer.end and not self._general:
            event = self._usual()
        if event is None and (buffer.begin != buffer.end or layer.ended is not None):
            event = self._next()
        if event is None:
            account = self._account
            if buffer.filled or (
                account is not None and (account.evicted or buffer.size > limits.BUFFER_FIRST)
            ):
                return self._look_after_memory()
        return event

    def _next(self) -> Event | None:
        layer = self._layer
        while True:
            if not layer.left:
                indication = layer.next()
                if indication is None:
                    return None
                if indication.what is not _P_DATA:
                    return self._event(indication)
            event = self._command_pdv() if self._stage is _COMMAND else self._data_pdvs()
            if event is not None:
                return event

    def _usual(self) -> Event | None:
        """Take what is there of a usual message; None, and nothing is consumed, if that is not what is there."""
        buffer = self.buffer
        begin, end = buffer.begin, buffer.end
        limit = self._settings.max_pdu
        if self._stage is _DATA_SET:
            context_id = self._data_context
            if context_id < 0:
                if self._exchange is None or self._exchange.request is None:
                    return None
                context_id = self._exchange.request.context_id
            exchange = frame_data_set(buffer.data, buffer.view, begin, end, limit, context_id)
            if exchange is None:
                return None
            buffer.begin = exchange.position
            return self._fragments(exchange, context_id)
        if self._command is not None:
            return None
        exchange = frame_request(buffer.data, buffer.view, begin, end, limit, self._contexts)
        if exchange is None:
            return None
        buffer.begin = exchange.position
        self._exchange = exchange
        request = exchange.request
        assert request is not None
        if not exchange.stores:
            return request
        self._stage = _DATA_SET
        self._data_context = -1
        if exchange.views:
            self._pending = (self._fragments(exchange, request.context_id),)
        return request

    def _fragments(self, exchange: Exchange, context_id: int) -> DataFragments:
        """Return the event for the fragments of *exchange*."""
        self._framed = exchange.views
        if exchange.last:
            self._stage = _COMMAND
            self._data_context = -1
        else:
            self._data_context = context_id
        return tuple.__new__(DataFragments, (exchange.views, exchange.last, context_id))

    def _look_after_memory(self) -> Event | None:
        """Everything that is whole was consumed: let the buffer grow or shrink, end what holds too much."""
        buffer = self.buffer
        account = self._account
        self._framed = ()  # a view would keep the old buffer
        if self._exchange is not None:
            self._exchange.views = []
        try:
            if account is not None:
                if account.evicted:
                    raise MemoryBudgetExceeded
                if buffer.size > limits.BUFFER_FIRST and not account.relaxed:
                    buffer.shrink()
            if buffer.filled and self.wait < Wait.LINGER:
                buffer.grow()
        except MemoryBudgetExceeded:
            buffer.filled = False
            if account is not None:
                account.close()
            self._account = None  # an end of the stream counts again
            if self._layer.state is State.STA6:
                return self._violation((conditions.OUT_OF_MEMORY,))
            if self._layer.state is State.STA2:
                self._layer.take(Arrival.ABORT_REQUEST)
                return RequestUnusable(conditions.OUT_OF_MEMORY)
        return None

    # -- what the driver answers ---------------------------------------------------------------------

    def send_response(
        self, request: EchoRequest | StoreRequest, status: int = 0, details: bytes = b""
    ) -> tuple[Condition, ...]:
        """Answer *request*, a C-STORE after its data set. Returns the causes why that cannot be done, else nothing.

        *details* are elements that stand behind the status, encoded (PS3.7 C.4).

        If it cannot be done, the acceptor aborts; its `ProtocolError` is the next event.
        """
        responses = self._responses
        if not responses.possible:
            return self._no_response()
        exchange = self._exchange
        is_usual = not (status or details) and responses.uncut
        if is_usual and exchange is not None and exchange.request is request:
            self.unsent.append(exchange.response)
        else:
            self.unsent.append(responses.write(request, status, details))
        return ()

    def _no_response(self) -> tuple[Condition, ...]:
        assert self._association is not None
        reasons = conditions.response_too_long(self._association.request.max_pdu)
        self.abort(reasons)
        return reasons

    def abort(self, reasons: Sequence[Condition] = (), *, after: int | None = None) -> None:
        """Abort for a reason of the driver's; a `ProtocolError` with stage COMMAND is the next event.

        *after*: how many views of the last `DataFragments` count, if not all. The PDUs of the others are then
        what the peer says after our abort, as they are for the reference, which takes PDV by PDV. Ignored
        when the association is already over.
        """
        if self._layer.state is State.STA6:
            if self._pending:
                after = 0  # the fragments of a usual exchange were not handed out
            if after is not None:
                for view in self._framed[after:]:
                    self.buffer.begin -= len(view) + pdu.HEADER + _PDV_HEADER
            self._layer.take(Arrival.ABORT_REQUEST)
            self._pending = (self._failed(tuple(reasons), stage=Stage.COMMAND),)

    # -- from indications to events ------------------------------------------------------------------

    def _event(self, indication: Indication) -> Event:
        """Return the event that *indication* is for the driver."""
        what, cause, data, kind, length = indication
        if what is _ASSOCIATE:
            return self._negotiate(data)
        if what is _RELEASE:
            return ReleaseRequested(self._stage, self._stage is _COMMAND and self._command_started)
        if what is Indicates.NO_REQUEST:
            return NotAnAssociation(kind)
        if what is Indicates.UNUSABLE:
            if kind == pdu.ASSOCIATE_RQ:
                return RequestUnusable(cause, notes=(remarks.REQUEST_TOO_LONG(length),))
            return RequestUnusable(cause)
        stage = self._stage
        started = stage is Stage.COMMAND and self._command_started
        if what is Indicates.ABORT:
            return AbortReceived(data[0], data[1], stage, started)
        if what is Indicates.CLOSED:
            return PeerClosed(stage, started)
        reasons = (cause,) if cause is conditions.NO_DATA else _nested(stage, cause)
        return self._failed(reasons)

    def _negotiate(self, raw: bytes) -> Event:
        account = self._account
        beyond = (len(raw) - limits.USUAL_REQUEST) * limits.REQUEST_COST
        if beyond > 0 and account is not None:
            try:
                account.charge(beyond)
            except MemoryBudgetExceeded:
                self._layer.take(Arrival.REJECTED)
                return RequestUnusable(conditions.OUT_OF_MEMORY, raw=raw[: limits.USUAL_REQUEST])
        self.buffer.shrink()
        result = self._settings.negotiate(raw)
        association = result.association
        self._layer.take(_REJECTED if association is None else _ACCEPTED)
        if association is not None:
            self._association = association
            self._contexts = result.contexts
            assert result.responses is not None
            self._responses = result.responses
        if result.reply:
            self.unsent.append(result.reply)
        self._pending = result.events[1:]
        return result.events[0]

    def _failed(
        self,
        reasons: tuple[Condition, ...],
        *,
        stage: Stage | None = None,
        context_id: int | None = None,
        notes: tuple[Remark, ...] = (),
        command_set: bytes = b"",
        command_field: int = 0,
        context_of_command: int | None = None,
    ) -> ProtocolError:
        """Return the event of an association that the layer has aborted, and forget its message."""
        stage = self._stage if stage is None else stage
        started = stage is Stage.COMMAND and self._command_started
        if stage is Stage.DATA_SET and context_id is None and self._data_context >= 0:
            context_id = self._data_context
        self._command = None
        self._command_started = False
        return ProtocolError(
            stage, reasons, context_id, command_set, command_field, context_of_command, notes, started
        )

    def _violation(
        self,
        reasons: tuple[Condition, ...],
        *,
        context_id: int | None = None,
        notes: tuple[Remark, ...] = (),
    ) -> ProtocolError:
        """Abort because of a PDV or message of the peer."""
        self._layer.take(Arrival.ABORT_REQUEST)
        return self._failed(reasons, context_id=context_id, notes=notes)

    # -- commands ------------------------------------------------------------------------------------

    def _command_pdv(self) -> Event | None:
        """Take one PDV of a command set; the checks and their order are those of c.1."""
        buffer = self.buffer
        length, context_id, flags = _PDV(buffer.data, buffer.begin)
        begin = buffer.begin + _PDV_HEADER
        buffer.begin += 4 + length
        self._layer.left -= 4 + length
        length -= 2
        if self._command is None:
            self._command = bytearray()
            self._command_pdvs = 0
            self._command_context = context_id
        elif context_id != self._command_context:
            return self._violation(conditions.contexts_in_command(self._command_context, context_id))
        if length & 1:
            # dropped, and the command ends here: what came before it counts
            return self._complete_command(whole=False)
        if len(self._command) + length > limits.WHOLE_COMMAND:
            return self._violation(
                (conditions.RECEIVE_FAILED, conditions.command_too_long(limits.WHOLE_COMMAND))
            )
        self._command_pdvs += 1
        if self._command_pdvs > limits.COMMAND_FRAGMENTS:
            return self._violation(
                (conditions.RECEIVE_FAILED, conditions.command_in_pieces(limits.COMMAND_FRAGMENTS))
            )
        self._command += buffer.view[begin : begin + length]
        if length or not flags & _LAST_BIT:
            self._command_started = True
        if flags & _LAST_BIT or not flags & _COMMAND_BIT:
            return self._complete_command(is_data=not flags & _COMMAND_BIT, whole=bool(flags & _LAST_BIT))
        return None

    def _complete_command(self, *, is_data: bool = False, whole: bool = True) -> Event:
        """Judge the command set: *is_data* if its final fragment is of a data set, *whole* if that was
        the last."""
        assert self._command is not None
        data = bytes(self._command)
        context_id = self._command_context
        transfer_syntax = self._contexts.get(context_id, b"")
        problem = () if transfer_syntax else (conditions.RECEIVE_FAILED, conditions.BAD_CONTEXT)
        if is_data and not problem:
            problem = (conditions.RECEIVE_FAILED, conditions.COMMAND_EXPECTED)
        try:
            if problem:
                # the reference has parsed, and remarked on, the elements before it looks at the context
                _, notes = read_elements(data, whole=whole)
                return self._violation(problem, notes=notes)
            command = read_command(data, whole=whole)
        except CommandError as error:
            return self._violation(error.causes, notes=error.notes)
        if command.field != C_STORE_RQ and command.field != C_ECHO_RQ:
            return self._not_ours(command, data, context_id)
        self._command = None
        self._command_started = False
        if command.field == C_ECHO_RQ:
            return EchoRequest(context_id, command.message_id, command.class_uid, data, command.notes)
        self._stage = Stage.DATA_SET
        self._data_context = -1
        self._exchange = None
        return StoreRequest(
            context_id,
            command.message_id,
            command.class_uid,
            command.instance_uid,
            transfer_syntax,
            command.priority,
            command.data_set_type,
            command.move_originator,
            command.move_originator_id,
            data,
            command.notes,
        )

    def _not_ours(self, command: Command, data: bytes, context_id: int) -> ProtocolError:
        self._layer.take(Arrival.ABORT_REQUEST)
        return self._failed(
            (conditions.BAD_COMMAND_TYPE,),
            notes=command.notes,
            command_set=data,
            command_field=command.field,
            context_of_command=context_id,
        )

    # -- data sets -----------------------------------------------------------------------------------

    def _data_pdvs(self) -> Event:
        """Hand out PDVs of one PDU, none behind the last of the data set; an error comes with the next call."""
        buffer = self.buffer
        layer = self._layer
        views: list[memoryview] = []
        last = False
        self._framed = ()
        while layer.left and not last and len(views) < limits.FRAGMENTS_AT_ONCE:
            length, context_id, flags = _PDV(buffer.data, buffer.begin)
            reasons = self._data_problem(length - 2, context_id, flags)
            if reasons:
                if views:
                    break
                unknown = self._data_context < 0 and not flags & _COMMAND_BIT
                return self._violation(reasons, context_id=context_id if unknown else None)
            self._data_context = context_id
            views.append(buffer.view[buffer.begin + _PDV_HEADER : buffer.begin + 4 + length])
            buffer.begin += 4 + length
            layer.left -= 4 + length
            last = bool(flags & _LAST_BIT)
        event = DataFragments(views, last, self._data_context)
        if last:
            self._stage = Stage.COMMAND
            self._data_context = -1
        return event

    def _data_problem(self, length: int, context_id: int, flags: int) -> tuple[Condition, ...]:
        """Return why a PDV does not belong to the data set, or nothing (c.3, first paragraph)."""
        if flags & _COMMAND_BIT:
            return (conditions.UNEXPECTED_PDV,)
        if context_id != self._data_context:
            if self._data_context >= 0:
                return conditions.contexts_in_data_set(self._data_context, context_id)
            if context_id not in self._contexts:
                return (conditions.RECEIVE_FAILED, conditions.BAD_CONTEXT)
        return (conditions.odd_fragment(length),) if length & 1 else ()
