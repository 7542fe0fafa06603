"""The counters of a receiver, and what it does at the moment: memory that all its processes share.

Each process writes a part of its own; the process that shows the counters sums the parts. The memory is made before the
processes are, so there are no files, a dead process takes nothing with it, and its replacement counts on.

A part has two areas. Numbers are words that are written whole. Texts (titles, and what is known of associations,
objects and failures) may be read while they change, so each carries a check sum, and what does not agree
with it is not shown.
"""

from __future__ import annotations

import mmap
import struct
import time
import zlib
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["Counters", "Running", "Snapshot", "Texts"]

OUTCOMES = {
    "released": "released in good order",
    "aborted_by_peer": "aborted or closed by the sender",
    "aborted_by_us": "aborted by the receiver",
    "rejected_application_context": "rejected: application context",
    "rejected_called_title": "rejected: called AE title",
    "rejected_calling_title": "rejected: calling AE title",
    "rejected_limit": "rejected: too many associations",
    "rejected_no_context": "rejected: no acceptable presentation context",
    "unusable_request": "unusable request",
    "not_an_association": "no DICOM at all (probes, other protocols)",
    "tls_failed": "TLS handshake failed",
    "internal_error": "ended by a mistake in the receiver",
    "cut_off": "ended by our own stop",
    "refused_address": "refused: address not on the list",
    "refused_limit": "refused: too many of one address",
    "refused_proxy": "refused: no PROXY protocol header",
}
"""How a connection ended, and the same in words. ``refused_…``: closed before anything was read."""

STATUSES = {
    "0000": "0000 success",
    "A700": "A700 out of resources",
    "C000": "C000 cannot understand",
    "other": "other",
}
"""Statuses of C-STORE responses, hexadecimal, and with words."""

PHASES = ("receive", "write", "publish")
"""Where the time of a stored object went: waiting for its sender; parsing and writing; giving it its name."""

DURATIONS = (0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1.0, 5.0, 10.0, 60.0)
"""Upper bounds of the histograms of durations, seconds; one more bucket holds the rest."""

TITLES = 32
"""Calling AE titles that a process counts by themselves, in the order of their first objects; later ones count as
``other``. Peers choose titles, and each value of a label costs Prometheus memory."""

OTHER = TITLES
"""The number of any other title."""

RUNNING = 64
"""Running associations of a process that the page shows; further ones are counted only."""

HIDDEN = RUNNING
"""The number of any further association."""

LATEST = 10
"""Objects, and failures, that a process remembers for the page."""

TEXT = 512
"""Bytes of a text, its head included."""

_BY_TITLE = ("objects", "bytes", "failed")
_HEAD = struct.Struct("<II")  # check sum and length of the text
_HISTOGRAMS = ("store", *PHASES)
_NAMES = (
    "active",
    "associations",
    "accepted",
    "association_microseconds",
    "received_bytes",
    "echoes",
    "failed_data_sets",
    "store_errors",
    "last_object_microseconds",
    *(f"outcome {name}" for name in OUTCOMES),
    *(f"status {name}" for name in STATUSES),
    *(f"{name} {what}" for name in _HISTOGRAMS for what in (*range(len(DURATIONS) + 1), "microseconds")),
    *(f"title {number} {what}" for what in _BY_TITLE for number in range(TITLES + 1)),
    *(f"running {number} {what}" for what in ("objects", "bytes") for number in range(RUNNING + 1)),
)
PLACES = {name: number for number, name in enumerate(_NAMES)}
"""Of each number in the row of a process."""


class Texts:
    """The texts of one process: titles, running associations, latest objects, latest failures."""

    titles = 0
    running = titles + TITLES
    objects = running + RUNNING
    failures = objects + LATEST
    size = (failures + LATEST) * TEXT

    def __init__(self, memory: memoryview) -> None:
        self.memory = memory

    def put(self, number: int, *words: object) -> None:
        """Write *words*, numbers or printable ASCII texts, at place *number*."""
        data = "\t".join(map(str, words)).encode()
        assert len(data) <= TEXT - _HEAD.size  # the writers know how long their parts are
        whole = _HEAD.pack(zlib.crc32(data), len(data)) + data
        self.memory[number * TEXT : number * TEXT + len(whole)] = whole

    def clear(self, number: int) -> None:
        """Forget what is at place *number*."""
        self.memory[number * TEXT : number * TEXT + _HEAD.size] = bytes(_HEAD.size)

    def get(self, number: int) -> list[str] | None:
        """Return the words at place *number*; None if there are none, or if they are just being written."""
        whole = bytes(self.memory[number * TEXT : (number + 1) * TEXT])
        check, length = _HEAD.unpack_from(whole)
        data = whole[_HEAD.size : _HEAD.size + length]
        return data.decode().split("\t") if data and zlib.crc32(data) == check else None


