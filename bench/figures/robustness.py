"""Peers that stall, and very many peers."""

from __future__ import annotations

import argparse
import contextlib
import socket
import ssl
import struct
import sys
import threading
import time
from collections.abc import Sequence

from bench.generator import HOST, Generator
from bench.plan import Plan, echo_plan
from bench.run import storage_directory
from bench.stats import significant
from bench.targets import Server, Settings, Target, all_targets, certificate
from bench.workloads import plan, warm_up

__all__ = ["Stallers", "endurance", "stall"]

DRIP_SECONDS = 0.5
GOOD_OBJECTS = 500
GIVE_UP_SECONDS = 10
Table = list[list[str]]


def client_hello() -> bytes:
    """Return a TLS ClientHello record."""
    context = ssl.create_default_context()
    outgoing = ssl.MemoryBIO()
    peer = context.wrap_bio(ssl.MemoryBIO(), outgoing, server_hostname="localhost")
    with contextlib.suppress(ssl.SSLWantReadError):
        peer.do_handshake()
    return outgoing.read()


class Stallers:
    """Peers that hold a connection open without doing anything useful; a context manager.

    A third is silent after the connect, a third drips *opening* (an A-ASSOCIATE-RQ or a ClientHello) byte by
    byte, a third sends one of *halves* at once and no more. Connects do not wait: a receiver that accepts
    nobody leaves them in its queue.
    """

    def __init__(self, port: int, count: int, opening: bytes, halves: Sequence[bytes]) -> None:
        self.opening = opening
        self.sockets: list[socket.socket] = []
        self.dripping: list[socket.socket] = []
        self.stopped = threading.Event()
        self.thread = threading.Thread(target=self._drip)
        for _ in range(count):
            peer = socket.socket()
            peer.setblocking(False)
            peer.connect_ex((HOST, port))
            self.sockets.append(peer)
        time.sleep(0.2)
        self.dripping = self.sockets[1::3]
        for number, peer in enumerate(self.sockets[2::3]):
            with contextlib.suppress(OSError):
                peer.send(halves[number % len(halves)])

    def _drip(self) -> None:
        at = 0
        while not self.stopped.wait(DRIP_SECONDS):
            for peer in list(self.dripping):
                try:
                    peer.send(self.opening[at : at + 1])
                except OSError:
                    self.dripping.remove(peer)
            at += 1

    def __enter__(self) -> Stallers:
        self.thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stopped.set()
        self.thread.join()
        for peer in self.sockets:
            peer.close()


def _targets(options: argparse.Namespace, default: tuple[str, ...]) -> list[Target]:
    return all_targets(
        ours=options.dcmrecv,
        reference=options.reference,
        dictionary=options.reference_dictionary,
        wanted=options.targets or default,
    )


def stall(options: argparse.Namespace) -> tuple[str, list[Table]]:
    """Return the good sender's time alone and beside stalled peers, plain and TLS."""
    count = options.count or 100
    good = plan("W1", 16384, quick=False)
    generator = Generator(pure_python=options.pure_python)
    rows = [
        ["receiver", "transport", "alone, s", f"beside {count}, s", "slowest object alone, ms", "beside, ms"]
    ]
    transports = [None, certificate()] if certificate() else [None]
    for target in _targets(options, ("debian-nd", "reference-nd", "dcmrecv")):
        for pair in transports:
            settings = Settings(tls=pair)
            if not target.supports(settings):
                continue
            with Server(target, settings, storage_directory("tmpfs")) as server:
                rows.append(
                    [target.name, "TLS" if pair else "plain", *_stall_row(server, generator, good, count)]
                )
    generator.close()
    return f"{GOOD_OBJECTS} objects of 8 KB beside {count} stalled peers", [rows]


def _stall_row(server: Server, generator: Generator, good: Plan, count: int) -> list[str]:
    tls = server.settings.tls is not None
    warm_up(server, generator, tls=tls)
    alone = generator.run(good, server.port, objects=GOOD_OBJECTS, tls=tls)
    opening = client_hello() if tls else good.request
    halves = [opening[:200]]
    if not tls:
        pdv = struct.pack(">BBIIBB", 4, 0, 106, 102, 1, 1) + bytes(20)
        halves = [good.request + b"\x04\0\0", good.request + pdv, good.request]
    with Stallers(server.port, count, opening, halves):
        time.sleep(0.5)
        beside = generator.run(
            good, server.port, objects=GOOD_OBJECTS, first=GOOD_OBJECTS, timeout=GIVE_UP_SECONDS, tls=tls
        )
    blocked = not beside.complete(GOOD_OBJECTS)
    return [
        significant(alone.seconds),
        f"blocked (> {GIVE_UP_SECONDS})" if blocked else significant(beside.seconds),
        significant(alone.message["max"] * 1000),
        "–" if blocked else significant(beside.message["max"] * 1000),
    ]


def endurance(options: argparse.Namespace) -> tuple[str, list[Table]]:
    """Return memory, descriptors, threads over --count associations with an echo and as many connects."""
    count = options.count or (2_000 if options.quick else 100_000)
    steps = 10
    generator = Generator(pure_python=options.pure_python)
    echo = echo_plan()
    tables = []
    for target in _targets(options, ("dcmrecv",)):
        rows = [["done", "associations", "bare connects", "RSS KiB", "descriptors", "threads", "per second"]]
        with Server(target, Settings(), storage_directory("tmpfs")) as server:
            done = bare = 0
            rows.append(_sample(f"{target.name} start", server, 0, 0, 0.0))
            for objects in (1, -1):
                for step in range(1, steps + 1):
                    size = count * step // steps - count * (step - 1) // steps
                    per = max(1, size // 4)
                    result = generator.run(
                        echo, server.port, connections=4, associations=per, objects=objects, timeout=30
                    )
                    if result.errors:
                        sys.stderr.write(f"{target.name}: {result.errors} errors: {result.error}\n")
                    if objects == 1:
                        done += result.associations
                    else:
                        bare += result.associations
                    time.sleep(0.2)
                    rate = 4 * per / result.seconds
                    rows.append(_sample(f"{step * 100 // steps} %", server, done, bare, rate))
        tables.append(rows)
    generator.close()
    return f"Endurance: {count:,} associations with an echo, {count:,} bare connects", tables


def _sample(title: str, server: Server, done: int, bare: int, rate: float) -> list[str]:
    now = server.usage()
    numbers = [f"{done:,}", f"{bare:,}", f"{now.rss // 1024:,}", str(now.descriptors), str(now.threads)]
    return [title, *numbers, significant(rate or None)]
