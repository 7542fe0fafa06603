"""One association from the acceptor's side: bytes in, events out (PS3.8 section 9.2, spec/network.md).

Rules:

* A PDU is looked at when it is whole; its header alone decides whether it may become whole. So a bad PDV
  spoils all PDVs of its PDU, and a declared length never takes memory beyond a limit.
* The driver pulls: `next_event` is None when bytes are missing. What is to be sent waits in `data_to_send`,
  put there before the event that tells of it.
* The same bytes give the same events and replies wherever they are split (fragments of one data set may come
  in other portions).
* After our A-ABORT 0/0 reading goes on right behind the last header or PDU that was consumed, as the
  reference does: a body that was refused unread is taken for PDUs.
* `unread` counts received bytes that the reference would have left to the kernel when it closes, which then
  resets the connection.

States of PS3.8 table 9-10 (an acceptor never sees the others), and what each type of PDU does in them:

==================  ==================  =========================  ====================================
PDU                 Sta2 no request     Sta6 established           Sta13 we aborted
==================  ==================  =========================  ====================================
A-ASSOCIATE-RQ      negotiate           A-ABORT 2/2, linger        A-ABORT 2/2, linger
A-ASSOCIATE-AC, RJ  A-ABORT 0/0, linger A-ABORT 2/2, linger        dropped
P-DATA-TF           A-ABORT 0/0, linger PDVs                       dropped; too long: A-ABORT 2/2, linger
A-RELEASE-RQ        A-ABORT 0/0, linger A-RELEASE-RP, linger       dropped
A-RELEASE-RP        A-ABORT 0/0, linger A-ABORT 2/2, linger        dropped
A-ABORT             closed              closed                     closed
unknown             linger              A-ABORT 0/0, Sta13         A-ABORT 2/2, linger
end of stream       closed              closed; in a body: Sta13   closed
==================  ==================  =========================  ====================================
"""

from __future__ import annotations

import enum
import struct
from collections import deque
from collections.abc import Callable, Mapping, Sequence

from dcmrecv.core import causes, limits, pdu
from dcmrecv.core.buffer import ReceiveBuffer
from dcmrecv.core.dimse import C_ECHO_RQ, C_STORE_RQ, Command, CommandError, CommandReader, read_elements
from dcmrecv.core.events import (
    AbortReceived,
    AcceptedAssociation,
    Cause,
    DataFragments,
    EchoRequest,
    Event,
    NegotiationNote,
    NotAnAssociation,
    PeerClosed,
    ProtocolError,
    ReleaseRequested,
    RequestUnusable,
    Stage,
    StoreRequest,
)
from dcmrecv.core.negotiate import AcceptorSettings, is_receivable
from dcmrecv.core.responses import ResponseWriter

__all__ = ["Acceptor", "AcceptorSettings", "Wait"]


class Wait(enum.IntEnum):
    """What the acceptor waits for, so that the driver can choose a clock (spec/network.md 0 and d)."""

    FIRST_HEADER = 0
    """The first PDU header: ``-ta`` in total from accept; expiry is `Acceptor.receive_timeout`."""
    REQUEST_BODY = 1
    """The rest of the A-ASSOCIATE-RQ: 60 s per read; expiry is `Acceptor.receive_eof`."""
    PDU_BOUNDARY = 2
    """The first byte of a PDU: ``-td`` (expiry `receive_timeout`) or 60 s (expiry `receive_eof`)."""
    PDU_HEADER = 3
    """The rest of a PDU header: as `PDU_BOUNDARY`, but ``-td`` is for the whole header."""
    PDU_BODY = 4
    """The rest of a PDU: 60 s per read; expiry is `receive_eof`."""
    ABORT_WAIT = 5
    """The peer's reaction to our A-ABORT: ``-ta`` in total; expiry is `receive_timeout`."""
    LINGER = 6
    """Nothing more is read: wait until the socket is readable, then close it."""
    CLOSED = 7
    """Nothing more is read: close at once."""


class _State(enum.Enum):
    NO_REQUEST = enum.auto()
    COMMAND = enum.auto()
    DATA_SET = enum.auto()
    ABORTED = enum.auto()
    LINGER = enum.auto()
    CLOSED = enum.auto()


class _End(enum.Enum):
    STREAM = enum.auto()
    RESET = enum.auto()
    TIME = enum.auto()


