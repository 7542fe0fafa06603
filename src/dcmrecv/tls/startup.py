"""From options and files to a server context, in the reference's order of messages (spec/tls.md a.4).

Everything that fails is said through *log*, as (level letter, text); what ends the start is a
`TlsStartError`. Key contents and passwords are in no text.
"""

from __future__ import annotations

import errno
import ssl
from collections.abc import Callable

from cryptography.x509 import load_der_x509_crl

from dcmrecv.config import CrlCheck, KeyFormat, PeerCertificate, TlsConfig
from dcmrecv.text import from_bytes
from dcmrecv.tls import der, error_queue, files, limits, messages
from dcmrecv.tls.capabilities import library_suites
from dcmrecv.tls.certificate import Certificate, CertificateError, parse_certificate
from dcmrecv.tls.checks import check_own_certificate, check_suite
from dcmrecv.tls.context import TlsServerContext
from dcmrecv.tls.directories import DerDirectories
from dcmrecv.tls.errors import TlsStartError
from dcmrecv.tls.prompt import PromptEnded, PromptInterrupted, ask_pass_phrase
from dcmrecv.tls.suites import PROFILES, SUITES, server_order

__all__ = ["prepare"]

_EVERY_SUITE = "ALL:eNULL:@SECLEVEL=0"

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

