"""The listening socket: bound as the reference binds it, or handed over by a service manager."""

from __future__ import annotations

import contextlib
import os
import socket
import struct
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from dcmrecv.config import AddressFamily, NetworkConfig
from dcmrecv.server import limits
from dcmrecv.text import leading_integer

__all__ = [
    "AddressError",
    "PortError",
    "ServerError",
    "addresses",
    "inherited_listeners",
    "open_listener",
    "open_listeners",
    "ports",
]

_BUFFER_LENGTH = 65536  # what TCP_BUFFER_LENGTH=0 stands for
_FIRST_PASSED_DESCRIPTOR = 3  # SD_LISTEN_FDS_START of sd_listen_fds(3)
_MOST_PASSED = 64
_FAMILIES = (socket.AF_INET, socket.AF_INET6)


class ServerError(Exception):
    """Connections cannot be served, or not any more; the text says why."""


class PortError(ServerError):
    """The port cannot be used. `lines` are (level, text) log lines that come before the fatal one."""

    def __init__(self, text: str, lines: tuple[tuple[str, str], ...] = ()) -> None:
        super().__init__(text)
        self.text = text
        self.lines = lines


class AddressError(ServerError):
    """An address to listen on is none."""


def inherited_listeners() -> list[socket.socket]:
    """Return the listening sockets a service manager passed to this process (LISTEN_FDS), if any.

    The variables are removed from the environment so that child processes do not take the sockets again.

    Raises `PortError` for a descriptor that is no listening TCP socket.
    """
    if os.environ.get("LISTEN_PID") != str(os.getpid()):
        return []
    count = os.environ.pop("LISTEN_FDS", "")
    os.environ.pop("LISTEN_PID", None)
    os.environ.pop("LISTEN_FDNAMES", None)
    if not count.isdecimal():
        return []
    numbers = range(_FIRST_PASSED_DESCRIPTOR, _FIRST_PASSED_DESCRIPTOR + min(int(count), _MOST_PASSED))
    return [_passed(number) for number in numbers]


def _passed(number: int) -> socket.socket:
    try:
        listener = socket.socket(fileno=number)
        listener.set_inheritable(False)
        listens = listener.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN)
    except OSError as error:
        reason = os.strerror(error.errno or 0)
        raise PortError(f"descriptor {number} of the service manager cannot be used: {reason}") from None
    if not listens or listener.family not in _FAMILIES or listener.type != socket.SOCK_STREAM:
        raise PortError(f"descriptor {number} of the service manager is not a listening TCP socket")
    _tune(listener)
    return listener


def ports(listeners: Sequence[socket.socket]) -> str:
    """Return the ports that are listened on, for a line of text: ``port 104`` or ``ports 104, 11112``."""
    numbers = sorted({listener.getsockname()[1] for listener in listeners})
    return f"port{'s' if len(numbers) > 1 else ''} {', '.join(map(str, numbers))}"


def addresses(listeners: Sequence[socket.socket]) -> str:
    """Return the addresses that are listened on, for a line of text: ``0.0.0.0:104, [::1]:11112``."""
    pairs = [listener.getsockname()[:2] for listener in listeners]
    return ", ".join(f"[{host}]:{port}" if ":" in host else f"{host}:{port}" for host, port in pairs)


def open_listener(config: NetworkConfig, *, address: tuple[Any, ...] | None = None) -> socket.socket:
    """Bind and listen on all interfaces of the configured address family, or on *address* (of that family).

    Raises `PortError` with the reference's text (spec/cli.md g.3).
    """
    family = socket.AF_INET if config.family is AddressFamily.IPV4 else socket.AF_INET6
    try:
        listener = socket.socket(family, socket.SOCK_STREAM)
    except OSError as error:
        raise PortError(f"TCP Initialization Error: {os.strerror(error.errno or 0)}") from None
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
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


def open_listeners(config: NetworkConfig) -> list[socket.socket]:
    """Bind and listen on each address of ``config.listen``, without any on all interfaces (`open_listener`).

    A name stands for all its addresses. With port 0 all have the port that the system gave to the first one.

    Raises `AddressError` for a name that cannot be resolved, and `PortError`.
    """
    listeners: list[socket.socket] = []
    try:
        for family, *address in _addresses(config):
            if listeners and not config.port:
                address[1] = listeners[0].getsockname()[1]
            version = AddressFamily.IPV4 if family == socket.AF_INET else AddressFamily.IPV6
            chosen = replace(config, family=version)
            try:
                listeners.append(open_listener(chosen, address=tuple(address)))
            except PortError as error:
                raise PortError(f"{error.text} ({address[0]})", error.lines) from None
    except BaseException:
        for listener in listeners:
            listener.close()
        raise
    return listeners or [open_listener(config)]


def _addresses(config: NetworkConfig) -> list[tuple[Any, ...]]:
    """Return family, address, port, and what else an address of that family has, of each, without repetitions."""
    found: dict[tuple[Any, ...], None] = {}
    for name in config.listen:
        try:
            answers = socket.getaddrinfo(name, config.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        except (OSError, UnicodeError) as error:
            reason = error.strerror if isinstance(error, OSError) else "not a host name"
            raise AddressError(f"cannot listen on {name}: {reason}") from None
        found.update(((answer[0], *answer[4]), None) for answer in answers)
    return list(found)


def _tune(listener: socket.socket) -> None:
    """Set what accepted sockets inherit, so that it costs nothing per connection.

    SO_SNDTIMEO: a peer that does not take our bytes is given up after the reference's 60 s.
    TCP_NODELAY: a response must never wait for the peer's delayed acknowledgement.
    """
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, struct.pack("ll", limits.WRITE_SECONDS, 0))
    length = leading_integer(os.environ.get("TCP_BUFFER_LENGTH", ""))
    if length is not None:
        with contextlib.suppress(OSError, OverflowError):  # the reference does not look at the result
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, length or _BUFFER_LENGTH)
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, length or _BUFFER_LENGTH)
