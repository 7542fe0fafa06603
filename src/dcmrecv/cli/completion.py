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
    "file": "__fish_complete_path",
    "config": f"begin; echo {_SHIPPED}; __fish_complete_path; end",
    "directory": "__fish_complete_directories",
    "ciphersuite": f"dcmrecv {_CIPHERS}",
    "profile": "__dcmrecv_profiles",
}


def _fish_cases(position: int) -> str:
    cases = []
    for option in ALL_OPTIONS:
        if len(option.kinds) > position:
            values = f"printf '%s\\n' {' '.join(option.choices)}" if option.choices else "true"
            action = _FISH_ACTIONS.get(option.kinds[position], values)
            cases.append(
                f"\n        case {' '.join(option.names)}\n            {action}\n            return 0"
            )
    return "".join(cases)


def fish_completion() -> str:
    """Return the file for ``fish/vendor_completions.d/dcmrecv.fish``.

    fish knows no options that begin with ``+`` or have two values, so all of them are words for it.
    """
    names = " \\\n".join(
        f"        {name} {_fish_quoted(option.text.replace(chr(10), ' '))}"
        for option in ALL_OPTIONS
        for name in option.names
    )
    return f"""{_HEAD}
function __dcmrecv_profiles
    set -l words (commandline -opc)
    if test "$words[-1]" = {_SHIPPED}; and not test -e {_SHIPPED}
        printf '%s\\n' {_shipped_names()}
    else if test -r "$words[-1]"
        sed -n '{_PROFILES}' -- $words[-1]
    end
end

# what can stand here as the value of an option; false if no value stands here
function __dcmrecv_values
    set -l words (commandline -opc)
    switch "$words[-2]"{_fish_cases(1)}
    end
    switch "$words[-1]"{_fish_cases(0)}
    end
    set -l current (commandline -ct)
    string match -q '@*' -- $current
    and printf '@%s\\n' (__fish_complete_path (string sub -s 2 -- $current))
end

function __dcmrecv_words
    __dcmrecv_values; or printf '%s\\t%s\\n' \\
{names}
end

complete -c dcmrecv -f -a '(__dcmrecv_words)'
"""


def _fish_quoted(text: str) -> str:
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"
