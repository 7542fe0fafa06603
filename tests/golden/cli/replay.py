"""Runs recorded command lines, one process each, without starting an interpreter for each.

Started once as a program, this loads the package and then forks for every case it reads as a line of JSON
from standard input; it answers with a line of JSON. A case: ``argv``, ``env`` (null: unset), ``files`` (name
to text or to ``{"text"|"base64"|"dir", "mode"}``), and optionally ``stdin``, ``starts``, ``user``,
``occupy``, ``cwd_mode``. ``$PORT`` and ``$CWD`` in them are replaced by a free port and the directory the
case runs in, and put back in what is observed.
"""

from __future__ import annotations

import base64
import contextlib
import importlib
import json
import os
import pkgutil
import shutil
import signal
import socket
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

PORTS = range(22000, 23000)
PATIENCE = 60.0
"""Seconds a case may take on a loaded machine before it counts as hanging."""
SETTLE = 3.0
"""Seconds to wait for the expected output of a server that already listens."""
NOBODY = 65534
_FOREIGN = ("LC_", "DCMTK_", "DCMDICT", "DCMICONV", "DCMRECV_", "TCP_")


def preload() -> None:
    """Load every module, so that a child without rights to read them needs no import."""
    import dcmrecv

    for module in pkgutil.walk_packages(dcmrecv.__path__, "dcmrecv."):
        if not module.name.endswith("__main__"):
            with contextlib.suppress(ImportError):
                importlib.import_module(module.name)
    importlib.import_module("dcmrecv.__main__")


def listening(port: int) -> bool:
    """Return whether somebody listens on *port*, without touching it."""
    wanted = f"{port:04X}"
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        with contextlib.suppress(OSError):
            for line in Path(table).read_text().splitlines()[1:]:
                fields = line.split()
                if fields[3] == "0A" and fields[1].rsplit(":", 1)[1] == wanted:
                    return True
    return False


class Ports:
    """Hands out free ports, beginning at a place that depends on the process."""

    def __init__(self) -> None:
        self._next = os.getpid() * 7 % len(PORTS)

    def take(self) -> int:
        for _ in PORTS:
            port = PORTS[self._next]
            self._next = (self._next + 1) % len(PORTS)
            with socket.socket() as probe, contextlib.suppress(OSError):
                probe.bind(("0.0.0.0", port))
                return port
        raise RuntimeError("no free port")


class Case:
    """One case being run in a directory of its own."""

    def __init__(self, case: dict[str, Any], port: int, directory: Path) -> None:
        self.case = case
        self.port = port
        self.directory = directory
        self.out = directory.parent / "stdout"
        self.err = directory.parent / "stderr"
        self.stdin = directory.parent / "stdin"

    def text(self, text: str) -> str:
        return text.replace("$PORT", str(self.port)).replace("$CWD", str(self.directory))

    def observed(self, path: Path) -> str:
        text = path.read_bytes().decode("utf-8", "backslashreplace")
        return text.replace(str(self.directory), "$CWD").replace(str(self.port), "$PORT")

    def prepare(self) -> None:
        for name, value in self.case["files"].items():
            path = self.directory / name
            path.parent.mkdir(parents=True, exist_ok=True)
            described = value if isinstance(value, dict) else {"text": value}
            if described.get("dir"):
                path.mkdir(exist_ok=True)
            elif "base64" in described:
                path.write_bytes(base64.b64decode(described["base64"]))
            else:
                path.write_bytes(self.text(described["text"]).encode())
            if "mode" in described:
                path.chmod(int(described["mode"], 8))
        self.stdin.write_bytes(self.text(self.case.get("stdin", "")).encode())
        for path in (self.out, self.err):
            path.write_bytes(b"")
        if self.case.get("user") == "nobody" and os.geteuid() == 0:
            for root, _, files in os.walk(self.directory):
                for name in (root, *(os.path.join(root, file) for file in files)):
                    os.chown(name, NOBODY, NOBODY)
        self.directory.chmod(int(self.case.get("cwd_mode", "755"), 8))

    def environment(self) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith(_FOREIGN)}
        kept.pop("LANG", None)
        kept.update(LC_ALL="C.UTF-8", HOME=str(self.directory))
        for name, value in self.case["env"].items():
            if value is None:
                kept.pop(name, None)
            else:
                kept[name] = self.text(value)
        return kept

    def become(self) -> None:
        """Be the program; does not return."""
        code = 99
        try:
            os.setsid()
            for path, descriptor, flags in (
                (self.stdin, 0, os.O_RDONLY),
                (self.out, 1, os.O_WRONLY | os.O_APPEND),
                (self.err, 2, os.O_WRONLY | os.O_APPEND),
            ):
                opened = os.open(path, flags)
                os.dup2(opened, descriptor)
                os.close(opened)
            os.chdir(self.directory)
            environment = self.environment()
            if self.case.get("user") == "nobody" and os.geteuid() == 0:
                os.setgroups([])
                os.setgid(NOBODY)
                os.setuid(NOBODY)
            os.environ.clear()
            os.environ.update(environment)
            sys.argv = ["dcmrecv", *(self.text(argument) for argument in self.case["argv"])]
            from dcmrecv.__main__ import main

            code = main()
        except BaseException:  # noqa: BLE001 - whatever it is belongs into the observed output
            import traceback

            os.write(2, traceback.format_exc().encode())
        finally:
            os._exit(code)

    def run(self) -> dict[str, Any]:
        expected = self.case["expect"]["stderr"]
        child = os.fork()
        if not child:
            self.become()
        heard, note, status = False, "", None
        end = time.monotonic() + PATIENCE
        pause = 0.001
        while status is None:
            pid, raw = os.waitpid(child, os.WNOHANG)
            if pid:
                status = os.waitstatus_to_exitcode(raw)
                break
            if not self.case.get("occupy") and listening(self.port):
                heard = True
                settle = time.monotonic() + SETTLE
                while self.observed(self.err) != expected and time.monotonic() < settle:
                    time.sleep(0.01)
                # Output beyond the expected would come at once, and the handlers are there by then.
                time.sleep(0.02)
                os.kill(child, signal.SIGTERM)
            elif time.monotonic() > end:
                note = "neither listened nor finished"
                os.kill(child, signal.SIGKILL)
            if heard or note:
                status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
                break
            time.sleep(pause)
            pause = min(pause * 1.5, 0.05)
        return {
            "rc": status,
            "stdout": self.observed(self.out),
            "stderr": self.observed(self.err),
            "listened": heard,
            "note": note,
        }


def run(case: dict[str, Any], ports: Ports) -> dict[str, Any]:
    """Run one case and clean up behind it."""
    port = ports.take()
    base = Path(tempfile.mkdtemp(prefix="dcmrecv-cli-")).resolve()
    base.chmod(0o755)
    directory = base / "cwd"
    directory.mkdir()
    occupied = None
    try:
        prepared = Case(case, port, directory)
        prepared.prepare()
        if case.get("occupy"):
            occupied = socket.socket()
            occupied.bind(("0.0.0.0" if case["occupy"] == "any" else "127.0.0.1", port))
            occupied.listen(1)
        return prepared.run()
    finally:
        if occupied is not None:
            occupied.close()
        for root, _, _ in os.walk(base):
            os.chmod(root, 0o755)
        shutil.rmtree(base)


def main() -> None:
    """Serve cases until standard input ends."""
    preload()
    ports = Ports()
    for line in sys.stdin:
        print(json.dumps(run(json.loads(line), ports)), flush=True)


if __name__ == "__main__":
    main()
