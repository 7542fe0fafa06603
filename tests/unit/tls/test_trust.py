"""Who is let in: CRLs of the leaf and of the chain, directories of DER files, resumed sessions."""

from __future__ import annotations

import os
import shutil
import socket
import ssl
import threading
from dataclasses import replace
from pathlib import Path

import pytest

from dcmrecv.config import CrlCheck, KeyFormat, PeerCertificate, TlsConfig
from dcmrecv.tls.context import TlsServerContext
from dcmrecv.tls.errors import HandshakeError
from dcmrecv.tls.startup import prepare
from tests.unit.tls.test_handshake import meet, silent

REVOKED = "TLS error: certificate verify failed"
PROCESS = Path("/proc/self")


def config(pki: Path, **settings: object) -> TlsConfig:
    key, certificate = bytes(pki / "server.key"), bytes(pki / "server.pem")
    made = TlsConfig(private_key=key, certificate=certificate, trusted_files=(bytes(pki / "ca.pem"),))
    return replace(made, **settings)  # type: ignore[arg-type]


def client_context(pki: Path, name: str, version: ssl.TLSVersion = ssl.TLSVersion.TLSv1_3) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.minimum_version = context.maximum_version = version
    context.load_verify_locations(pki / "ca.pem")
    chain = pki / f"{name}_chain.pem"
    context.load_cert_chain(chain if chain.exists() else pki / f"{name}.pem", pki / f"{name}.key")
    return context


def knock(context: TlsServerContext, client: ssl.SSLContext) -> str | None:
    """Return why the client is refused, None if it is let in."""
    refusals: list[str] = []

    def server(sock: socket.socket) -> None:
        try:
            context.handshake(sock, read_timeout=60, deadline=60).close()
        except HandshakeError as error:
            refusals.append(error.text)

    def visit(sock: socket.socket) -> None:
        with client.wrap_socket(sock) as tls:
            tls.recv(1)

    meet(server, visit)
    return refusals[0] if refusals else None


@pytest.mark.parametrize(
    ("settings", "let_in"),
    [
        ({}, {"client", "client_rev", "client_int", "client_intrev"}),
        ({"crl_files": ("ca.crl",)}, {"client"}),
        ({"crl_files": ("all.crl",)}, {"client", "client_int", "client_intrev"}),
        ({"crl_files": ("all.crl",), "crl_check": CrlCheck.ALL}, {"client", "client_int"}),
        ({"crl_files": ("ca.crl",), "crl_check": CrlCheck.ALL}, {"client"}),
        ({"crl_check": CrlCheck.LEAF}, set()),
        ({"crl_files": ("ca_exp.crl",)}, set()),
        ({"crl_files": ("ca_nyv.crl",)}, set()),
        ({"crl_files": ("ca.crl",), "peer_certificate": PeerCertificate.VERIFY}, {"client"}),
        (
            {"crl_files": ("ca.crl",), "peer_certificate": PeerCertificate.IGNORE},
            {"client", "client_rev", "client_int", "client_intrev"},
        ),
        ({"trusted_files": ("ca_crl_bundle.pem",), "crl_check": CrlCheck.LEAF}, {"client"}),
    ],
)
def test_revocation(shared_pki: Path, settings: dict[str, object], let_in: set[str]) -> None:
    for name in ("crl_files", "trusted_files"):
        if name in settings:
            files = settings[name]
            assert isinstance(files, tuple)
            settings = {**settings, name: tuple(bytes(shared_pki / file) for file in files)}
    context = prepare(config(shared_pki, **settings), silent)
    for name in ("client", "client_rev", "client_int", "client_intrev"):
        refusal = knock(context, client_context(shared_pki, name))
        assert refusal == (None if name in let_in else REVOKED), name


