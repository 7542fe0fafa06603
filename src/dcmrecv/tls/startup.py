"""From options and files to a server context, in the reference's order of messages (spec/tls.md a.4).

Everything that fails is said through *log*, as (level letter, text); what ends the start is a
`TlsStartError`. Key contents and passwords are in no text.
"""

from __future__ import annotations

import errno
import ssl
from collections.abc import Callable, Iterable

from cryptography.x509 import load_der_x509_crl

from dcmrecv.config import CrlCheck, KeyFormat, PeerCertificate, TlsConfig
from dcmrecv.text import from_bytes
from dcmrecv.tls import der, error_queue, files, limits
from dcmrecv.tls.certificate import Certificate, CertificateError, parse_certificate
from dcmrecv.tls.checks import check_own_certificate, check_suite
from dcmrecv.tls.context import TlsServerContext
from dcmrecv.tls.directories import DerDirectories
from dcmrecv.tls.errors import TlsStartError
from dcmrecv.tls.prompt import PromptEnded, PromptInterrupted, ask_pass_phrase
from dcmrecv.tls.suites import EVERY_SUITE, PROFILES, SUITES, library_suites, server_order

__all__ = ["prepare"]

_FFDHE2048 = b"""-----BEGIN DH PARAMETERS-----
MIIBCAKCAQEA//////////+t+FRYortKmq/cViAnPTzx2LnFg84tNpWp4TZBFGQz
+8yTnc4kmz75fS/jY2MMddj2gbICrsRhetPfHtXV/WVhJDP1H18GbtCFY2VVPe0a
87VXE15/V8k1mE8McODmi3fipona8+/och3xWKE2rec1MKzKT0g6eXq8CrGCsyT7
YdEIqUuyyOP7uWrat2DX9GgdT0Kj3jlN9K5W7edjcrsZCwenyO4KbXCeAvzhzffi
7MA0BM0oNC9hkXL+nOmFg/+OTxIy7vKBg8P+OxtMb61zO7X8vC7CIAXFjvGDfRaD
ssbzSibBsu/6iGtCOGEoXJf//////////wIBAg==
-----END DH PARAMETERS-----
"""
"""ffdhe2048 (RFC 7919 A.1)."""

_PLACEHOLDER = b"""-----BEGIN CERTIFICATE-----
MIIBZzCCAQygAwIBAgIBATAKBggqhkjOPQQDAjARMQ8wDQYDVQQDDAZub2JvZHkw
IBcNMjYxMTI1MTYyODM2WhgPMjEyNjExMDExNjI4MzZaMBExDzANBgNVBAMMBm5v
Ym9keTBZMBMGByqGSM49AgEGCCqGSM49AwEHA0IABDAge54HG098yNE3PXATXrNb
Ueg+trNDetE6cjlXxn4xnsK/csHXwvSbdCyAGDuiMMgcIeP9xSf0rWUny+njwXmj
UzBRMB0GA1UdDgQWBBRJ7xjgDcpMsprx4TLT4YZGSh9F/jAfBgNVHSMEGDAWgBRJ
7xjgDcpMsprx4TLT4YZGSh9F/jAPBgNVHRMBAf8EBTADAQH/MAoGCCqGSM49BAMC
A0kAMEYCIQCMT0eh5wH1He5ekOX+twjV+7RNjxV9APC7kQ+bYFZqWwIhAMQpyzsV
h1m+XREQ5ykk0U6dEC1pa7C2lOHS8TFGeRwr
-----END CERTIFICATE-----
"""
"""A certificate whose key was thrown away: ssl loads keys only beside a certificate, and the reference loads (and
complains about) the key before it looks at the certificate. Never sent to a peer."""

_MISMATCHES = ("KEY_VALUES_MISMATCH", "KEY_TYPE_MISMATCH", "NO_CERTIFICATE_ASSIGNED", "UNKNOWN_KEY_TYPE")
_DH_BITS = 2048
_VERIFY_MODES = {
    PeerCertificate.REQUIRE: ssl.CERT_REQUIRED,
    PeerCertificate.VERIFY: ssl.CERT_OPTIONAL,
    PeerCertificate.IGNORE: ssl.CERT_NONE,
}


class _Unusable(Exception):
    """A file cannot be used, and OpenSSL would have *codes* in its error queue."""

    def __init__(self, codes: tuple[int, ...]) -> None:
        self.codes = codes


def prepare(config: TlsConfig, log: Callable[[str, str], None], *, again: bool = False) -> TlsServerContext:
    """Load all that *config* names, in the reference's order of messages. Raises `TlsStartError`.

    *log* takes (level letter, text) for logger dcmtk.dcmtls. An encrypted key without a password is asked
    for at the terminal. *again*: for a receiver that runs. There is no prompt for a pass phrase, and a file that
    a start ignores with a warning is an error: a CRL must not get lost on the way.
    """
    return _Preparation(config, log, again=again).run()


