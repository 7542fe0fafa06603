"""What a handler of EVT_C_STORE can do with an object: have it stored, take it, or refuse it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import threading
import tracemalloc
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.uid import DeflatedExplicitVRLittleEndian
from pynetdicom import _config

from dcmrecv import AE, StorageWriter, StoreEvent, evt
from dcmrecv.config import Config, StorageConfig
from dcmrecv.receiver.ae_server import AssociationServer
from dcmrecv.receiver.received import IN_MEMORY, HandlerMemory, HandlerMemoryError, ReceivedDataSet
from tests.support.rawscu import CT_IMAGE, IMPLICIT_VR, P_DATA, Association, element

SMALL = element(0x0008, 0x0016, CT_IMAGE.encode()) + element(0x0008, 0x0018, b"1.2.3")
LARGE = SMALL + element(0x7FE0, 0x0010, bytes(range(256)) * (2 * IN_MEMORY // 256))
SIZES = pytest.mark.parametrize("data_set", [SMALL, LARGE], ids=["small", "large"])


@contextmanager
def served(handler: Any, *syntaxes: str, **more: Any) -> Iterator[AssociationServer]:
    ae = AE()
    ae.add_supported_context(CT_IMAGE, list(syntaxes) or [IMPLICIT_VR])
    server = ae.start_server(("127.0.0.1", 0), block=False, evt_handlers=[(evt.EVT_C_STORE, handler)], **more)
    with server:
        yield server


@pytest.fixture(autouse=True)
def temporaries(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Where temporary files of this test go; nothing is left there at its end."""
    directory = tmp_path / "temporaries"
    directory.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(directory))
    yield directory
    assert list(directory.iterdir()) == []


def send(server: AssociationServer, data_set: bytes, syntax: str = IMPLICIT_VR) -> int:
    with Association(server.port, CT_IMAGE, transfer_syntaxes=(syntax,)) as association:
        return association.store("1.2.3", data_set)


@SIZES
def test_it_may_have_the_object_stored(tmp_path: Path, data_set: bytes) -> None:
    """By a writer that it chooses; the file is the one that the writer makes when it is bound itself."""
    stored = tmp_path / "stored"
    direct = tmp_path / "direct"
    stored.mkdir()
    direct.mkdir()
    store = StorageWriter(stored)
    seen: list[Any] = []

    def handle(event: evt.Event) -> int:
        status = store(event)
        seen.append((event.stored_path, event.stored_size, event.request.AffectedSOPInstanceUID))  # type: ignore
        return status

    with served(handle) as server:
        assert send(server, data_set) == 0
    with served(StorageWriter(direct)) as server:
        assert send(server, data_set) == 0
    (path,) = stored.iterdir()
    assert seen == [(path, path.stat().st_size, "1.2.3")]
    assert path.read_bytes() == (direct / path.name).read_bytes()


def test_what_cannot_be_stored_says_so(tmp_path: Path) -> None:
    directory = tmp_path / "gone"
    directory.mkdir()
    store = StorageWriter(directory)
    seen: list[Any] = []

    def handle(event: evt.Event) -> int:
        status = store(event)
        seen.append((event.stored_path, event.stored_size))  # type: ignore[attr-defined]
        return status

    with served(handle) as server:
        shutil.rmtree(directory)
        directory.write_text("a file")
        assert send(server, SMALL) == 0xA700
        directory.unlink()
        directory.mkdir()
        assert send(server, b"\x08\0\x18\0\xff\xff\xff\xff\0\0\0\0\0\0\0\0") == 0xC000  # no data set
    assert seen == [(None, 0)] * 2


@SIZES
def test_it_may_take_the_object(tmp_path: Path, data_set: bytes) -> None:
    seen: list[Any] = []

    def handle(event: evt.Event) -> int:
        assert event.dataset_path.exists()
        assert event.dataset.SOPInstanceUID == "1.2.3"
        assert event.dataset is event.dataset
        assert event.encoded_dataset(include_meta=False) == data_set
        assert event.encoded_dataset() == event.dataset_path.read_bytes()
        assert event.request.DataSet.getvalue() == data_set  # type: ignore[union-attr]
        seen.append(dcmread(event.dataset_path))
        shutil.move(event.dataset_path, tmp_path / "mine.dcm")
        return 0

    with served(handle) as server:
        assert send(server, data_set) == 0
    mine = dcmread(tmp_path / "mine.dcm")
    assert mine == seen[0]
    assert mine.file_meta.MediaStorageSOPInstanceUID == "1.2.3"
    assert mine.file_meta.TransferSyntaxUID == IMPLICIT_VR


