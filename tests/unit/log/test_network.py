"""Appenders that send, and the asynchronous one (spec/logging.md A.6)."""

from __future__ import annotations

import os
import re
import shutil
import socket
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from dcmrecv.config import LogLevel
from dcmrecv.log import files, network, queue_thread
from tests.unit.log.conftest import Configure

APP = "dcmtk.apps.dcmrecv"
LAYOUT = (
    "log4cplus.appender.A.layout = log4cplus::PatternLayout\n"
    "log4cplus.appender.A.layout.ConversionPattern = %m\n"
)


@pytest.fixture
def datagrams() -> Iterator[socket.socket]:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as link:
        link.bind(("127.0.0.1", 0))
        link.settimeout(5)
        yield link


def config(kind: str, options: str) -> str:
    return f"log4cplus.rootLogger = ALL, A\nlog4cplus.appender.A = log4cplus::{kind}\n{options}"


def test_remote_syslog(configure: Configure, datagrams: socket.socket) -> None:
    port = datagrams.getsockname()[1]
    log = configure(
        config(
            "SysLogAppender",
            LAYOUT
            + f"log4cplus.appender.A.host = 127.0.0.1\nlog4cplus.appender.A.port = {port}\n"
            + "log4cplus.appender.A.facility = LOCAL3\nlog4cplus.appender.A.ident = recv\n",
        )
    ).logger(APP)
    severities = {"TRACE": 7, "DEBUG": 7, "INFO": 6, "WARN": 4, "ERROR": 3, "FATAL": 2}
    for name, severity in severities.items():
        log.log(LogLevel[name], "text \udcff")
        data = datagrams.recv(10_000)
        assert re.fullmatch(
            rb"<%d>1 \d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z \S+ recv \d+ dcmtk\.apps\.dcmrecv - text \xff"
            % (19 * 8 + severity),
            data,
        )


def test_an_unknown_facility_is_user(
    configure: Configure, datagrams: socket.socket, capfd: pytest.CaptureFixture[str]
) -> None:
    port = datagrams.getsockname()[1]
    options = f"log4cplus.appender.A.host = 127.0.0.1\nlog4cplus.appender.A.port = {port}\n"
    logs = configure(config("SysLogAppender", options + "log4cplus.appender.A.facility = Bogus\n"))
    logs.logger(APP).info("x")
    assert datagrams.recv(1000).startswith(b"<14>1 ")
    assert capfd.readouterr().err == "log4cplus:ERROR Unknown syslog facility: bogus\n"


def test_a_syslog_host_nobody_knows(configure: Configure, capfd: pytest.CaptureFixture[str]) -> None:
    configure(config("SysLogAppender", "log4cplus.appender.A.host = a b\n")).logger(APP).info("x")
    assert capfd.readouterr().err == ("log4cplus:WARN SysLogAppender::appendRemote- socket write failed\n")


RECORDER = r"""
#include <stdarg.h>
#include <stdio.h>
void openlog(const char *ident, int option, int facility) {
    printf("open %s %d %d\n", ident ? ident : "-", option, facility);
}
static void record(int priority, const char *format, va_list arguments) {
    printf("log %d [", priority);
    vprintf(format, arguments);
    printf("]\n");
    fflush(stdout);
}
void syslog(int priority, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    record(priority, format, arguments);
}
/* what an interpreter that is compiled with _FORTIFY_SOURCE calls */
void __syslog_chk(int priority, int flag, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    record(priority, format, arguments);
}
void closelog(void) { printf("close\n"); fflush(stdout); }
"""


@pytest.mark.parametrize(("ident", "opened"), [("", "dcmrecv"), ("recv", "recv")])
def test_local_syslog(tmp_path: Path, ident: str, opened: str) -> None:
    compiler = shutil.which("cc")
    if compiler is None:
        pytest.skip("needs a C compiler")
    (tmp_path / "recorder.c").write_text(RECORDER)
    library = tmp_path / "recorder.so"
    build = [
        compiler,
        "-w",
        "-fno-builtin",
        "-shared",
        "-fPIC",
        "-o",
        str(library),
        str(tmp_path / "recorder.c"),
    ]
    subprocess.run(build, check=True)
    (tmp_path / "l.cfg").write_text(
        config(
            "SysLogAppender",
            LAYOUT + f"log4cplus.appender.A.facility = daemon\nlog4cplus.appender.A.ident = {ident}\n",
        )
    )
    code = (
        "from dcmrecv.config import LoggingConfig\n"
        "from dcmrecv.log import setup\n"
        "logs = setup(LoggingConfig(config_file=b'l.cfg'), argv0='/usr/bin/dcmrecv')\n"
        "logs.logger('a').error('text %s\\udcff')\n"
        "logs.close()\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        check=True,
        cwd=tmp_path,
        env=os.environ | {"LD_PRELOAD": str(library)},
        stdout=subprocess.PIPE,
    )
    assert done.stdout == f"open {opened} 0 0\nlog {3 << 3 | 3} [text %s".encode() + b"\\xff]\nclose\n"


