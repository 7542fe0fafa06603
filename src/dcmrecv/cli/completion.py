"""Completion for bash, zsh and fish, made from the option table."""

from __future__ import annotations

from collections.abc import Callable

from dcmrecv.cli.options import Option
from dcmrecv.cli.table import ALL_OPTIONS

__all__ = ["bash_completion", "fish_completion", "zsh_completion"]

_HEAD = "# Made from the option table by `python -m dcmrecv.cli.generate`; do not edit.\n"
_LEVELS = "fatal error warn info debug trace"
_FILES, _DIRECTORIES = "file", "directory"
_COMPLETED = (_FILES, _DIRECTORIES, "level", "ciphersuite")


def _names(choose: Callable[[Option], bool]) -> list[str]:
    return [name for option in ALL_OPTIONS if choose(option) for name in option.names]


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "'\\''") + "'"


def bash_completion() -> str:
    """Return the file for ``bash-completion/completions/dcmrecv``."""

    def first(kind: str) -> str:
        return "|".join(_names(lambda option: option.values[:1] == (kind,)))

    def second(kind: str) -> str:
        return "|".join(_names(lambda option: option.values[1:2] == (kind,)))

    def other(option: Option) -> bool:
        return bool(option.values) and option.values[0] not in _COMPLETED

    return f"""{_HEAD}
_dcmrecv() {{
    local current=${{COMP_WORDS[COMP_CWORD]}} previous=${{COMP_WORDS[COMP_CWORD-1]}} before=
    (( COMP_CWORD > 1 )) && before=${{COMP_WORDS[COMP_CWORD-2]}}
    COMPREPLY=()
    case $before in
        {second(_FILES)})
            mapfile -t COMPREPLY < <(compgen -f -- "$current")
            return ;;
        {second("profile")})
            local profiles='/^\\[\\[ *[Pp]rofiles/,$s/^\\[\\([^][]*\\)\\].*/\\1/p'
            [[ -r $previous ]] && mapfile -t COMPREPLY < <(
                compgen -W "$(sed -n "$profiles" "$previous")" -- "$current")
            return ;;
    esac
    case $previous in
        {first(_FILES)})
            mapfile -t COMPREPLY < <(compgen -f -- "$current")
            return ;;
        {first(_DIRECTORIES)})
            mapfile -t COMPREPLY < <(compgen -d -- "$current")
            return ;;
        {first("level")})
            mapfile -t COMPREPLY < <(compgen -W "{_LEVELS}" -- "$current")
            return ;;
        {first("ciphersuite")})
            mapfile -t COMPREPLY < <(
                compgen -W "$("$1" --list-ciphers 2>/dev/null | sed -n 's/^  //p')" -- "$current")
            return ;;
        {"|".join(_names(other))})
            return ;;
    esac
    mapfile -t COMPREPLY < <(compgen -W "{" ".join(_names(lambda option: True))}" -- "$current")
}}
complete -o filenames -F _dcmrecv dcmrecv
"""


_ZSH_ACTIONS = {
    _FILES: "_files",
    _DIRECTORIES: "_files -/",
    "level": f"({_LEVELS})",
    "ciphersuite": '{compadd -- ${(f)"$(dcmrecv --list-ciphers 2>/dev/null | sed -n "s/^  //p")"}}',
}


def zsh_completion() -> str:
    """Return the file for ``zsh/site-functions/_dcmrecv``."""
    lines = ["#compdef dcmrecv", _HEAD, "_arguments -S \\"]
    for option in ALL_OPTIONS:
        text = option.text.replace("\n", " ").replace("[", "(").replace("]", ")").replace(":", "\\:")
        values = "".join(f":{kind}:{_ZSH_ACTIONS.get(kind, '')}" for kind in option.values)
        for name in option.names:
            lines.append(f"    {_quoted(f'*{name}[{text}]{values}')} \\")
    lines.append("    '1:port:'")
    return "\n".join(lines) + "\n"


_FISH_ACTIONS = {
    _FILES: "-F",
    _DIRECTORIES: "-a '(__fish_complete_directories)'",
    "level": f"-a '{_LEVELS}'",
    "ciphersuite": "-a '(dcmrecv --list-ciphers 2>/dev/null | string match -r \"^  .*\" | string trim)'",
}


def fish_completion() -> str:
    """Return the file for ``fish/vendor_completions.d/dcmrecv.fish``.

    fish knows options that begin with ``-``; names with ``+`` are offered as words.
    """
    lines = [_HEAD.rstrip("\n"), "complete -c dcmrecv -f"]
    for option in ALL_OPTIONS:
        text = _fish_quoted(option.text.replace("\n", " "))
        parts = ["complete -c dcmrecv"]
        if option.short is not None and option.short.startswith("-"):
            short = option.short[1:]
            parts.append(f"-s {short}" if len(short) == 1 else f"-o {short}")
        parts.append(f"-l {option.long[2:]}")
        parts.append(f"-d {text}")
        if option.values:
            parts.append(f"-r {_FISH_ACTIONS.get(option.values[0], '')}".rstrip())
        lines.append(" ".join(parts))
        if option.short is not None and option.short.startswith("+"):
            lines.append(f"complete -c dcmrecv -a {_fish_quoted(option.short)} -d {text}")
    return "\n".join(lines) + "\n"


def _fish_quoted(text: str) -> str:
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"
