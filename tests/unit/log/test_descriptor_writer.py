"""The descriptor writer: whole batches, bounded waits, counted losses."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from dcmrecv.log import descriptor_writer
from dcmrecv.log.descriptor_writer import DescriptorWriter, encode


@pytest.fixture
def pipe() -> Iterator[tuple[int, int]]:
    reader, writer = os.pipe()
    yield reader, writer
    for descriptor in (reader, writer):
        try:
            os.close(descriptor)
        except OSError:
            continue


def read_all(descriptor: int, length: int) -> bytes:
    data = b""
    while len(data) < length:
        chunk = os.read(descriptor, length - len(data))
        if not chunk:
            break
        data += chunk
    return data


def notice(count: int) -> bytes:
    return b"lost %d\n" % count


def test_the_inherited_description_stays_blocking(pipe: tuple[int, int]) -> None:
    writer = DescriptorWriter(pipe[1])
    writer.write(b"x\n")
    assert os.get_blocking(pipe[1])
    writer.close()


def test_a_large_batch_arrives_whole_while_the_reader_keeps_up(pipe: tuple[int, int]) -> None:
    writer = DescriptorWriter(pipe[1], notice)
    data = b"0123456789abcde\n" * 20_000
    got: list[bytes] = []
    thread = threading.Thread(target=lambda: got.append(read_all(pipe[0], len(data))))
    thread.start()
    writer.write(data)
    thread.join(10)
    writer.close()
    assert got == [data]
    assert writer.lost == 0


def test_batches_of_threads_do_not_interleave(pipe: tuple[int, int]) -> None:
    writer = DescriptorWriter(pipe[1])
    batches = [b"%d\n" % n * 4000 for n in range(4)]
    got: list[bytes] = []
    reader = threading.Thread(target=lambda: got.append(read_all(pipe[0], sum(map(len, batches)))))
    reader.start()
    threads = [threading.Thread(target=writer.write, args=(batch,)) for batch in batches]
    for thread in threads:
        thread.start()
    for thread in [*threads, reader]:
        thread.join(10)
    writer.close()
    rest = got[0]
    while rest:
        batch = next(b for b in batches if rest.startswith(b))
        rest = rest[len(batch) :]


def test_a_stalled_reader_costs_one_bounded_wait(
    pipe: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(descriptor_writer, "STALL_SECONDS", 0.1)
    monkeypatch.setattr(descriptor_writer, "BACKLOG_LIMIT", 1000)
    writer = DescriptorWriter(pipe[1], notice)
    filling = b"f" * 99 + b"\n"
    start = time.monotonic()
    writer.write(filling * 2000)
    first = time.monotonic() - start
    start = time.monotonic()
    for _ in range(100):
        writer.write(filling)
    assert first < 5
    assert time.monotonic() - start < 1
    assert writer.lost == 100
    threading.Thread(target=writer.close).start()
    assert read_all(pipe[0], 200_000) == filling * 2000


def test_lost_lines_are_reported_in_place(pipe: tuple[int, int], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(descriptor_writer, "STALL_SECONDS", 0.05)
    monkeypatch.setattr(descriptor_writer, "BACKLOG_LIMIT", 10)
    writer = DescriptorWriter(pipe[1], notice)
    writer.write(b"a\n" * 50_000)
    writer.write(b"gone\ngone\n")
    assert read_all(pipe[0], 60_000) == b"a\n" * 30_000
    writer.write(b"b\n")
    rest = read_all(pipe[0], 40_000 + len(b"lost 2\nb\n"))
    assert rest == b"a\n" * 20_000 + b"lost 2\nb\n"
    writer.close()


def test_a_closed_reader_does_no_harm(pipe: tuple[int, int]) -> None:
    writer = DescriptorWriter(pipe[1], notice)
    os.close(pipe[0])
    writer.write(b"a\nb\n")
    assert writer.lost == 2
    writer.write(b"c\n")
    assert writer.lost == 3
    writer.close()


def test_a_closed_descriptor_does_no_harm() -> None:
    reader, number = os.pipe()
    os.close(reader)
    os.close(number)
    writer = DescriptorWriter(number, notice)
    writer.write(b"a\n")
    assert writer.lost == 1
    writer.close()


def test_a_socket_that_is_not_read_costs_a_bounded_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(descriptor_writer, "STALL_SECONDS", 0.1)
    ours, theirs = socket.socketpair()
    with ours, theirs:
        writer = DescriptorWriter(ours.fileno(), notice)
        start = time.monotonic()
        writer.write(b"x" * (8 << 20))
        assert time.monotonic() - start < 5
        monkeypatch.setattr(descriptor_writer, "STALL_SECONDS", 0.0)


def test_a_full_disk_is_counted() -> None:
    number = os.open("/dev/full", os.O_WRONLY)
    writer = DescriptorWriter(number, notice)
    writer.write(b"a\n")
    assert writer.lost == 1
    writer.close()
    os.close(number)


@pytest.mark.parametrize(
    ("text", "data"),
    [("é\udcff", b"\xc3\xa9\xff"), ("\ud800", b"\xed\xa0\x80"), ("a\0b", b"a\0b")],
)
def test_bytes_leave_as_they_came(text: str, data: bytes) -> None:
    assert encode(text) == data


def test_a_closed_standard_error_is_never_reused_for_a_file(tmp_path: Path) -> None:
    target = tmp_path / "object"
    code = (
        "import sys\n"
        "from dcmrecv.config import LoggingConfig\n"
        "from dcmrecv.log import setup\n"
        "logs = setup(LoggingConfig(), argv0='x')\n"
        "file = open(sys.argv[1], 'wb')\n"
        "assert file.fileno() > 2\n"
        "logs.logger('dcmtk.dcmnet').error('text')\n"
    )
    done = subprocess.run(
        ["sh", "-c", '"$0" -c "$1" "$2" 2>&-', sys.executable, code, str(target)], check=False
    )
    assert done.returncode == 0
    assert target.read_bytes() == b""
