"""The screens: help, version, lists and command-line errors (spec/cli.md a, h)."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator

from dcmrecv.identity import REFERENCE_BANNER, __version__
from dcmrecv.options import BY_NAME, OUR_GROUPS, PORT, REFERENCE_GROUPS, Group, Option

__all__ = ["ciphers_screen", "error_screen", "help_screen", "profiles_screen", "version_screen"]

_HEAD = f"{REFERENCE_BANNER}\n\ndcmrecv: Simple DICOM storage SCP (receiver)\n"
_TEXT_COLUMN = 33
_LONG_WIDTH = 21


def error_screen(text: str) -> str:
    """Return what standard error shows for a command-line error."""
    return f"{_HEAD}error: {text}\n"


def help_screen() -> str:
    """Return the help screen: the reference's with its empty last line, then what we add."""
    lines = [
        _HEAD,
        "usage: dcmrecv [options] port\n\n",
        "parameters:\n",
        f"  {PORT.long:<{_TEXT_COLUMN - 4}}  {PORT.text}\n\n",
    ]
    for group in REFERENCE_GROUPS:
        lines.extend(_group_lines(group))
    lines.append("\n")
    for group in OUR_GROUPS:
        lines.extend(_group_lines(group))
    lines.append("\n")
    return "".join(lines)


def _group_lines(group: Group) -> Iterator[str]:
    yield f"{group.heading}\n"
    for subgroup in group.subgroups:
        if subgroup.heading is not None:
            yield f"  {subgroup.heading}\n"
        indent, short_width = (2, 6) if subgroup.heading is None else (4, 4)
        for option in subgroup.options:
            yield from _option_lines(option, indent, short_width)


def _option_lines(option: Option, indent: int, short_width: int) -> Iterator[str]:
    short = option.names[0] if len(option.names) > 1 else ""
    names = f"{'':<{indent}}{short:<{short_width}}  {option.long:<{_LONG_WIDTH}}  "
    texts = [option.value] if option.value else []
    texts += option.text.split("\n")
    yield f"{names}{texts[0]}\n"
    for text in texts[1:]:
        yield f"{'':<{_TEXT_COLUMN}}{text}\n"


def _build_lines() -> list[str]:
    # Loaded on demand: no other screen needs it.
    import locale

    locale.setlocale(locale.LC_CTYPE, "")
    uname = os.uname()
    return [
        f"Host type: {uname.machine}-{uname.sysname}",
        f"Character encoding: {locale.nl_langinfo(locale.CODESET)}",
        "Build options: shared cxx11 stl threads lfs extern-dict dcmdictpath char-conv",
    ]


def _screen(lines: Iterable[str]) -> str:
    return f"{_HEAD}\n" + "".join(f"{line}\n" for line in lines)


def ciphers_screen(names: Iterable[str]) -> str:
    """Return the screen of ``--list-ciphers``."""
    return _screen([*_build_lines(), "", "Supported TLS ciphersuites are:", *(f"  {name}" for name in names)])


def profiles_screen(profiles: Iterable[str]) -> str:
    """Return the screen of ``--list-profiles``, as 3.7.0 prints it; *profiles* are short option names."""
    from dcmrecv.cli.versions import openssl_version

    items = []
    for profile in profiles:
        title, _, remark = BY_NAME[f"+{profile}"].text.replace("\n", " ").partition(" (")
        items.append(f"- {title}" + (f" ({remark.rstrip(')').partition(',')[0]})" if remark else ""))
    cryptography = f"Cryptographic algorithms implemented by: {openssl_version()}"
    heading = "Supported TLS Secure Transport Connection Profiles are:"
    return _screen([*_build_lines(), cryptography, "", heading, *items])


def version_screen() -> str:
    """Return the screen of ``--version``: the reference's, then what this program really is."""
    # Loaded on demand: only this screen looks for installed packages.
    from dcmrecv.cli.versions import (
        compiled_form,
        openssl_version,
        package_version,
        python_version,
    )

    return _screen(
        [
            *_build_lines(),
            "",
            "External libraries used:",
            f"- {openssl_version()}",
            "Implementation:",
            f"- dcmrecv {__version__}, a receiver of its own, written in Python",
            "- it is not DCMTK and contains none of its code",
            "- it keeps the command line of DCMTK's dcmrecv 3.6.8, whose banner and screen stand above",
            f"- compiled modules: {compiled_form()}",
            f"- Python {python_version()}",
            *(f"- {name} {package_version(name)}" for name in ("pynetdicom", "pydicom", "ConfigArgParse")),
        ]
    )
