"""SIGHUP reads files again for associations to come; a bad file changes nothing, and running ones notice nothing."""

from __future__ import annotations

import shutil
import signal
import socket
import ssl
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from dcmrecv.config import TlsConfig
from dcmrecv.tls.errors import TlsStartError
from dcmrecv.tls.startup import prepare
from tests.support.pki import PASSWORD
from tests.support.rawscu import (
    CT_IMAGE,
    IMPLICIT_VR,
    VERIFICATION,
    Association,
    Requestor,
    UnexpectedPdu,
    element,
)
from tests.support.server import RunningServer

WORKERS = pytest.mark.parametrize("workers", ["1", "2"])
DATA_SET = element(0x0008, 0x0016, CT_IMAGE.encode()) + element(0x0008, 0x0018, b"1.2.3")


def write_profile(path: Path, *classes: str) -> None:
    contexts = "".join(f"PresentationContext{n} = {uid}\\Plain\n" for n, uid in enumerate(classes, 1))
    path.write_text(
        f"[[TransferSyntaxes]]\n[Plain]\nTransferSyntax1 = {IMPLICIT_VR}\n"
        f"[[PresentationContexts]]\n[All]\n{contexts}[[Profiles]]\n[Default]\nPresentationContexts = All\n"
    )


def hang_up(server: RunningServer) -> None:
    assert server.process is not None
    server.process.send_signal(signal.SIGHUP)


def is_accepted(port: int, abstract_syntax: str, calling: str = "TESTSCU") -> bool:
    try:
        Association(port, abstract_syntax, Requestor(calling=calling)).release()
    except UnexpectedPdu:
        return False
    return True


def until(condition: Callable[[], bool]) -> None:
    """Wait; of several workers every one must have heard, so a run of successes is asked for."""
    end = time.monotonic() + 30
    successes = 0
    while successes < 6:
        successes = successes + 1 if condition() else 0
        assert time.monotonic() < end
        time.sleep(0.01)


@WORKERS
def test_a_new_profile(tmp_path: Path, workers: str) -> None:
    profile = tmp_path / "profile.cfg"
    write_profile(profile, VERIFICATION, CT_IMAGE)
    options = ["-xf", str(profile), "Default", "--reload", "--workers", workers, "-v"]
    with RunningServer(tmp_path / "out", options) as server, Association(server.port, CT_IMAGE) as running:
        assert running.store("1.2.3", DATA_SET) == 0
        write_profile(profile, VERIFICATION)
        hang_up(server)
        until(lambda: not is_accepted(server.port, CT_IMAGE))
        assert running.store("1.2.4", DATA_SET) == 0

        profile.write_text("[[Profiles]]\n[Default]\nPresentationContexts = Missing\n")
        hang_up(server)
        until(lambda: "E: cannot read everything again, and nothing has changed: " in server.log)
        assert is_accepted(server.port, VERIFICATION)
        assert not is_accepted(server.port, CT_IMAGE)

        write_profile(profile, VERIFICATION, CT_IMAGE)
        hang_up(server)
        until(lambda: is_accepted(server.port, CT_IMAGE))
        assert running.store("1.2.5", DATA_SET) == 0
        running.release()
        assert server.logged("I: profile, lists, certificates, keys and CRLs were read again", 2)
        assert server.stop() == -signal.SIGTERM
    assert len(server.stored()) == 3


@WORKERS
def test_new_lists_of_peers(tmp_path: Path, workers: str) -> None:
    titles, hosts = tmp_path / "titles", tmp_path / "hosts"
    titles.write_text("ONE\n")
    hosts.write_text("127.0.0.0/8\n")
    options = ["--allow-calling-file", str(titles), "--allow-host-file", str(hosts), "--workers", workers]
    with RunningServer(tmp_path / "out", options) as server:
        assert [is_accepted(server.port, VERIFICATION, title) for title in ("ONE", "TWO")] == [True, False]
        titles.write_text("TWO\n")
        hang_up(server)
        until(lambda: is_accepted(server.port, VERIFICATION, "TWO"))
        assert not is_accepted(server.port, VERIFICATION, "ONE")
        for bad in ("", "10.0.0.1/8\n"):
            hosts.write_text(bad)
            said = server.log.count("nothing has changed: --allow-host")
            hang_up(server)
            until(lambda said=said: server.log.count("nothing has changed: --allow-host") > said)  # type: ignore[misc]
            assert is_accepted(server.port, VERIFICATION, "TWO")
        hosts.write_text("192.0.2.1\n")
        hang_up(server)

        def is_closed_unread() -> bool:
            with socket.create_connection(("127.0.0.1", server.port), timeout=20) as peer:
                peer.settimeout(0.5)
                try:
                    return peer.recv(1) == b""
                except TimeoutError:
                    return False

        until(is_closed_unread)


@WORKERS
def test_new_certificates(tmp_path: Path, shared_pki: Path, workers: str) -> None:
    key, certificate, crl = tmp_path / "key.pem", tmp_path / "certificate.pem", tmp_path / "crl.pem"
    client = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    client.check_hostname, client.verify_mode = False, ssl.CERT_NONE

    def install(name: str) -> None:
        shutil.copy(shared_pki / f"{name}.key", key)
        shutil.copy(shared_pki / f"{name}.pem", certificate)

    def shown() -> bytes:
        with (
            socket.create_connection(("127.0.0.1", server.port), timeout=20) as plain,
            client.wrap_socket(plain) as secure,
        ):
            return secure.getpeercert(binary_form=True) or b""

    def expected(name: str) -> bytes:
        return ssl.PEM_cert_to_DER_cert((shared_pki / f"{name}.pem").read_text())

    install("server")
    shutil.copy(shared_pki / "ca.crl", crl)
    options = ["+tls", str(key), str(certificate), "+cf", str(shared_pki / "ca.pem"), "+crl", str(crl), "-ic"]
    with RunningServer(tmp_path / "out", [*options, "--reload", "--workers", workers]) as server:
        assert shown() == expected("server")
        install("client")
        hang_up(server)
        until(lambda: shown() == expected("client"))

        install("server")
        crl.write_text("no longer a CRL")
        hang_up(server)
        until(lambda: "nothing has changed: unable to load CRL file" in server.log)
        assert shown() == expected("client")

        shutil.copy(shared_pki / "ca.crl", crl)
        key.write_text("")
        hang_up(server)
        until(lambda: server.log.count("nothing has changed") > 1)
        assert shown() == expected("client")


def test_a_pass_phrase_is_not_asked_for_again(shared_pki: Path) -> None:
    config = TlsConfig(private_key=shared_pki / "server_enc.key", certificate=shared_pki / "server.pem")
    with pytest.raises(TlsStartError, match="server_enc"):
        prepare(config, lambda level, text: None, again=True)
    assert prepare(replace(config, password=PASSWORD), lambda level, text: None, again=True)
