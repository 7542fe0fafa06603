"""The usual exchange against the general path, and its compiled form against its source.

The general path is the oracle: same events, same bytes sent, same state, wherever the bytes are cut and wherever the
driver gives up. Longer: ``python -m tests.fuzz.long_exchange``.
"""

from __future__ import annotations

import random
from types import ModuleType
from typing import Any

import pytest

from dcmrecv.core import acceptor as acceptor_module
from dcmrecv.core import events as ev
from dcmrecv.core import exchange, limits
from dcmrecv.core.acceptor import Acceptor
from tests.support import pdu_sequences
from tests.support.source_form import source_form
from tests.support.source_module import source_of

from . import peer as p

SETTINGS = p.settings("RoleBoth")
INSTANCE = b"1.2.840.113619.2.55.3.604688119"
USUAL = p.p_data(p.pdv(3, p.store_rq(258, INSTANCE), 3)) + p.p_data(p.pdv(3, bytes(300), 2))


@pytest.fixture(scope="module")
def source() -> ModuleType:
    """The module as source, whatever the others import."""
    return source_of("dcmrecv.core.exchange")


@pytest.mark.parametrize("seed", range(10))
def test_the_general_path_says_the_same(seed: int) -> None:
    chance = random.Random(seed)
    for _ in range(60):
        plan = pdu_sequences.sequence(chance)
        assert pdu_sequences.compare(SETTINGS, plan) is None, plan


def test_the_source_says_the_same() -> None:
    chance = random.Random(4242)
    plans = [pdu_sequences.sequence(chance) for _ in range(400)]
    with source_form() as source:
        by_source = source.submit(pdu_sequences.stories, plans)
        assert pdu_sequences.stories(plans) == by_source.result()


_DIALOGUES = {
    "small": USUAL * 2 + p.RELEASE_RQ,
    "in pieces": USUAL[: -len(p.p_data(p.pdv(3, bytes(300), 2)))]
    + p.p_data(p.pdv(3, b"abcd", 0)) * 3
    + p.p_data(p.pdv(3, b"ef", 0), p.pdv(3, b"", 0))
    + p.p_data(p.pdv(3, b"gh", 2))
    + p.echo(),
    "other context": p.p_data(p.pdv(3, p.store_rq(), 3)) + p.p_data(p.pdv(5, b"abcd", 2)),
    "odd": p.p_data(p.pdv(3, p.store_rq(), 3)) + p.p_data(p.pdv(3, b"ab", 0)) + p.p_data(p.pdv(3, b"abc", 2)),
    "echoes": p.echo(3, 258) + USUAL + p.echo() + p.p_data(p.pdv(3, p.echo_rq(data_set=0), 3)),
    "then an error": USUAL + USUAL[:150] + p.pdu(4, b"", 1 << 31),
}


@pytest.mark.parametrize("give_up_after", [-1, 0, 1, 2, 4])
@pytest.mark.parametrize("name", _DIALOGUES)
def test_every_split(name: str, give_up_after: int) -> None:
    said = p.associate() + _DIALOGUES[name]
    for size in [1, 2, 3, *range(5, len(said), 37), len(said)]:
        plan = pdu_sequences.Plan(said, size, "end", give_up_after)
        assert pdu_sequences.compare(SETTINGS, plan) is None, size


def test_the_usual_exchange_is_taken_in_one_step(monkeypatch: pytest.MonkeyPatch) -> None:
    """Otherwise the comparisons above would compare the general path with itself."""
    framed: list[exchange.Exchange | None] = []

    def frame_request(*arguments: Any) -> exchange.Exchange | None:
        framed.append(exchange.frame_request(*arguments))
        return framed[-1]

    monkeypatch.setattr(acceptor_module, "frame_request", frame_request)
    peer = p.associated().say(USUAL)
    request, data = peer.events
    assert [each.position for each in framed if each is not None] == [len(USUAL)]
    assert isinstance(request, ev.StoreRequest)
    assert (request.message_id, request.sop_instance_uid) == (258, INSTANCE)
    assert data == p.Data(bytes(300), True, 3)
    assert len(peer.new()) == 1
    peer.say(p.echo(3, 259))
    last = framed[-1]
    assert last is not None
    assert (last.position, last.response) == (len(p.echo(3, 259)), peer.sent)
    assert peer.last == last.request


