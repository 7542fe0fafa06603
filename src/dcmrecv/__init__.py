"""dcmrecv: a faithful, faster, safer replacement for DCMTK's ``dcmrecv`` (Simple DICOM Storage SCP).

Programs that embed the receiver start from `Receiver` and `Config` (docs/embedding.md). Both are loaded on
first use: importing the package costs next to nothing.
"""

import os

from dcmrecv._version import __version__

TYPE_CHECKING = False  # `typing` takes as long to load as a quarter of this package
if TYPE_CHECKING:
    from dcmrecv.config import Config
    from dcmrecv.receiver.embed import Receiver

__all__ = ["Config", "Receiver", "__version__"]

if os.environ.get("DCMRECV_PURE", "0") not in ("", "0"):
    from dcmrecv.compiled import use_source

    use_source()


def __getattr__(name: str) -> object:
    if name == "Config":
        from dcmrecv.config import Config

        return Config
    if name == "Receiver":
        from dcmrecv.receiver.embed import Receiver

        return Receiver
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