def test_it_may_refuse_with_a_comment(tmp_path: Path) -> None:
    def handle(event: evt.Event) -> Dataset:
        status = Dataset()
        status.Status = 0xA900
        status.ErrorComment = "not for us"
        status.OffendingElement = 0x00100010
        return status

    with served(handle) as server, Association(server.port, CT_IMAGE) as association:
        association.send_store("1.2.3", SMALL)
        response = association.expect(P_DATA)
    assert element(0, 0x0900, b"\0\xa9") + element(0, 0x0901, b"\x10\0\x10\0") in response
    assert element(0, 0x0902, b"not for us") in response
    assert list(tmp_path.iterdir()) == [tmp_path / "temporaries"]


@pytest.mark.parametrize("then_raises", [False, True])
def test_it_may_abort(then_raises: bool) -> None:
    def handle(event: evt.Event) -> int:
        event.assoc.abort()
        if then_raises:
            raise ValueError("in a handler")
        return 0

    with served(handle) as server, Association(server.port, CT_IMAGE) as association:
        association.send_store("1.2.3", SMALL)
        assert association.receive()[0] == 7


@pytest.mark.parametrize(("is_enforced", "status"), [(False, 0), (True, 0xC000)])
def test_uids_that_are_none(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, is_enforced: bool, status: int
) -> None:
    """Handlers get them as they came, unless the program has pynetdicom take valid ones alone."""
    monkeypatch.setattr(_config, "ENFORCE_UID_CONFORMANCE", is_enforced)
    seen: list[Any] = []

    def handle(event: StoreEvent) -> int:
        seen.append(event.request.AffectedSOPInstanceUID)
        return 0

    with served(handle) as server, Association(server.port, CT_IMAGE) as association:
        assert association.store("1.2.003", SMALL) == status
    assert seen == ([] if is_enforced else ["1.2.003"])
    assert ("does not take" in caplog.text) is is_enforced


def bomb(size: int) -> bytes:
    deflater = zlib.compressobj(9, zlib.DEFLATED, -15)
    pixels = b"\xe0\x7f\x10\0OB\0\0" + size.to_bytes(4, "little") + bytes(size)
    data = deflater.compress(pixels) + deflater.flush()
    return data + bytes(len(data) % 2)


def test_what_is_inflated_is_counted() -> None:
    """A deflated object of 60 KB is 64 MiB: refused when there are 4, decoded when there are 100."""
    data_set = bomb(64 << 20)
    sizes: list[int] = []

    def handle(event: evt.Event) -> int:
        sizes.append(len(event.dataset.PixelData))
        return 0

    syntax = str(DeflatedExplicitVRLittleEndian)
    with served(handle, syntax, handler_memory=4 << 20) as server:
        tracemalloc.start()
        assert send(server, data_set, syntax) == 0xA700
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert peak < 24 << 20
        assert send(server, bomb(1 << 20), syntax) == 0  # all has been given back
    with served(handle, syntax, handler_memory=100 << 20) as server:
        assert send(server, data_set, syntax) == 0
    assert sizes == [1 << 20, 64 << 20]


def test_an_incomplete_deflated_data_set() -> None:
    def handle(event: evt.Event) -> int:
        with pytest.raises(zlib.error):
            _ = event.dataset
        return 0x0110

    syntax = str(DeflatedExplicitVRLittleEndian)
    with served(handle, syntax) as server:
        assert send(server, bomb(1 << 16)[:-8], syntax) == 0x0110


