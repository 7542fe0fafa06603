"""Every setting of a receiver as frozen values. No I/O and no command line in here.

The command-line dialect (`dcmrecv.cli`) and programs that embed the receiver both end in one `Config`.
Byte strings are used for whatever meets the wire or the file system unchanged.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass, field

__all__ = [
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


@dataclass(frozen=True, slots=True)
class PresentationContext:
    """One abstract syntax a profile accepts, with its transfer syntaxes in order of preference (UIDs)."""

    abstract_syntax: bytes
    transfer_syntaxes: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class ExtendedNegotiation:
    """Service class application information sent back for an accepted class (PS3.7 D.3.3.5)."""

    abstract_syntax: bytes
    data: bytes


@dataclass(frozen=True, slots=True)
class Profile:
    """What is accepted of an A-ASSOCIATE-RQ: the chosen asconfig profile, or Verification only."""

    name: str
    contexts: tuple[PresentationContext, ...]
    roles: tuple[tuple[bytes, Role], ...] = ()
    extended_negotiation: tuple[ExtendedNegotiation, ...] = ()


VERIFICATION_PROFILE = Profile(
    name="DEFAULT",
    contexts=(PresentationContext(b"1.2.840.10008.1.1", (b"1.2.840.10008.1.2",)),),
)
"""What is accepted without ``-xf``: Verification, Implicit VR Little Endian only."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AssociationConfig:
    """Negotiation and timeouts. Times in seconds, sizes in bytes."""

    profile: Profile = VERIFICATION_PROFILE
    accept_all: bool = False
    """Accept every storage SOP class known, private ones too, with every transfer syntax, beside *profile*."""
    ae_title: bytes | None = None
    """Called AE title that must match exactly; None accepts and echoes any."""
    max_pdu: int = 16384
    acse_timeout: int = 30
    dimse_timeout: int | None = None
    """None: the reference's unlimited wait, which is 60 s per read (spec/network.md d)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkConfig:
    """Listening and serving."""

    port: int = 11112
    family: AddressFamily = AddressFamily.IPV4
    hostname_lookup: bool = True
    max_associations: int = 0
    """0: no limit of our own; beyond a limit connections wait in the listen queue."""
    workers: int = 1
    grace: float = 10.0
    """Seconds that running C-STOREs may take after SIGTERM or SIGINT."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StorageConfig:
    """Where and how objects are stored."""

    mode: StorageMode = StorageMode.NORMAL
    directory: bytes = b"."
    subdirectories: SubdirectoryMode = SubdirectoryMode.NONE
    filenames: FilenameMode = FilenameMode.DEFAULT
    extension: bytes = b""
    fsync: bool = False
    min_free_space: int = 0
    """Bytes that must stay free on the output file system; below it C-STORE is answered A700."""
    spool: bytes | None = None
    """Directory for one JSON line per stored object (addition), or None."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TlsConfig:
    """``+tls`` and everything that depends on it. Lists are in command-line order."""

    private_key: bytes
    certificate: bytes
    password: bytes | None = None
    """None: ask on the terminal when the key is encrypted (``+ps``); b"" is ``-pw``."""
    key_format: KeyFormat = KeyFormat.PEM
    profile: str = "pg"
    """Short option name without its sign: pg, pm, py, px, pz, pb, pa, pn."""
    ciphers: tuple[str, ...] = ()
    dh_parameters: bytes | None = None
    trusted_files: tuple[bytes, ...] = ()
    trusted_directories: tuple[bytes, ...] = ()
    crl_files: tuple[bytes, ...] = ()
    crl_check: CrlCheck = CrlCheck.NONE
    expected_sni: str | None = None
    seed_file: bytes | None = None
    peer_certificate: PeerCertificate = PeerCertificate.REQUIRE


@dataclass(frozen=True, slots=True, kw_only=True)
class LoggingConfig:
    """Log level or log4cplus-style configuration file."""

    level: LogLevel = LogLevel.WARN
    config_file: bytes | None = None
    verbose_pc: bool = False
    json: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ExtrasConfig:
    """Additions that are loaded only when asked for."""

    metrics_port: int | None = None
    metrics_address: str = "127.0.0.1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """One receiver, completely described."""

    association: AssociationConfig = field(default_factory=AssociationConfig)
    network: NetworkConfig = field(default_factory=NetworkConfig)
    storage: StorageConfig = field(default_factory=StorageConfig)
    tls: TlsConfig | None = None
    logging: LoggingConfig = field(default_factory=LoggingConfig)
    extras: ExtrasConfig = field(default_factory=ExtrasConfig)
