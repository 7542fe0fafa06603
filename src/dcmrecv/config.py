"""Every setting of a receiver as frozen values. No I/O and no command line in here.

The command-line dialect (`dcmrecv.cli`) and programs that embed the receiver both end in one `Config`.
Byte strings are held for whatever meets the wire or the file system unchanged; text and paths are taken as well
(`dcmrecv.settings`). A wrong type, or a value out of range, is a TypeError or ValueError at construction.
"""

# ruff: noqa: RUF009 - a Setting is a descriptor, not a value shared by accident

from __future__ import annotations

import enum
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from dcmrecv.settings import (
    Flag,
    Octets,
    OptionalOctets,
    OptionalPath,
    OptionalWhole,
    Path,
    Paths,
    Setting,
    Text,
    Whole,
    directory,
    flag,
    instance,
    member,
    number,
    octets,
    optional,
    optional_octets,
    optional_path,
    optional_text,
    optional_whole,
    path,
    several,
    text,
    whole,
)

__all__ = [
    "LEVEL_BY_LETTER",
    "VERIFICATION_PROFILE",
    "AddressFamily",
    "AssociationConfig",
    "Config",
    "CrlCheck",
    "ExtendedNegotiation",
    "ExtrasConfig",
    "FilenameMode",
    "KeyFormat",
    "LogLevel",
    "LoggingConfig",
    "NetworkConfig",
    "PeerCertificate",
    "PresentationContext",
    "Profile",
    "Role",
    "StorageConfig",
    "StorageMode",
    "SubdirectoryMode",
    "TlsConfig",
    "receive_length",
]


class StorageMode(enum.Enum):
    """``-B``, ``+B``, ``--ignore``."""

    NORMAL = "normal"
    BIT_PRESERVING = "bit-preserving"
    IGNORE = "ignore"


class FilenameMode(enum.Enum):
    """``+fd``, ``+fu``, ``+fsu``, ``+fst``."""

    DEFAULT = "default"
    UNIQUE = "unique"
    SHORT_UNIQUE = "short-unique"
    SYSTEM_TIME = "system-time"


class SubdirectoryMode(enum.Enum):
    """``-s``, ``+ssd``."""

    NONE = "none"
    SERIES_DATE = "series-date"


class AddressFamily(enum.Enum):
    """``-i4``, ``-i6``, ``-i0`` (additions)."""

    IPV4 = "ipv4"
    IPV6 = "ipv6"
    AUTO = "auto"


class Role(enum.Enum):
    """Role of a profile entry in SCP/SCU role selection (PS3.7 D.3.3.4)."""

    SCU = "SCU"
    SCP = "SCP"
    BOTH = "BOTH"


class LogLevel(enum.IntEnum):
    """log4cplus levels; a logger at level L passes messages of level >= L."""

    ALL = 0
    TRACE = 1
    DEBUG = 10000
    INFO = 20000
    WARN = 30000
    ERROR = 40000
    FATAL = 50000
    OFF = 60000

    @property
    def letter(self) -> str:
        """The letter that begins a line of this level."""
        return self.name[0]


LEVEL_BY_LETTER: dict[str, LogLevel] = {
    level.letter: level for level in LogLevel if level not in (LogLevel.ALL, LogLevel.OFF)
}
"""Levels that messages have."""


class KeyFormat(enum.Enum):
    """``-pem``, ``-der``."""

    PEM = "pem"
    DER = "der"


class PeerCertificate(enum.Enum):
    """``-rc``, ``-vc``, ``-ic``."""

    REQUIRE = "require"
    VERIFY = "verify"
    IGNORE = "ignore"


class CrlCheck(enum.Enum):
    """``+crv``, ``+cra``."""

    NONE = "none"
    LEAF = "leaf"
    ALL = "all"


@dataclass(frozen=True)
class PresentationContext:
    """One abstract syntax a profile accepts, with its transfer syntaxes in order of preference (UIDs)."""

    abstract_syntax: Octets = Setting(octets)
    transfer_syntaxes: Setting[Iterable[str | bytes], tuple[bytes, ...]] = Setting(several(octets))


