"""Instructions per object, counted by valgrind's callgrind: a guard against slow creep.

    python3 -m bench.instructions            count, and compare with what is recorded in instructions.json
    python3 -m bench.instructions --record   count, and record it

Unlike seconds, instructions do not depend on what else the machine does: two counts of one program differ by
less than 1 %. The whole program is counted, user space only, while the load generator sends. A count is that of
one interpreter and one C compiler; `probe` counts the interpreter alone, so that another one is noticed, and then
there is nothing to compare with. Waiting and system calls cost no instructions here: this is no substitute for
``python3 -m bench`` on a quiet machine.
"""

from __future__ import annotations

import argparse
import json
import platform
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from bench.generator import Generator
from bench.process import usage
from bench.report import format_table
from bench.run import storage_directory
from bench.targets import Server, Settings, Target
from bench.workloads import plan
from dcmrecv.compiled import compiled_modules

__all__ = ["compare", "main"]

RECORD = Path(__file__).with_name("instructions.json")
TOLERANCE = 0.08
"""What a count may exceed the recorded one by; where the garbage collector runs and how a read is cut moves it."""
PROBE_TOLERANCE = 0.002
ATTEMPTS = 3
PROBE = "for i in range(200000): str(i)"
MAX_PDU = 16384
OBJECTS = {
    "W1": (1, 200),
    "W2": (1, 30),
    "W5": (50, 1),
    "W7": (1, 400),
    "W8": (1, 2),
    "W10": (1, 200),
    "W11": (1, 30),
    "W12": (1, 44),
}
"""By workload: associations, and objects in each."""
WARM_UP = 10
"""Objects before the count: what comes with the first ones (caches of the interpreter) is none of theirs."""
QUIET_SECONDS = 1.0
"""How long the program must use no processor before the count: it loads pynetdicom while it serves already."""
IDLE_CPU_SECONDS = 0.03
LOADING_SECONDS = 120


def _valgrind(*options: str) -> list[str]:
    program = shutil.which("valgrind")
    if program is None or shutil.which("callgrind_control") is None:
        raise RuntimeError("valgrind is not installed")
    return [program, "--tool=callgrind", *options]


def _total(path: Path) -> int:
    """Return the instructions that the callgrind file *path* holds."""
    found = re.search(r"^(?:totals|summary): (\d+)", path.read_text(errors="replace"), re.MULTILINE)
    if found is None:
        raise RuntimeError(f"no total in {path}")
    return int(found[1])


def probe() -> int:
    """Return the instructions that this interpreter takes for a fixed piece of work."""
    with tempfile.TemporaryDirectory() as directory:
        out = Path(directory) / "probe"
        command = [*_valgrind(f"--callgrind-out-file={out}"), sys.executable, "-S", "-c", PROBE]
        subprocess.run(command, check=True, capture_output=True, env={"PYTHONHASHSEED": "0"})
        return _total(out)


