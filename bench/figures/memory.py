"""Memory of an idle association, and of transfers."""

from __future__ import annotations

import argparse
import socket
import time

from bench.generator import HOST, Generator
from bench.plan import store_plan
from bench.run import storage_directory
from bench.targets import Server, Settings, all_targets
from bench.workloads import data_sets, plan

__all__ = ["memory"]


def _associate(port: int, request: bytes) -> socket.socket:
    peer = socket.create_connection((HOST, port), timeout=20)
    peer.sendall(request)
    if peer.recv(65536)[:1] != b"\x02":
        peer.close()
        raise RuntimeError("no A-ASSOCIATE-AC")
    return peer


def memory(options: argparse.Namespace) -> tuple[str, list[list[list[str]]]]:
    """Return resident memory: after the start, with --count idle associations, peak with large objects."""
    count = options.count or 100
    generator = Generator(pure_python=options.pure_python)
    huge = plan("W4", 16384, options.quick)
    large = store_plan(data_sets("W3", options.quick), 16384)
    rows = [
        [
            "receiver",
            "mode",
            "started, MiB",
            f"{count} idle, KiB each",
            "peak, one huge object, MiB",
            "peak, 8 × 50 MB at a time, MiB",
        ]
    ]
    targets = all_targets(
        ours=options.dcmrecv,
        reference=options.reference,
        dictionary=options.reference_dictionary,
        wanted=options.targets or ("debian-nd", "reference-nd", "pynetdicom", "dcmrecv"),
    )
    for target in targets:
        for mode in options.modes or ("normal", "bit"):
            settings = Settings(mode)
            if not target.supports(settings):
                continue
            peaks = []
            for connections, what in ((1, huge), (8, large)):
                with Server(target, settings, storage_directory("tmpfs")) as server:
                    generator.run(what, server.port, connections=connections)
                    peaks.append(server.usage().peak_rss / 2**20)
            with Server(target, settings, storage_directory("tmpfs")) as server:
                started = server.usage().rss
                idle = _idle(server, huge.request, started, count)
            rows.append(
                [target.name, mode, f"{started / 2**20:.0f}", idle, *(f"{peak:.0f}" for peak in peaks)]
            )
    generator.close()
    return "Memory", [rows]


def _idle(server: Server, request: bytes, started: int, count: int) -> str:
    """Return KiB per idle association; "one at a time" for a receiver that serves only one."""
    peers: list[socket.socket] = []
    try:
        first = _associate(server.port, request)
        peers.append(first)
        second = socket.create_connection((HOST, server.port), timeout=2)
        peers.append(second)
        second.sendall(request)
        try:
            second.recv(65536)
        except TimeoutError:
            return "one at a time"
        while len(peers) < count:
            try:
                peers.append(_associate(server.port, request))
            except (RuntimeError, OSError):
                break  # a receiver with a limit of its own: what it accepted is measured
        time.sleep(0.5)
        each = (server.usage().rss - started) / len(peers) / 1024
        return f"{each:.0f}" + ("" if len(peers) == count else f" ({len(peers)} at most)")
    finally:
        for peer in peers:
            peer.close()
