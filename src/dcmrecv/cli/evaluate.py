"""From what was given to the values of a `Config`: what options mean, need and exclude is in the option table.

Here is the order of the checks, because it decides which error a user sees (spec/cli.md 0 and d), and how values
are read. Nothing else is loaded: `Config` is made of the values when none of them is wrong.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

from dcmrecv.cli.errors import CommandLineError
from dcmrecv.cli.numbers import parse_amount, parse_size, parse_unsigned
from dcmrecv.cli.scan import Parsed, Use
from dcmrecv.options import ALL_OPTIONS, BY_NAME, Addition
from dcmrecv.text import to_bytes

__all__ = ["LOGGING", "REST", "evaluate", "level_admits"]

LOGGING = ("--debug", "--verbose", "--quiet", "--log-level", "--log-config", "--log-json")
"""Looked at first (spec/cli.md 0, step 7): from there on the log level decides whether errors are shown."""

_REFERENCE = """
    --verbose-pc --config-file --aetitle --use-called-aetitle --acse-timeout --dimse-timeout --max-pdu
    --disable-host-lookup --output-directory --no-subdir --series-date-subdir --default-filenames
    --unique-filenames --short-unique-names --system-time-names --filename-extension --normal --bit-preserving
    --ignore port --disable-tls --enable-tls --std-passwd --use-passwd --null-passwd --pem-keys --der-keys
    --enable-crl-vfy --enable-crl-all --dhparam --no-sni --expect-sni --seed --write-seed --write-seed-file
    --require-peer-cert --ignore-peer-cert --verify-peer-cert --profile-8996 --profile-8996-mod
    --profile-bcp195 --profile-bcp195-nd --profile-bcp195-ex --profile-basic --profile-aes --profile-null
    --add-cert-file --add-cert-dir --add-crl-file --cipher
"""

REST = (
    *_REFERENCE.split(),
    *(
        option.long
        for option in ALL_OPTIONS
        if isinstance(option, Addition) and option.long not in LOGGING and not option.exclusive
    ),
)
"""Looked at after `LOGGING`: steps 8 to 14, then our additions in the order of their table.

Members of a block stand side by side, in the order in which the reference looks them up.
"""

_CUT_BITS = (1 << 32) - 1
"""The reference keeps 32 bits of a number."""


def evaluate(parsed: Parsed, names: Sequence[str], conditions: Mapping[str, bool]) -> dict[str, object]:
    """Return the values that the options *names* have in *parsed*, by the fields of `Config` they set.

    *conditions* are needs that are no options. Raises `CommandLineError` for the first thing wrong.
    """
    fields: dict[str, object] = {}
    for block in _blocks(names):
        for use in _in_effect(parsed, block):
            option = use.option
            if not _permitted(use, parsed, conditions):
                continue
            values = [_value(use, *each) for each in zip(option.kinds, use.values, strict=True)]
            if option.collects:
                collected = fields.get(option.sets[0], ())
                values = [(*collected, *values)] if isinstance(collected, tuple) else values
            fields.update(zip(option.sets, values or [option.const], strict=False))
    return fields


def _blocks(names: Sequence[str]) -> Iterator[list[str]]:
    """Yield *names* with the members of a block together."""
    members: list[str] = []
    for name in names:
        block = BY_NAME[name].block
        if members and not (block and block == BY_NAME[members[0]].block):
            yield members
            members = []
        members.append(name)
    yield members


def _in_effect(parsed: Parsed, block: list[str]) -> Iterator[Use]:
    return iter(parsed.all(block[0])) if BY_NAME[block[0]].collects else parsed.in_block(block)


def _permitted(use: Use, parsed: Parsed, conditions: Mapping[str, bool]) -> bool:
    """Return whether *use* goes together with what else was given.

    What was typed and does not raises `CommandLineError`; the environment gives way.
    """

    def holds(name: str) -> bool:
        return conditions[name] if name in conditions else parsed.has(name)

    option = use.option
    problems = [f"{option.complaint} only allowed with {need}" for need in option.needs if not holds(need)]
    problems += [f"{option.long} not allowed with {rival}" for rival in option.not_with if holds(rival)]
    if problems and use.variable is None:
        raise CommandLineError(problems[0])
    return not problems


def _value(use: Use, kind: str, text: str) -> object:
    option = use.option
    if kind == "choice":
        if not text.isascii() or text.lower() not in option.choices:
            raise CommandLineError(option.refusal or _invalid(use))
        return text.upper()
    if kind in _NUMBERS:
        return _number(use, kind, text)
    if not text and option.variable is not None:
        raise CommandLineError(_invalid(use))
    if kind in ("title", "network"):
        from dcmrecv.server.admission import AllowListError, read_networks, read_titles

        try:
            read_titles([to_bytes(text)], None) if kind == "title" else read_networks([text], option.long)
        except AllowListError as error:
            raise CommandLineError(
                f"{_invalid(use)}: {str(error).removeprefix(f'{option.long}: ')}"
            ) from None
    return to_bytes(text)


def _integer(text: str) -> int | None:
    amount = parse_amount(text)
    return None if amount is None or "." in text else int(amount)


_NUMBERS: dict[str, Callable[[str], float | None]] = {
    "unsigned": parse_unsigned,
    "integer": _integer,
    "number": parse_amount,
    "size": parse_size,
}


def _number(use: Use, kind: str, text: str) -> float:
    """Return the value of a number within its range (spec/cli.md c)."""
    option = use.option
    value = _NUMBERS[kind](text)
    # the port may have a sign
    if value is None or (option.long.startswith("-") and text.lstrip(" ").startswith("-")):
        raise CommandLineError(_invalid(use))
    if option.low is not None and value < option.low:
        raise CommandLineError(_invalid(use, "underflow"))
    if option.high is not None and value > option.high:
        raise CommandLineError(_invalid(use, "overflow"))
    return int(value) & _CUT_BITS if kind == "unsigned" else value


def _invalid(use: Use, why: str = "") -> str:
    """Return what is said of the value of *use*; the name is that of the variable, if it came from there."""
    text = use.values[0]
    if not use.option.long.startswith("-"):
        return f"Invalid parameter value {text}" + (f" ({why})" if why else "")
    name = f"environment variable {use.variable}" if use.variable else f"option {use.option.long}"
    detail = f" ({why}: {text})" if why else f" ({text})" if text else ""
    return f"Invalid value for {name}" + detail


def level_admits(fields: Mapping[str, object], level: str) -> bool:
    """Return whether the log level in *fields*, or the default, lets messages of *level* pass."""
    order = BY_NAME["--log-level"].choices
    chosen = fields.get("logging.level", "WARN")
    return order.index(level.lower()) >= order.index(str(chosen).lower())
