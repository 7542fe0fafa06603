"""The shipped units under a systemd that has booted, installed by the commands of docs/deployment.md.

Skipped where no guest can be booted; what that takes is said at the head of tests/support/guest.py.
"""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.support.guest import Guest, until, why_not
from tests.support.rawscu import CT_IMAGE, VERIFICATION, Association, Requestor, UnexpectedPdu, element
from tests.support.server import ROOT

pytestmark = pytest.mark.slow

PORT = 11112
OUT = "/var/lib/dcmrecv"
OPTIONS = (ROOT / "deploy" / "systemd" / "options.example").read_text()


def commands(heading: str, containing: str) -> str:
    """Return the block of commands with *containing* below *heading* in docs/deployment.md."""
    text = (ROOT / "docs" / "deployment.md").read_text().split(f"\n## {heading}\n")[1].split("\n## ")[0]
    (block,) = (found for found in re.findall(r"(?:^ {4,}.*\n)+", text, re.MULTILINE) if containing in found)
    return block


@pytest.fixture(scope="module")
def guest(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Guest]:
    if (reason := why_not()) is not None:
        pytest.skip(f"no guest with systemd: {reason}")
    made = Guest(tmp_path_factory.mktemp("guest"))
    try:
        made.bring(commands("systemd", "enable --now"))
        yield made
    finally:
        made.stop()


@pytest.fixture(autouse=True)
def as_installed(guest: Guest) -> Iterator[None]:
    """Each test begins with the service that the pages install, and no socket unit."""
    yield
    guest.path("/etc/dcmrecv/options").write_text(OPTIONS)
    guest.shell(
        "systemctl disable --now dcmrecv.socket dcmrecv.service; rm -rf /etc/systemd/system/dcmrecv.service.d;"
        " systemctl daemon-reload; systemctl reset-failed; systemctl enable --now dcmrecv.service"
    )


def drop_in(guest: Guest, text: str) -> None:
    directory = guest.path("/etc/systemd/system/dcmrecv.service.d")
    directory.mkdir()
    (directory / "test.conf").write_text(f"[Service]\n{text}\n")
    guest.shell("systemctl daemon-reload; systemctl restart dcmrecv")


def show(guest: Guest, name: str, unit: str = "dcmrecv") -> str:
    return guest.shell(f"systemctl show --value -p {name} {unit}").stdout.strip()


def journal(guest: Guest, *options: str) -> str:
    guest.shell("journalctl --sync")
    return guest.shell(f"journalctl -u dcmrecv -o cat --no-pager {' '.join(options)}").stdout


def data_set(instance: str) -> bytes:
    return b"".join(
        (
            element(0x0008, 0x0016, CT_IMAGE.encode()),
            element(0x0008, 0x0018, instance.encode()),
            element(0x7FE0, 0x0010, bytes(20_000)),
        )
    )


def is_accepted(
    guest: Guest, abstract_syntax: str = VERIFICATION, *, calling: str = "TESTSCU", port: int = PORT
) -> bool:
    try:
        with guest.network():
            Association(port, abstract_syntax, Requestor(calling=calling)).release()
    except UnexpectedPdu:
        return False
    return True


class Senders:
    """Four senders without a pause. What was acknowledged, and how often a connection was refused."""

    def __init__(self, guest: Guest, port: int) -> None:
        self.acknowledged: list[str] = []
        self.refused = 0
        self.cut_off = 0
        self._guest = guest
        self._port = port
        self._end = threading.Event()
        self._threads = [threading.Thread(target=self._send, args=(number,)) for number in range(4)]

    def _send(self, number: int) -> None:
        count = 0
        with self._guest.network():
            while not self._end.is_set():
                try:
                    with Association(self._port, CT_IMAGE, timeout=60) as association:
                        for _ in range(20):
                            instance = f"1.2.3.{number}.{count}"
                            count += 1
                            assert association.store(instance, data_set(instance)) == 0
                            self.acknowledged.append(instance)
                        association.release()
                except ConnectionRefusedError:
                    self.refused += 1
                    time.sleep(0.01)
                except (OSError, UnexpectedPdu):
                    self.cut_off += 1

    def __enter__(self) -> Senders:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._end.set()
        for thread in self._threads:
            thread.join()


