"""What the reference says on every connection of the environment variables that tune its sockets."""

from __future__ import annotations

from collections.abc import Mapping

from dcmrecv.log import messages
from dcmrecv.text import leading_integer

__all__ = ["socket_lines"]

_DEFAULT_LENGTH = 65536


def socket_lines(environment: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    """Return (level letter, text) of the lines about TCP_BUFFER_LENGTH and TCP_NODELAY, in that order.

    TCP_NODELAY is read for the line alone: our sockets never wait (docs/differences.md).
    """
    lines = []
    size = environment.get("TCP_BUFFER_LENGTH")
    if size is not None:
        length = leading_integer(size)
        if length is None:
            lines.append(("W", messages.UNREADABLE_VARIABLE.format(name="TCP_BUFFER_LENGTH", value=size)))
        else:
            lines.append(("D", messages.BUFFER_LENGTH.format(length=length or _DEFAULT_LENGTH)))
    no_delay = environment.get("TCP_NODELAY")
    if no_delay is not None:
        number = leading_integer(no_delay)
        if number is None:
            lines.append(("W", messages.UNREADABLE_VARIABLE.format(name="TCP_NODELAY", value=no_delay)))
        elif number:
            lines.append(("D", messages.NO_DELAY.format(value=no_delay)))
    return tuple(lines)
