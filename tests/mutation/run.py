"""Mutation testing: change one place of a module at a time and see whether its tests notice.

    python -m tests.mutation.run                              # 20 mutants of each module below
    python -m tests.mutation.run --sample 0 storage/naming    # all mutants of one module

A mutant lives only in memory: a child process serves the changed module to the import system and runs the
tests that belong to it, so the files on disk, and what else runs from them, are left alone. Which mutants are
taken follows from ``--seed`` and the module's name. A mutant is *killed* when a test fails, when the module
cannot be imported any more, or when the tests take three times as long as without it (and 5 s). Survivors are
printed with their place and change, and so are those that were too slow; some survivors change nothing that can
be seen (*equivalent* mutants), so 100 per cent is out of reach.

Exit status: 0 if the tests pass without a mutant, however many mutants survive; 1 otherwise.
"""

from __future__ import annotations

import argparse
import ast
import contextlib
import importlib.abc
import importlib.machinery
import importlib.util
import os
import random
import signal
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from types import ModuleType
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[2]
SOURCE = ROOT / "src" / "dcmrecv"
STORAGE = ("tests/unit/storage",)
CORE = ("tests/unit/core", "tests/wire")
MODULES = {
    "storage/naming": STORAGE,
    "storage/publish": STORAGE,
    "storage/directories": STORAGE,
    "storage/temporary": STORAGE,
    "storage/sync": STORAGE,
    "storage/meta": STORAGE,
    "core/pdu": CORE,
    "core/negotiate": CORE,
    "core/dimse": CORE,
    "core/associate": CORE,
    "core/acceptor": CORE,
    "core/buffer": CORE,
}
"""Module below ``src/dcmrecv`` and the tests that are about it."""
DEFAULT = (
    "storage/naming",
    "storage/publish",
    "storage/directories",
    "core/pdu",
    "core/negotiate",
    "core/dimse",
)

_COMPARISONS: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
}
_OPERATORS: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.FloorDiv,
    ast.FloorDiv: ast.Mult,
    ast.LShift: ast.RShift,
    ast.RShift: ast.LShift,
    ast.BitAnd: ast.BitOr,
    ast.BitOr: ast.BitAnd,
}
_ANNOTATIONS = ("annotation", "returns", "decorator_list")


class Mutant(NamedTuple):
    """One change: its line, what it was, what it is, and how to make it in the tree (once)."""

    line: int
    before: str
    after: str
    apply: Callable[[], None]


def _setter(owner: ast.AST, name: str, index: int | None, new: object) -> Callable[[], None]:
    def apply() -> None:
        if index is None:
            setattr(owner, name, new)
        else:
            getattr(owner, name)[index] = new

    return apply


def _replacements(node: ast.AST) -> Iterator[ast.AST]:
    """Yield what may stand in the place of *node*; parts of it are shared, since only one is ever used."""
    match node:
        case ast.Compare(left, [operator, *others], comparators):
            changed = _COMPARISONS[type(operator)]()
            yield ast.Compare(left, [changed, *others], comparators)
        case ast.BinOp(left, operator, right) if type(operator) in _OPERATORS and not (
            # parts of a type
            isinstance(operator, ast.BitOr) and isinstance(right, ast.Name | ast.Constant)
        ):
            yield ast.BinOp(left, _OPERATORS[type(operator)](), right)
        case ast.BoolOp(operator, values):
            yield ast.BoolOp(ast.Or() if isinstance(operator, ast.And) else ast.And(), values)
        case ast.UnaryOp(ast.Not(), operand):
            yield operand
        case ast.Constant(bool(value)):
            yield ast.Constant(not value)
        case ast.Constant(int(value)):
            yield ast.Constant(value + 1)
        case ast.Constant(bytes(value)):
            yield ast.Constant(value + b"X" if value else b"X")
        case ast.Constant(str(value)):
            yield ast.Constant(value + "X")
        case ast.AugAssign(target, operator, value) if type(operator) in _OPERATORS:
            yield ast.AugAssign(target, _OPERATORS[type(operator)](), value)
        case ast.Return(value) if value is not None and not (
            isinstance(value, ast.Constant) and value.value is None
        ):
            yield ast.Return(ast.Constant(None))
        case ast.IfExp(test, body, orelse):
            yield ast.IfExp(test, orelse, body)
        case ast.Expr(ast.Call()) | ast.Raise():
            yield ast.Pass()
        case ast.Continue():
            yield ast.Break()
        case ast.Break():
            yield ast.Continue()


def _is_left_out(node: ast.AST) -> bool:
    """True for what is no behaviour: imports, what types see, names that are exported, documentation."""
    match node:
        case ast.Import() | ast.ImportFrom():
            return True
        case ast.If(ast.Name("TYPE_CHECKING")):
            return True
        case ast.Assign([ast.Name("__all__" | "__slots__")]):
            return True
        case ast.Expr(ast.Constant(str())):
            return True
    return False