@dataclass(frozen=True)
class ExtendedNegotiation:
    """Service class application information sent back for an accepted class (PS3.7 D.3.3.5)."""

    abstract_syntax: Octets = Setting(octets)
    data: Setting[bytes, bytes] = Setting(instance(bytes))


@dataclass(frozen=True)
class Profile:
    """What is accepted of an A-ASSOCIATE-RQ: the chosen asconfig profile, or Verification only."""

    name: Text = Setting(text)
    contexts: Setting[Iterable[PresentationContext], tuple[PresentationContext, ...]] = Setting(
        several(instance(PresentationContext))
    )
    roles: tuple[tuple[bytes, Role], ...] = ()
    extended_negotiation: tuple[ExtendedNegotiation, ...] = ()


VERIFICATION_PROFILE = Profile(
    name="DEFAULT",
    contexts=(PresentationContext(b"1.2.840.10008.1.1", (b"1.2.840.10008.1.2",)),),
)
"""What is accepted without ``-xf``: Verification, Implicit VR Little Endian only."""


@dataclass(frozen=True, kw_only=True)
class AssociationConfig:
    """Negotiation and timeouts. Times in seconds, sizes in bytes."""

    profile: Setting[Profile, Profile] = Setting(instance(Profile), default=VERIFICATION_PROFILE)
    profile_file: OptionalPath = Setting(optional_path, "--config-file")
    """Where the command line takes *profile* from (``-xf``); programs use `dcmrecv.asconfig`."""
    profile_name: Text = Setting(text, default="")
    accept_all: Flag = Setting(flag, default=False)
    """Accept every storage SOP class known, private ones too, with every transfer syntax, beside *profile*."""
    ae_title: OptionalOctets = Setting(optional_octets, "--aetitle")
    """Called AE title that must match exactly; None accepts and echoes any."""
    max_pdu: Whole = Setting(whole, "--max-pdu")
    acse_timeout: Whole = Setting(whole, "--acse-timeout", low=0)
    """0 is what 4294967296 comes to (spec/cli.md c): every wait has ended before it begins."""
    dimse_timeout: OptionalWhole = Setting(optional_whole, "--dimse-timeout", low=0)
    """None: the reference's unlimited wait, which is 60 s per read (spec/network.md d)."""


def receive_length(max_pdu: int) -> int:
    """Return the maximum length of P-DATA PDUs that peers read: *max_pdu*, made even as by the reference."""
    return max_pdu & ~1


@dataclass(frozen=True, kw_only=True)
class NetworkConfig:
    """Listening and serving."""

    port: Whole = Setting(whole, "port", default=11112, low=0)
    """0, for programs alone: any free port."""
    family: Setting[AddressFamily | str, AddressFamily] = Setting(
        member(AddressFamily), default=AddressFamily.IPV4
    )
    hostname_lookup: Flag = Setting(flag, default=True)
    max_associations: Whole = Setting(whole, "--max-associations")
    """0: no limit of our own; beyond a limit connections wait in the listen queue."""
    workers: Whole = Setting(whole, "--workers")
    grace: Setting[float, float] = Setting(number, "--grace")
    """Seconds that running C-STOREs may take after SIGTERM or SIGINT."""


@dataclass(frozen=True, kw_only=True)
class StorageConfig:
    """Where and how objects are stored."""

    mode: Setting[StorageMode | str, StorageMode] = Setting(member(StorageMode), default=StorageMode.NORMAL)
    directory: Path = Setting(directory, "--output-directory")
    subdirectories: Setting[SubdirectoryMode | str, SubdirectoryMode] = Setting(
        member(SubdirectoryMode), default=SubdirectoryMode.NONE
    )
    filenames: Setting[FilenameMode | str, FilenameMode] = Setting(
        member(FilenameMode), default=FilenameMode.DEFAULT
    )
    extension: Octets = Setting(octets, "--filename-extension")
    fsync: Flag = Setting(flag, default=False)
    min_free_space: Whole = Setting(whole, "--min-free-space")
    """Bytes that must stay free on the output file system; below it C-STORE is answered A700."""
    spool: OptionalPath = Setting(optional_path, "--spool")
    """Directory for one JSON line per stored object (addition), or None."""


