"""No run may test a compiled module that was made from another state of its source."""

from __future__ import annotations

from collections.abc import Iterable
from importlib.machinery import EXTENSION_SUFFIXES
from pathlib import Path

import dcmrecv
from dcmrecv.compiled import compiled_modules

__all__ = ["REBUILD", "outdated"]

REBUILD = "python setup.py build_ext --inplace"
PACKAGE = Path(dcmrecv.__file__).parent


def _tested() -> list[Path]:
    """Return the modules whose compiled form this run tests and of which the types are at hand."""
    stems = [PACKAGE.parent.joinpath(*name.split(".")) for name in compiled_modules()]
    return [stem for stem in stems if stem.with_suffix(".pxd").exists()]


def outdated(modules: Iterable[Path] | None = None) -> list[Path]:
    """Return the compiled files of *modules* (paths without suffix) that are older than what they were made from."""
    found = []
    for module in _tested() if modules is None else modules:
        newest = max(module.with_suffix(suffix).stat().st_mtime_ns for suffix in (".py", ".pxd"))
        files = [module.with_suffix(suffix) for suffix in EXTENSION_SUFFIXES]
        found += [file for file in files if file.exists() and file.stat().st_mtime_ns < newest]
    return found
