"""The upper layer of one association, from the acceptor's side: PDUs and states (PS3.8 section 9.2).

The state machine of PS3.8 is the table `STEPS` below: what arrives in a state decides what is sent, what is
indicated to the user of the layer, and the state after it. The code behind the table only finds out what has
arrived. The states and the names of the actions are those of PS3.8 tables 9-6 to 9-10; where a step differs from the
standard it does what the reference does, and the sections named are those of spec/network.md.

An acceptor that answers at once never rests in some states of the standard. Sta3 (awaiting the local A-ASSOCIATE
response) lasts as long as the call that judges the request; Sta7 would need a release of our own, which an
acceptor never asks for; Sta8 (awaiting the local A-RELEASE response) is entered and left in the same step. Sta13,
awaiting the end of the transport connection, has two forms here, because the reference has them: after an A-ABORT
0/0 it reads on and reacts to what it reads, after everything else it leaves what comes to the kernel. In the second
form `Acceptor.unread` matters: closing a socket with unread bytes resets the connection, and peers see that.

Rules:

* A PDU is looked at when it is whole; its header alone decides whether it may become whole. So a bad PDV spoils all
  PDVs of its PDU, and a declared length meets its limit (`_LIMITS`) before it means anything.
* The same bytes give the same indications and replies wherever they are split. One reply is an exception: an A-ABORT
  that a reset would overtake anyway is not sent (`_abort_again`).
* After our A-ABORT 0/0 reading goes on right behind the last header or PDU that was consumed, as the reference does: a
  body that was refused unread is taken for PDUs.
* The layer is pulled: `next` is None when bytes are missing. What is to be sent waits in `unsent`, put there before the
  indication of it.

The layer does not look into PDVs. Once it has indicated P-DATA, `left` bytes from the start of the buffer are the
PDVs of that PDU; their lengths are sound. The code that takes one moves the buffer's `begin` and `left` by its length.
"""

from __future__ import annotations

import enum
import struct
from collections.abc import Mapping
from typing import NamedTuple

from dcmrecv import conditions
from dcmrecv.conditions import Condition
from dcmrecv.core import limits, pdu
from dcmrecv.core.buffer import ReceiveBuffer

__all__ = ["STEPS", "Arrival", "Indicates", "Indication", "State", "Step", "UpperLayer", "Wait"]


class State(enum.Enum):
    """PS3.8 tables 9-2 to 9-5."""

    __hash__ = object.__hash__  # of the identity; that of `enum.Enum` is a call into Python for each look-up

    STA1 = "idle: the transport connection is to be closed, nothing is read"
    STA2 = "transport connection open, awaiting A-ASSOCIATE-RQ"
    STA3 = "awaiting the local A-ASSOCIATE response"
    STA6 = "association established, ready for data transfer"
    STA13 = "we have aborted; what the peer still says is read and awaited"
    STA13_UNREAD = "awaiting the end of the transport connection, nothing is read"


class Arrival(enum.Enum):
    """What happens to the layer: PDUs, their absence, and what its user wants (PS3.8 table 9-10, left column)."""

    __hash__ = object.__hash__

    ASSOCIATE_RQ = pdu.ASSOCIATE_RQ
    ASSOCIATE_AC = pdu.ASSOCIATE_AC
    ASSOCIATE_RJ = pdu.ASSOCIATE_RJ
    P_DATA = pdu.P_DATA
    RELEASE_RQ = pdu.RELEASE_RQ
    RELEASE_RP = pdu.RELEASE_RP
    ABORT = pdu.ABORT
    UNRECOGNIZED = "a PDU of no known type"
    LONG_REQUEST = "an A-ASSOCIATE-RQ beyond its limit"
    LONG_P_DATA = "a P-DATA-TF PDU beyond what we have advertised"
    LONG_CONTROL = "an A-RELEASE-RQ or A-ABORT beyond its limit"
    BAD_PDVS = "a P-DATA-TF PDU whose PDVs are not sound"
    ACCEPTED = "A-ASSOCIATE response primitive (accept)"
    REJECTED = "A-ASSOCIATE response primitive (reject), or no response at all"
    ABORT_REQUEST = "A-ABORT request primitive: our user gives up"
    CLOSED = "the transport connection has ended between PDUs or in a header"
    CLOSED_IN_BODY = "it has ended inside a PDU, or the peer was silent there"
    RESET_IN_BODY = "it was reset inside a PDU"
    EXPIRED = "-ta or -td has expired before a PDU began"
    EXPIRED_IN_HEADER = "-td has expired inside a PDU header"


