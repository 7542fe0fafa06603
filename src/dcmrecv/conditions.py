"""The one type for what went wrong: DCMTK's OFCondition, a module number, a code in it and a text.

The reference prints conditions as ``{module:code text}``; several of them, outermost first, explain one failure.
"""

from __future__ import annotations

from typing import NamedTuple

__all__ = ["Condition"]


class Condition(NamedTuple):
    """``{module:04x}:{code:04x} {text}`` of the reference."""

    module: int
    code: int
    text: str

    def __str__(self) -> str:
        return f"{self.module:04x}:{self.code:04x} {self.text}"
