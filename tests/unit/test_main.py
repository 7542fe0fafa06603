"""The entry point of the program."""

from __future__ import annotations

import subprocess
import sys

ELSEWHERE = """
import os, select, sys
del os.eventfd, select.epoll
sys.platform = "darwin"
from dcmrecv.__main__ import main
sys.exit(main())
"""


def test_a_system_that_is_not_linux_is_refused_in_one_line() -> None:
    ended = subprocess.run([sys.executable, "-c", ELSEWHERE, "11112"], capture_output=True, timeout=60)
    assert ended.returncode == 1
    assert ended.stdout == b""
    assert ended.stderr == b"error: dcmrecv needs Linux; there is no version for this system\n"
