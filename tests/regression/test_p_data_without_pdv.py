"""A P-DATA-TF PDU without any PDV, wherever it comes."""

from __future__ import annotations

import pytest

from dcmrecv.core import events as ev
from tests.wire.peer import ABORT, associated, dialogue, p_data, pdu, pdv, store_rq


@pytest.mark.parametrize("before", [b"", p_data(pdv(3, store_rq(), 3)), p_data(pdv(3, store_rq()[:20], 1))])
def test_refused(before: bytes) -> None:
    peer = associated().say(before + pdu(4, b""))
    assert peer.new() == [ABORT]
    assert peer.error()[-1].startswith("0006:0307 PDU without any PDVs encountered.")


def test_as_the_first_pdu() -> None:
    peer = dialogue().say(pdu(4, b""))
    assert peer.events == [ev.NotAnAssociation(4)]
    assert peer.new() == [ABORT]
