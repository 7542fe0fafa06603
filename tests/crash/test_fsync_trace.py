"""``--fsync`` as the system sees it: write, fsync, rename, fsync of the directory, and only then the response."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import time
from pathlib import Path

import pytest

from tests.support.rawscu import CT_IMAGE, Association, element
from tests.support.server import RunningServer

DATA_SET = element(0x0008, 0x0016, CT_IMAGE.encode()) + element(0x7FE0, 0x0010, bytes(50_000))
CALLS = "openat,writev,pwrite64,fsync,fdatasync,rename,renameat,renameat2,link,linkat,sendto,mkdirat"


@pytest.mark.parametrize("options", [(), ("+B",), ("+fsu",), ("+ssd",)], ids=["normal", "bit", "fsu", "ssd"])
def test_the_response_comes_last(tmp_path: Path, options: tuple[str, ...]) -> None:
    strace = shutil.which("strace")
    if strace is None:
        reason = "strace is not installed (apt-get install strace)"
        if os.environ.get("DCMRECV_REQUIRE_CLIENTS"):
            pytest.fail(reason)
        pytest.skip(reason)
    trace = tmp_path / "trace"
    with RunningServer(tmp_path / "out", ["-xf", "storescp.cfg", "default", "--fsync", *options]) as server:
        assert server.process is not None
        tracer = subprocess.Popen(
            [strace, "-f", "-y", "-o", str(trace), "-e", f"trace={CALLS}", "-p", str(server.process.pid)],
            stderr=subprocess.PIPE,
            text=True,
        )
        try:
            assert tracer.stderr is not None
            line = tracer.stderr.readline()
            if "attached" not in line:
                pytest.skip(f"strace may not attach here: {line.strip()}")
            with Association(server.port, CT_IMAGE) as peer:
                assert peer.store("1.2.3", DATA_SET) == 0
                peer.release()
            time.sleep(0.2)
        finally:
            tracer.send_signal(signal.SIGINT)
            tracer.communicate(timeout=20)
        assert [path.name for path in server.stored()] != []
    lines = trace.read_text(errors="replace").splitlines()
    accept, response = [
        n for n, line in enumerate(lines) if (" sendto(" in line and "socket:" in line) or "TCP:" in line
    ][:2]
    steps = [step for line in lines[accept:response] for step in [_step(line, tmp_path / "out")] if step]
    publish = steps.index("publish")
    assert steps.index("write") < steps.index("fsync file") < publish
    assert "write" not in steps[steps.index("fsync file") :]
    assert "fsync directory" in steps[publish:]
    assert not any(_step(line, tmp_path / "out") for line in lines[response:] if "unlink" not in line)


def _step(line: str, out: Path) -> str | None:
    call = re.match(r"\d+ +(?:<\.\.\. )?(\w+)", line)
    if call is None or str(out) not in line:
        return None
    name = call[1]
    if name in ("writev", "pwrite64"):
        return "write"
    if name.startswith(("rename", "link")):
        return "publish"
    if name in ("fsync", "fdatasync"):
        target = re.search(r"<([^>]+)>", line)
        assert target is not None
        return "fsync file" if target[1].endswith(".tmp") else "fsync directory"
    return None
