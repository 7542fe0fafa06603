"""The upper layer of one association from the acceptor's side: PDUs and states (PS3.8 section 9.2).

Sections named below are those of spec/network.md.

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
* The same bytes give the same replies, with one exception: a second A-ABORT that a reset would overtake anyway
  is not sent (`_abort_again`).

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
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Mapping

from dcmrecv.conditions import Condition
from dcmrecv.core import conditions, limits, pdu
from dcmrecv.core.buffer import ReceiveBuffer
from dcmrecv.core.events import (
    AbortReceived,
    AcceptedAssociation,
    Event,
    NotAnAssociation,
    PeerClosed,
    ProtocolError,
    ReleaseRequested,
    Remark,
    RequestUnusable,
    Stage,
)
from dcmrecv.core.negotiate import AcceptorSettings

__all__ = ["State", "UpperLayer", "Wait"]


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


class State(enum.Enum):
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
_LENGTH = struct.Struct(">I").unpack_from
_P_DATA = pdu.P_DATA
_PDU_HEADER = pdu.HEADER
_KNOWN = range(pdu.ASSOCIATE_RQ, pdu.ABORT + 1)


class UpperLayer(ReceiveBuffer, ABC):
    """PDUs of one connection. What is in P-DATA-TF PDUs is the business of a subclass."""

    # What a connection begins with; a default of the class costs it nothing.
    _state = State.NO_REQUEST
    _ended: _End | None = None
    _association: AcceptedAssociation | None = None
    _command_started = False  # bytes of a command were looked at
    _data_context = -1  # context of the data set being received, -1 before its first PDV
    _ignore = 0  # bytes still to be dropped after our A-ABORT

    def __init__(self, settings: AcceptorSettings) -> None:
        super().__init__(settings.max_pdu + pdu.HEADER)
        self._settings = settings
        self._max_pdu = settings.max_pdu
        self._events: deque[Event] = deque()
        self.unsent: list[bytes] = []
        """What waits for `data_to_send`."""
        self._contexts: Mapping[int, bytes] = {}

    @abstractmethod
    def _established(self, association: AcceptedAssociation) -> None:
        """The association is about to be accepted."""

    @abstractmethod
    def _command(self) -> Event | None:
        """Take PDVs while a command is expected; `_next_pdu` brings the next ones."""

    @abstractmethod
    def _data_set(self) -> Event | None:
        """Take PDVs while a data set is expected."""

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
        if state is State.COMMAND or state is State.DATA_SET:
            if not have:
                return Wait.PDU_BOUNDARY
            return Wait.PDU_HEADER if have < pdu.HEADER else Wait.PDU_BODY
        if state is State.NO_REQUEST:
            return Wait.FIRST_HEADER if have < pdu.HEADER else Wait.REQUEST_BODY
        if state is State.ABORTED:
            return Wait.ABORT_WAIT
        return Wait.LINGER if state is State.LINGER else Wait.CLOSED

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
        out = self.unsent
        if not out:
            return b""
        data = out[0] if len(out) == 1 else b"".join(out)
        out.clear()
        return data

    def next_event(self) -> Event | None:
        """Return the next event, or None if bytes are needed (or nothing more will come: see `wait`)."""
        if self._events:
            return self._events.popleft()
        # Not a table of bound methods: it would tie every connection and its buffer into a reference cycle
        # that only the garbage collector can undo, and it is slower.
        state = self._state
        event: Event | None = None
        if self._starved or (self._pos == self._end and self._pdv == self._pdu_end):
            pass  # every state needs bytes
        elif state is State.DATA_SET:
            event = self._data_set()
        elif state is State.COMMAND:
            event = self._command()
        elif state is State.NO_REQUEST:
            event = self._first_pdu()
        elif state is State.ABORTED:
            event = self._after_abort()
        if event is None and self._ended is not None:
            event = self._at_end(self._ended)
        return event

    # -- PDUs ----------------------------------------------------------------------------------------

    def _first_pdu(self) -> Event | None:
        have = self._end - self._pos
        if have < pdu.HEADER:
            return None
        kind, length = _HEADER(self._buffer, self._pos)
        if kind == pdu.ASSOCIATE_RQ:
            if length > limits.REQUEST_LENGTH:
                self._pos += pdu.HEADER
                self._state = State.LINGER
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
            self._state = State.LINGER
            return RequestUnusable(conditions.unrecognized_pdu(kind).text)
        if kind == pdu.P_DATA and length > self._max_pdu:
            self._state = State.LINGER
            return RequestUnusable(conditions.pdu_too_long(length, self._max_pdu).text)
        if kind == pdu.ABORT:
            self._state = State.CLOSED
        else:
            self.unsent.append(pdu.ABORT_BY_USER)
            self._state = State.LINGER
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
            self._state = State.LINGER
        else:
            self._state = State.COMMAND
            self._association = association
            self._contexts = result.contexts
            self._established(association)
        if result.reply:
            self.unsent.append(result.reply)
        self._events.extend(result.events)
        return self._events.popleft()

    def _next_pdu(self) -> Event | None:
        """Take the next PDU in Sta6. None: there are PDVs now, or there are not and bytes are missing."""
        pos = self._pos
        have = self._end - pos
        if have < _PDU_HEADER:
            return None
        kind, length = _HEADER(self._buffer, pos)
        if kind == _P_DATA and 5 < length <= self._max_pdu and have >= _PDU_HEADER + length:
            begin = pos + _PDU_HEADER
            if _LENGTH(self._buffer, begin)[0] == length - 4:  # one PDV, as nearly always: nothing to check
                self._pdu_begin = self._pdv = begin
                self._pos = self._pdu_end = begin + length
                return None
        stage = Stage.DATA_SET if self._state is State.DATA_SET else Stage.COMMAND
        if kind == pdu.P_DATA:
            if length > self._max_pdu:
                self._pos += pdu.HEADER
                reasons = conditions.pdu_problem(stage, conditions.pdu_too_long(length, self._max_pdu))
                event = self._fail(reasons, stage)
                # the header is found again while the reaction to the first abort is awaited
                self._abort_again()
                return event
            if have < pdu.HEADER + length:
                return None
            return self._take_apart(pos + pdu.HEADER, length, stage)
        if kind == pdu.RELEASE_RQ or kind == pdu.ABORT:
            if length > limits.CONTROL_BODY:
                self._pos += pdu.HEADER
                return self._fail(conditions.pdu_problem(stage, conditions.ILLEGAL_PDU_LENGTH), stage)
            if have < pdu.HEADER + length:
                return None
            self._pos += pdu.HEADER + length
            if kind == pdu.RELEASE_RQ:
                self.unsent.append(pdu.RELEASE_RP_PDU)
                self._state = State.LINGER
                return ReleaseRequested(stage, self._in_command(stage))
            self._state = State.CLOSED
            body = self._buffer[pos + pdu.HEADER : pos + pdu.HEADER + length].ljust(4, b"\0")
            return AbortReceived(body[2], body[3], stage, self._in_command(stage))
        self._pos += pdu.HEADER
        if kind in _KNOWN:
            event = self._fail(conditions.pdu_problem(stage, conditions.NORMAL), stage)
            self.unsent[-1] = pdu.ABORT_BY_PROVIDER
            self._state = State.LINGER
            return event
        return self._fail(conditions.pdu_problem(stage, conditions.unrecognized_pdu(kind)), stage)

    def _take_apart(self, begin: int, length: int, stage: Stage) -> Event | None:
        """Look at the PDV lengths of a whole P-DATA-TF PDU before any of its PDVs counts."""
        self._pos = end = begin + length
        problem = pdu.pdv_problem(self._buffer, begin, length)
        if problem is not None:
            return self._fail(conditions.pdu_problem(stage, problem), stage)
        self._pdu_begin = self._pdv = begin
        self._pdu_end = end
        return None

    def _fail(
        self,
        reasons: tuple[Condition, ...],
        stage: Stage,
        *,
        context_id: int | None = None,
        lines: tuple[tuple[str, str], ...] = (),
        notes: tuple[Remark, ...] = (),
        command_set: bytes = b"",
        context_of_command: int | None = None,
    ) -> ProtocolError:
        """Abort with 0/0 and await the peer's reaction."""
        if stage is Stage.DATA_SET and context_id is None and self._data_context >= 0:
            context_id = self._data_context
        started = self._in_command(stage)
        self._forget_message()
        self.unsent.append(pdu.ABORT_BY_USER)
        self._news = False  # see `_abort_again`
        self._state = State.ABORTED
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
        self._starved = False
        self._command_started = False
        self._data_context = -1

    def _after_abort(self) -> Event | None:
        """Sta13: what the peer still says is dropped or answered with a second A-ABORT (d, abort-wait)."""
        have = self._end - self._pos
        if self._ignore:
            count = min(self._ignore, have)
            self._pos += count
            self._ignore -= count
            if not self._ignore:
                self._state = State.LINGER
            return None
        if have < pdu.HEADER:
            return None
        kind, length = _HEADER(self._buffer, self._pos)
        self._pos += pdu.HEADER
        if kind == pdu.ABORT:
            self._state = State.CLOSED
        elif (
            kind == pdu.ASSOCIATE_RQ or kind not in _KNOWN or (kind == pdu.P_DATA and length > self._max_pdu)
        ):
            self._abort_again()
        elif length:
            block = limits.IGNORED_BLOCK
            self._ignore = (length + block - 1) // block * block
            return self._after_abort()
        else:
            self._state = State.LINGER
        return None

    def _abort_again(self) -> None:
        """Send the A-ABORT 2/2, unless the reset that follows would overtake it.

        That is so when the first A-ABORT is just being sent and bytes are left unread: the close then resets
        the connection, and the peer's kernel throws away what it has not yet handed over (c.4, e).
        """
        if self._news or not self.unread:
            self.unsent.append(pdu.ABORT_BY_PROVIDER)
        self._state = State.LINGER

    def _at_end(self, ended: _End) -> Event | None:
        """The stream or the time has ended and everything before that has been dealt with."""
        wait = self.wait
        self._ended = None
        if wait is Wait.FIRST_HEADER:
            self._pos = self._end
            self._state = State.CLOSED
            if ended is _End.TIME:
                return RequestUnusable(conditions.READ_TIMEOUT.text)
            return NotAnAssociation(None)
        if wait is Wait.REQUEST_BODY:
            self._pos = self._end
            self._state = State.LINGER
            return RequestUnusable(conditions.NETWORK_CLOSED.text)
        if wait is Wait.ABORT_WAIT or wait is Wait.LINGER:
            self._state = State.CLOSED
            return None
        if wait is Wait.CLOSED:
            return None
        return self._association_at_end(wait, ended)

    def _association_at_end(self, wait: Wait, ended: _End) -> Event:
        stage = Stage.DATA_SET if self._state is State.DATA_SET else Stage.COMMAND
        self._pos = self._end
        if wait is Wait.PDU_BODY:
            event = self._fail(conditions.pdu_problem(stage, conditions.NETWORK_CLOSED), stage)
            if ended is _End.RESET:
                self.unsent.clear()
                self._state = State.CLOSED
            return event
        if ended is not _End.TIME:
            self._state = State.CLOSED
            return PeerClosed(stage, self._in_command(stage))
        if wait is Wait.PDU_BOUNDARY:
            return self._fail((conditions.NO_DATA,), stage)
        return self._fail(conditions.pdu_problem(stage, conditions.READ_TIMEOUT), stage)
