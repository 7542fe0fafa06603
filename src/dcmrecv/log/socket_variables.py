"""What the reference says on every connection of the environment variables that tune its sockets."""

from __future__ import annotations

from collections.abc import Mapping

from dcmrecv.text import leading_integer

__all__ = ["socket_lines"]

_DEFAULT_LENGTH = 65536
_UNREADABLE = "DUL: cannot parse environment variable {name}={value}"


def socket_lines(environment: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    """Return (level letter, text) of the lines about TCP_BUFFER_LENGTH and TCP_NODELAY, in that order.

    TCP_NODELAY is read for the line alone: our sockets never wait (docs/differences.md).
    """
    lines = []
    size = environment.get("TCP_BUFFER_LENGTH")
    if size is not None:
        length = leading_integer(size)
        if length is None:
            lines.append(("W", _UNREADABLE.format(name="TCP_BUFFER_LENGTH", value=size)))
        else:
            lines.append(("D", f"DUL: setting TCP buffer length to {length or _DEFAULT_LENGTH} bytes"))
    no_delay = environment.get("TCP_NODELAY")
    if no_delay is not None:
        number = leading_integer(no_delay)
        if number is None:
            lines.append(("W", _UNREADABLE.format(name="TCP_NODELAY", value=no_delay)))
        elif number:
            lines.append(
                ("D", f"DUL: disabling Nagle algorithm as requested at runtime (TCP_NODELAY={no_delay})")
            )
    return tuple(lines)
