"""A throw-away PKI made with the openssl command line, and its sharing between test processes.

Nothing in it is secret; the password of every encrypted key is ``secret``, or empty where the name says so.

* ``ca``, ``ca2`` (trusted by nobody), ``int`` and ``intrev`` (revoked) below ``ca``: ``.key .pem .der``
* end entities of `ENTITIES`: ``.key .pem .der``, keys in DER as ``.key.der`` (traditional) and ``.p8.der``
* encrypted keys of the server: ``server_enc*.key``, ``server_enc.p8.der``
* CRLs: ``ca.crl(.der)`` (with ``client_rev`` and ``intrev``), ``int.crl``, ``intrev.crl``, ``ca_exp.crl``,
  ``ca_nyv.crl``, ``both.crl``, ``all.crl``, ``ca_crl_bundle.pem``
* directories: ``cadir``, ``cadir_crl``, ``cadir_der`` (hashed), ``cadir_plain``, ``cadir_empty``
* DH parameters ``dh1024.pem dh2048.pem dh2048.der dh3072.pem``, and ``junk.pem``, ``empty.pem``
"""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

import pytest

__all__ = ["ENTITIES", "PASSWORD", "make_pki", "shared_pki"]

PASSWORD = "secret"

_CONFIGURATION = """
[ca]
default_ca = {name}
[{name}]
dir = .
database = {name}.index
serial = {name}.serial
crlnumber = {name}.number
new_certs_dir = scrap
certificate = {name}.pem
private_key = {name}.key
default_md = sha256
default_days = 3650
default_crl_days = 3650
unique_subject = no
policy = anything
string_mask = utf8only
[anything]
countryName = optional
organizationName = optional
commonName = supplied
[req]
distinguished_name = subject
string_mask = utf8only
[subject]
[authority]
basicConstraints = critical,CA:true
keyUsage = critical,keyCertSign,cRLSign
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
[server]
basicConstraints = CA:false
keyUsage = digitalSignature,keyEncipherment,keyAgreement
extendedKeyUsage = serverAuth
subjectAltName = DNS:localhost,DNS:dicom.example,IP:127.0.0.1
[client]
basicConstraints = CA:false
keyUsage = digitalSignature,keyEncipherment
extendedKeyUsage = clientAuth
[self]
basicConstraints = CA:false
"""

_NAME = "/C=DE/O=dcmrecv test/CN="


class _Entity(NamedTuple):
    """One end entity: where its key comes from, who signs it, for what, and as which number (hex)."""

    name: str
    key: str
    serial: str
    usage: str = "client"
    issuer: str = "ca"
    subject: str = ""
    options: tuple[str, ...] = ()


ENTITIES = (
    _Entity("server", "rsa2048", "1002", "server", subject="localhost"),
    _Entity("server_ec", "prime256v1", "1003", "server", subject="localhost"),
    _Entity("server_ec384", "secp384r1", "1004", "server", subject="localhost"),
    _Entity("server_ec192", "prime192v1", "1005", "server", subject="localhost"),
    _Entity("server_1024", "rsa1024", "1006", "server", subject="localhost"),
    _Entity("server_sha1", "rsa2048", "1007", "server", subject="localhost", options=("-md", "sha1")),
    _Entity("server_md5", "rsa2048", "1008", "server", subject="localhost", options=("-md", "md5")),
    _Entity("server_dsa", "dsa", "1009", "server", subject="localhost"),
    _Entity("server_int", "rsa2048", "3000", "server", "int", subject="localhost"),
    _Entity("client", "rsa2048", "100A"),
    _Entity("client_ec", "prime256v1", "100B"),
    _Entity("client_1024", "rsa1024", "100C"),
    _Entity("client_sha1", "rsa2048", "100D", options=("-md", "sha1")),
    _Entity("client_md5", "rsa2048", "100E", options=("-md", "md5")),
    _Entity(
        "client_exp", "rsa2048", "100F", options=("-startdate", "200101000000Z", "-enddate", "210101000000Z")
    ),
    _Entity(
        "client_nyv", "rsa2048", "1010", options=("-startdate", "450101000000Z", "-enddate", "460101000000Z")
    ),
    _Entity("client_rev", "rsa2048", "1011"),
    _Entity("client_int", "rsa2048", "3001", issuer="int"),
    _Entity("client_intrev", "rsa2048", "4000", issuer="intrev"),
    _Entity("client_other", "rsa2048", "2000", issuer="ca2"),
    _Entity("client_eku", "rsa2048", "1012", "server"),
    _Entity("client_2050", "rsa2048", "1013", options=("-enddate", "20600101000000Z")),
    _Entity("client_bigserial", "rsa2048", "7FEDCBA987654321AABBCCDDEEFF00112233"),
    _Entity("client_utf8", "rsa2048", "5000", subject=r"Müller\/x=y"),
)

