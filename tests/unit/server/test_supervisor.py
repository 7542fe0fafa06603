from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import time


def run_parent() -> subprocess.Popen[str]:
    program = textwrap.dedent(
        """
        import os, sys
        from dcmrecv.server.supervisor import Supervisor, wait_for_supervisor
        from dcmrecv.server.signals import StopSignals, end_by_signal

        def say(*words):
            os.write(1, (" ".join(map(str, words)) + "\\n").encode())  # one write: lines never mix

        def serve(number, control):
            say("worker", number, os.getpid())
            wait_for_supervisor(control, reopen=lambda: say("reopen", number))
            say("drained", number)

        parent = Supervisor(2, serve)
        signals = StopSignals(reopen=parent.reopen_logs)
        parent.start()
        number = parent.serve_until(signals)
        parent.stop(5, hurry=signals.arrived)
        end_by_signal(number)
        """
    )
    return subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True)


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
    ((number, pid),) = workers(process, 1).items()
    assert number == 1
    assert pid != first[1]
    process.send_signal(signal.SIGINT)
    output, _ = process.communicate(timeout=30)
    assert sorted(output.splitlines()) == ["drained 0", "drained 1"]
    assert process.returncode == -signal.SIGINT


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
