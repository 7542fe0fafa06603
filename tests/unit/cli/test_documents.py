"""Files made from the option table: up to date, complete, and readable for whom they are meant."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from dcmrecv.cli.generate import generated_files
from dcmrecv.options import ALL_OPTIONS

ROOT = Path(__file__).parents[3]
SHARE = ROOT / "src/dcmrecv/share"
BASH = SHARE / "bash-completion/completions/dcmrecv"
ZSH = SHARE / "zsh/site-functions/_dcmrecv"
FISH = SHARE / "fish/vendor_completions.d/dcmrecv.fish"
MAN = SHARE / "man/man1/dcmrecv.1"


@pytest.mark.parametrize("name", generated_files())
def test_up_to_date(name: str) -> None:
    made = generated_files()[name]
    assert (ROOT / name).read_text(encoding="utf-8") == made, "run python -m dcmrecv.cli.generate"


@pytest.mark.parametrize("name", generated_files())
def test_every_option_is_in(name: str) -> None:
    text = generated_files()[name].replace("\\-", "-")
    for option in ALL_OPTIONS:
        for form in option.names:
            shown = form.lstrip("-") if name.endswith(".fish") and form.startswith("-") else form
            assert shown in text, form


def test_every_environment_variable_is_documented() -> None:
    for name in ("docs/options.md", "src/dcmrecv/share/man/man1/dcmrecv.1"):
        text = generated_files()[name]
        assert all(option.variable in text for option in ALL_OPTIONS if option.variable)


def tool(name: str) -> str:
    found = shutil.which(name)
    if found is None:
        pytest.skip(f"{name} is not installed")
    return found


@pytest.mark.parametrize(("shell", "path"), [("bash", BASH), ("zsh", ZSH), ("fish", FISH)])
def test_shells_can_read_their_completion(shell: str, path: Path) -> None:
    checked = subprocess.run([tool(shell), "-n", path], capture_output=True, text=True, check=False)
    assert (checked.returncode, checked.stderr) == (0, "")


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A directory with a profile file, a command file and a directory."""
    shutil.copy(ROOT / "data/storescp.cfg", tmp_path / "own.cfg")
    (tmp_path / "args.txt").touch()
    (tmp_path / "incoming").mkdir()
    return tmp_path


OFFERED = [
    (["+fs"], ["+fst", "+fsu"]),
    (["-ll", "t"], ["trace"]),
    (["-xf", ""], ["args.txt", "incoming", "own.cfg", "storescp.cfg"]),
    (["-xf", "storescp.cfg", ""], ["AllDICOM", "Default"]),
    (["-xf", "own.cfg", "De"], ["Default"]),
    (["+tls", "key.pem", "own"], ["own.cfg"]),
    (["-od", "in"], ["incoming"]),
    (["@ar"], ["@args.txt"]),
]


@pytest.mark.parametrize(
    ("words", "offered"), [*OFFERED, (["--ign"], ["--ignore", "--ignore-peer-cert"]), (["-aet", "-"], [])]
)
def test_bash_offers(words: list[str], offered: list[str], place: Path) -> None:
    script = f"""source '{BASH}'; COMP_WORDBREAKS=' '; COMP_WORDS=(dcmrecv "$@"); COMP_CWORD=$#; _dcmrecv dcmrecv
    ((${{#COMPREPLY[@]}})) && printf '%s\\n' "${{COMPREPLY[@]}}"; true"""
    done = subprocess.run(
        [tool("bash"), "-c", script, "bash", *words], capture_output=True, text=True, check=True, cwd=place
    )
    assert (sorted(done.stdout.split()), done.stderr) == (offered, "")


def test_bash_offers_files_behind_an_at_sign_that_is_a_word_of_its_own(place: Path) -> None:
    """Readline breaks words there unless it is set up otherwise."""
    script = f"""source '{BASH}'; COMP_WORDBREAKS='@ '; COMP_WORDS=(dcmrecv @ $1); COMP_CWORD=$#+1
    COMP_CWORD=$((COMP_CWORD)); _dcmrecv dcmrecv; printf '%s\\n' "${{COMPREPLY[@]}}" """
    for words in (["ar"], []):
        done = subprocess.run(
            [tool("bash"), "-c", script, "bash", *words],
            capture_output=True,
            text=True,
            check=True,
            cwd=place,
        )
        assert "args.txt" in done.stdout.split()


@pytest.mark.parametrize(("words", "offered"), [*OFFERED, (["--series"], ["--series-date-subdir"])])
def test_fish_offers(words: list[str], offered: list[str], place: Path) -> None:
    line = " ".join(["dcmrecv", *words])
    script = f"source '{FISH}'; complete -C'{line}'"
    done = subprocess.run([tool("fish"), "-c", script], capture_output=True, text=True, check=True, cwd=place)
    assert sorted(line.split("\t")[0].rstrip("/") for line in done.stdout.splitlines()) == offered


def test_man_finds_the_page_of_an_environment_whose_programs_are_on_the_path(tmp_path: Path) -> None:
    """As pip and pipx lay it out: ``bin`` beside ``share/man``."""
    (tmp_path / "bin").mkdir()
    shutil.copytree(SHARE / "man", tmp_path / "share/man")
    found = subprocess.run(
        [tool("man"), "-w", "dcmrecv"],
        env={"PATH": f"{tmp_path}/bin:{os.environ['PATH']}"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert found.stdout.strip() == f"{tmp_path}/share/man/man1/dcmrecv.1"


def test_the_man_page_formats_without_complaint() -> None:
    done = subprocess.run(
        [tool("groff"), "-man", "-ww", "-Tascii", MAN], capture_output=True, text=True, check=True
    )
    assert done.stderr == ""
    assert "dcmrecv" in done.stdout
