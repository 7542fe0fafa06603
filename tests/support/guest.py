"""A Debian that boots under systemd-nspawn, from a root file system that it does not change.

The root file system is somebody else's to make and is named by `ROOT_VARIABLE`::

    debootstrap --variant=minbase --include=systemd,systemd-sysv,python3-venv bookworm DIRECTORY

With gcc, libc6-dev and python3-dev in it as well the installation compiles what it can. The guest has a network of
its own (loopback alone), so what pip wants is downloaded here and shown to it.
"""

from __future__ import annotations

import ctypes
import importlib.metadata
import os
import platform
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.support.server import ROOT

__all__ = ["ROOT_VARIABLE", "Guest", "until", "why_not"]

ROOT_VARIABLE = "DCMRECV_SYSTEMD_ROOT"

_CLONE_NEWNET = 0x40000000


def why_not() -> str | None:
    """Return what this machine lacks, None if a guest can be booted."""
    root = os.environ.get(ROOT_VARIABLE)
    if not root:
        return f"{ROOT_VARIABLE} names no root file system (tests/support/guest.py says how to make one)"
    if not (Path(root) / "usr/lib/systemd/systemd").exists():
        return f"{ROOT_VARIABLE}={root} has no systemd"
    if os.geteuid() != 0:
        return "only root can boot a guest"
    for name in ("systemd-nspawn", "nsenter"):
        if not shutil.which(name):
            return f"{name} is not installed"
    trial = subprocess.run([*_nspawn(root), "true"], stdin=subprocess.DEVNULL, capture_output=True, text=True)
    return f"systemd-nspawn: {trial.stderr.strip()}" if trial.returncode else None


def _nspawn(root: str) -> list[str]:
    return [
        *("systemd-nspawn", "--quiet", "--directory", root, "--volatile=overlay", "--private-network"),
        *("--register=no", "--keep-unit", f"--machine=dcmrecv-{os.getpid()}"),
    ]


def until(condition: Callable[[], bool], seconds: float = 60) -> None:
    """Wait for *condition*."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.1)


class Guest:
    """A booted guest, until `stop`."""

    def __init__(self, directory: Path) -> None:
        self._console = directory / "console"
        self._wheels = directory / "wheels"
        self._wheels.mkdir()
        with self._console.open("wb") as console:
            self._nspawn = subprocess.Popen(
                [*_nspawn(os.environ[ROOT_VARIABLE]), f"--bind-ro={self._wheels}:/wheels", "--boot"],
                stdin=subprocess.DEVNULL,
                stdout=console,
                stderr=subprocess.STDOUT,
            )
        try:
            until(self._has_booted, 90)
        except (RuntimeError, AssertionError):
            self.stop()
            raise RuntimeError(
                "the guest did not boot: " + self._console.read_text(errors="replace")
            ) from None

    def _has_booted(self) -> bool:
        if self._nspawn.poll() is not None:
            raise RuntimeError("systemd-nspawn has ended")
        pid = self._nspawn.pid
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        if not children:
            return False
        self._leader = children[0]
        return self.shell("systemctl is-system-running", check=False).stdout.strip() in (
            "running",
            "degraded",
        )

    def shell(
        self, script: str, *, check: bool = True, stdin: bytes | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Run *script* in the guest, as root in /root."""
        done = subprocess.run(
            ["nsenter", "--target", self._leader, "--all", "--", "sh", "-ec", f"cd /root\n{script}"],
            input=stdin,
            capture_output=True,
            timeout=300,
            env={"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LANG": "C.UTF-8"},
        )
        text = subprocess.CompletedProcess(
            done.args,
            done.returncode,
            done.stdout.decode(errors="replace"),
            done.stderr.decode(errors="replace"),
        )
        assert not check or done.returncode == 0, f"{script}\n{text.stdout}{text.stderr}"
        return text

    def path(self, name: str) -> Path:
        """Return where the guest's file *name* lies for us."""
        return Path(f"/proc/{self._leader}/root{name}")

    @contextmanager
    def network(self) -> Iterator[None]:
        """Within, sockets that this thread makes are of the guest's network."""
        libc = ctypes.CDLL(None, use_errno=True)
        with open("/proc/thread-self/ns/net") as own, open(f"/proc/{self._leader}/ns/net") as its:
            if libc.setns(its.fileno(), _CLONE_NEWNET):
                raise OSError(ctypes.get_errno(), "setns")
            try:
                yield
            finally:
                libc.setns(own.fileno(), _CLONE_NEWNET)

    def bring(self, commands: str) -> None:
        """Run *commands* in a clone of this repository, with a package index that has what pip will want."""
        version = self.shell(
            "python3 -c 'import sys; print(*sys.version_info[:2], sep=\".\")'"
        ).stdout.strip()
        wanted = [
            text.split(";")[0].strip()
            for text in importlib.metadata.requires("dcmrecv") or ()
            if "extra ==" not in text or "metrics" in text
        ]
        platforms = [f"manylinux{name}_{platform.machine()}" for name in ("2014", "_2_28", "_2_34")]
        subprocess.run(
            [
                *(sys.executable, "-m", "pip", "download", "--quiet", "--dest", str(self._wheels)),
                *("--only-binary", ":all:", "--python-version", version),
                *(word for name in platforms for word in ("--platform", name)),
                *("setuptools>=77.0.3", "cython>=3.1", *wanted),
            ],
            check=True,
            stdin=subprocess.DEVNULL,
        )
        files = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, stdout=subprocess.PIPE, check=True).stdout
        there = b"".join(
            name + b"\0" for name in files.split(b"\0") if name and (ROOT / os.fsdecode(name)).exists()
        )
        clone = subprocess.run(
            ["tar", "-c", "--null", "-T", "-"], cwd=ROOT, input=there, stdout=subprocess.PIPE, check=True
        ).stdout
        self.shell("mkdir clone && tar -x --no-same-owner -C clone", stdin=clone)
        self.shell("export PIP_NO_INDEX=1 PIP_FIND_LINKS=/wheels; cd clone\n" + commands)

    def stop(self) -> None:
        """Power off."""
        self._nspawn.terminate()  # systemd-nspawn asks for an orderly end
        try:
            self._nspawn.wait(60)
        except subprocess.TimeoutExpired:
            self._nspawn.kill()
            self._nspawn.wait()
