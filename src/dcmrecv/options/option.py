"""What an option is. Plain classes: `dataclasses` would take a quarter of the time that ``--help`` may take."""

from __future__ import annotations

__all__ = ["Addition", "Group", "Option", "Subgroup", "one_of"]


class Option:
    """One option of the command line, or the parameter, with everything that is known about it.

    Words of *names*, *kind* and *sets* are separated by blanks.

    *names*: short name, if any, and long name. *text* and *value* are its lines of the help screen: what it
    does, and what its values are; ``{default}``, ``{low}`` and ``{high}`` stand for the fields below.

    *kind* of each value: ``unsigned`` (a number as the reference reads it), ``integer``, ``number``, ``size``
    (strict ones), ``choice`` (of *choices*), or a text: ``file``, ``directory``, ``config`` (a profile file),
    ``profile``, ``text``, ``ciphersuite``, ``address``, ``title`` (of an AE), ``network``. Completion looks at it, too.

    *sets*: the field of `dcmrecv.config.Config` for each value. An option without values writes *const* there:
    the name of a member where the field is an enumeration.

    *default*, *low*, *high*: value without the option and inclusive range, of `Config`, too.

    *block*: options of one block replace each other, the rightmost counts (spec/cli.md a.6). All other options
    count at their rightmost use, except that those that *collect* count at every use.

    *needs*, *not_with*: long names of options, names of blocks, or conditions of `dcmrecv.cli.evaluate`.
    *refusal* is said of a value that is none of *choices*, *complaint* is the name used when a need is not met.
    *exclusive* options end the program (spec/cli.md a.8).
    """

    def __init__(
        self,
        names: str,
        text: str,
        value: str = "",
        kind: str = "",
        sets: str = "",
        const: str | bool | None = True,
        *,
        default: float | str | None = None,
        low: int | None = None,
        high: int | None = None,
        choices: tuple[str, ...] = (),
        refusal: str = "",
        block: str = "",
        needs: tuple[str, ...] = (),
        not_with: tuple[str, ...] = (),
        complaint: str = "",
        collects: bool = False,
        exclusive: bool = False,
    ) -> None:
        self.names = tuple(names.split())
        self.long = self.names[-1]
        self.kinds = tuple(kind.split())
        self.sets = tuple(sets.split())
        self.const = const
        self.default = default
        self.low = low
        self.high = high
        self.text = text.format(default=default, low=low, high=high)
        self.value = value.format(default=default, low=low, high=high)
        self.choices = choices
        self.refusal = refusal
        self.block = block
        self.needs = needs
        self.not_with = not_with
        self.complaint = complaint or self.long
        self.collects = collects
        self.exclusive = exclusive
        self.variable: str | None = None
        """The environment variable that stands for the option; none for an option of the reference."""

    def __repr__(self) -> str:
        return f"Option({'/'.join(self.names)})"


class Addition(Option):
    """An option that the reference does not have: off by default, with an environment variable."""

    def __init__(self, names: str, text: str, *arguments: str, **facts: object) -> None:
        super().__init__(names, text, *arguments, **facts)  # type: ignore[arg-type]
        if not self.exclusive:
            self.variable = "DCMRECV_" + self.long[2:].upper().replace("-", "_")


def one_of(
    block: str, sets: str, *members: tuple[str, ...], make: type[Option] = Option, needs: tuple[str, ...] = ()
) -> tuple[Option, ...]:
    """Return the options of a block of flags that decide one field.

    Each of *members* is names, text and const, and perhaps the name to complain about.
    """
    return tuple(
        make(names, text, "", "", sets, const, block=block, needs=needs, complaint="".join(complaint))
        for names, text, const, *complaint in members
    )


class Subgroup:
    """Options under one indented heading of the help screen; a heading of None is no heading."""

    def __init__(self, heading: str | None, *options: Option) -> None:
        self.heading = heading
        self.options = options


class Group:
    """Subgroups under one heading of the help screen."""

    def __init__(self, heading: str, *subgroups: Subgroup) -> None:
        self.heading = heading
        self.subgroups = subgroups
