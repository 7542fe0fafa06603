from __future__ import annotations

import errno
import fcntl
import hashlib
import json
import os
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from pydicom import dcmread
from pydicom.data import get_testdata_file
from pydicom.uid import UID, ExplicitVRLittleEndian, ImplicitVRLittleEndian

from dcmrecv import observer as ob
from dcmrecv.core import events as ev
from dcmrecv.extras import spool as module
from dcmrecv.extras.spool import Spool, SpoolObserver, sha256_of, uids_of
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
        "process": line["process"],
        "sequence": 1,
        "study_instance_uid": None,
        "series_instance_uid": None,
    }


@pytest.mark.parametrize("syntax", [ExplicitVRLittleEndian, ImplicitVRLittleEndian])
def test_what_the_file_of_an_object_adds(tmp_path: Path, syntax: UID) -> None:
    data_set = dcmread(get_testdata_file("CT_small.dcm"))
    path = tmp_path / "object"
    data_set.file_meta.TransferSyntaxUID = syntax
    data_set.save_as(path)
    (tmp_path / "spool").mkdir()
    spool = Spool(os.fsencode(tmp_path / "spool"), sha256=True)
    spool.start()
    association = SpoolObserver(spool).association("192.0.2.7", 4711)
    for _ in range(2):
        association.observe(Stored(os.fsencode(path), request(), path.stat().st_size))
    spool.close()
    first, second = map(json.loads, lines(tmp_path / "spool"))
    assert first["study_instance_uid"] == data_set.StudyInstanceUID
    assert first["series_instance_uid"] == data_set.SeriesInstanceUID
    assert first["sha256"] == hashlib.sha256(path.read_bytes()).hexdigest()
    assert [first["sequence"], second["sequence"]] == [1, 2]
    assert first["process"] == second["process"]


