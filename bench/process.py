"""What running servers use, read from /proc (Linux): memory, CPU, descriptors, threads, listening ports."""

from __future__ import annotations

import os
import socket
import time
from dataclasses import dataclass
from pathlib import Path

__all__ = ["Usage", "children", "free_port", "is_listening", "usage", "wait_listening"]

TICKS = os.sysconf("SC_CLK_TCK")
LISTEN = "0A"


@dataclass(frozen=True)
class Usage:
    """A process with its descendants: bytes, seconds and counts."""

    rss: int
    peak_rss: int
    """Sum of the peaks of the processes that are alive."""
    cpu: float
    descriptors: int
    threads: int


def children(pid: int) -> list[int]:
    """Return *pid* and its living descendants."""
    found = [pid]
    for parent in found:
        for task in Path(f"/proc/{parent}/task").glob("*/children"):
            try:
                found += [int(word) for word in task.read_text().split()]
            except OSError:
                continue
    return found


def usage(pid: int) -> Usage:
    """Return what *pid* and its descendants use now."""
    rss = peak = descriptors = threads = ticks = 0
    for process in children(pid):
        base = Path(f"/proc/{process}")
        try:
            status = dict(line.split(":", 1) for line in (base / "status").read_text().splitlines())
            fields = (base / "stat").read_text().rpartition(")")[2].split()
            descriptors += len(os.listdir(base / "fd"))
        except FileNotFoundError:
            continue
        rss += int(status.get("VmRSS", "0").split()[0]) * 1024
        peak += int(status.get("VmHWM", "0").split()[0]) * 1024
        threads += int(status["Threads"])
        ticks += sum(int(value) for value in fields[11:15])
    return Usage(rss, peak, ticks / TICKS, descriptors, threads)


def free_port() -> int:
    """Return a port that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def is_listening(port: int) -> bool:
    """True if some process listens on *port*; looks without connecting, so that the server sees nothing."""
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        try:
            lines = Path(table).read_text().splitlines()[1:]
        except OSError:
            continue
        suffix = f":{port:04X}"
        for line in lines:
            words = line.split(None, 4)
            if words[3] == LISTEN and words[1].endswith(suffix):
                return True
    return False


def wait_listening(port: int, seconds: float, *, poll: float = 0.001) -> bool:
    """Wait until *port* is listened on; False after *seconds*."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if is_listening(port):
            return True
        time.sleep(poll)
    return False
