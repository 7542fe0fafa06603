"""Compiles the modules that have a ``.pxd`` file of their own; everything else is said in pyproject.toml.

Without Cython or a working C compiler the installation goes on without them, and their source runs. So it does when
one of them cannot be compiled: they know each other's structures, so the others could not be imported.
``DCMRECV_COMPILE=1`` in the environment makes that an error; ``DCMRECV_COMPILE=0`` compiles nothing.
"""

from __future__ import annotations

import os
import tempfile
from importlib.machinery import EXTENSION_SUFFIXES
from pathlib import Path

from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext

SOURCES = Path("src")
DIRECTIVES = {
    "language_level": 3,
    "boundscheck": True,
    # Without this, compiled code takes None for an object of the class that the .pxd file names, and reads and writes
    # what lies there: a mistake would end the process, not an association. It costs some 1 % of the instructions.
    "nonecheck": True,
    # Types come from the .pxd file alone: an annotation of the source never changes what the compiled form does.
    "annotation_typing": False,
}


def extensions() -> list[Extension]:
    """Return the extension modules to build."""
    wish = os.environ.get("DCMRECV_COMPILE", "")
    if wish == "0":
        return []
    try:
        from Cython.Build import cythonize
    except ImportError:
        if wish == "1":
            raise
        return []
    modules = [
        Extension(
            ".".join(path.relative_to(SOURCES).with_suffix("").parts),
            [str(path.with_suffix(".py"))],
            # No debugging symbols: they are most of the file, and hold the paths of the building machine.
            extra_compile_args=["-g0"],
        )
        for path in sorted(SOURCES.rglob("*.pxd"))
        if path.with_suffix(".py").exists()  # else a file of declarations that others cimport
    ]
    found: list[Extension] = cythonize(modules, build_dir="build/cython", compiler_directives=DIRECTIVES)
    for extension in found:
        extension.optional = wish != "1"
    return found


class BuildAllOrNone(build_ext):
    """Leaves no compiled module if there is not every one."""

    def build_extensions(self) -> None:
        """Compile, and look what came of it: what is optional fails with a warning."""
        super().build_extensions()
        built = [Path(self.get_ext_fullpath(extension.name)) for extension in self.extensions]
        if not all(path.exists() for path in built):
            for path in built:
                path.unlink(missing_ok=True)

    def copy_extensions_to_source(self) -> None:
        """Leave in the source tree what was compiled now, and nothing that was compiled before."""
        super().copy_extensions_to_source()
        for path in SOURCES.rglob("*" + EXTENSION_SUFFIXES[0]):
            if not Path(self.build_lib, path.relative_to(SOURCES)).exists():
                path.unlink()


# A directory of its own for each build: setuptools would put into a wheel what an earlier build left in build/lib.
with tempfile.TemporaryDirectory() as directory:
    setup(
        ext_modules=extensions(),
        cmdclass={"build_ext": BuildAllOrNone},
        options={"build": {"build_base": directory}},
    )
