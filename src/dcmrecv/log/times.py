"""Format time stamps as the layouts do: strftime plus ``%q``, ``%Q`` and ``%s`` (spec/logging.md A.7)."""

from __future__ import annotations

import time

__all__ = ["TimeFormat", "relative"]


class TimeFormat:
    """One compiled format; *utc* chooses GMT instead of local time."""

    def __init__(self, text: str, *, utc: bool) -> None:
        self._clock = time.gmtime if utc else time.localtime
        self._pieces: list[str] = []
        # A C string ends at NUL; a lone percent sign at the end is dropped.
        plain: list[str] = []
        characters = iter(text.partition("\0")[0])
        for character in characters:
            if character != "%":
                plain.append(character)
                continue
            letter = next(characters, "")
            if letter and letter in "qQs":
                self._pieces.append("".join(plain))
                self._pieces.append(letter)
                plain = []
            elif letter:
                plain.append("%" + letter)
        self._pieces.append("".join(plain))
        self._fixed = len(self._pieces) == 1

    def format(self, seconds: float) -> str:
        """Return *seconds* since the epoch as text."""
        whole = int(seconds)
        if self._fixed:
            return time.strftime(self._pieces[0], self._clock(whole)) if self._pieces[0] else ""
        micro = int((seconds - whole) * 1_000_000)
        values = {
            "q": f"{micro // 1000:03d}",
            "Q": f"{micro // 1000:03d}.{micro % 1000:03d}",
            "s": str(whole),
        }
        # The odd pieces are the letters; digits mean nothing to strftime.
        text = "".join(values[p] if i & 1 else p for i, p in enumerate(self._pieces))
        return time.strftime(text, self._clock(whole))


def relative(seconds: float, start: float) -> str:
    """Return the time since *start* as ``%r`` has it: seconds and three digits, or bare milliseconds."""
    microseconds = max(0, int((seconds - start) * 1_000_000))
    whole, rest = divmod(microseconds, 1_000_000)
    milliseconds = rest // 1000
    return f"{whole}{milliseconds:03d}" if whole else str(milliseconds)
