"""Stopping the real program: running C-STOREs finish, idle peers are let go, the wait status is the signal's."""

from __future__ import annotations

import signal
import socket
import time
from pathlib import Path

import pytest

from tests.support.rawscu import CT_IMAGE, Association, command_set, element, p_data
from tests.support.server import RunningServer

STOPS = [signal.SIGTERM, signal.SIGINT]
DATA_SET = b"".join(
    [
        element(0x0008, 0x0016, CT_IMAGE.encode()),
        element(0x0008, 0x0018, b"1.2.3"),
        element(0x7FE0, 0x0010, bytes(100_000)),
    ]
)
PROFILE = ("-xf", "storescp.cfg", "default")


def begin_store(peer: Association) -> None:
    """Send the command and the first half of a data set."""
    command: dict[int, bytes | int] = {0x0002: CT_IMAGE.encode(), 0x0100: 1, 0x0110: 1, 0x0700: 0}
    peer.send(p_data(3, command_set(command | {0x0800: 1, 0x1000: b"1.2.3"})))
    for start in range(0, 50_000, 10_000):
        peer.send(p_data(0, DATA_SET[start : start + 10_000]))


def end_store(peer: Association) -> int:
    for start in range(50_000, len(DATA_SET), 10_000):
        peer.send(p_data(2 if start + 10_000 >= len(DATA_SET) else 0, DATA_SET[start : start + 10_000]))
    return peer.response_status()


def wait_until_receiving(server: RunningServer, *, beside: int = 0) -> None:
    """Wait until an object is being received, besides the number of those that have been."""
    end = time.monotonic() + 20
    while sum(path.stat().st_size > 40_000 for path in server.stored()) <= beside:
        assert time.monotonic() < end
        time.sleep(0.01)


def refuses(port: int) -> bool:
    end = time.monotonic() + 20
    while time.monotonic() < end:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=5).close()
        except ConnectionRefusedError:
            return True
        except ConnectionResetError:
            continue  # the port closed while the connection was being made
        time.sleep(0.02)
    return False


@pytest.mark.parametrize("workers", ["1", "2"])
@pytest.mark.parametrize("number", STOPS)
@pytest.mark.parametrize("mode", [(), ("+B",)], ids=["normal", "bit"])
def test_a_running_store_finishes(
    tmp_path: Path, number: signal.Signals, mode: tuple[str, ...], workers: str
) -> None:
    options = [*PROFILE, *mode, "--grace", "60", "--workers", workers]
    with RunningServer(tmp_path / "out", options) as server, Association(server.port, CT_IMAGE) as peer:
        begin_store(peer)
        wait_until_receiving(server)
        assert server.process is not None
        server.process.send_signal(number)
        assert refuses(server.port)
        assert end_store(peer) == 0
        assert server.process.wait(30) == -number
        assert [path.name for path in server.stored()] == ["CT.1.2.3"]
        assert "Traceback" not in server.log


@pytest.mark.parametrize("number", STOPS)
def test_idle_associations_and_silent_connections_do_not_delay(
    tmp_path: Path, number: signal.Signals
) -> None:
    with (
        RunningServer(tmp_path / "out", [*PROFILE, "--grace", "60"]) as server,
        Association(server.port, CT_IMAGE) as idle,
        socket.create_connection(("127.0.0.1", server.port), timeout=20),
    ):
        assert idle.store("1.2.4", DATA_SET) == 0
        begin = time.monotonic()
        assert server.stop(number) == -number
        assert time.monotonic() - begin < 25
        assert "Traceback" not in server.log


