"""The option table: every option of the command line, declared once.

The command line, the help screen, the man page, completion, ``docs/options.md`` and the defaults and ranges of
`dcmrecv.config` are made from it.
"""

from __future__ import annotations

from dcmrecv.options.additions import ADDITIONS, OTHER_VERSIONS
from dcmrecv.options.option import Addition, Group, Option, Subgroup
from dcmrecv.options.reference import LEVEL_FLAGS, PORT, REFERENCE_GROUPS, VERBOSE_MODE

__all__ = [
    "ALL_OPTIONS",
    "BY_NAME",
    "LEVEL_FLAGS",
    "OUR_GROUPS",
    "PORT",
    "REFERENCE_GROUPS",
    "VERBOSE_MODE",
    "Addition",
    "Group",
    "Option",
    "Subgroup",
]

OUR_GROUPS = (ADDITIONS, OTHER_VERSIONS)
"""What stands on the help screen behind the reference's options."""

ALL_OPTIONS = tuple(
    option
    for group in (*REFERENCE_GROUPS, *OUR_GROUPS)
    for subgroup in group.subgroups
    for option in subgroup.options
)

BY_NAME = {name: option for option in (*ALL_OPTIONS, PORT) for name in option.names}
"""Every option under its short and its long name, and the parameter ``port``."""
