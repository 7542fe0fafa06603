"""The texts of everything that can be wrong with a profile file (spec/cli.md f.3)."""

from __future__ import annotations

__all__: list[str] = []

CANNOT_OPEN = "unable to open configuration file: {file}"
NO_SUPERSECTION = "cannot find section [[{name}]] in config file"
BAD_TRANSFER_SYNTAX = "not a valid transfer syntax UID: {value}"
BAD_ABSTRACT_SYNTAX = "not a valid abstract syntax UID: {value}"
MISSING_BACKSLASH = "syntax error: missing '\\' in entry {key} in config file"
UNDEFINED_TRANSFER_SYNTAXES = "transfer syntax key undefined: {name}"
ILLEGAL_CALL = "Illegal call, perhaps wrong parameters"
UNKNOWN_ROLE = "syntax error: unknown role key in entry {key} in config file"
ROLE_TWICE = "role selection defined twice for abstract syntax UID: {value}"
DATA_TOO_LONG = "extended negotiation data too long, cannot handle > 1024 bytes in entry {key} in config file"
BAD_DATA = "parse error in extended negotiation data in entry {key} in config file"
DATA_TWICE = "extended negotiation defined twice for abstract syntax UID: {value}"
NO_CONTEXTS = "no PRESENTATIONCONTEXTS  entry in section {name} in config file"
UNDEFINED_CONTEXTS = "presentation context key undefined: {name}"
UNDEFINED_ROLES = "role selection key undefined: {name}"
UNDEFINED_DATA = "extended negotiation key undefined: {name}"
NOT_IN_CONTEXTS = (
    "abstract syntax defined in role selection list '{name}' "
    "but not in presentation context list '{contexts}': {uid}"
)
TWO_PROFILES = "two profiles defined for key: {contexts}"

CANNOT_PARSE = "Unable to parse association configuration file: {file}: {text}"
INVALID_FILENAME = "Invalid filename"
ILLEGAL_PARAMETER = "Illegal parameter"
NO_SUCH_PROFILE = (
    'No association profile named "{name}" in association configuration, '
    "did you forget to add presentation contexts?"
)
NOT_A_PROFILE = 'The association profile named "{name}" is not a valid SCP association profile'
INVALID_PROFILE = "Invalid or non-existing SCP Association Profile"

# ours
TOO_LARGE = "configuration file larger than {limit} bytes: {file}"
