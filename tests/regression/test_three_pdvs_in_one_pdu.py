"""Three and more PDVs of unequal length in one PDU: the reference reads wrong places, or crashes."""

from __future__ import annotations

from dcmrecv.core import events as ev
from tests.wire.peer import Data, associated, echo_rq, p_data, pdv, store_rq


def test_three_fragments_of_a_command() -> None:
    request = echo_rq()
    peer = associated().say(
        p_data(pdv(1, request[:10], 1), pdv(1, request[10:30], 1), pdv(1, request[30:], 3))
    )
    assert isinstance(peer.last, ev.EchoRequest)


def test_two_whole_stores() -> None:
    peer = associated().say(
        p_data(
            pdv(3, store_rq(1), 3),
            pdv(3, bytes(90), 2),
            pdv(3, store_rq(2, b"1.2.3.4.6"), 3),
            pdv(3, bytes(94), 2),
        )
    )
    assert [len(event.content) for event in peer.events if isinstance(event, Data)] == [90, 94]


def test_thousands_of_tiny_pdvs() -> None:
    peer = associated().say(p_data(pdv(3, store_rq(), 3)))
    peer.say(p_data(*[pdv(3, b"", 0)] * 2000, pdv(3, b"ab", 2)))
    assert peer.last == Data(b"ab", True, 3)