def mutants(tree: ast.Module) -> list[Mutant]:
    """Return all mutants of *tree*, in the order of the source."""
    found: list[Mutant] = []

    def consider(owner: ast.AST, name: str, index: int | None, node: ast.AST) -> None:
        if _is_left_out(node):
            return
        for new in _replacements(node):
            ast.copy_location(new, node)
            ast.fix_missing_locations(new)
            before, after = (ast.unparse(n).partition("\n")[0] for n in (node, new))
            found.append(Mutant(getattr(node, "lineno", 0), before, after, _setter(owner, name, index, new)))
        visit(node)

    def visit(node: ast.AST) -> None:
        for name, value in ast.iter_fields(node):
            if name in _ANNOTATIONS or isinstance(node, ast.JoinedStr | ast.FormattedValue):
                continue
            if isinstance(value, ast.AST):
                consider(node, name, None, value)
            elif isinstance(value, list):
                for index, child in enumerate(value):
                    if isinstance(child, ast.AST):
                        consider(node, name, index, child)

    visit(tree)
    return found


class _Served(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Serves one module from a tree."""

    def __init__(self, module: str, path: Path, tree: ast.Module) -> None:
        self.module = module
        self.path = path
        self.tree = tree

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        if fullname != self.module:
            return None
        return importlib.util.spec_from_loader(fullname, self, origin=str(self.path))

    def exec_module(self, module: ModuleType) -> None:
        exec(compile(self.tree, str(self.path), "exec"), module.__dict__)


def run_tests(tests: Sequence[str], served: _Served, limit: float | None, seed: int) -> str:
    """Run *tests* in a child process; return ``passed``, ``failed`` or ``too slow`` (after *limit* seconds)."""
    child = os.fork()
    if not child:
        status = 1
        try:
            os.setsid()
            null = os.open(os.devnull, os.O_RDWR)
            for descriptor in (0, 1, 2):
                os.dup2(null, descriptor)
            importlib.import_module("dcmrecv")  # first: it puts a finder of its own before the others
            sys.meta_path.insert(0, served)
            import pytest

            options = ["-x", "-q", "-p", "no:cacheprovider", "-p", "no:xdist", f"--hypothesis-seed={seed}"]
            status = int(pytest.main([*options, *tests]))
        finally:
            os._exit(status)
    end = None if limit is None else time.monotonic() + limit
    while True:
        done, status = os.waitpid(child, 0 if end is None else os.WNOHANG)
        if done:
            return "failed" if status else "passed"
        if end is not None and time.monotonic() > end:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(child, signal.SIGKILL)
            os.waitpid(child, 0)
            return "too slow"
        time.sleep(0.02)


def examine(name: str, sample: int, seed: int) -> tuple[int, int, int] | None:
    """Print the survivors of module *name*; return killed, tried and possible mutants, None if tests fail."""
    path = SOURCE / f"{name}.py"
    text = path.read_text(encoding="utf-8")
    module = "dcmrecv." + name.replace("/", ".")
    tests = MODULES[name]
    began = time.monotonic()
    if run_tests(tests, _Served(module, path, ast.parse(text)), None, seed) != "passed":
        print(f"{name}: its tests fail without a mutant", flush=True)
        return None
    limit = 3 * (time.monotonic() - began) + 5
    possible = len(mutants(ast.parse(text)))
    numbers = list(range(possible))
    if 0 < sample < possible:
        # not for secrets; a string seeds alike in every process
        numbers = sorted(random.Random(f"{seed} {name}").sample(numbers, sample))
    killed = 0
    for number in numbers:
        tree = ast.parse(text)
        mutant = mutants(tree)[number]
        mutant.apply()
        outcome = run_tests(tests, _Served(module, path, tree), limit, seed)
        killed += outcome != "passed"
        if outcome != "failed":
            word = "survived" if outcome == "passed" else outcome
            print(f"{name}.py:{mutant.line}: {word}: {mutant.before}  ->  {mutant.after}", flush=True)
    print(f"{name}: {killed} of {len(numbers)} killed, {possible} possible", flush=True)
    return killed, len(numbers), possible


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; see the module's head."""
    parser = argparse.ArgumentParser(prog="python -m tests.mutation.run", description="Mutation testing")
    parser.add_argument("modules", nargs="*", default=DEFAULT, metavar="MODULE", help="as storage/naming")
    parser.add_argument("--sample", type=int, default=20, metavar="N", help="mutants of each, 0: all (20)")
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="takes another sample (0)")
    given = parser.parse_args(arguments)
    for name in given.modules:
        if name not in MODULES:
            parser.error(f"no such module: {name}; there are {', '.join(MODULES)}")
    os.chdir(ROOT)
    os.environ["DCMRECV_PURE"] = "1"  # a mutant is a source, and compiled modules take each other only
    # a child need not read these again; of our own package it must find nothing, and of pytest's plugins neither
    import pydicom
    import pynetdicom
    import pytest

    del pydicom, pynetdicom, pytest
    results = [examine(name, given.sample, given.seed) for name in given.modules]
    finished = [result for result in results if result is not None]
    killed, tried, possible = (
        (sum(numbers) for numbers in zip(*finished, strict=True)) if finished else (0, 0, 0)
    )
    print(f"all: {killed} of {tried} killed, {possible} possible")
    return 0 if len(finished) == len(results) else 1


if __name__ == "__main__":
    sys.exit(main())
