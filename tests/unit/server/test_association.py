"""What the driver does when things go wrong that no peer and no file can cause."""

from __future__ import annotations

import contextlib
import inspect
import select
import socket
import struct
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, get_args

import pytest

from dcmrecv import AE
from dcmrecv.config import (
    AssociationConfig,
    Config,
    NetworkConfig,
    PresentationContext,
    Profile,
    StorageConfig,
)
from dcmrecv.core.events import StoreRequest
from dcmrecv.core.limits import FRAGMENTS_AT_ONCE
from dcmrecv.observer import AssociationEvent, AssociationObserver, Crashed, ReceiverObserver
from dcmrecv.receiver.ae_server import AssociationServer
from dcmrecv.receiver.service import Service
from dcmrecv.receiver.storage_writer import StorageWriter
from dcmrecv.server import limits
from dcmrecv.server.listener import open_listener
from dcmrecv.storage import ObjectStore
from dcmrecv.threads import let_others_run
from tests.support.embedded import serving
from tests.support.rawscu import ABORT, CT_IMAGE, Association, UnexpectedPdu, element, p_data

IMPLICIT = b"1.2.840.10008.1.2"


class Told(AssociationObserver):
    def __init__(self, crashes: list[Exception]) -> None:
        self._crashes = crashes

    wanted = frozenset({Crashed})

    def observe(self, event: AssociationEvent) -> None:
        assert isinstance(event, Crashed)
        self._crashes.append(event.error)


class Teller(ReceiverObserver):
    def __init__(self) -> None:
        self.crashes: list[Exception] = []

    def association(self, peer_address: str, peer_port: int) -> AssociationObserver:
        return Told(self.crashes)


@pytest.fixture
def teller() -> Teller:
    return Teller()


@pytest.fixture
def receiver(tmp_path: Path, teller: Teller) -> Iterator[AssociationServer]:
    contexts = (
        PresentationContext(b"1.2.840.10008.1.1", (IMPLICIT,)),
        PresentationContext(CT_IMAGE.encode(), (IMPLICIT,)),
    )
    config = Config(
        association=AssociationConfig(profile=Profile("TEST", contexts)),
        network=NetworkConfig(port=0),
        storage=StorageConfig(directory=bytes(tmp_path)),
    )
    with serving(config, observer=teller) as running:
        yield running


def _store(port: int, instance: str = "1.2.3") -> int:
    association = Association(port, CT_IMAGE)
    with association:
        return association.store(instance, element(0x0008, 0x0018, b"1.2.3"))


def test_a_mistake_of_ours_costs_one_association(
    receiver: AssociationServer, teller: Teller, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*arguments: object) -> None:
        raise ZeroDivisionError("a mistake")

    with monkeypatch.context() as patch:
        patch.setattr(ObjectStore, "request", broken)
        for _ in range(40):  # more than the threads that wait: each mistake must give its thread back
            with pytest.raises(UnexpectedPdu) as answered:
                _store(receiver.port)
            assert answered.value.kind == ABORT
    assert [str(error) for error in teller.crashes] == ["a mistake"] * 40
    assert _store(receiver.port) == 0


class Raising(ReceiverObserver):
    """Fails at every event of a connection."""

    def association(self, peer_address: str, peer_port: int) -> AssociationObserver:
        return RaisingAssociation()


class RaisingAssociation(AssociationObserver):
    wanted = frozenset(get_args(AssociationEvent))

    def observe(self, event: AssociationEvent) -> None:
        raise LookupError(type(event).__name__)