class Running(NamedTuple):
    """An association at this moment. Without identifiers the first three are empty."""

    calling: str
    called: str
    peer: str
    since: float
    """Seconds since the epoch, like all times here."""
    process: int
    objects: int
    """Stored so far."""
    under_way: int
    """Bytes received of the current object."""


class Snapshot:
    """The sums over all processes at one moment; names as in the table of this module."""

    def __init__(self, rows: Sequence[Sequence[int]], texts: Sequence[Texts]) -> None:
        self._sums: list[int] = [sum(column) for column in zip(*rows, strict=True)]
        self.last_object = max(row[PLACES["last_object_microseconds"]] for row in rows) / 1e6
        """When the last object was stored, seconds since the epoch; 0: none yet."""
        self.titles: dict[str, list[int]] = {}
        """By calling AE title: objects, bytes of files, objects that failed."""
        for row, words in zip(rows, texts, strict=True):
            for number in range(TITLES + 1):
                title = ["other"] if number == OTHER else words.get(Texts.titles + number)
                if title is not None:
                    counts = self.titles.setdefault(title[0], [0] * len(_BY_TITLE))
                    for place, what in enumerate(_BY_TITLE):
                        counts[place] += row[PLACES[f"title {number} {what}"]]
        self.objects, self.bytes, self.failed = map(sum, zip(*self.titles.values(), strict=True))

    def __getitem__(self, name: str) -> int:
        return self._sums[PLACES[name]]

    def buckets(self, name: str) -> list[tuple[str, float]]:
        """Return the cumulated histogram *name*: ``store`` or a phase."""
        total = 0
        found: list[tuple[str, float]] = []
        for number, bound in enumerate([*map(str, DURATIONS), "+Inf"]):
            total += self[f"{name} {number}"]
            found.append((bound, total))
        return found


class Counters:
    """The shared memory: one part for each of *processes*."""

    def __init__(self, processes: int = 1, *, identifiers: bool = True) -> None:
        """*identifiers*: whether titles, addresses and UIDs may be written."""
        self.identifiers = identifiers
        self.started = time.time()
        self._processes = range(processes)
        self._row_size = len(_NAMES) * 8
        self._size = self._row_size + Texts.size
        self._memory = memoryview(mmap.mmap(-1, processes * self._size))

    def row(self, number: int) -> memoryview[int]:
        """Return the numbers of process *number*, to be written by that process alone."""
        begin = number * self._size
        return self._memory[begin : begin + self._row_size].cast("Q")

    def texts(self, number: int) -> Texts:
        """Return the texts of process *number*, to be written by that process alone."""
        begin = number * self._size + self._row_size
        return Texts(self._memory[begin : begin + Texts.size])

    def snapshot(self) -> Snapshot:
        """Return the sums."""
        return Snapshot(
            [self.row(number).tolist() for number in self._processes], [*map(self.texts, self._processes)]
        )

    def running(self) -> list[Running]:
        """Return the associations of all processes, the newest first."""
        found = []
        for process in self._processes:
            row, texts = self.row(process), self.texts(process)
            for number in range(RUNNING):
                if (value := texts.get(Texts.running + number)) is not None:
                    objects, size = (row[PLACES[f"running {number} {what}"]] for what in ("objects", "bytes"))
                    calling, called, peer, since = value
                    found.append(Running(calling, called, peer, float(since), process, objects, size))
        return sorted(found, key=lambda each: -each.since)

    def latest(self, begin: int) -> list[list[str]]:
        """Return the latest objects or failures, *begin* says which of `Texts`, of all processes, newest first."""
        every = (self.texts(process).get(begin + n) for process in self._processes for n in range(LATEST))
        return sorted((each for each in every if each is not None), key=lambda each: -float(each[0]))[:LATEST]
