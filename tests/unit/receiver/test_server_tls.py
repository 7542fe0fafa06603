"""A receiver inside another program, behind TLS."""

from __future__ import annotations

import logging
import socket
import ssl
from pathlib import Path

import pytest

from dcmrecv.config import Config, NetworkConfig, TlsConfig
from dcmrecv.tls.errors import TlsStartError
from tests.support.embedded import serving
from tests.support.rawscu import Association


def config(pki: Path, key: str = "server.key") -> Config:
    return Config(
        network=NetworkConfig(port=0),
        tls=TlsConfig(
            private_key=bytes(pki / key),
            certificate=bytes(pki / "server.pem"),
            trusted_files=(bytes(pki / "ca.pem"),),
        ),
    )


def test_an_echo(shared_pki: Path) -> None:
    client = ssl.create_default_context(cafile=shared_pki / "ca.pem")
    client.load_cert_chain(shared_pki / "client.pem", shared_pki / "client.key")

    def wrap(plain: socket.socket) -> socket.socket:
        return client.wrap_socket(plain, server_hostname="localhost")

    with serving(config(shared_pki)) as receiver, Association(receiver.port, wrap=wrap) as association:
        assert association.echo() == 0
        association.release()


def test_a_sender_in_clear(shared_pki: Path) -> None:
    with serving(config(shared_pki)) as receiver, pytest.raises(ConnectionError):
        Association(receiver.port)


def test_files_that_do_not_serve(shared_pki: Path, caplog: pytest.LogCaptureFixture) -> None:
    with pytest.raises(TlsStartError, match="Unable to load private TLS key"):
        serving(config(shared_pki, "junk.pem"))
    assert caplog.record_tuples == [
        ("dcmrecv.tls", logging.ERROR, "OpenSSL error 1e08010c: unsupported"),
    ]
