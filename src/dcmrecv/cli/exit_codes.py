"""Exit codes: those of the reference and, for what it has no code for, those of sysexits.h."""

from __future__ import annotations

__all__ = [
    "EXIT_BAD_COMMAND_LINE",
    "EXIT_BAD_DIRECTORY",
    "EXIT_BAD_PORT",
    "EXIT_BAD_PROFILE",
    "EXIT_BAD_TLS",
    "EXIT_CODES",
    "EXIT_INTERNAL_ERROR",
]

EXIT_BAD_COMMAND_LINE = 1
EXIT_BAD_DIRECTORY = 45
EXIT_BAD_PORT = 64
EXIT_BAD_PROFILE = 66
EXIT_INTERNAL_ERROR = 70
EXIT_BAD_TLS = 71

EXIT_CODES = (
    (0, "The help screen, version information or a list was printed."),
    (EXIT_BAD_COMMAND_LINE, "The command line is wrong."),
    (EXIT_BAD_DIRECTORY, "The output or spool directory does not exist or cannot be written to."),
    (EXIT_BAD_PORT, "The port cannot be opened."),
    (EXIT_BAD_PROFILE, "The association configuration file or the profile cannot be used."),
    (EXIT_INTERNAL_ERROR, "An error inside dcmrecv (EX_SOFTWARE); starting it again may help."),
    (EXIT_BAD_TLS, "TLS cannot be set up: keys, certificates or cipher suites."),
)
"""Each code and what it means, for the manual."""
