"""The modules of which a compiled form may stand beside the source, and the choice between the two.

``setup.py`` compiles every module with a ``.pxd`` file beside it, if there is a C compiler; otherwise the same
source runs as any other Python module. Python itself prefers the compiled form. ``DCMRECV_PURE=1`` in the
environment chooses the source at run time: to compare the two, and to debug.

The compiled modules know each other's structures, and the rest of the package is of one version with them. So where
one of them is missing or older than its source, none runs (`obstacle`).
"""

from __future__ import annotations

import os
import sys
from importlib.machinery import EXTENSION_SUFFIXES, SOURCE_SUFFIXES, FileFinder, ModuleSpec, SourceFileLoader

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import ModuleType

__all__ = ["MODULES", "choose", "compiled_modules", "obstacle"]

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
    "dcmrecv.storage.publish",
    "dcmrecv.storage.session",
)
"""Every object passes them."""

PACKAGE = os.path.dirname(os.path.abspath(__file__))


class _SourceFinder:
    """Finds the source of what this package has: of `MODULES`, and of what was compiled once and still lies there."""

    @staticmethod
    def find_spec(
        name: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if not name.startswith("dcmrecv."):
            return None
        for directory in path or ():
            spec = FileFinder(directory, (SourceFileLoader, SOURCE_SUFFIXES)).find_spec(name, target)
            if spec is not None:
                return spec
        return None


def choose() -> None:
    """Have the source of `MODULES` imported from now on if that is wished, or if the compiled form must not run.

    Importing the package does this, before any of them is imported.
    """
    if os.environ.get("DCMRECV_PURE", "0") not in ("", "0") or obstacle():
        sys.meta_path.insert(0, _SourceFinder)


def obstacle(package: str = PACKAGE, modules: Sequence[str] = MODULES) -> str:
    """Say why the compiled *modules* below *package* must not run; nothing if they may, or if there are none.

    One is older than its source if that, or any ``.pxd`` file, has changed since: one module may use the types of
    another. An installed package has no such files, and its compiled files came with their source.
    """
    paths = [os.path.join(os.path.dirname(package), *name.split(".")) for name in modules]
    files = [_compiled_file(path) for path in paths]
    types = []
    if os.path.isfile(paths[0] + ".pxd"):
        for directory in {os.path.dirname(path) for path in paths}:
            for name in os.listdir(directory):
                path = os.path.join(directory, name)
                if name.endswith(".pxd"):
                    types.append(os.stat(path).st_mtime_ns)
                elif _is_loaded(name) and path not in files:
                    return f"{name} is of no module that is compiled"
    if not any(files):
        return ""
    for name, path, file in zip(modules, paths, files, strict=True):
        if not file:
            return f"{name} is not compiled"
        if types and os.stat(file).st_mtime_ns < max(os.stat(path + ".py").st_mtime_ns, *types):
            return f"{name} was compiled before its source was changed"
    return ""


def _compiled_file(path: str) -> str:
    """Return the file that Python would load for the module at *path*, or nothing if it is not compiled."""
    return next((path + suffix for suffix in EXTENSION_SUFFIXES if os.path.isfile(path + suffix)), "")


def _is_loaded(name: str) -> bool:
    """Return whether the file *name* is a compiled one that this Python loads; there may be those of others."""
    _, dot, suffix = name.partition(".")
    return dot + suffix in EXTENSION_SUFFIXES


def compiled_modules() -> tuple[str, ...]:
    """Return which of `MODULES` this process imports in their compiled form, without importing them: all or none."""
    first = os.path.join(os.path.dirname(PACKAGE), *MODULES[0].split("."))
    return () if _SourceFinder in sys.meta_path or not _compiled_file(first) else MODULES
