"""``nox`` does what CI does, one session at a time: ``nox -l`` lists them."""

from __future__ import annotations

import nox

nox.options.sessions = ["lint", "tests"]
nox.options.reuse_existing_virtualenvs = True


@nox.session
def lint(session: nox.Session) -> None:
    """Style, types and import rules."""
    session.install("-e", ".[dev]")
    session.run("ruff", "check", ".")
    session.run("ruff", "format", "--check", ".")
    session.run("mypy")
    session.run("lint-imports")


@nox.session(python=["3.10", "3.11", "3.12", "3.13"])
def tests(session: nox.Session) -> None:
    """The whole test suite; live tests need the clients named in the README."""
    session.install("-e", ".[test]")
    session.run("python", "-m", "pytest", "-n", "auto", "--dist", "worksteal", *session.posargs)


@nox.session
def wheel(session: nox.Session) -> None:
    """Build the wheel twice and compare: it must be reproducible."""
    session.install("build")
    session.env["SOURCE_DATE_EPOCH"] = "1735689600"
    for name in ("first", "second"):
        session.run("python", "-m", "build", "--wheel", "--outdir", f"{session.create_tmp()}/{name}", ".")
    session.run(
        "sh",
        "-c",
        f"cmp {session.create_tmp()}/first/*.whl {session.create_tmp()}/second/*.whl",
        external=True,
    )
