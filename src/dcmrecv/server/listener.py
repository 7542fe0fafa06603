"""The listening socket: bound as the reference binds it, or handed over by a service manager."""

from __future__ import annotations

import contextlib
import os
import socket
import struct
from typing import Any

from dcmrecv.config import AddressFamily, NetworkConfig
from dcmrecv.server import limits
from dcmrecv.text import leading_integer

__all__ = ["PortError", "inherited_listener", "open_listener"]

_BUFFER_LENGTH = 65536  # what TCP_BUFFER_LENGTH=0 stands for
_FIRST_PASSED_DESCRIPTOR = 3  # SD_LISTEN_FDS_START of sd_listen_fds(3)


class PortError(Exception):
    """The port cannot be used. `lines` are (level, text) log lines that come before the fatal one."""

    def __init__(self, text: str, lines: tuple[tuple[str, str], ...] = ()) -> None:
        super().__init__(text)
        self.text = text
        self.lines = lines


def inherited_listener() -> socket.socket | None:
    """Return the listening socket a service manager passed to this process (LISTEN_FDS), if any.

    The variables are removed from the environment so that child processes do not take the socket again.
    """
    if os.environ.get("LISTEN_PID") != str(os.getpid()):
        return None
    count = os.environ.pop("LISTEN_FDS", "")
    os.environ.pop("LISTEN_PID", None)
    os.environ.pop("LISTEN_FDNAMES", None)
    if not count.isdecimal() or int(count) < 1:
        return None
    listener = socket.socket(fileno=_FIRST_PASSED_DESCRIPTOR)
    listener.set_inheritable(False)
    listener.setblocking(True)
    _tune(listener)
    return listener


def open_listener(
    config: NetworkConfig, *, address: tuple[Any, ...] | None = None, share_port: bool = False
) -> socket.socket:
    """Bind and listen on all interfaces of the configured address family, or on *address* (of that family).

    *share_port* lets several processes listen on the port, each with a queue of its own (SO_REUSEPORT).

    Raises `PortError` with the reference's text (spec/cli.md g.3).
    """
    family = socket.AF_INET if config.family is AddressFamily.IPV4 else socket.AF_INET6
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if share_port:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        if family == socket.AF_INET6:
            v6_only = config.family is AddressFamily.IPV6
            listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, int(v6_only))
        _tune(listener)
        listener.bind(address or ("", config.port))
        listener.listen(limits.BACKLOG)
    except PermissionError:
        listener.close()
        raise PortError(
            "Insufficient port privileges",
            (("E", f"No privileges to open this network port ({config.port})"),),
        ) from None
    except OSError as error:
        listener.close()
        raise PortError(f"TCP Initialization Error: {os.strerror(error.errno or 0)}") from None
    return listener


def _tune(listener: socket.socket) -> None:
    """Set what accepted sockets inherit, so that it costs nothing per connection.

    SO_SNDTIMEO: a peer that does not take our bytes is given up after the reference's 60 s.
    TCP_NODELAY: a response must never wait for the peer's delayed acknowledgement (design.md decided 7).
    """
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, struct.pack("ll", limits.WRITE_SECONDS, 0))
    length = leading_integer(os.environ.get("TCP_BUFFER_LENGTH", ""))
    if length is not None:
        with contextlib.suppress(OSError, OverflowError):  # the reference does not look at the result
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, length or _BUFFER_LENGTH)
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, length or _BUFFER_LENGTH)
