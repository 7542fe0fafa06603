"""W1 to W13: what is sent, how often, and how much of it to slow receivers."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from bench import dicom
from bench.generator import WORK, Generator, LoadResult
from bench.objects import INSTANCE_PREFIX, SERIAL_WIDTH, DataSet, ct_image, implicit_ct_image, multi_frame
from bench.plan import Plan, echo_plan, store_plan
from bench.study import study_mix
from bench.targets import Server, Target

__all__ = ["BY_NAME", "WORKLOADS", "Shape", "Workload", "data_sets", "plan", "send", "warm_up"]

MIB = 1 << 20


@dataclass(frozen=True)
class Shape:
    """How many connections at a time, associations in each, objects in each association."""

    connections: int
    associations: int
    objects: int

    @property
    def total(self) -> int:
        """All objects."""
        return self.connections * self.associations * self.objects

    def at_most(self, total: int) -> Shape:
        """Return the shape with at most about *total* objects, connections kept."""
        if total >= self.total:
            return self
        per = max(1, total // self.connections)
        if self.associations > 1:
            return Shape(self.connections, max(1, per // self.objects), self.objects)
        return Shape(self.connections, 1, per)


@dataclass(frozen=True)
class Workload:
    """One row of the tables. `client` is the name of a DCMTK client, or empty for the generator."""

    name: str
    title: str
    shape: Shape
    quick: Shape
    unit: str = "objects/s"
    client: str = ""

    @property
    def stores(self) -> bool:
        """False for C-ECHO."""
        return self.name != "W7"


WORKLOADS = (
    Workload("W1", "2,000 × 8 KB", Shape(1, 1, 2000), Shape(1, 1, 2000)),
    Workload("W2", "1,000 × 512 KB CT, 200 elements", Shape(1, 1, 1000), Shape(1, 1, 400)),
    Workload("W3", "20 × 50 MB", Shape(1, 1, 20), Shape(1, 1, 8), "MB/s"),
    Workload("W4", "one 1 GB object", Shape(1, 1, 1), Shape(1, 1, 1), "MB/s"),
    Workload("W5", "500 associations × one 8 KB object", Shape(1, 500, 1), Shape(1, 500, 1)),
    Workload("W6", "8 concurrent associations of W2 / 4", Shape(8, 1, 250), Shape(8, 1, 80)),
    Workload("W7", "C-ECHO", Shape(1, 1, 10000), Shape(1, 1, 10000), "echoes/s"),
    Workload("W8", "3 MB multi-frame, 50,000 nested elements", Shape(1, 1, 40), Shape(1, 1, 16)),
    Workload("W9s", "200 CT of 39 KB by storescu", Shape(1, 1, 200), Shape(1, 1, 40), client="storescu"),
    Workload("W9d", "200 CT of 39 KB by dcmsend", Shape(1, 1, 200), Shape(1, 1, 40), client="dcmsend"),
    Workload("W10", "W1 in implicit VR", Shape(1, 1, 2000), Shape(1, 1, 2000)),
    Workload("W11", "W2 in implicit VR", Shape(1, 1, 1000), Shape(1, 1, 400)),
    Workload("W12", "a study of 22 kinds of real objects", Shape(1, 1, 1100), Shape(1, 1, 440)),
    Workload("W13", "8 concurrent associations of W1", Shape(8, 1, 1000), Shape(8, 1, 500)),
)
BY_NAME = {workload.name: workload for workload in WORKLOADS}

STALLED_OBJECTS = 40
"""Objects sent to receivers that stall on every message: the rate is the same, the wait is not."""
SLOW_OBJECTS = 300


@cache
def data_sets(name: str, quick: bool) -> tuple[DataSet, ...]:
    """Return the objects that a workload sends in turn."""
    if name in ("W1", "W5", "W13"):
        return tuple(ct_image(8192, 60 + count) for count in range(3))
    if name in ("W2", "W6"):
        return tuple(ct_image(512 * 1024 + 2 * count, 200) for count in range(3))
    if name == "W3":
        return (ct_image(50 * MIB, 80),)
    if name == "W4":
        return (ct_image(512 * MIB if quick else 1024 * MIB, 80),)
    if name == "W8":
        return (multi_frame(3 * MIB, 50_000),)
    if name == "W10":
        return tuple(implicit_ct_image(8192, 60 + count) for count in range(3))
    if name == "W11":
        return tuple(implicit_ct_image(512 * 1024 + 2 * count, 200) for count in range(3))
    if name == "W12":
        return study_mix()
    return (ct_image(39 * 1024, 80),)


@cache
def plan(name: str, max_pdu: int, quick: bool) -> Plan:
    """Return the encoded association of a workload."""
    return echo_plan() if name == "W7" else store_plan(data_sets(name, quick), max_pdu)


def effective_shape(workload: Workload, target: Target, quick: bool) -> Shape:
    """Return how much is sent to *target*."""
    shape = workload.quick if quick else workload.shape
    if workload.client or workload.name in ("W3", "W4"):
        return shape
    if target.stalls:
        return shape.at_most(STALLED_OBJECTS)
    return shape.at_most(SLOW_OBJECTS) if target.slow else shape


def send(
    workload: Workload, server: Server, generator: Generator, *, max_pdu: int, quick: bool, tls: bool
) -> tuple[LoadResult, Shape]:
    """Send one round of *workload* to *server*."""
    shape = effective_shape(workload, server.target, quick)
    if workload.client:
        return _send_with_client(workload.client, server, shape), shape
    result = generator.run(
        plan(workload.name, max_pdu, quick),
        server.port,
        connections=shape.connections,
        associations=shape.associations,
        objects=shape.objects,
        tls=tls,
    )
    return result, shape


@cache
def warm_up(server: Server, generator: Generator, *, tls: bool) -> None:
    """Let *server* receive one small object: what comes with the start is measured elsewhere."""
    generator.run(
        plan("W1", server.settings.max_pdu, False),
        server.port,
        connections=1,
        associations=1,
        objects=1,
        tls=tls,
    )
    server.clear()


def _client_files(count: int) -> Path:
    """Write *count* CT files of 39 KB and return their directory."""
    directory = WORK / f"ct-{count}"
    shutil.rmtree(directory, ignore_errors=True)
    directory.mkdir(parents=True)
    data_set = data_sets("W9s", False)[0]
    encoded = data_set.encoded()
    template = INSTANCE_PREFIX + b"0" * SERIAL_WIDTH
    for serial in range(count):
        instance = INSTANCE_PREFIX + b"%0*d" % (SERIAL_WIDTH, serial)
        content = encoded.replace(template, instance, 1)
        (directory / f"{serial:05}.dcm").write_bytes(dicom.part10(data_set.sop_class, instance, content))
    return directory


# pynetdicom installs commands called like DCMTK's beside this interpreter; DCMTK's are meant
_SYSTEM_PATH = os.pathsep.join(
    place
    for place in os.environ.get("PATH", os.defpath).split(os.pathsep)
    if Path(place) != Path(sys.executable).parent
)


def _send_with_client(client: str, server: Server, shape: Shape) -> LoadResult:
    program = shutil.which(client, path=_SYSTEM_PATH)
    if program is None:
        raise RuntimeError(f"{client} is not installed")
    directory = _client_files(shape.total)
    start = time.monotonic()
    done = subprocess.run(
        [program, "127.0.0.1", str(server.port), "+sd", str(directory)],
        capture_output=True,
        text=True,
        check=False,
    )
    seconds = time.monotonic() - start
    size = data_sets("W9s", False)[0].size
    failed = done.returncode != 0
    lines = done.stderr.strip().splitlines()
    error = lines[-1] if failed and lines else ""
    good = 0 if failed else shape.total
    return LoadResult(seconds, 1, good, good * size, int(failed), {"0000": good} if good else {}, error)