_NOBODY = b"""-----BEGIN CERTIFICATE-----
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
"""A certificate whose key nobody has: ssl loads keys only beside a certificate, and the reference loads (and
complains about) the key before it looks at the certificate. Never offered to anyone."""

_MISMATCHES = ("KEY_VALUES_MISMATCH", "KEY_TYPE_MISMATCH", "NO_CERTIFICATE_ASSIGNED", "UNKNOWN_KEY_TYPE")
_DH_BITS = 2048
_VERIFY_MODES = {
    PeerCertificate.REQUIRE: ssl.CERT_REQUIRED,
    PeerCertificate.VERIFY: ssl.CERT_OPTIONAL,
    PeerCertificate.IGNORE: ssl.CERT_NONE,
}


def prepare(config: TlsConfig, log: Callable[[str, str], None], *, again: bool = False) -> TlsServerContext:
    """Load what *config* names and return the context. Raises `TlsStartError`.

    *again*: for a receiver that runs. Nobody is asked for a pass phrase, and a file that a start ignores with
    a warning is an error: a CRL must not get lost on the way.
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
            self._trust_file(file, messages.CERTIFICATE_FILE_IGNORED)
        for directory in reversed(config.trusted_directories):
            self._trust_directory(directory)
        for file in reversed(config.crl_files):
            self._crl_loaded |= self._trust_file(file, messages.CRL_FILE_IGNORED)
        key, password = self._load_key()
        certificate = self._load_certificate(key, password)
        names = self._chosen_suites()
        self._load_dh()
        self._configure(names, certificate)
        return TlsServerContext(
            self._context,
            self._profile,
            expected_sni=config.expected_sni,
            answer_sni=config.expected_sni is not None
            or (certificate is not None and certificate.uncommon_curve),
            directories=self._directories,
        )

    def _error_line(self) -> None:
        line = self._errors.line()
        if line is not None:
            self._log("E", line)

    def _seed(self, path: bytes) -> None:
        try:
            seed = _read_some(path, limits.SEED_BYTES)
        except OSError:
            self._errors.push(error_queue.NO_SEED_FILE)
            return
        ssl.RAND_add(seed, 0.0)

    # -- trust -----------------------------------------------------------------------------------------

    def _trust_file(self, path: bytes, sentence: str) -> bool:
        failure = self._trust_der(path) if self._is_der else self._trust_pem(path)
        if failure is None:
            return True
        self._errors.push(failure)
        self._error_line()
        if self._again:
            raise TlsStartError(sentence.format(file=from_bytes(path)).removesuffix(", ignoring"))
        self._log("W", sentence.format(file=from_bytes(path)))
        return False

    def _trust_pem(self, path: bytes) -> tuple[int, ...] | None:
        try:
            data = files.read_material(path)
        except OSError as error:
            if error.errno in (errno.EISDIR, errno.EFBIG):
                return error_queue.NOT_A_CERTIFICATE_OR_CRL
            return error_queue.file_unreadable(error.errno or 0, _file_layer(error, 0x10000080), 0x05880002)
        try:
            with files.private_file(data) as name:
                self._context.load_verify_locations(cafile=name)
        except (ssl.SSLError, OSError):
            return error_queue.NOT_A_CERTIFICATE_OR_CRL
        return None

    def _trust_der(self, path: bytes) -> tuple[int, ...] | None:
        try:
            data = files.read_material(path)
        except OSError as error:
            if error.errno == errno.EISDIR:
                return error_queue.TRUST_DER["directory"]
            return error_queue.file_unreadable(error.errno or 0, 0x10080002, 0x05880002)
        try:
            self._context.load_verify_locations(cadata=der.first_element(data))
        except (ValueError, ssl.SSLError):
            if _is_crl(data):
                return error_queue.DER_CRL
            return error_queue.TRUST_DER[der.shape(data)]
        return None

    def _trust_directory(self, path: bytes) -> None:
        if not path:
            self._errors.push(error_queue.INVALID_DIRECTORY)
            self._error_line()
            self._log("W", messages.CERTIFICATE_DIRECTORY_IGNORED.format(file=""))
        elif self._is_der:
            self._directories.add(path)
        else:
            self._context.load_verify_locations(capath=path)

    # -- own key and certificate -------------------------------------------------------------------------

    def _load_key(self) -> tuple[bytes, bytes]:
        """Return the key as PEM, and its password."""
        path = self._config.private_key
        try:
            data = files.read_material(path)
        except OSError as error:
            if error.errno == errno.EISDIR:
                raise self._no_key(
                    error_queue.DER_KEY["directory"] if self._is_der else error_queue.UNSUPPORTED_KEY
                ) from None
            codes = error_queue.file_unreadable(error.errno or 0, 0x10080002, 0x0A080002)
            raise self._no_key(codes) from None
        if self._is_der:
            key = files.private_key_pem(data)
            if key is None:
                raise self._no_key(error_queue.DER_KEY[der.shape(data)])
            if not _is_loadable(key, b""):
                raise self._no_key(error_queue.DER_KEY["wrong"])
            return key, b""
        block = files.private_key_block(data)
        if block is None:
            raise self._no_key(error_queue.UNSUPPORTED_KEY)
        encrypted = files.is_encrypted(*block)
        password = self._password() if encrypted else b""
        if not _is_loadable(data, password):
            wrong: tuple[int, ...] = error_queue.WRONG_PASSWORD_PKCS8
            if block[0] != b"ENCRYPTED PRIVATE KEY":
                wrong = error_queue.WRONG_PASSWORD_TRADITIONAL
            raise self._no_key(wrong if encrypted else error_queue.UNSUPPORTED_KEY)
        return data, password

    def _password(self) -> bytes:
        password = self._config.password
        if password is None:
            try:
                if self._again:
                    raise PromptEnded
                password = ask_pass_phrase()
            except PromptEnded:
                raise self._no_key(error_queue.KEY_PROMPT_ENDED) from None
            except PromptInterrupted:
                raise self._no_key(error_queue.KEY_PROMPT_INTERRUPTED) from None
        return password[: limits.PASSWORD_BYTES]

    def _no_key(self, codes: tuple[int, ...]) -> TlsStartError:
        self._errors.push(codes)
        self._error_line()
        return TlsStartError(messages.NO_PRIVATE_KEY.format(file=from_bytes(self._config.private_key)))

    def _load_certificate(self, key: bytes, password: bytes) -> Certificate | None:
        """Judge and load the certificate; return what is known of it."""
        file = from_bytes(self._config.certificate)
        mismatch = messages.KEY_MISMATCH.format(key=from_bytes(self._config.private_key), file=file)
        data = self._read_certificate()
        if data is None:
            raise TlsStartError(mismatch)
        block = files.first_block(data, files.CERTIFICATE_LABELS)
        certificate = None
        if block is not None:
            try:
                # a trusted certificate has OpenSSL's own additions after it
                certificate = parse_certificate(der.first_element(files.block_content(block[1])))
            except (der.DerError, CertificateError):
                block = None
        if block is None or certificate is None:
            raise self._no_certificate(error_queue.CERTIFICATE_PEM)
        verdict = check_own_certificate(certificate, file, self._profile)
        for letter, text in verdict.lines:
            self._log(letter, text)
        if verdict.refused:
            raise TlsStartError(messages.NO_CERTIFICATE.format(file=file))
        if not self._is_der:
            self._errors.clear()
        try:
            with files.private_file(data) as chain, files.private_file(key) as name:
                self._context.load_cert_chain(chain, name, password=lambda: password)
        except ssl.SSLError as error:
            if error.reason in _MISMATCHES:
                raise TlsStartError(mismatch) from None
            raise self._no_certificate(error_queue.CERTIFICATE_PEM) from None
        return certificate

    def _read_certificate(self) -> bytes | None:
        """Return the certificate file as PEM; None for an empty DER file, which the reference takes."""
        try:
            data = files.read_material(self._config.certificate)
        except OSError as error:
            if error.errno == errno.EISDIR:
                codes = (
                    error_queue.DER_CERTIFICATE["directory"] if self._is_der else error_queue.CERTIFICATE_PEM
                )
            else:
                codes = error_queue.file_unreadable(error.errno or 0, _file_layer(error, 0x10000080))
            raise self._no_certificate(codes) from None
        if not self._is_der:
            return data
        try:
            content = der.first_element(data)
            parse_certificate(content)
        except (der.DerError, CertificateError):
            codes = error_queue.DER_CERTIFICATE[der.shape(data)]
            if not codes:
                return None
            raise self._no_certificate(codes) from None
        return files.pem(files.CERTIFICATE_LABELS[0], content)

    def _no_certificate(self, codes: tuple[int, ...]) -> TlsStartError:
        self._errors.push(codes)
        self._error_line()
        return TlsStartError(messages.NO_CERTIFICATE.format(file=from_bytes(self._config.certificate)))

    # -- cipher suites and DH ------------------------------------------------------------------------------

    def _chosen_suites(self) -> list[str]:
        """Return the IANA names of the profile's suites and the added ones."""
        known = {suite.iana: suite for suite in SUITES}
        supported = library_suites()
        names = list(self._profile.suites)
        for name in reversed(self._config.ciphers):
            suite = known.get(name)
            if suite is None:
                raise TlsStartError(messages.SUITE_UNKNOWN.format(suite=name))
            if suite.openssl not in supported:
                self._log("F", messages.SUITE_UNSUPPORTED.format(suite=name))
                raise TlsStartError(messages.SUITE_UNKNOWN.format(suite=name))
            verdict = check_suite(suite, self._config.profile, self._profile)
            for letter, text in verdict.lines:
                self._log(letter, text)
            if verdict.refused:
                raise TlsStartError(messages.SUITE_NOT_ALLOWED)
            names.append(name)
        return names

    def _load_dh(self) -> None:
        with files.private_file(_FFDHE2048) as name:
            self._context.load_dh_params(name)
        path = self._config.dh_parameters
        if path is None:
            return
        file = from_bytes(path)
        if not self._own_dh(path, file):
            self._log("W", messages.DH_IGNORED.format(file=file))

    def _own_dh(self, path: bytes, file: str) -> bool:
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
            self._log("W", messages.DH_SHORT.format(file=file, bits=bits))
            if self._profile.reject_small_dh:
                return False
        try:
            with files.private_file(files.pem(block[0], content)) as name:
                self._context.load_dh_params(name)
        except ssl.SSLError:
            return False
        return True

    # -- the context ---------------------------------------------------------------------------------------

    def _configure(self, names: list[str], certificate: Certificate | None) -> None:
        context, profile = self._context, self._profile
        suites = server_order(names, library_suites())
        try:
            context.set_ciphers(":".join([*suites, "@SECLEVEL=0"]))
        except ssl.SSLError:  # it has none of them
            raise TlsStartError(messages.SUITES_MISSING.format(profile=profile.name)) from None
        if profile.tls13_suites and hasattr(context, "set_ciphersuites"):  # Python 3.15
            context.set_ciphersuites(":".join(profile.tls13_suites))
        if profile.minimum_tls12:
            context.minimum_version = ssl.TLSVersion.TLSv1_2
        if not profile.tls13 or (certificate is not None and certificate.key_type == "DSA"):
            context.maximum_version = ssl.TLSVersion.TLSv1_2
        context.verify_mode = _VERIFY_MODES[self._config.peer_certificate]
        if self._config.crl_check is CrlCheck.ALL:
            context.verify_flags |= ssl.VerifyFlags.VERIFY_CRL_CHECK_CHAIN
        elif self._crl_loaded or self._config.crl_check is CrlCheck.LEAF:
            context.verify_flags |= ssl.VerifyFlags.VERIFY_CRL_CHECK_LEAF


