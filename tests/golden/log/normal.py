"""Replace what cannot be equal in two runs by the tokens the recordings have.

A time stamp is replaced only when it lies inside the run, so a wrong date, zone or format does not pass.
"""

from __future__ import annotations

import calendar
import re
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

__all__ = ["Run", "socket_events"]

TOLERANCE = 2.0


def _zone_offset(zone: str) -> int:
    """Return the seconds east of Greenwich of a POSIX zone like ``UTC0`` or ``XYZ-5:30``."""
    match = re.fullmatch(r"[A-Z]+([+-]?)(\d+)(?::(\d+))?", zone)
    if match is None:
        raise ValueError(zone)
    seconds = int(match[2]) * 3600 + int(match[3] or 0) * 60
    return seconds if match[1] == "-" else -seconds


@dataclass
class Run:
    """The facts of one run that recordings have as tokens."""

    scratch: str
    common: str
    port: int
    pid: int
    start: float
    end: float
    zone: str
    ports: dict[str, int] = field(default_factory=dict)
    rules: list[list[str]] = field(default_factory=list)

    def _inside(self, text: str, form: str, unit: int) -> str | None:
        """Return which clock *text* shows: "" for both, "L" local, "G" Greenwich; None: outside the run."""
        offset = _zone_offset(self.zone)
        for shift, letter in ((offset, "L"), (0, "G")):
            first, last = self.start - TOLERANCE + shift, self.end + TOLERANCE + shift
            day = time.strftime("%Y-%m-%d ", time.gmtime(last)) if form.startswith("%H") else ""
            try:
                parsed = time.strptime(day + text, ("%Y-%m-%d " if day else "") + form)
            except ValueError:
                return None
            moment = calendar.timegm(parsed)
            if first // unit * unit <= moment <= last:
                return "" if offset == 0 else letter
        return None

    def _stamps(self, text: str, pattern: str, form: str, token: str, unit: int = 1) -> str:
        def replace(match: re.Match[str]) -> str:
            clock = self._inside(match[1], form, unit)
            if clock is None:
                return match[0]
            return token + clock + re.sub(r"\d", "#", match[0][len(match[1]) :])

        return re.sub(pattern, replace, text)

    def _epochs(self, text: str) -> str:
        def replace(match: re.Match[str]) -> str:
            inside = self.start - TOLERANCE <= int(match[1]) <= self.end + TOLERANCE
            return "EPOCH" + "#" * len(match[2] or "") if inside else match[0]

        return re.sub(r"(?<!\d)([12]\d{9})(\d{3})?(?!\d)", replace, text)

    def text(self, text: str) -> str:
        """Return *text* with tokens."""
        text = text.replace(self.scratch, "@DIR@").replace(self.common, "@COMMON@")
        fraction = r"(\.\d{3}(?:\.\d{3})?)?"
        text = self._stamps(
            text, rf"\b(\d{{4}}-\d\d-\d\d \d\d:\d\d:\d\d){fraction}(?!\d)", "%Y-%m-%d %H:%M:%S", "TS"
        )
        text = self._stamps(
            text, rf"\b(\d{{4}}-\d\d-\d\dT\d\d:\d\d:\d\d){fraction}(?!\d)", "%Y-%m-%dT%H:%M:%S", "TS"
        )
        text = self._stamps(text, rf"(?<![\d:])(\d\d:\d\d:\d\d){fraction}(?![\d:])", "%H:%M:%S", "TOD")
        text = self._stamps(text, r"(?<!\d)(\d{4}-\d\d-\d\d-\d\d)(?![\d-])", "%Y-%m-%d-%H", "YMDH", 3600)
        text = self._stamps(text, r"(?<!\d)(\d{4}-\d\d-\d\d)(?![\d-])", "%Y-%m-%d", "YMD", 86400)
        text = self._epochs(text)
        numbers = {"PID": self.pid, "PORT": self.port} | self.ports
        for token, number in numbers.items():
            text = re.sub(rf"(?<![\d.]){number}(?!\d)", token, text)
        text = re.sub(r"(?<![\d.])1[34]\d{13}(?!\d)", "TID", text)
        text = re.sub(r"\$dcmtk: dcmrecv v\S+ \S+ \$", "$dcmtk: dcmrecv vX DATE $", text)
        text = re.sub(r"(Our Implementation Class UID: +)\S+", r"\1IMPLUID", text)
        text = re.sub(r"(Our Implementation Version Name: +)\S+", r"\1IMPLVER", text)
        host = re.escape(socket.gethostname())
        for pattern, replacement in self.rules:
            text = re.sub(pattern.replace("@HOST@", host), replacement, text, flags=re.MULTILINE)
        return text


def socket_events(data: bytes) -> list[str]:
    """Return the binary events of a SocketAppender as lines."""
    lines: list[str] = []
    while data:
        length = int.from_bytes(data[:4], "big")
        event, data = data[4 : 4 + length], data[4 + length :]
        version, width, rest = event[0], event[1], event[2:]
        values: list[Any] = []

        def number() -> int:
            nonlocal rest
            value, rest = int.from_bytes(rest[:4], "big"), rest[4:]
            return value

        def text() -> str:
            nonlocal rest
            size = number()
            value, rest = rest[:size].decode("latin-1"), rest[size:]
            return value

        readers: dict[str, Callable[[], Any]] = {"s": text, "i": number}
        for kind in "ssisssiisis":
            values.append(readers[kind]())
        server, logger, level, ndc, message, thread, _, _, path, _, function = values
        lines.append(
            f"v{version}/{width} server={server} logger={logger} level={level} ndc={ndc} "
            f"thread={'TID' if len(thread) > 9 else thread} file={'SRC' if path else ''} "
            f"func={'FUNC' if function else ''} msg={message}"
        )
    return lines
