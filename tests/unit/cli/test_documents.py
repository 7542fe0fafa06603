"""Files made from the option table: up to date, complete, and readable for whom they are meant."""

from __future__ import annotations

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


def test_every_environment_variable_is_told() -> None:
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


@pytest.mark.parametrize(
    ("words", "offered"),
    [
        (["dcmrecv", "+fs"], ["+fsu", "+fst"]),
        (["dcmrecv", "--ign"], ["--ignore-peer-cert", "--ignore"]),
        (["dcmrecv", "-ll", "t"], ["trace"]),
        (["dcmrecv", "-aet", "-"], []),
        (["dcmrecv", "-xf", str(ROOT / "src/dcmrecv/data/storescp.cfg"), ""], ["Default", "AllDICOM"]),
        (["dcmrecv", "-od", str(ROOT / "sr")], [str(ROOT / "src")]),
    ],
)
def test_bash_offers(words: list[str], offered: list[str]) -> None:
    script = f"""source '{BASH}'; COMP_WORDS=("$@"); COMP_CWORD=$(($#-1)); _dcmrecv dcmrecv
    ((${{#COMPREPLY[@]}})) && printf '%s\\n' "${{COMPREPLY[@]}}"; true"""
    done = subprocess.run(
        [tool("bash"), "-c", script, "bash", *words], capture_output=True, text=True, check=True
    )
    assert (done.stdout.split(), done.stderr) == (offered, "")


def test_fish_offers() -> None:
    script = f"source '{FISH}'; complete -C'dcmrecv +fs'; complete -C'dcmrecv --series'"
    done = subprocess.run([tool("fish"), "-c", script], capture_output=True, text=True, check=True)
    assert [line.split("\t")[0] for line in done.stdout.splitlines()] == [
        "+fst",
        "+fsu",
        "--series-date-subdir",
    ]


def test_the_man_page_formats_without_complaint() -> None:
    done = subprocess.run(
        [tool("groff"), "-man", "-ww", "-Tascii", MAN], capture_output=True, text=True, check=True
    )
    assert done.stderr == ""
    assert "dcmrecv" in done.stdout
