"""Which arguments are options and where their values end (spec/cli.md a.1 to a.6).

The rules are the reference's and not argparse's: no abbreviations, no ``--option=value``, no clusters, no
``--``, and a value is whatever comes next. Uses are kept in their order, because the rightmost one counts and
because the order of errors depends on it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from dcmrecv.cli.errors import CommandLineError
from dcmrecv.options import BY_NAME, PORT, Option

__all__ = ["Parsed", "Use", "is_option", "scan"]


class Use:
    """One use of an option, or of the parameter, with its values; *variable* is where it came from instead."""

    __slots__ = ("option", "values", "variable")

    def __init__(self, option: Option, values: tuple[str, ...] = (), variable: str | None = None) -> None:
        self.option = option
        self.values = values
        self.variable = variable

    def __repr__(self) -> str:
        return f"Use({self.option!r}, {self.values!r})"


class Parsed:
    """Everything that was given: *typed*, and what is to be read as if it stood left of that."""

    __slots__ = ("typed", "uses")

    def __init__(self, typed: list[Use]) -> None:
        self.typed = typed
        self.uses = typed

    def precede(self, environment: Iterable[Use]) -> None:
        """Put the uses of the *environment* first, but those of options that were typed as well."""
        given = {use.option for use in self.typed}
        self.uses = [use for use in environment if use.option not in given] + self.typed

    def all(self, long: str) -> list[Use]:
        """Return every use of option *long*, in order."""
        return [use for use in self.uses if use.option.long == long]

    def has(self, name: str) -> bool:
        """Return whether option *name*, or a member of block *name*, is in effect."""
        option = BY_NAME.get(name)
        if option is None or not option.block:
            return any(name in (use.option.long, use.option.block) for use in self.uses)
        rivals = [use.option for use in self.uses if use.option.block == option.block]
        return rivals[-1:] == [option]

    def in_block(self, names: Sequence[str]) -> Iterator[Use]:
        """Yield the members of a block that take effect, in the order of *names*; the last one wins.

        Every member found hides what lies left of it from the lookups that follow (spec/cli.md a.6), so one that
        is outvoted in the end may still be found, and be refused.
        """
        fence = -1
        for long in names:
            for position in range(len(self.uses) - 1, fence, -1):
                if self.uses[position].option.long == long:
                    fence = position
                    yield self.uses[position]
                    break


def is_option(argument: str) -> bool:
    """Return whether *argument* is an option by its looks alone (spec/cli.md a.1)."""
    return len(argument) > 1 and argument[0] in "-+" and argument[1] not in "0123456789"


def scan(arguments: Sequence[str]) -> Parsed:
    """Read *arguments*, which are expanded already, from left to right.

    Raises `CommandLineError` for the leftmost unknown option or missing value.
    """
    typed: list[Use] = []
    position = 0
    while position < len(arguments):
        argument = arguments[position]
        position += 1
        if not is_option(argument):
            typed.append(Use(PORT, (argument,)))
            continue
        option = BY_NAME.get(argument)
        if option is None:
            raise CommandLineError(f"Unknown option {argument}")
        end = position + len(option.kinds)
        if end > len(arguments):
            raise CommandLineError(f"Missing value for option {option.long}")
        typed.append(Use(option, tuple(arguments[position:end])))
        position = end
    return Parsed(typed)