class Indicates(enum.Enum):
    """Indications to the user of the layer (PS3.8 section 7)."""

    ASSOCIATE = "A-ASSOCIATE indication: `data` is the PDU"
    NO_REQUEST = "the peer began with something else, or left; `kind` is its type"
    UNUSABLE = "what came cannot become a request: `cause`"
    P_DATA = "P-DATA indication"
    RELEASE = "A-RELEASE indication; the response is waiting to be sent"
    ABORT = "A-ABORT indication: `data` is source and reason"
    CLOSED = "A-P-ABORT indication: the peer is gone"
    FAILED = "A-P-ABORT indication: we have aborted for `cause`"


class Indication(NamedTuple):
    """One indication and what belongs to it."""

    what: Indicates
    cause: Condition = conditions.NORMAL
    data: bytes = b""
    kind: int | None = None
    length: int = 0
    """With `kind`: type and length of the PDU."""


class Step(NamedTuple):
    """One cell of the table."""

    action: str
    """Of PS3.8 tables 9-6 to 9-9."""
    send: bytes
    indicates: Indicates | None
    state: State


_NOTHING = b""
_LINGER = State.STA13_UNREAD
_NOT_FIRST = Step("AA-1", pdu.ABORT_BY_USER, Indicates.NO_REQUEST, _LINGER)
_REFUSED = Step("AA-1", _NOTHING, Indicates.UNUSABLE, _LINGER)  # the reference sends no A-ABORT
_UNEXPECTED = Step("AA-8", pdu.ABORT_BY_PROVIDER, Indicates.FAILED, _LINGER)
_BROKEN = Step("AA-8", pdu.ABORT_BY_USER, Indicates.FAILED, State.STA13)  # source 0, where PS3.8 has 2
_DROPPED = Step("AA-6", _NOTHING, None, State.STA13)
_ABORTED_AGAIN = Step("AA-7", pdu.ABORT_BY_PROVIDER, None, _LINGER)
_OVER = Step("AR-5", _NOTHING, None, State.STA1)

