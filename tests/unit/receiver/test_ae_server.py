"""`dcmrecv.AE` as programs use it: servers, what they refuse at the start, what they leave behind."""

from __future__ import annotations

import logging
import os
import signal
import socket
import ssl
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest
from pynetdicom import StoragePresentationContexts

import dcmrecv
from dcmrecv import AE, Config, PortError, StorageWriter, evt
from dcmrecv.config import AssociationConfig, ExtrasConfig, NetworkConfig, StorageConfig
from dcmrecv.observer import (
    AssociationEvent,
    AssociationObserver,
    ReceiverObserver,
    Stored,
    StoreResponse,
)
from dcmrecv.server.listener import ServerError
from dcmrecv.server.server import Server
from tests.support.embedded import serving
from tests.support.programs import STRICT
from tests.support.rawscu import CT_IMAGE, VERIFICATION, Association, Requestor, UnexpectedPdu, element
from tests.support.server import free_port

DATA_SET = element(0x0008, 0x0018, b"1.2.3") + element(0x0010, 0x0010, b"DOE^JOHN")


def wait_until(condition: Any) -> None:
    end = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.01)


def state() -> tuple[set[str], set[str]]:
    """Threads of ours and open sockets."""
    links = (f"/proc/self/fd/{number}" for number in os.listdir("/proc/self/fd"))
    found = {os.readlink(link) for link in links if os.path.lexists(link)}
    return {t.name for t in threading.enumerate()}, {each for each in found if each.startswith("socket:")}


def test_a_server_from_its_start_to_its_end(tmp_path: Path) -> None:
    before = state()
    ae = AE(b"ARCHIVE")
    ae.supported_contexts = StoragePresentationContexts
    ae.add_supported_context(VERIFICATION)
    store = StorageWriter(tmp_path)
    with ae.make_server(("127.0.0.1", 0), evt_handlers=[(evt.EVT_C_STORE, store)]) as server:
        assert server.server_address == ("127.0.0.1", server.port)
        server.start()
        with pytest.raises(RuntimeError):
            server.start()
        with Association(server.port, CT_IMAGE) as association:
            wait_until(lambda: [each.is_established for each in server.active_associations] == [True])
            assert ae.active_associations == server.active_associations
            assert association.store("1.2.3", DATA_SET) == 0
        wait_until(lambda: not server.active_associations)
    server.shutdown()
    with pytest.raises(ConnectionError):
        Association(server.port)
    assert [path.name for path in tmp_path.iterdir()] == ["CT.1.2.3"]
    wait_until(lambda: state() == before)


def test_where_it_listens_and_whom_it_serves() -> None:
    _, before = state()
    ae = AE()
    ae.add_supported_context(VERIFICATION)
    network = NetworkConfig(port=0, listen=("127.0.0.2", "127.0.0.3"), allow_hosts=("127.0.0.9",))
    ae.config = Config(network=network)
    with ae.make_server() as server:
        server.start()
        for own, other, is_served in (
            ("127.0.0.9", "127.0.0.2", True),
            ("127.0.0.9", "127.0.0.3", True),
            ("127.0.0.8", "127.0.0.3", False),
        ):
            address = (other, server.port)
            with socket.create_connection(address, timeout=20, source_address=(own, 0)) as peer:
                peer.sendall(b"\x05\0\0\0\0\4\0\0\0\0")  # no A-ASSOCIATE-RQ: an abort, or nothing
                try:
                    assert bool(peer.recv(1)) is is_served
                except ConnectionResetError:
                    assert not is_served
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", server.port), timeout=20)
    wait_until(lambda: state()[1] == before)
    ae.config = Config(network=NetworkConfig(port=0, allow_hosts=("nobody",)))
    with pytest.raises(ValueError, match="--allow-host"):
        ae.make_server()
    wait_until(lambda: state()[1] == before)