class _Preparation:
    def __init__(self, config: TlsConfig, log: Callable[[str, str], None], *, again: bool) -> None:
        self._config = config
        self._again = again
        self._log = log
        self._errors = error_queue.ErrorQueue()
        self._profile = PROFILES[config.profile]
        self._is_der = config.key_format is KeyFormat.DER
        self._context = _bare_context()
        self._directories = DerDirectories()
        self._crl_loaded = False

    def run(self) -> TlsServerContext:
        config = self._config
        if config.seed_file is not None and not self._again:
            self._seed(config.seed_file)
        for file in reversed(config.trusted_files):
            self._trust_file(file, "certificate")
        for directory in reversed(config.trusted_directories):
            self._trust_directory(directory)
        for file in reversed(config.crl_files):
            self._crl_loaded |= self._trust_file(file, "CRL")
        key, password = self._load_key()
        certificate = self._load_certificate(key, password)
        names = self._chosen_suites()
        self._load_dh()
        self._configure(names, certificate)
        return TlsServerContext(
            self._context,
            self._profile,
            expected_sni=config.expected_sni,
            answer_sni=config.expected_sni is not None or certificate.uncommon_curve,
            directories=self._directories,
        )

    def _complain(self, codes: tuple[int, ...]) -> None:
        """Add *codes* to the queue, and print its oldest entry."""
        self._errors.push(codes)
        line = self._errors.line()
        if line is not None:
            self._log("E", line)

    def _refuse(self, lines: Iterable[tuple[str, str]], text: str) -> None:
        """Print *lines*; the first that is no warning ends the start with *text*."""
        for letter, line in lines:
            self._log(letter, line)
            if letter != "W":
                raise TlsStartError(text)

    def _seed(self, path: bytes) -> None:
        try:
            with open(path, "rb", buffering=0) as file:
                ssl.RAND_add(file.read(limits.SEED_BYTES), 0.0)
        except OSError:
            self._errors.push(error_queue.NO_SEED_FILE)

    # -- trust -----------------------------------------------------------------------------------------

    def _trust_file(self, path: bytes, what: str) -> bool:
        try:
            if self._is_der:
                self._trust_der(path)
            else:
                self._trust_pem(path)
        except _Unusable as failure:
            self._complain(failure.codes)
        else:
            return True
        text = f"unable to load {what} file '{from_bytes(path)}'"
        if self._again:
            raise TlsStartError(text)
        self._log("W", f"{text}, ignoring")
        return False

    def _trust_pem(self, path: bytes) -> None:
        data = _read(path, error_queue.NOT_A_CERTIFICATE_OR_CRL, 0x10000080, 0x05880002)
        try:
            with files.private_file(data) as name:
                self._context.load_verify_locations(cafile=name)
        except OSError:  # ssl.SSLError among them
            raise _Unusable(error_queue.NOT_A_CERTIFICATE_OR_CRL) from None

    def _trust_der(self, path: bytes) -> None:
        data = _read(path, error_queue.TRUST_DER["directory"], error_queue.SYSTEM_LIBRARY, 0x05880002)
        try:
            self._context.load_verify_locations(cadata=der.first_element(data))
        except (ValueError, ssl.SSLError):
            codes = error_queue.DER_CRL if _is_crl(data) else error_queue.TRUST_DER[der.shape(data)]
            raise _Unusable(codes) from None

    def _trust_directory(self, path: bytes) -> None:
        if not path:
            self._complain(error_queue.INVALID_DIRECTORY)
            self._log("W", "unable to load certificates from directory '', ignoring")
        elif self._is_der:
            self._directories.add(path)
        else:
            self._context.load_verify_locations(capath=path)

    # -- own key and certificate -------------------------------------------------------------------------

    def _load_key(self) -> tuple[bytes, bytes]:
        """Return the key as PEM, and its password."""
        try:
            return self._der_key() if self._is_der else self._pem_key()
        except _Unusable as failure:
            self._complain(failure.codes)
        file = from_bytes(self._config.private_key)
        raise TlsStartError(f"000b:0004 Unable to load private TLS key from '{file}'")

    def _read_key(self, directory: tuple[int, ...]) -> bytes:
        return _read(self._config.private_key, directory, error_queue.SYSTEM_LIBRARY, 0x0A080002)

    def _der_key(self) -> tuple[bytes, bytes]:
        data = self._read_key(error_queue.DER_KEY["directory"])
        key = files.private_key_pem(data)
        if key is None:
            raise _Unusable(error_queue.DER_KEY[der.shape(data)])
        if not _is_loadable(key, b""):
            raise _Unusable(error_queue.DER_KEY["wrong"])
        return key, b""

    def _pem_key(self) -> tuple[bytes, bytes]:
        data = self._read_key(error_queue.UNSUPPORTED_KEY)
        block = files.private_key_block(data)
        if block is None:
            raise _Unusable(error_queue.UNSUPPORTED_KEY)
        encrypted = files.is_encrypted(*block)
        password = self._password() if encrypted else b""
        if _is_loadable(data, password):
            return data, password
        if not encrypted:
            raise _Unusable(error_queue.UNSUPPORTED_KEY)
        if block[0] == b"ENCRYPTED PRIVATE KEY":
            raise _Unusable(error_queue.WRONG_PASSWORD_PKCS8)
        raise _Unusable(error_queue.WRONG_PASSWORD_TRADITIONAL)

    def _password(self) -> bytes:
        password = self._config.password
        if password is None:
            try:
                if self._again:
                    raise PromptEnded
                password = ask_pass_phrase()
            except PromptEnded:
                raise _Unusable(error_queue.KEY_PROMPT_ENDED) from None
            except PromptInterrupted:
                raise _Unusable(error_queue.KEY_PROMPT_INTERRUPTED) from None
        return password[: limits.PASSWORD_BYTES]

    def _load_certificate(self, key: bytes, password: bytes) -> Certificate:
        """Judge and load the certificate; return what is known of it."""
        file = from_bytes(self._config.certificate)
        unusable = f"000b:0005 Unable to load certificate from '{file}'"
        key_file = from_bytes(self._config.private_key)
        mismatch = f"000b:0006 Private key '{key_file}' and certificate '{file}' do not match"
        try:
            data = self._read_certificate()
            if data is None:
                raise TlsStartError(mismatch)
            certificate = _first_certificate(data)
            self._refuse(check_own_certificate(certificate, file, self._profile), unusable)
            if not self._is_der:
                self._errors.clear()
            try:
                with files.private_file(data) as chain, files.private_file(key) as name:
                    self._context.load_cert_chain(chain, name, password=lambda: password)
            except ssl.SSLError as error:
                if error.reason in _MISMATCHES:
                    raise TlsStartError(mismatch) from None
                raise _Unusable(error_queue.CERTIFICATE_PEM) from None
        except _Unusable as failure:
            self._complain(failure.codes)
            raise TlsStartError(unusable) from None
        return certificate

    def _read_certificate(self) -> bytes | None:
        """Return the certificate file as PEM; None for an empty DER file, which the reference takes."""
        directory = error_queue.DER_CERTIFICATE["directory"] if self._is_der else error_queue.CERTIFICATE_PEM
        data = _read(self._config.certificate, directory, 0x10000080)
        if not self._is_der:
            return data
        try:
            content = der.first_element(data)
            parse_certificate(content)
        except (der.DerError, CertificateError):
            if not data:
                return None
            raise _Unusable(error_queue.DER_CERTIFICATE[der.shape(data)]) from None
        return files.pem(files.CERTIFICATE_LABELS[0], content)

    # -- cipher suites and DH ------------------------------------------------------------------------------

    def _chosen_suites(self) -> list[str]:
        """Return the IANA names of the profile's suites and the added ones."""
        names = list(self._profile.suites)
        for name in reversed(self._config.ciphers):
            if name not in library_suites():
                if name in SUITES:
                    why = "not supported by the OpenSSL library used to compile this application."
                    self._log("F", f"Ciphersuite '{name}' {why}")
                raise TlsStartError(f"000b:0003 Unknown or invalid ciphersuite: {name}")
            refusal = "000b:000a Ciphersuite not allowed in current DICOM security profile"
            self._refuse(check_suite(name, self._config.profile, self._profile), refusal)
            names.append(name)
        return names

    def _load_dh(self) -> None:
        with files.private_file(_FFDHE2048) as name:
            self._context.load_dh_params(name)
        path = self._config.dh_parameters
        if path is not None and not self._own_dh(path):
            self._log("W", f"unable to load temporary DH parameter file '{from_bytes(path)}', ignoring")

    def _own_dh(self, path: bytes) -> bool:
        try:
            data = files.read_material(path)
            block = files.first_block(data, files.DH_LABELS)
            if block is None:
                return False
            content = files.block_content(block[1])
            bits = der.first_number(content).bit_length()
        except (OSError, der.DerError):
            return False
        if bits < _DH_BITS:
            self._log(
                "W",
                "Key length of Diffie-Hellman parameter file too short: RFC 9325 recommends at least 2048 bits, "
                f"but the key in file '{from_bytes(path)}' is only {bits} bits.",
            )
            if self._profile.reject_small_dh:
                return False
        try:
            with files.private_file(files.pem(block[0], content)) as name:
                self._context.load_dh_params(name)
        except ssl.SSLError:
            return False
        return True

    # -- the context ---------------------------------------------------------------------------------------

    def _configure(self, names: list[str], certificate: Certificate) -> None:
        context, profile = self._context, self._profile
        try:
            context.set_ciphers(":".join([*server_order(names), "@SECLEVEL=0"]))
        except ssl.SSLError:  # it has none of them
            text = f"the TLS library supports no ciphersuite of security profile '{profile.name}'"
            raise TlsStartError(text) from None
        if profile.tls13_suites and hasattr(context, "set_ciphersuites"):  # Python 3.15
            context.set_ciphersuites(":".join(profile.tls13_suites))
        if profile.minimum_tls12:
            context.minimum_version = ssl.TLSVersion.TLSv1_2
        if not profile.tls13 or certificate.key_type == "DSA":
            context.maximum_version = ssl.TLSVersion.TLSv1_2
        context.verify_mode = _VERIFY_MODES[self._config.peer_certificate]
        if self._config.crl_check is CrlCheck.ALL:
            context.verify_flags |= ssl.VerifyFlags.VERIFY_CRL_CHECK_CHAIN
        elif self._crl_loaded or self._config.crl_check is CrlCheck.LEAF:
            context.verify_flags |= ssl.VerifyFlags.VERIFY_CRL_CHECK_LEAF


