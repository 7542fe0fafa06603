"""What a peer may send in an association, at random: usual exchanges, and all that is not quite usual.

`sequence` makes one dialogue; `compare` plays it to two acceptors, one of which takes the general path for everything,
and returns what differs. Used by ``tests/wire/test_exchange.py`` and, for long runs, by
``python -m tests.fuzz.long_exchange``.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass

from dcmrecv.core import events as ev
from dcmrecv.core.acceptor import Acceptor, AcceptorSettings, Wait
from tests.wire import peer as p

REQUESTS = (
    p.associate(),
    p.associate(user_items=p.user(max_pdu=12)),
    p.associate(user_items=p.user(max_pdu=20)),
    p.associate(user_items=p.user(max_pdu=100)),
    p.associate(user_items=p.user(max_pdu=0)),
)
"""Peers that take any response, none, and only pieces of one."""

_INSTANCES = (
    b"1.2.3.4.5",
    b"1.2.3.4",
    b"1" * 64,
    b"1" * 65,
    b"1.2 ",
    b" 1.2",
    b"1.2\0",
    b"",
    b"1.a",
    b"\0",
    b".",
)
_CLASSES = (p.CT, p.CT, p.CT, p.MR, b"", b"1.2.3 ", b"x" * 64)


@dataclass
class Plan:
    """One dialogue and how it is played."""

    said: bytes
    size: int
    """The bytes arrive in portions of so many."""
    end: str
    give_up_after: int
    """The driver gives up at the fragment of this number, counted over the dialogue; -1: never."""


def _command(source: random.Random) -> bytes:
    elements = {
        0x0002: p.uid(source.choice(_CLASSES)),
        0x0100: p.us(1),
        0x0110: p.us(source.randrange(65536)),
        0x0700: p.us(source.choice((0, 1, 2, 7))),
        0x0800: p.us(source.choice((0x102, 0x102, 0x102, 0, 0x101))),
        0x1000: p.uid(source.choice(_INSTANCES)),
    }
    if source.random() < 0.2:
        elements[0x1030] = source.choice((b"AE", b"STORE SCU ", b"", b"x" * 16, b"y" * 18, b"a\0b "))
        elements[0x1031] = source.choice((p.us(9), p.us(65535), b"", b"abcd"))
    if source.random() < 0.15:
        elements[source.choice((0x0000, 0x0001, 0x0900, 0x2000))] = source.choice((b"", b"ab", b"abcd"))
    if source.random() < 0.08:
        del elements[source.choice(list(elements))]
    numbers = sorted(elements)
    if source.random() < 0.05:
        source.shuffle(numbers)
    body = b"".join(p.element(0, number, elements[number]) for number in numbers)
    if source.random() < 0.9:
        body = p.element(0, 0, len(body).to_bytes(4, "little")) + body
    if source.random() < 0.05:
        body += source.choice((b"\0", b"\0\0", bytes(7), p.element(8, 0x16, b"1.2 ")))
    return body


def _data_set(source: random.Random, context: int) -> bytes:
    out = b""
    for _ in range(source.choice((0, 0, 0, 1, 2, 9))):
        pdvs = []
        for _ in range(source.choice((1, 1, 1, 1, 2, 5))):
            other = source.choice((context,) * 30 + (1, 3, 9))
            length = source.choice((0, 2, 8, 8, 100, 1000) * 5 + (3,))
            pdvs.append(p.pdv(other, source.randbytes(length), source.choice((0,) * 30 + (4, 1, 2))))
        out += p.p_data(*pdvs)
    return out + p.p_data(p.pdv(context, source.randbytes(source.choice((0, 8, 500))), 2))


def _store(source: random.Random) -> bytes:
    context = source.choice((3, 3, 3, 5, 5, 1, 9))
    command = _command(source)
    if source.random() < 0.15:
        cut = source.randrange(len(command) + 1)
        flags = source.choice((3, 3, 3, 2, 1))
        out = p.p_data(p.pdv(context, command[:cut], 1)) + p.p_data(p.pdv(context, command[cut:], flags))
    else:
        out = p.p_data(p.pdv(context, command, source.choice((3,) * 20 + (7, 2))))
    if source.random() < 0.1:
        return p.p_data(out[6:], p.pdv(context, source.randbytes(20), 2))  # all in one PDU
    return out + (_data_set(source, context) if source.random() < 0.95 else b"")


def _piece(source: random.Random) -> bytes:
    kind = source.random()
    if kind < 0.7:
        return _store(source)
    if kind < 0.8:
        return p.echo(source.choice((1, 3, 7)), source.randrange(9))
    if kind < 0.84:
        return source.choice((p.RELEASE_RQ, p.ABORT))
    if kind < 0.9:
        length = source.choice((None, 0, 4, 128, 129, 16384, 16385, 1 << 31, 0xFFFFFFFF))
        return p.pdu(source.randrange(10), source.randbytes(source.choice((0, 4, 10))), length)
    if kind < 0.95:
        lied = source.choice((None, 0, 1, 2, 3, 99, 1 << 31))
        return p.p_data(p.pdv(3, source.randbytes(4), source.randrange(8), lied))
    return source.randbytes(source.randrange(20))


def sequence(source: random.Random) -> Plan:
    """Return one dialogue, at random."""
    said = bytearray(source.choice(REQUESTS))
    established = len(said)
    for _ in range(source.randrange(1, 7)):
        said += _piece(source)
    if source.random() < 0.4 and len(said) > established:
        for _ in range(source.choice((1, 1, 3))):
            said[source.randrange(established, len(said))] = source.choice(
                (0, 1, 2, 3, 4, 255, source.randrange(256))
            )
    if source.random() < 0.1:
        del said[source.randrange(established, len(said) + 1) :]
    return Plan(
        bytes(said),
        source.choice((1 << 20,) * 40 + (1, 7, 7, 50, 50, 50, 333, 333, 333)),
        source.choice(("end", "reset", "timeout")),
        source.choice((-1, -1, -1, 0, 1, 2, 5)),
    )


class Driver:
    """Answers like the server's driver; what it sees is put together so that portions do not matter."""

    def __init__(self, acceptor: Acceptor, give_up_after: int) -> None:
        self.acceptor = acceptor
        self.story: list[object] = []
        self.sent = b""
        self._give_up_after = give_up_after
        self._request: ev.StoreRequest | None = None

    def play(self, plan: Plan) -> tuple[object, ...]:
        """Play *plan*; return all that can be seen from outside."""
        acceptor = self.acceptor
        for start in range(0, len(plan.said), plan.size):
            data = plan.said[start : start + plan.size]
            while data and acceptor.wait < Wait.LINGER:
                room = acceptor.buffer.room()
                count = min(len(room), len(data))
                room[:count] = data[:count]
                acceptor.buffer.received(count)
                data = data[count:]
                self.pull()
        state = (acceptor.wait, acceptor.unread, acceptor.in_command)
        for _ in range(3):
            if plan.end == "timeout" and acceptor.wait not in (Wait.REQUEST_BODY, Wait.PDU_BODY):
                acceptor.receive_timeout()
            else:
                acceptor.receive_eof(reset=plan.end == "reset")
            self.pull()
        return self.story, self.sent, state, acceptor.wait, acceptor.unread

    def pull(self) -> None:
        """Take what is there."""
        while (event := self.acceptor.next_event()) is not None:
            self.sent += self.acceptor.data_to_send()
            if isinstance(event, ev.DataFragments):
                self._data(event)
            else:
                self.story.append(event)
            if isinstance(event, ev.EchoRequest):
                self.story.append(self.acceptor.send_response(event))
            elif isinstance(event, ev.StoreRequest):
                self._request = event
                if self._give_up_after == 0:
                    self._give_up_after = -1
                    self.acceptor.abort()
            self.sent += self.acceptor.data_to_send()

    def _data(self, event: ev.DataFragments) -> None:
        for number, view in enumerate(event.views, 1):
            self.story.append((bytes(view), event.context_id))
            if self._give_up_after > 0:
                self._give_up_after -= 1
                if not self._give_up_after:
                    self._give_up_after = -1
                    self.acceptor.abort((), after=number)
                    return
        if event.last:
            request = self._request
            assert request is not None
            self.story.append("last")
            if request.context_id != event.context_id:
                self.acceptor.abort()
            else:
                status = (0, 0, 0, 0xA700)[request.message_id % 4]
                self.story.append(self.acceptor.send_response(request, status))


def compare(settings: AcceptorSettings, plan: Plan) -> tuple[object, object] | None:
    """Return what the usual and the general path make of *plan* where they differ, else None."""
    usual = Driver(Acceptor(settings), plan.give_up_after).play(plan)
    general = Driver(Acceptor(settings, general=True), plan.give_up_after).play(plan)
    if usual == general:
        return None
    pairs = ((one, other) for one, other in zip(usual, general, strict=True) if one != other)
    return next(pairs)


def stories(plans: Sequence[Plan]) -> list[str]:
    """Return all that can be seen of each of *plans* from outside, as text, to be compared between processes."""
    settings = p.settings("RoleBoth")
    return [repr(Driver(Acceptor(settings), plan.give_up_after).play(plan)) for plan in plans]
