"""Fixtures that several kinds of tests share, and the signals that programs under test inherit."""

from __future__ import annotations

import signal

from tests.support.pki import shared_pki

__all__ = ["shared_pki"]

for _number in (signal.SIGHUP, signal.SIGINT, signal.SIGQUIT):
    # Under nohup or in the background of a shell these are ignored, and child processes would inherit that.
    if signal.getsignal(_number) is signal.SIG_IGN:
        signal.signal(_number, signal.default_int_handler if _number == signal.SIGINT else signal.SIG_DFL)
