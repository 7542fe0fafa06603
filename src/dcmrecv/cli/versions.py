"""Versions of what we stand on, found without importing it."""

from __future__ import annotations

import os
import sys

from dcmrecv.compiled import compiled_modules, obstacle

__all__ = ["compiled_form", "openssl_version", "package_version", "python_version"]


def compiled_form() -> str:
    """Say whether the modules that can run compiled do, and if files of them are there and must not: why."""
    if compiled_modules():
        return "all"
    why = obstacle()
    return f"none ({why})" if why else "none"


def openssl_version() -> str:
    """Return name, version and date of the OpenSSL in use."""
    try:
        # The public module costs as much as everything else this program does for --version; it takes this
        # constant from here.
        from _ssl import OPENSSL_VERSION
    except ImportError:
        from ssl import OPENSSL_VERSION
    return str(OPENSSL_VERSION)


def python_version() -> str:
    """Return the version of the interpreter, with its name where it is not CPython."""
    return ".".join(map(str, sys.version_info[:3]))


def package_version(name: str) -> str:
    """Return the version of the installed distribution *name*.

    Installers name a distribution's metadata directory ``NAME-VERSION.dist-info`` (PyPA, recording installed
    projects); reading that name takes a hundredth of the time of importing `importlib.metadata`, which is
    asked only when no such directory is found.
    """
    prefix = name.lower() + "-"
    for directory in sys.path:
        try:
            entries = os.listdir(directory or ".")
        except OSError:
            continue
        for entry in entries:
            if entry.lower().startswith(prefix) and entry.endswith(".dist-info"):
                return entry[len(prefix) : -len(".dist-info")]
    from importlib import metadata

    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return "not installed"