_GROUPS = [
    "prime256v1",
    "secp256k1",
    "secp384r1",
    "secp521r1",
    "sect283k1",
    "sect283r1",
    "sect409k1",
    "sect409r1",
    "sect571k1",
    "sect571r1",
    "brainpoolP256r1",
    "brainpoolP384r1",
    "brainpoolP512r1",
]


def _known_groups(context: ssl.SSLContext) -> list[str]:
    """Return those of the reference's groups that this OpenSSL has: 4.0 has dropped some of them."""
    known = []
    for group in _GROUPS:
        try:
            context.set_groups(group)  # type: ignore[attr-defined]
        except ssl.SSLError:
            continue
        known.append(group)
    return known


def _bare_context() -> ssl.SSLContext:
    """Return a context with what all profiles have in common (spec/tls.md b, g.1), before any file."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.set_ciphers(_EVERY_SUITE)  # security level 0 must stand before a certificate is loaded
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
    context.set_ciphers(_EVERY_SUITE)
    try:
        with files.private_file(_NOBODY) as nobody, files.private_file(key) as name:
            context.load_cert_chain(nobody, name, password=lambda: password)
    except ssl.SSLError as error:
        return error.reason in _MISMATCHES
    return True


def _file_layer(error: OSError, missing: int) -> int:
    return missing if error.errno in (errno.ENOENT, errno.ENXIO) else 0x10080002


def _read_some(path: bytes, limit: int) -> bytes:
    with open(path, "rb", buffering=0) as file:
        return file.read(limit)


def _is_crl(data: bytes) -> bool:
    try:
        load_der_x509_crl(der.first_element(data))
    except ValueError:
        return False
    return True