@dataclass(frozen=True, kw_only=True)
class TlsConfig:
    """``+tls`` and everything that depends on it. Lists are in command-line order."""

    private_key: Path = Setting(path)
    certificate: Path = Setting(path)
    password: OptionalOctets = Setting(optional_octets, default=None)
    """None: ask on the terminal when the key is encrypted (``+ps``); b"" is ``-pw``."""
    key_format: Setting[KeyFormat | str, KeyFormat] = Setting(member(KeyFormat), default=KeyFormat.PEM)
    profile: Text = Setting(text, default="pg")
    """Short option name without its sign: pg, pm, py, px, pz, pb, pa, pn."""
    ciphers: Setting[Iterable[str | bytes], tuple[str, ...]] = Setting(several(text), default=())
    dh_parameters: OptionalPath = Setting(optional_path, default=None)
    trusted_files: Paths = Setting(several(path), default=())
    trusted_directories: Paths = Setting(several(path), default=())
    crl_files: Paths = Setting(several(path), default=())
    crl_check: Setting[CrlCheck | str, CrlCheck] = Setting(member(CrlCheck), default=CrlCheck.NONE)
    expected_sni: Setting[str | bytes | None, str | None] = Setting(optional_text, default=None)
    seed_file: OptionalPath = Setting(optional_path, default=None)
    peer_certificate: Setting[PeerCertificate | str, PeerCertificate] = Setting(
        member(PeerCertificate), default=PeerCertificate.REQUIRE
    )


@dataclass(frozen=True, kw_only=True)
class LoggingConfig:
    """Log level or log4cplus-style configuration file."""

    level: Setting[LogLevel | str, LogLevel] = Setting(member(LogLevel), default=LogLevel.WARN)
    config_file: OptionalPath = Setting(optional_path, "--log-config")
    verbose_pc: Flag = Setting(flag, default=False)
    json: Flag = Setting(flag, default=False)


@dataclass(frozen=True, kw_only=True)
class ExtrasConfig:
    """Additions that are loaded only when asked for."""

    metrics_port: OptionalWhole = Setting(optional_whole, "--metrics-port")
    metrics_address: Text = Setting(text, "--metrics-address")


@dataclass(frozen=True, kw_only=True)
class Config:
    """One receiver, completely described."""

    association: Setting[AssociationConfig, AssociationConfig] = Setting(
        instance(AssociationConfig), default=AssociationConfig()
    )
    network: Setting[NetworkConfig, NetworkConfig] = Setting(instance(NetworkConfig), default=NetworkConfig())
    storage: Setting[StorageConfig, StorageConfig] = Setting(instance(StorageConfig), default=StorageConfig())
    tls: Setting[TlsConfig | None, TlsConfig | None] = Setting(optional(instance(TlsConfig)), default=None)
    logging: Setting[LoggingConfig, LoggingConfig] = Setting(instance(LoggingConfig), default=LoggingConfig())
    extras: Setting[ExtrasConfig, ExtrasConfig] = Setting(instance(ExtrasConfig), default=ExtrasConfig())

    @classmethod
    def from_fields(cls, fields: Mapping[str, object]) -> Config:
        """Return the configuration of *fields*, named as in ``network.port``; TLS is on if it has a key."""
        sections: dict[str, dict[str, object]] = {}
        for name, value in fields.items():
            section, _, field = name.partition(".")
            sections.setdefault(section, {})[field] = value
        if "private_key" not in sections.get("tls", {}):
            sections.pop("tls", None)
        return cls(**{name: _SECTIONS[name](**values) for name, values in sections.items()})


_SECTIONS: dict[str, Callable[..., Any]] = {
    "association": AssociationConfig,
    "network": NetworkConfig,
    "storage": StorageConfig,
    "tls": TlsConfig,
    "logging": LoggingConfig,
    "extras": ExtrasConfig,
}
