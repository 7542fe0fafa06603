from __future__ import annotations

import fcntl
import json
import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from dcmrecv.core import events as ev
from dcmrecv.extras import spool as module
from dcmrecv.extras.spool import Spool, SpoolObserver
from dcmrecv.observer import Stored
from dcmrecv.text import to_bytes


def finished(directory: Path) -> list[Path]:
    return sorted(directory.glob("[!.]*.jsonl"))


def lines(directory: Path) -> list[str]:
    found = []
    for path in finished(directory):
        text = path.read_text("ascii")
        assert text.endswith("\n")
        found += text.splitlines()
    return found


def request() -> ev.StoreRequest:
    return ev.StoreRequest(1, 1, b"1.2", b"1.2.3", b"1.2.840.10008.1.2", 0, 1, None, None, b"")


def test_a_line_of_an_object(tmp_path: Path) -> None:
    spool = Spool(os.fsencode(tmp_path), fsync=True)
    spool.start()
    association = SpoolObserver(spool).association("192.0.2.7", 4711)
    path = os.fsencode(tmp_path) + b"/CT.\xff\xfe"
    association.observe(Stored(path, request(), 1234))
    spool.close()
    (line,) = map(json.loads, lines(tmp_path))
    assert to_bytes(line.pop("path")) == path
    assert line.pop("time").endswith("+00:00")
    assert line == {
        "bytes": 1234,
        "sop_class_uid": "1.2",
        "sop_instance_uid": "1.2.3",
        "transfer_syntax_uid": "1.2.840.10008.1.2",
        "calling_ae_title": "",
        "called_ae_title": "",
        "peer": {"address": "192.0.2.7", "port": 4711},
    }


def test_nothing_is_visible_before_it_is_finished(tmp_path: Path) -> None:
    spool = Spool(os.fsencode(tmp_path), rotate_seconds=3600)
    spool.start()
    spool.write(b"{}\n")
    assert not finished(tmp_path)
    spool.close()
    assert lines(tmp_path) == ["{}"]


@pytest.mark.parametrize("limits", [{"rotate_seconds": 0.2}, {"rotate_bytes": 1}], ids=["age", "size"])
def test_files_are_finished_by_age_and_size(tmp_path: Path, limits: dict[str, float]) -> None:
    spool = Spool(os.fsencode(tmp_path), **limits)  # type: ignore[arg-type]
    spool.start()
    for number in range(2):
        spool.write(b"{}\n")
        end = time.monotonic() + 10
        while len(finished(tmp_path)) <= number and time.monotonic() < end:
            time.sleep(0.01)
    assert len(finished(tmp_path)) == 2
    spool.close()
    assert len(finished(tmp_path)) == 2


@pytest.mark.parametrize("fsync", [False, True])
def test_many_threads_lose_and_mix_nothing(tmp_path: Path, fsync: bool) -> None:
    spool = Spool(os.fsencode(tmp_path), fsync=fsync, rotate_bytes=2000, rotate_seconds=0.05)
    spool.start()

    def write(thread: int) -> None:
        for number in range(200):
            spool.write(b'{"n": "%d %d"}\n' % (thread, number))

    threads = [threading.Thread(target=write, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    spool.close()
    assert sorted(json.loads(line)["n"] for line in lines(tmp_path)) == sorted(
        f"{thread} {number}" for thread in range(4) for number in range(200)
    )


def test_what_a_killed_process_left_is_finished(tmp_path: Path) -> None:
    code = (
        "import os, sys; from dcmrecv.extras.spool import Spool; s = Spool(os.fsencode(sys.argv[1])); s.start();"
        "s.write(b'{\"n\": 1}\\n'); os.write(s._descriptor, b'{\"n\":'); os.kill(os.getpid(), 9)"
    )
    assert subprocess.run([sys.executable, "-c", code, str(tmp_path)]).returncode == -9
    (tmp_path / ".empty.part").touch()
    (tmp_path / ".lives.part").write_bytes(b"{}\n")
    with (tmp_path / ".lives.part").open("rb") as alive:
        fcntl.flock(alive, fcntl.LOCK_EX)
        spool = Spool(os.fsencode(tmp_path))
        spool.start()
        spool.close()
    assert lines(tmp_path) == ['{"n": 1}']
    assert [path.name for path in tmp_path.glob(".*")] == [".lives.part"]


def test_lines_wait_while_they_cannot_be_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "UNWRITTEN_LINES", 2)
    said: list[str] = []
    directory = tmp_path / "later"
    spool = Spool(os.fsencode(directory), complain=said.append)
    for number in range(3):
        spool.write(b"%d\n" % number)
    assert said == ["cannot write, will try again: No such file or directory", "lost: 2"]
    directory.mkdir()
    spool.close()
    assert lines(directory) == ["0", "1"]


def test_lines_that_never_could_be_written_are_told(tmp_path: Path) -> None:
    said: list[str] = []
    spool = Spool(os.fsencode(tmp_path / "none"), complain=said.append)
    spool.write(b"{}\n")
    spool.close()
    assert said[-1] == "lost: {}"


def test_a_line_that_fits_only_partly_is_taken_back(tmp_path: Path) -> None:
    code = (
        "import os, resource as r, sys; from dcmrecv.extras.spool import Spool;"
        "s = Spool(os.fsencode(sys.argv[1]), rotate_seconds=3600); s.start();"
        "r.setrlimit(r.RLIMIT_FSIZE, (12, r.RLIM_INFINITY)); s.write(b'1234567\\n'); s.write(b'abcdefg\\n');"
        "print(os.fstat(s._descriptor).st_size, flush=True);"
        "r.setrlimit(r.RLIMIT_FSIZE, (r.RLIM_INFINITY,) * 2); s.write(b'ABCDEFG\\n'); s.close()"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True, check=True
    )
    assert done.stdout == "8\n"
    assert done.stderr == "E: spool: cannot write, will try again: No space left on device\n"
    assert lines(tmp_path) == ["1234567", "abcdefg", "ABCDEFG"]
