"""Names of peers for the log, looked up without ever holding up a data path for long.

The reference asks the resolver on every connection before it reads anything and stands still until it
answers. Here an answer is remembered, a slow one is not waited for beyond a limit, and no name is asked for unless a
line needs it. A resolver that does not answer at all is waited for once for each address.
"""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable

from dcmrecv.server import limits
from dcmrecv.threads import start_thread

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


class _Asked:
    """A question to the resolver that is not answered yet."""

    def __init__(self, since: float) -> None:
        self.since = since
        self.begun = threading.Lock()  # taken by the thread that sees to the answer
        self.done = threading.Event()


class HostNames:
    """A bounded cache of peer names. Safe for use by many threads."""

    def __init__(
        self, lookup: Callable[[str], str] = _lookup, *, patience: float = limits.HOST_LOOKUP_SECONDS
    ) -> None:
        self._lookup = lookup
        self._patience = patience
        self._lock = threading.Lock()
        self._known: dict[str, tuple[float, str]] = {}
        self._asked: dict[str, _Asked] = {}

    def name(self, address: str) -> str:
        """Return the host name of *address*, or *address* itself while or if there is none."""
        now = time.monotonic()
        with self._lock:
            known = self._known.get(address)
            if known is not None and now < known[0]:
                return known[1]
            asked = self._asked.get(address)
            if asked is None and len(self._asked) >= limits.HOST_LOOKUPS:
                return address
        if asked is None:
            asked = self._ask(address)
        elif now - asked.since > self._patience:
            return address  # the resolver does not answer: once is enough
        if asked is not None:
            asked.done.wait(self._patience)
        with self._lock:
            known = self._known.get(address)
        return address if known is None else known[1]

    def _ask(self, address: str) -> _Asked | None:
        """Have a thread ask the resolver; without a thread there is no name this time."""
        asked = _Asked(time.monotonic())
        with self._lock:
            asked = self._asked.setdefault(address, asked)  # perhaps another thread was faster
        if not asked.begun.acquire(blocking=False) or start_thread(lambda: self._resolve(address, asked)):
            return asked
        asked.done.set()
        with self._lock:
            self._asked.pop(address, None)
        return None

    def _resolve(self, address: str, asked: _Asked) -> None:
        try:
            name = self._lookup(address)
            with self._lock:
                self._remember(address, (time.monotonic() + limits.HOST_CACHE_SECONDS, name))
        except MemoryError:
            return  # asked again next time
        finally:
            with self._lock:
                self._asked.pop(address, None)
            asked.done.set()

    def _remember(self, address: str, entry: tuple[float, str]) -> None:
        if address not in self._known and len(self._known) >= limits.HOST_CACHE_SIZE:
            self._known.pop(next(iter(self._known)))
        self._known[address] = entry
