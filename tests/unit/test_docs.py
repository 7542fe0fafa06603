"""The pages for people: links lead somewhere, options are explained, commands are understood by our own parser."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest

from dcmrecv.cli.command_files import expand
from dcmrecv.cli.evaluate import LOGGING, REST, evaluate, level_admits
from dcmrecv.cli.scan import scan
from dcmrecv.options import ALL_OPTIONS, OUR_GROUPS, VERBOSE_MODE, Option

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/*.md"), *ROOT.glob("docs/spec/README.md")])
WRITTEN = [
    page for page in PAGES if page.parent.name == "docs" and page.name not in ("options.md", "README.md")
]
"""Pages that explain; `options.md` is made from the table and explains nothing."""

_FENCE = re.compile(r"^```(\w*)\n(.*?)^```", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
_HEADING = re.compile(r"^#+ +(.*)$", re.MULTILINE)


def _name(page: Path) -> str:
    return str(page.relative_to(ROOT))


def _prose(page: Path) -> str:
    return _FENCE.sub("", page.read_text(encoding="utf-8"))


def _anchors(page: Path) -> set[str]:
    """Return the anchors that the usual renderers make of the headings of *page*."""
    anchors: set[str] = set()
    for heading in _HEADING.findall(_prose(page)):
        text = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading).lower().strip()
        anchor = re.sub(r"[^\w\- ]", "", text).replace(" ", "-")
        number = 0
        unique = anchor
        while unique in anchors:
            number += 1
            unique = f"{anchor}-{number}"
        anchors.add(unique)
    return anchors


def _links() -> Iterator[tuple[str, str]]:
    for page in PAGES:
        for target in _LINK.findall(_prose(page)):
            if not re.match(r"[a-z]+:", target):
                yield _name(page), target


@pytest.mark.parametrize(("page", "target"), sorted(set(_links())))
def test_a_relative_link_leads_somewhere(page: str, target: str) -> None:
    path, _, anchor = target.partition("#")
    file = (ROOT / page).parent / path if path else ROOT / page
    assert file.exists()
    if anchor:
        assert anchor in _anchors(file)


def test_every_page_is_reached_from_the_index() -> None:
    index = ROOT / "docs" / "README.md"
    reached = {(index.parent / target.partition("#")[0]).resolve() for target in _LINK.findall(_prose(index))}
    assert {page for page in PAGES if page.parent == index.parent} - reached == {index}


@pytest.mark.parametrize("option", ALL_OPTIONS, ids=lambda option: option.long)
def test_every_option_is_in_the_option_reference(option: Option) -> None:
    text = (ROOT / "docs" / "options.md").read_text(encoding="utf-8")
    assert all(f"`{name}`" in text for name in option.names)


def _additions() -> list[Option]:
    return [option for group in OUR_GROUPS for subgroup in group.subgroups for option in subgroup.options]


@pytest.mark.parametrize("option", _additions(), ids=lambda option: option.long)
def test_every_addition_is_explained_somewhere(option: Option) -> None:
    name = re.compile("|".join(rf"(?<![\w+-]){re.escape(name)}(?![\w-])" for name in option.names))
    assert any(name.search(page.read_text(encoding="utf-8")) for page in WRITTEN)


def _command_lines() -> Iterator[tuple[str, str]]:
    for page in PAGES:
        for language, block in _FENCE.findall(page.read_text(encoding="utf-8")):
            if language == "sh":
                for line in block.replace("\\\n", " ").splitlines():
                    if line.startswith("dcmrecv "):
                        yield _name(page), line


def test_there_are_command_lines_to_check() -> None:
    assert len(list(_command_lines())) > 5


@pytest.mark.parametrize(("page", "line"), sorted(set(_command_lines())))
def test_a_command_line_is_understood(
    page: str, line: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Files that a command line names need not exist here, command files apart."""
    words = shlex.split(line, comments=True)[1:]
    words = words[: words.index("&")] if "&" in words else words
    monkeypatch.chdir(tmp_path)
    for word in words:
        if word.startswith("@"):
            command_file = tmp_path / Path(word[1:]).name
            command_file.write_text("11112\n")
            words[words.index(word)] = f"@{command_file}"
    parsed = scan(expand(words))
    fields = evaluate(parsed, LOGGING, {})
    if any(use.option.exclusive for use in parsed.uses):
        return
    evaluate(parsed, REST, {VERBOSE_MODE: level_admits(fields, "INFO")})
    assert len(parsed.all("port")) == 1
