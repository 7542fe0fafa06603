"""Replays command lines recorded from the reference: exit code, both outputs, whether a port was opened."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

HERE = Path(__file__).parent
pytestmark = pytest.mark.golden

# What depends on the machine, and what we add behind the reference's screens.
_NORMALISED = (
    (re.compile(r"(?m)^Host type: .*$"), "Host type: <HOST>"),
    (re.compile(r"(?m)^- OpenSSL .*$"), "- OpenSSL <VERSION>"),
    (re.compile(r"OpenSSL error [0-9a-f]{8}: [^\n]*"), "OpenSSL error <CODE>: <TEXT>"),
    (re.compile(r"(?ms)^additional options \(not in DCMTK\):.*\Z"), ""),
    (re.compile(r"(?ms)^Implementation:.*\Z"), ""),
    (re.compile(r"calling '[^'\n]*' with"), "calling '$PROGRAM' with"),
)

ACCEPTED_SINCE = {
    "unknown-profile-mod": "--profile-8996-mod only allowed with --enable-tls",
    "unknown-profile-basic": "--profile-basic only allowed with --enable-tls",
}
"""Options of other versions and builds, which we take (docs/differences.md): what is said instead of unknown."""

Replay = Callable[[dict[str, Any]], dict[str, Any]]


def _cases() -> list[dict[str, Any]]:
    document = json.loads((HERE / "cases.json").read_text())

    def whole(value: Any) -> Any:
        if isinstance(value, dict):
            if value.keys() == {"shared"}:
                return document["shared"][value["shared"]]
            return {key: whole(item) for key, item in value.items()}
        return [whole(item) for item in value] if isinstance(value, list) else value

    return [whole(case) for case in document["cases"]]


CASES = _cases()


def normalise(text: str) -> str:
    for pattern, replacement in _NORMALISED:
        text = pattern.sub(replacement, text)
    return text


@pytest.fixture(scope="module")
def replay() -> Iterator[Replay]:
    """A process that runs cases (replay.py)."""
    with subprocess.Popen(
        [sys.executable, str(HERE / "replay.py")], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        source, sink = process.stdout, process.stdin

        def ask(case: dict[str, Any]) -> dict[str, Any]:
            sink.write(json.dumps(case) + "\n")
            sink.flush()
            answer: dict[str, Any] = json.loads(source.readline())
            return answer

        yield ask
        sink.close()
        process.wait(60)


def test_differences_name_recordings() -> None:
    assert ACCEPTED_SINCE.keys() <= {case["id"] for case in CASES}


@pytest.mark.parametrize("case", CASES, ids=[case["id"] for case in CASES])
def test_recording(case: dict[str, Any], replay: Replay) -> None:
    if case.get("user") == "root" and os.geteuid() != 0:
        pytest.skip("needs root: only root may do everything")
    expected, observed = case["expect"], replay(case)
    if case["id"] in ACCEPTED_SINCE:
        said = re.sub(r"Unknown option \S+", ACCEPTED_SINCE[case["id"]], expected["stderr"])
        assert said != expected["stderr"]
        expected = {**expected, "stderr": said}
    assert observed["note"] == ""
    assert normalise(observed["stderr"]) == normalise(expected["stderr"])
    assert normalise(observed["stdout"]) == normalise(expected["stdout"])
    assert observed["listened"] == bool(case.get("starts"))
    assert observed["rc"] == expected["rc"]
