"""Fixtures that several kinds of tests share, and the signals that programs under test inherit."""

from __future__ import annotations

import signal

import hypothesis
import pytest

from dcmrecv.compiled import compiled_modules
from tests.support import compiled
from tests.support.pki import shared_pki

__all__ = ["shared_pki"]

for _number in (signal.SIGHUP, signal.SIGINT, signal.SIGQUIT):
    # Under nohup or in the background of a shell these are ignored, and child processes would inherit that.
    if signal.getsignal(_number) is signal.SIG_IGN:
        signal.signal(_number, signal.default_int_handler if _number == signal.SIGINT else signal.SIG_DFL)


hypothesis.settings.register_profile("suite", deadline=None)  # a busy machine delays anything
hypothesis.settings.load_profile("suite")


def pytest_configure() -> None:
    """Refuse to test compiled modules that are older than their source."""
    old = ", ".join(path.name for path in compiled.outdated())
    if old:
        raise pytest.UsageError(
            f"older than its source: {old}. Compile again ({compiled.REBUILD}) or set DCMRECV_PURE=1"
        )


def pytest_report_header() -> str:
    """Say which form of the compiled modules is under test."""
    return f"compiled modules: {', '.join(compiled_modules()) or 'none'}"
