"""Recorded dialogues with the reference, replayed byte by byte against the core (tests/golden/network).

What depends on the storage of objects or on sockets is not in here; that is replayed with the whole program.
"""

from __future__ import annotations

import json
import struct
from pathlib import Path
from typing import Any

import pytest

from dcmrecv.core import events as ev

from .peer import Dialogue, dialogue

pytestmark = pytest.mark.golden

_FILE = Path(__file__).parent.parent / "golden" / "network" / "dialogues.json"
_DIALOGUES: list[dict[str, Any]] = json.loads(_FILE.read_text())

_RECEIVED_HERE = {"store-frag-ts", "store-htj2k-ts", "store-private-ts"}
"""Syntaxes that the reference accepts and then aborts for: tests/wire/test_commands.py says what is done here."""

_SECOND_ABORT_LOST = {"release-len-129"}
"""The reset that follows overtook the second A-ABORT; in pieces it cannot be known that it will."""


def _play(recorded: dict[str, Any], size: int | None = None) -> Dialogue:
    options: dict[str, Any] = {}
    if "ae_title" in recorded:
        options["ae_title"] = recorded["ae_title"].encode()
    if "max_pdu" in recorded:
        options["max_pdu"] = recorded["max_pdu"]
    peer = dialogue(recorded["profile"], **options)
    for verb, data in recorded["steps"]:
        if verb == "send":
            raw = bytes.fromhex(data)
            for start in range(0, len(raw), size or len(raw) or 1):
                peer.say(raw[start : start + (size or len(raw))])
        elif verb == "timeout":
            peer.timeout()
        else:
            peer.end(reset=verb == "reset")
    return peer


def _items(data: bytes) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    pos = 0
    while pos < len(data):
        kind, _, length = struct.unpack_from(">BBH", data, pos)
        value = data[pos + 4 : pos + 4 + length]
        entry: dict[str, Any] = {"item": f"{kind:02X}"}
        if kind == 0x21:
            entry.update(id=value[0], result=value[2], sub=_items(value[4:]))
        elif kind == 0x50:
            entry["sub"] = [sub for sub in _items(value) if sub["item"] not in ("52", "55")]
        elif kind == 0x51:
            entry["max_pdu"] = struct.unpack(">I", value)[0]
        elif kind in (0x54, 0x56):
            (size,) = struct.unpack_from(">H", value)
            entry["uid"] = value[2 : 2 + size].decode()
            rest = value[2 + size :]
            entry.update({"roles": list(rest)} if kind == 0x54 else {"info": rest.hex()})
        else:
            entry["text"] = value.decode()
        found.append(entry)
        pos += 4 + length
    return found


def _comparable(pdu: bytes) -> Any:
    if pdu[0] != 2:
        return pdu.hex()
    titles = [
        part.decode("latin-1").encode("unicode_escape").decode("ascii") for part in (pdu[10:26], pdu[26:42])
    ]
    return {"called": titles[0], "calling": titles[1], "items": _items(pdu[74:])}


@pytest.mark.parametrize("recorded", _DIALOGUES, ids=lambda recorded: recorded["name"])
@pytest.mark.parametrize("size", [None, 1, 7], ids=["whole", "by 1", "by 7"])
def test_same_replies_and_causes(recorded: dict[str, Any], size: int | None) -> None:
    if recorded["name"] in _RECEIVED_HERE:
        pytest.skip("a documented difference")
    peer = _play(recorded, size)
    sent = [_comparable(pdu) for pdu in peer.pdus()]
    if size and recorded["name"] in _SECOND_ABORT_LOST:
        sent = [pdu for pdu in sent if pdu != "07000000000400000202"]
    assert sent == recorded["replies"]
    causes = [
        str(cause) for event in peer.events if isinstance(event, ev.ProtocolError) for cause in event.causes
    ]
    if "causes" in recorded and recorded["name"] != "store-ctx-differs":  # there the driver has the causes
        assert causes == recorded["causes"]
    unusable = [
        event.cause.text
        for event in peer.events
        if isinstance(event, ev.RequestUnusable) and event.cause is not None
    ]
    assert unusable == ([recorded["unusable"]] if "unusable" in recorded else [])
