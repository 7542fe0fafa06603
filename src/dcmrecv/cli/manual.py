"""The man page and the option reference, made from the option table."""

from __future__ import annotations

import re
from collections.abc import Iterator

from dcmrecv.cli.exit_codes import EXIT_CODES
from dcmrecv.options import ALL_OPTIONS, OUR_GROUPS, PORT, REFERENCE_GROUPS, Option

__all__ = ["man_page", "option_reference"]

VARIABLES = (
    "An addition may also be set by its environment variable, which counts where the option is not typed. A "
    "variable of a flag says yes or no; one of an option of which each use counts may hold a list, [one, two]."
)
STOPPED = (
    "A running receiver is stopped by SIGTERM or SIGINT. It finishes running transfers within the grace time "
    "and then ends by the same signal."
)
_BRACKETED = re.compile(r"\[([a-z])\]")


def _values(option: Option) -> list[str]:
    """Return the names of an option's values: ``[p]rivate key file, [c]ertificate file: string`` has two."""
    if not option.value:
        return []
    described = option.value.split(":", 1)[0]
    names = [_BRACKETED.sub(r"\1", name).strip() for name in described.split(",")]
    return [name.replace(" ", "-") for name in names]


def _remark(option: Option) -> str:
    """Return what the value description says behind the names: type, range, default."""
    return option.value.partition(":")[2].strip()


def _sentence(option: Option) -> str:
    return option.text.replace("\n", " ")


def _roff(text: str) -> str:
    escaped = text.replace("\\", "\\e").replace("-", "\\-").replace("'", "\\(aq")
    return f"\\&{escaped}" if escaped.startswith(".") else escaped


def man_page(version: str) -> str:
    """Return ``dcmrecv.1``."""
    lines = [
        f'.TH DCMRECV 1 "" "dcmrecv {version}" "User Commands"',
        ".SH NAME",
        "dcmrecv \\- receive and store DICOM objects (Storage SCP)",
        ".SH SYNOPSIS",
        ".B dcmrecv",
        ".RI [ options ]",
        ".I port",
        ".SH DESCRIPTION",
        ".B dcmrecv",
        _roff("waits on a TCP port for DICOM associations, answers C-ECHO and stores what C-STORE brings."),
        _roff("Command line, log lines, exit codes and files are those of DCMTK's program of this name."),
        _roff("Without --config-file or --accept-all only C-ECHO is accepted."),
        ".SH PARAMETERS",
        ".TP",
        ".I port",
        f"TCP port number to listen on ({PORT.low}..{PORT.high})",
        ".SH OPTIONS",
        _roff("An option is written exactly as below: no abbreviations, no --option=value."),
        _roff("Values are the next arguments. Of options that exclude each other the rightmost counts."),
    ]
    for group in (*REFERENCE_GROUPS, *OUR_GROUPS):
        lines.append(f".SS {_roff(group.heading.rstrip(':').capitalize())}")
        for subgroup in group.subgroups:
            if subgroup.heading is not None:
                lines += [".PP", f".I {_roff(subgroup.heading.rstrip(':'))}"]
            for option in subgroup.options:
                lines += _man_option(option)
    lines += [
        ".SH COMMAND FILES",
        _roff("An argument @file is replaced by the words in the file: separated by white space, quoted"),
        _roff("with single or double quotes where they contain any. Files do not nest."),
        ".SH ENVIRONMENT",
        ".TP",
        ".B DCMDICTPATH",
        _roff("data dictionary files, separated by colons; unset or empty: the built-in dictionary"),
    ]
    lines += [".PP", _roff(VARIABLES)]
    for option in ALL_OPTIONS:
        if option.variable is not None:
            lines += [".TP", f".B {option.variable}", f"like {_roff(option.long)}"]
    lines.append(".SH EXIT STATUS")
    for code, meaning in EXIT_CODES:
        lines += [".TP", f".B {code}", _roff(meaning)]
    lines += [".PP", _roff(STOPPED)]
    return "\n".join(lines) + "\n"


def _man_option(option: Option) -> Iterator[str]:
    names = ", ".join(f"\\fB{_roff(name)}\\fR" for name in option.names)
    values = "".join(f" \\fI{_roff(value)}\\fR" for value in _values(option))
    yield ".TP"
    yield names + values
    yield _roff(_sentence(option))
    if remark := _remark(option):
        yield ".br"
        yield _roff(remark)


def option_reference() -> str:
    """Return ``docs/options.md``."""
    lines = [
        "# Options",
        "",
        "<!-- Made from the option table by `python -m dcmrecv.cli.generate`; do not edit. -->",
        "",
        "    dcmrecv [options] port",
        "",
        f"*port* is the TCP port number to listen on, {PORT.low} to {PORT.high}.",
        "",
        "How the command line is read:",
        "",
        "- An option is written exactly as below: no abbreviations, no `--option=value`, no clusters.",
        "- Values are always the next arguments, whatever they look like.",
        "- Options and the port may stand in any order. A repeated option is no error: the rightmost counts,",
        "  and of options that exclude each other as well. Options marked *each counts* are collected.",
        "- `@file` is replaced by the words in the file.",
        "- The first thing wrong ends the program with exit code 1 and one `error:` line.",
        "",
        "The options of DCMTK's dcmrecv 3.6.8 come first, then [ours](#additional-options-not-in-dcmtk).",
        VARIABLES,
    ]
    for group in (*REFERENCE_GROUPS, *OUR_GROUPS):
        heading = group.heading.rstrip(":")
        lines += ["", f"## {heading[0].upper()}{heading[1:]}"]
        for subgroup in group.subgroups:
            if subgroup.heading is not None:
                heading = subgroup.heading.rstrip(":")
                lines += ["", f"### {heading[0].upper()}{heading[1:]}"]
            lines += ["", *_table(subgroup.options)]
    lines += ["", "## Exit codes", "", "| code | meaning |", "| --- | --- |"]
    lines += [f"| {code} | {meaning} |" for code, meaning in EXIT_CODES]
    lines += ["", STOPPED]
    return "\n".join(lines) + "\n"


def _table(options: tuple[Option, ...]) -> Iterator[str]:
    ours = any(option.variable for option in options)
    yield "| option | value | meaning |" + (" environment |" if ours else "")
    yield "| --- | --- | --- |" + (" --- |" if ours else "")
    for option in options:
        names = ", ".join(f"`{name}`" for name in option.names)
        value = " ".join(f"*{name}*" for name in _values(option))
        notes = [_sentence(option)]
        if remark := _remark(option):
            notes.append(remark)
        if option.collects:
            notes.append("*each counts*")
        variable = f" `{option.variable}` |" if option.variable else " |"
        yield f"| {names} | {value} | {'; '.join(notes)} |" + (variable if ours else "")
