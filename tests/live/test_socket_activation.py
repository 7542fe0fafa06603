"""A listening socket from a service manager outlives the receiver, and only a socket that listens is served."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.support.rawscu import Association, UnexpectedPdu
from tests.support.server import free_port

ALL = ("-xf", "storescp.cfg", "default", "-v")


class Manager:
    """What a service manager is to the receiver: it passes sockets and hears what is said."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.notifications = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.notifications.bind(str(directory / "notify"))
        self.notifications.settimeout(30)
        self.log = directory / "log"
        (directory / "out").mkdir()

    def start(self, sockets: list[socket.socket], *options: str) -> subprocess.Popen[bytes]:
        moves = " ".join(f"{3 + n}<&{sock.fileno()}" for n, sock in enumerate(sockets))
        # LISTEN_PID must be the program's own, so a shell sets it and becomes the program
        script = f'exec {moves}; LISTEN_PID=$$ LISTEN_FDS={len(sockets)} exec "$@"'
        command = [sys.executable, "-m", "dcmrecv", "104", "-od", str(self.directory / "out"), *ALL, *options]
        with self.log.open("ab") as log:
            return subprocess.Popen(
                ["bash", "-c", script, "bash", *command],
                pass_fds=[sock.fileno() for sock in sockets],
                env={**os.environ, "NOTIFY_SOCKET": str(self.directory / "notify")},
                stderr=log,
            )

    def hears(self, word: str) -> str:
        while True:
            said = self.notifications.recv(1000).decode()
            if said.startswith(word):
                return said


@pytest.fixture
def manager(tmp_path: Path) -> Iterator[Manager]:
    made = Manager(tmp_path)
    yield made
    made.notifications.close()


@contextmanager
def running(process: subprocess.Popen[bytes]) -> Iterator[subprocess.Popen[bytes]]:
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def listen() -> socket.socket:
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(("127.0.0.1", free_port()))
    listener.listen(50)
    return listener


def echo(port: int) -> int:
    with Association(port) as peer:
        status = peer.echo()
        peer.release()
    return status


@pytest.mark.parametrize("options", [(), ("--workers", "2")], ids=["alone", "workers"])
def test_the_socket_is_there_after_a_restart(manager: Manager, options: tuple[str, ...]) -> None:
    with listen() as port:
        number = port.getsockname()[1]
        for _ in range(3):
            with running(manager.start([port], *options)) as process:
                assert f"listening on port {number}" in manager.hears("READY=1")
                for _ in range(5):
                    assert echo(number) == 0
                process.send_signal(signal.SIGTERM)
                assert process.wait(30) == -signal.SIGTERM
        # while nobody serves, connections wait in the socket
        with socket.create_connection(("127.0.0.1", number), timeout=10), running(manager.start([port])):
            manager.hears("READY=1")
            assert echo(number) == 0


@pytest.mark.parametrize("workers", ["1", "2"])
def test_files_are_read_again_and_listen_is_ignored(manager: Manager, tmp_path: Path, workers: str) -> None:
    titles = tmp_path / "titles"
    titles.write_text("OTHER")
    options = ("--allow-calling-file", str(titles), "--workers", workers, "--listen", "127.0.0.9")
    with listen() as port, running(manager.start([port], *options)) as process:
        manager.hears("READY=1")
        number = port.getsockname()[1]
        with pytest.raises(UnexpectedPdu):
            echo(number)
        titles.write_text("TESTSCU")
        process.send_signal(signal.SIGHUP)
        end = time.monotonic() + 20
        while time.monotonic() < end:
            try:
                assert echo(number) == 0
                break
            except UnexpectedPdu:
                time.sleep(0.05)
        else:
            pytest.fail(manager.log.read_text())
        assert process.poll() is None
        assert "W: --listen is ignored: the service manager has opened the port" in manager.log.read_text()


def test_several_sockets_are_served(manager: Manager) -> None:
    with listen() as first, listen() as second, running(manager.start([first, second])):
        numbers = sorted(port.getsockname()[1] for port in (first, second))
        assert f"listening on ports {numbers[0]}, {numbers[1]}" in manager.hears("READY=1")
        for _ in range(3):
            assert [echo(number) for number in numbers] == [0, 0]


def test_a_socket_that_does_not_listen_ends_the_start(manager: Manager) -> None:
    with (
        listen() as port,
        socket.create_connection(port.getsockname()) as connected,
        socket.socket() as unbound,
    ):
        for sock in (connected, unbound):
            with running(manager.start([sock])) as process:
                assert process.wait(30) == 64
    assert (
        manager.log.read_text().count("descriptor 3 of the service manager is not a listening TCP socket")
        == 2
    )
    manager.notifications.settimeout(0.1)
    with pytest.raises(TimeoutError):
        manager.hears("READY=1")


def test_a_socket_that_somebody_shuts_down(manager: Manager, monkeypatch: pytest.MonkeyPatch) -> None:
    """It cannot be healed from here: the process says so and ends with a code for which it is started again."""
    with listen() as port:
        number = port.getsockname()[1]
        program = (
            "import sys; from dcmrecv.server import limits; limits.DEAF_SECONDS = 1.0; limits.HOPELESS_SECONDS = 2.0\n"
            "from dcmrecv.__main__ import main; sys.exit(main())"
        )
        monkeypatch.setattr(sys, "executable", _wrapper(manager.directory, program))
        with running(manager.start([port])) as process:
            manager.hears("READY=1")
            assert echo(number) == 0
            port.shutdown(socket.SHUT_RDWR)
            start = time.monotonic()
            assert process.wait(30) == 70
            assert time.monotonic() - start < 20
    assert "F: " in manager.log.read_text().splitlines()[-1]


def _wrapper(directory: Path, program: str) -> str:
    """Return an executable that runs *program* whatever module it is asked for."""
    (directory / "program.py").write_text(program)
    wrapper = directory / "python"
    wrapper.write_text(f'#!/bin/sh\nshift 2\nexec "{sys.executable}" "{directory}/program.py" "$@"\n')
    wrapper.chmod(0o755)
    return str(wrapper)
