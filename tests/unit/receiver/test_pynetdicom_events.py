from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from pydicom import dcmread
from pydicom.data import get_testdata_file
from pydicom.dataset import Dataset
from pynetdicom import AE, evt

from dcmrecv import Config, Receiver
from dcmrecv.config import AssociationConfig, NetworkConfig, StorageConfig
from tests.support.embedded import serving
from tests.support.rawscu import CT_IMAGE, VERIFICATION, Association, element

CT = str(get_testdata_file("CT_small.dcm", download=False))


def configured(directory: Path, **network: Any) -> Config:
    return Config(
        association=AssociationConfig(accept_all=True),
        network=NetworkConfig(port=0, **network),
        storage=StorageConfig(directory=str(directory).encode()),
    )


def store(port: int, path: str = CT, called: str = "TARGET") -> int:
    entity = AE("SENDER")
    data = dcmread(path)
    entity.add_requested_context(data.SOPClassUID, data.file_meta.TransferSyntaxUID)
    association = entity.associate("127.0.0.1", port, ae_title=called)
    assert association.is_established
    status = association.send_c_store(data, originator_aet="MOVER", originator_id=7)
    association.release()
    return int(status.Status)


def echo(port: int) -> int:
    entity = AE("SENDER")
    entity.add_requested_context(VERIFICATION)
    association = entity.associate("127.0.0.1", port)
    status = association.send_c_echo()
    association.release()
    return int(status.Status)


def eventually(heard: list[str], last: str) -> None:
    end = time.monotonic() + 10
    while last not in heard and time.monotonic() < end:
        time.sleep(0.01)
    assert last in heard


def test_importing_the_package_is_cheap() -> None:
    code = (
        "import sys, dcmrecv; assert not {'pynetdicom', 'pydicom', 'dcmrecv.config', 'typing'} & set(sys.modules);"
        "dcmrecv.Config; assert 'pynetdicom' not in sys.modules; dcmrecv.Receiver"
    )
    subprocess.run(
        [sys.executable, "-S", "-c", f"import sys; sys.path[:] = {sys.path!r}; {code}"], check=True
    )


def test_the_old_receiver_stores_and_starts_again(tmp_path: Path) -> None:
    with pytest.warns(DeprecationWarning, match=r"AE\.from_config"):
        receiver = Receiver(configured(tmp_path))
    for _ in range(2):
        with receiver:
            assert store(receiver.port) == 0
            with pytest.raises(RuntimeError):
                receiver.start()
    receiver.stop()
    (path,) = tmp_path.iterdir()
    assert dcmread(path).PatientID == dcmread(CT).PatientID
    with pytest.warns(DeprecationWarning, match="AE"), pytest.raises(ValueError, match="one process"):
        Receiver(configured(tmp_path, workers=2)).start()


def test_a_store_handler_takes_the_place_of_storing(tmp_path: Path) -> None:
    seen: list[dict[str, Any]] = []

    def handle(event: evt.Event, extra: str) -> int:
        seen.append(
            {
                "patient": event.dataset.PatientID,
                "meta": event.file_meta.TransferSyntaxUID,
                "context": event.context,
                "instance": event.request.AffectedSOPInstanceUID,  # type: ignore[union-attr]
                "originator": event.request.MoveOriginatorApplicationEntityTitle,  # type: ignore[union-attr]
                "message": event.message_id,
                "calling": event.assoc.requestor.ae_title,
                "called": event.assoc.acceptor.ae_title,
                "address": event.assoc.requestor.address,
                "supported": len(event.assoc.ae.supported_contexts),
                "accepted": [str(each.abstract_syntax) for each in event.assoc.accepted_contexts],
                "established": event.assoc.is_established,
                "extra": extra,
            }
        )
        (tmp_path / "handled.dcm").write_bytes(event.encoded_dataset())
        return 0xB000

    with serving(configured(tmp_path), (evt.EVT_C_STORE, handle, ["more"])) as receiver:
        assert store(receiver.port) == 0xB000
    original = dcmread(CT)
    (got,) = seen
    context = got.pop("context")
    assert (context.abstract_syntax, context.transfer_syntax) == (
        CT_IMAGE,
        original.file_meta.TransferSyntaxUID,
    )
    assert got == {
        "patient": original.PatientID,
        "meta": original.file_meta.TransferSyntaxUID,
        "instance": original.SOPInstanceUID,
        "originator": "MOVER",
        "message": 1,
        "calling": "SENDER",
        "called": "TARGET",
        "address": "127.0.0.1",
        "supported": 171,  # Verification and the storage classes that pynetdicom knows
        "accepted": [CT_IMAGE],
        "established": True,
        "extra": "more",
    }
    assert [path.name for path in tmp_path.iterdir()] == ["handled.dcm"]
    assert dcmread(tmp_path / "handled.dcm").PixelData == original.PixelData


def without_status() -> Dataset:
    return Dataset()


def with_status() -> Dataset:
    answer = Dataset()
    answer.Status = 0xA900
    return answer


def failing() -> int:
    raise KeyError("in a handler")