@pytest.mark.parametrize(
    ("broken", "error", "match"),
    [
        ({"context": "1.2.840.10008.5.1.4.1.2.1.1"}, ValueError, "Patient Root Query"),
        ({"handler": evt.EVT_C_FIND}, ValueError, "EVT_C_FIND"),
        ({"handler": evt.EVT_PDU_RECV}, ValueError, "EVT_PDU_RECV"),
        ({"title": "MUCH_TOO_LONG_A_TITLE"}, ValueError, "title"),
        ({"directory": "missing"}, FileNotFoundError, "missing"),
        ({"directory": "file"}, NotADirectoryError, "file"),
        ({"spool": "missing"}, FileNotFoundError, "missing"),
        ({"port": 1}, PortError, "TCP Initialization"),
        ({"workers": 2}, ValueError, "one process"),
    ],
    ids=lambda value: next(iter(value.items()))[0] if isinstance(value, dict) else "",
)
def test_a_start_that_fails_leaves_nothing_behind(
    tmp_path: Path, broken: dict[str, Any], error: type[Exception], match: str
) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "spool").mkdir()
    taken = socket.create_server(("127.0.0.1", 0))
    config = Config(
        network=NetworkConfig(port=0, workers=broken.get("workers", 1)),
        storage=StorageConfig(
            directory=tmp_path / broken.get("directory", ""), spool=tmp_path / broken.get("spool", "spool")
        ),
        extras=ExtrasConfig(metrics_port=free_port()),
    )
    ae = AE.from_config(config)
    if "context" in broken:
        ae.add_supported_context(broken["context"])
    handlers: list[Any] = [(broken["handler"], print)] if "handler" in broken else []
    address = taken.getsockname() if "port" in broken else None
    before = state()
    with pytest.raises(error, match=match):
        ae.start_server(address, block=False, evt_handlers=handlers, ae_title=broken.get("title"))
    assert state() == before
    taken.close()


@pytest.mark.parametrize("is_started", [False, True])
def test_a_server_that_never_serves_leaves_nothing_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, is_started: bool
) -> None:
    """It is shut down before it is started, or its start fails when all else runs."""

    def fail(self: Server) -> None:
        raise ServerError("the system gives no thread")

    monkeypatch.setattr(Server, "start", fail)
    config = Config(
        network=NetworkConfig(port=0),
        storage=StorageConfig(directory=tmp_path, spool=tmp_path),
        extras=ExtrasConfig(metrics_port=free_port()),
    )
    before = state()
    server = AE.from_config(config).make_server()
    if is_started:
        with pytest.raises(ServerError):
            server.start()
    server.shutdown()
    assert state() == before


@pytest.mark.parametrize("make", [str, os.fsencode, Path])
def test_paths_of_every_kind(tmp_path: Path, make: Any) -> None:
    assert StorageWriter(make(str(tmp_path))).config.directory == bytes(tmp_path)


def test_what_is_no_text_and_no_path() -> None:
    with pytest.raises(TypeError):
        StorageWriter(7)  # type: ignore[arg-type]
    with pytest.raises(TypeError):
        AE(7)  # type: ignore[arg-type]
    with pytest.raises(TypeError):
        AssociationConfig(ae_title=7)  # type: ignore[arg-type]
    with pytest.raises(FileNotFoundError):
        StorageWriter("/nonexistent")
    with pytest.raises(TypeError, match=r"dcmrecv\.AE"):
        StorageWriter("/tmp")(object())  # type: ignore[arg-type]


def test_a_title_as_text_is_accepted_by_its_senders(tmp_path: Path) -> None:
    config = Config(
        association=AssociationConfig(ae_title="ARCHIVE"),
        network=NetworkConfig(port=0),
        storage=StorageConfig(directory=tmp_path),
    )
    with serving(config) as server:
        Association(server.port, who=Requestor(called="ARCHIVE")).release()
        with pytest.raises(UnexpectedPdu):
            Association(server.port, who=Requestor(called="OTHER"))


def test_changes_of_the_ae_count_for_the_next_association(tmp_path: Path) -> None:
    ae = AE("ARCHIVE")
    ae.add_supported_context(VERIFICATION)
    server = ae.start_server(
        ("127.0.0.1", 0), block=False, evt_handlers=[(evt.EVT_C_STORE, StorageWriter(tmp_path))]
    )
    with server:
        Association(server.port).release()
        ae.require_calling_aet = ["OTHER"]
        with pytest.raises(UnexpectedPdu) as refused:
            Association(server.port)
        assert refused.value.body[1:] == bytes([1, 1, 3])
        ae.require_calling_aet = []
        wait_until(lambda: not server.active_associations)
        ae.maximum_associations = 1
        with Association(server.port) as first:
            with pytest.raises(UnexpectedPdu) as refused:
                Association(server.port)
            assert refused.value.body[1:] == bytes([2, 3, 2])  # transient, local limit exceeded
            assert first.echo() == 0


