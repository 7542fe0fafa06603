"""Format time stamps as the layouts do: strftime plus ``%q``, ``%Q`` and ``%s`` (spec/logging.md A.7)."""

from __future__ import annotations

import re
import time

__all__ = ["TimeFormat", "relative"]


_CONVERSION = re.compile(r"%(.?)", re.DOTALL)


class TimeFormat:
    """One time format; *utc* chooses GMT instead of local time."""

    def __init__(self, text: str, *, utc: bool) -> None:
        self._clock = time.gmtime if utc else time.localtime
        self._text = text.partition("\0")[0]  # a C string ends there

    def format(self, seconds: float) -> str:
        """Return *seconds* since the epoch as text."""
        whole = int(seconds)
        milliseconds, rest = divmod(int((seconds - whole) * 1_000_000), 1000)
        # Digits mean nothing to strftime. A lone percent sign at the end is dropped.
        values = {"q": f"{milliseconds:03d}", "Q": f"{milliseconds:03d}.{rest:03d}", "s": f"{whole}", "": ""}
        text = _CONVERSION.sub(lambda found: values.get(found[1], found[0]), self._text)
        return time.strftime(text, self._clock(whole)) if text else ""


def relative(seconds: float, start: float) -> str:
    """Return the time since *start* as ``%r`` has it: seconds and three digits, or bare milliseconds."""
    microseconds = max(0, int((seconds - start) * 1_000_000))
    whole, rest = divmod(microseconds, 1_000_000)
    milliseconds = rest // 1000
    return f"{whole}{milliseconds:03d}" if whole else str(milliseconds)
