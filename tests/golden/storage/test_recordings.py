"""Every recorded data set sent to the running program: the reference's answers, names and bytes, in two modes.

`expected.json` holds what the reference answered and stored; what is sent lies in ``tests/golden/datasets``. The
digest of a file covers its file meta information, with what is an implementation's own masked, and every byte behind.
"""

from __future__ import annotations

import hashlib
import json
import re
import struct
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.rawscu import Association, Requestor, UnexpectedPdu, command_set, p_data
from tests.support.server import RunningServer

pytestmark = pytest.mark.golden

HERE = Path(__file__).parent
CASES: list[dict[str, Any]] = json.loads((HERE / "expected.json").read_text())
DATA_SETS = HERE.parent / "datasets" / "datasets.zip"
STORAGE_CLASSES = "1.2.840.10008.5.1.4."
CT_IMAGE = "1.2.840.10008.5.1.4.1.1.2"
LARGEST_FRAGMENT = 16378
WHO = Requestor(calling="CORPUS_SCU")


def fragments(data: bytes, cuts: int | list[int] | None) -> list[bytes]:
    """Cut *data* as the case says: as large as the peer takes, at a size, or at sizes."""
    sizes = cuts if isinstance(cuts, list) else []
    pieces, at = [], 0
    for size in sizes:
        pieces.append(data[at : at + size])
        at += size
    step = cuts if isinstance(cuts, int) else LARGEST_FRAGMENT
    pieces += [data[start : start + step] for start in range(at, len(data), step)]
    return pieces or [b""]


def answer(association: Association, case: dict[str, Any], data: bytes, message: int) -> str:
    """Send one case; return the status as four digits, or ``abort``."""
    command: dict[int, bytes | int] = {
        0x0002: case["sop_class"].encode("latin-1"),
        0x0100: 1,
        0x0110: message,
        0x0700: 0,
        0x0800: 1,
        0x1000: case["sop_instance"].encode("latin-1"),
    }
    try:
        try:
            association.send(p_data(3, command_set(command)))
            pieces = fragments(data, case["cuts"])
            for number, piece in enumerate(pieces, 1):
                association.send(p_data(2 if number == len(pieces) else 0, piece))
        except OSError:
            pass  # aborted while we were sending: what it said can still be read
        return f"{association.response_status():04x}"
    except (UnexpectedPdu, ConnectionError):
        return "abort"


def send_all(port: int, cases: list[dict[str, Any]]) -> dict[str, str]:
    """Send *cases* in order, each kind of context on an association of its own."""
    answers: dict[str, str] = {}
    open_ones: dict[tuple[str, str], Association] = {}
    with zipfile.ZipFile(DATA_SETS) as archive:
        for number, case in enumerate(cases, 1):
            sop_class = case["sop_class"]
            abstract = sop_class if sop_class.startswith(STORAGE_CLASSES) else CT_IMAGE
            key = abstract, case["transfer_syntax"]
            if key not in open_ones:
                open_ones[key] = Association(
                    port, abstract, WHO, transfer_syntaxes=(case["transfer_syntax"],), timeout=60
                )
            answers[case["id"]] = answer(open_ones[key], case, archive.read(case["id"]), number)
            if answers[case["id"]] == "abort":
                open_ones.pop(key).socket.close()
    for association in open_ones.values():
        association.release()
    return answers


CUT_OFF = "syn-deflated-truncated"
"""A deflated stream without its end, which the reference stores as far as it goes; we refuse it."""
UIDS_FILLED_IN = {"rtdose-rle", "syn-sop-uids-wrong-vr", "gen-500006", "gen-500021"}
"""Cases in which the VR of a SOP UID is no text, and the reference writes an empty (0002,0002) or (0002,0003); we
take the command's UID."""
RECEIVED_HERE = ("1.2.840.10008.1.2.4.201", "1.2.840.10008.1.2.4.94", "1.2.840.113619.5.2")
"""Transfer syntaxes that the reference accepts and then aborts for."""


