"""Real clients over loopback. A missing client skips, or fails where the run promises to have them all."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from tests.support.programs import find_program
from tests.support.server import RunningServer

EVERYTHING_REQUIRED = "DCMRECV_REQUIRE_CLIENTS"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents:
            item.add_marker(pytest.mark.live)


@pytest.fixture(scope="session")
def client() -> Callable[[str], str]:
    """Return the path of a client program, or skip (fail if every client is required)."""

    def find(name: str) -> str:
        path = find_program(name)
        if path is None:
            reason = f"{name} is not installed (apt-get install dcmtk libgdcm-tools)"
            if os.environ.get(EVERYTHING_REQUIRED):
                pytest.fail(reason)
            pytest.skip(reason)
        return path

    return find


@pytest.fixture
def run(client: Callable[[str], str]) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Run a client to its end."""

    def call(
        name: str, *arguments: str, timeout: float = 120, check: bool = True
    ) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            [client(name), *arguments], capture_output=True, text=True, timeout=timeout, errors="replace"
        )
        if check:
            assert done.returncode == 0, f"{name} {arguments}: {done.stdout}{done.stderr}"
        return done

    return call


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Callable[..., RunningServer]]:
    """Start servers that are ended after the test."""
    started: list[RunningServer] = []

    def start(options: Sequence[str] = ("-xf", "storescp.cfg", "default"), **more: object) -> RunningServer:
        server = RunningServer(tmp_path / f"out{len(started)}", options, **more)  # type: ignore[arg-type]
        started.append(server)
        return server.start()

    yield start
    for server in started:
        server.__exit__(None, None, None)