def test_a_full_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    def full(**arguments: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(tempfile, "mkstemp", full)
    with served(lambda event: 0) as server:
        assert send(server, LARGE) == 0xA700
        assert send(server, SMALL) == 0


def unnamed_files() -> int:
    links = (f"/proc/self/fd/{number}" for number in os.listdir("/proc/self/fd"))
    return sum("dcmrecv-" in os.readlink(link) for link in links if os.path.lexists(link))


@pytest.mark.parametrize("data_set", [SMALL, LARGE], ids=["memory", "file"])
def test_an_event_that_is_kept_stays_readable(tmp_path: Path, data_set: bytes) -> None:
    events: list[StoreEvent] = []

    def handle(event: StoreEvent) -> int:
        events.append(event)
        return 0

    with served(handle, handler_memory=len(data_set)) as server:
        assert [send(server, data_set), send(server, data_set)] == [0, 0]  # it is no part of the budget
    first, second = events
    assert first.encoded_dataset(include_meta=False) == data_set
    assert second.dataset.SOPInstanceUID == "1.2.3"
    with pytest.raises(RuntimeError, match="until its handler returns"):
        first.dataset_path  # noqa: B018
    with pytest.raises(RuntimeError, match="until its handler returns"):
        StorageWriter(tmp_path)(first)
    assert unnamed_files() == (0 if data_set is SMALL else 2)
    events.clear()
    del first, second
    assert unnamed_files() == 0


def test_memory_that_is_used_up_sends_data_sets_to_files() -> None:
    memory = HandlerMemory(1000)
    first, second = (ReceivedDataSet(memory, b"HEAD") for _ in range(2))
    first.write([memoryview(bytes(800))])
    second.write([memoryview(b"1" * 300), memoryview(b"2" * 300)])
    assert second.path().read_bytes() == b"HEAD" + b"1" * 300 + b"2" * 300
    with pytest.raises(HandlerMemoryError):
        second.read(with_header=False)
    first.close()
    assert second.read(with_header=False) == b"1" * 300 + b"2" * 300
    second.close()
    assert memory.take(1000)


def test_the_built_in_handler_needs_no_event(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def made(*arguments: object, **more: object) -> None:
        raise AssertionError("an event was made")

    ae = AE.from_config(Config(storage=StorageConfig(directory=tmp_path)))
    ae.add_supported_context(CT_IMAGE, IMPLICIT_VR)
    for handlers in ([], [(evt.EVT_C_STORE, StorageWriter(tmp_path))]):
        server = ae.start_server(("127.0.0.1", 0), block=False, evt_handlers=handlers)
        with monkeypatch.context() as patch, server:
            patch.setattr(evt.Event, "__init__", made)
            assert send(server, SMALL) == 0


NO_IMPORT = """
import sys, threading
from pathlib import Path
from dcmrecv.config import AssociationConfig, Config, NetworkConfig, StorageConfig
from dcmrecv.receiver.ae import ReceiverAE
from dcmrecv.receiver.service import Service
from dcmrecv.receiver.storage_writer import StorageWriter
from dcmrecv.server.listener import open_listener

config = Config(
    association=AssociationConfig(accept_all=True),
    network=NetworkConfig(port=0),
    storage=StorageConfig(directory="."),
)
listener = open_listener(config.network)
store = StorageWriter.from_config(config.storage)
service = Service(ReceiverAE.from_config(config), [listener], [], handlers=store)
service.start()
sys.path.insert(0, ROOT)
from tests.support.rawscu import CT_IMAGE, Association, element

def send(instance):
    with Association(listener.getsockname()[1], CT_IMAGE) as association:
        assert association.store(instance, element(8, 0x18, b"1.2.3")) == 0

send("1.2.1")
before = set(sys.modules)
send("1.2.2")
service.stop()
assert set(sys.modules) == before, set(sys.modules) - before
assert not {"dcmrecv.receiver.pynetdicom_events", "dcmrecv.receiver.ae_server"} & before
"""


def test_the_command_lines_store_loads_nothing_for_an_object(tmp_path: Path) -> None:
    root = str(Path(__file__).resolve().parents[3])
    subprocess.run([sys.executable, "-c", f"ROOT = {root!r}\n{NO_IMPORT}"], check=True, cwd=tmp_path)
    assert len([path for path in tmp_path.iterdir() if path.is_file()]) == 2


def test_handlers_of_several_associations_run_at_once() -> None:
    together = threading.Barrier(3, timeout=20)

    def handle(event: evt.Event) -> int:
        together.wait()
        return 0

    with served(handle) as server:
        statuses: list[int] = []
        senders = [threading.Thread(target=lambda: statuses.append(send(server, SMALL))) for _ in range(3)]
        for sender in senders:
            sender.start()
        for sender in senders:
            sender.join()
    assert statuses == [0, 0, 0]
