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
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dcmrecv.conditions import Condition
from dcmrecv.config import FilenameMode, StorageMode, SubdirectoryMode
from dcmrecv.storage.directories import series_date_directory
from dcmrecv.storage.naming import Namer, UidSource, new_uid
from tests.unit.storage.conftest import CT, Peer, data_set, element, everything

MANY = int(os.environ.get("DCMRECV_MANY_NAMES", "20000"))
"""Names made in the tests of uniqueness and containment; the long run is 1,000,000."""


def name(mode: FilenameMode, sop_class: bytes = CT, uid: bytes = b"1.2.3", extension: bytes = b"") -> bytes:
    return Namer(mode, extension).name(sop_class, uid)


def test_default_name_replaces_every_slash() -> None:
    assert name(FilenameMode.DEFAULT, uid=b"/a/../b", extension=b".d/cm") == b"CT._a_.._b.d_cm"
    assert name(FilenameMode.DEFAULT, b"1.2.3") == b"UNKNOWN.1.2.3"


@pytest.mark.parametrize(
    ("uid", "shown"),
    [
        (b"1.2.3 4_5:6@7-8", b"1.2.3 4_5:6@7-8"),
        (b"a\r\nI: Stored", b"a__I: Stored"),
        (b"\x1b[2J\x7f\t", b"__2J__"),
        (b"$(x)`y`;|&<>*?!'\"\\~#%^{}[]=+,", b"__x__y" + b"_" * 23),
        ("\u00e4\u0664".encode() + b"\xff", b"_" * 5),
    ],
)
def test_what_a_uid_may_bring_into_a_name(uid: bytes, shown: bytes) -> None:
    """The reference since its repair (CVE-2026-5663)."""
    assert name(FilenameMode.DEFAULT, uid=uid) == b"CT." + shown


@given(st.binary(max_size=64))
def test_names_are_harmless(uid: bytes) -> None:
    assert re.fullmatch(rb"CT\.[A-Za-z0-9 ._:@-]*", name(FilenameMode.DEFAULT, uid=uid))


def test_unique_name() -> None:
    found = re.fullmatch(
        rb"CT\.X\.1\.2\.276\.0\.7230010\.3\.1\.4\.(\d+)\.(\d+)\.(\d+)\.(\d+)\.dcm",
        name(FilenameMode.UNIQUE, extension=b".dcm"),
    )
    assert found is not None
    assert int(found[2]) == os.getpid()
    assert abs(int(found[3]) - time.time()) < 5
    assert name(FilenameMode.UNIQUE, b"9").startswith(b"UNKNOWN.X.")


@pytest.mark.parametrize(("host", "shown"), [(0x7F0101, b"8323329"), (-2, b"4294967294"), (0, b"0")])
def test_the_host_in_a_unique_name_is_an_unsigned_number(host: int, shown: bytes) -> None:
    """gethostid(3) gives a signed one on some systems; a UID has no room for a minus sign."""
    uid = UidSource(lambda: host).next()
    assert uid.split(b".")[8] == shown


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


def test_short_unique_names_do_not_run_out() -> None:
    """The low halves of the reference's generator give 65,536 names; the 65,537th would never be found."""
    namer = Namer(FilenameMode.SHORT_UNIQUE, b"")
    made = {namer.name(CT, b"") for _ in range(80_000)}
    assert len(made) > 79_900
    assert len({name[11:15] for name in made}) > 40_000  # both halves vary on their own
    assert len({name[15:] for name in made}) > 40_000


@pytest.mark.parametrize("clock", [[5, 5, 5], [5, 5, 4], [7, 5, 3]])
def test_a_clock_that_stands_or_steps_back_gives_every_time_once(
    monkeypatch: pytest.MonkeyPatch, clock: list[int]
) -> None:
    times = iter(clock)
    monkeypatch.setattr(time, "time_ns", lambda: (1_700_000_000_000_000 + next(times)) * 1000)
    namer = Namer(FilenameMode.SYSTEM_TIME, b"")
    names = [namer.name(CT, b"") for _ in clock]
    assert sorted(set(names)) == names
    assert [name[15:21] for name in names] == [b"%06d" % (clock[0] + n) for n in range(3)]


def test_a_clock_that_was_set_back_is_believed(monkeypatch: pytest.MonkeyPatch) -> None:
    times = iter([1_700_000_060_000_000_000, 1_700_000_000_000_000_000])
    monkeypatch.setattr(time, "time_ns", lambda: next(times))
    namer = Namer(FilenameMode.SYSTEM_TIME, b"")
    assert namer.name(CT, b"") > namer.name(CT, b"")


