"""The compiled modules: which they are, how the source is chosen, and that no old one is tested."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
from importlib.machinery import EXTENSION_SUFFIXES
from pathlib import Path

import pytest

from dcmrecv.compiled import MODULES, compiled_modules, obstacle
from dcmrecv.core.acceptor import Wait
from dcmrecv.server.gil_gate import GateTicket, GilGate
from dcmrecv.server.transport import Clocks, Transport
from tests.support.server import ROOT

SUFFIX = EXTENSION_SUFFIXES[0]


def run(program: str, **environment: str) -> str:
    variables = {name: value for name, value in os.environ.items() if name != "DCMRECV_PURE"} | environment
    done = subprocess.run(
        [sys.executable, "-c", program], env=variables, capture_output=True, text=True, check=True, timeout=60
    )
    return done.stdout.strip()


def test_every_module_with_types_is_listed() -> None:
    sources = ROOT / "src"
    typed = {
        ".".join(path.relative_to(sources).with_suffix("").parts)
        for path in sources.rglob("*.pxd")
        if path.with_suffix(".py").exists()
    }
    assert typed == set(MODULES)


@pytest.mark.parametrize(("value", "pure"), [("1", True), ("0", False), ("", False)])
def test_the_environment_chooses_the_source(value: str, pure: bool) -> None:
    program = (
        "import dcmrecv, importlib, importlib.util\n"
        "from dcmrecv.compiled import MODULES, compiled_modules, obstacle\n"
        "found = [importlib.util.find_spec(name) for name in MODULES]\n"
        "print(*[spec.name for spec in found if spec and not spec.origin.endswith('.py')])\n"
        "print(*compiled_modules())\n"
    )
    loaded, _, said = run(program, DCMRECV_PURE=value).partition("\n")
    assert loaded == said  # what is said is what is loaded
    if pure:
        assert loaded == ""
    elif "DCMRECV_PURE" not in os.environ:
        assert tuple(loaded.split()) == compiled_modules()


@pytest.mark.parametrize("arguments", [["--version"], ["-v", "--version"]])
def test_the_program_says_which_form_runs(arguments: list[str]) -> None:
    program = f"import sys; sys.argv = ['dcmrecv', *{arguments!r}]; from dcmrecv.__main__ import main; main()"
    assert "\n- compiled modules: none\n" in run(program, DCMRECV_PURE="1")


def test_the_source_of_a_compiled_module_is_found(tmp_path: Path) -> None:
    name = MODULES[0].rpartition(".")[2]
    (tmp_path / f"{name}.py").write_text("FORM = 'source'\n")
    (tmp_path / f"{name}{SUFFIX}").write_bytes(b"no ELF: loading it would fail")
    program = (
        "import importlib, types, sys, dcmrecv\n"
        f"parent = types.ModuleType({MODULES[0].rpartition('.')[0]!r}); parent.__path__ = [{str(tmp_path)!r}]\n"
        "sys.modules[parent.__name__] = parent\n"
        f"print(importlib.import_module({MODULES[0]!r}).FORM)\n"
    )
    assert run(program, DCMRECV_PURE="1") == "source"
    with pytest.raises(subprocess.CalledProcessError) as caught:
        run(program)
    assert "ImportError" in caught.value.stderr


def test_without_one_compiled_module_the_source_of_all_runs(tmp_path: Path) -> None:
    """They know each other's structures: a receiver without one of them started and then failed with every object."""
    package = tmp_path / "dcmrecv"
    shutil.copytree(
        ROOT / "src" / "dcmrecv", package, ignore=shutil.ignore_patterns("*.so", "__pycache__", "*.pxd")
    )
    for name in MODULES[1:]:
        package.parent.joinpath(*name.split(".")).with_suffix(SUFFIX).write_bytes(
            b"no ELF: loading it would fail"
        )
    program = (
        "import sys, dcmrecv.storage, dcmrecv.core.acceptor, dcmrecv.server.association, dcmrecv.compiled as compiled\n"
        "print('loaded', [name for name in compiled.MODULES if not sys.modules[name].__file__.endswith('.py')])\n"
        "print('said', compiled.compiled_modules(), flush=True)\n"
        "sys.argv = ['dcmrecv', '--version']; from dcmrecv.__main__ import main; main()\n"
    )
    said = run(program, PYTHONPATH=str(tmp_path))
    assert said.startswith("loaded []\nsaid ()\n")
    assert f"\n- compiled modules: none ({MODULES[0]} is not compiled)\n" in said


@pytest.mark.parametrize("changed", ["scan.py", "scan.pxd", "shared.pxd"])
def test_a_compiled_module_older_than_its_source_is_found_out(tmp_path: Path, changed: str) -> None:
    package = tmp_path / "dcmrecv"
    package.mkdir()
    for name in ("scan.py", "scan.pxd", "shared.pxd", f"scan{SUFFIX}"):
        (package / name).touch()
        os.utime(package / name, (20, 20))
    assert obstacle(str(package), ["dcmrecv.scan"]) == ""
    os.utime(package / changed, (21, 21))
    assert (
        obstacle(str(package), ["dcmrecv.scan"]) == "dcmrecv.scan was compiled before its source was changed"
    )
    for types in package.glob("*.pxd"):
        types.unlink()
    assert obstacle(str(package), ["dcmrecv.scan"]) == "", "an installed package has no types"


def test_what_is_no_longer_compiled_is_found_out_and_its_source_runs(tmp_path: Path) -> None:
    """Else the old compiled form of a module would run beside the new source of all others."""
    package = tmp_path / "dcmrecv"
    shutil.copytree(ROOT / "src" / "dcmrecv", package, ignore=shutil.ignore_patterns("*.so", "__pycache__"))
    (package / "storage" / "filing.cpython-27-other.so").touch()  # of another Python
    assert obstacle(str(package)) == ""
    old = package / "storage" / f"filing{SUFFIX}"
    old.write_bytes(b"no ELF: loading it would fail")
    assert obstacle(str(package)) == f"{old.name} is of no module that is compiled"
    program = "import dcmrecv.storage.filing as filing; print(filing.__file__)"
    assert run(program, PYTHONPATH=str(tmp_path)) == str(old.with_name("filing.py"))


def test_none_in_the_place_of_an_object_is_an_error_and_no_crash() -> None:
    here, there = socket.socketpair()
    with here, there:
        transport = Transport(here, Clocks(1, None), GateTicket(GilGate()))
        with pytest.raises(AttributeError):
            transport.receive(None, Wait.PDU_BOUNDARY)  # type: ignore[arg-type]
