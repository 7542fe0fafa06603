"""Filing: a received object gets its name and its directory, and is published.

The sessions receive a data set into a temporary; what becomes of it then is decided here, in one call. In normal
mode that is all of it (`ObjectFiler.file`); in bit-preserving mode the name is made before reception
(`ObjectFiler.reserve`) and the object published under it afterwards (`ObjectFiler.publish`).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

from dcmrecv import observer as ob
from dcmrecv.conditions import INVALID_SOP_CLASS
from dcmrecv.config import StorageConfig
from dcmrecv.storage.directories import DirectoryError, OutputDirectory, series_date_directory
from dcmrecv.storage.naming import Namer
from dcmrecv.storage.publish import (
    MAX_ATTEMPTS,
    DirectoryGone,
    FileError,
    NameTaken,
    NoName,
    ObjectFile,
    Publisher,
    Target,
)
from dcmrecv.storage.session import CANNOT_UNDERSTAND, OUT_OF_RESOURCES, SUCCESS
from dcmrecv.storage.space import FreeSpace

if TYPE_CHECKING:
    from dcmrecv.core.events import StoreRequest
    from dcmrecv.dataset.rewriter import DataSetRewriter

__all__ = ["ObjectFiler", "ReceivedObject"]

MAX_NAMES = 1024
"""Names that are tried for one object in the modes whose names are never given twice, as in the reference."""


class ReceivedObject(Protocol):
    """A data set that has been received as a whole and waits for its name."""

    @property
    def request(self) -> StoreRequest:
        """The command that it came with."""

    def found(self) -> DataSetRewriter:
        """Return what has read the data set, with its findings."""

    def prepare(self) -> None:
        """See to it that there is a temporary. Raises `DirectoryError`; other failures wait for `finish`."""

    def finish(self) -> ObjectFile:
        """Return the temporary in its final form, for the caller to publish or to discard.

        Raises `FileError` and `DirectoryError`, also those of the reception. May be called again.
        """


class ObjectFiler:
    """Stores objects as one `StorageConfig` says. Shared by the threads of one process."""

    def __init__(
        self, config: StorageConfig, observe: Callable[[ob.ReceiverEvent], None] | None = None
    ) -> None:
        """*observe* is called, from any thread, with what the operator should know of the output directory."""
        self.output = OutputDirectory(config, observe)
        self.namer = Namer(config.filenames, config.extension)
        minimum = config.min_free_space
        room = FreeSpace(self.output.path, minimum).enough if minimum else None
        self.publisher = Publisher(config, self.output, room)
        self._shown = self.output.shown + b"/"
        if self.namer.looks and not self.output.shown:
            self._shown = b"//"  # the reference's spelling of the root directory there

    # -- normal mode: everything after reception -------------------------------------------------------

    def file(self, received: ReceivedObject, observer: ob.AssociationObserver) -> int:
        """Name *received* and publish it; return the status for the response.

        *observer* gets its events in the reference's order.
        """
        sop_class = received.request.sop_class_uid or received.found().head.sop_class or b""
        if not sop_class and self.namer.replaces:
            return self._no_name(INVALID_SOP_CLASS.text, observer)
        try:
            if self.output.by_date:
                return self._store_by_date(received, sop_class, observer)
            return self._store_at(received, sop_class, self._shown, None, observer)
        except NoName as error:
            return self._no_name(error.text, observer)

    @staticmethod
    def _no_name(reason: str, observer: ob.AssociationObserver) -> int:
        if ob.NameNotGenerated in observer.wanted:
            observer.observe(ob.NameNotGenerated(reason, before_reception=False))
        return CANNOT_UNDERSTAND

    def _store_by_date(
        self, received: ReceivedObject, sop_class: bytes, observer: ob.AssociationObserver
    ) -> int:
        relative = series_date_directory(received.found().series_date)
        shown = self.output.shown + b"/" + relative + b"/"
        try:
            with self.output.subdirectory(relative) as directory:
                return self._store_at(received, sop_class, shown, directory, observer)
        except DirectoryError as error:
            path = shown + self.namer.name(sop_class, received.request.sop_instance_uid)
            if self.namer.looks:
                Target(path).is_taken()  # the reference makes the name first and may fail in that
            if ob.NameGenerated in observer.wanted:
                observer.observe(ob.NameGenerated(path, before_reception=False))
            return self._no_directory(error, observer)

    @staticmethod
    def _no_directory(error: DirectoryError, observer: ob.AssociationObserver) -> int:
        if ob.DirectoryNotCreated in observer.wanted:
            observer.observe(ob.DirectoryNotCreated(error.path or b"/", error.text, before_reception=False))
        return OUT_OF_RESOURCES

    def _store_at(
        self,
        received: ReceivedObject,
        sop_class: bytes,
        shown: bytes,
        directory: int | None,
        observer: ob.AssociationObserver,
    ) -> int:
        """Name and publish the object; *shown* is the directory as messages show it, with its slash."""
        namer = self.namer
        for _ in range(MAX_NAMES):
            name = namer.name(sop_class, received.request.sop_instance_uid)
            path = shown + name
            target = Target(path) if directory is None else Target(name, directory)
            if namer.looks and target.is_taken():
                continue
            try:
                return self._store_as(received, path, target, observer)
            except NameTaken:
                continue
        raise NoName

    def _store_as(
        self, received: ReceivedObject, path: bytes, target: Target, observer: ob.AssociationObserver
    ) -> int:
        if ob.NameGenerated in observer.wanted:
            observer.observe(ob.NameGenerated(path, before_reception=False))
        replaces = self.namer.replaces
        try:
            received.prepare()
            if replaces:
                exists = target.exists()
                if exists and ob.Overwriting in observer.wanted and not target.is_directory():
                    observer.observe(ob.Overwriting(path))
                target.check(exists)
            file = received.finish()
            try:
                file.publish(target, replace=replaces)
            except DirectoryGone:
                self._publish_again(file, target.path, series_date_directory(received.found().series_date))
        except DirectoryError as error:
            return self._no_directory(error, observer)
        except FileError as error:
            if ob.NotStored in observer.wanted:
                observer.observe(ob.NotStored(path, error.text))
            return OUT_OF_RESOURCES
        if ob.Stored in observer.wanted:
            observer.observe(ob.Stored(path, received.request, file.size))
        return SUCCESS

    def _publish_again(self, file: ObjectFile, name: bytes, relative: bytes) -> None:
        """Publish below the output directory, out of which others remove directories or which they replace."""
        for attempt in range(MAX_ATTEMPTS):
            with self.output.subdirectory(relative) as directory:
                try:
                    file.publish(Target(name, directory), replace=self.namer.replaces)
                except DirectoryGone:
                    if attempt == MAX_ATTEMPTS - 1:
                        raise
                else:
                    return

    # -- bit-preserving mode: the name comes first -----------------------------------------------------

    def reserve(self, sop_class: bytes, sop_instance: bytes) -> Target:
        """Return where an object is to appear, under a name that does not exist yet if the mode asks for that.

        Raises `NoName`.
        """
        for _ in range(MAX_NAMES):
            target = Target(self._shown + self.namer.name(sop_class, sop_instance))
            if not self.namer.looks or not target.is_taken():
                return target
        raise NoName

    def publish(self, file: ObjectFile, target: Target, request: StoreRequest) -> bytes:
        """Publish *file* as *target*, or under another name if its name is taken; return the path.

        Raises `FileError` and `DirectoryError`.
        """
        for _ in range(MAX_NAMES):
            try:
                file.publish(target, replace=self.namer.replaces)
            except NameTaken:
                target = self.reserve(request.sop_class_uid, request.sop_instance_uid)
            else:
                return target.path
        raise NoName
