"""The options that the reference does not have; ``CONTRIBUTING.md`` says how to add another one.

An `Addition` is a long option, off by default, with an environment variable. Its lines on the help screen end at
column 80: a text has 47 characters a line.
"""

from __future__ import annotations

from dcmrecv.options.option import Addition, Group, Subgroup, one_of
from dcmrecv.options.reference import ONLY_WITH_TLS, TLS_PROFILE

__all__ = ["ADDITIONS", "OTHER_VERSIONS"]

# A table: an option takes as few lines as it can.
# fmt: off

ADDITIONS = Group(
    "additional options (not in DCMTK):",
    Subgroup(
        "association profiles:",
        Addition("--accept-all", "accept all storage classes and transfer\nsyntaxes (not with --config-file)",
                 sets="association.accept_all", not_with=("--config-file",)),
    ),
    Subgroup(
        "who is served:",
        Addition("--listen", "listen on this address alone; may be repeated", "[a]ddress: string",
                 "address", "network.listen", collects=True, not_with=("--ipv4", "--ipv6", "--ip-auto")),
        Addition("--allow-calling", "accept this calling AE title alone; may be\nrepeated",
                 "[t]itle: string", "title", "association.allow_calling", collects=True),
        Addition("--allow-calling-file", "accept the titles in f, one a line", "[f]ilename: string",
                 "file", "association.allow_calling_file"),
        Addition("--allow-host", "serve this address or network alone; may be\nrepeated",
                 "[a]ddress[/bits]: string", "network", "network.allow_hosts", collects=True),
        Addition("--allow-host-file", "serve the addresses in f, one a line", "[f]ilename: string",
                 "file", "network.allow_host_file"),
        Addition("--max-associations-per-host", "refuse more associations of one address",
                 "[n]umber: integer (default: {default}, no limit)", "integer",
                 "network.max_associations_per_host", default=0, low=0, high=1_000_000),
        Addition("--proxy-protocol", "expect a PROXY protocol header from the load\nbalancers there; may be repeated",
                 "[a]ddress[/bits]: string", "network", "network.proxy_protocol", collects=True),
    ),
    Subgroup(
        "serving:",
        Addition("--workers", "share the port among n processes",
                 "[n]umber: integer ({low}..{high}, default: {default})", "integer", "network.workers",
                 default=1, low=1, high=256),
        Addition("--max-associations", "let further connections wait in the listen\nqueue",
                 "[n]umber: integer (default: {default}, no limit)", "integer", "network.max_associations",
                 default=0, low=0, high=1_000_000),
        Addition("--reload", "on SIGHUP read profile, lists, certificates,\nkeys and CRLs again",
                 sets="network.reload"),
        Addition("--grace", "time to finish running transfers after SIGTERM",
                 "[s]econds: number (default: {default})", "number", "network.grace", default=10, low=0,
                 high=86_400),
    ),
    Subgroup(
        "storing:",
        Addition("--fsync", "report success only when the object is on disk", sets="storage.fsync"),
        Addition("--min-free-space", 'answer "out of resources" when less would stay\nfree',
                 "[b]ytes: integer with optional K, M, G or T", "size", "storage.min_free_space", default=0,
                 low=0),
        Addition("--max-nesting", "refuse data sets with more sequences in each\nother",
                 "[n]umber: integer ({low}..{high}, default: {default})", "integer", "storage.max_nesting",
                 default=64, low=1, high=131_072),
        Addition("--spool", "append a JSON line per stored object to files\nin d", "[d]irectory: string",
                 "directory", "storage.spool"),
        Addition("--spool-sha256", "say the SHA-256 of each file in its line", sets="storage.spool_sha256",
                 needs=("--spool",)),
    ),
    Subgroup(
        "observing:",
        Addition("--log-json", "write log messages as JSON, one object per line", sets="logging.json",
                 not_with=("--log-config",)),
        Addition("--metrics-port", "serve Prometheus metrics and /healthz over HTTP",
                 "[n]umber: integer ({low}..{high})", "integer", "extras.metrics_port", low=1, high=65535),
        Addition("--metrics-address", "address to serve metrics on", "[a]ddress: string (default: {default})",
                 "address", "extras.metrics_address", default="127.0.0.1", needs=("--metrics-port",)),
        Addition("--metrics-no-identifiers", "show no titles, peers and UIDs there",
                 sets="extras.metrics_no_identifiers", needs=("--metrics-port",)),
    ),
)
"""What no DCMTK has."""

OTHER_VERSIONS = Group(
    "options of other versions of DCMTK:",
    Subgroup(
        "internet protocol version:",
        *one_of(
            "address family", "network.family",
            ("-i4 --ipv4", "use IPv4 only (default)", "IPV4"),
            ("-i6 --ipv6", "use IPv6 only", "IPV6"),
            ("-i0 --ip-auto", "use IPv6 and IPv4 on one socket", "AUTO"),
            make=Addition,
        ),
    ),
    Subgroup(
        "security profile:",
        Addition("+ph --list-profiles", "list supported TLS profiles and exit", exclusive=True),
        *one_of(
            TLS_PROFILE, "tls.profile",
            ("+pm --profile-8996-mod", "Modified BCP 195 RFC 8996 TLS Profile", "pm"),
            ("+pb --profile-basic", "Basic TLS Secure Transport Connection Profile\n(retired)", "pb"),
            needs=ONLY_WITH_TLS,
        ),
    ),
)
"""What 3.6.8 has not, or not in every build, and an earlier or a later DCMTK has."""
