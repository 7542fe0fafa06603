"""Lines about peers that are not served (additions): one for each address now and then, however often it tries."""

from __future__ import annotations

import threading
import time

__all__ = ["RefusalLines"]

QUIET_SECONDS = 60.0
"""Between two lines about the same address and reason (ours)."""

MAX_ADDRESSES = 1024
"""Addresses that are remembered (ours); beyond them all are forgotten, and may have a line again."""

_REASONS = {
    "address": "it is not on the list of --allow-host",
    "limit": "it has as many associations as --max-associations-per-host allows",
    "proxy": "it sent no valid PROXY protocol header, which --proxy-protocol asks of it",
    "title": "its calling AE title {title} is not on the list of --allow-calling",
}


class RefusalLines:
    """Used by all threads of a process."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._last: dict[tuple[str, str], list[float]] = {}  # when there was a line, and refusals since

    def line(self, host: str, reason: str, title: str = "") -> str | None:
        """Return the line about a refusal, None if there was one lately."""
        now = time.monotonic()
        with self._lock:
            last = self._last.get((host, reason))
            if last is not None and now - last[0] < QUIET_SECONDS:
                last[1] += 1
                return None
            if len(self._last) >= MAX_ADDRESSES:
                self._last.clear()
            self._last[host, reason] = [now, 0]
        more = (
            f" ({last[1]:g} times more since the last line about it)" if last is not None and last[1] else ""
        )
        return f"Refused {host}: {_REASONS[reason].format(title=title)}{more}"
