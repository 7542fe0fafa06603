from __future__ import annotations

import signal
import subprocess
import sys

import pytest

WAIT = """
import signal, types
if {interrupted}:
    wait, numbers = signal.sigtimedwait, [90239632]
    signal.sigtimedwait = lambda *how: types.SimpleNamespace(si_signo=numbers.pop()) if numbers else wait(*how)
from dcmrecv.server.signals import StopSignals, end_by_signal
stops = StopSignals(reopen=lambda: print("reopen", flush=True))
print("ready", flush=True)
number = stops.wait(beat={beat}, interval=0.05)
print(number.name, stops.arrived(), flush=True)
end_by_signal(number)
"""


@pytest.mark.parametrize("interrupted", [False, True], ids=["waiting", "interrupted by a debugger"])
@pytest.mark.parametrize("beat", ["int", "lambda: bytes(1 << 62)"], ids=["beating", "out of memory"])
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_stop_signal_is_returned_and_ends_the_process(
    number: signal.Signals, beat: str, interrupted: bool
) -> None:
    program = WAIT.format(beat=beat, interrupted=interrupted)
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        process.send_signal(signal.SIGHUP)
        assert process.stdout.readline() == "reopen\n"
        process.send_signal(number)
        assert process.stdout.read() == f"{number.name} False\n"
    assert process.returncode == -number


def test_it_beats_and_stops_while_sighup_follows_sighup() -> None:
    """Else a stream of them would keep from the receiver what restores its threads and feeds its watchdog."""
    program = """
import os, signal
from dcmrecv.server.signals import StopSignals
def reopen():
    os.kill(os.getpid(), signal.SIGHUP)
    bytes(1 << 62)
def beat():
    print("beat", flush=True)
    os.kill(os.getpid(), signal.SIGTERM)
signals = StopSignals(reopen=reopen)
os.kill(os.getpid(), signal.SIGHUP)
signals.wait(beat=beat, interval=0.05)
"""
    done = subprocess.run([sys.executable, "-c", program], stdout=subprocess.PIPE, timeout=60)
    assert (done.stdout, done.returncode) == (b"beat\n", 0)


def test_what_a_lack_of_memory_has_stopped_is_tried_again() -> None:
    program = """
import os, signal
from dcmrecv.server.signals import StopSignals
tries = []
def reopen():
    tries.append(0)
    if len(tries) < 3:
        raise MemoryError
    print(len(tries), flush=True)
    os.kill(os.getpid(), signal.SIGTERM)
stops = StopSignals(reopen=reopen)
os.kill(os.getpid(), signal.SIGHUP)
stops.wait(beat=int, interval=0.01)
"""
    done = subprocess.run([sys.executable, "-c", program], stdout=subprocess.PIPE, timeout=60)
    assert (done.stdout, done.returncode) == (b"3\n", 0)


def test_the_wait_itself_outlives_a_lack_of_memory() -> None:
    program = """
import os, signal
from dcmrecv.server.signals import StopSignals
wait, tries = signal.sigtimedwait, []
def short(*how):
    tries.append(0)
    if len(tries) < 3:
        raise MemoryError
    return wait(*how)
signal.sigtimedwait = short
stops = StopSignals()
os.kill(os.getpid(), signal.SIGTERM)
print(stops.wait(beat=int, interval=0.01).name, flush=True)
"""
    done = subprocess.run([sys.executable, "-c", program], stdout=subprocess.PIPE, timeout=60)
    assert (done.stdout, done.returncode) == (b"SIGTERM\n", 0)


def test_an_ignored_signal_stays_ignored() -> None:
    """A shell starts background programs with SIGINT ignored; the reference keeps it that way."""
    ignoring = "import signal\nsignal.signal(signal.SIGINT, signal.SIG_IGN)\n"
    program = ignoring + WAIT.format(beat="int", interrupted=False)
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        process.send_signal(signal.SIGINT)
        process.send_signal(signal.SIGTERM)
        assert process.stdout.read() == "SIGTERM False\n"
    assert process.returncode == -signal.SIGTERM


def test_a_stop_that_hangs_ends_all_the_same() -> None:
    program = """
import signal, threading
from dcmrecv.server.signals import StopSignals, end_in_any_case
stops = StopSignals()
end_in_any_case(signal.SIGTERM, 0.2)
lock = threading.Lock()
lock.acquire()
lock.acquire()
"""
    done = subprocess.run([sys.executable, "-c", program], timeout=60)
    assert done.returncode == -signal.SIGTERM