@pytest.mark.parametrize("mode", [StorageMode.NORMAL, StorageMode.BIT_PRESERVING])
def test_a_burst_of_system_times_loses_nothing(
    peer: Callable[..., Peer], out: Path, mode: StorageMode, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two processes whose clocks stand at the same microsecond: the reference would overwrite."""
    monkeypatch.setattr(time, "time_ns", lambda: 1_700_000_000_000_000_000)
    one, two = (peer(mode, filenames=FilenameMode.SYSTEM_TIME) for _ in range(2))
    for number in range(10):
        sent = (one if number % 2 else two).send(data_set(b"1.%d" % number))
        assert sent.status == 0
        assert "Overwriting" not in sent.observer.names()
    assert len(everything(out)) == 10


@pytest.mark.parametrize("obstacle", ["long", "file"])
def test_a_name_that_cannot_be_looked_up(peer: Callable[..., Peer], out: Path, obstacle: str) -> None:
    """``+fsu``: the reference gives up before it thinks of directories and files (spec/storage.md 5.4)."""
    extension = b"." + b"x" * 260 if obstacle == "long" else b""
    normal, bit = (
        peer(mode, filenames=FilenameMode.SHORT_UNIQUE, extension=extension)
        for mode in (StorageMode.NORMAL, StorageMode.BIT_PRESERVING)
    )
    dated = peer(
        filenames=FilenameMode.SHORT_UNIQUE,
        extension=extension,
        subdirectories=SubdirectoryMode.SERIES_DATE,
    )
    if obstacle == "file":
        out.rmdir()
        out.write_bytes(b"")
    text = "Could not generate filename"
    for one in (normal, dated):
        sent = one.send(data_set())
        assert sent.status == 0xC000
        assert sent.observer.of("NameNotGenerated") == [(text, False)]
        assert "NameGenerated" not in sent.observer.names()
    sent = bit.send(data_set())
    assert sent.status is None
    assert sent.aborted == (Condition(0x0000, 0x000E, "Could not generate filename"),)
    assert sent.observer.of("NameNotGenerated") == [("Could not generate filename", True)]
    assert sent.observer.names() == ["NameNotGenerated"]


@pytest.mark.parametrize(
    "content",
    [
        element(0x00080000, b"UL", bytes(4)) + data_set(),
        element(0x00100010, b"PN", b"A^B ") + data_set(),
        data_set(),
    ],
    ids=["patched", "sorted", "plain"],
)
def test_a_name_taken_at_the_last_moment(
    peer: Callable[..., Peer], out: Path, monkeypatch: pytest.MonkeyPatch, content: bytes
) -> None:
    """The object is finished once, whatever edits it needed, and gets the next name."""
    one = peer(filenames=FilenameMode.SHORT_UNIQUE)
    names = iter([b"CT_1", b"CT_2"])
    monkeypatch.setattr(one.store.filer.namer, "name", lambda *_: next(names))
    link = os.link

    def link_too_late(*arguments: Any, **options: Any) -> None:
        if not (out / "CT_1").exists():
            (out / "CT_1").write_bytes(b"older")
        link(*arguments, **options)

    monkeypatch.setattr(os, "link", link_too_late)
    sent = one.send(content)
    assert sent.status == 0
    assert sent.observer.names().count("MetaHeaderWritten") == 1
    assert sent.observer.of("Stored")[0][0].endswith(b"/CT_2")
    assert everything(out) == {"CT_1", "CT_2"}
    assert (out / "CT_1").read_bytes() == b"older"


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
request = AssociateRequest(1, b"A", b"B", b"", (), 16384, b"", b"", (), (), None)
peer = Peer(store, AcceptedAssociation(request, (), 16384, 16372, ()))
tried = __import__("itertools").count()
store.filer.namer.name = lambda sop_class, sop_instance: b"CT_%06d" % (next(tried) // 2)
for number in range(300):
    assert peer.send(b"%04d" % number).status == 0
"""


@pytest.mark.parametrize(
    "filenames", [FilenameMode.UNIQUE, FilenameMode.SHORT_UNIQUE, FilenameMode.SYSTEM_TIME]
)
def test_two_processes_never_take_each_others_names(out: Path, filenames: FilenameMode) -> None:
    """Both are made to try the same names in the same order, so every one of them collides."""
    code = _PROCESS.replace("FilenameMode.SHORT_UNIQUE", str(filenames))
    root = Path(__file__).parents[3]
    processes = [subprocess.Popen([sys.executable, "-c", code, str(out)], cwd=root) for _ in range(2)]
    assert [process.wait() for process in processes] == [0, 0]
    assert len(everything(out)) == 600
    contents = [(out / name).read_bytes()[-4:] for name in everything(out)]
    assert sorted(contents) == sorted([b"%04d" % number for number in range(300)] * 2)


def test_generated_dates_never_escape() -> None:
    """AE titles are part of no path; dates are, and give one of two shapes."""
    import random

    source = random.Random(815)
    pieces = [
        b"2024",
        b"01",
        b"31",
        b".",
        b"..",
        b"/",
        b"\\",
        b" ",
        b"9",
        b"0",
        b"\n",
        b"\xd9\xa0",
        b"+1",
        b"_1",
    ]
    shape = re.compile(rb"(data/\d{4}/(0[1-9]|1[0-2])/(0[1-9]|[12]\d|3[01])|undef/\d{8})\Z")
    seen = set()
    for _ in range(MANY):
        made = series_date_directory(b"".join(source.choices(pieces, k=source.randint(1, 6))))
        assert shape.match(made)
        seen.add(made[:4])
    assert seen == {b"data", b"unde"}
