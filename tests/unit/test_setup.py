"""What setup.py makes of modules that cannot be compiled."""

from __future__ import annotations

import os
import runpy
import shutil
import subprocess
import sys
import tarfile
from importlib.machinery import EXTENSION_SUFFIXES
from pathlib import Path
from typing import Any

import pytest

setuptools = pytest.importorskip("setuptools")
SETUP = Path(__file__).parents[2] / "setup.py"
MODULE = """#include <Python.h>
static struct PyModuleDef definition = {PyModuleDef_HEAD_INIT, "%s", 0, -1, 0};
PyMODINIT_FUNC PyInit_%s(void) { return PyModule_Create(&definition); }
"""


@pytest.mark.skipif(shutil.which("cc") is None, reason="no C compiler")
@pytest.mark.parametrize(("second", "built"), [(MODULE % ("second", "second"), 2), ("#error", 0)])
def test_a_module_that_cannot_be_compiled_leaves_all_as_source(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, second: str, built: int
) -> None:
    """They are compiled with the structures of each other and could not be imported."""
    given: dict[str, Any] = {}
    monkeypatch.setenv("DCMRECV_COMPILE", "0")
    monkeypatch.setattr(setuptools, "setup", lambda **arguments: given.update(arguments))
    runpy.run_path(str(SETUP))
    monkeypatch.chdir(tmp_path)
    Path("first.c").write_text(MODULE % ("first", "first"))
    Path("second.c").write_text(second)
    extensions = [setuptools.Extension(name, [f"{name}.c"], optional=True) for name in ("first", "second")]
    distribution = setuptools.Distribution({"ext_modules": extensions, "cmdclass": given["cmdclass"]})
    command = distribution.get_command_obj("build_ext")
    command.build_lib = "lib"
    command.ensure_finalized()
    command.run()
    assert len(list(Path("lib").glob("*.so"))) == built


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project with our setup.py and one module that is compiled."""
    pytest.importorskip("Cython")
    for name in ("setup.py", "MANIFEST.in"):
        shutil.copy(SETUP.with_name(name), tmp_path)
    (tmp_path / "pyproject.toml").write_text('[project]\nname = "one"\nversion = "1"\n')
    (tmp_path / "README.md").touch()
    package = tmp_path / "src" / "one"
    package.mkdir(parents=True)
    for name in ("__init__.py", "fast.py", "fast.pxd"):
        (package / name).touch()
    return tmp_path


def run(project: Path, *command: str, **environment: str) -> list[str]:
    """Run setup.py and return the compiled modules in the source tree."""
    subprocess.run(
        [sys.executable, "setup.py", "-q", *command],
        cwd=project,
        env={**os.environ, **environment},
        check=True,
        timeout=120,
    )
    return sorted(path.name.partition(".")[0] for path in project.joinpath("src").rglob("*.so"))


def test_a_source_distribution_has_what_is_compiled_and_nothing_made_of_it(project: Path) -> None:
    """C that one Cython has made may be none for a later Python, and would be taken for current."""
    run(project, "build_ext", "--inplace", DCMRECV_COMPILE="1")
    run(project, "sdist", DCMRECV_COMPILE="1")
    (made,) = (project / "dist").iterdir()
    with tarfile.open(made) as archive:
        names = {Path(name).name for name in archive.getnames()}
    assert {"fast.py", "fast.pxd", "setup.py"} <= names
    assert not {name for name in names if name.endswith((".c", ".so", ".o"))}


def test_nothing_stays_in_the_source_tree_that_was_compiled_before(project: Path) -> None:
    package = project / "src" / "one"
    (package / f"slow{EXTENSION_SUFFIXES[0]}").touch()  # is not compiled any more
    assert run(project, "build_ext", "--inplace", DCMRECV_COMPILE="1") == ["fast"]
    (package / "fast.py").write_text("new = True\n")
    assert run(project, "build_ext", "--inplace", DCMRECV_COMPILE="", CC="false") == []
