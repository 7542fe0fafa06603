"""A small private CA, made with the openssl command line once per session."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest


def _openssl(where: Path, *arguments: str) -> None:
    subprocess.run(["openssl", *arguments], cwd=where, check=True, capture_output=True)


def _issue(where: Path, name: str, usage: str, *extra: str) -> None:
    request = ["req", "-newkey", "rsa:2048", "-nodes", "-keyout", f"{name}.key", "-out", f"{name}.csr"]
    _openssl(where, *request, "-subj", f"/O=Test/CN={name}")
    identifiers = "subjectKeyIdentifier=hash\nauthorityKeyIdentifier=keyid\n"  # Python 3.13 asks for them
    (where / "ext").write_text(f"extendedKeyUsage={usage}\n{identifiers}")
    sign = ["x509", "-req", "-in", f"{name}.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial"]
    _openssl(where, *sign, "-days", "30", "-extfile", "ext", "-out", f"{name}.pem", *extra)


@pytest.fixture(scope="session")
def pki(tmp_path_factory: pytest.TempPathFactory) -> Path:
    if shutil.which("openssl") is None:
        pytest.skip("needs the openssl command line")
    where = tmp_path_factory.mktemp("pki")
    ca = ["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", "ca.key", "-out", "ca.pem"]
    usage = "keyUsage=critical,keyCertSign,cRLSign"
    _openssl(where, *ca, "-days", "30", "-subj", "/O=Test/CN=Root", "-addext", usage)
    _issue(where, "server", "serverAuth")
    _issue(where, "client", "clientAuth")
    _issue(where, "weak", "clientAuth", "-sha1")
    _openssl(where, "pkcs8", "-topk8", "-in", "server.key", "-passout", "pass:secret", "-out", "enc.key")
    _openssl(
        where, "pkcs8", "-topk8", "-nocrypt", "-in", "server.key", "-outform", "DER", "-out", "server.p8"
    )
    _openssl(where, "x509", "-in", "server.pem", "-outform", "DER", "-out", "server.der")
    _openssl(where, "x509", "-in", "ca.pem", "-outform", "DER", "-out", "ca.der")
    (where / "junk").write_text("this is not a certificate\n")
    return where
