"""The error queue of OpenSSL as the reference shows it (spec/tls.md a.5).

The reference takes the *oldest* entry of the queue after each failure and leaves the rest, so that a second
failure shows a leftover of the first. Python's ``ssl`` empties the queue and gives no codes; what each
failure leaves in it (OpenSSL 3.0) is a table here.
"""

from __future__ import annotations

import errno
from collections import deque

_REASONS = {
    0x10000080: "no such file",
    0x10080002: "system lib",
    0x05880002: "system lib",
    0x0A080002: "system lib",
    0x05800088: "no certificate or crl found",
    0x05800071: "invalid directory",
    0x0588000D: "ASN1 lib",
    0x0A08000D: "ASN1 lib",
    0x068000A8: "wrong tag",
    0x0688010A: "nested asn1 error",
    0x0680008E: "not enough data",
    0x12000079: "Cannot open file",
    0x1E08010C: "unsupported",
    0x0A080009: "PEM lib",
    0x1C800064: "bad decrypt",
    0x11800074: "pkcs12 cipherfinal error",
    0x04800065: "bad decrypt",
    0x1400006B: "processing error",
    0x0480006D: "problems getting password",
    0x0480006C: "no start line",
}
_SSL_LIBRARY = 20
SYSTEM_FLAG = 0x80000000
"""With an errno: what the system said."""
SYSTEM_LIBRARY = 0x10080002

_IS_DIRECTORY = (SYSTEM_FLAG | errno.EISDIR, SYSTEM_LIBRARY, 0x0680008E)

NO_SEED_FILE = (0x12000079,)
INVALID_DIRECTORY = (0x05800071,)
NOT_A_CERTIFICATE_OR_CRL = (0x05800088,)
UNSUPPORTED_KEY = (0x1E08010C, 0x0A080009)
WRONG_PASSWORD_PKCS8 = (0x1C800064, 0x11800074, 0x1C800064, 0x11800074, 0x0A080009)
WRONG_PASSWORD_TRADITIONAL = (0x1C800064, 0x04800065, 0x0A080009)
KEY_PROMPT_ENDED = (0x1400006B,)
KEY_PROMPT_INTERRUPTED = (0x0480006D,)
CERTIFICATE_PEM = (0x0480006C,)

TRUST_DER = {
    "wrong": (0x068000A8, 0x0688010A, 0x0588000D),
    "short": (0x0680008E, 0x0588000D),
    "empty": (0x0588000D,),
    "directory": (*_IS_DIRECTORY, 0x0588000D),
}
"""A ``+cf`` or ``+crl`` file that holds no DER certificate, by what was found (`der.Shape`)."""

DER_CRL = (0x068000A8, 0x0688010A, 0x0688010A, 0x0688010A, 0x0588000D)
"""The same for a CRL, which gets three levels deep."""

DER_CERTIFICATE = {
    "wrong": (0x068000A8, 0x0688010A),
    "short": (0x0680008E,),
    "empty": (),
    "directory": _IS_DIRECTORY,
}
"""The server's own certificate file; an empty file leaves no error at all."""

DER_KEY = {
    "wrong": (0x1E08010C, 0x0A08000D),
    "short": (0x0680008E, 0x0A08000D),
    "empty": (0x0A08000D,),
    "directory": (*_IS_DIRECTORY, 0x0A08000D),
}


class ErrorQueue:
    """First in, first out; `line` is None when it is empty."""

    def __init__(self) -> None:
        self._codes: deque[int] = deque()

    def push(self, codes: tuple[int, ...]) -> None:
        """Add *codes*, oldest first."""
        self._codes.extend(codes)

    def clear(self) -> None:
        """Forget everything, as a successfully loaded PEM certificate does."""
        self._codes.clear()

    def line(self) -> str | None:
        """Take the oldest entry and return the text of its E line."""
        if not self._codes:
            return None
        code = self._codes.popleft()
        reason = _REASONS.get(code, "OpenSSL error")
        if not code & SYSTEM_FLAG and code >> 23 == _SSL_LIBRARY:
            return f"TLS error: {reason}"
        return f"OpenSSL error {code:08x}: {reason}"
