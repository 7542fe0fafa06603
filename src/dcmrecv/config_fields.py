"""Fields of the configuration: what they take, what they hold, and which values they refuse.

A `Setting` is a descriptor of a frozen dataclass. It takes what a program is likely to have at hand (text or
bytes, any kind of path, the name of a member of an enumeration) and holds the one type that the receiver works
with; type checkers see both. Default and range are those of the option that sets the field.
"""

from __future__ import annotations

import enum
import os
from collections.abc import Callable, Iterable
from typing import Any, Generic, TypeVar

from dcmrecv.options import BY_NAME
from dcmrecv.text import from_bytes, to_bytes

__all__ = [
    "Choice", "Flag", "Octets", "OptionalOctets", "OptionalPath", "OptionalText", "OptionalWhole", "Part", "Path",
    "Paths", "Setting", "StrOrPath", "Text", "Whole", "choice", "directory", "flag", "instance", "number", "octets",
    "optional", "optional_octets", "optional_path", "optional_text", "optional_whole", "part", "path", "several",
    "text", "whole",
]  # fmt: skip

Given = TypeVar("Given")
Held = TypeVar("Held")
Member = TypeVar("Member", bound=enum.Enum)

StrOrPath = str | bytes | os.PathLike[str] | os.PathLike[bytes]
_OPTION: Any = object()
"""The default is the option's."""


class Setting(Generic[Given, Held]):
    """A field of a frozen dataclass that converts and checks what it is given.

    *convert* returns what is held or raises TypeError or ValueError. *option* is the name of the option that
    sets the field: its default, unless *default* says otherwise, and its range are the field's. Where neither
    gives a default, a value is required. *low* takes the place of the lower end of the range.
    """

    def __init__(
        self,
        convert: Callable[[Given], Held],
        option: str = "",
        *,
        default: Held = _OPTION,
        low: int | None = None,
    ) -> None:
        self._convert = convert
        declared = BY_NAME[option] if option else None
        self._low = low if low is not None or declared is None else declared.low
        self._high = None if declared is None else declared.high
        self._default = default
        if default is _OPTION and declared is not None:
            self._default = convert(declared.default)  # type: ignore[arg-type]

    def __set_name__(self, owner: type, name: str) -> None:
        self._name = name
        self._label = f"{owner.__name__}.{name}"

    def __get__(self, instance: object, owner: type | None = None) -> Held:
        if instance is not None:
            return instance.__dict__[self._name]  # type: ignore[no-any-return]
        if self._default is _OPTION:
            raise AttributeError(f"{self._label} has no default")
        return self._default

    def __set__(self, instance: object, value: Given) -> None:
        try:
            held = self._convert(value)
        except (TypeError, ValueError) as error:
            raise type(error)(f"{self._label}: {error}") from None
        if isinstance(held, int | float):
            self._check_range(held)
        instance.__dict__[self._name] = held

    def _check_range(self, value: float) -> None:
        low = value if self._low is None else self._low
        high = value if self._high is None else self._high
        if not low <= value <= high:
            raise ValueError(f"{self._label}: {value} is not within {self._low}..{self._high}")


Octets = Setting[str | bytes, bytes]
OptionalOctets = Setting[str | bytes | None, bytes | None]
Path = Setting[StrOrPath, bytes]
OptionalPath = Setting[StrOrPath | None, bytes | None]
Paths = Setting[Iterable[StrOrPath], tuple[bytes, ...]]
Text = Setting[str | bytes, str]
Flag = Setting[bool, bool]
Whole = Setting[int, int]
OptionalWhole = Setting[int | None, int | None]
OptionalText = Setting[str | bytes | None, str | None]
Choice = Setting[Member | str, Member]
Part = Setting[Held, Held]


def _wrong(value: object, wanted: str) -> TypeError:
    return TypeError(f"{wanted} is needed, not {type(value).__name__}")


def octets(value: str | bytes) -> bytes:
    """Return text or bytes as bytes; text is UTF-8 (`dcmrecv.text`)."""
    if isinstance(value, str):
        return to_bytes(value)
    if isinstance(value, bytes):
        return value
    raise _wrong(value, "text")


def text(value: str | bytes) -> str:
    """Return text or bytes as text."""
    return from_bytes(octets(value))


def path(value: StrOrPath) -> bytes:
    """Return a path as the bytes that the file system knows it by."""
    if not isinstance(value, str | bytes | os.PathLike):
        raise _wrong(value, "a path")
    return os.fsencode(value)


def directory(value: StrOrPath) -> bytes:
    """Return the path of a directory; the empty one is the current directory."""
    return path(value) or b"."


def whole(value: int) -> int:
    """Return an integer."""
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    raise _wrong(value, "an integer")


def number(value: float) -> float:
    """Return a number of any kind as a float."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        return float(value)
    raise _wrong(value, "a number")


def flag(value: bool) -> bool:
    """Return a truth value."""
    if isinstance(value, bool):
        return value
    raise _wrong(value, "True or False")


def instance(kind: type[Held]) -> Callable[[Held], Held]:
    """Return what takes instances of *kind* alone."""

    def convert(value: Held) -> Held:
        if isinstance(value, kind):
            return value
        raise _wrong(value, kind.__name__)

    return convert


def part(default: Held) -> Setting[Held, Held]:
    """Return a field that holds instances of the class of *default*."""
    return Setting(instance(type(default)), default=default)


def choice(default: Member) -> Choice[Member]:
    """Return a field that takes members of the enumeration of *default*, and their names."""
    kind = type(default)

    def convert(value: Member | str) -> Member:
        if isinstance(value, kind):
            return value
        if not isinstance(value, str):
            raise _wrong(value, kind.__name__)
        if value not in kind.__members__:
            raise ValueError(f"{value!r} is none of {', '.join(kind.__members__)}")
        return kind[value]

    return Setting(convert, default=default)


def optional(convert: Callable[[Given], Held]) -> Callable[[Given | None], Held | None]:
    """Return what takes None as well."""
    return lambda value: None if value is None else convert(value)


optional_octets = optional(octets)
optional_path = optional(path)
optional_text = optional(text)
optional_whole = optional(whole)


def several(convert: Callable[[Given], Held]) -> Callable[[Iterable[Given]], tuple[Held, ...]]:
    """Return what takes several values, of a list or the like, in their order."""

    def all_of(values: Iterable[Given]) -> tuple[Held, ...]:
        if isinstance(values, str | bytes) or not isinstance(values, Iterable):
            raise _wrong(values, "a list")
        return tuple(convert(value) for value in values)

    return all_of