class _Counted:
    """The program, running under callgrind with its files in *directory*."""

    def __init__(self, mode: str, directory: Path) -> None:
        self.directory = directory
        self.dumps = 0
        command = (*_valgrind(f"--callgrind-out-file={directory}/counts"), sys.executable, "-m", "dcmrecv")
        self.server = Server(
            Target("counted", "dcmtk", command, {"PYTHONHASHSEED": "0"}, ours=True),
            Settings(mode, MAX_PDU),
            storage_directory("tmpfs"),
            start_seconds=300,
        )

    def _control(self, option: str) -> None:
        command = ["callgrind_control", option, str(self.server.process.pid)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode or "OK" not in done.stdout:
            raise RuntimeError(f"callgrind_control {option}: {done.stdout}{done.stderr}".strip())

    def _wait_until_idle(self) -> None:
        """Return when the program has used no processor for `QUIET_SECONDS`.

        Raises:
            RuntimeError: it still works after `LOADING_SECONDS`.
        """
        deadline = time.monotonic() + LOADING_SECONDS
        before = -1.0
        while (now := usage(self.server.process.pid).cpu) > before + IDLE_CPU_SECONDS:
            if time.monotonic() > deadline:
                raise RuntimeError(f"the program does not come to rest within {LOADING_SECONDS} s")
            before = now
            time.sleep(QUIET_SECONDS)

    def count(self, name: str, generator: Generator) -> float:
        """Return the instructions for each object of the workload *name*."""
        associations, objects = OBJECTS[name]
        messages = plan(name, MAX_PDU, True)
        for warm, many, each in (
            (True, 1, WARM_UP if objects > WARM_UP else 2),
            (False, associations, objects),
        ):
            if not warm:
                self._wait_until_idle()
                self._control("-z")
            result = generator.run(messages, self.server.port, associations=many, objects=each, timeout=600)
            if not result.complete(many * each):
                raise RuntimeError(f"{name}: {result.statuses} {result.error}")
            self.server.clear()
        self._control("-d")
        self.dumps += 1
        return _total(self.directory / f"counts.{self.dumps}") / (associations * objects)


def counts(names: Sequence[str], modes: Sequence[str]) -> Iterator[tuple[str, int]]:
    """Yield row names and instructions per object.

    callgrind_control interrupts system calls of the program in ways that no kernel does; if it does not survive that,
    the rest is counted with another one.
    """
    generator = Generator()
    try:
        for mode in modes:
            left = [name for name in names if name != "W7" or mode == modes[0]]
            for attempt in range(ATTEMPTS):
                try:
                    for name, count in _counts(left, mode, generator):
                        yield f"{name} {mode}", count
                        left = left[left.index(name) + 1 :]
                    break
                except RuntimeError as error:
                    if attempt == ATTEMPTS - 1:
                        raise
                    sys.stderr.write(f"{error}; counting again\n")
    finally:
        generator.close()


def _counts(names: Sequence[str], mode: str, generator: Generator) -> Iterator[tuple[str, int]]:
    with tempfile.TemporaryDirectory() as directory:
        counted = _Counted(mode, Path(directory))
        with counted.server:
            for name in names:
                yield name, round(counted.count(name, generator))


def compare(found: dict[str, int], recorded: dict[str, int]) -> tuple[list[list[str]], list[str]]:
    """Return the table and the names of the rows that exceed what is recorded by more than `TOLERANCE`."""
    rows = [["instructions per object", "recorded", "now", "now ÷ recorded"]]
    worse = []
    for name, count in found.items():
        before = recorded.get(name)
        ratio = count / before if before else None
        if ratio is not None and ratio > 1 + TOLERANCE:
            worse.append(name)
        known = [f"{before:,}" if before else "–", f"{count:,}", f"{ratio:.3f}" if ratio else "–"]
        rows.append([name, *known])
    return rows, worse


def main(arguments: Sequence[str] | None = None) -> int:
    """Count, compare or record; return the exit status."""
    parser = argparse.ArgumentParser(prog="python3 -m bench.instructions", description=__doc__)
    parser.add_argument("--record", action="store_true", help="write the figures to instructions.json")
    parser.add_argument("--only", default=",".join(OBJECTS), help="workloads, e.g. W1,W10")
    parser.add_argument("--modes", default="normal,bit")
    options = parser.parse_args(arguments)
    form = "compiled" if compiled_modules() else "uncompiled"
    version = ".".join(platform.python_version_tuple()[:2])
    key = f"{platform.python_implementation()} {version} {platform.machine()}"
    record = json.loads(RECORD.read_text()) if RECORD.exists() else {}
    entry = record.get(key, {})
    interpreter = probe()
    if not options.record and entry and abs(interpreter / entry["probe"] - 1) > PROBE_TOLERANCE:
        sys.stdout.write(
            f"another interpreter: its probe takes {interpreter / entry['probe']:.3f} of the recorded one\n"
        )
        entry = {}
    found = dict(counts(options.only.split(","), options.modes.split(",")))
    rows, worse = compare(found, entry.get(form, {}))
    sys.stdout.write(f"{key}, {form}, probe {interpreter:,}\n{format_table(rows, markdown=False)}")
    if options.record:
        if entry.get("probe") != interpreter:
            entry = {"probe": interpreter}
        record[key] = {**entry, form: {**entry.get(form, {}), **found}}
        RECORD.write_text(json.dumps(record, indent=1) + "\n")
        return 0
    if not entry.get(form):
        sys.stdout.write("nothing is recorded for this interpreter: nothing to compare with\n")
    for name in worse:
        sys.stdout.write(f"{name}: more than {TOLERANCE:.0%} above what is recorded\n")
    return 1 if worse else 0


if __name__ == "__main__":
    sys.exit(main())
