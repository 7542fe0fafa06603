"""TLS with the clients that are out there, and with some that mean no good."""

from __future__ import annotations

import contextlib
import select
import socket
import ssl
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.live.objects import huge, sample, series
from tests.live.test_main_job import same_data_set
from tests.support.pki import PASSWORD
from tests.support.rawscu import CT_IMAGE, Requestor, associate_rq, p_data
from tests.support.server import RunningServer

Serve = Callable[..., RunningServer]
Run = Callable[..., "subprocess.CompletedProcess[str]"]

PROFILE = ("-xf", "storescp.cfg", "default")
MODES = {"normal": (), "bit-preserving": ("+B",)}


@pytest.fixture
def own(shared_pki: Path) -> list[str]:
    """The options that make a server of the PKI's."""
    key, certificate, authority = (str(shared_pki / name) for name in ("server.key", "server.pem", "ca.pem"))
    return [*PROFILE, "+tls", key, certificate, "+cf", authority]


def secure(pki: Path, name: str = "client") -> list[str]:
    """Return the options that make a DCMTK client of the PKI's."""
    return ["+tls", str(pki / f"{name}.key"), str(pki / f"{name}.pem"), "+cf", str(pki / "ca.pem")]


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("suite", [(), ("+px",)])
def test_storescu(
    serve: Serve,
    run: Run,
    own: list[str],
    shared_pki: Path,
    tmp_path: Path,
    suite: tuple[str, ...],
    mode: str,
) -> None:
    """With TLS 1.3, and in the profile that older senders have, TLS 1.0 and later. dcmsend has no TLS."""
    images = series(tmp_path / "images", 20)
    server = serve([*own, *MODES[mode]])
    sender = ["storescu", *secure(shared_pki), *suite, "127.0.0.1", str(server.port)]
    run(*sender, "+sd", str(images[0].parent))
    assert len(server.stored()) == 20
    for stored in server.stored():
        stored.unlink()
    run(*sender, str(sample("CT_small.dcm")))
    (stored,) = server.stored()
    same_data_set(stored, sample("CT_small.dcm"))


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("pdu", ["4096", "131072"])
def test_a_large_object_arrives_byte_for_byte(
    serve: Serve, run: Run, own: list[str], shared_pki: Path, tmp_path: Path, pdu: str, mode: str
) -> None:
    size = 16 << 20
    sent = huge(tmp_path / "huge.dcm", size)
    server = serve([*own, *MODES[mode], "-pdu", pdu])
    run("storescu", *secure(shared_pki), "127.0.0.1", str(server.port), str(sent))
    (stored,) = server.stored()
    assert stored.read_bytes()[-size:] == sent.read_bytes()[-size:]


def test_a_sender_without_certificate(serve: Serve, run: Run, own: list[str], shared_pki: Path) -> None:
    anonymous = ["+tla", "+cf", str(shared_pki / "ca.pem")]
    image = str(sample("CT_small.dcm"))
    strict, lenient = serve(own), serve([*own, "-ic"])
    refused = run("storescu", *anonymous, "127.0.0.1", str(strict.port), image, check=False)
    assert refused.returncode != 0
    assert strict.stored() == []
    reason = "TLS error: peer did not return a certificate"
    assert strict.logged(f"E: Could not receive association request: {reason}")
    run("storescu", *anonymous, "127.0.0.1", str(lenient.port), image)
    assert len(lenient.stored()) == 1


def test_a_sender_in_clear_is_refused_and_the_next_one_served(
    serve: Serve, run: Run, own: list[str], shared_pki: Path
) -> None:
    server = serve(own)
    assert run("echoscu", "127.0.0.1", str(server.port), check=False).returncode != 0
    assert server.logged("E: Could not receive association request: TLS error: wrong version number")
    run("echoscu", *secure(shared_pki), "127.0.0.1", str(server.port))


def test_a_revoked_sender(serve: Serve, run: Run, own: list[str], shared_pki: Path) -> None:
    server = serve([*own, "+crl", str(shared_pki / "ca.crl")])
    image = str(sample("CT_small.dcm"))
    revoked = secure(shared_pki, "client_rev")
    assert run("storescu", *revoked, "127.0.0.1", str(server.port), image, check=False).returncode != 0
    run("storescu", *secure(shared_pki), "127.0.0.1", str(server.port), image)
    assert len(server.stored()) == 1


@pytest.mark.parametrize("version", ["-tls1_2", "-tls1_3"])
def test_s_client(
    serve: Serve, client: Callable[[str], str], own: list[str], shared_pki: Path, version: str
) -> None:
    server = serve([*own, "-d"])
    command = [
        client("openssl"),
        "s_client",
        "-connect",
        f"127.0.0.1:{server.port}",
        version,
        "-CAfile",
        "ca.pem",
    ]
    command += [
        "-cert",
        "client.pem",
        "-key",
        "client.key",
        "-verify_return_error",
        "-ign_eof",
        "-alpn",
        "dicom",
    ]
    wrong = bytes.fromhex("99000000000400000000")
    done = subprocess.run(command, cwd=shared_pki, input=wrong, capture_output=True, timeout=60)
    shown = done.stdout.decode("utf-8", "replace")
    assert "Verify return code: 0 (ok)" in shown
    assert "ALPN protocol: dicom" in shown
    assert server.logged("Unrecognized PDU type: 99")
    assert "D:   Subject     : /C=DE/O=dcmrecv test/CN=client" in server.log


