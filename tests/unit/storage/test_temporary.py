"""Temporaries: hidden names that say whose they are; those of dead processes are removed, and no others."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from dcmrecv.config import StorageMode
from dcmrecv.storage import temporary
from dcmrecv.storage.temporary import FOREIGN_AGE, RESTART_AGE, SETTLED_AGE, TemporaryNames, remove_orphans
from tests.unit.storage.conftest import Peer, Remembering, everything

WRITER = """
import sys, time
from dcmrecv.config import *
from dcmrecv.core.events import AcceptedAssociation, AssociateRequest
from dcmrecv.storage import ObjectStore
from tests.unit.storage.conftest import Peer, Remembering
config = StorageConfig(mode=StorageMode.BIT_PRESERVING, directory=sys.argv[1].encode())
request = AssociateRequest(1, b"A", b"B", b"", (), 16384, b"", b"", (), (), None)
peer = Peer(ObjectStore(config, dictionary=lambda: None), AcceptedAssociation(request, (), 16384, 16372, ()))
session = peer.store.request(peer.request(b"1"), peer.association, Remembering())
session.receive([memoryview(b"half")], False, 1)
print("ready", flush=True)
time.sleep(60)
"""


@pytest.fixture
def writer(out: Path) -> subprocess.Popen[str]:
    """A process in the middle of an object."""
    process = subprocess.Popen(
        [sys.executable, "-c", WRITER, str(out)],
        cwd=Path(__file__).parents[3],
        stdout=subprocess.PIPE,
        text=True,
    )
    with process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        yield process
        process.kill()


def test_a_killed_process_leaves_an_orphan_that_the_next_start_removes(
    writer: subprocess.Popen[str], out: Path, peer: Callable[..., Peer]
) -> None:
    (left,) = everything(out)
    assert left.startswith(".dcmrecv-")
    age(out / left, 1e6)
    assert remove_orphans(str(out).encode()) == (0, 0)  # it lives
    writer.send_signal(signal.SIGKILL)
    writer.wait()
    age(out / left, 0)
    assert remove_orphans(str(out).encode()) == (0, 1)  # perhaps a small object that is being written
    age(out / left, SETTLED_AGE + 1)
    peer().store.close()
    assert everything(out) == set()


def test_a_second_look_when_time_has_passed(
    out: Path, peer: Callable[..., Peer], monkeypatch: pytest.MonkeyPatch
) -> None:
    place(out, a_name())
    peer().store.close()  # ends at once, although there is something to wait for
    assert len(everything(out)) == 1
    monkeypatch.setattr(temporary, "SETTLED_AGE", 0.05)
    monkeypatch.setattr("dcmrecv.storage.store.SETTLED_AGE", 0.1)
    place(out, a_name())
    peer()
    deadline = time.monotonic() + 10
    while everything(out) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert everything(out) == set()


def test_own_temporaries_stay(out: Path, peer: Callable[..., Peer]) -> None:
    one = peer(StorageMode.BIT_PRESERVING)
    session = one.store.request(one.request(b"1"), one.association, Remembering())
    session.receive([memoryview(b"half")], False, 1)
    peer().store.close()  # another store of the same process starts
    assert len(everything(out)) == 1
    assert session.receive([memoryview(b"whole")], True, 1) is None
    assert session.complete().status == 0
    assert everything(out) == {"CT.1"}


def a_name(**changes: bytes) -> bytes:
    """Return a temporary's name of this process with some fields changed."""
    stem = TemporaryNames(b".").name().removeprefix(b".dcmrecv-").removesuffix(b".tmp")
    fields = dict(zip(("host", "boot", "pid", "token", "number"), stem.split(b"."), strict=True))
    return b".dcmrecv-" + b".".join((fields | changes).values()) + b".tmp"


def age(path: Path, seconds: float) -> None:
    os.utime(path, (time.time() - seconds,) * 2)


def place(out: Path, name: bytes, seconds: float = 0, content: bytes = b"half") -> Path:
    path = out / os.fsdecode(name)
    path.write_bytes(content)
    age(path, seconds)
    return path


