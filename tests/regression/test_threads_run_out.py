"""No more threads to be had (``ulimit -u``, ``TasksMax``): at the start, beside a long association, for host names.

A thread limit was a traceback at the start; met later it left the receiver deaf as long as the one running
association lasted, and cost a peer whose name was looked up its association.

The limit counts the tasks of a user, and root has none. So the receiver runs as a user of its own here.
"""

from __future__ import annotations

import contextlib
import os
import resource
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.support.rawscu import CT_IMAGE, Association, element
from tests.support.server import free_port

pytestmark = pytest.mark.skipif(
    os.geteuid() != 0 or shutil.which("setpriv") is None,
    reason="needs root, to count the tasks of another user",
)

DATA_SET = element(0x0008, 0x0018, b"1.2.3\0") + element(0x7FE0, 0x0010, bytes(20_000))
FIRST_USER = 210_000
TASKS = 70


class Program:
    """The receiver as a user of its own, with the tasks it may have."""

    def __init__(self, directory: Path, user: int) -> None:
        self.directory = directory
        self.user = user
        self.port = free_port()
        self.log = directory / "log"
        self.out = directory / "out"

    def run(self, tasks: int, command: Sequence[str], **streams: Any) -> subprocess.Popen[bytes]:
        """Run *command* as the user, who may have so many tasks."""
        hard = resource.getrlimit(resource.RLIMIT_NPROC)[1]
        setpriv = [
            "setpriv",
            f"--ruid={self.user}",  # whose tasks are counted; files are root's as before
            "--keep-groups",
            "--bounding-set=-sys_admin,-sys_resource",
        ]
        return subprocess.Popen(
            [*setpriv, sys.executable, *command],
            preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NPROC, (tasks, hard)),
            **streams,
        )

    def start(self, tasks: int, options: Sequence[str]) -> subprocess.Popen[bytes]:
        self.out.mkdir()
        os.chown(self.out, self.user, self.user)
        command = ["-m", "dcmrecv", *options, "-od", str(self.out), str(self.port)]
        with self.log.open("ab") as log:
            return self.run(tasks, command, stderr=log)

    def says(self, text: str) -> None:
        end = time.monotonic() + 30
        while text not in self.log.read_text():
            assert time.monotonic() < end
            time.sleep(0.1)

    @contextmanager
    def shortage(self, tasks: int) -> Iterator[None]:
        """Take all the tasks that are left of so many."""
        with self.run(tasks, ["-c", HOG], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as hog:
            assert hog.stdout is not None
            assert hog.stdout.readline() == b"taken\n"
            try:
                yield
            finally:
                assert hog.stdin is not None
                hog.stdin.close()


HOG = """
import os, select, signal, sys, time
taken, reported = [], False
while not select.select([sys.stdin], [], [], 0.0005)[0]:
    try:
        while True:
            pid = os.fork()
            if not pid:
                time.sleep(600)
                os._exit(0)
            taken.append(pid)
    except OSError:
        if not reported:
            print("taken", flush=True)
        reported = True
for pid in taken:
    os.kill(pid, signal.SIGKILL)
"""


@pytest.fixture
def program(tmp_path: Path) -> Program:
    for path in (tmp_path, *tmp_path.parents):  # access(2) asks for the rights of the real user
        if path.stat().st_mode & 0o777 == 0o700:
            path.chmod(0o711)
    return Program(tmp_path, FIRST_USER + os.getpid() % 10_000)


@contextmanager
def running(process: subprocess.Popen[bytes]) -> Iterator[subprocess.Popen[bytes]]:
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def store(port: int, instance: str, seconds: float = 30) -> float:
    """Store an object as soon as somebody serves us; return how long that took."""
    start = time.monotonic()
    while True:
        try:
            with Association(port, CT_IMAGE) as peer:
                assert peer.store(instance, DATA_SET) == 0
                peer.release()
                return time.monotonic() - start
        except OSError:
            assert time.monotonic() - start < seconds
            time.sleep(0.05)


PROFILE = ("-xf", "storescp.cfg", "default", "-v")


def test_at_the_start(program: Program) -> None:
    """A clear line and a code for which a service manager tries again."""
    with running(program.start(1, PROFILE)) as process:
        assert process.wait(30) == 70
    log = program.log.read_text()
    assert "Traceback" not in log
    assert "F: the system gives no thread to serve connections" in log


def test_beside_an_association_that_lasts(program: Program) -> None:
    with running(program.start(TASKS, PROFILE)) as process:
        store(program.port, "1.2.1")
        with Association(program.port, CT_IMAGE) as lasting:
            with program.shortage(TASKS):
                waiting = []
                for _ in range(30):  # takes all the threads that wait
                    peer = socket.create_connection(("127.0.0.1", program.port), timeout=10)
                    waiting.append(peer)
                program.says("Short of threads")
                assert lasting.store("1.2.2", DATA_SET) == 0
            assert store(program.port, "1.2.3") < 10  # while all the others are still there
            assert lasting.store("1.2.4", DATA_SET) == 0
            for peer in waiting:
                peer.close()
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == -signal.SIGTERM
    assert len(list(program.out.iterdir())) == 4


def test_a_small_limit_serves_for_ever(program: Program) -> None:
    """Idle threads do not hold it, nor does a name that cannot be looked up cost an association."""
    with running(program.start(18, PROFILE)) as process:
        store(program.port, "1.2.1")
        peers = []
        for _ in range(40):
            with contextlib.suppress(OSError):
                peers.append(socket.create_connection(("127.0.0.1", program.port), timeout=10))
        time.sleep(1)
        for peer in peers:
            peer.close()
        for number in range(20):
            assert store(program.port, f"1.2.3.{number}") < 10
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == -signal.SIGTERM
    assert "nternal error" not in program.log.read_text()
    assert len(list(program.out.iterdir())) == 21


def test_workers_that_cannot_be_forked(program: Program) -> None:
    with running(program.start(TASKS, (*PROFILE, "--workers", "2"))) as process:
        store(program.port, "1.2.1")
        with open(f"/proc/{process.pid}/task/{process.pid}/children") as children:
            first, second = (int(pid) for pid in children.read().split())
        with program.shortage(TASKS):
            os.kill(first, signal.SIGKILL)
            program.says("cannot be started")
            for number in range(5):  # the other one serves
                assert store(program.port, f"1.2.3.{number}") < 10
        program.says("runs again")
        os.kill(second, signal.SIGKILL)
        assert store(program.port, "1.2.4") < 10
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == -signal.SIGTERM
    log = program.log.read_text()
    assert f"(pid {first}) was ended by signal SIGKILL; it is replaced" in log
    assert "cannot be started, which is tried again: Resource temporarily unavailable" in log
