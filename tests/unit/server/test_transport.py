"""Clocks of a connection: what silence and dripping lead to, on both sides of each limit."""

from __future__ import annotations

import socket
import struct
from collections.abc import Callable, Iterator

import pytest

from dcmrecv.config import AssociationConfig
from dcmrecv.core.acceptor import Acceptor, Wait
from dcmrecv.core.events import EchoRequest, NotAnAssociation, PeerClosed, RequestReceived, RequestUnusable
from dcmrecv.server import limits, transport
from dcmrecv.server.gil_gate import GateTicket, GilGate
from dcmrecv.server.transport import Clocks, Transport
from tests.support.rawscu import VERIFICATION, Requestor, associate_rq, command_set, p_data
from tests.support.settings import acceptor_settings

REQUEST = associate_rq(Requestor(), VERIFICATION)
ECHO = p_data(3, command_set({0x0002: b"1.2.840.10008.1.1\0", 0x0100: 0x30, 0x0110: 1, 0x0800: 0x101}))


class Clock:
    """A monotonic clock that the test moves."""

    def __init__(self) -> None:
        self.now = 1000.0

    def monotonic(self) -> float:
        return self.now


class Wire:
    """A transport and its acceptor at one end, the peer at the other."""

    def __init__(self, clock: Clock, *, acse: int = 30, dimse: int | None = None) -> None:
        self.clock = clock
        self.peer, end = socket.socketpair()
        self.acceptor = Acceptor(acceptor_settings(AssociationConfig()))
        self.transport = Transport(end, Clocks(acse, dimse), GateTicket(GilGate()))

    def drip(self, data: bytes, seconds: float) -> None:
        """Send *data* byte by byte, *seconds* apart."""
        for number in range(len(data)):
            self.peer.sendall(data[number : number + 1])
            self.transport.receive(self.acceptor, self.acceptor.wait)
            self.clock.now += seconds

    def until_negotiated(self) -> None:
        self.peer.sendall(REQUEST)
        self.transport.receive(self.acceptor, self.acceptor.wait)
        while self.acceptor.next_event() is not None:
            self.transport.progressed()
        self.acceptor.data_to_send()

    def close(self) -> None:
        self.peer.close()
        self.transport.close()


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr(transport.time, "monotonic", made.monotonic)
    monkeypatch.setattr(transport, "_QUICKACK", None)  # the socket of the test is not TCP
    return made


@pytest.fixture
def wire(clock: Clock) -> Iterator[Wire]:
    made = Wire(clock)
    yield made
    made.close()


def test_a_request_that_drips_just_fast_enough_is_read(wire: Wire) -> None:
    wire.drip(REQUEST[:6], 1)
    wire.drip(REQUEST[6:], limits.PDU_SECONDS / len(REQUEST))
    assert isinstance(wire.acceptor.next_event(), RequestReceived)


def test_a_request_that_drips_too_slowly_is_given_up(wire: Wire) -> None:
    wire.drip(REQUEST[:6], 1)
    wire.drip(REQUEST[6:-1], (limits.PDU_SECONDS + 20) / (len(REQUEST) - 7))
    event = wire.acceptor.next_event()
    assert isinstance(event, RequestUnusable)
    assert event.cause is not None
    assert event.cause.text == "DUL network closed"


def test_the_first_header_has_the_acse_timeout_in_all(wire: Wire) -> None:
    wire.drip(REQUEST[:5], 7)
    wire.transport.receive(wire.acceptor, wire.acceptor.wait)
    event = wire.acceptor.next_event()
    assert isinstance(event, RequestUnusable)
    assert event.cause is not None
    assert event.cause.text == "DUL network read timeout"


def test_the_first_header_within_the_acse_timeout(wire: Wire) -> None:
    wire.drip(REQUEST[:6], 5.9)
    assert wire.acceptor.next_event() is None
    assert wire.acceptor.wait is Wait.REQUEST_BODY


