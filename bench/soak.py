"""``python3 -m bench.soak``: hostile peers of all kinds at once, some minutes long, beside one good sender.

Prints, every few seconds, the good sender's time for an association with one small object (median and worst), and the
receiver's memory, descriptors and threads; at the end the ratio to the time alone. Every kind of peer runs in a
process of its own. ``--kinds busy`` measures fairness alone, ``--prlimit`` what happens where the system is small.
"""

from __future__ import annotations

import argparse
import contextlib
import multiprocessing
import os
import resource
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Sequence
from pathlib import Path

from bench.dicom import associate_request, c_echo_request, c_store_request, element, fragment
from bench.process import free_port, usage, wait_listening

CT = b"1.2.840.10008.5.1.4.1.1.2"
VERIFICATION = b"1.2.840.10008.1.1"
EXPLICIT = b"1.2.840.10008.1.2.1"
REQUEST = associate_request([(1, CT, [EXPLICIT]), (3, VERIFICATION, [b"1.2.840.10008.1.2"])])
RELEASE = bytes.fromhex("05000000000400000000")
ABORT = bytes.fromhex("07000000000400000000")
DATA_SET = element(0x00080016, b"UI", CT + b"\0") + element(0x7FE00010, b"OW", bytes(8000))


def connect(port: int) -> socket.socket:
    peer = socket.create_connection(("127.0.0.1", port), timeout=60)
    peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return peer


def read_pdu(peer: socket.socket) -> bytes:
    data = b""
    while len(data) < 6 or len(data) < 6 + int.from_bytes(data[2:6], "big"):
        more = peer.recv(1 << 16)
        if not more:
            raise ConnectionError("closed")
        data += more
    return data


def associate(port: int) -> socket.socket:
    peer = connect(port)
    peer.sendall(REQUEST)
    if read_pdu(peer)[0] != 2:
        raise ConnectionError("not accepted")
    return peer


def good(port: int, number: int) -> float:
    """Store one small object on an association of its own; return the seconds it took."""
    instance = b"1.2.3.%d" % number
    start = time.perf_counter()
    with associate(port) as peer:
        command = fragment(1, c_store_request(1, CT, instance), command=True, last=True)
        peer.sendall(command + fragment(1, DATA_SET, command=False, last=True))
        if read_pdu(peer)[0] != 4:
            raise ConnectionError("not stored")
        peer.sendall(RELEASE)
        read_pdu(peer)
    return time.perf_counter() - start


# -- hostile peers: each is called again and again, and may raise OSError --------------------------------


def hold(port: int, data: bytes, count: int, seconds: float = 20) -> None:
    """Open *count* connections, send *data* on each, and say no more."""
    peers = []
    try:
        for _ in range(count):
            peers.append(connect(port))
            peers[-1].sendall(data)
        time.sleep(seconds)
    finally:
        for peer in peers:
            peer.close()


def silent(port: int) -> None:
    hold(port, b"", 200)


def half_a_request(port: int) -> None:
    hold(port, b"\1\0" + (1 << 20).to_bytes(4, "big") + bytes(400_000), 60)


def released_but_open(port: int) -> None:
    hold(port, REQUEST + RELEASE, 100)


def other_protocol(port: int) -> None:
    with connect(port) as peer:
        peer.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        peer.recv(1000)


def bare(port: int) -> None:
    connect(port).close()


def dripping(port: int) -> None:
    peers = [connect(port) for _ in range(20)]
    try:
        for position in range(len(REQUEST)):
            for peer in peers:
                peer.sendall(REQUEST[position : position + 1])
            time.sleep(0.2)
    finally:
        for peer in peers:
            peer.close()


def cut_off(port: int) -> None:
    with associate(port) as peer:
        peer.sendall(fragment(1, c_store_request(1, CT, b"1.2.9"), command=True, last=True))
        peer.sendall(fragment(1, DATA_SET[:4000], command=False, last=False) + ABORT)


def echoes(port: int) -> None:
    with associate(port) as peer:
        for _ in range(200):
            peer.sendall(fragment(3, c_echo_request(1), command=True, last=True))
            read_pdu(peer)


def nested(port: int) -> None:
    """Sequences inside sequences, 20,000 deep."""
    deep = (
        bytes.fromhex("08001011") + b"SQ\0\0" + b"\xff" * 4 + bytes.fromhex("feff00e0") + b"\xff" * 4
    ) * 20_000
    send_object(port, deep)


def send_object(port: int, data_set: bytes) -> None:
    with associate(port) as peer:
        peer.sendall(fragment(1, c_store_request(1, CT, b"1.2.8"), command=True, last=True))
        for start in range(0, len(data_set), 16_000):
            peer.sendall(fragment(1, data_set[start : start + 16_000], command=False, last=False))
        peer.sendall(ABORT)


TINY = fragment(
    1,
    b"".join(element(0x00110000 | 0x1000 + n, b"LO", b"x ") for n in range(1000)),
    command=False,
    last=False,
)
EMPTY = fragment(1, b"", command=False, last=False)


def busy(port: int, data: bytes, count: int = 10, seconds: float = 20) -> None:
    """Send *data* on *count* associations, as part of a data set without an end, as fast as it is taken."""
    peers = [associate(port) for _ in range(count)]
    end = time.monotonic() + seconds
    try:
        for peer in peers:
            peer.sendall(fragment(1, c_store_request(1, CT, b"1.2.7"), command=True, last=True))
            peer.setblocking(False)
        left = [data] * count
        while time.monotonic() < end:
            idle = True
            for number, peer in enumerate(peers):
                with contextlib.suppress(BlockingIOError):
                    sent = peer.send(left[number])
                    left[number] = left[number][sent:] or data
                    idle = False
            if idle:
                time.sleep(0.001)
    finally:
        for peer in peers:
            peer.close()


