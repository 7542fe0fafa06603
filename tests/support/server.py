"""Start the real program in a process of its own and talk about what it did."""

from __future__ import annotations

import collections
import contextlib
import itertools
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType

from tests.support.programs import STRICT

__all__ = ["ROOT", "START_SECONDS", "RunningServer", "free_port", "is_listening"]

ROOT = Path(__file__).resolve().parents[2]
START_SECONDS = 60.0
LINE_SECONDS = 20.0


_FIRST_PORT, _PORTS_PER_WORKER = 12000, 1000
_numbers = itertools.count(os.getpid() * 37 % _PORTS_PER_WORKER)
_claims: collections.deque[int] = collections.deque()
_CLAIMS = 200


def _claim(port: int) -> bool:
    """Reserve *port* among all test runs on this machine until 200 others were chosen or this process ends."""
    claim = socket.socket(socket.AF_UNIX)
    try:
        claim.bind(f"\0dcmrecv-test-port-{port}")  # an abstract name: nothing remains of it
    except OSError:
        claim.close()
        return False
    _claims.append(claim.detach())
    if len(_claims) > _CLAIMS:
        os.close(_claims.popleft())
    return True


def free_port() -> int:
    """Return a port that nobody listens on and that no other process of tests will choose.

    The ports lie below those the system hands out by itself.
    """
    worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")) % 16
    while True:
        port = _FIRST_PORT + worker * _PORTS_PER_WORKER + next(_numbers) % _PORTS_PER_WORKER
        if not _claim(port):
            continue
        with socket.socket() as probe:
            try:
                probe.bind(("0.0.0.0", port))
            except OSError:
                continue
            return port


def is_listening(port: int) -> bool:
    """Look into the kernel's table, so that the probe is no connection the server would see."""
    wanted = f":{port:04X}"
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        with open(table) as lines:
            for line in lines:
                fields = line.split()
                if fields[3] == "0A" and fields[1].endswith(wanted):
                    return True
    return False


class RunningServer:
    """``dcmrecv PORT OPTIONS -od DIRECTORY`` as a context manager; standard error goes to a file."""

    def __init__(
        self,
        directory: Path,
        options: Sequence[str] = ("-xf", "storescp.cfg", "default"),
        *,
        environment: dict[str, str] | None = None,
        log: Path | None = None,
        output: bool = True,
        separate_output: Path | None = None,
    ) -> None:
        """*separate_output*: where standard output goes, if not to the log as well."""
        self.directory = directory
        self.port = free_port()
        self._log_path = log or directory.parent / f"{directory.name}.log"
        self._output_path = separate_output or self._log_path
        self._options = list(options)
        if output:
            self._options += ["-od", str(directory)]
        self._environment = {**os.environ, **(environment or {})}
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def command(self) -> list[str]:
        return [sys.executable, *STRICT, "-m", "dcmrecv", *self._options, str(self.port)]

    @property
    def log(self) -> str:
        """Everything written to standard error so far."""
        return self._log_path.read_text("utf-8", "surrogateescape")

    def logged(self, text: str, times: int = 1) -> bool:
        """Wait until *text* is in the log, so many *times*; return False if it does not come.

        The peer often knows of an end before the line about it is written.
        """
        end = time.monotonic() + LINE_SECONDS
        while self.log.count(text) < times:
            if time.monotonic() > end:
                return False
            time.sleep(0.01)
        return True

    def stored(self) -> list[Path]:
        """Files in the output directory, hidden ones included, sorted by path."""
        return sorted(path for path in self.directory.rglob("*") if path.is_file())

    def start(self) -> RunningServer:
        self.directory.mkdir(parents=True, exist_ok=True)
        with (
            self._log_path.open("ab") as log,
            self._output_path.open("ab") as output,
            socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager,
        ):
            manager.bind("")  # an abstract name that the system chooses
            manager.settimeout(0.1)
            name = manager.getsockname().decode().replace("\0", "@")
            self.process = subprocess.Popen(
                self.command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=log,
                env={"NOTIFY_SOCKET": name, **self._environment},
                cwd=self.directory.parent,
            )
            end = time.monotonic() + START_SECONDS
            while not self._is_ready(manager):
                assert self.process.poll() is None, f"the server ended: {self.log}"
                assert time.monotonic() < end, f"the server does not serve: {self.log}"
        return self

    def _is_ready(self, manager: socket.socket) -> bool:
        """Wait a moment for the word that connections are served; without a manager of ours, look at the port.

        Connections that come before wait, which would disturb what a test measures.
        """
        if "NOTIFY_SOCKET" in self._environment:
            time.sleep(0.01)
            return is_listening(self.port)
        with contextlib.suppress(TimeoutError):
            return b"READY=1" in manager.recv(4096)
        return False

    def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        """End the server; return what `subprocess` calls its return code."""
        assert self.process is not None
        if self.process.poll() is None:
            self.process.send_signal(number)
        return self.process.wait(30)

    def resident(self) -> int:
        """Peak resident memory so far, bytes."""
        assert self.process is not None
        with open(f"/proc/{self.process.pid}/status") as lines:
            for line in lines:
                if line.startswith("VmHWM:"):
                    return int(line.split()[1]) * 1024
        raise AssertionError("no VmHWM")

    def __enter__(self) -> RunningServer:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.process is not None and self.process.poll() is None:
            self.process.kill()
            self.process.wait(10)
