"""`StorageWriter`: the built-in handler of EVT_C_STORE. It names, writes and publishes objects.

Bound as it is, it is the engine's own store: data sets go from the network into its temporary, and no event is made.
Called by a program's handler (``status = store(event)``) it stores what was received for that event.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from dcmrecv.config import StorageConfig
from dcmrecv.dataset.dictionary import builtin_dictionary
from dcmrecv.output_directory import check_directory
from dcmrecv.storage import ObjectStore

if TYPE_CHECKING:
    from pynetdicom.events import Event

    from dcmrecv.dataset.dictionary import DataDictionary
    from dcmrecv.observer import ReceiverEvent

__all__ = ["StorageWriter"]


class StorageWriter(ObjectStore):
    """Stores objects in a directory, as the command line does."""

    def __init__(self, directory: str | bytes | os.PathLike[str] | os.PathLike[bytes] = ".", **settings: Any):
        """*settings*: ``mode``, ``filenames``, ``subdirectories``, ``extension``, ``fsync`` and
        ``min_free_space`` of `dcmrecv.config.StorageConfig`.

        Raises TypeError or ValueError for settings that are none, and OSError if *directory* cannot be used.
        """
        self._set_up(StorageConfig(directory=directory, **settings))
        self.check()

    @classmethod
    def from_config(
        cls, config: StorageConfig, *, dictionary: Callable[[], DataDictionary] | None = None
    ) -> StorageWriter:
        """Return the writer that *config* describes, its directory not looked at.

        *dictionary* None is the built-in one, which is not read before a data set needs it.
        """
        writer = cls.__new__(cls)
        writer._set_up(config, dictionary)
        return writer

    def _set_up(self, config: StorageConfig, dictionary: Callable[[], DataDictionary] | None = None) -> None:
        super().__init__(
            config,
            dictionary=dictionary or builtin_dictionary,
            observe=self._observe,
        )
        self.observe: Callable[[ReceiverEvent], None] | None = None
        """Takes what the operator should know of the output directory."""
        self._begun = False
        self._beginning = threading.Lock()

    def _observe(self, event: ReceiverEvent) -> None:
        if self.observe is not None:
            self.observe(event)

    def check(self) -> None:
        """Raise OSError if the output directory is missing, is none, or is read-only."""
        check_directory(self.config.directory)

    def start(self) -> None:
        """See `ObjectStore.start`. Once; the first object calls it if no server has."""
        with self._beginning:
            if self._begun:
                return
            self._begun = True
        super().start()

    def __call__(self, event: Event) -> int:
        """Store the object of *event* and return the status for the response.

        Afterwards ``event.stored_path`` and ``event.stored_size`` say where it is and how many bytes the file
        has; None and 0 if nothing was stored. Raises TypeError for an event that is no C-STORE of this engine,
        and RuntimeError if its handler has returned.
        """
        store_with: Callable[[StorageWriter], int] | None = getattr(event, "store_with", None)
        if store_with is None:
            raise TypeError("only a C-STORE that dcmrecv.AE received can be stored")
        self.start()
        return store_with(self)
