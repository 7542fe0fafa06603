"""The pipelines against real servers, with faults: nothing lost, nothing twice under one key."""

from __future__ import annotations

import asyncio
import importlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from pydicom import dcmread
from pydicom.data import get_testdata_file

from tests.support.server import ROOT

PIPELINES = ROOT / "examples" / "pipelines"
OBJECTS = 2000 if os.environ.get("DCMRECV_SLOW") else 300
FEW = 200
PER_FILE = 50
STUDY, SERIES, INSTANCE = "1.2.3.9999", "1.2.3.4.9999", "1.2.3.4.5.99999"

pytestmark = pytest.mark.live


@pytest.fixture
def modules(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.syspath_prepend(str(PIPELINES))
    yield
    for name in ("follow", "to_s3", "to_nats", "to_stow"):
        sys.modules.pop(name, None)


def load(name: str) -> ModuleType:
    return importlib.import_module(name)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Program:
    """A program that listens on *port*; killed and started again by the tests."""

    def __init__(self, command: list[str], port: int, log: Path) -> None:
        self._command = command
        self._port = port
        self._log = log
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        with open(self._log, "ab") as log:
            self._process = subprocess.Popen(self._command, stdout=log, stderr=log)
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            if self._process.poll() is not None:
                raise AssertionError(self._log.read_text(errors="replace")[-2000:])
            with socket.socket() as probe:
                if not probe.connect_ex(("127.0.0.1", self._port)):
                    return
            time.sleep(0.05)
        raise AssertionError("it does not listen")

    def until_idle(self) -> None:
        """Wait until it has done with the connections of a client that was killed, with what that sent, too."""
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            rows = [
                line.split()
                for table in ("/proc/net/tcp", "/proc/net/tcp6")
                for line in Path(table).read_text().splitlines()[1:]
            ]
            states = {row[3] for row in rows if row[1].endswith(f":{self._port:04X}")}
            if states <= {"06", "0A"}:  # TIME_WAIT, LISTEN
                return
            time.sleep(0.05)
        raise AssertionError("it does not close its connections")

    def kill(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None


def fill(root: Path, count: int) -> tuple[Path, list[dict[str, Any]]]:
    """Make *count* small objects and a spool that names them, as a receiver leaves both."""
    spool, incoming = root / "spool", root / "incoming"
    spool.mkdir()
    incoming.mkdir()
    data_set = dcmread(get_testdata_file("CT_small.dcm"))
    del data_set.PixelData
    data_set.StudyInstanceUID, data_set.SeriesInstanceUID, data_set.SOPInstanceUID = STUDY, SERIES, INSTANCE
    data_set.file_meta.MediaStorageSOPInstanceUID = INSTANCE
    data_set.save_as(incoming / "template")
    template = (incoming / "template").read_bytes()
    (incoming / "template").unlink()
    lines = []
    for number in range(1, count + 1):
        study, series = f"1.2.3.{1000 + number // 500}", f"1.2.3.4.{1000 + number // 100}"
        instance = f"1.2.3.4.5.{10000 + number}"
        content = template.replace(STUDY.encode(), study.encode()).replace(
            INSTANCE.encode(), instance.encode()
        )
        path = incoming / f"CT.{instance}"
        path.write_bytes(content.replace(SERIES.encode(), series.encode()))
        line = {"path": str(path), "bytes": len(content), "process": "test-1-1", "sequence": number}
        line |= {"sop_instance_uid": instance, "sop_class_uid": str(data_set.SOPClassUID)}
        lines.append(line | {"study_instance_uid": study, "series_instance_uid": series})
    for start in range(0, count, PER_FILE):
        text = "".join(json.dumps(line) + "\n" for line in lines[start : start + PER_FILE])
        (spool / f"{start:06}.jsonl").write_text(text)
    return spool, lines


def left(spool: Path) -> int:
    return len(list(spool.glob("[!.]*.jsonl")))


def follow_and_kill(command: list[str], spool: Path, server: Program, *, environment: dict[str, str]) -> None:
    """Run *command* to the end of the spool; on the way kill it twice, and *server* once, by SIGKILL."""
    files = left(spool)
    for part in (0.75, 0.4):
        with subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL) as process:
            deadline = time.monotonic() + 120
            while left(spool) > files * part and process.poll() is None:
                assert time.monotonic() < deadline
                time.sleep(0.01)
            process.send_signal(signal.SIGKILL)
        server.until_idle()  # a test server may finish half a request over the whole one that is sent next
    with subprocess.Popen(command, env=environment, stderr=subprocess.PIPE) as process:
        deadline = time.monotonic() + 120
        while left(spool) > files * 0.2 and process.poll() is None:
            if time.monotonic() > deadline:
                process.terminate()
                raise AssertionError(process.communicate(timeout=60)[1].decode())
            time.sleep(0.01)
        server.kill()
        time.sleep(0.5)
        server.start()
        _, error = process.communicate(timeout=180)
    assert process.returncode == 0, error.decode()
    assert not left(spool)
    assert not (spool / "rejected.jsonl").exists()


def object_storage(directory: Path, port: int) -> Program:
    command = ["s3rver", "--address", "127.0.0.1", "--port", str(port), "--silent"]
    command += ["--configure-bucket", "images", "--directory", str(directory / "store")]
    return Program(command, port, directory / "log")


def bucket(port: int) -> Any:
    return pytest.importorskip("obstore").store.S3Store(
        "images",
        endpoint=f"http://127.0.0.1:{port}",
        access_key_id="S3RVER",
        secret_access_key="S3RVER",
        region="us-east-1",
        client_options={"allow_http": True},
        retry_config={"max_retries": 0},
    )


@pytest.mark.skipif(shutil.which("s3rver") is None, reason="no s3rver")
def test_object_storage(tmp_path: Path, modules: None) -> None:
    obstore = pytest.importorskip("obstore")
    port = free_port()
    server = object_storage(tmp_path, port)
    spool, lines = fill(tmp_path, OBJECTS)
    big = Path(lines[7]["path"])
    with open(big, "ab") as file:
        file.write(bytes(20 << 20))  # three parts
    lines[7]["bytes"] = big.stat().st_size
    expected = {line["sop_instance_uid"]: Path(line["path"]).read_bytes() for line in lines}
    environment = {**os.environ, "AWS_ACCESS_KEY_ID": "S3RVER", "AWS_SECRET_ACCESS_KEY": "S3RVER"}
    command = [
        sys.executable,
        str(PIPELINES / "to_s3.py"),
        str(spool),
        "--bucket",
        "images",
        "--once",
        "--remove",
    ]
    command += ["--endpoint", f"http://127.0.0.1:{port}"]
    with ExitStack() as stack:
        server.start()
        stack.callback(server.kill)
        follow_and_kill(command, spool, server, environment=environment)
        store = bucket(port)
        # key by key: after SIGKILL this server no longer lists a bucket in which it was writing
        keys = {line["sop_instance_uid"]: load("to_s3").key_of(line) for line in lines}
        found = {uid: bytes(obstore.get(store, key).bytes()) for uid, key in keys.items()}
    assert len(set(keys.values())) == OBJECTS
    assert found == expected
    assert not list((tmp_path / "incoming").iterdir())


@pytest.mark.skipif(shutil.which("s3rver") is None, reason="no s3rver")
def test_a_storage_that_cannot_say_what_it_holds(tmp_path: Path, modules: None) -> None:
    """A server that was killed while it wrote about an object answers for it with an error until it is sent again."""
    port = free_port()
    server = object_storage(tmp_path, port)
    _, (line,) = fill(tmp_path, 1)
    with ExitStack() as stack:
        server.start()
        stack.callback(server.kill)
        deliver = load("to_s3").ToS3(bucket(port))
        deliver(line)
        (about,) = (tmp_path / "store").rglob("*_metadata.json")
        os.truncate(about, 0)
        deliver(line)
        assert about.stat().st_size


@pytest.mark.skipif(shutil.which("nats-server") is None, reason="no nats-server")
def test_message_stream(tmp_path: Path, modules: None) -> None:
    nats = pytest.importorskip("nats")
    port = free_port()
    command = ["nats-server", "-js", "-a", "127.0.0.1", "-p", str(port), "-sd", str(tmp_path / "stream")]
    server = Program(command, port, tmp_path / "log")
    spool, lines = fill(tmp_path, OBJECTS)
    url = f"nats://127.0.0.1:{port}"
    follower = [sys.executable, str(PIPELINES / "to_nats.py"), str(spool), "--server", url, "--once"]

    async def events() -> list[dict[str, Any]]:
        connection = await nats.connect(url)
        stream = connection.jetstream()
        subscription = await stream.pull_subscribe("dicom.stored", "judge")
        found: list[dict[str, Any]] = []
        total = (await stream.stream_info("DICOM")).state.messages
        while len(found) < total:
            for message in await subscription.fetch(min(500, total - len(found))):
                found.append(json.loads(message.data))
                await message.ack()
        await connection.close()
        return found

    with ExitStack() as stack:
        server.start()
        stack.callback(server.kill)
        follow_and_kill(follower, spool, server, environment=dict(os.environ))
        found = asyncio.run(events())
    assert sorted(line["sequence"] for line in found) == list(range(1, OBJECTS + 1))
    assert {line["path"] for line in found} == {line["path"] for line in lines}


@pytest.mark.skipif(shutil.which("Orthanc") is None, reason="no Orthanc")
def test_dicomweb_server(tmp_path: Path, modules: None) -> None:
    httpx = pytest.importorskip("httpx")
    port = free_port()
    configuration = {
        "StorageDirectory": str(tmp_path / "orthanc"),
        "IndexDirectory": str(tmp_path / "orthanc"),
        "HttpPort": port,
        "DicomServerEnabled": False,
        "RemoteAccessAllowed": False,
        "AuthenticationEnabled": False,
        "Plugins": ["/usr/share/orthanc/plugins/libOrthancDicomWeb.so"],
    }
    (tmp_path / "orthanc.json").write_text(json.dumps(configuration))
    server = Program(["Orthanc", str(tmp_path / "orthanc.json")], port, tmp_path / "log")
    spool, lines = fill(tmp_path, OBJECTS)
    url = f"http://127.0.0.1:{port}"
    follower = [
        sys.executable,
        str(PIPELINES / "to_stow.py"),
        str(spool),
        "--url",
        url + "/dicom-web",
        "--once",
    ]
    with ExitStack() as stack:
        server.start()
        stack.callback(server.kill)
        follow_and_kill(follower, spool, server, environment=dict(os.environ))
        found = httpx.get(url + "/dicom-web/instances", params={"limit": 2 * OBJECTS}, timeout=60).json()
    assert sorted(item["00080018"]["Value"][0] for item in found) == sorted(
        line["sop_instance_uid"] for line in lines
    )


def test_what_can_never_succeed_is_set_aside(tmp_path: Path, modules: None) -> None:
    follow = load("follow")
    spool, lines = fill(tmp_path, FEW)
    Path(lines[3]["path"]).unlink()
    delivered = []

    def deliver(line: dict[str, Any]) -> None:
        follow.object_file(line)
        delivered.append(line["sequence"])

    follower = follow.Follower(spool, deliver)
    follower.run(once=True)
    assert sorted(delivered) == [number for number in range(1, FEW + 1) if number != 4]
    (rejected,) = (spool / "rejected.jsonl").read_text().splitlines()
    assert json.loads(rejected)["sequence"] == 4
    assert json.loads(rejected)["rejected"] == "the file is gone"
    assert not [path for path in spool.glob("[!.]*.jsonl") if path.name != "rejected.jsonl"]


def test_what_fails_is_repeated(tmp_path: Path, modules: None, monkeypatch: pytest.MonkeyPatch) -> None:
    follow = load("follow")
    monkeypatch.setattr(follow, "FIRST_PAUSE", 0.001)
    spool, _ = fill(tmp_path, FEW)
    attempts: dict[int, int] = {}

    def deliver(line: dict[str, Any]) -> None:
        number = line["sequence"]
        attempts[number] = attempts.get(number, 0) + 1
        if number % 7 == 0 and attempts[number] < 3:
            raise ConnectionResetError("the other side is gone")

    follower = follow.Follower(spool, deliver)
    follower.run(once=True)
    assert {number: 3 if number % 7 == 0 else 1 for number in range(1, FEW + 1)} == attempts
    assert follower.progress.delivered == FEW


def test_a_second_follower_is_refused(tmp_path: Path, modules: None) -> None:
    follow = load("follow")
    spool, _ = fill(tmp_path, PER_FILE)
    with open(spool / ".follower.lock", "w") as lock:
        follow.fcntl.flock(lock, follow.fcntl.LOCK_EX)
        with pytest.raises(BlockingIOError):
            follow.Follower(spool, lambda line: None).run(once=True)
    assert left(spool) == 1
