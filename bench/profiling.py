"""Where the receiver's time goes: cProfile over all its threads, perf, or the count of system calls.

The server runs in a child process, so that the load generator does not share its interpreter lock.
"""

from __future__ import annotations

import argparse
import contextlib
import cProfile
import io
import os
import pstats
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any

from bench.generator import Generator, LoadResult
from bench.run import storage_directory
from bench.stats import significant
from bench.targets import Server, Settings, Target, all_targets, certificate
from bench.workloads import BY_NAME, send

__all__ = ["run"]

DUMP_SECONDS = 10.0


class _Collected(cProfile.Profile):
    """What a running profile has so far, in the shape `pstats.Stats` takes; the profile is not stopped."""

    def __init__(self, profile: cProfile.Profile) -> None:
        super().__init__()
        profile.snapshot_stats()
        self.stats: dict[Any, Any] = profile.__dict__["stats"]

    def create_stats(self) -> None:
        """Nothing to do: they are collected."""


class _AllThreads:
    """Profiles every thread that starts after `install`, each with its own cProfile."""

    def __init__(self) -> None:
        self.profiles: list[cProfile.Profile] = []
        self.lock = threading.Lock()

    def install(self) -> None:
        """Profile this thread and those to come."""
        threading.setprofile(self._first_event)
        self._enable()

    def _first_event(self, frame: FrameType, event: str, argument: Any) -> None:
        self._enable()

    def _enable(self) -> None:
        if sys.version_info >= (3, 12) and self.profiles:
            return  # from 3.12 on, one profiler sees all threads and only one may be active
        profile = cProfile.Profile()
        with self.lock:
            self.profiles.append(profile)
        profile.enable()

    def save(self, path: str) -> None:
        """Write the sum of all threads in the format of pstats."""
        with self.lock:
            profiles = list(self.profiles)
        total: pstats.Stats | None = None
        for profile in profiles:
            collected = _Collected(profile)
            if not collected.stats:
                continue
            if total is None:
                total = pstats.Stats(collected)
            else:
                total.add(collected)
        if total is not None:
            total.dump_stats(path + ".new")
            os.replace(path + ".new", path)


def _child(arguments: list[str]) -> int:
    """Run the receiver under the profiler; the first line on the pipe (its descriptor is given) saves."""
    descriptor, path, *rest = arguments
    profiles = _AllThreads()

    def save_when_asked() -> None:
        with os.fdopen(int(descriptor)) as pipe:
            pipe.readline()
        profiles.save(path)

    threading.Thread(target=save_when_asked, daemon=True).start()
    profiles.install()
    sys.argv = ["dcmrecv", *rest]
    main: Callable[[], int] = __import__("dcmrecv.__main__", fromlist=["main"]).main
    return main()


def _with_cprofile(options: argparse.Namespace, load: Callable[[Server], LoadResult], mode: Settings) -> str:
    with tempfile.TemporaryDirectory() as directory:
        output = Path(directory) / "profile"
        reader, writer = os.pipe()
        os.set_inheritable(reader, True)
        command = (sys.executable, "-m", "bench.profiling", str(reader), str(output))
        target = Target("profiled", "dcmtk", command, ours=True)
        storage = storage_directory("tmpfs")
        with os.fdopen(writer, "w") as pipe, Server(target, mode, storage, inherit=(reader,)) as server:
            os.close(reader)
            load(server)
            pipe.write("\n")
            pipe.flush()
            end = time.monotonic() + DUMP_SECONDS
            while not output.exists() and time.monotonic() < end:
                time.sleep(0.02)
        if not output.exists():
            return "no profile was written\n"
        if options.json:
            shutil.copy(output, options.json.with_suffix(".pstats"))
        text = io.StringIO()
        stats = pstats.Stats(str(output), stream=text)
        stats.sort_stats("tottime").print_stats(options.lines)
        stats.sort_stats("cumulative").print_stats(options.lines)
        return text.getvalue()


def _with_tool(tool: str, load: Callable[[Server], LoadResult], server: Server) -> str:
    if shutil.which(tool) is None:
        return f"{tool} is not installed\n"
    with tempfile.TemporaryDirectory() as directory:
        output = Path(directory) / tool
        pid = str(server.process.pid)
        if tool == "strace":
            command = ["strace", "-f", "-c", "-o", str(output), "-p", pid]
        else:
            command = ["perf", "record", "-q", "-F", "999", "-g", "-o", str(output), "-p", pid]
        tracer = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        time.sleep(0.7)
        load(server)
        tracer.send_signal(2)
        _, errors = tracer.communicate(timeout=60)
        if not output.exists():
            return errors.decode(errors="replace")
        if tool == "strace":
            return output.read_text()
        report = ["perf", "report", "--stdio", "--no-children", "-g", "none", "-i", str(output)]
        done = subprocess.run(report, capture_output=True, text=True, check=False)
        return done.stdout


def run(options: argparse.Namespace) -> int:
    """Profile the receiver while the generator loads it, and print the top lines; return the exit status."""
    generator = Generator(pure_python=options.pure_python)
    secure = options.tls == ["tls"]
    for name in options.only or ["W1"]:
        for mode in options.modes or ["normal"]:
            max_pdu = int(options.pdu[0])
            settings = Settings(
                mode, max_pdu, certificate() if secure else None, tuple(options.extra.split())
            )

            def load(server: Server, name: str = name, max_pdu: int = max_pdu) -> LoadResult:
                result, shape = send(
                    BY_NAME[name], server, generator, max_pdu=max_pdu, quick=options.quick, tls=secure
                )
                rate = significant(shape.total / result.seconds)
                sys.stdout.write(f"{name}: {result.objects} of {shape.total} objects, {rate}/s (profiled)\n")
                if result.error:
                    sys.stdout.write(f"{result.error}\n")
                return result

            sys.stdout.write(f"== {name} {mode} {max_pdu}{' TLS' if secure else ''}, {options.tool} ==\n")
            if options.tool == "cprofile":
                sys.stdout.write(_with_cprofile(options, load, settings))
                continue
            found = [target for target in all_targets(ours=options.dcmrecv) if target.ours]
            if options.targets:
                found = all_targets(ours=options.dcmrecv, wanted=options.targets)
            for target in found:
                with Server(target, settings, storage_directory("tmpfs")) as server:
                    text = _with_tool(options.tool, load, server)
                lines = [line for line in text.splitlines() if line.strip() and not line.startswith("#")]
                sys.stdout.write("\n".join([f"-- {target.name}", *lines[: options.lines * 2]]) + "\n")
    generator.close()
    return 0


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        sys.exit(_child(sys.argv[1:]))
