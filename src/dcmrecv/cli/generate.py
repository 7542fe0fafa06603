"""Writes everything that is made from the option table: ``python -m dcmrecv.cli.generate``.

The files are kept in the repository, because a wheel is built from it without running the program; a test
compares them with what this makes.
"""

from __future__ import annotations

import sys
from pathlib import Path

from dcmrecv.cli.completion import bash_completion, fish_completion, zsh_completion
from dcmrecv.cli.manual import man_page, option_reference
from dcmrecv.identity import __version__

__all__ = ["generated_files", "main"]


def generated_files() -> dict[str, str]:
    """Return the generated files: contents by path below the root of the repository."""
    share = "src/dcmrecv/share"
    return {
        "docs/options.md": option_reference(),
        f"{share}/man/man1/dcmrecv.1": man_page(__version__),
        f"{share}/bash-completion/completions/dcmrecv": bash_completion(),
        f"{share}/zsh/site-functions/_dcmrecv": zsh_completion(),
        f"{share}/fish/vendor_completions.d/dcmrecv.fish": fish_completion(),
    }


def main() -> int:
    """Write the files below the root of this checkout; return an exit code."""
    root = Path(__file__).parents[3]
    if not (root / "pyproject.toml").is_file():
        print("not a source checkout: nothing written", file=sys.stderr)
        return 1
    for name, text in generated_files().items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
