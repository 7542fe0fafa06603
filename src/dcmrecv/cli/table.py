"""The option table: the one source of the parser, the help screen, the man page, completions and docs.

The reference's options stand in `dcmrecv.cli.reference_options`; here is what we add and what binds them
together.
"""

from __future__ import annotations

from dcmrecv.cli.options import Group, Option, Subgroup
from dcmrecv.cli.reference_options import REFERENCE_GROUPS

__all__ = ["ADDITIONS", "ALL_OPTIONS", "BLOCKS", "GROUPS", "REFERENCE_GROUPS"]

ADDITIONS = Group(
    "additional options (not in DCMTK):",
    (
        Subgroup(
            "internet protocol version:",
            (
                Option(
                    "-i4",
                    "--ipv4",
                    "use IPv4 only (default)",
                    dest="network.family",
                    const="IPV4",
                    env_var="DCMRECV_IPV4",
                ),
                Option(
                    "-i6",
                    "--ipv6",
                    "use IPv6 only",
                    dest="network.family",
                    const="IPV6",
                    env_var="DCMRECV_IPV6",
                ),
                Option(
                    "-i0",
                    "--ip-auto",
                    "use IPv6 and IPv4 on one socket",
                    dest="network.family",
                    const="AUTO",
                    env_var="DCMRECV_IP_AUTO",
                ),
            ),
        ),
        Subgroup(
            "security and association profiles:",
            (
                Option("+ph", "--list-profiles", "list supported TLS profiles and exit", exclusive=True),
                Option(
                    None,
                    "--accept-all",
                    "accept all storage classes and transfer syntaxes\n(not with --config-file)",
                    dest="association.accept_all",
                    const=True,
                    env_var="DCMRECV_ACCEPT_ALL",
                ),
            ),
        ),
        Subgroup(
            "serving:",
            (
                Option(
                    None,
                    "--workers",
                    "share the port among n processes",
                    values=("integer",),
                    value_text="[n]umber: integer (1..256, default: 1)",
                    dest="network.workers",
                    env_var="DCMRECV_WORKERS",
                ),
                Option(
                    None,
                    "--max-associations",
                    "let further connections wait in the listen queue",
                    values=("integer",),
                    value_text="[n]umber: integer (default: 0, no limit)",
                    dest="network.max_associations",
                    env_var="DCMRECV_MAX_ASSOCIATIONS",
                ),
                Option(
                    None,
                    "--grace",
                    "time to finish running transfers after SIGTERM",
                    values=("number",),
                    value_text="[s]econds: number (default: 10)",
                    dest="network.grace",
                    env_var="DCMRECV_GRACE",
                ),
            ),
        ),
        Subgroup(
            "storing:",
            (
                Option(
                    None,
                    "--fsync",
                    "report success only when the object is on disk",
                    dest="storage.fsync",
                    const=True,
                    env_var="DCMRECV_FSYNC",
                ),
                Option(
                    None,
                    "--min-free-space",
                    'answer "out of resources" when less would stay free',
                    values=("size",),
                    value_text="[b]ytes: integer with optional K, M, G or T",
                    dest="storage.min_free_space",
                    env_var="DCMRECV_MIN_FREE_SPACE",
                ),
                Option(
                    None,
                    "--spool",
                    "append a JSON line per stored object to files in d",
                    values=("directory",),
                    value_text="[d]irectory: string",
                    dest="storage.spool",
                    env_var="DCMRECV_SPOOL",
                ),
            ),
        ),
        Subgroup(
            "observing:",
            (
                Option(
                    None,
                    "--log-json",
                    "write log messages as JSON, one object per line",
                    dest="logging.json",
                    const=True,
                    env_var="DCMRECV_LOG_JSON",
                ),
                Option(
                    None,
                    "--metrics-port",
                    "serve Prometheus metrics and /healthz over HTTP",
                    values=("integer",),
                    value_text="[n]umber: integer (1..65535)",
                    dest="extras.metrics_port",
                    env_var="DCMRECV_METRICS_PORT",
                ),
                Option(
                    None,
                    "--metrics-address",
                    "address to serve metrics on",
                    values=("address",),
                    value_text="[a]ddress: string (default: 127.0.0.1)",
                    dest="extras.metrics_address",
                    env_var="DCMRECV_METRICS_ADDRESS",
                ),
            ),
        ),
    ),
)
"""What DCMTK does not have; each is off by default and has an environment variable, unless it only prints."""

GROUPS: tuple[Group, ...] = (*REFERENCE_GROUPS, ADDITIONS)

ALL_OPTIONS: tuple[Option, ...] = tuple(
    option for group in GROUPS for subgroup in group.subgroups for option in subgroup.options
)

BLOCKS: dict[str, tuple[str, ...]] = {
    "log level": ("--debug", "--verbose", "--quiet"),
    "AE title": ("--aetitle", "--use-called-aetitle"),
    "subdirectory": ("--no-subdir", "--series-date-subdir"),
    "file names": (
        "--default-filenames",
        "--unique-filenames",
        "--short-unique-names",
        "--system-time-names",
    ),
    "storage": ("--normal", "--bit-preserving", "--ignore"),
    "TLS": ("--disable-tls", "--enable-tls"),
    "password": ("--std-passwd", "--use-passwd", "--null-passwd"),
    "file format": ("--pem-keys", "--der-keys"),
    "CRL": ("--enable-crl-vfy", "--enable-crl-all"),
    "seed output": ("--write-seed", "--write-seed-file"),
    "peer check": ("--require-peer-cert", "--ignore-peer-cert", "--verify-peer-cert"),
    "profile": (
        "--profile-8996",
        "--profile-bcp195",
        "--profile-bcp195-nd",
        "--profile-bcp195-ex",
        "--profile-aes",
        "--profile-null",
    ),
    "address family": ("--ipv4", "--ipv6", "--ip-auto"),
}
"""Groups of which the rightmost counts, each in the order in which its members are looked up (spec/cli.md
a.6).
"""
