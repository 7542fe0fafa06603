"""What an option is: the plain value the option table is made of.

These are plain classes because `dataclasses` would take a quarter of the time that ``--help`` may take.
"""

from __future__ import annotations

__all__ = ["Group", "Option", "Subgroup"]


class Option:
    """One option of the command line.

    *values* names the kind of each value that follows the option: ``file``, ``directory``, ``profile``,
    ``string``, ``integer``, ``number``, ``size``, ``level``, ``ciphersuite`` or ``address``. *dest* is the
    field of `dcmrecv.config.Config` that the option decides and *const* what an option without values
    writes there (an enum member's name, where the field is an enum). *exclusive* options end the program
    (spec/cli.md a.8); *collects* options count at every use, all others at the rightmost one only
    (spec/cli.md a.5). *env_var* is the environment variable that stands for the option, None for every
    option of the reference.
    """

    __slots__ = (
        "collects",
        "const",
        "dest",
        "env_var",
        "exclusive",
        "long",
        "short",
        "text",
        "value_text",
        "values",
    )

    def __init__(
        self,
        short: str | None,
        long: str,
        text: str,
        *,
        values: tuple[str, ...] = (),
        value_text: str = "",
        exclusive: bool = False,
        collects: bool = False,
        dest: str | None = None,
        const: str | bool | None = None,
        env_var: str | None = None,
    ) -> None:
        self.short = short
        self.long = long
        self.text = text
        self.values = values
        self.value_text = value_text
        self.exclusive = exclusive
        self.collects = collects
        self.dest = dest
        self.const = const
        self.env_var = env_var

    @property
    def names(self) -> tuple[str, ...]:
        """Every name, the short one first."""
        return (self.long,) if self.short is None else (self.short, self.long)

    def __repr__(self) -> str:
        return f"Option({'/'.join(self.names)})"


class Subgroup:
    """Options under one indented heading of the help screen; a heading of None is no heading."""

    __slots__ = ("heading", "options")

    def __init__(self, heading: str | None, options: tuple[Option, ...]) -> None:
        self.heading = heading
        self.options = options


class Group:
    """Subgroups under one heading of the help screen."""

    __slots__ = ("heading", "subgroups")

    def __init__(self, heading: str, subgroups: tuple[Subgroup, ...]) -> None:
        self.heading = heading
        self.subgroups = subgroups
