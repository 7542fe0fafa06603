"""Every message the command line prints, in one place, so that its fidelity can be read at a glance.

Sources: spec/cli.md a (error texts), d (dependences), e (logging), g (start-up). What follows ``# ours``
has no counterpart in the reference.
"""

from __future__ import annotations

__all__: list[str] = []

APPLICATION = "dcmrecv"
DESCRIPTION = "dcmrecv: Simple DICOM storage SCP (receiver)"

UNKNOWN_OPTION = "Unknown option {name}"
MISSING_VALUE = "Missing value for option {long}"
MISSING_PARAMETER = "Missing parameter port"
TOO_MANY_PARAMETERS = "Too many parameters"
CANNOT_OPEN_COMMAND_FILE = "Cannot open command file '{name}'"

INVALID_PARAMETER = "Invalid parameter value {text}"
INVALID_VALUE = "Invalid value for {name}"
OPTION = "option {long}"

ONLY_ALLOWED_WITH = "{option} only allowed with {other}"
NOT_ALLOWED_WITH = "{option} not allowed with {other}"

CALLING = "calling '{program}' with {count} arguments: {arguments}\n"
BANNER_MESSAGE = "{banner}\n"
CONFIGURING = "configuring service class provider ..."
VERIFICATION_ONLY = "no configuration file specified, SCP will only support the Verification SOP Class"
LISTENING = "starting service class provider and listening ..."

CANNOT_LOAD_PROFILES = "cannot load association configuration: {text}"
LOADING_PROFILES = "Loading association configuration file: {file}"
SETTING_AND_CHECKING_PROFILE = "Setting and checking SCP association profile {name}"
CHECKING_PROFILE = "Checking SCP association profile {name}"
SETTING_PROFILE = "Setting SCP association profile to (mangled name) {name}"

CANNOT_USE_DIRECTORY = "cannot specify output directory: {text}"
DIRECTORY_MISSING = "Directory does not exist"
OUTPUT_LIMITED = "output directory: {text}"
DIRECTORY_READ_ONLY = "Directory is not writable"

NO_DICTIONARY = "no data dictionary loaded, check environment variable: DCMDICTPATH"
NO_DICTIONARY_AGAIN = "No data dictionary loaded, check environment variable: DCMDICTPATH"
CANNOT_START = "cannot start SCP and listen on port {port}: {text}"

HOST_TYPE = "Host type: {host}"
CHARACTER_ENCODING = "Character encoding: {encoding}"
BUILD_OPTIONS = "Build options: shared cxx11 stl threads lfs extern-dict dcmdictpath char-conv"
EXTERNAL_LIBRARIES = "External libraries used:"
EXTERNAL_LIBRARY = "- {name}"
CIPHERS_HEADING = "Supported TLS ciphersuites are:"
CRYPTOGRAPHY = "Cryptographic algorithms implemented by: {name}"
PROFILES_HEADING = "Supported TLS Secure Transport Connection Profiles are:"

# ours
VARIABLE = "environment variable {name}"
CANNOT_USE_SPOOL = "cannot specify spool directory: {text}"
ACCEPTING_ALL = "no configuration file specified, accepting every storage SOP class in every transfer syntax"
NOT_RELOADED = "cannot read everything again, and nothing has changed: {text}"
IMPLEMENTATION = "Implementation:"
IMPLEMENTATION_LINES = (
    "- dcmrecv {version}, a receiver of its own, written in Python",
    "- it is not DCMTK and contains none of its code",
    "- it keeps the command line of DCMTK's dcmrecv 3.6.8, whose banner and screen stand above",
)
IMPLEMENTATION_LIBRARY = "- {name} {version}"
COMPILED_MODULES = "- compiled modules: {names}"
NOT_INSTALLED = "not installed"
NONE = "none"
