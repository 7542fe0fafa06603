"""Options from the environment, by ConfigArgParse: only additions have a variable, so the environment never
changes what a command line of the reference means.

Of a flag the variable says yes or no, of an option that collects it may hold a list: ``[one, two]``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import configargparse

from dcmrecv.cli.errors import CommandLineError
from dcmrecv.cli.scan import Use
from dcmrecv.options import ALL_OPTIONS, Option

__all__ = ["environment_uses"]

TYPE_CHECKING = False  # see dcmrecv.cli.program
if TYPE_CHECKING:
    from typing import NoReturn


class _Parser(configargparse.ArgumentParser):  # type: ignore[misc]
    def error(self, message: str) -> NoReturn:
        """Raise instead of ending the program, as the documentation of argparse asks for."""
        raise CommandLineError(message)


def environment_uses(environment: Mapping[str, str], table: Sequence[Option] = ALL_OPTIONS) -> list[Use]:
    """Return what the variables of *environment* say, in the order of the option *table*.

    Raises `CommandLineError` for a flag that is neither true nor false.
    """
    options = [option for option in table if option.variable and option.variable in environment]
    parser = _Parser(prefix_chars="-+", add_help=False, allow_abbrev=False)
    for option in options:
        action = "append" if option.collects else "store" if option.kinds else "store_true"
        parser.add_argument(option.long, env_var=option.variable, dest=option.long, action=action)
    given = vars(parser.parse_known_args([], env_vars=environment)[0])
    uses = []
    for option in options:
        value = given[option.long]
        if not option.kinds:
            uses += [Use(option, (), option.variable)] * value
        else:
            values = value if option.collects else [value]
            uses += [Use(option, (each,), option.variable) for each in values]
    return uses