@pytest.mark.parametrize("content", [b"", b"no DICOM file", bytes(128) + b"DICM" + b"\xff" * 50])
def test_a_file_that_says_nothing(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "object"
    path.write_bytes(content)
    assert uids_of(os.fsencode(path)) == (None, None)
    assert uids_of(os.fsencode(tmp_path / "gone")) == (None, None)
    assert sha256_of(os.fsencode(tmp_path / "gone")) is None


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
        "s.write(b'{\"n\": 1}\\n'); (part,) = os.listdir(sys.argv[1]);"
        "f = open(sys.argv[1] + '/' + part, 'ab', buffering=0); f.write(b'{\"n\":'); os.kill(os.getpid(), 9)"
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


def wait_for(condition: Callable[[], bool]) -> bool:
    end = time.monotonic() + 20
    while not condition() and time.monotonic() < end:
        time.sleep(0.01)
    return condition()


def test_lines_wait_while_they_cannot_be_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A directory that is gone, as at the replacement of a worker: said once, and everything caught up with."""
    monkeypatch.setattr(module, "UNWRITTEN_LINES", 2)
    monkeypatch.setattr(module, "RETRY_SECONDS", 0.05)
    said: list[ob.ReceiverEvent] = []
    directory = tmp_path / "later"
    spool = Spool(os.fsencode(directory), observe=said.append)
    spool.start()
    for number in range(5):
        spool.write(b"%d\n" % number)
    assert wait_for(lambda: bool(said))
    assert said == [ob.SpoolBehind(os.fsencode(directory), "No such file or directory")]
    directory.mkdir()
    assert wait_for(lambda: len(said) == 2)
    assert said[1] == ob.SpoolCaughtUp(os.fsencode(directory), 3)
    spool.write(b"5\n")
    spool.close()
    assert lines(directory) == ["0", "1", "5"]
    assert len(said) == 2


def test_lines_that_never_could_be_written_are_counted(tmp_path: Path) -> None:
    said: list[ob.ReceiverEvent] = []
    spool = Spool(os.fsencode(tmp_path / "none"), observe=said.append)
    spool.start()
    spool.write(b"{}\n")
    spool.close()
    assert said[-1] == ob.SpoolLost(os.fsencode(tmp_path / "none"), 1)


def test_a_spool_that_hangs_stops_nobody(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One answer waits a moment, the others not at all, and the end does not wait for it."""
    monkeypatch.setattr(module, "CLOSE_SECONDS", 0.1)
    hung, release = threading.Event(), threading.Event()
    write = os.write

    def hang(descriptor: int, data: bytes) -> int:
        hung.set()
        release.wait(60)
        return write(descriptor, data)

    said: list[ob.ReceiverEvent] = []
    spool = Spool(os.fsencode(tmp_path), observe=said.append)
    spool.start()
    with monkeypatch.context() as patch:
        patch.setattr(module.os, "write", hang)
        begun = time.monotonic()
        spool.write(b"0\n")
        assert hung.wait(20)
        assert 0.5 <= time.monotonic() - begun < 20
        begun = time.monotonic()
        for number in range(1000):  # half a second for each would be eight minutes
            spool.write(b"%d\n" % number)
        assert time.monotonic() - begun < 60
        spool.close()
    assert said == [ob.SpoolLost(os.fsencode(tmp_path), 1001)]
    release.set()


def test_a_thread_that_never_comes_to_life_is_started_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As is one whose first frame there is no memory for."""
    monkeypatch.setattr(module, "WAIT_SECONDS", 0.1)
    monkeypatch.setattr(module, "RETRY_SECONDS", 0.1)
    spool = Spool(os.fsencode(tmp_path))
    with monkeypatch.context() as patch:
        patch.setattr("_thread.start_new_thread", lambda function, arguments: 1)
        spool.start()
        spool.write(b"0\n")
    spool.write(b"1\n")
    spool.close()
    assert lines(tmp_path) == ["0", "1"]


def test_a_thread_that_dies_says_so_and_is_started_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "RETRY_SECONDS", 0.1)
    said: list[ob.ReceiverEvent] = []
    spool = Spool(os.fsencode(tmp_path), observe=said.append)
    with monkeypatch.context() as patch:
        patch.setattr(spool, "_append", lambda batch: 1 / 0)
        spool.start()
        spool.write(b"0\n")
        time.sleep(0.2)
    spool.write(b"1\n")
    spool.close()
    assert lines(tmp_path) == ["0", "1"]
    assert [type(each) for each in said] == [ob.InternalError]


def test_a_spool_without_a_thread_is_an_error_at_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def none_left(function: object, arguments: object) -> int:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr("_thread.start_new_thread", none_left)
    with pytest.raises(OSError, match="gives no thread"):
        Spool(os.fsencode(tmp_path)).start()


def test_a_line_is_written_before_the_answer(tmp_path: Path) -> None:
    spool = Spool(os.fsencode(tmp_path), rotate_seconds=3600)
    spool.start()
    for number in range(100):
        spool.write(b"%d\n" % number)
        (active,) = tmp_path.glob(".*.part")
        assert active.read_bytes().endswith(b"%d\n" % number)
    spool.close()


@pytest.mark.parametrize("replaced", [False, True])
def test_a_directory_that_is_removed_with_its_open_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, replaced: bool
) -> None:
    monkeypatch.setattr(module, "RETRY_SECONDS", 0.05)
    said: list[ob.ReceiverEvent] = []
    directory = tmp_path / "spool"
    directory.mkdir()
    spool = Spool(os.fsencode(directory), rotate_seconds=0.2, observe=said.append)
    spool.start()
    spool.write(b"0\n")
    if replaced:
        directory.rename(tmp_path / "old")
        directory.mkdir()
    else:
        shutil.rmtree(directory)
        assert wait_for(lambda: bool(said))
        directory.mkdir()
    assert wait_for(lambda: bool(finished(directory)))
    spool.close()
    assert lines(directory) == ["0"]


def test_what_cannot_be_finished_is_finished_later(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "RETRY_SECONDS", 0.05)
    said: list[ob.ReceiverEvent] = []
    spool = Spool(os.fsencode(tmp_path), rotate_bytes=1, observe=said.append)
    rename = os.rename
    refused: list[bytes] = []

    def refuse(source: bytes, target: bytes) -> None:
        if len(refused) < 3:
            refused.append(source)
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        rename(source, target)

    monkeypatch.setattr(module.os, "rename", refuse)
    spool.start()
    spool.write(b"0\n")
    assert wait_for(lambda: bool(said))
    for number in (1, 2, 3):
        spool.write(b"%d\n" % number)
        assert wait_for(lambda: not spool_is_writing(tmp_path))
    spool.close()
    left = Spool(os.fsencode(tmp_path))
    left.start()
    left.close()
    assert sorted(lines(tmp_path)) == ["0", "1", "2", "3"]


def spool_is_writing(directory: Path) -> bool:
    return any(path.stat().st_size == 0 for path in directory.glob(".*.part"))


def test_a_line_that_fits_only_partly_is_taken_back(tmp_path: Path) -> None:
    code = (
        "import os, resource as r, sys, time; from dcmrecv.extras import spool as m; m.RETRY_SECONDS = 0.05;"
        "said = []; s = m.Spool(os.fsencode(sys.argv[1]), rotate_seconds=3600, observe=said.append); s.start();"
        "r.setrlimit(r.RLIMIT_FSIZE, (12, r.RLIM_INFINITY)); s.write(b'1234567\\n'); s.write(b'abcdefg\\n');"
        "print(*(os.stat(e).st_size for e in os.scandir(sys.argv[1])), said[0].reason, flush=True);"
        "r.setrlimit(r.RLIMIT_FSIZE, (r.RLIM_INFINITY,) * 2); s.write(b'ABCDEFG\\n'); s.close()"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True, check=True
    )
    assert done.stdout == "8 No space left on device\n"
    assert done.stderr == ""
    assert lines(tmp_path) == ["1234567", "abcdefg", "ABCDEFG"]


def test_the_working_directory_may_vanish(tmp_path: Path) -> None:
    code = (
        "import os, sys, pydicom; from dcmrecv.extras.spool import *; from dcmrecv import observer as ob;"
        "from dcmrecv.core.events import StoreRequest; os.mkdir('gone'); os.chdir('gone');"
        "s = Spool(os.fsencode(sys.argv[1])); s.start(); o = SpoolObserver(s); os.rmdir('../gone');"
        "r = StoreRequest(1, 1, b'1.2', b'1.2.3', b'1.2', 0, 1, None, None, b'');"
        "o.association('192.0.2.7', 1).observe(ob.Stored(b'./CT.1', r, 1)); s.close()"
    )
    subprocess.run([sys.executable, "-c", code, str(tmp_path)], cwd=tmp_path, check=True)
    (line,) = map(json.loads, lines(tmp_path))
    assert line["path"] == f"{tmp_path}/gone/CT.1"
