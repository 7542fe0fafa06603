"""dcmrecv: a faithful, faster, safer replacement for DCMTK's ``dcmrecv`` (Simple DICOM Storage SCP).

A program that embeds the receiver starts from `AE` and `evt`, as it would with pynetdicom (docs/embedding.md).
Every name is loaded when it is first used: importing the package costs next to nothing.
"""

from dcmrecv._version import __version__
from dcmrecv.compiled import choose as _choose

TYPE_CHECKING = False  # `typing` takes as long to load as a quarter of this package
if TYPE_CHECKING:
    from pynetdicom import evt

    from dcmrecv.asconfig import AsconfigError
    from dcmrecv.config import Config
    from dcmrecv.receiver.additions import AdditionError
    from dcmrecv.receiver.ae_server import AE
    from dcmrecv.receiver.embed import Receiver
    from dcmrecv.receiver.pynetdicom_events import StoreEvent
    from dcmrecv.receiver.received import HandlerMemoryError
    from dcmrecv.receiver.storage_writer import StorageWriter
    from dcmrecv.server.listener import PortError
    from dcmrecv.tls.errors import TlsStartError

__all__ = [
    "AE",
    "AdditionError",
    "AsconfigError",
    "Config",
    "HandlerMemoryError",
    "PortError",
    "Receiver",
    "StorageWriter",
    "StoreEvent",
    "TlsStartError",
    "__version__",
    "evt",
]

_PLACES = {
    "AE": "dcmrecv.receiver.ae_server",
    "AdditionError": "dcmrecv.receiver.additions",
    "AsconfigError": "dcmrecv.asconfig",
    "Config": "dcmrecv.config",
    "HandlerMemoryError": "dcmrecv.receiver.received",
    "PortError": "dcmrecv.server.listener",
    "Receiver": "dcmrecv.receiver.embed",
    "StoreEvent": "dcmrecv.receiver.pynetdicom_events",
    "StorageWriter": "dcmrecv.receiver.storage_writer",
    "TlsStartError": "dcmrecv.tls.errors",
    "evt": "pynetdicom",
}

_choose()  # before any of the compiled modules is imported


def __getattr__(name: str) -> object:
    place = _PLACES.get(name)
    if place is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(place), name)