@pytest.mark.parametrize(
    ("answer", "stored", "echoed"),
    [
        (lambda: 0x0107, 0x0107, 0x0107),
        (with_status, 0xA900, 0xA900),
        (without_status, 0xC001, 0),
        (lambda: None, 0xC002, 0),
        (lambda: 1 << 20, 0xC002, 0),
        (failing, 0xC211, 0),
    ],
    ids=["int", "Dataset", "no status", "None", "no US", "exception"],
)
def test_what_handlers_answer(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, answer: Any, stored: int, echoed: int
) -> None:
    handlers: list[Any] = [
        (evt.EVT_C_STORE, lambda event: answer()),
        (evt.EVT_C_ECHO, lambda event: answer()),
    ]
    with serving(configured(tmp_path), *handlers) as receiver:
        assert store(receiver.port) == stored
        assert echo(receiver.port) == echoed
        assert echo(receiver.port) == echoed
    raised = [(record.name, record.getMessage()) for record in caplog.records if record.exc_info]
    failures = ["the handler of EVT_C_STORE failed", *["the handler of EVT_C_ECHO failed"] * 2]
    assert raised == [("dcmrecv.handlers", text) for text in failures if answer is failing]


def test_memory_for_handlers_is_bounded_and_given_back(tmp_path: Path) -> None:
    sizes: list[int] = []

    def handle(event: evt.Event) -> int:
        sizes.append(len(event.encoded_dataset(include_meta=False)))
        return 0

    handlers: list[Any] = [(evt.EVT_C_STORE, handle)]
    small, large = (element(0x7FE0, 0x0010, bytes(size)) for size in (700, 2000))
    with (
        serving(configured(tmp_path), *handlers, handler_memory=1000) as receiver,
        Association(receiver.port, CT_IMAGE) as association,
    ):
        statuses = [
            association.store(f"1.2.{n}", data) for n, data in enumerate((small, large, small, small))
        ]
        assert statuses == [0, 0xA700, 0, 0]
    assert sizes == [len(small)] * 3


def test_notifications(tmp_path: Path) -> None:
    heard: list[str] = []

    def note(event: evt.Event) -> None:
        heard.append(event.event.name)
        if event.event is evt.EVT_CONN_OPEN:
            heard.append(event.address[0])  # type: ignore[attr-defined]

    def failing(event: evt.Event) -> None:
        raise ValueError("in a handler")

    events = (
        evt.EVT_CONN_OPEN,
        evt.EVT_CONN_CLOSE,
        evt.EVT_REQUESTED,
        evt.EVT_ACCEPTED,
        evt.EVT_ESTABLISHED,
        evt.EVT_REJECTED,
        evt.EVT_RELEASED,
        evt.EVT_ABORTED,
    )
    handlers: list[Any] = [(evt.EVT_REQUESTED, failing), *((event, note) for event in events)]
    begin, end = ["EVT_CONN_OPEN", "127.0.0.1", "EVT_REQUESTED"], ["EVT_CONN_CLOSE"]
    established = [*begin, "EVT_ACCEPTED", "EVT_ESTABLISHED"]
    with serving(configured(tmp_path), *handlers) as receiver:
        echo(receiver.port)
        eventually(heard, "EVT_CONN_CLOSE")
        assert heard == [*established, "EVT_RELEASED", *end]
        heard.clear()
        entity = AE()
        entity.add_requested_context("1.2.840.10008.5.1.4.1.2.1.1")
        assert not entity.associate("127.0.0.1", receiver.port).is_established
        eventually(heard, "EVT_CONN_CLOSE")
        assert heard == [*begin, "EVT_REJECTED", *end]
        heard.clear()
        entity = AE()
        entity.add_requested_context(VERIFICATION)
        entity.associate("127.0.0.1", receiver.port).abort()
        eventually(heard, "EVT_CONN_CLOSE")
        assert heard == [*established, "EVT_ABORTED", *end]


def test_the_contexts_of_an_association() -> None:
    """What was proposed and what came of it; nothing has come of it yet when the request arrives."""
    query = "1.2.840.10008.5.1.4.1.2.1.1"
    seen: dict[str, list[list[str]]] = {}

    def note(event: evt.Event) -> None:
        contexts = (
            event.assoc.requestor.requested_contexts,
            event.assoc.accepted_contexts,
            event.assoc.rejected_contexts,
        )
        seen[event.event.name] = [[str(each.abstract_syntax) for each in some] for some in contexts]

    handlers: list[Any] = [(event, note) for event in (evt.EVT_REQUESTED, evt.EVT_ACCEPTED, evt.EVT_RELEASED)]
    with serving(Config(network=NetworkConfig(port=0)), *handlers) as receiver:
        entity = AE()
        entity.add_requested_context(VERIFICATION)
        entity.add_requested_context(query)
        entity.associate("127.0.0.1", receiver.port).release()
        receiver.shutdown()
    assert seen == {
        "EVT_REQUESTED": [[VERIFICATION, query], [], []],
        "EVT_ACCEPTED": [[VERIFICATION, query], [VERIFICATION], [query]],
        "EVT_RELEASED": [[VERIFICATION, query], [VERIFICATION], [query]],
    }


def test_an_event_that_this_engine_does_not_have(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="EVT_C_FIND"):
        serving(configured(tmp_path), (evt.EVT_C_FIND, print))
