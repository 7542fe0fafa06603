"""Every setting of a receiver as frozen values. No I/O and no command line in here.

The command-line dialect (`dcmrecv.cli`) and programs that embed the receiver both end in one `Config`.
Byte strings are held for whatever meets the wire or the file system unchanged; text and paths are taken as well
(`dcmrecv.config_fields`). A wrong type, or a value out of range, is a TypeError or ValueError at construction.
"""

# ruff: noqa: RUF009 - a Setting is a descriptor, not a value shared by accident

from __future__ import annotations

import enum
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from dcmrecv import config_fields as f

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

    abstract_syntax: f.Octets = f.Setting(f.octets)
    transfer_syntaxes: f.Setting[Iterable[str | bytes], tuple[bytes, ...]] = f.Setting(f.several(f.octets))


@dataclass(frozen=True)
class ExtendedNegotiation:
    """Service class application information sent back for an accepted class (PS3.7 D.3.3.5)."""

    abstract_syntax: f.Octets = f.Setting(f.octets)
    data: f.Setting[bytes, bytes] = f.Setting(f.instance(bytes))


@dataclass(frozen=True)
class Profile:
    """What is accepted of an A-ASSOCIATE-RQ: the chosen asconfig profile, or Verification only."""

    name: f.Text = f.Setting(f.text)
    contexts: f.Setting[Iterable[PresentationContext], tuple[PresentationContext, ...]] = f.Setting(
        f.several(f.instance(PresentationContext))
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

    profile: f.Part[Profile] = f.part(VERIFICATION_PROFILE)
    profile_file: f.OptionalPath = f.Setting(f.optional_path, "--config-file")
    """Where the command line takes *profile* from (``-xf``); programs use `dcmrecv.asconfig`."""
    profile_name: f.Text = f.Setting(f.text, default="")
    accept_all: f.Flag = f.Setting(f.flag, default=False)
    """Accept every storage SOP class known, private ones too, with every transfer syntax, beside *profile*."""
    ae_title: f.OptionalOctets = f.Setting(f.optional_octets, "--aetitle")
    """Called AE title that must match exactly; None accepts and echoes any."""
    allow_calling: f.Setting[Iterable[str | bytes], tuple[bytes, ...]] = f.Setting(
        f.several(f.octets), default=()
    )
    """Calling AE titles that are accepted; none: all."""
    allow_calling_file: f.OptionalPath = f.Setting(f.optional_path, default=None)
    """Where the command line takes more of them from; it must name some."""
    max_pdu: f.Whole = f.Setting(f.whole, "--max-pdu")
    acse_timeout: f.Whole = f.Setting(f.whole, "--acse-timeout", low=0)
    """0 is what 4294967296 comes to (spec/cli.md c): every wait has ended before it begins."""
    dimse_timeout: f.OptionalWhole = f.Setting(f.optional_whole, "--dimse-timeout", low=0)
    """None: the reference's unlimited wait, which is 60 s per read (spec/network.md d)."""


def receive_length(max_pdu: int) -> int:
    """Return the maximum length of P-DATA PDUs that peers read: *max_pdu*, made even as by the reference."""
    return max_pdu & ~1


@dataclass(frozen=True, kw_only=True)
class NetworkConfig:
    """Listening and serving."""

    port: f.Whole = f.Setting(f.whole, "port", default=11112, low=0)
    """0, for programs alone: any free port."""
    family: f.Choice[AddressFamily] = f.choice(AddressFamily.IPV4)
    listen: f.Setting[Iterable[str | bytes], tuple[str, ...]] = f.Setting(f.several(f.text), default=())
    """Names and addresses to listen on; none: all interfaces, in *family*."""
    allow_hosts: f.Setting[Iterable[str | bytes], tuple[str, ...]] = f.Setting(f.several(f.text), default=())
    """Addresses and networks (CIDR) of peers that are served; none: all."""
    allow_host_file: f.OptionalPath = f.Setting(f.optional_path, default=None)
    """Where the command line takes more of them from; it must name some."""
    proxy_protocol: f.Setting[Iterable[str | bytes], tuple[str, ...]] = f.Setting(
        f.several(f.text), default=()
    )
    """Addresses and networks of load balancers that begin each connection with a PROXY protocol header."""
    max_associations_per_host: f.Whole = f.Setting(f.whole, "--max-associations-per-host")
    """0: no limit. Of each process."""
    hostname_lookup: f.Flag = f.Setting(f.flag, default=True)
    max_associations: f.Whole = f.Setting(f.whole, "--max-associations")
    """0: no limit of our own; beyond a limit connections wait in the listen queue."""
    workers: f.Whole = f.Setting(f.whole, "--workers")
    reload: f.Flag = f.Setting(f.flag, default=False)
    """The command line reads its files again on SIGHUP; with a file of peers or titles always."""
    grace: f.Setting[float, float] = f.Setting(f.number, "--grace")
    """Seconds that running C-STOREs may take after SIGTERM or SIGINT."""


@dataclass(frozen=True, kw_only=True)
class StorageConfig:
    """Where and how objects are stored."""

    mode: f.Choice[StorageMode] = f.choice(StorageMode.NORMAL)
    directory: f.Path = f.Setting(f.directory, "--output-directory")
    subdirectories: f.Choice[SubdirectoryMode] = f.choice(SubdirectoryMode.NONE)
    filenames: f.Choice[FilenameMode] = f.choice(FilenameMode.DEFAULT)
    extension: f.Octets = f.Setting(f.octets, "--filename-extension")
    fsync: f.Flag = f.Setting(f.flag, default=False)
    min_free_space: f.Whole = f.Setting(f.whole, "--min-free-space")
    """Bytes that must stay free on the output file system; below it C-STORE is answered A700."""
    max_nesting: f.Whole = f.Setting(f.whole, "--max-nesting")
    """Sequences that may lie in each other; a data set with more is refused as one that cannot be read."""
    spool: f.OptionalPath = f.Setting(f.optional_path, "--spool")
    """Directory for one JSON line per stored object (addition), or None."""
    spool_sha256: f.Flag = f.Setting(f.flag, default=False)
    """Each line says the SHA-256 of the stored file."""


@dataclass(frozen=True, kw_only=True)
class TlsConfig:
    """``+tls`` and everything that depends on it. Lists are in command-line order."""

    private_key: f.Path = f.Setting(f.path)
    certificate: f.Path = f.Setting(f.path)
    password: f.OptionalOctets = f.Setting(f.optional_octets, default=None)
    """None: ask on the terminal when the key is encrypted (``+ps``); b"" is ``-pw``."""
    key_format: f.Choice[KeyFormat] = f.choice(KeyFormat.PEM)
    profile: f.Text = f.Setting(f.text, default="pg")
    """Short option name without its sign: pg, pm, py, px, pz, pb, pa, pn."""
    ciphers: f.Setting[Iterable[str | bytes], tuple[str, ...]] = f.Setting(f.several(f.text), default=())
    dh_parameters: f.OptionalPath = f.Setting(f.optional_path, default=None)
    trusted_files: f.Paths = f.Setting(f.several(f.path), default=())
    trusted_directories: f.Paths = f.Setting(f.several(f.path), default=())
    crl_files: f.Paths = f.Setting(f.several(f.path), default=())
    crl_check: f.Choice[CrlCheck] = f.choice(CrlCheck.NONE)
    expected_sni: f.OptionalText = f.Setting(f.optional_text, default=None)
    seed_file: f.OptionalPath = f.Setting(f.optional_path, default=None)
    peer_certificate: f.Choice[PeerCertificate] = f.choice(PeerCertificate.REQUIRE)


@dataclass(frozen=True, kw_only=True)
class LoggingConfig:
    """Log level or log4cplus-style configuration file."""

    level: f.Choice[LogLevel] = f.choice(LogLevel.WARN)
    config_file: f.OptionalPath = f.Setting(f.optional_path, "--log-config")
    verbose_pc: f.Flag = f.Setting(f.flag, default=False)
    json: f.Flag = f.Setting(f.flag, default=False)


@dataclass(frozen=True, kw_only=True)
class ExtrasConfig:
    """Additions that are loaded only when asked for."""

    metrics_port: f.OptionalWhole = f.Setting(f.optional_whole, "--metrics-port")
    metrics_address: f.Text = f.Setting(f.text, "--metrics-address")
    metrics_no_identifiers: f.Flag = f.Setting(f.flag, default=False)
    """No AE titles, addresses of peers or UIDs in what is served there."""


@dataclass(frozen=True, kw_only=True)
class Config:
    """One receiver, completely described."""

    association: f.Part[AssociationConfig] = f.part(AssociationConfig())
    network: f.Part[NetworkConfig] = f.part(NetworkConfig())
    storage: f.Part[StorageConfig] = f.part(StorageConfig())
    tls: f.Setting[TlsConfig | None, TlsConfig | None] = f.Setting(
        f.optional(f.instance(TlsConfig)), default=None
    )
    logging: f.Part[LoggingConfig] = f.part(LoggingConfig())
    extras: f.Part[ExtrasConfig] = f.part(ExtrasConfig())

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