@pytest.mark.parametrize(("bequeathed", "seconds"), [(7, 7), (7, 9), (None, 7)])
def test_the_first_clock_is_that_of_the_listening_socket_or_set(bequeathed: int | None, seconds: int) -> None:
    """A reload makes other clocks: the listening socket has the old one still."""
    clocks = Clocks(seconds, None)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        if bequeathed is not None:
            first = Clocks(bequeathed, None)
            first.bequeath(listener)
            clocks = first if bequeathed == seconds else clocks
        with socket.create_connection(listener.getsockname()) as peer:
            connection, _ = listener.accept()
            with connection:
                inherited = connection.getsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, 16)
                assert struct.unpack("ll", inherited)[0] == (bequeathed or 0)
                peer.sendall(REQUEST[:2])
                acceptor = Acceptor(acceptor_settings(AssociationConfig()))
                Transport(connection, clocks, GateTicket(GilGate())).receive(acceptor, acceptor.wait)
                now = connection.getsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, 16)
                assert struct.unpack("ll", now)[0] == seconds


def test_a_handshake_leaves_its_own_clock(wire: Wire) -> None:
    class Stream:
        recv_into = wire.transport.sock.recv_into
        sendall = wire.transport.sock.sendall

        def close(self) -> None: ...

    clocks = Clocks(7, None)
    clocks.inherited = 7
    end = Transport(wire.transport.sock, clocks, GateTicket(GilGate()))
    end.use_tls(Stream())
    wire.peer.sendall(REQUEST)
    end.receive(wire.acceptor, wire.acceptor.wait)
    now = wire.transport.sock.getsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, 16)
    assert struct.unpack("ll", now)[0] == 7


def test_a_peer_that_leaves(wire: Wire) -> None:
    wire.peer.close()
    wire.transport.receive(wire.acceptor, wire.acceptor.wait)
    assert isinstance(wire.acceptor.next_event(), NotAnAssociation)


@pytest.mark.parametrize("dimse", [None, 1])
def test_silence_at_a_pdu_boundary(clock: Clock, monkeypatch: pytest.MonkeyPatch, dimse: int | None) -> None:
    """Without ``-td`` it counts as the peer's close, with it the association is aborted."""
    monkeypatch.setattr(limits, "READ_SECONDS", 1)
    wire = Wire(clock, dimse=dimse)
    try:
        wire.until_negotiated()
        wire.transport.receive(wire.acceptor, wire.acceptor.wait)
        event = wire.acceptor.next_event()
        assert type(event).__name__ == ("PeerClosed" if dimse is None else "ProtocolError")
    finally:
        wire.close()


class Record:
    """A TLS record that arrives byte by byte, some seconds apart, and never ends."""

    def __init__(self, clock: Clock, seconds: float) -> None:
        self.clock = clock
        self.seconds = seconds
        self.reads = 0

    def recv_into(self, buffer: memoryview, nbytes: int = 0, flags: int = 0) -> int | None:
        self.clock.now += self.seconds
        self.reads += 1
        return None

    def sendall(self, data: bytes) -> None:
        raise AssertionError

    def close(self) -> None:
        """There is nothing to say."""


def test_a_request_that_drips_inside_a_record(wire: Wire) -> None:
    """The ARTIM timer (``-ta``) does not start anew with each byte of ciphertext."""
    record = Record(wire.clock, 7)
    wire.transport.use_tls(record)
    wire.transport.receive(wire.acceptor, wire.acceptor.wait)
    event = wire.acceptor.next_event()
    assert isinstance(event, RequestUnusable)
    assert event.cause is not None
    assert event.cause.text == "DUL network read timeout"
    assert record.reads == 5


def test_a_request_body_that_drips_inside_a_record(wire: Wire) -> None:
    wire.drip(REQUEST[:6], 1)
    record = Record(wire.clock, 50)
    wire.transport.use_tls(record)
    wire.transport.receive(wire.acceptor, wire.acceptor.wait)
    assert isinstance(wire.acceptor.next_event(), RequestUnusable)
    assert record.reads == limits.PDU_SECONDS / 50


@pytest.mark.parametrize(("dimse", "seconds"), [(None, limits.READ_SECONDS), (20, 20)])
def test_a_record_that_drips_at_a_pdu_boundary(clock: Clock, dimse: int | None, seconds: int) -> None:
    """It may take as long as a header there: the header is in it."""
    wire = Wire(clock, dimse=dimse)
    try:
        wire.until_negotiated()
        record = Record(clock, 5)
        wire.transport.use_tls(record)
        wire.transport.receive(wire.acceptor, wire.acceptor.wait)
        assert type(wire.acceptor.next_event()).__name__ == "ProtocolError"
        assert record.reads == 1 + seconds / 5
    finally:
        wire.close()