_COMBINED = {
    "server_int_chain.pem": ("server_int.pem", "int.pem"),
    "server_wrongorder.pem": ("int.pem", "server_int.pem"),
    "server_combo.pem": ("server.key", "server.pem"),
    "client_int_chain.pem": ("client_int.pem", "int.pem"),
    "client_intrev_chain.pem": ("client_intrev.pem", "intrev.pem"),
    "both.crl": ("ca.crl", "int.crl"),
    "all.crl": ("ca.crl", "int.crl", "intrev.crl"),
    "ca_crl_bundle.pem": ("ca.pem", "ca.crl"),
}


class _Maker:
    def __init__(self, directory: Path) -> None:
        self.directory = directory

    def openssl(self, *arguments: str) -> str:
        done = subprocess.run(
            ["openssl", *arguments], cwd=self.directory, capture_output=True, text=True, timeout=300
        )
        assert done.returncode == 0, f"openssl {' '.join(arguments)}: {done.stderr}"
        return done.stdout

    def make(self) -> None:
        for directory in ("scrap", "cadir", "cadir_crl", "cadir_der", "cadir_plain", "cadir_empty"):
            (self.directory / directory).mkdir()
        keys = {"ca": "rsa2048", "ca2": "rsa2048", "int": "rsa2048", "intrev": "rsa2048"}
        keys |= {entity.name: entity.key for entity in ENTITIES}
        keys["client_self"] = "rsa2048"
        with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
            parameters = pool.submit(self._dh_parameters)
            list(pool.map(self._key, keys, keys.values()))
            parameters.result()
        self._authorities()
        for entity in ENTITIES:
            self._sign(entity.name, entity)
        request = [
            "req",
            "-x509",
            "-new",
            "-config",
            "ca.conf",
            "-key",
            "client_self.key",
            "-set_serial",
            "77",
        ]
        self.openssl(*request, "-days", "3650", "-subj", _NAME + "client_self", "-extensions", "self",
                     "-out", "client_self.pem")  # fmt: skip
        self._other_encodings()
        self._encrypted_keys()
        self._crls()
        for name, parts in _COMBINED.items():
            whole = b"".join((self.directory / part).read_bytes() for part in parts)
            (self.directory / name).write_bytes(whole)
        self._hashed_directories()
        (self.directory / "empty.pem").write_bytes(b"")
        (self.directory / "junk.pem").write_text("this is not a certificate\n")
        for pattern in ("*.conf", "*.csr", "*.index*", "*.serial*", "*.number*"):
            for path in self.directory.glob(pattern):
                path.unlink()
        shutil.rmtree(self.directory / "scrap")

    def _key(self, name: str, kind: str) -> None:
        out = ("-out", f"{name}.key")
        if kind.startswith("rsa"):
            self.openssl("genpkey", "-algorithm", "RSA", "-pkeyopt", f"rsa_keygen_bits:{kind[3:]}", *out)
        elif kind == "dsa":
            options = ("-pkeyopt", "dsa_paramgen_bits:2048", "-pkeyopt", "dsa_paramgen_q_bits:256")
            self.openssl("genpkey", "-genparam", "-algorithm", "DSA", *options, "-out", f"{name}.conf")
            self.openssl("genpkey", "-paramfile", f"{name}.conf", *out)
        else:
            self.openssl("genpkey", "-algorithm", "EC", "-pkeyopt", f"ec_paramgen_curve:{kind}", *out)

    def _dh_parameters(self) -> None:
        self.openssl("dhparam", "-dsaparam", "-out", "dh1024.pem", "1024")
        for bits in (2048, 3072):
            group = f"group:ffdhe{bits}"
            self.openssl(
                "genpkey", "-genparam", "-algorithm", "DH", "-pkeyopt", group, "-out", f"dh{bits}.pem"
            )
        self.openssl("dhparam", "-in", "dh2048.pem", "-outform", "DER", "-out", "dh2048.der")

    def _configure(self, name: str) -> None:
        (self.directory / f"{name}.conf").write_text(_CONFIGURATION.format(name=name))
        (self.directory / f"{name}.index").write_text("")
        (self.directory / f"{name}.number").write_text("01\n")

    def _authorities(self) -> None:
        for name, subject in (("ca", "Test Root"), ("ca2", "Other Root")):
            self._configure(name)
            request = ["req", "-x509", "-new", "-config", f"{name}.conf", "-key", f"{name}.key", "-sha256"]
            self.openssl(*request, "-days", "7300", "-subj", _NAME + subject, "-set_serial", "1",
                         "-extensions", "authority", "-out", f"{name}.pem")  # fmt: skip
        for name, serial in (("int", "1000"), ("intrev", "1001")):
            self._configure(name)
            self._sign(name, _Entity(name, "", serial, "authority", subject=f"Test {name}"))

    def _sign(self, name: str, entity: _Entity) -> None:
        configuration = ("-config", f"{entity.issuer}.conf")
        subject = _NAME + (entity.subject or name)
        request = ("req", "-new", *configuration, "-key", f"{name}.key", "-subj", subject, "-utf8")
        self.openssl(*request, "-out", f"{name}.csr")
        (self.directory / f"{entity.issuer}.serial").write_text(entity.serial + "\n")
        sign = ("ca", "-batch", "-notext", *configuration, "-extensions", entity.usage, "-utf8")
        self.openssl(*sign, *entity.options, "-in", f"{name}.csr", "-out", f"{name}.pem")

    def _other_encodings(self) -> None:
        for name in ("ca", "ca2", "int", "intrev", *(entity.name for entity in ENTITIES)):
            self.openssl("x509", "-in", f"{name}.pem", "-outform", "DER", "-out", f"{name}.der")
        for entity in ENTITIES:
            if entity.usage == "server":
                inputs = ("-in", f"{entity.name}.key", "-outform", "DER", "-out")
                self.openssl("pkcs8", "-topk8", "-nocrypt", *inputs, f"{entity.name}.p8.der")
                kind = "rsa" if entity.key.startswith("rsa") else "dsa" if entity.key == "dsa" else "ec"
                traditional = ("-traditional",) if kind == "rsa" else ()
                self.openssl(kind, *traditional, *inputs, f"{entity.name}.key.der")

    def _encrypted_keys(self) -> None:
        encrypt = ("pkcs8", "-topk8", "-v2", "aes-256-cbc", "-passout")
        known, server = f"pass:{PASSWORD}", ("-in", "server.key", "-out")
        self.openssl(*encrypt, known, *server, "server_enc.key")
        self.openssl(*encrypt, known, "-outform", "DER", *server, "server_enc.p8.der")
        self.openssl(*encrypt, "pass:", *server, "server_enc_empty.key")
        self.openssl(*encrypt, known, "-in", "server_ec.key", "-out", "server_enc_ec.key")
        self.openssl("rsa", "-traditional", "-aes128", "-passout", known, *server, "server_enc_trad.key")

    def _crls(self) -> None:
        def generate(issuer: str, name: str, *options: str) -> None:
            self.openssl("ca", "-config", f"{issuer}.conf", "-gencrl", *options, "-out", name)

        for revoked in ("client_rev", "intrev"):
            self.openssl("ca", "-config", "ca.conf", "-revoke", f"{revoked}.pem")
        for issuer in ("ca", "int", "intrev"):
            generate(issuer, f"{issuer}.crl")
        past = ("-crl_lastupdate", "200101000000Z", "-crl_nextupdate", "210101000000Z")
        generate("ca", "ca_exp.crl", *past)
        future = ("-crl_lastupdate", "450101000000Z", "-crl_nextupdate", "460101000000Z")
        generate("ca", "ca_nyv.crl", *future)
        self.openssl("crl", "-in", "ca.crl", "-outform", "DER", "-out", "ca.crl.der")

    def _hashed_directories(self) -> None:
        number = self.openssl("x509", "-hash", "-noout", "-in", "ca.pem").strip()
        for source, target in (
            ("ca.pem", f"cadir/{number}.0"),
            ("ca.pem", f"cadir_crl/{number}.0"),
            ("ca.crl", f"cadir_crl/{number}.r0"),
            ("ca.der", f"cadir_der/{number}.0"),
            ("ca.crl.der", f"cadir_der/{number}.r0"),
            ("ca.pem", "cadir_plain/ca.pem"),
        ):
            shutil.copy(self.directory / source, self.directory / target)


def make_pki(directory: Path) -> None:
    """Make all files in *directory*, which must be new or empty."""
    directory.mkdir(parents=True, exist_ok=True)
    assert not any(directory.iterdir()), f"{directory} is not empty"
    _Maker(directory).make()


@pytest.fixture(scope="session")
def shared_pki(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The PKI, made once for all test processes of a run. Tests must not change it."""
    if shutil.which("openssl") is None:
        pytest.skip("needs the openssl command line")
    base = tmp_path_factory.getbasetemp()
    if os.environ.get("PYTEST_XDIST_WORKER"):
        base = base.parent  # what the workers of a run have in common
    directory, complete = base / "shared-pki", base / "shared-pki.complete"
    with (base / "shared-pki.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not complete.exists():
            make_pki(directory)
            complete.touch()
    return directory


def main(arguments: Sequence[str]) -> None:
    """Make a PKI to play with: ``python -m tests.support.pki DIRECTORY``."""
    (directory,) = arguments
    make_pki(Path(directory))


if __name__ == "__main__":
    main(sys.argv[1:])