def tiny_elements(port: int) -> None:
    busy(port, TINY * 8)


def empty_pdvs(port: int) -> None:
    busy(port, EMPTY * 8000)


KINDS: dict[str, Callable[[int], None]] = {
    one.__name__: one
    for one in (
        silent,
        half_a_request,
        released_but_open,
        other_protocol,
        bare,
        dripping,
        cut_off,
        echoes,
        nested,
        tiny_elements,
        empty_pdvs,
    )
}
GROUPS = {"all": list(KINDS), "busy": ["tiny_elements", "empty_pdvs"]}


def hostile(kind: str, port: int) -> None:
    """Be a hostile peer until killed."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    os.nice(15)  # in earnest they are on other machines
    while True:
        with contextlib.suppress(OSError):
            KINDS[kind](port)
        time.sleep(0.01)


def healthy(port: int) -> str:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz", timeout=10) as answer:
            return str(answer.status)
    except OSError as error:
        return type(error).__name__


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python3 -m bench.soak", description=__doc__)
    parser.add_argument("--seconds", type=float, default=180, help="length (default 180)")
    parser.add_argument("--interval", type=float, default=10, help="seconds between two lines (default 10)")
    parser.add_argument("--kinds", default="all", help=f"{', '.join([*GROUPS, *KINDS])}; separated by commas")
    parser.add_argument("--prlimit", default="", help="e.g. nofile=256,nproc=60,as=300000000")
    parser.add_argument("options", nargs="*", help="further options of the receiver, after --")
    return parser.parse_args(arguments)


def limit(limits: str) -> None:
    for word in limits.split(",") if limits else ():
        name, value = word.split("=")
        resource.setrlimit(getattr(resource, f"RLIMIT_{name.upper()}"), (int(value), int(value)))


def sample(port: int, seconds: float, first: int) -> tuple[list[float], int]:
    """Be the good sender for so many seconds; return the time of each association and the number of failures."""
    times, failures = [], 0
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            times.append(good(port, (first + len(times)) % 1000))
        except OSError:
            failures += 1
        time.sleep(0.05)
    return times, failures


def show(label: str, times: list[float], failures: int, pid: int, health: str) -> None:
    now = usage(pid)
    median = statistics.median(times) * 1000 if times else float("nan")
    worst = max(times) * 1000 if times else float("nan")
    print(
        f"{label:>8} {len(times):6} {median:9.1f} {worst:9.1f} {failures:6} {now.rss >> 20:6} "
        f"{now.descriptors:6} {now.threads:6}  {health}",
        flush=True,
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the soak; return 0 if the good sender was always served and the receiver ended as it was told."""
    chosen = parse(arguments)
    kinds = [kind for word in chosen.kinds.split(",") for kind in GROUPS.get(word, [word])]
    port, metrics = free_port(), free_port()
    with tempfile.TemporaryDirectory() as directory, Path(directory, "log").open("wb") as log:
        command = [
            sys.executable,
            "-m",
            "dcmrecv",
            str(port),
            "-xf",
            "storescp.cfg",
            "default",
            "-od",
            directory,
        ]
        receiver = subprocess.Popen(
            [*command, "--metrics-port", str(metrics), *chosen.options],
            stderr=log,
            preexec_fn=lambda: limit(chosen.prlimit),
        )
        peers = []
        try:
            if not wait_listening(port, 30):
                raise SystemExit(f"the receiver does not listen: {Path(log.name).read_text()}")
            print("    time objects    median     worst failed    MiB  descr threads  health   (ms)")
            good(port, 0)
            alone, failed = sample(port, min(chosen.interval, 5), 0)
            show("alone", alone, failed, receiver.pid, healthy(metrics))
            for kind in kinds:
                peers.append(multiprocessing.Process(target=hostile, args=(kind, port), daemon=True))
                peers[-1].start()
            beside: list[float] = []
            start = time.monotonic()
            while time.monotonic() - start < chosen.seconds and receiver.poll() is None:
                times, failures = sample(port, chosen.interval, len(beside))
                beside += times
                failed += failures
                show(f"{time.monotonic() - start:.0f} s", times, failures, receiver.pid, healthy(metrics))
            for peer in peers:
                peer.kill()
                peer.join()
            time.sleep(2)
            after, failures = sample(port, min(chosen.interval, 5), 0)
            show("after", after, failures, receiver.pid, healthy(metrics))
        finally:
            for peer in peers:
                peer.kill()
            receiver.send_signal(signal.SIGTERM)
            try:
                code = receiver.wait(60)
            except subprocess.TimeoutExpired:
                receiver.kill()
                code = receiver.wait()
        errors = Path(directory, "log").read_text(errors="replace").count("nternal error")
    ratio = statistics.median(beside) / statistics.median(alone) if beside and alone else float("nan")
    print(f"median beside {len(kinds)} kinds: {ratio:.1f} times that alone")
    print(f"{failed} failed; internal errors: {errors}; ended with {code}")
    return int(bool(failed or errors or code != -signal.SIGTERM))


if __name__ == "__main__":
    sys.exit(main())