def test_a_directory_of_der_files_is_read_when_it_is_needed(shared_pki: Path, tmp_path: Path) -> None:
    certificate, crl = sorted((shared_pki / "cadir_der").iterdir())
    directory = tmp_path / "trusted"
    context = prepare(
        config(
            shared_pki,
            key_format=KeyFormat.DER,
            private_key=bytes(shared_pki / "server.p8.der"),
            certificate=bytes(shared_pki / "server.der"),
            trusted_files=(),
            trusted_directories=(bytes(tmp_path / "other") + b":" + bytes(directory),),
        ),
        silent,
    )
    client, revoked = client_context(shared_pki, "client"), client_context(shared_pki, "client_rev")
    assert knock(context, client) == REVOKED
    directory.mkdir()
    shutil.copy(certificate, directory / "ca.der")  # not the name that is looked up
    (directory / "0badc0de.0").write_text("junk")
    assert knock(context, client) == REVOKED
    shutil.copy(certificate, directory)
    assert knock(context, client) is None
    assert knock(context, revoked) is None
    os.unlink(directory / certificate.name)
    assert knock(context, client) is None, "what was found stays"
    assert crl.name.endswith(".r0")


def test_crls_of_a_der_directory(shared_pki: Path) -> None:
    context = prepare(
        config(
            shared_pki,
            key_format=KeyFormat.DER,
            private_key=bytes(shared_pki / "server.key.der"),
            certificate=bytes(shared_pki / "server.der"),
            trusted_files=(),
            trusted_directories=(bytes(shared_pki / "cadir_der"),),
            crl_check=CrlCheck.LEAF,
        ),
        silent,
    )
    assert knock(context, client_context(shared_pki, "client")) is None
    assert knock(context, client_context(shared_pki, "client_rev")) == REVOKED


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_a_resumed_session_still_shows_its_certificate(shared_pki: Path, version: ssl.TLSVersion) -> None:
    context = prepare(config(shared_pki), silent)
    client = client_context(shared_pki, "client", version)
    sessions: list[ssl.SSLSession | None] = [None]
    reused: list[bool | None] = []
    details: list[str] = []

    def server(sock: socket.socket) -> None:
        connection = context.handshake(sock, read_timeout=60, deadline=60)
        details.append(connection.details())
        connection.sendall(b"x")
        connection.close()

    def visit(sock: socket.socket) -> None:
        with client.wrap_socket(sock, session=sessions[-1]) as tls:
            assert tls.recv(1) == b"x"
            sessions.append(tls.session)
            reused.append(tls.session_reused)

    for _ in range(2):
        assert meet(server, visit) is None
    assert reused == [False, True]
    assert all("Subject     : /C=DE/O=dcmrecv test/CN=client\n" in text for text in details)


def test_failed_handshakes_leave_nothing_behind(shared_pki: Path) -> None:
    """300 of them: no certificate, an unknown one, garbage, an end, silence."""
    context = prepare(config(shared_pki), silent)
    stranger = client_context(shared_pki, "client_other")
    anonymous = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    anonymous.check_hostname, anonymous.verify_mode = False, ssl.CERT_NONE

    def peer(number: int, sock: socket.socket) -> None:
        kind = number % 5
        with sock:
            if kind < 2:
                try:
                    with (stranger, anonymous)[kind].wrap_socket(sock) as tls:
                        tls.recv(1)
                except OSError:
                    return
            elif kind == 2:
                sock.sendall(os.urandom(40))
            elif kind == 3:
                sock.sendall(b"\x16\x03\x01\x02\x00\x01")
            else:
                over.wait(20)

    def visit(number: int) -> None:
        over.clear()
        ours, theirs = socket.socketpair()
        thread = threading.Thread(target=peer, args=(number, theirs))
        thread.start()
        with ours, pytest.raises(HandshakeError):
            context.handshake(ours, read_timeout=0.01 if number % 5 == 4 else 20.0, deadline=60)
        over.set()
        thread.join(20)

    def open_files() -> int:
        return len(os.listdir(PROCESS / "fd"))

    over = threading.Event()
    for number in range(10):
        visit(number)
    before, threads = open_files(), threading.active_count()
    for number in range(300):
        visit(number)
    assert open_files() <= before
    assert threading.active_count() == threads