def test_log4j(configure: Configure, datagrams: socket.socket) -> None:
    port = datagrams.getsockname()[1]
    options = f"log4cplus.appender.A.host = 127.0.0.1\nlog4cplus.appender.A.port = {port}\n"
    configure(config("Log4jUdpAppender", LAYOUT + options)).logger(APP).info("<a> & 'b' \"c\"\n\x7f")
    data = datagrams.recv(10_000).decode()
    assert re.fullmatch(
        r'<log4j:event logger="dcmtk\.apps\.dcmrecv" level="INFO" timestamp="\d{13}" thread="\d+">'
        r"<log4j:message>&lt;a&gt; &amp; &apos;b&apos; &quot;c&quot;</log4j:message>"
        r"<log4j:NDC></log4j:NDC>"
        r'<log4j:locationInfo class="" file="[^"]+" method="[^"]+" line="\d+"/></log4j:event>',
        data.replace("&#x0a;", "").replace("&#x7f;", "").replace("&quot;<", "&quot;<"),
    )


def read_event(link: socket.socket) -> tuple[bytes, list[bytes | int]]:
    def take(count: int) -> bytes:
        data = b""
        while len(data) < count:
            chunk = link.recv(count - len(data))
            assert chunk
            data += chunk
        return data

    body = take(struct.unpack(">I", take(4))[0])
    head, rest = body[:2], body[2:]
    fields: list[bytes | int] = []
    for kind in "ssisssiisis":
        value = struct.unpack(">I", rest[:4])[0]
        rest = rest[4:]
        if kind == "i":
            fields.append(value)
        else:
            fields.append(rest[:value])
            rest = rest[value:]
    assert rest == b""
    return head, fields


def test_socket_events(configure: Configure) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        logs = configure(
            config(
                "SocketAppender",
                f"log4cplus.appender.A.host = 127.0.0.1\nlog4cplus.appender.A.port = {port}\n"
                "log4cplus.appender.A.ServerName = srv\n",
            )
        )
        server.settimeout(5)
        link, _ = server.accept()
        with link:
            link.settimeout(5)
            logs.logger(APP).warn("text\n\udcff")
            head, fields = read_event(link)
            assert head == b"\3\1"
            assert fields[:5] == [b"srv", APP.encode(), 30000, b"", b"text\n\xff"]
            assert abs(int(fields[6]) - time.time()) < 100
            logs.close()