STEPS: Mapping[State, Mapping[Arrival, Step]] = {
    State.STA2: {
        Arrival.ASSOCIATE_RQ: Step("AE-6", _NOTHING, Indicates.ASSOCIATE, State.STA3),
        Arrival.ASSOCIATE_AC: _NOT_FIRST,
        Arrival.ASSOCIATE_RJ: _NOT_FIRST,
        Arrival.P_DATA: _NOT_FIRST,
        Arrival.RELEASE_RQ: _NOT_FIRST,
        Arrival.RELEASE_RP: _NOT_FIRST,
        Arrival.ABORT: Step("AA-2", _NOTHING, Indicates.NO_REQUEST, State.STA1),
        Arrival.UNRECOGNIZED: _REFUSED,
        Arrival.LONG_REQUEST: _REFUSED,
        Arrival.LONG_P_DATA: _REFUSED,
        Arrival.ABORT_REQUEST: Step("AA-2", _NOTHING, Indicates.UNUSABLE, _LINGER),
        Arrival.CLOSED: Step("AA-5", _NOTHING, Indicates.NO_REQUEST, State.STA1),
        Arrival.CLOSED_IN_BODY: Step("AA-5", _NOTHING, Indicates.UNUSABLE, _LINGER),
        Arrival.RESET_IN_BODY: Step("AA-5", _NOTHING, Indicates.UNUSABLE, _LINGER),
        Arrival.EXPIRED: Step("AA-2", _NOTHING, Indicates.UNUSABLE, State.STA1),
        Arrival.EXPIRED_IN_HEADER: Step("AA-2", _NOTHING, Indicates.UNUSABLE, State.STA1),
    },
    State.STA3: {
        Arrival.ACCEPTED: Step("AE-7", _NOTHING, None, State.STA6),  # the user brings the PDU
        Arrival.REJECTED: Step("AE-8", _NOTHING, None, _LINGER),
    },
    State.STA6: {
        Arrival.P_DATA: Step("DT-2", _NOTHING, Indicates.P_DATA, State.STA6),
        Arrival.RELEASE_RQ: Step(
            "AR-2, AR-4", pdu.RELEASE_RP_PDU, Indicates.RELEASE, _LINGER
        ),  # by way of Sta8
        Arrival.ABORT: Step("AA-3", _NOTHING, Indicates.ABORT, State.STA1),
        Arrival.ASSOCIATE_RQ: _UNEXPECTED,
        Arrival.ASSOCIATE_AC: _UNEXPECTED,
        Arrival.ASSOCIATE_RJ: _UNEXPECTED,
        Arrival.RELEASE_RP: _UNEXPECTED,
        Arrival.UNRECOGNIZED: _BROKEN,
        Arrival.LONG_P_DATA: _BROKEN,  # and at once AA-7: its header is found again (c.4)
        Arrival.LONG_CONTROL: _BROKEN,
        Arrival.BAD_PDVS: _BROKEN,
        Arrival.ABORT_REQUEST: Step("AA-1", pdu.ABORT_BY_USER, Indicates.FAILED, State.STA13),
        Arrival.CLOSED: Step("AA-4", _NOTHING, Indicates.CLOSED, State.STA1),
        Arrival.CLOSED_IN_BODY: Step("AA-4", pdu.ABORT_BY_USER, Indicates.FAILED, State.STA13),
        Arrival.RESET_IN_BODY: Step("AA-4", _NOTHING, Indicates.FAILED, State.STA1),
        Arrival.EXPIRED: _BROKEN,
        Arrival.EXPIRED_IN_HEADER: _BROKEN,
    },
    State.STA13: {
        Arrival.ASSOCIATE_RQ: _ABORTED_AGAIN,
        Arrival.UNRECOGNIZED: _ABORTED_AGAIN,
        Arrival.LONG_P_DATA: _ABORTED_AGAIN,
        Arrival.ASSOCIATE_AC: _DROPPED,
        Arrival.ASSOCIATE_RJ: _DROPPED,
        Arrival.P_DATA: _DROPPED,
        Arrival.RELEASE_RQ: _DROPPED,
        Arrival.RELEASE_RP: _DROPPED,
        Arrival.ABORT: Step("AA-2", _NOTHING, None, State.STA1),
        Arrival.CLOSED: _OVER,
        Arrival.EXPIRED: Step("AA-2", _NOTHING, None, State.STA1),
    },
    State.STA13_UNREAD: {Arrival.CLOSED: _OVER, Arrival.EXPIRED: _OVER},
    State.STA1: {},
}
"""What the layer does. What has no cell cannot arrive in that state."""


class Wait(enum.IntEnum):
    """What is waited for, so that the driver can choose a clock (spec/network.md 0 and d)."""

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


class _End(enum.Enum):
    STREAM = enum.auto()
    RESET = enum.auto()
    TIME = enum.auto()


# Members by plain names where each PDU passes: looking one up in its class costs more than all else there.
_STA2, _STA3, _STA6, _STA13 = State.STA2, State.STA3, State.STA6, State.STA13
_BOUNDARY, _IN_HEADER, _IN_BODY = Wait.PDU_BOUNDARY, Wait.PDU_HEADER, Wait.PDU_BODY
_FIRST_HEADER, _UNTIL_CLOSED = Wait.FIRST_HEADER, Wait.LINGER
_ASSOCIATE, _ABORT, _P_DATA = Arrival.ASSOCIATE_RQ, Arrival.ABORT, Arrival.P_DATA
_LONG_P_DATA, _UNRECOGNIZED = Arrival.LONG_P_DATA, Arrival.UNRECOGNIZED
_HEADER = struct.Struct(">BxI").unpack_from
_UNLIMITED = 1 << 32
_LIMITS: Mapping[State, Mapping[int, tuple[int, Arrival]]] = {
    State.STA2: {pdu.ASSOCIATE_RQ: (limits.REQUEST_LENGTH, Arrival.LONG_REQUEST)},
    State.STA6: {
        pdu.RELEASE_RQ: (limits.CONTROL_BODY, Arrival.LONG_CONTROL),
        pdu.ABORT: (limits.CONTROL_BODY, Arrival.LONG_CONTROL),
    },
    State.STA13: {},
}
"""Longest bodies by state and PDU type, and what a longer one counts as; P-DATA-TF by what we have advertised."""
_WHOLE = {
    State.STA2: {Arrival.ASSOCIATE_RQ},
    State.STA6: {Arrival.P_DATA, Arrival.RELEASE_RQ, Arrival.ABORT},
    State.STA13: set[Arrival](),
}
"""PDUs that count when they are whole; of the others the header decides, and the body stays unread."""
_KINDS = {kind: Arrival(kind) for kind in range(pdu.ASSOCIATE_RQ, pdu.ABORT + 1)}
_P_DATA_INDICATION = Indication(Indicates.P_DATA)


