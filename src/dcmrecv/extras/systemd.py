"""What a service manager wants to hear: sd_notify(3) and the watchdog, in a few lines and no library.

Nothing here does anything unless the environment names a service manager.
"""

from __future__ import annotations

import os
import socket

__all__ = ["Notifier"]


class Notifier:
    """Sends READY, STOPPING and WATCHDOG to the socket named by NOTIFY_SOCKET, if there is one."""

    def __init__(self) -> None:
        """Take the address out of the environment, so that no child process speaks in our name."""
        self._address = os.environ.pop("NOTIFY_SOCKET", "")
        microseconds = os.environ.pop("WATCHDOG_USEC", "")
        meant_for = os.environ.pop("WATCHDOG_PID", str(os.getpid()))
        self.watchdog_interval = 0.0
        """At most so many seconds between two `alive` calls, half of what the manager allows; 0: it does not watch."""
        if self._address and microseconds.isdecimal() and meant_for == str(os.getpid()):
            self.watchdog_interval = int(microseconds) / 2_000_000

    def interval(self, most: float) -> float:
        """Return the seconds between two `alive` calls: *most*, or less if the manager wants that."""
        return min(self.watchdog_interval or most, most)

    def ready(self, status: str) -> None:
        """The port is open."""
        self._send(f"READY=1\nSTATUS={status}\nMAINPID={os.getpid()}")

    def stopping(self) -> None:
        """No more connections are accepted; running ones are drained."""
        self._send("STOPPING=1\nSTATUS=finishing running associations")

    def alive(self) -> None:
        """Feed the watchdog, if there is one."""
        if self.watchdog_interval:
            self._send("WATCHDOG=1")

    def _send(self, state: str) -> None:
        address = self._address
        if not address:
            return
        if address.startswith("@"):
            address = "\0" + address[1:]
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as sender:
                sender.sendto(state.encode("utf-8"), address)
        except OSError:
            return  # the manager is away, or we are short of descriptors: the next word may arrive
