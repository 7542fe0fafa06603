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

from dcmrecv import settings as s

__all__ = [
    "LEVEL_BY_LETTER", "VERIFICATION_PROFILE", "AddressFamily", "AssociationConfig", "Config", "CrlCheck",
    "ExtendedNegotiation", "ExtrasConfig", "FilenameMode", "KeyFormat", "LogLevel", "LoggingConfig", "NetworkConfig",
    "PeerCertificate", "PresentationContext", "Profile", "Role", "StorageConfig", "StorageMode", "SubdirectoryMode",
    "TlsConfig", "receive_length",
]  # fmt: skip


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

    abstract_syntax: s.Octets = s.Setting(s.octets)
    transfer_syntaxes: s.Setting[Iterable[str | bytes], tuple[bytes, ...]] = s.Setting(s.several(s.octets))


@dataclass(frozen=True)
class ExtendedNegotiation:
    """Service class application information sent back for an accepted class (PS3.7 D.3.3.5)."""

    abstract_syntax: s.Octets = s.Setting(s.octets)
    data: s.Setting[bytes, bytes] = s.Setting(s.instance(bytes))


@dataclass(frozen=True)
class Profile:
    """What is accepted of an A-ASSOCIATE-RQ: the chosen asconfig profile, or Verification only."""

    name: s.Text = s.Setting(s.text)
    contexts: s.Setting[Iterable[PresentationContext], tuple[PresentationContext, ...]] = s.Setting(
        s.several(s.instance(PresentationContext))
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

    profile: s.Part[Profile] = s.part(VERIFICATION_PROFILE)
    profile_file: s.OptionalPath = s.Setting(s.optional_path, "--config-file")
    """Where the command line takes *profile* from (``-xf``); programs use `dcmrecv.asconfig`."""
    profile_name: s.Text = s.Setting(s.text, default="")
    accept_all: s.Flag = s.Setting(s.flag, default=False)
    """Accept every storage SOP class known, private ones too, with every transfer syntax, beside *profile*."""
    ae_title: s.OptionalOctets = s.Setting(s.optional_octets, "--aetitle")
    """Called AE title that must match exactly; None accepts and echoes any."""
    max_pdu: s.Whole = s.Setting(s.whole, "--max-pdu")
    acse_timeout: s.Whole = s.Setting(s.whole, "--acse-timeout", low=0)
    """0 is what 4294967296 comes to (spec/cli.md c): every wait has ended before it begins."""
    dimse_timeout: s.OptionalWhole = s.Setting(s.optional_whole, "--dimse-timeout", low=0)
    """None: the reference's unlimited wait, which is 60 s per read (spec/network.md d)."""


def receive_length(max_pdu: int) -> int:
    """Return the maximum length of P-DATA PDUs that peers read: *max_pdu*, made even as by the reference."""
    return max_pdu & ~1


@dataclass(frozen=True, kw_only=True)
class NetworkConfig:
    """Listening and serving."""

    port: s.Whole = s.Setting(s.whole, "port", default=11112, low=0)
    """0, for programs alone: any free port."""
    family: s.Choice[AddressFamily] = s.choice(AddressFamily.IPV4)
    hostname_lookup: s.Flag = s.Setting(s.flag, default=True)
    max_associations: s.Whole = s.Setting(s.whole, "--max-associations")
    """0: no limit of our own; beyond a limit connections wait in the listen queue."""
    workers: s.Whole = s.Setting(s.whole, "--workers")
    grace: s.Setting[float, float] = s.Setting(s.number, "--grace")
    """Seconds that running C-STOREs may take after SIGTERM or SIGINT."""


@dataclass(frozen=True, kw_only=True)
class StorageConfig:
    """Where and how objects are stored."""

    mode: s.Choice[StorageMode] = s.choice(StorageMode.NORMAL)
    directory: s.Path = s.Setting(s.directory, "--output-directory")
    subdirectories: s.Choice[SubdirectoryMode] = s.choice(SubdirectoryMode.NONE)
    filenames: s.Choice[FilenameMode] = s.choice(FilenameMode.DEFAULT)
    extension: s.Octets = s.Setting(s.octets, "--filename-extension")
    fsync: s.Flag = s.Setting(s.flag, default=False)
    min_free_space: s.Whole = s.Setting(s.whole, "--min-free-space")
    """Bytes that must stay free on the output file system; below it C-STORE is answered A700."""
    spool: s.OptionalPath = s.Setting(s.optional_path, "--spool")
    """Directory for one JSON line per stored object (addition), or None."""


@dataclass(frozen=True, kw_only=True)
class TlsConfig:
    """``+tls`` and everything that depends on it. Lists are in command-line order."""

    private_key: s.Path = s.Setting(s.path)
    certificate: s.Path = s.Setting(s.path)
    password: s.OptionalOctets = s.Setting(s.optional_octets, default=None)
    """None: ask on the terminal when the key is encrypted (``+ps``); b"" is ``-pw``."""
    key_format: s.Choice[KeyFormat] = s.choice(KeyFormat.PEM)
    profile: s.Text = s.Setting(s.text, default="pg")
    """Short option name without its sign: pg, pm, py, px, pz, pb, pa, pn."""
    ciphers: s.Setting[Iterable[str | bytes], tuple[str, ...]] = s.Setting(s.several(s.text), default=())
    dh_parameters: s.OptionalPath = s.Setting(s.optional_path, default=None)
    trusted_files: s.Paths = s.Setting(s.several(s.path), default=())
    trusted_directories: s.Paths = s.Setting(s.several(s.path), default=())
    crl_files: s.Paths = s.Setting(s.several(s.path), default=())
    crl_check: s.Choice[CrlCheck] = s.choice(CrlCheck.NONE)
    expected_sni: s.OptionalText = s.Setting(s.optional_text, default=None)
    seed_file: s.OptionalPath = s.Setting(s.optional_path, default=None)
    peer_certificate: s.Choice[PeerCertificate] = s.choice(PeerCertificate.REQUIRE)


@dataclass(frozen=True, kw_only=True)
class LoggingConfig:
    """Log level or log4cplus-style configuration file."""

    level: s.Choice[LogLevel] = s.choice(LogLevel.WARN)
    config_file: s.OptionalPath = s.Setting(s.optional_path, "--log-config")
    verbose_pc: s.Flag = s.Setting(s.flag, default=False)
    json: s.Flag = s.Setting(s.flag, default=False)


@dataclass(frozen=True, kw_only=True)
class ExtrasConfig:
    """Additions that are loaded only when asked for."""

    metrics_port: s.OptionalWhole = s.Setting(s.optional_whole, "--metrics-port")
    metrics_address: s.Text = s.Setting(s.text, "--metrics-address")


@dataclass(frozen=True, kw_only=True)
class Config:
    """One receiver, completely described."""

    association: s.Part[AssociationConfig] = s.part(AssociationConfig())
    network: s.Part[NetworkConfig] = s.part(NetworkConfig())
    storage: s.Part[StorageConfig] = s.part(StorageConfig())
    tls: s.Setting[TlsConfig | None, TlsConfig | None] = s.Setting(
        s.optional(s.instance(TlsConfig)), default=None
    )
    logging: s.Part[LoggingConfig] = s.part(LoggingConfig())
    extras: s.Part[ExtrasConfig] = s.part(ExtrasConfig())

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
