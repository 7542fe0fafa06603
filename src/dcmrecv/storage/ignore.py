"""``--ignore``: the data set is received and parsed, then forgotten (spec/storage.md 7)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dcmrecv.observer import Ignored
from dcmrecv.storage.normal import ParsingSession
from dcmrecv.storage.session import STORED, StoreResult

if TYPE_CHECKING:
    from dcmrecv.dataset.memory import Buffer

__all__ = ["IgnoreSession"]


class IgnoreSession(ParsingSession):
    """One C-STORE in ignore mode."""

    __slots__ = ()

    saving = False

    def _take(self, chunks: list[Buffer], last: bool) -> None:
        """Forget the output."""

    def complete(self) -> StoreResult:
        """See `StoreSession.complete`."""
        if Ignored in self.observer.wanted:
            self.observer.observe(Ignored())
        return STORED
