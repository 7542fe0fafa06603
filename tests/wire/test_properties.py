"""What holds for every dialogue: it may be cut anywhere, and it ends in events or a documented error."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dcmrecv.core import events as ev
from dcmrecv.core import limits
from dcmrecv.core.acceptor import Acceptor, Wait

from . import peer as p
from .peer import Dialogue, dialogue

_LONG = bytes(range(256)) * 8
_DIALOGUES = {
    "store": p.associate() + p.store(3, 1, _LONG) + p.echo() + p.RELEASE_RQ,
    "many pdvs": p.associate()
    + p.p_data(
        *(p.pdv(3, p.store_rq()[i : i + 20], p.COMMAND) for i in range(0, 100, 20)),
        p.pdv(3, p.store_rq()[100:], p.LAST_COMMAND),
        p.pdv(3, b"abcdef", p.DATA),
        p.pdv(3, b"", p.DATA),
    )
    + p.p_data(p.pdv(3, b"gh", p.DATA)) * 5
    + p.p_data(p.pdv(3, b"ij", p.LAST_DATA), p.pdv(1, p.echo_rq(), p.LAST_COMMAND))
    + p.ABORT,
    "odd data": p.associate()
    + p.store()[: -len(p.p_data(p.pdv(3, bytes(8), 2)))]
    + p.p_data(p.pdv(3, b"abcd", p.DATA)) * 3
    + p.p_data(p.pdv(3, b"abc", p.DATA))
    + p.RELEASE_RQ,
    "bad context": p.associate() + p.echo(77) + p.p_data(p.pdv(3, bytes(1018), 0)) + bytes(40),
    "too long": p.associate() + p.echo() + p.pdu(4, b"", 0x7FFFFFFF) + bytes(9),
    "other service": p.associate() + p.p_data(p.pdv(1, p.element(0, 0x100, p.us(0x8030)), 3)),
    "rejected": p.associate(application=b"1.2") + p.associate(),
    "malformed": p.associate(extra=b"\0\0\0"),
    "web": b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "unexpected": p.associate() + p.pdu(6, bytes(4)) + p.echo(),
}


def _outcome(peer: Dialogue) -> tuple[object, ...]:
    # a second abort that a reset would overtake is only sent when nothing stood behind it
    sent = peer.sent.replace(p.ABORT + p.ABORT_2_2, p.ABORT)
    return peer.events, sent, peer.failures, peer.acceptor.wait


@pytest.mark.parametrize("name", _DIALOGUES)
def test_every_split_gives_the_same(name: str) -> None:
    data = _DIALOGUES[name]
    whole = _outcome(dialogue().say(data))
    for cut in range(1, len(data)):
        assert _outcome(dialogue().say(data[:cut]).say(data[cut:])) == whole, cut
    bytewise = dialogue()
    for number in range(len(data)):
        bytewise.say(data[number : number + 1])
    assert _outcome(bytewise) == whole


_u32 = st.integers(0, 0xFFFFFFFF)
_small = st.binary(max_size=40)
_pdv = st.builds(
    p.pdv,
    st.sampled_from([1, 3, 5, 7]),
    st.one_of(_small, st.sampled_from([p.echo_rq(), p.store_rq(), p.echo_rq()[:20]])),
    st.integers(0, 7),
    st.one_of(st.none(), st.none(), st.none(), _u32),
)
_pdu = st.one_of(
    st.builds(lambda pdvs: p.p_data(*pdvs), st.lists(_pdv, max_size=5)),
    st.builds(p.pdu, st.integers(0, 9), _small, st.one_of(st.none(), _u32)),
    st.sampled_from([p.echo(), p.store(), p.RELEASE_RQ, p.ABORT, p.associate()]),
    _small,
)
_items = st.recursive(
    st.binary(max_size=20),
    lambda inner: st.builds(
        lambda kind, parts, length: p.item(kind, b"".join(parts)[:60000], length),
        st.sampled_from(
            [0x10, 0x20, 0x21, 0x30, 0x40, 0x50, 0x51, 0x52, 0x53, 0x54, 0x55, 0x56, 0x58, 0x59, 0x77]
        ),
        st.lists(inner, max_size=4),
        st.one_of(st.none(), st.none(), st.integers(0, 0xFFFF)),
    ),
    max_leaves=12,
)

_SETTINGS = p.settings("RoleBoth")


def _finish(peer: Dialogue, end: str) -> None:
    """End the connection; whatever was said, it is over soon and memory is bounded."""
    assert peer.acceptor.buffer.size <= limits.REQUEST_LENGTH + 6
    for _ in range(3):
        if peer.acceptor.wait is Wait.CLOSED:
            break
        if end == "timeout" and peer.acceptor.wait not in (Wait.REQUEST_BODY, Wait.PDU_BODY):
            peer.timeout()
        else:
            peer.end(reset=end == "reset")
    assert peer.acceptor.wait is Wait.CLOSED
    assert peer.acceptor.next_event() is None
    for pdu in peer.pdus():
        assert pdu[0] in (2, 3, 4, 6, 7)
        assert struct.unpack_from(">I", pdu, 2)[0] == len(pdu) - 6
    final = (ev.NotAnAssociation, ev.RequestUnusable, ev.AssociationRejected)
    if not isinstance(peer.events[0], ev.RequestReceived):
        assert isinstance(peer.events[0], final)
        assert len(peer.events) == 1
    else:
        ends = (*final, ev.ReleaseRequested, ev.AbortReceived, ev.PeerClosed, ev.ProtocolError)
        assert isinstance(peer.last, ends)
        assert not any(isinstance(event, ends) for event in peer.events[:-1])


_ends = st.sampled_from(["end", "reset", "timeout"])


@settings(max_examples=150, deadline=None)
@given(st.lists(_pdu, max_size=6), st.integers(1, 50), _ends)
def test_any_pdus_in_an_association(pdus: list[bytes], size: int, end: str) -> None:
    peer = Dialogue(Acceptor(_SETTINGS)).say(p.associate())
    whole = Dialogue(Acceptor(_SETTINGS)).say(p.associate())
    data = b"".join(pdus)
    whole.say(data)
    for start in range(0, len(data), size):
        peer.say(data[start : start + size])
    assert _outcome(peer) == _outcome(whole)
    _finish(peer, end)


@settings(max_examples=150, deadline=None)
@given(st.lists(_items, max_size=6), st.one_of(st.none(), _u32), _ends)
def test_any_request(items: list[bytes], length: int | None, end: str) -> None:
    data = p.associate(items=b"".join(items), length=length)
    peer = Dialogue(Acceptor(_SETTINGS)).say(data)
    _finish(peer, end)


@settings(max_examples=150, deadline=None)
@given(st.binary(max_size=300), _ends)
def test_any_bytes(data: bytes, end: str) -> None:
    _finish(Dialogue(Acceptor(_SETTINGS)).say(data), end)
    _finish(Dialogue(Acceptor(_SETTINGS)).say(p.associate() + data), end)


_element = st.builds(
    lambda group, number, value, length: (
        struct.pack("<HHI", group, number, len(value) if length is None else length) + value
    ),
    st.sampled_from([0, 0, 0, 8, 0xFFFE, 0xFFFF, 3]),
    st.sampled_from([0, 2, 0x100, 0x110, 0x120, 0x700, 0x800, 0x900, 0x1000, 0x1030, 0xE000, 0xE0DD]),
    st.one_of(_small, st.sampled_from([p.us(1), p.us(0x30), p.us(0x101), b"1.2.3.4."])),
    st.one_of(st.none(), st.none(), st.none(), _u32),
)


@settings(max_examples=200, deadline=None)
@given(st.lists(_element, max_size=9), _ends)
def test_any_command_set(elements: list[bytes], end: str) -> None:
    data = b"".join(elements)
    peer = Dialogue(Acceptor(_SETTINGS)).say(p.associate())
    _finish(peer.say(p.p_data(p.pdv(1, data, p.LAST_COMMAND))), end)
