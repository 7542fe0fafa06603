"""The options of the reference, as its help screen lists them (spec/cli.md h).

Names, value descriptions and texts are interface and therefore literal.
"""

from __future__ import annotations

from dcmrecv.options.option import Group, Option, Subgroup, one_of

__all__ = ["LEVEL_FLAGS", "ONLY_WITH_TLS", "PORT", "REFERENCE_GROUPS", "TLS_PROFILE", "VERBOSE_MODE"]

LEVEL_FLAGS = "--verbose, --debug or --quiet"
VERBOSE_MODE = "verbose mode"
"""The condition that the application's logger lets INFO pass."""

TLS_PROFILE = "TLS profile"
ONLY_WITH_TLS = ("--enable-tls",)
_SEED = ("--enable-tls", "--seed")
_FILE = "[f]ilename: string"

# A table: an option takes as few lines as it can.
# fmt: off

PORT = Option("port", "tcp/ip port number to listen on", "", "unsigned", "network.port", low=1, high=65535)

_GENERAL = Subgroup(
    None,
    Option("-h --help", "print this help text and exit", exclusive=True),
    Option("--version", "print version information and exit", exclusive=True),
    Option("--arguments", "print expanded command line arguments"),
    *one_of(
        LEVEL_FLAGS, "logging.level",
        ("-q --quiet", "quiet mode, print no warnings and errors", "FATAL"),
        ("-v --verbose", "verbose mode, print processing details", "INFO"),
        ("-d --debug", "debug mode, print debug information", "DEBUG"),
    ),
    Option("-ll --log-level", "(fatal, error, warn, info, debug, trace)\nuse level l for the logger",
           "[l]evel: string constant", "choice", "logging.level",
           choices=("all", "trace", "debug", "info", "warn", "error", "fatal", "off"),
           refusal="Invalid log level for --log-level option", not_with=(LEVEL_FLAGS,)),
    Option("-lc --log-config", "use config file f for the logger", _FILE, "file", "logging.config_file",
           not_with=("--log-level", LEVEL_FLAGS)),
    Option("+v --verbose-pc", "show presentation contexts in verbose mode", sets="logging.verbose_pc",
           needs=(VERBOSE_MODE,)),
)

_NETWORK = (
    Subgroup(
        "association negotiation profile from configuration file:",
        Option("-xf --config-file", "use profile p from configuration file f", "[f]ilename, [p]rofile: string",
               "config profile", "association.profile_file association.profile_name"),
    ),
    Subgroup(
        "application entity title:",
        Option("-uca --use-called-aetitle", "always respond with called AE title (default)",
               sets="association.ae_title", const=None, block="AE title"),
        Option("-aet --aetitle", "set my AE title and check called AE title", "[a]etitle: string", "text",
               "association.ae_title", block="AE title"),
    ),
    Subgroup(
        "other network options:",
        Option("-ta --acse-timeout", "timeout for ACSE messages", "[s]econds: integer (default: {default})",
               "unsigned", "association.acse_timeout", default=30, low=1),
        Option("-td --dimse-timeout", "timeout for DIMSE messages", "[s]econds: integer (default: unlimited)",
               "unsigned", "association.dimse_timeout", low=1),
        Option("-pdu --max-pdu", "set max receive pdu to n bytes (default: {default})",
               "[n]umber of bytes: integer ({low}..{high})", "unsigned", "association.max_pdu", default=16384,
               low=4096, high=131072),
        Option("-dhl --disable-host-lookup", "disable hostname lookup", sets="network.hostname_lookup",
               const=False),
    ),
)