_GROUPS = (
    "prime256v1 secp256k1 secp384r1 secp521r1 sect283k1 sect283r1 sect409k1 sect409r1 sect571k1 sect571r1 "
    "brainpoolP256r1 brainpoolP384r1 brainpoolP512r1"
)


def _known_groups(context: ssl.SSLContext) -> list[str]:
    """Return those of the reference's groups that this OpenSSL has: 4.0 has dropped some of them."""
    known = []
    for group in _GROUPS.split():
        try:
            context.set_groups(group)  # type: ignore[attr-defined]
        except ssl.SSLError:
            continue
        known.append(group)
    return known


def _bare_context() -> ssl.SSLContext:
    """Return a context with what all profiles have in common (spec/tls.md b, g.1), before any file."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.set_ciphers(EVERY_SUITE)  # security level 0 must stand before a certificate is loaded
    context.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
    context.options |= ssl.OP_CIPHER_SERVER_PREFERENCE
    context.options &= ~getattr(ssl, "OP_IGNORE_UNEXPECTED_EOF", 0)
    context.set_alpn_protocols(["dicom"])
    if hasattr(context, "set_groups"):  # Python 3.15; before, the library's own groups are used
        context.set_groups(":".join(_known_groups(context)))
    return context


def _is_loadable(key: bytes, password: bytes) -> bool:
    """Tell whether OpenSSL can read a PEM private key with *password*."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.set_ciphers(EVERY_SUITE)
    try:
        with files.private_file(_PLACEHOLDER) as placeholder, files.private_file(key) as name:
            context.load_cert_chain(placeholder, name, password=lambda: password)
    except ssl.SSLError as error:
        return error.reason in _MISMATCHES
    return True


def _read(path: bytes, directory: tuple[int, ...], missing: int, *context: int) -> bytes:
    """Return a file's contents. Raises `_Unusable`, with the codes *directory* for a directory.

    *missing* is the file layer's code where there is no such file; *context* are those of the layers above.
    """
    try:
        return files.read_material(path)
    except OSError as error:
        number = error.errno or 0
    if number == errno.EISDIR:
        raise _Unusable(directory)
    layer = missing if number in (errno.ENOENT, errno.ENXIO) else error_queue.SYSTEM_LIBRARY
    raise _Unusable((error_queue.SYSTEM_FLAG | number, layer, *context))


def _first_certificate(data: bytes) -> Certificate:
    """Return what is known of the first certificate of a PEM file. Raises `_Unusable`."""
    block = files.first_block(data, files.CERTIFICATE_LABELS)
    try:
        if block is not None:
            # a trusted certificate has OpenSSL's own additions after it
            return parse_certificate(der.first_element(files.block_content(block[1])))
    except (der.DerError, CertificateError):
        pass
    raise _Unusable(error_queue.CERTIFICATE_PEM)


def _is_crl(data: bytes) -> bool:
    try:
        load_der_x509_crl(der.first_element(data))
    except ValueError:
        return False
    return True
