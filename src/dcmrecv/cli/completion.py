"""Completion for bash, zsh and fish, made from the option table."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

from dcmrecv.asconfig.shipped import SHIPPED_NAME, shipped_profiles
from dcmrecv.options import ALL_OPTIONS, Option

__all__ = ["bash_completion", "fish_completion", "zsh_completion"]

_HEAD = "# Made from the option table by `python -m dcmrecv.cli.generate`; do not edit.\n"
_SHIPPED = SHIPPED_NAME.decode()
_PROFILES = "/^\\[\\[ *[Pp]rofiles/,$s/^\\[\\([^][]*\\)\\].*/\\1/p"
"""For sed: the names of the profiles of a profile file."""
_CIPHERS = "--list-ciphers 2>/dev/null | sed -n 's/^  //p'"


def _shipped_names() -> str:
    """Return the names of the profiles that ship with the program."""
    path = shipped_profiles()
    text = Path(path.decode()).read_text(encoding="utf-8") if path is not None else ""
    return " ".join(re.findall(r"(?m)^\[([^][]+)\]", text.partition("[[Profiles]]")[2]))


def _names(choose: Callable[[Option], bool]) -> list[str]:
    return [name for option in ALL_OPTIONS if choose(option) for name in option.names]


def _with(kind: str, position: int = 0) -> str:
    """Return the names of the options whose value at *position* is of *kind*, as a pattern of the shell."""
    return "|".join(_names(lambda option: option.kinds[position : position + 1] == (kind,)))


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "'\\''") + "'"


def bash_completion() -> str:
    """Return the file for ``bash-completion/completions/dcmrecv``.

    Readline may end a word at ``@``: then it is a word of its own.
    """
    choices = "".join(
        f"""
        {"|".join(option.names)})
            mapfile -t COMPREPLY < <(compgen -W "{" ".join(option.choices)}" -- "$current")
            return ;;"""
        for option in ALL_OPTIONS
        if option.choices
    )
    offered = {"file", "config", "directory", "ciphersuite", "choice"}
    others = _names(lambda option: bool(option.kinds) and option.kinds[0] not in offered)
    return f"""{_HEAD}
