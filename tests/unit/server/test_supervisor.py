from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import time

import pytest

from dcmrecv.server import limits
from dcmrecv.server.supervisor import wait_for_supervisor


def run_parent(*prelude: str) -> subprocess.Popen[str]:
    program = textwrap.dedent(
        """
        import os, signal, sys, time
        from dcmrecv.server import limits
        from dcmrecv.server.health import HealthBoard
        from dcmrecv.server.supervisor import Supervisor, wait_for_supervisor
        from dcmrecv.server.signals import StopSignals, end_by_signal

        def say(*words):
            os.write(1, (" ".join(map(str, words)) + "\\n").encode())  # one write: lines never mix

        health = HealthBoard(2)

        def look(number):
            health.found(number, healthy=True, hopeless=False)

        def serve(number, control):
            say("worker", number, os.getpid())
            wait_for_supervisor(control, reopen=lambda: say("reopen", number), beat=lambda: look(number))
            say("drained", number)

        #PRELUDE
        parent = Supervisor(2, serve, health=health, observe=lambda event: say(event))
        signals = StopSignals(reopen=parent.reopen_logs)
        parent.watch()
        number = signals.wait(beat=parent.watch, interval=0.1)
        parent.stop(5, hurry=signals.arrived)
        end_by_signal(number)
        """
    ).replace("#PRELUDE", "\n".join(prelude))
    return subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True)


def lines(process: subprocess.Popen[str], count: int) -> list[str]:
    assert process.stdout is not None
    return [process.stdout.readline().rstrip() for _ in range(count)]


def end(process: subprocess.Popen[str], number: signal.Signals = signal.SIGTERM) -> list[str]:
    process.send_signal(number)
    output, _ = process.communicate(timeout=30)
    assert process.returncode == -number
    return sorted(output.splitlines())


def workers(process: subprocess.Popen[str], count: int) -> dict[int, int]:
    assert process.stdout is not None
    found = {}
    for _ in range(count):
        _, number, pid = process.stdout.readline().split()
        found[int(number)] = int(pid)
    return found


def test_workers_drain_and_the_parent_ends_by_the_signal() -> None:
    process = run_parent()
    assert set(workers(process, 2)) == {0, 1}
    process.send_signal(signal.SIGTERM)
    output, _ = process.communicate(timeout=30)
    assert sorted(output.splitlines()) == ["drained 0", "drained 1"]
    assert process.returncode == -signal.SIGTERM


def test_a_dead_worker_is_replaced() -> None:
    process = run_parent()
    first = workers(process, 2)
    time.sleep(1.1)
    os.kill(first[1], signal.SIGKILL)
    reported = lines(process, 1)
    assert reported == [f"WorkerEnded(number=1, pid={first[1]}, status=9, ill=False)"]
    ((number, pid),) = workers(process, 1).items()
    assert number == 1
    assert pid != first[1]
    assert end(process, signal.SIGINT) == ["drained 0", "drained 1"]


def test_a_worker_that_does_not_accept_any_more_is_killed() -> None:
    process = run_parent(
        "limits.HOPELESS_SECONDS, limits.DEAF_SECONDS = 3.0, 2.5",
        "def look(number):",
        "    if number == 0:",
        "        health.found(number, healthy=True, hopeless=False)",
    )
    first = workers(process, 2)
    reported = lines(process, 1)
    assert reported == [f"WorkerEnded(number=1, pid={first[1]}, status=9, ill=True)"]
    assert list(workers(process, 1)) == [1]
    assert {"drained 0", "drained 1"} <= set(end(process))


def test_a_worker_that_a_shortage_keeps_from_accepting_is_left_alone() -> None:
    """It may be in the middle of transfers, and accepts again when the shortage is over."""
    process = run_parent(
        "limits.HOPELESS_SECONDS = 5.0",
        "def look(number):",
        "    health.found(number, healthy=False, hopeless=False)",
    )
    assert set(workers(process, 2)) == {0, 1}
    time.sleep(8)
    assert end(process) == ["drained 0", "drained 1"]