def _frame(module: ModuleType, said: bytes, *, max_pdu: int = 16384) -> tuple[object, ...] | None:
    buffer = bytearray(said)
    view = memoryview(buffer)
    found = module.frame_request(buffer, view, 0, len(said), max_pdu, {3: p.IMPLICIT, 5: p.EXPLICIT})
    if found is None:
        found = module.frame_data_set(buffer, view, 0, len(said), max_pdu, 3)
    if found is None:
        return None
    views = [bytes(each) for each in found.views]
    return found.position, found.request, found.response, views, bool(found.last)


def test_compiled_and_source_are_the_same(source: ModuleType) -> None:
    chance = random.Random(7)
    taken = 0
    for _ in range(4000):
        said = bytearray(chance.choice((USUAL, USUAL, USUAL[-314:] * 3, p.echo(3, 258))))
        for _ in range(chance.randrange(4)):
            said[chance.randrange(len(said))] = chance.choice((0, 1, 2, 3, 4, 127, 128, 255))
        if chance.random() < 0.3:
            del said[chance.randrange(len(said)) :]
        limit = chance.choice((16384, 16384, 300, 100))
        one, other = (_frame(module, bytes(said), max_pdu=limit) for module in (exchange, source))
        assert one == other, said.hex()
        taken += one is not None
    assert taken > 400


def _lengths(said: bytes) -> list[int]:
    """Where the 32 bit lengths of a usual exchange are."""
    return [2, 6, *range(16, 100, 2), said.index(bytes(300)) - 10, said.index(bytes(300)) - 6]


@pytest.mark.parametrize("value", [0, 1, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFE, 0xFFFFFFFF])
def test_no_length_reaches_beyond_the_buffer(source: ModuleType, value: int) -> None:
    """Each length in turn is a lie; an index beyond the buffer would raise."""
    for order in ("little", "big"):
        for place in _lengths(USUAL):
            said = bytearray(USUAL)
            said[place : place + 4] = value.to_bytes(4, order)  # type: ignore[arg-type]
            assert _frame(exchange, bytes(said)) == _frame(source, bytes(said))
            plan = pdu_sequences.Plan(p.associate() + bytes(said), 1 << 20, "end", -1)
            assert pdu_sequences.compare(SETTINGS, plan) is None


def test_every_prefix(source: ModuleType) -> None:
    for length in range(len(USUAL)):
        found = _frame(exchange, USUAL[:length])
        assert found == _frame(source, USUAL[:length])
        assert found is None or found[0] in (len(USUAL) - 312, len(USUAL))


@pytest.mark.parametrize(
    "pdus", [p.p_data(p.pdv(3, b"", 0)) * 1000, p.p_data(*[p.pdv(3, b"", 0)] * 1000)], ids=["many", "one"]
)
def test_no_more_is_handed_out_at_once_than_others_can_wait_for(pdus: bytes) -> None:
    acceptor = p.associated().say(p.p_data(p.pdv(3, p.store_rq(), 3))).acceptor
    p.receive(acceptor, pdus)
    portions = []
    while (event := acceptor.next_event()) is not None:
        assert isinstance(event, ev.DataFragments)
        portions.append(len(event.views))
    assert sum(portions) == 1000
    assert max(portions) == limits.FRAGMENTS_AT_ONCE
    assert acceptor.buffer.size == limits.BUFFER_FIRST


def test_a_response_with_another_status() -> None:
    acceptor = p.associated().acceptor
    p.receive(acceptor, USUAL)
    request = acceptor.next_event()
    assert isinstance(request, ev.StoreRequest)
    assert acceptor.send_response(request, 0) == ()
    success = acceptor.data_to_send()
    acceptor.send_response(request, 0xA700)
    assert acceptor.data_to_send() == success.replace(
        p.element(0, 0x900, p.us(0)), p.element(0, 0x900, p.us(0xA700))
    )
    general = Acceptor(SETTINGS, general=True)
    p.Dialogue(general).say(p.associate())
    general.data_to_send()
    general.send_response(request, 0)
    assert general.data_to_send() == success
