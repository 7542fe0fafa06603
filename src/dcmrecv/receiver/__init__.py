"""A receiver: one frozen `Config` turned into a listening, storing, stoppable server.

`run` serves the command line, `Receiver` programs that embed it. Both are loaded on demand, so that importing
the package costs nothing before the port is open.
"""

from __future__ import annotations

TYPE_CHECKING = False  # as in `dcmrecv.cli.program`
if TYPE_CHECKING:
    from typing import Any

    from dcmrecv.receiver.embed import Receiver
    from dcmrecv.receiver.run import run

__all__ = ["Receiver", "run"]


def __getattr__(name: str) -> Any:
    if name == "Receiver":
        from dcmrecv.receiver.embed import Receiver

        return Receiver
    if name == "run":
        from dcmrecv.receiver.run import run

        return run
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