def test_an_observer_that_raises_costs_no_answer(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    config = Config(
        association=AssociationConfig(accept_all=True),
        network=NetworkConfig(port=0),
        storage=StorageConfig(directory=bytes(tmp_path)),
    )
    with serving(config, observer=Raising()) as running:
        assert _store(running.port) == 0
    assert len(list(tmp_path.iterdir())) == 1
    records = [record for record in caplog.records if record.name == "dcmrecv"]
    raised = {str(record.exc_info[1]) for record in records if record.exc_info}
    assert {"Connected", "StoreRequest", "Stored", "StoreResponse", "Closed"} <= raised


def test_an_object_that_takes_long_holds_up_nobody(
    receiver: AssociationServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A slow disk, or a peer that does not read: others wait at the gate, but not until that one is through."""
    began, go_on = threading.Event(), threading.Event()
    request = ObjectStore.request

    def slow(store: ObjectStore, asked: StoreRequest, *others: Any) -> Any:
        if asked.sop_instance_uid == b"1.2.3.99":
            began.set()
            assert go_on.wait(20)
        return request(store, asked, *others)

    monkeypatch.setattr(ObjectStore, "request", slow)
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(_store, receiver.port, "1.2.3.99")
        assert began.wait(20)
        try:
            gate = receiver.service.services.gate.short
            assert gate is not None
            assert gate.lock.locked()
            for number in range(20):
                assert _store(receiver.port, f"1.2.3.{number}") == 0
            assert not waiting.done()
        finally:
            go_on.set()
        assert waiting.result(20) == 0
    end = time.monotonic() + 20
    while gate.lock.locked():
        assert time.monotonic() < end
        time.sleep(0.01)
    assert _store(receiver.port) == 0


@pytest.mark.parametrize(("fsync", "has_gate"), [(False, True), (True, False)])
def test_who_waits_for_the_disk_waits_with_others(tmp_path: Path, fsync: bool, has_gate: bool) -> None:
    config = Config(
        network=NetworkConfig(port=0), storage=StorageConfig(directory=bytes(tmp_path), fsync=fsync)
    )
    with open_listener(config.network) as listener:
        writer = StorageWriter.from_config(config.storage)
        service = Service(AE.from_config(config), [listener], [], handlers=writer)
        assert (service.services.gate.short is not None) is has_gate
        service.start()
        service.stop()


def test_greedy_peers_are_aborted_and_a_good_one_is_served(
    receiver: AssociationServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each begins a request of 1 MiB and stops; together they want three times the budget."""
    assert receiver.service is not None
    services = receiver.service.services
    monkeypatch.setattr(services.memory, "limit", 4 << 20)
    begun = b"\1\0\0\x10\0\0\0\1\0\0" + bytes(600_000)
    greedy = [socket.create_connection(("127.0.0.1", receiver.port)) for _ in range(24)]
    try:
        for each in greedy:
            each.settimeout(20)
            each.sendall(begun)
        end = time.monotonic() + 20
        while services.memory.used <= services.memory.limit // 2:  # they have been read
            assert time.monotonic() < end
            time.sleep(0.01)
        assert services.memory.used <= services.memory.limit
        assert _store(receiver.port) == 0
    finally:
        for each in greedy:
            each.close()
    end = time.monotonic() + 20
    while services.memory.used:
        assert time.monotonic() < end
        time.sleep(0.01)


def test_thousands_of_fragments_in_one_buffer_do_not_keep_the_interpreter(
    receiver: AssociationServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Compiled code gives it up in a system call and where a function begins that is not compiled, as this one."""
    assert inspect.isfunction(let_others_run)
    chances = 0

    def counted() -> None:
        nonlocal chances
        chances += 1
        let_others_run()

    monkeypatch.setattr("dcmrecv.server.association.let_others_run", counted)
    count = 20 * FRAGMENTS_AT_ONCE
    with Association(receiver.port, CT_IMAGE) as association:
        association.send_store("1.2.3", element(0x0008, 0x0018, b"1.2.3"), whole=False)
        association.send(p_data(0, b"") * count)
        association.send(p_data(2, element(0x0010, 0x0010, b"A")))
        assert association.response_status() == 0
    assert chances >= count // FRAGMENTS_AT_ONCE


def test_a_command_in_endless_fragments_has_a_time_limit(
    receiver: AssociationServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "COMMAND_SECONDS", 0.2)
    with Association(receiver.port, CT_IMAGE) as association:
        fragment = struct.pack(">BxIIBB", 4, 6, 2, 1, 1)  # nothing of a command, not the last
        begun = time.monotonic()
        with contextlib.suppress(OSError):  # aborted while the next was sent
            while not select.select([association.socket], [], [], 0.05)[0]:
                assert time.monotonic() < begun + 20
                association.socket.sendall(fragment)
        assert association.socket.recv(10) == b"\7\0\0\0\0\4\0\0\0\0"
        assert time.monotonic() - begun >= limits.COMMAND_SECONDS
