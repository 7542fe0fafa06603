"""The parser: ConfigArgParse's, reading tokens the way the reference does.

`build_parser` declares every option of the table on one `configargparse.ArgumentParser`. What differs from
argparse is which arguments are options and where their values end (spec/cli.md a.1-a.3): no abbreviations, no
``--option=value``, no clusters, no ``--``, and a value is whatever comes next. `DcmtkArgumentParser` replaces
argparse's token scan by that rule; the declared actions still do the rest. Uses are kept in their order,
because rightmost-wins and the order of errors depend on it.

Environment variables are ConfigArgParse's; only additions declare one, so that the environment never changes
what a command line of the reference means.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Mapping, Sequence

import configargparse

from dcmrecv.cli import messages
from dcmrecv.cli.errors import CommandLineError

TYPE_CHECKING = False  # see dcmrecv.cli.program
if TYPE_CHECKING:
    from typing import Any

    from dcmrecv.cli.options import Option

__all__ = ["DcmtkArgumentParser", "ParsedArguments", "Use", "build_parser", "is_option", "parse"]

ENVIRONMENT_PREFIX = "DCMRECV_"


class Use:
    """One use of an option: which one and with which values."""

    __slots__ = ("from_environment", "option", "values")

    def __init__(self, option: Option, values: tuple[str, ...], *, from_environment: bool) -> None:
        self.option = option
        self.values = values
        self.from_environment = from_environment

    def __repr__(self) -> str:
        return f"Use({self.option!r}, {self.values!r})"


class ParsedArguments:
    """Everything that was typed, in order: uses of options and parameters."""

    __slots__ = ("arguments", "parameters", "uses")

    def __init__(self, uses: list[Use], parameters: list[str], arguments: list[Use | str]) -> None:
        self.uses = uses
        """Of the environment first, so that the command line is further right."""
        self.parameters = parameters
        self.arguments = arguments
        """Options and parameters of the command line alone (``--arguments``)."""

    def __iter__(self) -> Iterator[Use | str]:
        return iter(self.arguments)

    def rightmost(self, long: str) -> Use | None:
        """Return the rightmost use of option *long*."""
        return next((use for use in reversed(self.uses) if use.option.long == long), None)

    def all_from_right(self, long: str) -> list[Use]:
        """Return every use of option *long*, the rightmost first."""
        return [use for use in reversed(self.uses) if use.option.long == long]

    def block(self, names: Sequence[str]) -> Iterator[Use]:
        """Yield the members of a block that take effect, in lookup order; the last one wins.

        Every member found hides what lies left of it from the lookups that follow (spec/cli.md a.6).
        """
        fence = -1
        for long in names:
            for position in range(len(self.uses) - 1, fence, -1):
                if self.uses[position].option.long == long:
                    fence = position
                    yield self.uses[position]
                    break


class _UseAction(argparse.Action):
    """Append a `Use` to the namespace; for options with values."""

    option: Option

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: Any,
        option_string: str | None = None,
    ) -> None:
        use = Use(self.option, tuple(values), from_environment=namespace.from_environment)
        namespace.uses.append(use)
        namespace.arguments.append(use)


class _FlagAction(_UseAction, argparse._StoreConstAction):
    """The same for options without values; a store_const action takes its truth from the environment."""


class _PortAction(argparse.Action):
    """Append a parameter."""

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: Any,
        option_string: str | None = None,
    ) -> None:
        namespace.parameters.append(values)
        namespace.arguments.append(values)


def is_option(argument: str) -> bool:
    """Return whether *argument* is an option by its looks alone (spec/cli.md a.1)."""
    return len(argument) > 1 and argument[0] in "-+" and argument[1] not in "0123456789"


class DcmtkArgumentParser(configargparse.ArgumentParser):  # type: ignore[misc]
    """ConfigArgParse's parser with the reference's rules for tokens."""

    def _parse_known_args(
        self, arg_strings: Sequence[str], namespace: argparse.Namespace, *_: object
    ) -> tuple[argparse.Namespace, list[str]]:
        """Scan *arg_strings* left to right; the leftmost problem is raised as `CommandLineError`."""
        actions: Mapping[str, argparse.Action] = self._option_string_actions
        port = next(action for action in self._actions if not action.option_strings)
        position, end = 0, len(arg_strings)
        while position < end:
            argument = arg_strings[position]
            position += 1
            if not is_option(argument):
                port(self, namespace, argument)
                continue
            action = actions.get(argument)
            if not isinstance(action, _UseAction):
                raise CommandLineError(messages.UNKNOWN_OPTION.format(name=argument))
            count = len(action.option.values)
            if position + count > end:
                raise CommandLineError(messages.MISSING_VALUE.format(long=action.option.long))
            action(self, namespace, arg_strings[position : position + count], argument)
            position += count
        return namespace, []

    def convert_item_to_command_line_arg(self, action: argparse.Action, key: str, value: str) -> list[str]:
        """Turn the environment variable *key* into arguments; a value is an argument of its own."""
        if isinstance(action, _UseAction) and action.option.values:
            return [action.option.long, value]
        arguments: list[str] = super().convert_item_to_command_line_arg(action, key, value)
        return arguments

    def error(self, message: str) -> Any:
        """Raise instead of printing and exiting; reached for flags of the environment alone."""
        raise CommandLineError(message)


_FORMATTER = argparse.HelpFormatter(messages.APPLICATION, width=80)
"""argparse asks a new one about every option added; it formats nothing here (`dcmrecv.cli.screens` does)."""


def _formatter(prog: str) -> argparse.HelpFormatter:
    return _FORMATTER


def build_parser(options: Sequence[Option]) -> DcmtkArgumentParser:
    """Return a parser that knows *options* and the port."""
    parser = DcmtkArgumentParser(
        prog=messages.APPLICATION,
        prefix_chars="-+",
        add_help=False,
        allow_abbrev=False,
        formatter_class=_formatter,
        add_config_file_help=False,
        add_env_var_help=False,
    )
    parser.add_argument("port", action=_PortAction)
    for option in options:
        flag = not option.values
        action = parser.add_argument(
            *option.names,
            action=_FlagAction if flag else _UseAction,
            dest=argparse.SUPPRESS,
            env_var=option.env_var,
            **({"const": True} if flag else {}),
        )
        action.option = option
    return parser


def parse(
    parser: DcmtkArgumentParser, arguments: Sequence[str], environment: Mapping[str, str]
) -> ParsedArguments:
    """Scan *arguments*, which are expanded already, after the variables of *environment*.

    Raises `CommandLineError` for an unknown option, a missing value or a flag in the environment that is
    neither true nor false.
    """
    namespace = configargparse.Namespace(uses=[], parameters=[], arguments=[], from_environment=True)
    if any(name.startswith(ENVIRONMENT_PREFIX) for name in environment):
        parser.parse_known_args([], namespace=namespace, env_vars=environment)
        namespace.arguments.clear()
    namespace.from_environment = False
    parser.parse_known_args(list(arguments), namespace=namespace, env_vars={})
    return ParsedArguments(namespace.uses, namespace.parameters, namespace.arguments)
