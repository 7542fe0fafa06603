"""From evaluated settings to the frozen `Config` and `LoggingConfig`."""

from __future__ import annotations

import enum

from dcmrecv.cli.evaluate import Settings
from dcmrecv.config import (
    AddressFamily,
    AssociationConfig,
    Config,
    CrlCheck,
    ExtrasConfig,
    FilenameMode,
    KeyFormat,
    LoggingConfig,
    LogLevel,
    NetworkConfig,
    PeerCertificate,
    StorageConfig,
    StorageMode,
    SubdirectoryMode,
    TlsConfig,
)

TYPE_CHECKING = False  # as in `dcmrecv.cli.program`
if TYPE_CHECKING:
    from typing import Any

__all__ = ["ENUMS", "ProfileChoice", "build_config", "build_logging", "profile_choice"]

ProfileChoice = tuple[str, str]
"""File and profile name behind ``-xf``, as typed."""

ENUMS: dict[str, type[enum.Enum]] = {
    "network.family": AddressFamily,
    "logging.level": LogLevel,
    "storage.subdirectories": SubdirectoryMode,
    "storage.filenames": FilenameMode,
    "storage.mode": StorageMode,
    "tls.key_format": KeyFormat,
    "tls.crl_check": CrlCheck,
    "tls.peer_certificate": PeerCertificate,
}
"""Fields whose settings are names of enum members."""

_PROFILE = "association.profile"


def build_logging(settings: Settings) -> LoggingConfig:
    """Return the logging part of the configuration."""
    return LoggingConfig(**_section(settings, "logging"))


def build_config(settings: Settings, logging: LoggingConfig) -> Config:
    """Return the configuration, with the default profile: what stands behind ``-xf`` is not read here."""
    tls = _section(settings, "tls")
    return Config(
        association=AssociationConfig(**_section(settings, "association")),
        network=NetworkConfig(**_section(settings, "network")),
        storage=StorageConfig(**_section(settings, "storage")),
        tls=TlsConfig(**tls) if "private_key" in tls else None,
        logging=logging,
        extras=ExtrasConfig(**_section(settings, "extras")),
    )


def profile_choice(settings: Settings) -> ProfileChoice | None:
    """Return what stands behind ``-xf``, if it was given."""
    choice = settings.fields.get(_PROFILE)
    return (str(choice[0]), str(choice[1])) if isinstance(choice, tuple) else None


def _section(settings: Settings, name: str) -> dict[str, Any]:
    prefix = name + "."
    section: dict[str, Any] = {}
    for dest, value in settings.fields.items():
        if dest.startswith(prefix) and dest != _PROFILE:
            members = ENUMS.get(dest)
            section[dest[len(prefix) :]] = value if members is None else members[str(value)]
    return section
