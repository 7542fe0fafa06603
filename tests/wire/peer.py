"""Vocabulary of the playbooks: PDUs as a peer writes them, and a driver that only talks to the core."""

from __future__ import annotations

import struct
from dataclasses import dataclass, field

from dcmrecv.conditions import Condition
from dcmrecv.config import (
    VERIFICATION_PROFILE,
    AssociationConfig,
    ExtendedNegotiation,
    PresentationContext,
    Profile,
    Role,
)
from dcmrecv.core import events as ev
from dcmrecv.core.acceptor import Acceptor, AcceptorSettings, Wait
from tests.support.settings import acceptor_settings

VERIFICATION = b"1.2.840.10008.1.1"
CT = b"1.2.840.10008.5.1.4.1.1.2"
MR = b"1.2.840.10008.5.1.4.1.1.4"
SC = b"1.2.840.10008.5.1.4.1.1.7"
US = b"1.2.840.10008.5.1.4.1.1.6.1"
FIND = b"1.2.840.10008.5.1.4.1.2.2.1"
PRIVATE = b"1.2.3.4.5.6.7.8.9"
IMPLICIT = b"1.2.840.10008.1.2"
EXPLICIT = b"1.2.840.10008.1.2.1"
BIG_ENDIAN = b"1.2.840.10008.1.2.2"
DEFLATED = b"1.2.840.10008.1.2.1.99"
JPEG = b"1.2.840.10008.1.2.4.50"
J2K = b"1.2.840.10008.1.2.4.90"
RLE = b"1.2.840.10008.1.2.5"
HTJ2K = b"1.2.840.10008.1.2.4.201"
FRAGMENTABLE_MPEG2 = b"1.2.840.10008.1.2.4.100.1"
APPLICATION_CONTEXT = b"1.2.840.10008.3.1.1.1"

_UNCOMPRESSED = (EXPLICIT, BIG_ENDIAN, IMPLICIT)
_GENERIC = (
    PresentationContext(VERIFICATION, _UNCOMPRESSED),
    PresentationContext(CT, (JPEG, J2K, RLE, DEFLATED, *_UNCOMPRESSED)),
    PresentationContext(MR, _UNCOMPRESSED),
    PresentationContext(SC, (IMPLICIT, EXPLICIT)),
    PresentationContext(US, (FRAGMENTABLE_MPEG2, HTJ2K, b"1.2.3.4.5.99", IMPLICIT)),
    PresentationContext(PRIVATE, (IMPLICIT,)),
)
PROFILES = {
    None: VERIFICATION_PROFILE,
    "Default": Profile("Default", _GENERIC),
    "NoVerif": Profile("NoVerif", (_GENERIC[1],)),
    "RoleSCP": Profile("RoleSCP", _GENERIC, ((CT, Role.SCP),)),
    "RoleSCU": Profile("RoleSCU", _GENERIC, ((CT, Role.SCU),)),
    "RoleBoth": Profile("RoleBoth", _GENERIC, ((CT, Role.BOTH),)),
    "ExtNeg": Profile(
        "ExtNeg",
        _GENERIC,
        (),
        (
            ExtendedNegotiation(CT, bytes.fromhex("0200000001000200")),
            ExtendedNegotiation(MR, bytes.fromhex("01020304")),
        ),
    ),
}

COMMAND, LAST_COMMAND, DATA, LAST_DATA = 1, 3, 0, 2
RELEASE_RQ = b"\5\0\0\0\0\4\0\0\0\0"
RELEASE_RP = b"\6\0\0\0\0\4\0\0\0\0"
ABORT = b"\7\0\0\0\0\4\0\0\0\0"
ABORT_2_2 = b"\7\0\0\0\0\4\0\0\2\2"


def pdu(kind: int, body: bytes, length: int | None = None) -> bytes:
    """A PDU, with a lying length if one is given."""
    return struct.pack(">BBI", kind, 0, len(body) if length is None else length) + body