def test_handlers_may_be_bound_and_unbound_while_it_serves(tmp_path: Path) -> None:
    config = Config(network=NetworkConfig(port=0), storage=StorageConfig(directory=tmp_path))
    with serving(config) as server:
        assert server.get_handlers(evt.EVT_C_ECHO) == (None, None)

        def busy(event: evt.Event) -> int:
            return 0x0122

        with Association(server.port) as association:
            assert association.echo() == 0
            server.bind(evt.EVT_C_ECHO, busy)
            assert server.get_handlers(evt.EVT_C_ECHO) == (busy, None)
            assert server.get_events() == [evt.EVT_C_ECHO, evt.EVT_C_STORE]
            assert association.echo() == 0x0122
            server.unbind(evt.EVT_C_ECHO, busy)
            assert association.echo() == 0


def test_everything_goes_to_logging(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, "dcmrecv")
    config = Config(
        association=AssociationConfig(accept_all=True),
        network=NetworkConfig(port=0),
        storage=StorageConfig(directory=tmp_path),
    )
    with serving(config) as server, Association(server.port, CT_IMAGE) as association:
        association.store("1.2.3", DATA_SET)
        association.release()
    records = {(record.name, record.levelno, record.message) for record in caplog.records}
    assert ("dcmrecv.network", logging.INFO, "Received C-STORE Request (MsgID 1)") in records or (
        "dcmrecv.network",
        logging.INFO,
        "Received C-STORE Request",
    ) in records
    assert any(name == "dcmrecv.data" and level == logging.DEBUG for name, level, _ in records)


def test_an_internal_error_is_logged_with_its_traceback(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*arguments: object) -> None:
        raise ZeroDivisionError("a mistake")

    monkeypatch.setattr(StorageWriter, "request", broken)
    config = Config(association=AssociationConfig(accept_all=True), network=NetworkConfig(port=0))
    monkeypatch.chdir(tmp_path)
    with serving(config) as server:
        with pytest.raises(UnexpectedPdu), Association(server.port, CT_IMAGE) as association:
            association.store("1.2.3", DATA_SET)
        wait_until(lambda: any(record.exc_info for record in caplog.records))
    raised = [record for record in caplog.records if record.exc_info]
    assert [(record.name, record.exc_info[0]) for record in raised if record.exc_info] == [
        ("dcmrecv", ZeroDivisionError)
    ]


class Raising(AssociationObserver):
    wanted = frozenset({Stored, StoreResponse})

    def observe(self, event: AssociationEvent) -> None:
        raise ZeroDivisionError("in an observer")


class RaisingReceiver(ReceiverObserver):
    def association(self, peer_address: str, peer_port: int) -> AssociationObserver:
        return Raising()