_dcmrecv() {{
    local current=${{COMP_WORDS[COMP_CWORD]}} previous=${{COMP_WORDS[COMP_CWORD-1]}} before= at=
    (( COMP_CWORD > 1 )) && before=${{COMP_WORDS[COMP_CWORD-2]}}
    COMPREPLY=()
    case $before in
        {_with("file", 1)})
            mapfile -t COMPREPLY < <(compgen -f -- "$current")
            return ;;
        {_with("profile", 1)})
            if [[ $previous == {_SHIPPED} && ! -e $previous ]]; then
                mapfile -t COMPREPLY < <(compgen -W "{_shipped_names()}" -- "$current")
            elif [[ -r $previous ]]; then
                mapfile -t COMPREPLY < <(compgen -W "$(sed -n '{_PROFILES}' "$previous")" -- "$current")
            fi
            return ;;
    esac
    case $previous in
        {_with("file")})
            mapfile -t COMPREPLY < <(compgen -f -- "$current")
            return ;;
        {_with("config")})
            mapfile -t COMPREPLY < <({{ compgen -W {_SHIPPED} -- "$current"; compgen -f -- "$current"; }} | sort -u)
            return ;;
        {_with("directory")})
            mapfile -t COMPREPLY < <(compgen -d -- "$current")
            return ;;{choices}
        {_with("ciphersuite")})
            mapfile -t COMPREPLY < <(compgen -W "$("$1" {_CIPHERS})" -- "$current")
            return ;;
        {"|".join(others)})
            return ;;
    esac
    if [[ $previous == @ || $current == @* ]]; then
        [[ $current == @* && $COMP_WORDBREAKS != *@* ]] && at=@
        mapfile -t COMPREPLY < <(compgen -P "$at" -f -- "${{current#@}}")
        return
    fi
    mapfile -t COMPREPLY < <(compgen -W "{" ".join(_names(lambda option: True))}" -- "$current")
}}
complete -o filenames -F _dcmrecv dcmrecv
"""


_ZSH_ACTIONS = {
    "file": "_files",
    "config": "_dcmrecv_configs",
    "profile": "_dcmrecv_profiles",
    "directory": "_files -/",
    "ciphersuite": "_dcmrecv_ciphers",
}


def zsh_completion() -> str:
    """Return the file for ``zsh/site-functions/_dcmrecv``."""
    lines = [
        "#compdef dcmrecv",
        _HEAD,
        f"_dcmrecv_configs() {{ compadd {_SHIPPED}; _files }}",
        f"""_dcmrecv_profiles() {{
    local file=$words[CURRENT-1]
    if [[ $file == {_SHIPPED} && ! -e $file ]]; then compadd {_shipped_names()}
    elif [[ -r $file ]]; then compadd -- ${{(f)"$(sed -n '{_PROFILES}' $file)"}}
    fi
}}""",
        f'_dcmrecv_ciphers() {{ compadd -- ${{(f)"$(dcmrecv {_CIPHERS})"}} }}',
        "_dcmrecv_words() { if [[ $PREFIX == @* ]]; then compset -P @; _files; else _message port; fi }",
        "_arguments -S \\",
    ]
    for option in ALL_OPTIONS:
        text = option.text.replace("\n", " ").replace("[", "(").replace("]", ")").replace(":", "\\:")
        actions = {**_ZSH_ACTIONS, "choice": f"({' '.join(option.choices)})"}
        values = "".join(f":{kind}:{actions.get(kind, '')}" for kind in option.kinds)
        for name in option.names:
            lines.append(f"    {_quoted(f'*{name}[{text}]{values}')} \\")
    lines.append("    '*:port or @file:_dcmrecv_words'")
    return "\n".join(lines) + "\n"


_FISH_ACTIONS = {
    "file": "-F",
    "config": f"-F -a {_SHIPPED}",
    "directory": "-a '(__fish_complete_directories)'",
    "ciphersuite": "-a '(dcmrecv --list-ciphers 2>/dev/null | string match -r \"^  .*\" | string trim)'",
}


def fish_completion() -> str:
    """Return the file for ``fish/vendor_completions.d/dcmrecv.fish``.

    fish knows options that begin with ``-`` and have one value; names with ``+``, and the second values, are
    offered as words.
    """
    lines = [
        _HEAD.rstrip("\n"),
        "complete -c dcmrecv -f",
        f"""function __dcmrecv_words
    set -l current (commandline -ct)
    set -l words (commandline -opc)
    if string match -q '@*' -- $current
        printf '@%s\\n' (__fish_complete_path (string sub -s 2 -- $current))
    else if contains -- "$words[-2]" {" ".join(_with("profile", 1).split("|"))}
        if test "$words[-1]" = {_SHIPPED}; and not test -e {_SHIPPED}
            printf '%s\\n' {_shipped_names()}
        else if test -r "$words[-1]"
            sed -n '{_PROFILES}' -- $words[-1]
        end
    end
end""",
        "complete -c dcmrecv -a '(__dcmrecv_words)'",
    ]
    for option in ALL_OPTIONS:
        text = _fish_quoted(option.text.replace("\n", " "))
        parts = ["complete -c dcmrecv"]
        shorts = option.names[:-1]
        parts += [
            f"-s {short[1:]}" if len(short) == 2 else f"-o {short[1:]}"
            for short in shorts
            if short.startswith("-")
        ]
        parts += [f"-l {option.long[2:]}", f"-d {text}"]
        if option.kinds:
            actions = {**_FISH_ACTIONS, "choice": f"-a '{' '.join(option.choices)}'"}
            parts.append(f"-r {actions.get(option.kinds[0], '')}".rstrip())
        lines.append(" ".join(parts))
        lines += [
            f"complete -c dcmrecv -a {_fish_quoted(short)} -d {text}"
            for short in shorts
            if short.startswith("+")
        ]
    return "\n".join(lines) + "\n"


def _fish_quoted(text: str) -> str:
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"
