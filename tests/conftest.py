"""Fixtures that several kinds of tests share, and the signals that programs under test inherit."""

from __future__ import annotations

import os
import signal

import hypothesis
import pytest

from dcmrecv.compiled import compiled_modules, obstacle
from tests.support.pki import shared_pki

__all__ = ["shared_pki"]

for _number in (signal.SIGHUP, signal.SIGINT, signal.SIGQUIT):
    # Under nohup or in the background of a shell these are ignored, and child processes would inherit that.
    if signal.getsignal(_number) is signal.SIG_IGN:
        signal.signal(_number, signal.default_int_handler if _number == signal.SIGINT else signal.SIG_DFL)


hypothesis.settings.register_profile("suite", deadline=None)  # a busy machine delays anything
hypothesis.settings.load_profile("suite")


def pytest_configure() -> None:
    """Refuse to test the source where the compiled form is thought to be tested, or an old compiled form."""
    why = obstacle()
    if why and os.environ.get("DCMRECV_PURE", "0") in ("", "0"):
        raise pytest.UsageError(
            f"{why}. Compile again (python setup.py build_ext --inplace) or set DCMRECV_PURE=1"
        )


def pytest_report_header() -> str:
    """Say which form of the compiled modules is under test."""
    return f"compiled modules: {'all' if compiled_modules() else 'none'}"
