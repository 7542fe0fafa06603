"""Runs the fuzz targets and tests of the compiled modules with AddressSanitizer and UndefinedBehaviorSanitizer.

    python -m tests.fuzz.sanitized [--seconds N] [pytest arguments]

The modules are compiled anew, with gcc's sanitizers, into a directory of their own, beside a copy of the package.
An access outside a buffer, an overflow of a signed number or a shift too far ends the run at once. The interpreter
is the usual one: its allocator is switched off (PYTHONMALLOC) so that every block is guarded; what it keeps until its
end counts as no leak.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from pathlib import Path

__all__ = ["main"]

ROOT = Path(__file__).parents[2]
TESTS = (
    "tests/fuzz",
    "tests/wire",
    "tests/unit/core",
    "tests/unit/dataset",
    "tests/unit/server/test_association.py",
    "tests/unit/server/test_gil_gate.py",
    "tests/unit/server/test_transport.py",
    "tests/unit/storage",
    "tests/unit/test_memory.py",
)
"""Those of every compiled module."""
TARGETS = ("tests.fuzz.fuzz_core", "tests.fuzz.fuzz_data_set")
FLAGS = "-O1 -g -fno-omit-frame-pointer -fsanitize=address,undefined -fno-sanitize-recover=all"
CHECK = (
    "import importlib; from dcmrecv.compiled import MODULES; "
    "files = [importlib.import_module(name).__file__ for name in MODULES]; print(*files); "
    "assert all(file.startswith({directory!r}) and file.endswith('.so') for file in files), files"
)


def _build(directory: Path) -> None:
    environment = {
        **os.environ,
        "CFLAGS": FLAGS,
        "LDFLAGS": "-fsanitize=address,undefined",
        "DCMRECV_COMPILE": "1",
    }
    subprocess.run(
        [sys.executable, "setup.py", "-q", "build", "--build-lib", str(directory)],
        cwd=ROOT,
        env=environment,
        check=True,
    )


def _environment(directory: Path) -> dict[str, str]:
    """Return the environment in which the interpreter loads the sanitizers first and the package from *directory*."""
    libraries = [
        subprocess.run(
            ["gcc", f"-print-file-name={name}"], capture_output=True, text=True, check=True
        ).stdout.strip()
        for name in ("libasan.so", "libubsan.so")
    ]
    variables = {name: value for name, value in os.environ.items() if name != "DCMRECV_PURE"}
    return {
        **variables,
        "LD_PRELOAD": " ".join(libraries),
        "ASAN_OPTIONS": "detect_leaks=0:abort_on_error=1:detect_stack_use_after_return=1:allocator_may_return_null=1",
        "UBSAN_OPTIONS": "print_stacktrace=1:halt_on_error=1",
        "PYTHONMALLOC": "malloc",
        "PYTHONPATH": os.pathsep.join([str(directory), str(ROOT)]),
    }


def main() -> int:
    """Build, run, and return an exit status."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz.sanitized", description=__doc__)
    parser.add_argument("--seconds", type=float, default=20, help="for each fuzz target (default 20)")
    options, tests = parser.parse_known_args()
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        _build(directory)
        environment = _environment(directory)
        commands = [["-c", CHECK.format(directory=name)], ["-m", "pytest", "-q", *(tests or TESTS)]]
        commands += [["-m", target, "--seconds", str(options.seconds)] for target in TARGETS]
        for command in commands:
            done = subprocess.run([sys.executable, *command], cwd=ROOT, env=environment, check=False)
            if done.returncode:
                return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