def item(kind: int, value: bytes, length: int | None = None) -> bytes:
    return struct.pack(">BBH", kind, 0, len(value) if length is None else length) + value


def context(number: int, abstract: bytes, *transfers: bytes, extra: bytes = b"") -> bytes:
    body = bytes((number, 0, 0, 0)) + item(0x30, abstract) + b"".join(item(0x40, t) for t in transfers)
    return item(0x20, body + extra)


def max_length(value: int) -> bytes:
    return item(0x51, struct.pack(">I", value))


def role(uid: bytes, scu: int, scp: int) -> bytes:
    return item(0x54, struct.pack(">H", len(uid)) + uid + bytes((scu, scp)))


def identity(kind: int, primary: bytes, secondary: bytes = b"") -> bytes:
    return item(
        0x58,
        bytes((kind, 1))
        + struct.pack(">H", len(primary))
        + primary
        + struct.pack(">H", len(secondary))
        + secondary,
    )


def user(*extra: bytes, max_pdu: int | None = 16384) -> bytes:
    items = () if max_pdu is None else (max_length(max_pdu),)
    return item(0x50, b"".join((*items, item(0x52, b"1.2.3.999.1"), item(0x55, b"PEER"), *extra)))


DEFAULT_CONTEXTS = (context(1, VERIFICATION, IMPLICIT), context(3, CT, IMPLICIT), context(5, CT, EXPLICIT))


def associate(
    *contexts: bytes,
    called: bytes = b"ANY-SCP",
    calling: bytes = b"PEER",
    version: int = 1,
    application: bytes | None = APPLICATION_CONTEXT,
    user_items: bytes | None = None,
    extra: bytes = b"",
    items: bytes | None = None,
    length: int | None = None,
) -> bytes:
    """An A-ASSOCIATE-RQ."""
    body = struct.pack(">HH", version, 0) + called.ljust(16) + calling.ljust(16) + bytes(32)
    if items is None:
        items = b"" if application is None else item(0x10, application)
        items += b"".join(contexts or DEFAULT_CONTEXTS)
        items += user() if user_items is None else user_items
    return pdu(1, body + items + extra, length)


def pdv(number: int, fragment: bytes, flags: int, length: int | None = None) -> bytes:
    return struct.pack(">IBB", len(fragment) + 2 if length is None else length, number, flags) + fragment


def p_data(*pdvs: bytes) -> bytes:
    return pdu(4, b"".join(pdvs))


def element(group: int, number: int, value: bytes) -> bytes:
    return struct.pack("<HHI", group, number, len(value)) + value


def uid(value: bytes) -> bytes:
    return value + b"\0" if len(value) % 2 else value


def us(value: int) -> bytes:
    return struct.pack("<H", value)


def command(*elements: bytes) -> bytes:
    body = b"".join(elements)
    return element(0, 0, struct.pack("<I", len(body))) + body


def echo_rq(message_id: int = 1, sop_class: bytes = VERIFICATION, data_set: int = 0x0101) -> bytes:
    return command(
        element(0, 2, uid(sop_class)),
        element(0, 0x100, us(0x30)),
        element(0, 0x110, us(message_id)),
        element(0, 0x800, us(data_set)),
    )


def store_rq(
    message_id: int = 1, instance: bytes = b"1.2.3.4.5", sop_class: bytes = CT, *extra: bytes
) -> bytes:
    return command(
        element(0, 2, uid(sop_class)),
        element(0, 0x100, us(1)),
        element(0, 0x110, us(message_id)),
        element(0, 0x700, us(0)),
        element(0, 0x800, us(0x102)),
        element(0, 0x1000, uid(instance)),
        *extra,
    )


def echo(number: int = 1, message_id: int = 1) -> bytes:
    return p_data(pdv(number, echo_rq(message_id), LAST_COMMAND))


def store(number: int = 3, message_id: int = 1, data: bytes = b"\x08\0\x16\0\0\0\0\0") -> bytes:
    return p_data(pdv(number, store_rq(message_id), LAST_COMMAND)) + p_data(pdv(number, data, LAST_DATA))