def missing(guest: Guest, senders: Senders) -> list[str]:
    """Return what was acknowledged and is not stored, or not whole."""
    here = guest.path(OUT)
    return [
        name
        for name in senders.acknowledged
        if not (file := here / f"CT.{name}").exists() or file.stat().st_size < len(data_set(name))
    ]


@contextmanager
def another_start(guest: Guest) -> Iterator[None]:
    """Within, the main process is replaced."""
    before = show(guest, "MainPID")
    restarts = int(show(guest, "NRestarts"))
    yield
    until(lambda: show(guest, "ActiveState") == "active" and show(guest, "MainPID") not in ("0", before))
    assert int(show(guest, "NRestarts")) == restarts + 1
    assert is_accepted(guest)


def test_the_service_is_as_the_page_says(guest: Guest) -> None:
    assert show(guest, "ActiveState") == "active"
    assert show(guest, "StatusText") == f"listening on port {PORT}"
    with guest.network(), Association(PORT, CT_IMAGE) as association:
        assert association.store("1.2.9", data_set("1.2.9")) == 0
        association.release()
    assert guest.shell(f"stat -c '%U %G %a' {OUT}/CT.1.2.9").stdout == "dcmrecv dcmrecv 640\n"
    assert show(guest, "LimitNOFILE") == "65536"
    most = min(65536, int(guest.shell("ulimit -Hn").stdout))  # of the machine that the guest runs on
    limits = guest.path(f"/proc/{show(guest, 'MainPID')}/limits").read_text()
    assert re.search(rf"Max open files +{most} +{most} ", limits)
    assert show(guest, "WatchdogUSec") == "1min"
    assert guest.shell("stat -c '%U %a' /var/log/dcmrecv").stdout.startswith("dcmrecv ")
    assert "Stored received object to file" in journal(guest)


def test_warnings_are_found_by_their_priority(guest: Guest) -> None:
    guest.path("/etc/dcmrecv/options").write_text(OPTIONS + "--allow-calling TESTSCU\n")
    guest.shell("systemctl restart dcmrecv")
    assert is_accepted(guest)
    assert not is_accepted(guest, calling="INTRUDER")
    assert "INTRUDER" in journal(guest, "-p warning")
    assert "Association Received" in journal(guest)
    assert "Association Received" not in journal(guest, "-p warning")


def test_log_files_in_the_directory_of_the_unit(guest: Guest) -> None:
    guest.path("/etc/dcmrecv/logger.cfg").write_text(
        "log4cplus.rootLogger = INFO, file\n"
        "log4cplus.appender.file = log4cplus::FileAppender\n"
        "log4cplus.appender.file.File = /var/log/dcmrecv/dcmrecv.log\n"
        "log4cplus.appender.file.layout = log4cplus::PatternLayout\n"
        "log4cplus.appender.file.layout.ConversionPattern = %p %m%n\n"
    )
    options = OPTIONS.replace("--verbose", "--log-config /etc/dcmrecv/logger.cfg")
    guest.path("/etc/dcmrecv/options").write_text(options)
    guest.shell("systemctl restart dcmrecv")
    assert is_accepted(guest)
    log = guest.path("/var/log/dcmrecv/dcmrecv.log")
    until(lambda: "INFO Association Received" in log.read_text())
    log.rename(log.with_suffix(".old"))
    guest.shell("systemctl reload dcmrecv")
    until(log.exists)


def test_a_restart_loses_nothing_acknowledged(guest: Guest) -> None:
    with Senders(guest, PORT) as senders:
        for _ in range(3):
            before = len(senders.acknowledged)
            until(lambda before=before: len(senders.acknowledged) > before + 40)
            guest.shell("systemctl restart dcmrecv")
    assert senders.refused  # which is what the socket unit is for
    assert missing(guest, senders) == []