def test_a_socket_server_that_comes_later(
    configure: Configure, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("dcmrecv.log.network.RETRY_SECONDS", 0.05)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    log = configure(
        config(
            "SocketAppender", f"log4cplus.appender.A.host = 127.0.0.1\nlog4cplus.appender.A.port = {port}\n"
        )
    ).logger(APP)
    log.info("lost")
    printed = ""
    deadline = time.monotonic() + 10
    while "Cannot connect to server" not in printed and time.monotonic() < deadline:
        time.sleep(0.01)
        printed += capfd.readouterr().err
    assert printed.startswith(
        "log4cplus:ERROR SocketAppender::ConnectorThread::run()- Cannot connect to server\n"
    )
    with socket.create_server(("127.0.0.1", port)) as server:
        server.settimeout(0.05)
        deadline = time.monotonic() + 10
        while time.monotonic() < deadline:
            log.info("knock")
            try:
                link, _ = server.accept()
            except TimeoutError:
                continue
            break
        with link:
            link.settimeout(0.05)
            while time.monotonic() < deadline:
                log.info("here")
                try:
                    _, fields = read_event(link)
                except TimeoutError:
                    continue
                assert fields[4] in (b"here", b"knock")
                break
            else:
                pytest.fail("nothing arrived")


def asynchronous(options: str = "") -> str:
    return (
        "log4cplus.rootLogger = INFO, A\nlog4cplus.appender.A = log4cplus::AsyncAppender\n"
        "log4cplus.appender.A.Appender = log4cplus::FileAppender\n"
        "log4cplus.appender.A.Appender.File = a.log\n"
        "log4cplus.appender.A.Appender.layout = log4cplus::PatternLayout\n"
        "log4cplus.appender.A.Appender.layout.ConversionPattern = %t %m%n\n" + options
    )


def test_asynchronous_messages_arrive_in_order(configure: Configure, tmp_path: Path) -> None:
    logs = configure(asynchronous("log4cplus.appender.A.QueueLimit = 3\n"))
    log = logs.logger(APP)
    for number in range(50):
        log.info(str(number))
    logs.flush()
    expected = [f"{threading.get_ident()} {number}" for number in range(50)]
    assert (tmp_path / "a.log").read_text().splitlines() == expected


def test_without_a_thread_asynchronous_messages_are_written_at_once(
    configure: Configure, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def none_left(function: object, arguments: object) -> int:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr("_thread.start_new_thread", none_left)
    logs = configure(asynchronous())
    logs.logger(APP).info("x")
    assert (tmp_path / "a.log").read_text() == f"{threading.get_ident()} x\n"


def test_an_asynchronous_appender_outlives_a_moment_without_memory(
    configure: Configure, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    logs = configure(asynchronous())
    with monkeypatch.context() as patch:
        patch.setattr(files.FileAppender, "append", lambda *_: bytes(1 << 62))
        logs.logger(APP).info("lost")
        logs.flush()
    logs.logger(APP).info("kept")
    logs.flush()
    assert (tmp_path / "a.log").read_text().split()[1:] == ["kept"]


def test_a_thread_of_a_queue_that_never_comes_to_life_is_started_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(queue_thread, "QUEUE_WAIT_SECONDS", 0.1)
    done: list[int] = []
    with monkeypatch.context() as patch:
        patch.setattr("_thread.start_new_thread", lambda function, arguments: 1)
        queue = queue_thread.QueueThread(done.append, 2)
    for number in range(3):
        queue.put(number)
    assert queue.stop()
    assert done == [0, 1]


def test_a_local_syslog_that_stands_still_holds_nobody_up(
    configure: Configure, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It would otherwise hold up every association that logs, and the end."""
    monkeypatch.setattr(queue_thread, "QUEUE_WAIT_SECONDS", 0.1)
    stuck, said = threading.Event(), []

    def stand_still(priority: int, text: str) -> None:
        stuck.wait(60)
        said.append(text)

    monkeypatch.setattr(network.syslog, "syslog", stand_still)
    monkeypatch.setattr(network.syslog, "closelog", lambda: said.append("closed"))
    logs = configure("log4cplus.rootLogger = INFO, A\nlog4cplus.appender.A = log4cplus::SysLogAppender\n")
    begun = time.monotonic()
    for number in range(2 * network.QUEUE_LIMIT):
        logs.logger(APP).info(str(number))
    logs.close()
    assert time.monotonic() - begun < 20
    assert said == []
    stuck.set()


def test_a_stuck_asynchronous_appender_costs_one_wait(
    configure: Configure, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queue_thread, "QUEUE_WAIT_SECONDS", 0.1)
    logs = configure(asynchronous("log4cplus.appender.A.QueueLimit = 2\n"))
    stuck = threading.Event()
    monkeypatch.setattr(files.FileAppender, "append", lambda self, record: stuck.wait(20))
    start = time.monotonic()
    for _ in range(100):
        logs.logger(APP).info("x")
    assert time.monotonic() - start < 2
    stuck.set()


def test_asynchronous_threshold_and_unknown_class(
    configure: Configure, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    logs = configure(asynchronous("log4cplus.appender.A.Appender.Threshold = WARN\n"))
    logs.logger(APP).info("x")
    logs.flush()
    assert (tmp_path / "a.log").read_text() == ""
    logs = configure(asynchronous().replace("::FileAppender", "::Nope"))
    logs.logger(APP).info("x")
    assert capfd.readouterr().err == (
        "log4cplus:ERROR AsyncAppender::AsyncAppender() - Cannot find AppenderFactory: log4cplus::Nope\n"
    )


def test_an_asynchronous_appender_without_inner_one(
    configure: Configure, capfd: pytest.CaptureFixture[str]
) -> None:
    text = asynchronous().replace("Appender = log4cplus::FileAppender", "X = 1")
    configure(text).logger(APP).info("x")
    assert capfd.readouterr().err == "log4cplus:ERROR Unspecified appender for AsyncAppender.\n"


@pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")
def test_a_forked_worker_has_a_thread_of_its_own(configure: Configure, tmp_path: Path) -> None:
    logs = configure(asynchronous("log4cplus.appender.A.Appender.Append = true\n"))
    log = logs.logger(APP)
    log.info("parent")
    logs.flush()
    child = os.fork()
    if child == 0:
        logs.after_fork()
        log.info("child")
        logs.flush()
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0
    words = [line.split()[-1] for line in (tmp_path / "a.log").read_text().splitlines()]
    assert words == ["parent", "child"]
