"""Names of peers for the log, looked up without ever holding up a data path for long.

The reference asks the resolver on every connection before it reads anything and stands still until it
answers. Here an answer is remembered, a slow one is not waited for beyond a limit, and nobody asks unless a
line needs the name.
"""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable

from dcmrecv.server import limits

__all__ = ["HostNames"]


def _lookup(address: str) -> str:
    """Return the first label of the peer's name, or the whole address if it has none.

    The reference cuts a bare address at its first dot too; that is not imitated (docs/differences.md).
    """
    try:
        name = socket.gethostbyaddr(address)[0]
    except (OSError, UnicodeError):
        return address
    if name.replace(".", "").isdigit() or ":" in name:
        return address
    return name.split(".", 1)[0] or address


class HostNames:
    """A bounded cache of peer names. Safe for use by many threads."""

    def __init__(
        self, lookup: Callable[[str], str] = _lookup, *, patience: float = limits.HOST_LOOKUP_SECONDS
    ) -> None:
        self._lookup = lookup
        self._patience = patience
        self._lock = threading.Lock()
        self._known: dict[str, tuple[float, str]] = {}
        self._pending: dict[str, threading.Event] = {}

    def name(self, address: str) -> str:
        """Return the host name of *address*, or *address* itself while or if there is none."""
        now = time.monotonic()
        with self._lock:
            known = self._known.get(address)
            if known is not None and now < known[0]:
                return known[1]
            done = self._pending.get(address)
            if done is None:
                if len(self._pending) >= limits.HOST_CACHE_SIZE:
                    return address
                done = self._pending[address] = threading.Event()
                threading.Thread(target=self._resolve, args=(address, done), daemon=True).start()
        done.wait(self._patience)
        with self._lock:
            known = self._known.get(address)
            if known is None:
                # remembered for a while, so that a dead resolver costs each peer the wait only once
                known = (time.monotonic() + limits.HOST_CACHE_SECONDS, address)
                self._remember(address, known)
            return known[1]

    def _resolve(self, address: str, done: threading.Event) -> None:
        name = self._lookup(address)
        with self._lock:
            self._remember(address, (time.monotonic() + limits.HOST_CACHE_SECONDS, name))
            self._pending.pop(address, None)
        done.set()

    def _remember(self, address: str, entry: tuple[float, str]) -> None:
        if address not in self._known and len(self._known) >= limits.HOST_CACHE_SIZE:
            self._known.pop(next(iter(self._known)))
        self._known[address] = entry