_TLS = (
    Subgroup(
        "transport protocol stack:",
        Option("-tls --disable-tls", "use normal TCP/IP connection (default)", block="TLS"),
        Option("+tls --enable-tls", "use authenticated secure TLS connection",
               "[p]rivate key file, [c]ertificate file: string", "file file",
               "tls.private_key tls.certificate", block="TLS"),
    ),
    Subgroup(
        "private key password (only with --enable-tls):",
        Option("+ps --std-passwd", "prompt user to type password on stdin (default)", sets="tls.password",
               const=None, block="password", needs=ONLY_WITH_TLS),
        Option("+pw --use-passwd", "use specified password", "[p]assword: string ", "text", "tls.password",
               block="password", needs=ONLY_WITH_TLS),
        Option("-pw --null-passwd", "use empty string as password", sets="tls.password", const="",
               block="password", needs=ONLY_WITH_TLS),
    ),
    Subgroup(
        "key and certificate file format:",
        *one_of(
            "file format", "tls.key_format",
            ("-pem --pem-keys", "read keys and certificates as PEM file (default)", "PEM"),
            ("-der --der-keys", "read keys and certificates as DER file", "DER"),
            needs=ONLY_WITH_TLS,
        ),
    ),
    Subgroup(
        "certification authority:",
        Option("+cf --add-cert-file", "add certificate file to list of certificates", _FILE, "file",
               "tls.trusted_files", needs=ONLY_WITH_TLS, collects=True),
        Option("+cd --add-cert-dir", "add certificates in d to list of certificates", "[d]irectory: string",
               "directory", "tls.trusted_directories", needs=ONLY_WITH_TLS, collects=True),
        Option("+crl --add-crl-file", "add certificate revocation list file\n(implies --enable-crl-vfy)",
               _FILE, "file", "tls.crl_files", needs=ONLY_WITH_TLS, collects=True),
        *one_of(
            "CRL", "tls.crl_check",
            ("+crv --enable-crl-vfy", "enable leaf CRL verification", "LEAF"),
            ("+cra --enable-crl-all", "enable full chain CRL verification", "ALL"),
            needs=ONLY_WITH_TLS,
        ),
    ),
    Subgroup(
        "security profile:",
        *one_of(
            TLS_PROFILE, "tls.profile",
            ("+pg --profile-8996", "BCP 195 RFC 8996 TLS Profile (default)", "pg"),
            ("+py --profile-bcp195-nd", "Non-downgrading BCP 195 TLS Profile (retired)", "py"),
            ("+px --profile-bcp195", "BCP 195 TLS Profile (retired)", "px"),
            ("+pz --profile-bcp195-ex", "Extended BCP 195 TLS Profile (retired)", "pz"),
            # the reference complains about an option that is not this one (spec/cli.md d, row 19)
            ("+pa --profile-aes", "AES TLS Secure Transport Connection Profile\n(retired)", "pa", "--profile-basic"),
            ("+pn --profile-null", "Authenticated unencrypted communication\n(retired, was used in IHE ATNA)", "pn"),
            needs=ONLY_WITH_TLS,
        ),
    ),
    Subgroup(
        "ciphersuite:",
        Option("+cc --list-ciphers", "show list of supported TLS ciphersuites and exit", exclusive=True),
        Option("+cs --cipher", "add ciphersuite to list of negotiated suites\n(not with --profile-bcp195-ex)",
               "[c]iphersuite name: string", "ciphersuite", "tls.ciphers", needs=ONLY_WITH_TLS,
               not_with=("--profile-bcp195-ex",), collects=True),
        Option("+dp --dhparam", "read DH parameters for DH/DSS ciphersuites", _FILE, "file",
               "tls.dh_parameters", needs=ONLY_WITH_TLS),
    ),
    Subgroup(
        "server name indication:",
        Option("--no-sni", "do not use SNI (default)", "", "", "tls.expected_sni", None,
               not_with=("--expect-sni",)),
        Option("--expect-sni", "expect requests for server name s", "[s]erver name: string", "text",
               "tls.expected_sni"),
    ),
    Subgroup(
        "pseudo random generator:",
        Option("+rs --seed", "seed random generator with contents of f", _FILE, "file", "tls.seed_file",
               needs=ONLY_WITH_TLS),
        Option("+ws --write-seed", "write back modified seed (only with --seed)", block="seed output",
               needs=_SEED),
        Option("+wf --write-seed-file", "write modified seed to file f", _FILE + " (only with --seed)", "file",
               block="seed output", needs=_SEED),
    ),
    Subgroup(
        "peer authentication:",
        *one_of(
            "peer check", "tls.peer_certificate",
            ("-rc --require-peer-cert", "verify peer certificate, fail if absent (default)", "REQUIRE"),
            ("-vc --verify-peer-cert", "verify peer certificate if present", "VERIFY"),
            ("-ic --ignore-peer-cert", "don't verify peer certificate", "IGNORE"),
            needs=ONLY_WITH_TLS,
        ),
    ),
)

_OUTPUT = (
    Subgroup(
        "general:",
        Option("-od --output-directory", "write received objects to existing directory d",
               '[d]irectory: string (default: "{default}")', "directory", "storage.directory", default="."),
    ),
    Subgroup(
        "subdirectory generation:",
        *one_of(
            "subdirectory", "storage.subdirectories",
            ("-s --no-subdir", "do not generate any subdirectories (default)", "NONE"),
            ("+ssd --series-date-subdir", "generate subdirectories from series date", "SERIES_DATE"),
        ),
    ),
    Subgroup(
        "filename generation:",
        *one_of(
            "file names", "storage.filenames",
            ("+fd --default-filenames", "generate filename from instance UID (default)", "DEFAULT"),
            ("+fu --unique-filenames", "generate unique filename based on new UID", "UNIQUE"),
            ("+fsu --short-unique-names", "generate short pseudo-random unique filename", "SHORT_UNIQUE"),
            ("+fst --system-time-names", "generate filename from current system time", "SYSTEM_TIME"),
        ),
        Option("-fe --filename-extension", "append e to all generated filenames",
               "[e]xtension: string (default: none)", "text", "storage.extension", default=""),
    ),
    Subgroup(
        "storage mode:",
        Option("-B --normal", "allow implicit format conversions (default)", sets="storage.mode",
               const="NORMAL", block="storage"),
        Option("+B --bit-preserving", "write dataset exactly as received", sets="storage.mode",
               const="BIT_PRESERVING", block="storage", not_with=("--series-date-subdir",)),
        Option("--ignore", "ignore dataset, receive but do not store it", sets="storage.mode", const="IGNORE",
               block="storage"),
    ),
)

REFERENCE_GROUPS = (
    Group("general options:", _GENERAL),
    Group("network options:", *_NETWORK),
    Group("transport layer security (TLS) options:", *_TLS),
    Group("output options:", *_OUTPUT),
)
"""The options of DCMTK's dcmrecv 3.6.8."""
