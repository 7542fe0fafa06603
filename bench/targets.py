"""The receivers that are compared, and how each is started."""

from __future__ import annotations

import importlib.util
import os
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from bench.generator import WORK, build_native
from bench.process import Usage, free_port, usage, wait_listening

__all__ = [
    "MODES",
    "Certificate",
    "Server",
    "Settings",
    "Target",
    "all_targets",
    "certificate",
    "profile_file",
]

MODES = ("normal", "bit", "ignore")
MODE_OPTIONS = {"normal": ["-B"], "bit": ["+B"], "ignore": ["--ignore"]}
START_SECONDS = 30.0
STOP_SECONDS = 15.0
REPOSITORY = Path(__file__).resolve().parent.parent


@dataclass(frozen=True)
class Certificate:
    """A private key and its self-signed certificate (PEM)."""

    key: Path
    certificate: Path


@dataclass(frozen=True)
class Settings:
    """How a receiver is to run."""

    mode: str = "normal"
    max_pdu: int = 16384
    tls: Certificate | None = None
    extra: tuple[str, ...] = ()
    """Further options, for targets with the DCMTK command line."""


@dataclass(frozen=True)
class Target:
    """One receiver. `kind` selects the command line: dcmtk, pynetdicom, handler or sink."""

    name: str
    kind: str
    command: tuple[str, ...]
    environment: dict[str, str] = field(default_factory=dict)
    stalls: bool = False
    """Answers with Nagle's algorithm on: some 44 ms per message, so fewer objects are sent."""
    slow: bool = False
    """Takes milliseconds for a small object, so fewer are sent."""
    ours: bool = False
    extra: tuple[str, ...] = ()

    def supports(self, settings: Settings) -> bool:
        """True if the receiver can run so."""
        if self.kind == "handler":
            return settings.tls is None and settings.mode == "bit"  # what came, as it came
        if self.kind == "pynetdicom":
            return settings.tls is None and settings.mode != "bit"
        return self.kind != "sink" or settings.tls is None or (WORK / "sink.tls").read_text() == "True"

    def arguments(self, port: int, directory: Path, settings: Settings) -> list[str]:
        """Return the whole command."""
        if self.kind == "sink":
            where = "-" if settings.mode == "ignore" else str(directory)
            keys = [str(settings.tls.key), str(settings.tls.certificate)] if settings.tls else []
            return [*self.command, str(port), where, *keys]
        if self.kind == "pynetdicom":
            ignore = ["--ignore"] if settings.mode == "ignore" else []
            options = ["-od", str(directory), "--max-pdu", str(settings.max_pdu), *ignore]
            return [*self.command, *options, str(port)]
        if self.kind == "handler":
            return [*self.command, "--max-pdu", str(settings.max_pdu), str(directory), str(port)]
        options = [
            "-xf",
            str(profile_file()),
            "Default",
            "-od",
            str(directory),
            "-pdu",
            str(settings.max_pdu),
        ]
        options += MODE_OPTIONS[settings.mode]
        if settings.tls:
            options += ["+tls", str(settings.tls.key), str(settings.tls.certificate), "-ic"]
        return [*self.command, *options, *settings.extra, *self.extra, str(port)]


class Server:
    """A started target; a context manager that stops it and removes what it stored."""

    def __init__(
        self,
        target: Target,
        settings: Settings,
        storage: Path,
        *,
        output: Path | None = None,
        inherit: tuple[int, ...] = (),
        start_seconds: float = START_SECONDS,
    ) -> None:
        self.target = target
        self.settings = settings
        self.directory = Path(tempfile.mkdtemp(prefix=f"bench-{target.name}-", dir=storage))
        self.port = free_port()
        environment = {name: value for name, value in os.environ.items() if name != "TCP_NODELAY"}
        environment.update(target.environment)
        self.log = (output or Path(os.devnull)).open("wb")
        self.errors = tempfile.TemporaryFile()  # noqa: SIM115 -- closed in stop
        start = time.monotonic()
        self.process = subprocess.Popen(
            target.arguments(self.port, self.directory, settings),
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=self.log,
            stderr=self.log if output else self.errors,
            start_new_session=True,
            pass_fds=inherit,
        )
        if not self._wait_ready(start_seconds):
            self.errors.seek(0)
            text = self.errors.read(2000).decode(errors="replace").strip()
            self.stop()
            raise RuntimeError(f"{target.name} does not listen: {text}")
        self.seconds_to_listen = time.monotonic() - start
        self.after_start = usage(self.process.pid)

    def _wait_ready(self, seconds: float) -> bool:
        end = time.monotonic() + seconds
        while time.monotonic() < end and self.process.poll() is None:
            if wait_listening(self.port, 0.25):
                return True
        return False

    def usage(self) -> Usage:
        """Return what the server uses now."""
        return usage(self.process.pid)

    def stored(self) -> tuple[int, int]:
        """Return number and bytes of the stored files; hidden (temporary) names do not count."""
        count = size = 0
        for entry in self.directory.rglob("*"):
            if entry.is_file() and not entry.name.startswith("."):
                count += 1
                size += entry.stat().st_size
        return count, size

    def clear(self) -> None:
        """Remove what was stored."""
        for entry in self.directory.iterdir():
            if entry.is_dir():
                shutil.rmtree(entry)
            else:
                entry.unlink()

    def stop(self) -> None:
        """End the server's process group and remove its directory."""
        for number in (signal.SIGTERM, signal.SIGKILL):
            if self.process.poll() is not None:
                break
            os.killpg(self.process.pid, number)
            try:
                self.process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                continue
        self.process.wait()
        self.log.close()
        self.errors.close()
        shutil.rmtree(self.directory, ignore_errors=True)

    def __enter__(self) -> Server:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()