def test_an_observer_that_raises_costs_the_sender_nothing(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    config = Config(
        association=AssociationConfig(accept_all=True),
        network=NetworkConfig(port=0),
        storage=StorageConfig(directory=tmp_path),
    )
    with (
        serving(config, observer=RaisingReceiver()) as server,
        Association(server.port, CT_IMAGE) as association,
    ):
        assert [association.store(uid, DATA_SET) for uid in ("1.2.3", "1.2.4")] == [0, 0]
        association.release()
    assert {path.name for path in tmp_path.iterdir()} == {"CT.1.2.3", "CT.1.2.4"}
    raised = [record.name for record in caplog.records if record.exc_info]
    assert raised == ["dcmrecv"] * 4
    assert caplog.text.count("ZeroDivisionError: in an observer") == 4


WAITING = """
import sys
from dcmrecv import AE
ae = AE()
ae.add_supported_context("1.2.840.10008.5.1.4.1.1.2")
server = ae.start_server(("127.0.0.1", 0), block=False)
print(server.port, flush=True)
server.wait()
print("over", flush=True)
"""


def waits(pid: int) -> bool:
    """Return whether process *pid* catches SIGTERM: `wait` does, Python does not."""
    status = Path(f"/proc/{pid}/status").read_text()
    return bool(int(status.partition("SigCgt:")[2].split()[0], 16) & 1 << (signal.SIGTERM - 1))


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_waiting_for_a_signal_and_nothing_printed(tmp_path: Path, number: signal.Signals) -> None:
    with subprocess.Popen(
        [sys.executable, *STRICT, "-c", WAITING],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=tmp_path,
    ) as program:
        assert program.stdout is not None
        port = int(program.stdout.readline())
        with Association(port, CT_IMAGE) as association:
            assert association.store("1.2.3", DATA_SET) == 0
            association.release()
        with pytest.raises(UnexpectedPdu):
            Association(port, "1.2.840.10008.5.1.4.1.2.1.1")
        wait_until(lambda: waits(program.pid))
        program.send_signal(number)
        out, errors = program.communicate(timeout=30)
    assert (out, errors, program.returncode) == ("over\n", "", 0)
    assert [path.name for path in tmp_path.iterdir()] == ["CT.1.2.3"]


BLOCKING = WAITING.replace(", block=False", "").replace("0)", "PORT)").partition("print(server.port")[0]


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, -signal.SIGTERM), (signal.SIGINT, 0)])
def test_a_blocking_server_ends_as_the_program_would(
    tmp_path: Path, number: signal.Signals, code: int
) -> None:
    port = free_port()
    with subprocess.Popen(
        [sys.executable, "-c", BLOCKING.replace("PORT", str(port))], cwd=tmp_path
    ) as program:
        end = time.monotonic() + 30
        while True:
            try:
                Association(port, CT_IMAGE).release()
                break
            except ConnectionRefusedError:
                assert time.monotonic() < end
                time.sleep(0.05)
        program.send_signal(number)
        assert program.wait(30) == code


def test_an_ssl_context_of_the_program(tmp_path: Path, shared_pki: Path) -> None:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(shared_pki / "server.pem", shared_pki / "server.key")
    client = ssl.create_default_context(cafile=shared_pki / "ca.pem")
    config = Config(network=NetworkConfig(port=0), storage=StorageConfig(directory=tmp_path))
    with serving(config, ssl_context=context) as server:
        wrapped = Association(
            server.port, wrap=lambda plain: client.wrap_socket(plain, server_hostname="localhost")
        )
        with wrapped as association:
            assert association.echo() == 0


def test_ipv6(tmp_path: Path) -> None:
    ae = AE()
    ae.add_supported_context(VERIFICATION)
    with ae.make_server(("::1", 0), evt_handlers=[(evt.EVT_C_STORE, StorageWriter(tmp_path))]) as server:
        assert server.address_info.is_ipv6
        server.start()
        with socket.create_connection(("::1", server.port), timeout=20):
            pass


LAZY = """
import sys
import dcmrecv
assert not {"pynetdicom", "pydicom", "dcmrecv.config", "typing"} & set(sys.modules)
dcmrecv.Config, dcmrecv.PortError, dcmrecv.StorageWriter, dcmrecv.AsconfigError
assert "pynetdicom" not in sys.modules
dcmrecv.AE, dcmrecv.evt
"""


def test_names_are_loaded_when_they_are_used() -> None:
    code = f"import sys; sys.path[:] = {sys.path!r}\n{LAZY}"
    subprocess.run([sys.executable, "-S", "-c", code], check=True)
    for name in dcmrecv.__all__:
        assert getattr(dcmrecv, name) is not None
    with pytest.raises(AttributeError, match="nothing"):
        dcmrecv.nothing  # noqa: B018


READS = """
import sys
opened = []
sys.addaudithook(lambda name, args: opened.append(str(args[0])) if name == "open" else None)
from dcmrecv import AE, evt
ae = AE()
ae.add_supported_context("1.2.840.10008.5.1.4.1.1.2")
handlers = [(evt.EVT_C_STORE, lambda event: 0)] if sys.argv[1] == "own" else []
ae.start_server(("127.0.0.1", 0), block=False, evt_handlers=handlers).shutdown()
print(any(path.endswith("dictionary.txt") for path in opened))
"""


@pytest.mark.parametrize(("handler", "is_read"), [("own", "False"), ("built-in", "True")])
def test_the_dictionary_is_read_where_objects_are_stored(tmp_path: Path, handler: str, is_read: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", READS, handler],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert done.stdout == f"{is_read}\n"