class Watched:
    """A socket that counts how it is read: looks, of 25 us each, and reads that sleep."""

    def __init__(self, sock: socket.socket, clock: Clock) -> None:
        self._sock = sock
        self._clock = clock
        self.looks = self.sleeps = 0
        self.slept = 0.0
        """Seconds that each sleep takes."""
        self.before_a_sleep: Callable[[], object] = lambda: None

    def recv_into(self, buffer: memoryview, size: int = 0, flags: int = 0) -> int:
        if flags:
            self.looks += 1
            self._clock.now += 25e-6
        else:
            self.sleeps += 1
            self._clock.now += self.slept
            self.before_a_sleep()
        return self._sock.recv_into(buffer, size, flags)

    def __getattr__(self, name: str) -> object:
        return getattr(self._sock, name)


class Dialogue:
    """An association at rest; the peer sends echoes, which are answered."""

    def __init__(self, gate: GilGate, clock: Clock) -> None:
        self.gate = gate
        self.peer, end = socket.socketpair()
        self.sock = Watched(end, clock)
        self.ticket = GateTicket(gate)
        self.acceptor = Acceptor(acceptor_settings(AssociationConfig()))
        self.transport = Transport(self.sock, Clocks(30, None), self.ticket)  # type: ignore[arg-type]
        self.hear(REQUEST)
        self.sock.looks = self.sock.sleeps = 0

    def hear(self, data: bytes = b"") -> None:
        """Receive *data*, and what is there already, and answer."""
        self.peer.sendall(data)
        self.ticket.leave()
        size = self.transport.receive(self.acceptor, self.acceptor.wait)
        self.ticket.enter(size)
        while (event := self.acceptor.next_event()) is not None:
            self.transport.progressed()
            if isinstance(event, EchoRequest):
                self.acceptor.send_response(event)
        self.transport.send(self.acceptor.data_to_send())
        self.peer.recv(1 << 16)


@pytest.fixture
def dialogue(clock: Clock) -> Iterator[Dialogue]:
    made = Dialogue(GilGate(spare_processor=True), clock)
    yield made
    made.peer.close()
    made.sock.close()  # type: ignore[operator]


def test_what_a_peer_near_by_sends_is_taken_without_sleeping(dialogue: Dialogue) -> None:
    dialogue.hear(ECHO)
    assert (dialogue.sock.looks, dialogue.sock.sleeps) == (0, 1)  # only now is it known to be near
    for number in range(20):
        dialogue.hear(ECHO)
        assert (dialogue.sock.looks, dialogue.sock.sleeps) == (number + 1, 1)


def test_for_a_peer_that_let_us_wait_we_sleep_at_once(dialogue: Dialogue) -> None:
    dialogue.hear(ECHO)
    dialogue.sock.slept = limits.NEAR_SECONDS
    dialogue.sock.before_a_sleep = lambda: dialogue.peer.sendall(ECHO)
    dialogue.hear()
    assert (dialogue.sock.looks, dialogue.sock.sleeps) == (3, 2)  # more than 60 us
    for _ in range(3):
        dialogue.hear()
    assert (dialogue.sock.looks, dialogue.sock.sleeps) == (3, 5)
    dialogue.sock.slept = limits.NEAR_SECONDS / 2
    dialogue.hear()
    dialogue.hear(ECHO)
    assert (dialogue.sock.looks, dialogue.sock.sleeps) == (4, 6)  # near again


def test_no_looking_while_another_association_works(dialogue: Dialogue) -> None:
    other = GateTicket(dialogue.gate)
    dialogue.hear(ECHO)
    dialogue.ticket.leave()
    other.enter(10)
    dialogue.hear(ECHO)
    assert (dialogue.sock.looks, dialogue.sock.sleeps) == (0, 2)
    other.leave()


def test_a_peer_near_by_that_has_left(dialogue: Dialogue) -> None:
    dialogue.hear(ECHO)
    dialogue.peer.close()
    dialogue.ticket.leave()
    assert dialogue.transport.receive(dialogue.acceptor, dialogue.acceptor.wait) == 0
    assert isinstance(dialogue.acceptor.next_event(), PeerClosed)
    assert (dialogue.sock.looks, dialogue.sock.sleeps) == (1, 1)