def profile_file() -> Path:
    """Return the association profile file that all share, an installed one first: old references read it."""
    installed = Path("/etc/dcmtk/storescp.cfg")
    return installed if installed.is_file() else REPOSITORY / "data/storescp.cfg"


def certificate() -> Certificate | None:
    """Return a certificate for the TLS runs, made once with the openssl command; None without it."""
    pair = Certificate(WORK / "key.pem", WORK / "certificate.pem")
    if pair.certificate.exists():
        return pair
    if shutil.which("openssl") is None:
        return None
    WORK.mkdir(exist_ok=True)
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "3650", "-subj"]
    command += ["/CN=localhost", "-keyout", str(pair.key), "-out", str(pair.certificate)]
    subprocess.run(command, check=True, capture_output=True)
    return pair


def _is_elf(path: str) -> bool:
    with open(path, "rb") as file:
        return file.read(4) == b"\x7fELF"


def _debian() -> str | None:
    for directory in os.get_exec_path():
        path = Path(directory) / "dcmrecv"
        if path.is_file() and os.access(path, os.X_OK) and _is_elf(str(path)):
            return str(path)
    return None


def _ours(command: str | None) -> tuple[str, ...] | None:
    if command:
        return tuple(shlex.split(command))
    beside = Path(sys.executable).parent / "dcmrecv"
    if beside.is_file() and not _is_elf(str(beside)):
        return (str(beside),)
    found = shutil.which("dcmrecv")
    if found and not _is_elf(found):
        return (found,)
    if importlib.util.find_spec("dcmrecv.__main__"):
        return (sys.executable, "-m", "dcmrecv")
    return None


def all_targets(
    *,
    ours: str | None = None,
    reference: str | None = None,
    dictionary: str | None = None,
    wanted: Sequence[str] = (),
) -> list[Target]:
    """Return the receivers found here, in the order of the tables.

    *ours* is a command; *reference* the path of a further reference binary, *dictionary* its DCMDICTPATH;
    *wanted* names the targets to keep (all but the handlers if empty).
    """
    found: list[Target] = []
    debian = _debian()
    binaries: list[tuple[str, str | None, dict[str, str]]] = [("debian", debian, {})]
    binaries.append(("reference", reference, {"DCMDICTPATH": dictionary} if dictionary else {}))
    for name, path, environment in binaries:
        if path:
            found.append(Target(name, "dcmtk", (path,), environment, stalls=True))
            found.append(Target(f"{name}-nd", "dcmtk", (path,), {**environment, "TCP_NODELAY": "1"}))
    if importlib.util.find_spec("pynetdicom"):
        found.append(
            Target("pynetdicom", "pynetdicom", (sys.executable, "-m", "pynetdicom", "storescp"), slow=True)
        )
        program = (sys.executable, "-m", "bench.handler")
        found.append(Target("handler-pynetdicom", "handler", (*program, "pynetdicom"), slow=True))
        if importlib.util.find_spec("dcmrecv"):
            found.append(Target("handler-dcmrecv", "handler", (*program, "dcmrecv")))
    sink = build_native("sink")
    if sink:
        found.append(Target("limit", "sink", (str(sink),)))
    command = _ours(ours)
    if command:
        found.append(Target("dcmrecv", "dcmtk", command, ours=True))
    return [target for target in found if (target.name in wanted if wanted else target.kind != "handler")]
