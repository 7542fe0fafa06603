"""The commands of docs/tls.md make a CA that strict clients accept, and CRLs that revoke."""

from __future__ import annotations

import re
import shutil
import socket
import ssl
import subprocess
from pathlib import Path

import pytest

from tests.support.server import ROOT, RunningServer

COMMANDS = [
    line
    for block in re.findall(r"```sh\n(.*?)```", (ROOT / "docs" / "tls.md").read_text(), re.DOTALL)
    for line in block.splitlines()
    if not line.startswith(("dcmrecv ", "storescu "))
]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Run every command of the page that makes files; return the directory."""
    if shutil.which("openssl") is None:
        pytest.skip("openssl is not installed")
    directory = tmp_path_factory.mktemp("pki")
    for command in COMMANDS:
        subprocess.run(["sh", "-c", command], cwd=directory, check=True, capture_output=True)
    return directory


def handshake(port: int, directory: Path) -> None:
    """Connect as `ct1`, verifying the server as Python 3.13 does by default, and wait for the server's verdict."""
    context = ssl.create_default_context(cafile=str(directory / "ca.pem"))
    context.verify_flags |= ssl.VERIFY_X509_STRICT | ssl.VERIFY_X509_PARTIAL_CHAIN
    context.load_cert_chain(directory / "ct1.pem", directory / "ct1.key")
    with (
        socket.create_connection(("127.0.0.1", port), timeout=20) as plain,
        context.wrap_socket(plain, server_hostname="localhost") as connection,
    ):
        connection.settimeout(2)
        try:
            connection.recv(1)  # with TLS 1.3 a refused client learns it here
        except TimeoutError:
            return
        raise ConnectionError("closed")


def server(directory: Path, output: Path, *more: str) -> RunningServer:
    keys = ["+tls", f"{directory}/server.key", f"{directory}/server.pem", "+cf", f"{directory}/ca.pem"]
    return RunningServer(output, [*keys, *more])


def test_a_strict_client_accepts_the_ca(made: Path, tmp_path: Path) -> None:
    with server(made, tmp_path / "out") as running:
        handshake(running.port, made)


def test_the_revoked_client_is_refused(made: Path, tmp_path: Path) -> None:
    with (
        server(made, tmp_path / "out", "+crl", f"{made}/ca.crl") as running,
        pytest.raises(OSError, match=r"(?i)revoked|reset|closed"),
    ):
        handshake(running.port, made)
