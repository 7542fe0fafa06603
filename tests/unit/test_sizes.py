"""No module has more than 600 lines, no function more than 80; how complex one may be is ruff's business (C901)."""

from __future__ import annotations

import ast
from pathlib import Path

import dcmrecv

MODULE_LINES = 600
FUNCTION_LINES = 80
THE_LOOP = ("dataset/scan.py", "_scan")
"""One loop over the bytes, whose state is in local variables: its docstring says why."""

ROOT = Path(dcmrecv.__file__).parent


def sources() -> list[Path]:
    return sorted(ROOT.rglob("*.py"))


def test_modules() -> None:
    lines = {path.relative_to(ROOT).as_posix(): len(path.read_text().splitlines()) for path in sources()}
    assert len(lines) > 100
    assert {name: count for name, count in lines.items() if count > MODULE_LINES} == {}


def test_functions() -> None:
    long = {
        (path.relative_to(ROOT).as_posix(), node.name)
        for path in sources()
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and (node.end_lineno or 0) - node.lineno >= FUNCTION_LINES
    }
    assert long == {THE_LOOP}
