"""The options of the reference, as its help screen lists them (spec/cli.md h, spec/options.json).

Names, value descriptions and texts are interface and therefore literal.
"""

from __future__ import annotations

from dcmrecv.cli.options import Group, Option, Subgroup

__all__ = ["REFERENCE_GROUPS"]

REFERENCE_GROUPS: tuple[Group, ...] = (
    Group(
        "general options:",
        (
            Subgroup(
                None,
                (
                    Option("-h", "--help", "print this help text and exit", exclusive=True),
                    Option(None, "--version", "print version information and exit", exclusive=True),
                    Option(None, "--arguments", "print expanded command line arguments"),
                    Option(
                        "-q",
                        "--quiet",
                        "quiet mode, print no warnings and errors",
                        dest="logging.level",
                        const="FATAL",
                    ),
                    Option(
                        "-v",
                        "--verbose",
                        "verbose mode, print processing details",
                        dest="logging.level",
                        const="INFO",
                    ),
                    Option(
                        "-d",
                        "--debug",
                        "debug mode, print debug information",
                        dest="logging.level",
                        const="DEBUG",
                    ),
                    Option(
                        "-ll",
                        "--log-level",
                        "(fatal, error, warn, info, debug, trace)\nuse level l for the logger",
                        values=("level",),
                        value_text="[l]evel: string constant",
                        dest="logging.level",
                    ),
                    Option(
                        "-lc",
                        "--log-config",
                        "use config file f for the logger",
                        values=("file",),
                        value_text="[f]ilename: string",
                        dest="logging.config_file",
                    ),
                    Option(
                        "+v",
                        "--verbose-pc",
                        "show presentation contexts in verbose mode",
                        dest="logging.verbose_pc",
                        const=True,
                    ),
                ),
            ),
        ),
    ),
    Group(
        "network options:",
        (
            Subgroup(
                "association negotiation profile from configuration file:",
                (
                    Option(
                        "-xf",
                        "--config-file",
                        "use profile p from configuration file f",
                        values=("file", "profile"),
                        value_text="[f]ilename, [p]rofile: string",
                        dest="association.profile",
                    ),
                ),
            ),
            Subgroup(
                "application entity title:",
                (
                    Option(
                        "-uca",
                        "--use-called-aetitle",
                        "always respond with called AE title (default)",
                        dest="association.ae_title",
                        const=None,
                    ),
                    Option(
                        "-aet",
                        "--aetitle",
                        "set my AE title and check called AE title",
                        values=("string",),
                        value_text="[a]etitle: string",
                        dest="association.ae_title",
                    ),
                ),
            ),
            Subgroup(
                "other network options:",
                (
                    Option(
                        "-ta",
                        "--acse-timeout",
                        "timeout for ACSE messages",
                        values=("integer",),
                        value_text="[s]econds: integer (default: 30)",
                        dest="association.acse_timeout",
                    ),
                    Option(
                        "-td",
                        "--dimse-timeout",
                        "timeout for DIMSE messages",
                        values=("integer",),
                        value_text="[s]econds: integer (default: unlimited)",
                        dest="association.dimse_timeout",
                    ),
                    Option(
                        "-pdu",
                        "--max-pdu",
                        "set max receive pdu to n bytes (default: 16384)",
                        values=("integer",),
                        value_text="[n]umber of bytes: integer (4096..131072)",
                        dest="association.max_pdu",
                    ),
                    Option(
                        "-dhl",
                        "--disable-host-lookup",
                        "disable hostname lookup",
                        dest="network.hostname_lookup",
                        const=False,
                    ),
                ),
            ),
        ),
    ),
    Group(
        "transport layer security (TLS) options:",
        (
            Subgroup(
                "transport protocol stack:",
                (
                    Option("-tls", "--disable-tls", "use normal TCP/IP connection (default)", dest="tls"),
                    Option(
                        "+tls",
                        "--enable-tls",
                        "use authenticated secure TLS connection",
                        values=("file", "file"),
                        value_text="[p]rivate key file, [c]ertificate file: string",
                        dest="tls.private_key, tls.certificate",
                    ),
                ),
            ),
            Subgroup(
                "private key password (only with --enable-tls):",
                (
                    Option(
                        "+ps",
                        "--std-passwd",
                        "prompt user to type password on stdin (default)",
                        dest="tls.password",
                    ),
                    Option(
                        "+pw",
                        "--use-passwd",
                        "use specified password",
                        values=("string",),
                        value_text="[p]assword: string ",
                        dest="tls.password",
                    ),
                    Option(
                        "-pw", "--null-passwd", "use empty string as password", dest="tls.password", const=""
                    ),
                ),
            ),
            Subgroup(
                "key and certificate file format:",
                (
                    Option(
                        "-pem",
                        "--pem-keys",
                        "read keys and certificates as PEM file (default)",
                        dest="tls.key_format",
                        const="PEM",
                    ),
                    Option(
                        "-der",
                        "--der-keys",
                        "read keys and certificates as DER file",
                        dest="tls.key_format",
                        const="DER",
                    ),
                ),
            ),
            Subgroup(
                "certification authority:",
                (
                    Option(
                        "+cf",
                        "--add-cert-file",
                        "add certificate file to list of certificates",
                        values=("file",),
                        value_text="[f]ilename: string",
                        collects=True,
                        dest="tls.trusted_files",
                    ),
                    Option(
                        "+cd",
                        "--add-cert-dir",
                        "add certificates in d to list of certificates",
                        values=("directory",),
                        value_text="[d]irectory: string",
                        collects=True,
                        dest="tls.trusted_directories",
                    ),
                    Option(
                        "+crl",
                        "--add-crl-file",
                        "add certificate revocation list file\n(implies --enable-crl-vfy)",
                        values=("file",),
                        value_text="[f]ilename: string",
                        collects=True,
                        dest="tls.crl_files",
                    ),
                    Option(
                        "+crv",
                        "--enable-crl-vfy",
                        "enable leaf CRL verification",
                        dest="tls.crl_check",
                        const="LEAF",
                    ),
                    Option(
                        "+cra",
                        "--enable-crl-all",
                        "enable full chain CRL verification",
                        dest="tls.crl_check",
                        const="ALL",
                    ),
                ),
            ),
            Subgroup(
                "security profile:",
                (
                    Option(
                        "+pg",
                        "--profile-8996",
                        "BCP 195 RFC 8996 TLS Profile (default)",
                        dest="tls.profile",
                        const="pg",
                    ),
                    Option(
                        "+py",
                        "--profile-bcp195-nd",
                        "Non-downgrading BCP 195 TLS Profile (retired)",
                        dest="tls.profile",
                        const="py",
                    ),
                    Option(
                        "+px",
                        "--profile-bcp195",
                        "BCP 195 TLS Profile (retired)",
                        dest="tls.profile",
                        const="px",
                    ),
                    Option(
                        "+pz",
                        "--profile-bcp195-ex",
                        "Extended BCP 195 TLS Profile (retired)",
                        dest="tls.profile",
                        const="pz",
                    ),
                    Option(
                        "+pa",
                        "--profile-aes",
                        "AES TLS Secure Transport Connection Profile\n(retired)",
                        dest="tls.profile",
                        const="pa",
                    ),
                    Option(
                        "+pn",
                        "--profile-null",
                        "Authenticated unencrypted communication\n(retired, was used in IHE ATNA)",
                        dest="tls.profile",
                        const="pn",
                    ),
                ),
            ),
            Subgroup(
                "ciphersuite:",
                (
                    Option(
                        "+cc",
                        "--list-ciphers",
                        "show list of supported TLS ciphersuites and exit",
                        exclusive=True,
                    ),
                    Option(
                        "+cs",
                        "--cipher",
                        "add ciphersuite to list of negotiated suites\n(not with --profile-bcp195-ex)",
                        values=("ciphersuite",),
                        value_text="[c]iphersuite name: string",
                        collects=True,
                        dest="tls.ciphers",
                    ),
                    Option(
                        "+dp",
                        "--dhparam",
                        "read DH parameters for DH/DSS ciphersuites",
                        values=("file",),
                        value_text="[f]ilename: string",
                        dest="tls.dh_parameters",
                    ),
                ),
            ),
            Subgroup(
                "server name indication:",
                (
                    Option(None, "--no-sni", "do not use SNI (default)", dest="tls.expected_sni"),
                    Option(
                        None,
                        "--expect-sni",
                        "expect requests for server name s",
                        values=("string",),
                        value_text="[s]erver name: string",
                        dest="tls.expected_sni",
                    ),
                ),
            ),
            Subgroup(
                "pseudo random generator:",
                (
                    Option(
                        "+rs",
                        "--seed",
                        "seed random generator with contents of f",
                        values=("file",),
                        value_text="[f]ilename: string",
                        dest="tls.seed_file",
                    ),
                    Option("+ws", "--write-seed", "write back modified seed (only with --seed)"),
                    Option(
                        "+wf",
                        "--write-seed-file",
                        "write modified seed to file f",
                        values=("file",),
                        value_text="[f]ilename: string (only with --seed)",
                    ),
                ),
            ),
            Subgroup(
                "peer authentication:",
                (
                    Option(
                        "-rc",
                        "--require-peer-cert",
                        "verify peer certificate, fail if absent (default)",
                        dest="tls.peer_certificate",
                        const="REQUIRE",
                    ),
                    Option(
                        "-vc",
                        "--verify-peer-cert",
                        "verify peer certificate if present",
                        dest="tls.peer_certificate",
                        const="VERIFY",
                    ),
                    Option(
                        "-ic",
                        "--ignore-peer-cert",
                        "don't verify peer certificate",
                        dest="tls.peer_certificate",
                        const="IGNORE",
                    ),
                ),
            ),
        ),
    ),
    Group(
        "output options:",
        (
            Subgroup(
                "general:",
                (
                    Option(
                        "-od",
                        "--output-directory",
                        "write received objects to existing directory d",
                        values=("directory",),
                        value_text='[d]irectory: string (default: ".")',
                        dest="storage.directory",
                    ),
                ),
            ),
            Subgroup(
                "subdirectory generation:",
                (
                    Option(
                        "-s",
                        "--no-subdir",
                        "do not generate any subdirectories (default)",
                        dest="storage.subdirectories",
                        const="NONE",
                    ),
                    Option(
                        "+ssd",
                        "--series-date-subdir",
                        "generate subdirectories from series date",
                        dest="storage.subdirectories",
                        const="SERIES_DATE",
                    ),
                ),
            ),
            Subgroup(
                "filename generation:",
                (
                    Option(
                        "+fd",
                        "--default-filenames",
                        "generate filename from instance UID (default)",
                        dest="storage.filenames",
                        const="DEFAULT",
                    ),
                    Option(
                        "+fu",
                        "--unique-filenames",
                        "generate unique filename based on new UID",
                        dest="storage.filenames",
                        const="UNIQUE",
                    ),
                    Option(
                        "+fsu",
                        "--short-unique-names",
                        "generate short pseudo-random unique filename",
                        dest="storage.filenames",
                        const="SHORT_UNIQUE",
                    ),
                    Option(
                        "+fst",
                        "--system-time-names",
                        "generate filename from current system time",
                        dest="storage.filenames",
                        const="SYSTEM_TIME",
                    ),
                    Option(
                        "-fe",
                        "--filename-extension",
                        "append e to all generated filenames",
                        values=("string",),
                        value_text="[e]xtension: string (default: none)",
                        dest="storage.extension",
                    ),
                ),
            ),
            Subgroup(
                "storage mode:",
                (
                    Option(
                        "-B",
                        "--normal",
                        "allow implicit format conversions (default)",
                        dest="storage.mode",
                        const="NORMAL",
                    ),
                    Option(
                        "+B",
                        "--bit-preserving",
                        "write dataset exactly as received",
                        dest="storage.mode",
                        const="BIT_PRESERVING",
                    ),
                    Option(
                        None,
                        "--ignore",
                        "ignore dataset, receive but do not store it",
                        dest="storage.mode",
                        const="IGNORE",
                    ),
                ),
            ),
        ),
    ),
)
"""The options of DCMTK's dcmrecv 3.6.8."""
