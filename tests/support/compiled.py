"""No run may test a compiled module that was made from another state of its source."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.machinery import EXTENSION_SUFFIXES
from pathlib import Path

import dcmrecv
from dcmrecv.compiled import compiled_modules

__all__ = ["REBUILD", "outdated"]

REBUILD = "python setup.py build_ext --inplace"
PACKAGE = Path(dcmrecv.__file__).parent


def outdated(package: Path = PACKAGE, modules: Sequence[str] | None = None) -> list[Path]:
    """Return the compiled files of *modules* below *package* that are older than what they were made from.

    That is their own source and every ``.pxd`` file of the package, since one may use another. An installed
    package has none, and its compiled files came with their source.
    """
    found = []
    types = [path.stat().st_mtime_ns for path in package.rglob("*.pxd")]
    for name in compiled_modules() if modules is None else modules:
        module = package.parent.joinpath(*name.split("."))
        newest = max([module.with_suffix(".py").stat().st_mtime_ns, *types]) if types else 0
        files = [module.with_suffix(suffix) for suffix in EXTENSION_SUFFIXES]
        found += [file for file in files if file.exists() and file.stat().st_mtime_ns < newest]
    return found
