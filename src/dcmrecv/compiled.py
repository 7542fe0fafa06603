"""The modules of which a compiled form may stand beside the source, and the choice between the two.

``setup.py`` compiles every module with a ``.pxd`` file beside it, if there is a C compiler; otherwise the same
source runs as any other Python module. Python itself prefers the compiled form. ``DCMRECV_PURE=1`` in the
environment chooses the source at run time: to compare the two, and to debug.
"""

from __future__ import annotations

import os
import sys
from importlib.machinery import EXTENSION_SUFFIXES, SOURCE_SUFFIXES, FileFinder, ModuleSpec, SourceFileLoader

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import ModuleType

__all__ = ["MODULES", "compiled_modules", "use_source"]

MODULES = (
    "dcmrecv.core.acceptor",
    "dcmrecv.core.buffer",
    "dcmrecv.core.exchange",
    "dcmrecv.core.upper_layer",
    "dcmrecv.dataset.rewriter",
    "dcmrecv.dataset.scan",
    "dcmrecv.memory",
    "dcmrecv.server.association",
    "dcmrecv.server.gil_gate",
    "dcmrecv.server.transport",
    "dcmrecv.storage.bit_preserving",
    "dcmrecv.storage.normal",
    "dcmrecv.storage.parsing",
    "dcmrecv.storage.publish",
    "dcmrecv.storage.session",
)
"""Every object passes them."""


class _SourceFinder:
    """Finds the source of `MODULES`, and nothing else."""

    @staticmethod
    def find_spec(
        name: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if name not in MODULES:
            return None
        for directory in path or ():
            spec = FileFinder(directory, (SourceFileLoader, SOURCE_SUFFIXES)).find_spec(name, target)
            if spec is not None:
                return spec
        return None


def use_source() -> None:
    """Import the source of `MODULES` from now on. Importing the package does this under ``DCMRECV_PURE=1``."""
    sys.meta_path.insert(0, _SourceFinder)


def compiled_modules() -> tuple[str, ...]:
    """Return which of `MODULES` this process imports in their compiled form, without importing them."""
    if _SourceFinder in sys.meta_path:
        return ()
    package = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    paths = {name: os.path.join(package, *name.split(".")) for name in MODULES}
    return tuple(
        name
        for name, path in paths.items()
        if any(os.path.isfile(path + suffix) for suffix in EXTENSION_SUFFIXES)
    )
