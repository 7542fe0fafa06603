"""A module from its source, beside its compiled form: the two must do the same."""

from __future__ import annotations

import importlib.util
from importlib.machinery import SourceFileLoader
from pathlib import Path
from types import ModuleType

import dcmrecv

__all__ = ["source_of"]


def source_of(name: str) -> ModuleType:
    """Return module *name* of the package, made of its ``.py`` file; nobody else gets it by importing."""
    path = Path(dcmrecv.__file__).parent.joinpath(*name.split(".")[1:]).with_suffix(".py")
    loader = SourceFileLoader(f"{name}__source", str(path))
    spec = importlib.util.spec_from_loader(loader.name, loader)
    assert spec is not None
    module = importlib.util.module_from_spec(spec)
    loader.exec_module(module)
    return module
