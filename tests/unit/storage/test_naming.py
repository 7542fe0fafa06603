"""The four ways to name an object."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dcmrecv.config import FilenameMode, StorageMode
from dcmrecv.storage.naming import Namer, new_uid
from tests.unit.storage.conftest import CT, Peer, data_set, everything

MANY = int(os.environ.get("DCMRECV_MANY_NAMES", "20000"))
"""Names made in the tests of uniqueness and containment; the long run is 1,000,000."""


def name(mode: FilenameMode, sop_class: bytes = CT, uid: bytes = b"1.2.3", extension: bytes = b"") -> bytes:
    return Namer(mode, extension).name(sop_class, uid)


def test_default_name_replaces_every_slash() -> None:
    assert name(FilenameMode.DEFAULT, uid=b"/a/../b", extension=b".d/cm") == b"CT._a_.._b.d_cm"
    assert name(FilenameMode.DEFAULT, b"1.2.3") == b"UNKNOWN.1.2.3"


def test_unique_name() -> None:
    found = re.fullmatch(
        rb"CT\.X\.1\.2\.276\.0\.7230010\.3\.1\.4\.(\d+)\.(\d+)\.(\d+)\.(\d+)\.dcm",
        name(FilenameMode.UNIQUE, extension=b".dcm"),
    )
    assert found is not None
    assert int(found[2]) == os.getpid()
    assert abs(int(found[3]) - time.time()) < 5
    assert name(FilenameMode.UNIQUE, b"9").startswith(b"UNKNOWN.X.")


def test_short_unique_name() -> None:
    found = re.fullmatch(
        rb"CT_([0-9a-f]{8})([0-9a-f]{8})\.d_m", name(FilenameMode.SHORT_UNIQUE, extension=b".d/m")
    )
    assert found is not None
    assert abs(int(found[1], 16) - time.time()) < 5
    assert name(FilenameMode.SHORT_UNIQUE, b"9").startswith(b"XX_")


def test_short_unique_start_time_is_constant() -> None:
    namer = Namer(FilenameMode.SHORT_UNIQUE, b"")
    assert len({namer.name(CT, b"")[:11] for _ in range(100)}) == 1


def test_system_time_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "UTC-3")
    time.tzset()
    try:
        monkeypatch.setattr(time, "time_ns", lambda: 1_700_000_000_000_042_999)
        assert name(FilenameMode.SYSTEM_TIME, extension=b".x") == b"20231115011320.000042.CT.x"
    finally:
        monkeypatch.undo()
        time.tzset()


def test_new_uids_are_unique_among_threads() -> None:
    made: list[bytes] = []

    def make() -> None:
        made.extend([new_uid() for _ in range(2000)])

    threads = [threading.Thread(target=make) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(made)) == 8000
    assert max(map(len, made)) <= 64


@given(st.binary(max_size=64), st.sampled_from([FilenameMode.DEFAULT, FilenameMode.SHORT_UNIQUE]))
def test_a_name_is_one_component(uid: bytes, mode: FilenameMode) -> None:
    made = name(mode, uid=uid.replace(b"\0", b""))
    assert b"/" not in made
    assert made not in (b"", b".", b"..")
    assert not made.startswith(b".")  # hidden names are those of our temporaries


def test_generated_uids_never_escape() -> None:
    """Hostile UIDs from a fixed generator: the path joined and normalised stays in the directory."""
    import random

    source = random.Random(4711)
    pieces = [
        b"..",
        b"/",
        b".",
        b"//",
        b"\\",
        b"a",
        b" ",
        b"~",
        b"\xff",
        b"\n",
        b"$(x)",
        b";",
        b"%2f",
        b"\xc0\xaf",
    ]
    namer = Namer(FilenameMode.DEFAULT, b"")
    for _ in range(MANY):
        uid = b"".join(source.choices(pieces, k=source.randint(1, 20)))[:64]
        sop_class = b"".join(source.choices(pieces, k=3))
        path = os.path.normpath(b"/out/" + namer.name(sop_class, uid))
        assert os.path.dirname(path) == b"/out"


@pytest.mark.parametrize("mode", [StorageMode.NORMAL, StorageMode.BIT_PRESERVING])
def test_more_than_1024_short_names_in_a_second(
    peer: Callable[..., Peer], out: Path, mode: StorageMode
) -> None:
    """The reference gives up at the 1,025th of a second; nothing of ours is overwritten."""
    one = peer(mode, filenames=FilenameMode.SHORT_UNIQUE)
    for _ in range(1500):
        assert one.send(data_set()).status == 0
    assert len(everything(out)) == 1500


_PROCESS = """
import sys
from dcmrecv.config import *
from dcmrecv.storage import ObjectStore
from tests.unit.storage.conftest import Peer, data_set
from dcmrecv.core.events import AcceptedAssociation, AssociateRequest
config = StorageConfig(mode=StorageMode.BIT_PRESERVING, filenames=FilenameMode.SHORT_UNIQUE,
                       directory=sys.argv[1].encode())
store = ObjectStore(config, dictionary=lambda: None)
store.namer._start = 0x66666666
store.namer._seed = 7
request = AssociateRequest(1, b"A", b"B", b"", (), 16384, b"", b"", (), (), None)
peer = Peer(store, AcceptedAssociation(request, (), 16384, 16372, ()))
store.namer._digits = __import__("itertools").count().__next__
for number in range(300):
    assert peer.send(b"%04d" % number).status == 0
"""


def test_two_processes_never_take_each_others_short_names(out: Path) -> None:
    """Both are made to try the same names in the same order, so every one of them collides."""
    root = Path(__file__).parents[3]
    processes = [subprocess.Popen([sys.executable, "-c", _PROCESS, str(out)], cwd=root) for _ in range(2)]
    assert [process.wait() for process in processes] == [0, 0]
    assert len(everything(out)) == 600
