"""From what was typed to the values of a `Config`: exclusive blocks, dependences and conflicts, in order.

The order of checks decides which error a user sees, so it is the order of spec/cli.md 0 and d, not of the
table. What an option decides is the table's: a flag writes its `const` to its `dest`. Values are
collected here and become a `Config` in `dcmrecv.cli.build`: an error is found before anything else is loaded.
"""

from __future__ import annotations

from collections.abc import Iterable

from dcmrecv.cli import messages
from dcmrecv.cli.errors import CommandLineError
from dcmrecv.cli.numbers import parse_amount, parse_size, parse_unsigned
from dcmrecv.cli.parser import ParsedArguments, Use
from dcmrecv.cli.table import BLOCKS
from dcmrecv.text import to_bytes

__all__ = ["Settings", "evaluate", "evaluate_logging", "log_level_admits"]

_ENABLE_TLS = "--enable-tls"
_LOG_LEVELS = ("ALL", "TRACE", "DEBUG", "INFO", "WARN", "ERROR", "FATAL", "OFF")
_CUT_BITS = (1 << 32) - 1
_MAX_PORT = 65535
_MAX_WORKERS = 256
_MAX_ASSOCIATIONS = 1_000_000
_MAX_GRACE = 86_400.0


class Settings:
    """Values under the dotted names of the fields of `Config`; members of enums by name.

    Fields nothing was said about are absent. ``association.profile`` is the pair of file and profile name
    behind ``-xf``, ``tls.private_key`` is present exactly if TLS is on.
    """

    def __init__(self) -> None:
        self.fields: dict[str, object] = {}

    def put(self, dest: str | None, value: object) -> None:
        """Set field *dest*."""
        if dest is not None:
            self.fields[dest] = value

    def flag(self, use: Use) -> None:
        """Set what an option without values stands for."""
        if use.option.const is not None:
            self.put(use.option.dest, use.option.const)


def _only_with(use: Use | None, other: str, satisfied: bool) -> None:
    if use is not None and not satisfied:
        raise CommandLineError(messages.ONLY_ALLOWED_WITH.format(option=use.option.long, other=other))


def _conflict(option: str, other: str, present: bool) -> None:
    if present:
        raise CommandLineError(messages.NOT_ALLOWED_WITH.format(option=option, other=other))


def evaluate_logging(parsed: ParsedArguments) -> Settings:
    """Evaluate the logging options (spec/cli.md e); the log configuration file itself is not looked at.

    Raises `CommandLineError`.
    """
    settings = Settings()
    chosen = None
    for chosen in parsed.block(BLOCKS["log level"]):
        settings.flag(chosen)
    level = parsed.rightmost("--log-level")
    if level is not None:
        _conflict("--log-level", messages.VERBOSE_DEBUG_QUIET, chosen is not None)
        name = level.values[0]
        if not name.isascii() or name.upper() not in _LOG_LEVELS:
            raise CommandLineError(messages.INVALID_LOG_LEVEL)
        settings.put("logging.level", name.upper())
    config = parsed.rightmost("--log-config")
    if config is not None:
        _conflict("--log-config", "--log-level", level is not None)
        _conflict("--log-config", messages.VERBOSE_DEBUG_QUIET, chosen is not None)
        settings.put("logging.config_file", to_bytes(config.values[0]))
    if (contexts := parsed.rightmost("--verbose-pc")) is not None:
        settings.flag(contexts)
    json = parsed.rightmost("--log-json")
    if json is not None:
        _conflict("--log-json", "--log-config", config is not None and not json.from_environment)
        settings.put(json.option.dest, config is None)
    return settings


def log_level_admits(settings: Settings, level: str) -> bool:
    """Return whether the level chosen in *settings*, or WARN, lets messages of *level* pass."""
    chosen = settings.fields.get("logging.level", "WARN")
    return _LOG_LEVELS.index(level) >= _LOG_LEVELS.index(str(chosen))


def evaluate(parsed: ParsedArguments) -> Settings:
    """Evaluate everything but the logging options: steps 9 to 14 of spec/cli.md 0, then our additions.

    Raises `CommandLineError`.
    """
    settings = Settings()
    profile = parsed.rightmost("--config-file")
    if profile is not None:
        settings.put(profile.option.dest, profile.values)
    _association(parsed, settings)
    _output(parsed, settings)
    settings.put("network.port", _port(parsed.parameters[0]))
    _tls(parsed, settings)
    _additions(parsed, settings, profile)
    return settings


def _bytes_of(parsed: ParsedArguments, long: str, settings: Settings) -> Use | None:
    use = parsed.rightmost(long)
    if use is not None:
        settings.put(use.option.dest, to_bytes(use.values[0]))
    return use


def _association(parsed: ParsedArguments, settings: Settings) -> None:
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


def _output(parsed: ParsedArguments, settings: Settings) -> None:
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
        sentence = messages.INVALID_VALUE if text else messages.INVALID_EMPTY_VALUE
        raise CommandLineError(sentence.format(long=long, text=text))
    if value < low:
        raise CommandLineError(messages.VALUE_UNDERFLOW.format(long=long, text=text))
    if high is not None and value > high:
        raise CommandLineError(messages.VALUE_OVERFLOW.format(long=long, text=text))
    return value & _CUT_BITS


def _port(text: str) -> int:
    value = parse_unsigned(text)
    if value is None:
        raise CommandLineError(messages.INVALID_PARAMETER.format(text=text))
    if value < 1:
        raise CommandLineError(messages.PARAMETER_UNDERFLOW.format(text=text))
    if value > _MAX_PORT:
        raise CommandLineError(messages.PARAMETER_OVERFLOW.format(text=text))
    return value


def _tls(parsed: ParsedArguments, settings: Settings) -> None:
    """Evaluate the TLS options (spec/tls.md a.3): every dependence, whether TLS is on or not."""
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
                messages.ONLY_ALLOWED_WITH.format(option="--profile-basic", other=_ENABLE_TLS)
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
    if parsed.rightmost("--cipher") is not None:
        _conflict("--cipher", "--profile-bcp195-ex", settings.fields.get("tls.profile") == "pz")
    if enable is not None:
        settings.put("tls.private_key", to_bytes(enable.values[0]))
        settings.put("tls.certificate", to_bytes(enable.values[1]))


def _null_password(use: Use) -> bytes | None:
    return to_bytes(use.option.const) if isinstance(use.option.const, str) else None


def _tls_flags(uses: Iterable[Use], settings: Settings, on: bool) -> None:
    for use in uses:
        _only_with(use, _ENABLE_TLS, on)
        settings.flag(use)


def _additions(parsed: ParsedArguments, settings: Settings, profile: Use | None) -> None:
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
        raise CommandLineError(messages.INVALID_EMPTY_VALUE.format(long=use.option.long))


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
        sentence = messages.INVALID_VALUE if text else messages.INVALID_EMPTY_VALUE
        raise CommandLineError(sentence.format(long=long, text=text))
    if value < low:
        raise CommandLineError(messages.VALUE_UNDERFLOW.format(long=long, text=text))
    if high is not None and value > high:
        raise CommandLineError(messages.VALUE_OVERFLOW.format(long=long, text=text))
    return value
