"""Every line of the reference about TLS (spec/tls.md a.4, d, e.3), and what stands in the details block."""

from __future__ import annotations

# start-up: trust
CERTIFICATE_FILE_IGNORED = "unable to load certificate file '{file}', ignoring"
CERTIFICATE_DIRECTORY_IGNORED = "unable to load certificates from directory '{file}', ignoring"
CRL_FILE_IGNORED = "unable to load CRL file '{file}', ignoring"

# start-up: own key and certificate
NO_PRIVATE_KEY = "000b:0004 Unable to load private TLS key from '{file}'"
NO_CERTIFICATE = "000b:0005 Unable to load certificate from '{file}'"
KEY_MISMATCH = "000b:0006 Private key '{key}' and certificate '{file}' do not match"
RSA_REFUSED = (
    "Key length of RSA public key too short: RFC 9325 requires at least 2048 bits for server RSA keys, "
    "but the key in certificate file '{file}' is only {bits} bits."
)
RSA_SHORT = (
    "Key length of RSA public key too short: RFC 9325 recommends at least 2048 bits for RSA keys, "
    "but the key in certificate file '{file}' is only {bits} bits."
)
ECDSA_REFUSED = (
    "Key length of ECDSA public key too short: TLS profile requires at least 256 bits for ECDSA keys, "
    "but the key in certificate file '{file}' is only {bits} bits."
)
ECDSA_SHORT = (
    "Key length of ECDSA public key too short: RFC 9325 recommends at least 224 bits for ECDSA keys, "
    "but the key in certificate file '{file}' is only {bits} bits."
)
DSA_REFUSED = (
    "DSA certificate '{file}' not permitted in the selected TLS profile "
    "because it prevents the use of TLS 1.3."
)
DSA_DISCOURAGED = (
    "Use of DSA certificate not recommended because it prevents the use of TLS 1.3, "
    "which does not support this certificate type."
)
HASH_BROKEN = "Weak certificate hash key: certificate file '{file}' uses '{hash}'."
HASH_REFUSED = (
    "Weak certificate hash key: TLS profile requires SHA-256 (or better) for certificates, "
    "but certificate file '{file}' uses '{hash}'."
)
HASH_WEAK = (
    "Possibly weak certificate hash key: RFC 9325 recommends the use of SHA-256 (or better) "
    "for certificates, but certificate file '{file}' uses '{hash}'."
)

# start-up: cipher suites and DH parameters
SUITE_UNKNOWN = "000b:0003 Unknown or invalid ciphersuite: {suite}"
SUITE_UNSUPPORTED = (
    "Ciphersuite '{suite}' not supported by the OpenSSL library used to compile this application."
)
SUITE_UNENCRYPTED = "Unencrypted ciphersuite '{suite}' not permitted with security profile '{profile}'"
SUITE_SHA1 = "Ciphersuite '{suite}' using SHA-1 MAC not permitted with security profile '{profile}'"
SUITES_MISSING = "the TLS library supports no ciphersuite of security profile '{profile}'"
"""Ours: where the reference has no option for the profile."""
SUITES_FIXED = "Additional ciphersuites not permitted with security profile '{profile}'"
SUITE_NOT_ALLOWED = "000b:000a Ciphersuite not allowed in current DICOM security profile"
SUITE_RSA = (
    "Ciphersuite '{suite}' uses RSA key transport. "
    "RFC {rfc} recommends that such cipher suites should not be used."
)
SUITE_DHE = (
    "Ciphersuite '{suite}' uses ephemeral finite-field Diffie-Hellman key agreement. "
    "RFC 9325 recommends that such cipher suites should not be used."
)
SUITE_CBC = (
    "Ciphersuite '{suite}' uses CBC mode of operation. RFC 9325 recommends that such cipher suites "
    "should not be used, unless both sides support the encrypt_then_mac extension (we do)."
)
DH_IGNORED = "unable to load temporary DH parameter file '{file}', ignoring"
DH_SHORT = (
    "Key length of Diffie-Hellman parameter file too short: RFC 9325 recommends at least 2048 bits, "
    "but the key in file '{file}' is only {bits} bits."
)

# handshake: refusals
TLS_ERROR = "TLS error: {reason}"
OPENSSL_ERROR = "OpenSSL error: {reason}"
IO_ERROR = "OpenSSL I/O error (SSL_ERROR_SYSCALL)"
READ_TIMEOUT = "TLS read operation did not complete (SSL_ERROR_WANT_READ)"
CLOSED_BY_PEER = "TLS connection closed by peer (SSL_ERROR_ZERO_RETURN)"
UNEXPECTED_EOF = "unexpected eof while reading"
CALLBACK_FAILED = "callback failed"
NO_PROTOCOL = "no application protocol"
VERIFY_FAILED = "certificate verify failed"
SNI_FAILURE = "SNI failure: client requested server '{requested}', my name is '{expected}'."
ALPN_FAILURE = "TLS ALPN negotiation failure: Client has proposed protocol(s) other than 'dicom'"

# handshake: the peer's certificates
PEER_RSA_SHORT = (
    "RSA key length too short: RFC 9325 recommends at least 2048 bits, "
    "but peer provided RSA certificate with {bits} bits."
)
PEER_ECDSA_SHORT = (
    "ECDSA key length too short: RFC 9325 recommends at least 224 bits, "
    "but peer provided ECDSA certificate with {bits} bits."
)
PEER_HASH_WEAK = (
    "Weak certificate hash key: RFC 9325 recommends SHA-256 (or better, "
    "but peer provided certificate with '{hash}'."
)
PEER_HASH_BROKEN = (
    "Weak certificate hash key: peer provided certificate with '{hash}'. Refusing TLS connection."
)
PEER_RSA_REFUSED = (
    "RSA key length too short: the DICOM TLS profile requires at least 2048 bits, "
    "but peer provided RSA certificate with {bits} bits. Refusing TLS connection."
)
PEER_ECDSA_REFUSED = (
    "ECDSA key length too short: the DICOM TLS profile requires at least 256 bits, "
    "but peer provided ECDSA certificate with {bits} bits. Refusing TLS connection."
)
PEER_HASH_REFUSED = (
    "Weak certificate hash key: the DICOM TLS profile requires SHA-256 (or better) for certificates, "
    "but peer provided certificate with '{hash}'. Refusing TLS connection."
)

# the details block
DETAILS_BEGIN = "================== BEGIN TLS CONNECTION DETAILS ================="
DETAILS_END = "=================== END TLS CONNECTION DETAILS =================="
DETAILS_TRANSPORT = "Transport connection: TLS over TCP/IP"
DETAILS_PROTOCOL = "  Protocol    : {protocol}"
DETAILS_SUITE = "  Ciphersuite : {suite}, encryption: {bits} bits"
DETAILS_NO_PEER = "Peer did not provide a certificate or certificate verification is disabled."
