"""Starts that fail: the reference's message and exit code, and nothing half-started."""

from __future__ import annotations

import socket
import subprocess
import sys
from pathlib import Path

BANNER = "$dcmtk: dcmrecv v3.6.8 2023-12-19 $\n\ndcmrecv: Simple DICOM storage SCP (receiver)\n"


def start(*arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "dcmrecv", *arguments], capture_output=True, text=True, timeout=60, cwd=cwd
    )


def test_unknown_option(tmp_path: Path) -> None:
    done = start("--nonsense", "11112", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == BANNER + "error: Unknown option --nonsense\n"


def test_missing_profile_file(tmp_path: Path) -> None:
    done = start("11112", "-xf", "no.cfg", "default", cwd=tmp_path)
    assert done.returncode == 66
    assert (
        "F: cannot load association configuration: unable to open configuration file: no.cfg" in done.stderr
    )


def test_missing_profile(tmp_path: Path) -> None:
    done = start("11112", "-xf", "storescp.cfg", "nobody", cwd=tmp_path)
    assert done.returncode == 66
    assert 'No association profile named "nobody"' in done.stderr


def test_missing_output_directory(tmp_path: Path) -> None:
    done = start("11112", "-od", "missing", cwd=tmp_path)
    assert done.returncode == 45
    assert done.stderr.endswith("F: cannot specify output directory: Directory does not exist\n")


def test_busy_port(tmp_path: Path) -> None:
    with socket.socket() as other:
        other.bind(("0.0.0.0", 0))
        other.listen()
        port = other.getsockname()[1]
        done = start(str(port), cwd=tmp_path)
    assert done.returncode == 64
    assert done.stderr.endswith(
        f"F: cannot start SCP and listen on port {port}: TCP Initialization Error: Address already in use\n"
    )
