"""Replay what the reference did with TLS options, files and clients (spec/tls.md).

Start-ups compare exit code, standard output, standard error and the terminal; handshakes the verdict, the
server's lines and connection details, and what the client saw. The key-exchange group is not compared: it
is in no log, and Python before 3.15 cannot set it (docs/differences.md).
"""

from __future__ import annotations

import json
import os
import ssl
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.golden.tls import replay
from tests.support.programs import find_program

HERE = Path(__file__).resolve().parent
STARTUPS = json.loads((HERE / "startup.json").read_text("utf-8"))
HANDSHAKES = json.loads((HERE / "handshakes.json").read_text("utf-8"))
RECORDED_OPENSSL = (3, 0)
RECORDED_CLIENT = "v3.6.7"

ACCEPTED = "Python's ssl cannot set the list of groups: accepted, where the reference refuses"
REFUSED = "Python's ssl cannot set the list of groups: refused, where the reference accepts"
NO_ALERT = "an MD5 signature is found after the handshake of TLS 1.3: refused, but without the alert"
DIFFERENT = {
    "groups | group X25519 -tls1_2": ACCEPTED,
    "groups | group X25519 -tls1_3": ACCEPTED,
    "groups | group ffdhe2048 -tls1_3": ACCEPTED,
    "groups | group sect283k1 -tls1_2": REFUSED,
    "groups EC | group X25519 -tls1_3": ACCEPTED,
    "groups EC | group X448 -tls1_3": ACCEPTED,
    "groups EC | group ffdhe2048 -tls1_3": ACCEPTED,
    "-vc certs | client_md5 -tls1_3": NO_ALERT,
}
"""Deliberate differences to the reference (docs/differences.md)."""

GROUPS_CAN_BE_SET = hasattr(ssl.SSLContext, "set_groups")

pytestmark = [
    pytest.mark.golden,
    pytest.mark.skipif(
        ssl.OPENSSL_VERSION_INFO[:2] != RECORDED_OPENSSL,
        reason="recorded with OpenSSL 3.0, whose error texts and default groups are compared",
    ),
]


@pytest.fixture(scope="session")
def pki(shared_pki: Path) -> Path:
    program = subprocess.run(["openssl", "version"], capture_output=True, text=True, check=True).stdout
    if not program.startswith("OpenSSL 3.0."):
        pytest.skip("the messages of the client openssl are compared; they are those of version 3.0")
    return shared_pki


@pytest.fixture(scope="session")
def echoscu() -> None:
    reason = f"echoscu {RECORDED_CLIENT} is not installed (apt-get install dcmtk)"
    path = find_program("echoscu")
    version = subprocess.run([path, "--version"], capture_output=True, text=True).stdout if path else ""
    if RECORDED_CLIENT not in version:
        if os.environ.get("DCMRECV_REQUIRE_CLIENTS"):
            pytest.fail(reason)
        pytest.skip(reason)


ACCEPTED_SINCE = {
    "no-tls +pb": (1, "--profile-basic only allowed with --enable-tls"),
    "tls +pb": (
        71,
        "supports no ciphersuite of security profile 'Basic TLS Secure Transport Connection Profile'",
    ),
}
"""An option of other builds of the reference, which this one does not know (docs/differences.md)."""


@pytest.mark.parametrize("case", STARTUPS, ids=[case["id"] for case in STARTUPS])
def test_startup(case: dict[str, Any], pki: Path, tmp_path: Path) -> None:
    found = replay.startup(case, pki, tmp_path)
    if case["id"] in ACCEPTED_SINCE:
        code, text = ACCEPTED_SINCE[case["id"]]
        assert found["rc"] == code
        assert text in found["stderr"]
        return
    assert found == replay.expected_startup(case)


def _title(server: dict[str, Any]) -> str:
    return server["handshakes"][0]["id"].split(" | ")[0]


@pytest.mark.parametrize("recorded", HANDSHAKES["servers"], ids=[_title(s) for s in HANDSHAKES["servers"]])
def test_handshakes(
    recorded: dict[str, Any], pki: Path, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    if any(case["kind"] == "echoscu" for case in recorded["handshakes"]):
        request.getfixturevalue("echoscu")
    differences = {}
    with replay.Server(recorded["server"], pki, tmp_path) as server:
        for case in recorded["handshakes"]:
            difference = _difference(server, case)
            if difference:
                differences[case["id"]] = difference
            assert server.process.poll() is None, f"{case['id']} ended the server: {server.text()}"
    assert differences == {}


def _certificate(case: dict[str, Any]) -> str:
    """Return the name of the client's certificate; each has been made at a time of its own."""
    files = [name.removesuffix(".pem") for name in case.get("args", ()) if name.endswith(".pem")]
    own = [name for name in files if name.startswith("client")]
    name: str = case.get("cert") or (own[0] if own else "client")
    return name


def _difference(server: replay.Server, case: dict[str, Any]) -> list[str]:
    """Return what is not as it should be: not as recorded, or for a named exception not as it is described."""
    log = HANDSHAKES["logs"][case["log"]]
    kind = DIFFERENT.get(case["id"])
    if kind in (ACCEPTED, REFUSED) and GROUPS_CAN_BE_SET:
        kind = None
    dates = replay.dates_of(server.pki, _certificate(case))
    seen = replay.handshake(server, case, log, dates, 0.5 if kind else replay.PATIENCE)
    expected = {"accepted": case["accepted"], "log": log, "client": replay.expected_client(case)}
    if kind is None:
        return [
            f"{name}: {seen[name]!r} is not {expected[name]!r}"
            for name in seen
            if seen[name] != expected[name]
        ]
    if kind == NO_ALERT:
        expected["client"]["alerts_read"] = []
        return [] if seen == expected else [f"{seen!r} is not {expected!r}"]
    return [] if seen["accepted"] is (kind == ACCEPTED) else [f"accepted: {seen['accepted']}"]