def test_an_exception_in_a_worker_ends_it_with_code_70() -> None:
    process = run_parent(
        "limits.WORKER_PAUSE = 0.1",
        "def serve(number, control, serve=serve):",
        "    if number == 0:",
        "        return serve(number, control)",
        "    raise ZeroDivisionError('a mistake')",
    )
    found = lines(process, 3)
    assert "InternalError(error=ZeroDivisionError('a mistake'))" in found
    assert any("number=1" in line and f"status={70 << 8}" in line for line in found)
    assert "drained 0" in end(process)


NO_FORK = (
    "fork, tried = os.fork, []",
    "def refuse():",
    "    tried.append(1)",
    "    if len(tried) in (2, 3):",
    "        raise OSError({errno}, 'no')",
    "    return fork()",
    "os.{call} = refuse",
)


def test_a_fork_that_fails_is_tried_again() -> None:
    """The other worker serves; the one that cannot be started is tried again, and that is reported once."""
    process = run_parent(*(line.format(errno=11, call="fork") for line in NO_FORK))
    found = lines(process, 4)
    assert sorted(line.split("(")[0].split()[0] for line in found) == [
        "WorkerNotStarted",
        "WorkerStarted",
        "worker",
        "worker",
    ]
    assert "WorkerNotStarted(number=1, reason='Resource temporarily unavailable')" in found
    assert end(process) == ["drained 0", "drained 1"]


def test_no_descriptors_for_a_pipe() -> None:
    process = run_parent(
        *(line.format(errno=24, call="pipe").replace("os.fork", "os.pipe") for line in NO_FORK)
    )
    assert "WorkerNotStarted(number=1, reason='Too many open files')" in lines(process, 4)
    assert end(process) == ["drained 0", "drained 1"]


def test_sigchld_that_was_ignored_by_who_started_us() -> None:
    process = run_parent("signal.signal(signal.SIGCHLD, signal.SIG_IGN)")
    first = workers(process, 2)
    os.kill(first[0], signal.SIGKILL)
    assert lines(process, 1)[0] == f"WorkerEnded(number=0, pid={first[0]}, status=9, ill=False)"
    assert list(workers(process, 1)) == [0]
    assert end(process) == ["drained 0", "drained 1"]


def test_sighup_reaches_the_workers() -> None:
    process = run_parent()
    workers(process, 2)
    process.send_signal(signal.SIGHUP)
    assert process.stdout is not None
    assert sorted(process.stdout.readline().strip() for _ in range(2)) == ["reopen 0", "reopen 1"]
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=30)


def test_workers_end_when_the_parent_is_killed() -> None:
    process = run_parent()
    workers(process, 2)
    process.kill()
    output, _ = process.communicate(timeout=30)
    assert sorted(output.splitlines()) == ["drained 0", "drained 1"]


def test_a_worker_looks_after_itself_while_order_follows_order(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "CHECK_SECONDS", 0.01)
    control, supervisor = os.pipe()

    def reopen() -> None:
        if supervisor >= 0:
            os.write(supervisor, b"r")
        raise MemoryError

    def beat() -> None:
        nonlocal supervisor
        os.close(supervisor)
        supervisor = -1

    os.write(supervisor, b"r")
    wait_for_supervisor(control, reopen=reopen, beat=beat)
    os.close(control)
    assert supervisor == -1


def test_an_order_that_a_lack_of_memory_has_stopped_is_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "CHECK_SECONDS", 0.01)
    read, write = os.pipe()
    tries = []

    def reopen() -> None:
        tries.append(0)
        if len(tries) < 3:
            raise MemoryError
        os.close(write)

    os.write(write, b"!")
    wait_for_supervisor(read, reopen=reopen)
    os.close(read)
    assert len(tries) == 3