_HEADER = struct.Struct(">BxI").unpack_from
_PDV = struct.Struct(">IBB").unpack_from
_LENGTH = struct.Struct(">I").unpack_from
_COMMAND_BIT = 1
_LAST_BIT = 2
_KNOWN = range(pdu.ASSOCIATE_RQ, pdu.ABORT + 1)


class Acceptor(ReceiveBuffer):
    """The protocol of one connection: a receive buffer that understands what is in it. Used by one thread."""

    def __init__(self, settings: AcceptorSettings) -> None:
        super().__init__(settings.max_pdu + pdu.HEADER)
        self._settings = settings
        self._max_pdu = settings.max_pdu
        self._state = _State.NO_REQUEST
        self._events: deque[Event] = deque()
        self._out: list[bytes] = []
        self._ended: _End | None = None
        self._association: AcceptedAssociation | None = None
        self._contexts: Mapping[int, bytes] = {}
        self._responses = ResponseWriter(0, limits.SEND_LENGTH)
        self._commands = CommandReader()
        self._fragments: list[bytes] = []  # of the command being received
        self._fragments_length = 0
        self._command_started = False  # bytes of it were looked at
        self._command_context = -1
        self._data_context = -1  # of the data set being received, -1 before its first PDV
        self._bulk_header = b""  # the 12 bytes before the previous fragment of this data set
        self._bulk_step = 0  # length of the PDU that began with them
        self._handed = 0  # where the PDVs of the last `DataFragments` began
        self._handed_end = 0  # and the end of the PDU they began in, if they began inside one
        self._ignore = 0  # bytes still to be dropped after our A-ABORT
        self._advance: dict[_State, Callable[[], Event | None]] = {
            _State.NO_REQUEST: self._first_pdu,
            _State.COMMAND: self._command,
            _State.DATA_SET: self._data_set,
            _State.ABORTED: self._after_abort,
            _State.LINGER: _nothing,
            _State.CLOSED: _nothing,
        }

    # -- bytes in ------------------------------------------------------------------------------------

    def receive_eof(self, *, reset: bool = False) -> None:
        """The peer has closed or (*reset*) reset the connection, or was silent too long inside a PDU."""
        self._ended = _End.RESET if reset else _End.STREAM

    def receive_timeout(self) -> None:
        """``-ta`` or ``-td`` has expired; which of them is clear from `wait`."""
        self._ended = _End.TIME

    # -- what the driver asks ------------------------------------------------------------------------

    @property
    def wait(self) -> Wait:
        """What is waited for once `next_event` has returned None."""
        state = self._state
        have = self._end - self._pos
        if state is _State.COMMAND or state is _State.DATA_SET:
            if not have:
                return Wait.PDU_BOUNDARY
            return Wait.PDU_HEADER if have < pdu.HEADER else Wait.PDU_BODY
        if state is _State.NO_REQUEST:
            return Wait.FIRST_HEADER if have < pdu.HEADER else Wait.REQUEST_BODY
        if state is _State.ABORTED:
            return Wait.ABORT_WAIT
        return Wait.LINGER if state is _State.LINGER else Wait.CLOSED

    @property
    def unread(self) -> int:
        """Received bytes that were not consumed; meaningful in `Wait.LINGER` and `Wait.CLOSED`.

        If there are any, the connection ends with a reset, not with a FIN.
        """
        return self._end - self._pos

    @property
    def association(self) -> AcceptedAssociation | None:
        """What was agreed, or None."""
        return self._association

    def data_to_send(self) -> bytes:
        """Return what is to be sent now, in one piece, and forget it."""
        out = self._out
        if not out:
            return b""
        data = out[0] if len(out) == 1 else b"".join(out)
        out.clear()
        return data

    def next_event(self) -> Event | None:
        """Return the next event, or None if bytes are needed (or nothing more will come: see `wait`)."""
        if self._events:
            return self._events.popleft()
        event = self._advance[self._state]()
        if event is None and self._ended is not None:
            event = self._at_end(self._ended)
        return event

    # -- what the driver answers ---------------------------------------------------------------------

    def send_echo_response(self, request: EchoRequest, status: int = 0) -> tuple[Cause, ...]:
        """Answer *request*. Returns the causes why that cannot be done, else nothing.

        If it cannot be done, the acceptor aborts; its `ProtocolError` is the next event.
        """
        if not self._responses.possible:
            return self._no_response()
        self._out.append(
            self._responses.echo(request.context_id, request.message_id, request.sop_class_uid, status)
        )
        return ()

    def send_store_response(self, request: StoreRequest, status: int) -> tuple[Cause, ...]:
        """Answer *request* after its data set. Returns what `send_echo_response` returns."""
        if not self._responses.possible:
            return self._no_response()
        self._out.append(
            self._responses.store(
                request.context_id,
                request.message_id,
                request.sop_class_uid,
                request.sop_instance_uid,
                status,
            )
        )
        return ()

    def _no_response(self) -> tuple[Cause, ...]:
        assert self._association is not None
        reasons = causes.response_too_long(self._association.request.max_pdu)
        self.abort(reasons)
        return reasons

    def abort(self, reasons: Sequence[Cause] = (), *, after: int | None = None) -> None:
        """Abort for a reason of the driver's; a `ProtocolError` with stage COMMAND is the next event.

        *after*: how many views of the last `DataFragments` count, if not all. The PDUs of the others are then
        what the peer says after our abort, as they are for the reference, which takes PDV by PDV. Ignored
        when the association is already over.
        """
        if self._state is not _State.COMMAND and self._state is not _State.DATA_SET:
            return
        if after is not None:
            self._rewind(after)
        self._events.clear()
        self._events.append(self._fail(tuple(reasons), Stage.COMMAND))

    def _rewind(self, count: int) -> None:
        """Go back to the end of the PDU with PDV number *count* of the last `DataFragments`."""
        pos = self._handed
        end = self._handed_end
        while True:
            while count > 0 and pos < end:
                count -= 1
                (length,) = _LENGTH(self._buffer, pos)
                pos += 4 + length
            if count <= 0 or end >= self._pos:
                break
            pos = end + pdu.HEADER
            (length,) = _LENGTH(self._buffer, end + 2)
            end = pos + length
        self._pos = end

    # -- PDUs ----------------------------------------------------------------------------------------

    def _first_pdu(self) -> Event | None:
        have = self._end - self._pos
        if have < pdu.HEADER:
            return None
        kind, length = _HEADER(self._buffer, self._pos)
        if kind == pdu.ASSOCIATE_RQ:
            if length > limits.REQUEST_LENGTH:
                self._pos += pdu.HEADER
                self._state = _State.LINGER
                return RequestUnusable(
                    "A-ASSOCIATE PDU too large",
                    (f"A-ASSOCIATE PDU too large: {length} bytes, refusing.",),
                )
            length += pdu.HEADER
            if have < length:
                self._wanted = length
                return None
            return self._negotiate(length)
        self._pos += pdu.HEADER
        if kind not in _KNOWN:
            self._state = _State.LINGER
            return RequestUnusable(causes.unrecognized_pdu(kind).text)
        if kind == pdu.P_DATA and length > self._max_pdu:
            self._state = _State.LINGER
            return RequestUnusable(causes.pdu_too_long(length, self._max_pdu).text)
        if kind == pdu.ABORT:
            self._state = _State.CLOSED
        else:
            self._out.append(pdu.ABORT_BY_USER)
            self._state = _State.LINGER
        return NotAnAssociation(kind)

    def _negotiate(self, length: int) -> Event:
        raw = bytes(self._view[self._pos : self._pos + length])
        self._pos += length
        self._wanted = 0
        if self._size > self._full and self._end - self._pos <= self._full:
            self._move_to(bytearray(self._full))
        result = self._settings.negotiate(raw)
        association = result.association
        if association is None:
            self._state = _State.LINGER
        else:
            self._state = _State.COMMAND
            self._association = association
            self._contexts = result.contexts
            self._responses = ResponseWriter(association.request.max_pdu, association.max_send_pdv)
        if result.reply:
            self._out.append(result.reply)
        self._events.extend(result.events)
        return self._events.popleft()

    def _next_pdu(self) -> Event | None:
        """Take the next PDU in Sta6. None: there are PDVs now, or there are not and bytes are missing."""
        pos = self._pos
        have = self._end - pos
        if have < pdu.HEADER:
            return None
        kind, length = _HEADER(self._buffer, pos)
        stage = Stage.DATA_SET if self._state is _State.DATA_SET else Stage.COMMAND
        if kind == pdu.P_DATA:
            if length > self._max_pdu:
                self._pos += pdu.HEADER
                reasons = causes.pdu_problem(stage, causes.pdu_too_long(length, self._max_pdu))
                event = self._fail(reasons, stage)
                # the header is found again while the reaction to the first abort is awaited
                self._out.append(pdu.ABORT_BY_PROVIDER)
                self._state = _State.LINGER
                return event
            if have < pdu.HEADER + length:
                return None
            return self._take_apart(pos + pdu.HEADER, length, stage)
        if kind == pdu.RELEASE_RQ or kind == pdu.ABORT:
            if length > limits.CONTROL_BODY:
                self._pos += pdu.HEADER
                return self._fail(causes.pdu_problem(stage, causes.ILLEGAL_PDU_LENGTH), stage)
            if have < pdu.HEADER + length:
                return None
            self._pos += pdu.HEADER + length
            if kind == pdu.RELEASE_RQ:
                self._out.append(pdu.RELEASE_RP_PDU)
                self._state = _State.LINGER
                return ReleaseRequested(stage, self._in_command(stage))
            self._state = _State.CLOSED
            body = self._buffer[pos + pdu.HEADER : pos + pdu.HEADER + length].ljust(4, b"\0")
            return AbortReceived(body[2], body[3], stage, self._in_command(stage))
        self._pos += pdu.HEADER
        if kind in _KNOWN:
            event = self._fail(causes.pdu_problem(stage, causes.NORMAL), stage)
            self._out[-1] = pdu.ABORT_BY_PROVIDER
            self._state = _State.LINGER
            return event
        return self._fail(causes.pdu_problem(stage, causes.unrecognized_pdu(kind)), stage)

    def _take_apart(self, begin: int, length: int, stage: Stage) -> Event | None:
        """Look at the PDV lengths of a whole P-DATA-TF PDU before any of its PDVs counts."""
        self._pos = end = begin + length
        problem = pdu.pdv_problem(self._buffer, begin, length)
        if problem is not None:
            return self._fail(causes.pdu_problem(stage, problem), stage)
        self._pdu_begin = self._pdv = begin
        self._pdu_end = end
        return None

    def _fail(
        self,
        reasons: tuple[Cause, ...],
        stage: Stage,
        *,
        context_id: int | None = None,
        lines: tuple[tuple[str, str], ...] = (),
        notes: tuple[NegotiationNote, ...] = (),
        command_set: bytes = b"",
        context_of_command: int | None = None,
    ) -> ProtocolError:
        """Abort with 0/0 and await the peer's reaction."""
        if stage is Stage.DATA_SET and context_id is None and self._data_context >= 0:
            context_id = self._data_context
        started = self._in_command(stage)
        self._forget_message()
        self._out.append(pdu.ABORT_BY_USER)
        self._state = _State.ABORTED
        return ProtocolError(
            stage,
            reasons,
            lines,
            context_id,
            command_set,
            context_of_command,
            notes,
            started,
        )

    def _in_command(self, stage: Stage) -> bool:
        """True if something of a command was looked at that no event has told of."""
        return stage is Stage.COMMAND and self._command_started

    def _forget_message(self) -> None:
        self._pdv = self._pdu_begin = self._pdu_end = self._pos
        self._fragments = []
        self._fragments_length = 0
        self._command_started = False
        self._data_context = -1
        self._bulk_header = b""

    def _after_abort(self) -> Event | None:
        """Sta13: what the peer still says is dropped or answered with a second A-ABORT (d, abort-wait)."""
        have = self._end - self._pos
        if self._ignore:
            count = min(self._ignore, have)
            self._pos += count
            self._ignore -= count
            if not self._ignore:
                self._state = _State.LINGER
            return None
        if have < pdu.HEADER:
            return None
        kind, length = _HEADER(self._buffer, self._pos)
        self._pos += pdu.HEADER
        if kind == pdu.ABORT:
            self._state = _State.CLOSED
        elif (
            kind == pdu.ASSOCIATE_RQ or kind not in _KNOWN or (kind == pdu.P_DATA and length > self._max_pdu)
        ):
            self._out.append(pdu.ABORT_BY_PROVIDER)
            self._state = _State.LINGER
        elif length:
            block = limits.IGNORED_BLOCK
            self._ignore = (length + block - 1) // block * block
            return self._after_abort()
        else:
            self._state = _State.LINGER
        return None

    def _at_end(self, ended: _End) -> Event | None:
        """The stream or the time has ended and everything before that has been dealt with."""
        wait = self.wait
        self._ended = None
        if wait is Wait.FIRST_HEADER:
            self._pos = self._end
            self._state = _State.CLOSED
            if ended is _End.TIME:
                return RequestUnusable(causes.READ_TIMEOUT.text)
            return NotAnAssociation(None)
        if wait is Wait.REQUEST_BODY:
            self._pos = self._end
            self._state = _State.LINGER
            return RequestUnusable(causes.NETWORK_CLOSED.text)
        if wait is Wait.ABORT_WAIT or wait is Wait.LINGER:
            self._state = _State.CLOSED
            return None
        if wait is Wait.CLOSED:
            return None
        return self._association_at_end(wait, ended)

    def _association_at_end(self, wait: Wait, ended: _End) -> Event:
        stage = Stage.DATA_SET if self._state is _State.DATA_SET else Stage.COMMAND
        self._pos = self._end
        if wait is Wait.PDU_BODY:
            event = self._fail(causes.pdu_problem(stage, causes.NETWORK_CLOSED), stage)
            if ended is _End.RESET:
                self._out.clear()
                self._state = _State.CLOSED
            return event
        if ended is not _End.TIME:
            self._state = _State.CLOSED
            return PeerClosed(stage, self._in_command(stage))
        if wait is Wait.PDU_BOUNDARY:
            return self._fail((causes.NO_DATA,), stage)
        return self._fail(causes.pdu_problem(stage, causes.READ_TIMEOUT), stage)

    # -- commands ------------------------------------------------------------------------------------

    def _command(self) -> Event | None:
        """Collect the PDVs of a command set; the checks and their order are those of c.1."""
        while True:
            if self._pdv == self._pdu_end:
                event = self._next_pdu()
                if event is not None:
                    return event
                if self._pdv == self._pdu_end:
                    return None
            begin = self._pdv
            length, context_id, flags = _PDV(self._buffer, begin)
            self._pdv = end = begin + 4 + length
            length -= 2
            fragments = self._fragments
            if not fragments:
                self._command_context = context_id
            elif context_id != self._command_context:
                return self._fail(
                    causes.contexts_in_command(self._command_context, context_id), Stage.COMMAND
                )
            if length & 1:
                # dropped, and the command ends here: what came before it counts
                return self._complete_command(is_data=False, whole=False)
            if self._fragments_length + length > limits.WHOLE_COMMAND:
                return self._fail((causes.RECEIVE_FAILED, causes.COMMAND_TOO_LONG), Stage.COMMAND)
            fragments.append(bytes(self._view[begin + 6 : end]))
            self._fragments_length += length
            if length or not flags & _LAST_BIT:
                self._command_started = True
            if flags & _LAST_BIT or not flags & _COMMAND_BIT:
                return self._complete_command(is_data=not flags & _COMMAND_BIT, whole=bool(flags & _LAST_BIT))

    def _complete_command(self, *, is_data: bool, whole: bool) -> Event:
        """Judge the fragments: *is_data* if the final one is of a data set, *whole* if it was the last."""
        fragments = self._fragments
        data = fragments[0] if len(fragments) == 1 else b"".join(fragments)
        context_id = self._command_context
        problem = self._context_problem(context_id)
        if is_data and not problem:
            problem = (causes.RECEIVE_FAILED, causes.COMMAND_EXPECTED)
        try:
            if problem:
                # the reference has parsed, and remarked on, the elements before it looks at the context
                _, notes = read_elements(data, whole=whole)
                return self._fail(problem, Stage.COMMAND, notes=notes)
            command = self._commands.read(data, whole=whole)
        except CommandError as error:
            return self._fail(error.causes, Stage.COMMAND, notes=error.notes, lines=error.lines)
        if command.field != C_STORE_RQ and command.field != C_ECHO_RQ:
            return self._not_ours(command, data, context_id)
        self._fragments = []
        self._fragments_length = 0
        self._command_started = False
        if command.field == C_STORE_RQ:
            self._state = _State.DATA_SET
            self._data_context = -1
            return StoreRequest(
                context_id,
                command.message_id,
                command.class_uid,
                command.instance_uid,
                self._contexts[context_id],
                command.priority,
                command.data_set_type,
                command.move_originator,
                command.move_originator_id,
                data,
                command.notes,
            )
        return EchoRequest(context_id, command.message_id, command.class_uid, data, command.notes)

    def _not_ours(self, command: Command, data: bytes, context_id: int) -> ProtocolError:
        line = f"cannot handle this kind of DIMSE command (0x{command.field:04x}), we are a Storage SCP only"
        return self._fail(
            (causes.BAD_COMMAND_TYPE,),
            Stage.COMMAND,
            lines=(("E", line),),
            notes=command.notes,
            command_set=data,
            context_of_command=context_id,
        )

    def _context_problem(self, context_id: int) -> tuple[Cause, ...]:
        """Return why nothing can be received on *context_id*, or nothing (c.1 check 4)."""
        transfer_syntax = self._contexts.get(context_id)
        if transfer_syntax is None:
            return (causes.RECEIVE_FAILED, causes.BAD_CONTEXT)
        if not is_receivable(transfer_syntax):
            return (causes.RECEIVE_FAILED, causes.unsupported_transfer_syntax(transfer_syntax))
        return ()

    # -- data sets -----------------------------------------------------------------------------------

    def _data_set(self) -> Event | None:
        """Hand out all whole PDVs that are there; an error comes with the next call."""
        views: list[memoryview] = []
        in_pdu = self._pdv < self._pdu_end
        self._handed = self._pdv if in_pdu else self._pos
        self._handed_end = self._pdu_end if in_pdu else self._pos
        while True:
            if self._pdv == self._pdu_end:
                if self._bulk_header:
                    self._bulk(views)
                if views and not self._more_data():
                    break
                event = self._next_pdu()
                if event is not None:
                    return event
                if self._pdv == self._pdu_end:
                    break
            begin = self._pdv
            length, context_id, flags = _PDV(self._buffer, begin)
            reasons = self._data_problem(length - 2, context_id, flags)
            if reasons:
                if views:
                    break
                unknown = self._data_context < 0 and not flags & _COMMAND_BIT
                return self._fail(reasons, Stage.DATA_SET, context_id=context_id if unknown else None)
            self._data_context = context_id
            self._pdv = end = begin + 4 + length
            views.append(self._view[begin + 6 : end])
            if flags & _LAST_BIT:
                self._state = _State.COMMAND
                self._data_context = -1
                self._bulk_header = b""
                return DataFragments(views, True, context_id)
            if end == self._pdu_end and begin == self._pdu_begin:
                self._bulk_header = bytes(self._buffer[begin - pdu.HEADER : begin + 6])
                self._bulk_step = end - begin + pdu.HEADER
        if views:
            return DataFragments(views, False, self._data_context)
        return None

    def _bulk(self, views: list[memoryview]) -> None:
        """Take PDUs whose 12 bytes of headers equal those of the previous one: nothing about them is new."""
        header = self._bulk_header
        step = self._bulk_step
        view = self._view
        pos = self._pos
        last = self._end - step
        same = self._buffer.startswith
        append = views.append
        while pos <= last and same(header, pos):
            append(view[pos + 12 : pos + step])
            pos += step
        self._pos = self._pdv = self._pdu_end = pos

    def _more_data(self) -> bool:
        """True if the next PDU is whole and holds sound PDVs."""
        pos = self._pos
        have = self._end - pos - pdu.HEADER
        if have < 0:
            return False
        kind, length = _HEADER(self._buffer, pos)
        return (
            kind == pdu.P_DATA
            and length <= self._max_pdu
            and length <= have
            and pdu.pdv_problem(self._buffer, pos + pdu.HEADER, length) is None
        )

    def _data_problem(self, length: int, context_id: int, flags: int) -> tuple[Cause, ...]:
        """Return why a PDV does not belong to the data set, or nothing (c.3, first paragraph)."""
        if flags & _COMMAND_BIT:
            return (causes.UNEXPECTED_PDV,)
        if context_id != self._data_context:
            if self._data_context >= 0:
                return causes.contexts_in_data_set(self._data_context, context_id)
            problem = self._context_problem(context_id)
            if problem:
                return problem
        return (causes.odd_fragment(length),) if length & 1 else ()


def _nothing() -> None:
    """The association is over: whatever else arrives is nobody's."""