def test_the_password_of_the_key_shows_nowhere(
    serve: Serve, run: Run, own: list[str], shared_pki: Path
) -> None:
    own[own.index("+tls") + 1] = str(shared_pki / "server_enc.key")
    server = serve([*own, "+pw", PASSWORD, "-d"])
    run("echoscu", *secure(shared_pki), "127.0.0.1", str(server.port))
    assert PASSWORD not in server.log.replace(str(shared_pki), "")


def _state(server: RunningServer) -> tuple[int, int]:
    """Return the numbers of open descriptors and threads."""
    assert server.process is not None
    process = Path(f"/proc/{server.process.pid}")
    return len(list((process / "fd").iterdir())), len(list((process / "task").iterdir()))


def test_hundreds_of_bad_peers_leave_nothing_behind(
    serve: Serve, run: Run, own: list[str], shared_pki: Path
) -> None:
    """Garbage, halves of a hello and silence, while others are served all the time."""
    server = serve(own)
    address = ("127.0.0.1", server.port)
    run("echoscu", *secure(shared_pki), *map(str, address))
    openings = (
        b"GET / HTTP/1.0\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01",
        b"",
        bytes(64),
        b"\x16\x03\x03\x00\x05hello",
    )

    def round_of(count: int) -> None:
        silent = [socket.create_connection(address) for _ in range(20)]
        for number in range(count):
            with socket.create_connection(address) as bad:
                bad.sendall(openings[number % len(openings)])
        began = time.monotonic()
        run("echoscu", *secure(shared_pki), *map(str, address))
        assert time.monotonic() - began < 10, "a silent peer holds the others up"
        for peer in silent:
            peer.close()

    def settled() -> tuple[int, int]:
        end = time.monotonic() + 30
        state = _state(server)
        while time.monotonic() < end:
            time.sleep(0.2)
            before, state = state, _state(server)
            # threads that wait for a connection in vain end after a while
            if state == before and state[0] <= first[0] and state[1] <= first[1]:
                break
        return state

    first = (10_000, 10_000)
    round_of(100)
    first = settled()
    resident = server.resident()
    for _ in range(3):
        round_of(100)
    descriptors, threads = settled()
    assert descriptors <= first[0]
    assert threads <= first[1]
    assert server.resident() - resident < 16 << 20


class Dripping:
    """A TLS client whose records leave byte by byte."""

    def __init__(self, port: int, pki: Path) -> None:
        context = ssl.create_default_context(cafile=pki / "ca.pem")
        context.check_hostname = False
        context.load_cert_chain(pki / "client.pem", pki / "client.key", PASSWORD)
        self._socket = socket.create_connection(("127.0.0.1", port), timeout=20)
        self._in, self._out = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._in, self._out)
        while True:
            try:
                self._tls.do_handshake()
                break
            except ssl.SSLWantReadError:
                self._socket.sendall(self._out.read())
                self._in.write(self._socket.recv(65536))
        self._socket.sendall(self._out.read())

    def send(self, data: bytes) -> None:
        self._tls.write(data)
        self._socket.sendall(self._out.read())

    def read(self) -> bytes:
        """Return what the server says."""
        while True:
            try:
                return self._tls.read(65536)
            except ssl.SSLWantReadError:
                self._in.write(self._socket.recv(65536))

    def drip(self, data: bytes, until: Callable[[], bool]) -> float:
        """Send the record of *data*, a byte every tenth of a second; return the seconds *until* something is so.

        The server need not close the connection then: it may wait for the peer to do that.
        """
        self._tls.write(data)
        start = time.monotonic()
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            for each in self._out.read():
                if until():
                    break
                self._socket.send(bytes([each]))
                time.sleep(0.1)
        assert until()
        return time.monotonic() - start

    def hears(self) -> bool:
        """Say whether the server has said something."""
        return bool(select.select([self._socket], [], [], 0)[0])

    def close(self) -> None:
        self._socket.close()


def test_a_request_that_drips_inside_a_record_is_under_the_acse_clock(
    serve: Serve, own: list[str], shared_pki: Path
) -> None:
    server = serve([*own, "-ta", "2"])
    with contextlib.closing(Dripping(server.port, shared_pki)) as peer:
        timeout = "E: Could not receive association request: DUL network read timeout"
        assert 1.5 < peer.drip(associate_rq(Requestor(), CT_IMAGE), until=lambda: timeout in server.log) < 15


def test_a_command_that_drips_inside_a_record_is_under_the_dimse_clock(
    serve: Serve, own: list[str], shared_pki: Path
) -> None:
    server = serve([*own, "-td", "2"])
    with contextlib.closing(Dripping(server.port, shared_pki)) as peer:
        peer.send(associate_rq(Requestor(), CT_IMAGE))
        assert peer.read()[0] == 2
        assert 1.5 < peer.drip(p_data(3, bytes(300)), until=peer.hears) < 15
        assert peer.read()[0] == 7  # A-ABORT