def settings(
    profile: str | None = "Default", *, ae_title: bytes | None = None, max_pdu: int = 16384
) -> AcceptorSettings:
    return acceptor_settings(AssociationConfig(profile=PROFILES[profile], ae_title=ae_title, max_pdu=max_pdu))


def receive(acceptor: Acceptor, data: bytes) -> None:
    """Give *acceptor* bytes that fit into its buffer."""
    acceptor.buffer.room()[: len(data)] = data
    acceptor.buffer.received(len(data))


@dataclass
class Data:
    """A stretch of a data set, whatever portions it came in."""

    content: bytes
    last: bool
    context_id: int


@dataclass
class Dialogue:
    """A driver without sockets and files: answers every request, keeps what happened."""

    acceptor: Acceptor
    events: list[object] = field(default_factory=list)
    sent: bytes = b""
    request: ev.StoreRequest | None = None
    failures: list[tuple[Condition, ...]] = field(default_factory=list)

    def say(self, data: bytes) -> Dialogue:
        """The peer sends *data*; it arrives in what the buffer takes."""
        while data:
            room = self.acceptor.buffer.room()
            if not len(room):
                assert self.acceptor.wait >= Wait.LINGER  # a driver would not read any more
                break
            count = min(len(room), len(data))
            room[:count] = data[:count]
            self.acceptor.buffer.received(count)
            data = data[count:]
            self.pull()
        return self

    def end(self, *, reset: bool = False) -> Dialogue:
        """The peer closes, or was silent for 60 s where that counts as closing."""
        self.acceptor.receive_eof(reset=reset)
        return self.pull()

    def timeout(self) -> Dialogue:
        """A clock of the options expires."""
        self.acceptor.receive_timeout()
        return self.pull()

    def pull(self) -> Dialogue:
        while True:
            event = self.acceptor.next_event()
            self.sent += self.acceptor.data_to_send()
            if event is None:
                return self
            self._answer(event)
            self.sent += self.acceptor.data_to_send()

    def _answer(self, event: ev.Event) -> None:
        if isinstance(event, ev.DataFragments):
            content = b"".join(event.views)
            previous = self.events[-1]
            if isinstance(previous, Data) and not previous.last:
                previous.content += content
                previous.last = event.last
            else:
                self.events.append(Data(content, event.last, event.context_id))
            if event.last:
                assert self.request is not None
                if self.request.context_id != event.context_id:
                    self.acceptor.abort()
                else:
                    self.failures.append(self.acceptor.send_response(self.request, 0))
            return
        self.events.append(event)
        if isinstance(event, ev.EchoRequest):
            self.failures.append(self.acceptor.send_response(event))
        elif isinstance(event, ev.StoreRequest):
            self.request = event

    @property
    def last(self) -> object:
        return self.events[-1]

    def error(self) -> list[str]:
        """The lines of the last event's causes."""
        assert isinstance(self.last, ev.ProtocolError), self.last
        return [str(cause) for cause in self.last.causes]

    def pdus(self) -> list[bytes]:
        """What was sent, PDU by PDU."""
        found, data = [], self.sent
        while data:
            length = 6 + struct.unpack_from(">I", data, 2)[0]
            found.append(data[:length])
            data = data[length:]
        return found

    def new(self) -> list[bytes]:
        """PDUs sent since the last call of this."""
        found = self.pdus()
        self.sent = b""
        return found


def dialogue(profile: str | None = "Default", **options: object) -> Dialogue:
    """A fresh connection."""
    return Dialogue(Acceptor(settings(profile, **options)))  # type: ignore[arg-type]


def associated(request: bytes | None = None, profile: str | None = "Default", **options: object) -> Dialogue:
    """An established association; what was said until then is forgotten."""
    peer = dialogue(profile, **options).say(associate() if request is None else request)
    assert isinstance(peer.last, ev.AssociationAccepted), peer.last
    peer.sent = b""
    peer.events.clear()
    return peer
