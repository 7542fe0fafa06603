"""The side-by-side run: every cell of the matrix against every receiver, in alternation."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from bench.generator import WORK, Generator, LoadResult
from bench.stats import median
from bench.targets import Server, Settings, Target, certificate
from bench.workloads import Shape, Workload, send, warm_up

__all__ = ["Cell", "Measured", "cells", "run_cell", "storage_directory"]

TLS_WORKLOADS = frozenset({"W1", "W2", "W3"})
SHARED_MEMORY = Path("/dev/shm")
RESERVE = 2 << 30


@dataclass(frozen=True)
class Cell:
    """One way to run one workload."""

    workload: Workload
    mode: str
    max_pdu: int
    storage: str
    tls: bool

    @property
    def title(self) -> str:
        """Short name for progress lines."""
        tls = " TLS" if self.tls else ""
        return f"{self.workload.name} {self.mode} {self.max_pdu} {self.storage}{tls}"


@dataclass
class Measured:
    """One receiver in one cell; one entry per round, None where it failed."""

    target: str
    rates: list[float | None] = field(default_factory=list)
    """objects/s, or MB/s (10^6) of data sets."""
    cpu: list[float | None] = field(default_factory=list)
    """Server CPU, microseconds per object."""
    peak_rss: int = 0
    base_rss: int = 0
    problems: list[str] = field(default_factory=list)

    @property
    def rate(self) -> float | None:
        """Median of the rounds that succeeded."""
        good = [rate for rate in self.rates if rate is not None]
        return median(good) if good else None

    def as_json(self) -> dict[str, Any]:
        """Return everything as plain values."""
        return {**asdict(self), "rate": self.rate}


def cells(
    workloads: Sequence[Workload],
    modes: Sequence[str],
    pdus: Sequence[int],
    storages: Sequence[str],
    tls: Sequence[bool],
) -> Iterator[Cell]:
    """Yield the cells of the matrix that make sense."""
    for workload in workloads:
        for secure in tls:
            if secure and workload.name not in TLS_WORKLOADS:
                continue
            for storage in storages:
                for mode in modes:
                    if not workload.stores and (mode != modes[0] or storage != storages[0]):
                        continue
                    for pdu in pdus:
                        yield Cell(workload, mode, pdu, storage, secure)


def storage_directory(storage: str, disk: Path | None = None) -> Path:
    """Return the directory for ``tmpfs`` or ``disk``."""
    if storage == "tmpfs":
        if not SHARED_MEMORY.is_dir():
            raise RuntimeError("no /dev/shm here")
        return SHARED_MEMORY
    path = disk or WORK / "out"
    path.mkdir(parents=True, exist_ok=True)
    return path


def check(result: LoadResult, shape: Shape, cell: Cell, server: Server) -> str:
    """Return what is wrong with a round, or an empty string."""
    if not result.complete(shape.total):
        return f"{result.objects}/{shape.total} responses, statuses {result.statuses}, {result.error}"
    if cell.mode == "ignore" or not cell.workload.stores:
        return ""
    count, size = server.stored()
    if count != shape.total:
        return f"{count} files of {shape.total} objects"
    if size < result.bytes:
        return f"{size} bytes stored of {result.bytes} sent"
    return ""


def run_cell(
    cell: Cell,
    targets: Sequence[Target],
    generator: Generator,
    *,
    rounds: int,
    quick: bool,
    disk: Path | None = None,
    extra: tuple[str, ...] = (),
) -> list[Measured]:
    """Start the receivers that can run *cell*, send *rounds* rounds to each in alternation, and stop them."""
    pair = certificate() if cell.tls else None
    if cell.tls and pair is None:
        raise RuntimeError("TLS runs need the openssl command")
    settings = Settings(cell.mode, cell.max_pdu, pair, extra)
    storage = storage_directory(cell.storage, disk)
    measured: list[Measured] = []
    servers: list[tuple[Server, Measured]] = []
    with ExitStack() as stack:
        for target in targets:
            if not target.supports(settings):
                continue
            entry = Measured(target.name)
            measured.append(entry)
            try:
                server = stack.enter_context(Server(target, settings, storage))
            except RuntimeError as error:
                entry.problems.append(str(error))
                continue
            entry.base_rss = server.after_start.rss
            warm_up(server, generator, tls=cell.tls)
            servers.append((server, entry))
        for number in range(rounds):
            for server, entry in servers[number % len(servers) :] + servers[: number % len(servers)]:
                _one_round(cell, server, entry, generator, quick)
    return measured


def _one_round(cell: Cell, server: Server, entry: Measured, generator: Generator, quick: bool) -> None:
    free = os.statvfs(server.directory)
    if free.f_bavail * free.f_frsize < RESERVE:
        raise RuntimeError(f"less than {RESERVE >> 30} GiB free for {server.directory}")
    before = server.usage().cpu
    result, shape = send(cell.workload, server, generator, max_pdu=cell.max_pdu, quick=quick, tls=cell.tls)
    used = server.usage()
    problem = check(result, shape, cell, server)
    server.clear()
    entry.peak_rss = max(entry.peak_rss, used.peak_rss)
    if problem:
        sys.stderr.write(f"{cell.title} {entry.target}: {problem}\n")
        entry.problems.append(problem)
        entry.rates.append(None)
        entry.cpu.append(None)
        return
    amount = result.bytes / 1e6 if cell.workload.unit == "MB/s" else shape.total
    entry.rates.append(amount / result.seconds)
    entry.cpu.append((used.cpu - before) * 1e6 / shape.total)