class UpperLayer:
    """The states of one connection, over its receive buffer. Used by one thread."""

    __slots__ = ("_aborted_at", "_buffer", "_drop", "_max_pdu", "ended", "left", "state", "unsent")

    def __init__(self, buffer: ReceiveBuffer, max_pdu: int) -> None:
        """*max_pdu*: the longest P-DATA-TF PDU that we advertise, without its header."""
        self._buffer = buffer
        self._max_pdu = max_pdu
        self.state = State.STA2
        self.left = 0
        """Bytes of PDVs, from the buffer's `begin` on, of the P-DATA-TF PDU indicated last."""
        self.unsent: list[bytes] = []
        """What is to be sent."""
        self.ended: _End | None = None
        """How the stream has ended, if that was not indicated yet."""
        self._aborted_at = 0  # the buffer's arrivals when we aborted
        self._drop = 0  # bytes still to be dropped in Sta13

    def end(self, *, reset: bool = False, expired: bool = False) -> None:
        """The peer has closed or reset the connection, or a clock of the options has *expired*."""
        self.ended = _End.TIME if expired else _End.RESET if reset else _End.STREAM

    @property
    def wait(self) -> Wait:
        """What is waited for once `next` has returned None."""
        state = self.state
        buffer = self._buffer
        have = buffer.end - buffer.begin
        if state is _STA6:
            if have == self.left:
                return _BOUNDARY
            return _IN_HEADER if have - self.left < pdu.HEADER else _IN_BODY
        if state is _STA2 or state is _STA3:
            return _FIRST_HEADER if have < pdu.HEADER else Wait.REQUEST_BODY
        if state is _LINGER:
            return _UNTIL_CLOSED
        return Wait.ABORT_WAIT if state is _STA13 else Wait.CLOSED

    def next(self) -> Indication | None:
        """Return the next indication, or None if bytes are missing or nothing more will come: see `wait`.

        To be called when `left` is 0.
        """
        buffer = self._buffer
        while buffer.begin != buffer.end and self.state in _LIMITS:
            if self._drop:
                self._drop_bytes()
                continue
            if buffer.end - buffer.begin < pdu.HEADER:
                break
            kind, length = _HEADER(buffer.data, buffer.begin)
            arrival = self._arrival(kind, length)
            if arrival in _WHOLE[self.state]:
                if len(buffer) < pdu.HEADER + length:
                    if arrival is _ASSOCIATE:
                        buffer.wanted = pdu.HEADER + length
                    break
                indication = self._whole(arrival, length)
            else:
                buffer.begin += pdu.HEADER
                indication = self._header(arrival, kind, length)
            if indication is not None:
                return indication
        if self.ended is None:
            return None
        ended, self.ended = self.ended, None
        return self._at_end(ended)

    def take(
        self, arrival: Arrival, cause: Condition = conditions.NORMAL, data: bytes = b""
    ) -> Indication | None:
        """Take the step of the table for *arrival*; *cause* and *data* go with the indication, if there is one."""
        step = STEPS[self.state][arrival]
        self.state = step.state
        if step.send:
            self.unsent.append(step.send)
        if step.state is _STA13 and step.indicates is Indicates.FAILED:
            self._buffer.begin += self.left  # the other PDVs of the PDU are not looked at
            self.left = 0
            self._aborted_at = self._buffer.arrivals
        if step.indicates is None:
            return None
        return tuple.__new__(Indication, (step.indicates, cause, data, None, 0))

    def _arrival(self, kind: int, length: int) -> Arrival:
        """Say what the PDU of which the header is there counts as."""
        arrival = _KINDS.get(kind, _UNRECOGNIZED)
        limit, longer = _LIMITS[self.state].get(kind, (_UNLIMITED, arrival))
        if arrival is _P_DATA:
            limit, longer = self._max_pdu, _LONG_P_DATA
        return longer if length > limit else arrival

    def _whole(self, arrival: Arrival, length: int) -> Indication | None:
        """Consume a PDU that is all there."""
        buffer = self._buffer
        body = buffer.begin + pdu.HEADER
        end = body + length
        if arrival is _P_DATA:
            problem = pdu.pdv_problem(buffer.data, body, length)
            if problem is not None:
                buffer.begin = end
                return self.take(Arrival.BAD_PDVS, problem)
            buffer.begin = body
            self.left = length
            return _P_DATA_INDICATION
        begin, buffer.begin = buffer.begin, end
        data = b""
        if arrival is _ASSOCIATE:
            buffer.wanted = 0
            data = bytes(buffer.view[begin:end])
        elif arrival is _ABORT:
            data = bytes(buffer.data[body:end]).ljust(4, b"\0")[2:4]
        return self.take(arrival, data=data)

    def _header(self, arrival: Arrival, kind: int, length: int) -> Indication | None:
        """React to a header, which is consumed already, without waiting for its body."""
        if self.state is State.STA13:
            if STEPS[self.state][arrival] is _ABORTED_AGAIN:
                self._abort_again()
                return None
            indication = self.take(arrival)
            if arrival is not Arrival.ABORT:
                # the reference drops blocks of this size until the PDU is covered, and then reads no more (d)
                block = limits.IGNORED_BLOCK
                self._drop = (length + block - 1) // block * block
                if not self._drop:
                    self.state = State.STA13_UNREAD
            return indication
        cause = conditions.NORMAL
        if arrival is Arrival.UNRECOGNIZED:
            cause = conditions.unrecognized_pdu(kind)
        elif arrival is Arrival.LONG_REQUEST:
            cause = conditions.REQUEST_TOO_LONG
        elif arrival is Arrival.LONG_P_DATA:
            cause = conditions.pdu_too_long(length, self._max_pdu)
        elif arrival is Arrival.LONG_CONTROL:
            cause = conditions.ILLEGAL_PDU_LENGTH
        indication = self.take(arrival, cause)
        if indication is None:
            return None
        if arrival is Arrival.LONG_P_DATA and indication.what is Indicates.FAILED:
            self._abort_again()
        return indication._replace(kind=kind, length=length)

    def _abort_again(self) -> None:
        """Send the A-ABORT 2/2 of AA-7, unless the reset that follows would overtake it.

        That is so when the first A-ABORT is just being sent and bytes are left unread: the close then resets the
        connection, and the peer's kernel throws away what it has not yet handed over (c.4, e).
        """
        buffer = self._buffer
        if buffer.arrivals != self._aborted_at or not len(buffer):
            self.unsent.append(pdu.ABORT_BY_PROVIDER)
        self.state = _ABORTED_AGAIN.state

    def _drop_bytes(self) -> None:
        count = min(self._drop, len(self._buffer))
        self._buffer.begin += count
        self._drop -= count
        if not self._drop:
            self.state = State.STA13_UNREAD

    def _at_end(self, ended: _End) -> Indication | None:
        """The stream or the time has ended and everything before that has been dealt with."""
        wait = self.wait
        if wait is Wait.CLOSED:
            return None
        if wait is Wait.ABORT_WAIT or wait is Wait.LINGER:
            return self.take(Arrival.EXPIRED if ended is _End.TIME else Arrival.CLOSED)
        self._buffer.begin = self._buffer.end
        if wait is Wait.REQUEST_BODY or wait is Wait.PDU_BODY:
            reset = ended is _End.RESET
            arrival = Arrival.RESET_IN_BODY if reset else Arrival.CLOSED_IN_BODY
            return self.take(arrival, conditions.NETWORK_CLOSED)
        if ended is not _End.TIME:
            return self.take(Arrival.CLOSED)
        if wait is Wait.PDU_BOUNDARY:
            return self.take(Arrival.EXPIRED, conditions.NO_DATA)
        arrival = Arrival.EXPIRED if wait is Wait.FIRST_HEADER else Arrival.EXPIRED_IN_HEADER
        return self.take(arrival, conditions.READ_TIMEOUT)