def test_with_the_socket_unit_no_sender_is_refused(guest: Guest) -> None:
    guest.shell(commands("Port 104 without root", "dcmrecv.socket"))
    assert show(guest, "ActiveState") == "inactive"
    assert is_accepted(guest, port=104)
    with Senders(guest, 104) as senders:
        for _ in range(3):
            before = len(senders.acknowledged)
            until(lambda before=before: len(senders.acknowledged) > before + 40)
            guest.shell("systemctl restart dcmrecv")
        before = len(senders.acknowledged)
        until(lambda: len(senders.acknowledged) > before + 40)
    assert senders.refused == 0
    assert senders.cut_off  # the restarts fell into associations
    assert missing(guest, senders) == []


def test_reload_takes_changed_files(guest: Guest) -> None:
    etc = guest.path("/etc/dcmrecv")
    profile = (ROOT / "data" / "storescp.cfg").read_text()
    (etc / "site.cfg").write_text(profile)
    (etc / "titles").write_text("TESTSCU\n")
    options = (
        OPTIONS.replace("storescp.cfg", "/etc/dcmrecv/site.cfg")
        + "--allow-calling-file /etc/dcmrecv/titles\n"
    )
    (etc / "options").write_text(options)
    guest.shell("systemctl restart dcmrecv")
    pid = show(guest, "MainPID")
    assert is_accepted(guest, CT_IMAGE)
    assert not is_accepted(guest, calling="NEWSCU")
    with guest.network():
        running = Association(PORT, CT_IMAGE)
    (etc / "titles").write_text("TESTSCU\nNEWSCU\n")
    (etc / "site.cfg").write_text(re.sub(r"(?m)^.*= *CTImageStorage.*\n", "", profile))
    guest.shell("systemctl reload dcmrecv")
    until(lambda: is_accepted(guest, calling="NEWSCU"))
    assert running.store("1.2.10", data_set("1.2.10")) == 0  # CT was accepted when it began
    running.release()
    (etc / "titles").unlink()
    guest.shell("systemctl reload dcmrecv")
    until(lambda: "titles" in journal(guest, "-p err"))
    assert is_accepted(guest, calling="NEWSCU")
    assert show(guest, "MainPID") == pid


def test_an_internal_error_is_followed_by_another_start(guest: Guest) -> None:
    with another_start(guest):
        guest.shell("systemctl kill --signal=SEGV --kill-who=main dcmrecv")


def test_a_hanging_receiver_is_killed_by_the_watchdog(guest: Guest) -> None:
    drop_in(guest, "WatchdogSec=4")
    with another_start(guest):
        guest.shell("systemctl kill --signal=STOP --kill-who=main dcmrecv")
    assert "Watchdog timeout" in journal(guest)


@pytest.mark.parametrize(
    ("code", "again"), [(70, True), (1, False), (45, False), (64, False), (66, False), (71, False)]
)
def test_which_exit_codes_are_tried_again(guest: Guest, code: int, again: bool) -> None:
    drop_in(
        guest, f"ExecStart=\nExecStart=/bin/sh -c 'systemd-notify --ready; exit {code}'\nNotifyAccess=all"
    )
    if again:
        until(lambda: int(show(guest, "NRestarts")) >= 1)
    else:
        until(lambda: show(guest, "ActiveState") == "failed")
        assert show(guest, "NRestarts") == "0"


def test_a_wrong_option_is_not_tried_again(guest: Guest) -> None:
    guest.path("/etc/dcmrecv/options").write_text(OPTIONS.replace("default", "no-such-profile"))
    assert guest.shell("systemctl restart dcmrecv", check=False).returncode
    assert show(guest, "ActiveState") == "failed"
    assert (show(guest, "NRestarts"), show(guest, "ExecMainStatus")) == ("0", "66")
    assert "no-such-profile" in journal(guest, "-p err")


def test_several_receivers(guest: Guest) -> None:
    guest.shell("cd clone\n" + commands("Several receivers on one machine", "dcmrecv@"))
    assert is_accepted(guest, CT_IMAGE, port=11113)
    assert is_accepted(guest, CT_IMAGE)
    assert guest.shell("stat -c %U /var/lib/dcmrecv/ct /var/log/dcmrecv/ct").stdout == "dcmrecv\ndcmrecv\n"
    assert show(guest, "StatusText", "dcmrecv@ct") == "listening on port 11113"
