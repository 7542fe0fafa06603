"""Follow a spool and deliver every object it names: the part that all pipelines share.

A spool (``dcmrecv --spool DIR``) is a directory of finished ``*.jsonl`` files with a line for each stored object. The
follower takes them in order, has up to `workers` deliveries under way, repeats what fails with a growing pause, and
removes a spool file when everything in it has been delivered. That is the only state: whatever kills the follower or
the other side, the file is there and is delivered again. So a delivery must be harmless to repeat, and each pipeline
says how its own is.

What can never succeed (a `Rejected` object) goes to ``rejected.jsonl`` beside the spool files, with the reason.
"""

from __future__ import annotations

import argparse
import fcntl
import json
import os
import random
import signal
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

FIRST_PAUSE = 0.2
LONGEST_PAUSE = 30.0
"""Seconds before a failed delivery is repeated: doubled each time, with chance, up to the longest."""

Line = dict[str, Any]


class Rejected(Exception):
    """The other side will never take this object; the text says why."""


@dataclass
class Progress:
    """What has been done since the start."""

    delivered: int = 0
    bytes: int = 0
    repeated: int = 0
    rejected: int = 0
    trouble: str = ""
    since: float = field(default_factory=time.monotonic)

    def __str__(self) -> str:
        seconds = max(time.monotonic() - self.since, 0.001)
        text = f"{self.delivered} delivered, {self.bytes / seconds / 1e6:.1f} MB/s, {self.repeated} repeated"
        if self.rejected:
            text += f", {self.rejected} rejected"
        return f"{text}; {self.trouble}" if self.trouble else text


class Follower:
    """Delivers the objects of *spool* by *deliver*, which gets a line and raises OSError or `Rejected`."""

    def __init__(self, spool: Path, deliver: Callable[[Line], None], *, workers: int = 4) -> None:
        self._spool = spool
        self._deliver = deliver
        self._workers = workers
        self._stop = threading.Event()
        self.progress = Progress()
        self._lock = threading.Lock()

    def stop(self) -> None:
        """End when the deliveries that are under way have ended. May be called by a signal handler."""
        self._stop.set()

    def run(self, *, once: bool = False, report: Callable[[Progress], None] = lambda progress: None) -> None:
        """Follow until `stop`, or with *once* until the spool is empty.

        Raises BlockingIOError if another follower is at work on this spool.
        """
        with open(self._spool / ".follower.lock", "w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            with ThreadPoolExecutor(self._workers) as pool:
                while not self._stop.is_set():
                    names = sorted(
                        path for path in self._spool.glob("[!.]*.jsonl") if path.name != "rejected.jsonl"
                    )
                    for path in names:
                        self._take(path, pool, report)
                    if once and not names:
                        return
                    report(self.progress)
                    if not names:
                        self._stop.wait(0.5)

    def _take(self, path: Path, pool: ThreadPoolExecutor, report: Callable[[Progress], None]) -> None:
        """Deliver what *path* names, then remove it; it stays if `stop` comes in between."""
        under_way: set[Future[bool]] = set()
        complete = True
        for text in path.read_text("ascii").splitlines():
            if len(under_way) >= 2 * self._workers:
                done, under_way = wait(under_way, return_when=FIRST_COMPLETED)
                complete &= all(future.result() for future in done)
                report(self.progress)
            if self._stop.is_set():
                complete = False
                break
            under_way.add(pool.submit(self._persist, json.loads(text)))
        complete &= all(future.result() for future in under_way)
        if complete:
            path.unlink()

    def _persist(self, line: Line) -> bool:
        """Deliver *line* however often it takes; False if `stop` came first."""
        pause = FIRST_PAUSE
        while not self._stop.is_set():
            try:
                self._deliver(line)
            except Rejected as error:
                self._reject(line, str(error))
                return True
            except OSError as error:
                with self._lock:
                    self.progress.repeated += 1
                    self.progress.trouble = f"{type(error).__name__}: {error}"[:100]
                self._stop.wait(pause * random.uniform(0.5, 1.0))  # noqa: S311
                pause = min(2 * pause, LONGEST_PAUSE)
                continue
            with self._lock:
                self.progress.delivered += 1
                self.progress.bytes += int(line["bytes"])
                self.progress.trouble = ""
            return True
        return False

    def _reject(self, line: Line, reason: str) -> None:
        record = json.dumps({**line, "rejected": reason}) + "\n"
        with self._lock:
            self.progress.rejected += 1
            with open(self._spool / "rejected.jsonl", "a", encoding="ascii") as file:
                file.write(record)
                file.flush()
                os.fsync(file.fileno())


def object_file(line: Line) -> Path:
    """Return the file of *line*. Raises `Rejected` if it is gone."""
    path = Path(line["path"])
    if not path.is_file():
        raise Rejected("the file is gone")
    return path


def arguments(description: str) -> argparse.ArgumentParser:
    """Return a parser with the options that all pipelines have."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("spool", type=Path, help="directory given to dcmrecv --spool")
    parser.add_argument("--workers", type=int, default=4, metavar="N", help="deliveries at a time (4)")
    parser.add_argument("--once", action="store_true", help="end when the spool is empty")
    return parser


def main(options: argparse.Namespace, deliver: Callable[[Line], None]) -> int:
    """Follow as *options* say; progress goes to standard error, in place on a terminal, else once a minute."""
    follower = Follower(options.spool, deliver, workers=options.workers)
    signal.signal(signal.SIGTERM, lambda *_: follower.stop())
    signal.signal(signal.SIGINT, lambda *_: follower.stop())
    terminal = sys.stderr.isatty()
    shown = 0.0

    def report(progress: Progress) -> None:
        nonlocal shown
        now = time.monotonic()
        if now - shown >= (0.2 if terminal else 60.0):
            shown = now
            print(
                f"\r\x1b[K{progress}" if terminal else progress,
                end="" if terminal else "\n",
                file=sys.stderr,
                flush=True,
            )

    try:
        follower.run(once=options.once, report=report)
    except BlockingIOError:
        print("another follower is at work on this spool", file=sys.stderr)
        return 1
    print(f"\n{follower.progress}" if terminal else follower.progress, file=sys.stderr)
    return 0
