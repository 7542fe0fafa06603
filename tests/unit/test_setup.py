"""What setup.py makes of modules that cannot be compiled."""

from __future__ import annotations

import runpy
import shutil
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