def masked_digest(raw: bytes, generated_uid: bool, filled_in: dict[int, str]) -> str:
    """Check the form of the file meta information; return the digest of what must be the reference's.

    *filled_in*: values by element which stand where the reference writes none.
    """
    assert raw[:132] == bytes(128) + b"DICM"
    out = hashlib.sha256()
    at, end = 132, len(raw)
    while at < end:
        group, element, vr, length = struct.unpack_from("<HH2sH", raw, at)
        at += 8
        assert group == 2
        if vr == b"OB":
            (length,) = struct.unpack_from("<I", raw, at)
            at += 4
        value = raw[at : at + length]
        at += length
        if not element:
            assert (vr, length) == (b"UL", 4)
            end = at + int.from_bytes(value, "little")
            continue
        if value.rstrip(b"\0").decode("latin-1") == filled_in.get(element):
            value = b""
        masked = element in (0x12, 0x13)
        if element == 3 and generated_uid:
            assert re.fullmatch(rb"1\.2\.276\.0\.7230010\.3\.1\.4\.[0-9.]+\0?", value)
            masked = True
        out.update(f"{element:04x} {vr.decode('latin-1')} {'*' if masked else value.hex()}\n".encode())
    assert at == end
    out.update(raw[at:])
    return out.hexdigest()


class Replay:
    """The answers to all cases, and what lies in the output directory after them."""

    def __init__(self, answers: dict[str, str], directory: Path) -> None:
        self.answers = answers
        self.directory = directory
        self.names = {path.name for path in directory.rglob("*")}


@pytest.fixture(scope="module", params=["normal", "bit"])
def replay(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Replay]:
    mode: str = request.param
    out = tmp_path_factory.mktemp(mode) / "out"
    options = ["-xf", str(HERE / "corpus.cfg"), "Default", *(["+B"] if mode == "bit" else [])]
    options += ["--max-nesting", "300"]  # by default less, a documented difference
    with RunningServer(out, options) as server:
        yield Replay(send_all(server.port, [case for case in CASES if not case["dangerous"]]), out)
        assert server.process is not None
        assert server.process.poll() is None


@pytest.fixture
def mode(request: pytest.FixtureRequest) -> str:
    return str(request.node.callspec.params["replay"])


@pytest.mark.parametrize(
    "case", [case for case in CASES if not case["dangerous"]], ids=lambda case: case["id"]
)
def test_answer_name_and_bytes(replay: Replay, mode: str, case: dict[str, Any]) -> None:
    expected = case[mode]
    if (mode, case["id"]) == ("normal", CUT_OFF):
        expected = {"status": "abort", "filename": None}
    if case["transfer_syntax"] in RECEIVED_HERE:
        assert (expected["status"], replay.answers[case["id"]]) == ("abort", "0000")
        return
    assert replay.answers[case["id"]] == expected["status"]
    if expected["filename"] is not None:
        raw = (replay.directory / expected["filename"]).read_bytes()
        filled_in: dict[int, str] = {}
        if mode == "normal" and case["id"] in UIDS_FILLED_IN:
            filled_in[3] = case["sop_instance"]
            filled_in[2] = case["sop_class"]
        assert masked_digest(raw, expected["generated_uid"], filled_in) == expected["sha256"]


def test_nothing_else_is_stored(replay: Replay, mode: str) -> None:
    refused = {CUT_OFF} if mode == "normal" else set()
    expected = {case[mode]["filename"] for case in CASES if case[mode] and case["id"] not in refused}
    received = {f"CT.{case['sop_instance']}" for case in CASES if case["transfer_syntax"] in RECEIVED_HERE}
    assert replay.names - received == expected - {None}


@pytest.mark.parametrize("bit", [False, True], ids=["normal", "bit"])
def test_what_ends_the_reference_is_survived(tmp_path: Path, bit: bool) -> None:
    """Stored whole or refused, and the same process serves the next peer."""
    dangerous = [case for case in CASES if case["dangerous"]]
    assert dangerous
    options = ["-xf", str(HERE / "corpus.cfg"), "Default", *(["+B"] if bit else [])]
    with RunningServer(tmp_path / "out", options) as server:
        answers = send_all(server.port, dangerous)
        assert set(answers.values()) <= {"0000", "abort"}
        assert not bit or set(answers.values()) == {"0000"}
        assert len(server.stored()) == list(answers.values()).count("0000")
        assert send_all(server.port, CASES[:1]) == {CASES[0]["id"]: "0000"}
        assert server.process is not None
        assert server.process.poll() is None
