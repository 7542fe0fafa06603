"""``nox`` does what CI does, one session at a time: ``nox -l`` lists them."""

from __future__ import annotations

import re

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


@nox.session(python=["3.10", "3.11", "3.12", "3.13", "3.14"])
def tests(session: nox.Session) -> None:
    """The whole test suite; live tests need the clients named in the README."""
    session.install("-e", ".[test]")
    session.run("python", "-m", "pytest", "-n", "auto", "--dist", "worksteal", *session.posargs)


@nox.session
def pure(session: nox.Session) -> None:
    """The whole test suite on the source of the compiled modules."""
    session.install("-e", ".[test]")
    session.run(
        "python",
        "-m",
        "pytest",
        "-n",
        "auto",
        "--dist",
        "worksteal",
        *session.posargs,
        env={"DCMRECV_PURE": "1"},
    )


@nox.session
def floors(session: nox.Session) -> None:
    """The whole test suite on the oldest versions that pyproject.toml allows."""
    project = nox.project.load_toml("pyproject.toml")["project"]
    wanted = [*project["dependencies"], *project["optional-dependencies"]["metrics"]]
    oldest = [re.sub(r">=([^,]+).*", r"==\1", requirement) for requirement in wanted]
    session.install("-e", ".[test]", *oldest)
    session.run("python", "-m", "pip", "list")
    session.run("python", "-m", "pytest", "-n", "auto", "--dist", "worksteal", *session.posargs)


@nox.session
def coverage(session: nox.Session) -> None:
    """Lines and branches that the suite reaches, in the programs that it starts as well (htmlcov/)."""
    session.install("-e", ".[test]", "coverage>=7.10")
    session.run("coverage", "erase")
    session.run(
        *("coverage", "run", "-m", "pytest", "-n", "auto", "--dist", "worksteal", *session.posargs),
        env={"DCMRECV_PURE": "1"},
        success_codes=[
            0,
            1,
        ],  # under measurement a test that waits may come too late: the tests session judges
    )
    session.run("coverage", "combine", "--quiet")
    session.run("coverage", "html", "--quiet")
    session.run("coverage", "report", "--skip-covered", "--fail-under", "90")


@nox.session
def sanitizers(session: nox.Session) -> None:
    """Fuzz targets and tests of the compiled modules with AddressSanitizer and UndefinedBehaviorSanitizer."""
    session.install("-e", ".[dev]")
    session.run("python", "-m", "tests.fuzz.sanitized", *session.posargs)


@nox.session
def instructions(session: nox.Session) -> None:
    """Instructions for each object, compared with what is recorded (needs valgrind)."""
    session.install("-e", ".[test]")
    session.run("python", "-m", "bench.instructions", *session.posargs)


@nox.session
def docs(session: nox.Session) -> None:
    """The documentation site, into site/."""
    session.install("-e", ".[docs]")
    session.run("mkdocs", "build", "--strict", *session.posargs)


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
