"""From what was typed to a `Config`: values, exclusive blocks, dependences and conflicts.

The order of checks decides which error a user sees, so it is the order of spec/cli.md 0 and d, not of the
table. What an option decides is the table's: a flag writes its `const` to its `dest`, `_Settings` turns
names into enums.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dcmrecv.cli import sentences
from dcmrecv.cli.errors import CommandLineError
from dcmrecv.cli.numbers import parse_amount, parse_size, parse_unsigned
from dcmrecv.cli.table import BLOCKS
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
from dcmrecv.text import to_bytes

if TYPE_CHECKING:
    from collections.abc import Iterable

    from dcmrecv.cli.parser import ParsedArguments, Use

__all__ = ["ProfileChoice", "evaluate", "logging_config"]

_ENUMS: dict[str, Any] = {
    "network.family": AddressFamily,
    "logging.level": LogLevel,
    "storage.subdirectories": SubdirectoryMode,
    "storage.filenames": FilenameMode,
    "storage.mode": StorageMode,
    "tls.key_format": KeyFormat,
    "tls.crl_check": CrlCheck,
    "tls.peer_certificate": PeerCertificate,
}
_ENABLE_TLS = "--enable-tls"
_CUT_BITS = (1 << 32) - 1
_MAX_PORT = 65535
_MAX_WORKERS = 256
_MAX_ASSOCIATIONS = 1_000_000
_MAX_GRACE = 86_400.0

ProfileChoice = tuple[str, str]
"""File and profile name behind ``-xf``, as typed."""


class _Settings:
    """Collects fields of the configuration under their dotted names."""

    def __init__(self) -> None:
        self._fields: dict[str, object] = {}

    def put(self, dest: str | None, value: object) -> None:
        if dest is not None:
            self._fields[dest] = value

    def flag(self, use: Use) -> None:
        """Write what an option without values stands for."""
        dest, const = use.option.dest, use.option.const
        if dest is not None and const is not None:
            enum = _ENUMS.get(dest)
            self._fields[dest] = const if enum is None else enum[const]

    def section(self, name: str) -> dict[str, Any]:
        prefix = name + "."
        return {dest[len(prefix) :]: value for dest, value in self._fields.items() if dest.startswith(prefix)}


def _only_with(use: Use | None, other: str, satisfied: bool) -> None:
    if use is not None and not satisfied:
        raise CommandLineError(sentences.ONLY_ALLOWED_WITH.format(option=use.option.long, other=other))


def _conflict(option: str, other: str, present: bool) -> None:
    if present:
        raise CommandLineError(sentences.NOT_ALLOWED_WITH.format(option=option, other=other))


def logging_config(parsed: ParsedArguments) -> LoggingConfig:
    """Evaluate the logging options (spec/cli.md e); the log configuration file itself is not looked at.

    Raises `CommandLineError`.
    """
    settings = _Settings()
    chosen = None
    for chosen in parsed.block(BLOCKS["log level"]):
        settings.flag(chosen)
    level = parsed.rightmost("--log-level")
    if level is not None:
        _conflict("--log-level", sentences.VERBOSE_DEBUG_QUIET, chosen is not None)
        name = level.values[0]
        if not name.isascii() or name.upper() not in LogLevel.__members__:
            raise CommandLineError(sentences.INVALID_LOG_LEVEL)
        settings.put("logging.level", LogLevel[name.upper()])
    config = parsed.rightmost("--log-config")
    if config is not None:
        _conflict("--log-config", "--log-level", level is not None)
        _conflict("--log-config", sentences.VERBOSE_DEBUG_QUIET, chosen is not None)
        settings.put("logging.config_file", to_bytes(config.values[0]))
    if parsed.rightmost("--verbose-pc") is not None:
        settings.put("logging.verbose_pc", True)
    json = parsed.rightmost("--log-json")
    if json is not None:
        _conflict("--log-json", "--log-config", config is not None and not json.from_environment)
        settings.put("logging.json", config is None)
    return LoggingConfig(**settings.section("logging"))


def evaluate(parsed: ParsedArguments, logging: LoggingConfig) -> tuple[Config, ProfileChoice | None]:
    """Evaluate everything but the logging options: steps 9 to 14 of spec/cli.md 0, then our additions.

    The profile of the configuration returned is the default; the file and the name behind ``-xf`` are
    returned beside it, unread. Raises `CommandLineError`.
    """
    settings = _Settings()
    profile = parsed.rightmost("--config-file")
    _association(parsed, settings)
    _output(parsed, settings)
    settings.put("network.port", _port(parsed.parameters[0]))
    tls = _tls(parsed)
    _additions(parsed, settings, profile)
    config = Config(
        association=AssociationConfig(**settings.section("association")),
        network=NetworkConfig(**settings.section("network")),
        storage=StorageConfig(**settings.section("storage")),
        tls=tls,
        logging=logging,
        extras=ExtrasConfig(**settings.section("extras")),
    )
    return config, None if profile is None else (profile.values[0], profile.values[1])


def _bytes_of(parsed: ParsedArguments, long: str, settings: _Settings) -> Use | None:
    use = parsed.rightmost(long)
    if use is not None:
        settings.put(use.option.dest, to_bytes(use.values[0]))
    return use


def _association(parsed: ParsedArguments, settings: _Settings) -> None:
    for use in parsed.block(BLOCKS["AE title"]):
        settings.put(use.option.dest, to_bytes(use.values[0]) if use.values else None)
    for long, low, high in (
        ("--acse-timeout", 1, None),
        ("--dimse-timeout", 1, None),
        ("--max-pdu", 4096, 131072),
    ):
        found = parsed.rightmost(long)
        if found is not None:
            settings.put(found.option.dest, _unsigned(found, low, high))
    if (lookup := parsed.rightmost("--disable-host-lookup")) is not None:
        settings.flag(lookup)


def _output(parsed: ParsedArguments, settings: _Settings) -> None:
    _bytes_of(parsed, "--output-directory", settings)
    dated = False
    for use in parsed.block(BLOCKS["subdirectory"]):
        settings.flag(use)
        dated = use.option.long == "--series-date-subdir"
    for use in parsed.block(BLOCKS["file names"]):
        settings.flag(use)
    _bytes_of(parsed, "--filename-extension", settings)
    for use in parsed.block(BLOCKS["storage"]):
        if use.option.long == "--bit-preserving":
            _conflict("--bit-preserving", "--series-date-subdir", dated)
        settings.flag(use)


def _unsigned(use: Use, low: int, high: int | None) -> int:
    """Return the value of a numeric option of the reference (spec/cli.md c)."""
    long, text = use.option.long, use.values[0]
    value = parse_unsigned(text)
    if value is None or text.lstrip(" ").startswith("-"):
        sentence = sentences.INVALID_VALUE if text else sentences.INVALID_EMPTY_VALUE
        raise CommandLineError(sentence.format(long=long, text=text))
    if value < low:
        raise CommandLineError(sentences.VALUE_UNDERFLOW.format(long=long, text=text))
    if high is not None and value > high:
        raise CommandLineError(sentences.VALUE_OVERFLOW.format(long=long, text=text))
    return value & _CUT_BITS


def _port(text: str) -> int:
    value = parse_unsigned(text)
    if value is None:
        raise CommandLineError(sentences.INVALID_PARAMETER.format(text=text))
    if value < 1:
        raise CommandLineError(sentences.PARAMETER_UNDERFLOW.format(text=text))
    if value > _MAX_PORT:
        raise CommandLineError(sentences.PARAMETER_OVERFLOW.format(text=text))
    return value


def _tls(parsed: ParsedArguments) -> TlsConfig | None:
    """Evaluate the TLS options (spec/tls.md a.3): every dependence, whether TLS is on or not."""
    settings = _Settings()
    enable: Use | None = None
    for use in parsed.block(BLOCKS["TLS"]):
        enable = use if use.option.long == _ENABLE_TLS else None
    on = enable is not None

    for use in parsed.block(BLOCKS["password"]):
        _only_with(use, _ENABLE_TLS, on)
        settings.put(use.option.dest, to_bytes(use.values[0]) if use.values else _null_password(use))
    for name in ("file format", "CRL"):
        _tls_flags(parsed.block(BLOCKS[name]), settings, on)
    _only_with(_bytes_of(parsed, "--dhparam", settings), _ENABLE_TLS, on)
    server_name = parsed.rightmost("--expect-sni")
    if server_name is not None:
        _conflict("--no-sni", "--expect-sni", parsed.rightmost("--no-sni") is not None)
        settings.put(server_name.option.dest, server_name.values[0])
    seed = _bytes_of(parsed, "--seed", settings)
    _only_with(seed, _ENABLE_TLS, on)
    for use in parsed.block(BLOCKS["seed output"]):
        _only_with(use, _ENABLE_TLS, on)
        _only_with(use, "--seed", seed is not None)
    _tls_flags(parsed.block(BLOCKS["peer check"]), settings, on)
    for use in parsed.block(BLOCKS["profile"]):
        if use.option.long == "--profile-aes" and not on:
            # The reference names the wrong option here (spec/cli.md d, row 19).
            raise CommandLineError(
                sentences.ONLY_ALLOWED_WITH.format(option="--profile-basic", other=_ENABLE_TLS)
            )
        _only_with(use, _ENABLE_TLS, on)
        settings.flag(use)
    for long in ("--add-cert-file", "--add-cert-dir", "--add-crl-file", "--cipher"):
        uses = parsed.all_from_right(long)
        if uses:
            _only_with(uses[0], _ENABLE_TLS, on)
            values = tuple(use.values[0] for use in reversed(uses))
            settings.put(
                uses[0].option.dest,
                values if long == "--cipher" else tuple(to_bytes(value) for value in values),
            )
    fields = settings.section("tls")
    if "ciphers" in fields:
        _conflict("--cipher", "--profile-bcp195-ex", fields.get("profile") == "pz")
    if enable is None:
        return None
    return TlsConfig(private_key=to_bytes(enable.values[0]), certificate=to_bytes(enable.values[1]), **fields)


def _null_password(use: Use) -> bytes | None:
    return to_bytes(use.option.const) if isinstance(use.option.const, str) else None


def _tls_flags(uses: Iterable[Use], settings: _Settings, on: bool) -> None:
    for use in uses:
        _only_with(use, _ENABLE_TLS, on)
        settings.flag(use)


def _additions(parsed: ParsedArguments, settings: _Settings, profile: Use | None) -> None:
    """Evaluate the options the reference does not have, after everything it would complain about."""
    for use in parsed.block(BLOCKS["address family"]):
        settings.flag(use)
    if (accept := parsed.rightmost("--accept-all")) is not None:
        _conflict("--accept-all", "--config-file", profile is not None and not accept.from_environment)
        settings.put(accept.option.dest, profile is None)
    if (sync := parsed.rightmost("--fsync")) is not None:
        settings.flag(sync)
    for long, low, high in (
        ("--workers", 1, _MAX_WORKERS),
        ("--max-associations", 0, _MAX_ASSOCIATIONS),
        ("--grace", 0, _MAX_GRACE),
        ("--min-free-space", 0, None),
        ("--metrics-port", 1, _MAX_PORT),
    ):
        if (numeric := parsed.rightmost(long)) is not None:
            settings.put(numeric.option.dest, _strict_number(numeric, low, high))
    if (spool := parsed.rightmost("--spool")) is not None:
        _not_empty(spool)
        settings.put(spool.option.dest, to_bytes(spool.values[0]))
    if (address := parsed.rightmost("--metrics-address")) is not None:
        _not_empty(address)
        _only_with(
            None if address.from_environment else address,
            "--metrics-port",
            parsed.rightmost("--metrics-port") is not None,
        )
        settings.put(address.option.dest, address.values[0])


def _not_empty(use: Use) -> None:
    if not use.values[0]:
        raise CommandLineError(sentences.INVALID_EMPTY_VALUE.format(long=use.option.long))


def _strict_number(use: Use, low: float, high: float | None) -> int | float:
    """Return the value of a numeric addition; unlike the reference's, it must be nothing but a number."""
    long, text = use.option.long, use.values[0]
    kind = use.option.values[0]
    value: int | float | None
    if kind == "size":
        value = parse_size(text)
    elif kind == "number":
        value = parse_amount(text)
    else:
        amount = parse_amount(text)
        value = int(amount) if amount is not None and "." not in text else None
    if value is None:
        sentence = sentences.INVALID_VALUE if text else sentences.INVALID_EMPTY_VALUE
        raise CommandLineError(sentence.format(long=long, text=text))
    if value < low:
        raise CommandLineError(sentences.VALUE_UNDERFLOW.format(long=long, text=text))
    if high is not None and value > high:
        raise CommandLineError(sentences.VALUE_OVERFLOW.format(long=long, text=text))
    return value