@pytest.mark.parametrize("mode", [(), ("+B",)], ids=["normal", "bit"])
def test_after_the_grace_time_nothing_partial_stays(tmp_path: Path, mode: tuple[str, ...]) -> None:
    options = [*PROFILE, *mode, "--grace", "0.3"]
    with RunningServer(tmp_path / "out", options) as server, Association(server.port, CT_IMAGE) as peer:
        begin_store(peer)
        wait_until_receiving(server)
        assert server.stop() == -signal.SIGTERM
        assert server.stored() == []
        (line,) = [line for line in server.log.splitlines() if "Stopp" in line]
        assert line.startswith("W: Stopped while receiving 1.2.3")
        assert " from TESTSCU at " in line


@pytest.mark.parametrize("workers", ["1", "2"])
def test_a_stop_is_logged_if_it_meets_a_store(tmp_path: Path, workers: str) -> None:
    options = [*PROFILE, "-v", "--grace", "60", "--workers", workers]
    with (
        RunningServer(tmp_path / "out", options) as server,
        Association(server.port, CT_IMAGE) as idle,
        Association(server.port, CT_IMAGE) as peer,
    ):
        assert idle.store("1.2.4", DATA_SET) == 0
        begin_store(peer)
        wait_until_receiving(server, beside=1)
        assert server.process is not None
        server.process.send_signal(signal.SIGTERM)
        assert refuses(server.port)
        assert end_store(peer) == 0
        assert server.process.wait(30) == -signal.SIGTERM
        lines = [line for line in server.log.splitlines() if "Stopping" in line]
        assert lines == ["I: Stopping: no new associations; running C-STOREs have 60 s to finish"]


@pytest.mark.parametrize("workers", ["1", "2"])
def test_an_idle_receiver_stops_without_a_word(tmp_path: Path, workers: str) -> None:
    options = [*PROFILE, "-v", "--workers", workers]
    with RunningServer(tmp_path / "out", options) as server, Association(server.port, CT_IMAGE) as idle:
        assert idle.store("1.2.4", DATA_SET) == 0
        assert server.stop() == -signal.SIGTERM
        assert "Stopping" not in server.log


@pytest.mark.parametrize("second", STOPS)
def test_a_second_signal_ends_at_once(tmp_path: Path, second: signal.Signals) -> None:
    options = [*PROFILE, "--grace", "600"]
    with RunningServer(tmp_path / "out", options) as server, Association(server.port, CT_IMAGE) as peer:
        begin_store(peer)
        wait_until_receiving(server)
        assert server.process is not None
        server.process.send_signal(signal.SIGTERM)
        assert refuses(server.port)
        server.process.send_signal(second)
        assert server.process.wait(30) in (-signal.SIGTERM, -second)
        assert server.stored() == []


def test_hangup_ends_without_a_log_configuration(tmp_path: Path) -> None:
    with RunningServer(tmp_path / "out", PROFILE) as server:
        assert server.stop(signal.SIGHUP) == -signal.SIGHUP


def test_hangup_reopens_logs_with_a_log_configuration(tmp_path: Path) -> None:
    log = tmp_path / "program.log"
    config = tmp_path / "logger.cfg"
    config.write_text(
        "log4cplus.rootLogger = INFO, file\n"
        "log4cplus.appender.file = log4cplus::FileAppender\n"
        f"log4cplus.appender.file.File = {log}\n"
        "log4cplus.appender.file.layout = log4cplus::PatternLayout\n"
        "log4cplus.appender.file.layout.ConversionPattern = %m%n\n"
    )
    with RunningServer(tmp_path / "out", [*PROFILE, "-lc", str(config)]) as server:
        log.rename(tmp_path / "rotated.log")
        assert server.process is not None
        server.process.send_signal(signal.SIGHUP)
        end = time.monotonic() + 20
        while not log.exists() and time.monotonic() < end:
            time.sleep(0.02)
        with Association(server.port) as peer:
            assert peer.echo() == 0
            peer.release()
        while "Association Received" not in log.read_text() and time.monotonic() < end:
            time.sleep(0.02)
        assert "Association Received" in log.read_text()
        assert "Association Received" not in (tmp_path / "rotated.log").read_text()
        assert server.stop() == -signal.SIGTERM
