"""Who is served by the real program: addresses to listen on, lists of peers, their number."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest

from tests.support.rawscu import Association, UnexpectedPdu
from tests.support.server import RunningServer, free_port

PROFILE = ("-xf", "storescp.cfg", "default")


def is_reached(address: str, port: int) -> bool:
    try:
        socket.create_connection((address, port), timeout=10).close()
    except ConnectionRefusedError:
        return False
    return True


@pytest.mark.parametrize("workers", ["1", "2"])
def test_listens_on_the_given_addresses(tmp_path: Path, workers: str) -> None:
    addresses = ["--listen", "127.0.0.2", "--listen", "127.0.0.3", "--listen", "127.0.0.2"]
    with RunningServer(tmp_path / "out", [*PROFILE, *addresses, "--workers", workers]) as server:
        assert [is_reached(f"127.0.0.{n}", server.port) for n in (1, 2, 3)] == [False, True, True]


def run(*options: str) -> tuple[int, str]:
    """Return exit code and last line of a start that fails."""
    command = [sys.executable, "-m", "dcmrecv", *options, str(free_port())]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    return done.returncode, done.stderr.splitlines()[-1]


@pytest.mark.parametrize(
    ("options", "text"),
    [
        (("--listen", "no.such.host.invalid"), "cannot listen on no.such.host.invalid: "),
        (("--allow-host", "10.0.0.1/8"), "option --allow-host (10.0.0.1/8): 10.0.0.1/8 has host bits set"),
        (("--allow-calling", "a\\b"), "is no AE title"),
        (
            ("--allow-host-file", "/no/such/file"),
            "--allow-host-file /no/such/file: No such file or directory",
        ),
        (("--allow-calling-file", "/dev/null"), "--allow-calling-file /dev/null: names nothing"),
        (("--max-associations-per-host", "-1"), "Invalid value for option --max-associations-per-host"),
        (("--listen", "::1", "-i6"), "--listen not allowed with --ipv6"),
    ],
)
def test_wrong_values_end_the_start(options: tuple[str, ...], text: str) -> None:
    code, line = run(*options)
    assert code == 1
    assert text in line


@pytest.mark.parametrize(
    ("name", "value"), [("ALLOW_HOST", "[10.0.0.0/8, x]"), ("ALLOW_CALLING", "a\\b"), ("PROXY_PROTOCOL", "x")]
)
def test_a_wrong_value_of_a_variable_names_the_variable(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv(f"DCMRECV_{name}", value)
    code, line = run()
    assert code == 1
    assert f"Invalid value for environment variable DCMRECV_{name} (" in line


def test_an_address_of_another_machine_is_no_port() -> None:
    code, line = run("--listen", "192.0.2.1")
    assert code == 64
    assert line.endswith("Cannot assign requested address (192.0.2.1)")


def closed_unread(port: int) -> bool:
    with socket.create_connection(("127.0.0.1", port), timeout=20) as peer:
        return peer.recv(1) == b""


def test_a_refused_address_is_closed_before_anything_is_read(tmp_path: Path) -> None:
    metrics = free_port()
    options = [*PROFILE, "--allow-host", "192.0.2.0/24", "--metrics-port", str(metrics)]
    with RunningServer(tmp_path / "out", options) as server:
        assert all(closed_unread(server.port) for _ in range(3))
        with urllib.request.urlopen(f"http://127.0.0.1:{metrics}/metrics", timeout=20) as answer:
            assert b'dcmrecv_connections_total{outcome="refused_address"} 3.0' in answer.read()
        assert server.logged("Refused")
        lines = [line for line in server.log.splitlines() if "Refused" in line]
        assert lines == ["W: Refused 127.0.0.1: it is not on the list of --allow-host"]


@pytest.mark.parametrize("workers", ["1", "2"])
def test_calling_titles(tmp_path: Path, workers: str) -> None:
    titles = tmp_path / "titles"
    titles.write_text("TESTSCU\n")
    for options, is_accepted in (
        (["--allow-calling", "OTHER"], False),
        (["--allow-calling", "OTHER", "--allow-calling-file", str(titles)], True),
    ):
        all_options = [*PROFILE, *options, "--workers", workers]
        with RunningServer(tmp_path / "out", all_options) as server:
            if is_accepted:
                with Association(server.port) as peer:
                    assert peer.echo() == 0
                continue
            with pytest.raises(UnexpectedPdu) as rejected:
                Association(server.port)
            assert rejected.value.body[1:] == bytes((1, 1, 3))
            assert server.logged("W: Refused 127.0.0.1: its calling AE title TESTSCU is not on the list")


def test_associations_of_one_address(tmp_path: Path) -> None:
    with RunningServer(tmp_path / "out", [*PROFILE, "--max-associations-per-host", "1"]) as server:
        with Association(server.port) as peer:
            with pytest.raises(UnexpectedPdu) as rejected:
                Association(server.port)
            assert rejected.value.body[1:] == bytes((2, 3, 2))
            assert peer.echo() == 0
            assert server.logged("W: Refused 127.0.0.1: it has as many associations")
            peer.release()
        end = time.monotonic() + 20
        while True:  # the server may still be busy with the end of the first one
            try:
                Association(server.port).release()
                break
            except UnexpectedPdu:
                assert time.monotonic() < end