@pytest.mark.parametrize(
    ("changes", "seconds", "removed"),
    [
        ({}, 0, False),  # a small object, perhaps, that another process is writing
        ({}, SETTLED_AGE + 60, True),
        ({"pid": b"1"}, SETTLED_AGE + 60, True),  # whoever has that number now
        ({"host": b"00000000"}, RESTART_AGE + 60, False),  # perhaps alive on another host
        ({"host": b"00000000"}, FOREIGN_AGE + 60, True),
        ({"boot": b"00000000"}, SETTLED_AGE + 60, False),  # perhaps alive on another host of the same name
        ({"boot": b"00000000"}, RESTART_AGE + 60, True),
        ({"boot": b"00000000", "host": b"00000000"}, RESTART_AGE + 60, False),
        ({"pid": b"x"}, 1e6, False),
        ({"number": b"1.2"}, 1e6, False),  # not a name that we make
        ({"host": b""}, 1e6, False),
    ],
)
def test_whose_temporaries_are_removed(
    out: Path, changes: dict[str, bytes], seconds: float, removed: bool
) -> None:
    place(out, a_name(**changes), seconds)
    assert remove_orphans(str(out).encode()).removed == removed
    assert len(everything(out)) == (not removed)


def test_one_in_which_nothing_is_written_yet_waits_longer(out: Path) -> None:
    """Its peer has sent a command and takes its time; only with the first bytes comes the lock."""
    path = place(out, a_name(), SETTLED_AGE + 60, b"")
    assert remove_orphans(str(out).encode()) == (0, 1)
    age(path, RESTART_AGE + 60)
    assert remove_orphans(str(out).encode()) == (1, 0)


def test_a_lock_counts_and_not_what_proc_shows(
    out: Path, writer: subprocess.Popen[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another container, hidepid, ProtectProc=invisible: the writer is not to be seen in /proc."""
    (left,) = everything(out)
    age(out / left, FOREIGN_AGE * 2)
    code = (
        "import os, sys; sys.path.insert(0, 'src'); from dcmrecv.storage.temporary import remove_orphans;"
        "print(os.path.exists('/proc/' + sys.argv[2]), *remove_orphans(os.fsencode(sys.argv[1])))"
    )
    command = [sys.executable, "-c", code, str(out), str(writer.pid)]
    done = subprocess.run(
        ["unshare", "--pid", "--fork", "--mount-proc", *command],
        cwd=Path(__file__).parents[3],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        pytest.skip(f"a process namespace needs privileges: {done.stderr.strip()}")
    assert done.stdout.split() == ["False", "0", "0"]
    assert everything(out) == {left}


def test_without_locks_only_time_tells(out: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(descriptor: int, operation: int) -> None:
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    monkeypatch.setattr(temporary.fcntl, "flock", refuse)
    path = place(out, a_name(), RESTART_AGE + 60)
    assert remove_orphans(str(out).encode()) == (0, 1)
    age(path, FOREIGN_AGE + 60)
    assert remove_orphans(str(out).encode()) == (1, 0)


def test_other_files_are_not_touched(out: Path) -> None:
    for name in (b".dcmrecv-.tmp", b".dcmrecv-x.tmp", b"CT.1", b".hidden", b".dcmrecv-a.b.c.d.e.f.tmpx"):
        place(out, name, 1e6)
    assert remove_orphans(str(out).encode()) == (0, 0)
    assert len(everything(out)) == 5


def test_an_orphan_that_cannot_be_removed_is_no_obstacle(out: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place(out, a_name(), SETTLED_AGE + 60)

    def refuse(path: bytes) -> None:
        raise PermissionError(1, "no")

    monkeypatch.setattr(temporary.os, "unlink", refuse)
    assert remove_orphans(str(out).encode()) == (0, 1)
    assert remove_orphans(str(out).encode() + b"/missing") == (0, 0)


def test_names_of_threads_and_processes_differ() -> None:
    names = TemporaryNames(b".")
    made = [names.name() for _ in range(1000)]
    assert len(set(made)) == 1000
    assert max(map(len, made)) < 128
    assert str(os.getpid()).encode() in made[0].split(b".")
