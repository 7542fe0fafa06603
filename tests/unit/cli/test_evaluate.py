"""What options mean, and what they may not be combined with (spec/cli.md d, e)."""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from dcmrecv import config as settings
from dcmrecv.cli.environment import environment_uses
from dcmrecv.cli.errors import CommandLineError
from dcmrecv.cli.evaluate import LOGGING, REST, evaluate, level_admits
from dcmrecv.cli.scan import scan
from dcmrecv.config import Config
from dcmrecv.options import ALL_OPTIONS, BY_NAME, VERBOSE_MODE, Addition, Option


def configure(*arguments: str, port: str = "104", **environment: str) -> Config:
    parsed = scan([port, *arguments])
    parsed.precede(environment_uses(environment))
    fields = evaluate(parsed, LOGGING, {})
    fields.update(evaluate(parsed, REST, {VERBOSE_MODE: level_admits(fields, "INFO")}))
    return Config.from_fields(fields)


def refused(*arguments: str, **environment: str) -> str:
    with pytest.raises(CommandLineError) as caught:
        configure(*arguments, **environment)
    return caught.value.text


def field(config: Config, dotted: str) -> object:
    value: object = config
    for name in dotted.split("."):
        value = getattr(value, name)
    return value


TLS = ("+tls", "key", "cert")
EXERCISED: dict[str, list[tuple[tuple[str, ...], str, object]]] = {
    "--quiet": [(("-q",), "logging.level", settings.LogLevel.FATAL)],
    "--verbose": [(("-v",), "logging.level", settings.LogLevel.INFO)],
    "--debug": [(("-d",), "logging.level", settings.LogLevel.DEBUG)],
    "--log-level": [(("-ll", "Trace"), "logging.level", settings.LogLevel.TRACE)],
    "--log-config": [(("-lc", "f"), "logging.config_file", b"f")],
    "--verbose-pc": [(("-v", "+v"), "logging.verbose_pc", True)],
    "--use-called-aetitle": [(("-aet", "A", "-uca"), "association.ae_title", None)],
    "--config-file": [
        (("-xf", "a", "b", "-xf", "", "c"), "association.profile_file", b""),
        (("-xf", "a", "b", "-xf", "", "c"), "association.profile_name", "c"),
    ],
    "--aetitle": [(("-uca", "-aet", "A"), "association.ae_title", b"A")],
    "--acse-timeout": [(("-ta", "5"), "association.acse_timeout", 5)],
    "--dimse-timeout": [
        ((), "association.dimse_timeout", None),
        (("-td", "4294967296"), "association.dimse_timeout", 0),
    ],
    "--max-pdu": [(("-pdu", "4096"), "association.max_pdu", 4096)],
    "--disable-host-lookup": [(("-dhl",), "network.hostname_lookup", False)],
    "--disable-tls": [((*TLS, "-tls"), "tls", None)],
    "--enable-tls": [(TLS, "tls.private_key", b"key"), (TLS, "tls.certificate", b"cert")],
    "--std-passwd": [((*TLS, "+pw", "x", "+ps"), "tls.password", None)],
    "--use-passwd": [((*TLS, "+pw", "x"), "tls.password", b"x")],
    "--null-passwd": [((*TLS, "-pw"), "tls.password", b"")],
    "--pem-keys": [((*TLS, "-der", "-pem"), "tls.key_format", settings.KeyFormat.PEM)],
    "--der-keys": [((*TLS, "-der"), "tls.key_format", settings.KeyFormat.DER)],
    "--add-cert-file": [((*TLS, "+cf", "a", "+cf", "b"), "tls.trusted_files", (b"a", b"b"))],
    "--add-cert-dir": [((*TLS, "+cd", "a", "+cd", "b"), "tls.trusted_directories", (b"a", b"b"))],
    "--add-crl-file": [((*TLS, "+crl", "a"), "tls.crl_files", (b"a",))],
    "--enable-crl-vfy": [((*TLS, "+crv"), "tls.crl_check", settings.CrlCheck.LEAF)],
    "--enable-crl-all": [((*TLS, "+cra"), "tls.crl_check", settings.CrlCheck.ALL)],
    "--profile-8996": [((*TLS, "+pn", "+pg"), "tls.profile", "pg")],
    "--profile-8996-mod": [((*TLS, "+pm"), "tls.profile", "pm")],
    "--profile-basic": [((*TLS, "+pb"), "tls.profile", "pb")],
    "--profile-bcp195": [((*TLS, "+px"), "tls.profile", "px")],
    "--profile-bcp195-nd": [((*TLS, "+py"), "tls.profile", "py")],
    "--profile-bcp195-ex": [((*TLS, "+pz"), "tls.profile", "pz")],
    "--profile-aes": [((*TLS, "+pa"), "tls.profile", "pa")],
    "--profile-null": [((*TLS, "+pn"), "tls.profile", "pn")],
    "--cipher": [((*TLS, "+cs", "a", "+cs", "b"), "tls.ciphers", ("a", "b"))],
    "--dhparam": [((*TLS, "+dp", "f"), "tls.dh_parameters", b"f")],
    "--no-sni": [((*TLS, "--no-sni"), "tls.expected_sni", None)],
    "--expect-sni": [((*TLS, "--expect-sni", "n"), "tls.expected_sni", "n")],
    "--seed": [((*TLS, "+rs", "f"), "tls.seed_file", b"f")],
    "--write-seed": [((*TLS, "+rs", "f", "+ws"), "tls.seed_file", b"f")],
    "--write-seed-file": [((*TLS, "+rs", "f", "+wf", "g"), "tls.seed_file", b"f")],
    "--require-peer-cert": [((*TLS, "-ic", "-rc"), "tls.peer_certificate", settings.PeerCertificate.REQUIRE)],
    "--verify-peer-cert": [((*TLS, "-vc"), "tls.peer_certificate", settings.PeerCertificate.VERIFY)],
    "--ignore-peer-cert": [((*TLS, "-ic"), "tls.peer_certificate", settings.PeerCertificate.IGNORE)],
    "--output-directory": [(("-od", "d"), "storage.directory", b"d")],
    "--no-subdir": [(("+ssd", "-s"), "storage.subdirectories", settings.SubdirectoryMode.NONE)],
    "--series-date-subdir": [(("+ssd",), "storage.subdirectories", settings.SubdirectoryMode.SERIES_DATE)],
    "--default-filenames": [(("+fu", "+fd"), "storage.filenames", settings.FilenameMode.DEFAULT)],
    "--unique-filenames": [(("+fu",), "storage.filenames", settings.FilenameMode.UNIQUE)],
    "--short-unique-names": [(("+fsu",), "storage.filenames", settings.FilenameMode.SHORT_UNIQUE)],
    "--system-time-names": [(("+fst",), "storage.filenames", settings.FilenameMode.SYSTEM_TIME)],
    "--filename-extension": [(("-fe", ".dcm"), "storage.extension", b".dcm")],
    "--normal": [(("+B", "-B"), "storage.mode", settings.StorageMode.NORMAL)],
    "--bit-preserving": [(("+B",), "storage.mode", settings.StorageMode.BIT_PRESERVING)],
    "--ignore": [(("--ignore",), "storage.mode", settings.StorageMode.IGNORE)],
    "--ipv4": [(("-i6", "-i4"), "network.family", settings.AddressFamily.IPV4)],
    "--ipv6": [(("-i6",), "network.family", settings.AddressFamily.IPV6)],
    "--ip-auto": [(("-i0",), "network.family", settings.AddressFamily.AUTO)],
    "--accept-all": [(("--accept-all",), "association.accept_all", True)],
    "--workers": [(("--workers", "4"), "network.workers", 4)],
    "--max-nesting": [(("--max-nesting", "8"), "storage.max_nesting", 8)],
    "--reload": [(("--reload",), "network.reload", True)],
    "--proxy-protocol": [(("--proxy-protocol", "::1"), "network.proxy_protocol", ("::1",))],
    "--listen": [(("--listen", "::1", "--listen", "a"), "network.listen", ("::1", "a"))],
    "--allow-calling": [
        (("--allow-calling", "A", "--allow-calling", "B C"), "association.allow_calling", (b"A", b"B C"))
    ],
    "--allow-calling-file": [(("--allow-calling-file", "f"), "association.allow_calling_file", b"f")],
    "--allow-host": [
        (("--allow-host", "::1", "--allow-host", "10.0.0.0/8"), "network.allow_hosts", ("::1", "10.0.0.0/8"))
    ],
    "--allow-host-file": [(("--allow-host-file", "f"), "network.allow_host_file", b"f")],
    "--max-associations-per-host": [
        (("--max-associations-per-host", "4"), "network.max_associations_per_host", 4)
    ],
    "--max-associations": [(("--max-associations", "0"), "network.max_associations", 0)],
    "--grace": [(("--grace", "2.5"), "network.grace", 2.5)],
    "--fsync": [(("--fsync",), "storage.fsync", True)],
    "--min-free-space": [(("--min-free-space", "2G"), "storage.min_free_space", 2 << 30)],
    "--spool": [(("--spool", "d"), "storage.spool", b"d")],
    "--spool-sha256": [(("--spool", "d", "--spool-sha256"), "storage.spool_sha256", True)],
    "--log-json": [(("--log-json",), "logging.json", True)],
    "--metrics-port": [(("--metrics-port", "9104"), "extras.metrics_port", 9104)],
    "--metrics-address": [
        (("--metrics-port", "9104", "--metrics-address", "::1"), "extras.metrics_address", "::1")
    ],
    "--metrics-no-identifiers": [
        (("--metrics-port", "9104", "--metrics-no-identifiers"), "extras.metrics_no_identifiers", True)
    ],
}
ELSEWHERE = {"--help", "--version", "--arguments", "--list-ciphers", "--list-profiles"}
"""Options that fill no field of `Config` here; tests/golden/cli and test_program.py exercise them."""


def test_every_option_is_exercised() -> None:
    assert EXERCISED.keys() | ELSEWHERE == {option.long for option in ALL_OPTIONS}


@pytest.mark.parametrize("long", EXERCISED)
def test_option(long: str) -> None:
    option = next(option for option in ALL_OPTIONS if option.long == long)
    for arguments, dotted, value in EXERCISED[long]:
        assert not arguments or set(arguments) & set(option.names)
        assert field(configure(*arguments), dotted) == value


def test_every_option_sets_fields_of_the_configuration() -> None:
    with_tls = configure(*TLS)
    for option in ALL_OPTIONS:
        for dotted in option.sets:
            field(with_tls, dotted)
        assert not option.sets or len(option.sets) == max(1, len(option.kinds))


def test_what_the_help_screen_calls_the_default_is_the_default() -> None:
    with_tls = configure(*TLS)
    for option in ALL_OPTIONS:
        if option.default is not None:
            default = field(with_tls, option.sets[0])
            assert str(option.default).encode() in (default, str(default).removesuffix(".0").encode())
        elif option.text.endswith("(default)") and option.sets:
            default = field(with_tls, option.sets[0])
            assert option.const == getattr(default, "name", default)


def test_every_option_is_looked_at_once_and_blocks_stand_together() -> None:
    looked_at = [*LOGGING, *REST]
    silent = {option.long for option in ALL_OPTIONS if option.exclusive} | {"--arguments"}
    assert sorted(looked_at) == sorted({option.long for option in ALL_OPTIONS} - silent | {"port"})
    blocks = [BY_NAME[name].block for name in looked_at if BY_NAME[name].block]
    changes = [block for block, before in zip(blocks, ["", *blocks], strict=False) if block != before]
    assert len(changes) == len(set(changes))


def test_what_an_option_needs_or_excludes_exists() -> None:
    known = BY_NAME.keys() | {option.block for option in ALL_OPTIONS} | {VERBOSE_MODE}
    for option in ALL_OPTIONS:
        assert known.issuperset((*option.needs, *option.not_with))


def test_nothing_given_is_the_default_configuration() -> None:
    expected = Config(network=settings.NetworkConfig(port=104))
    assert dataclasses.asdict(configure()) == dataclasses.asdict(expected)


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ("-ll warn -v", "--log-level not allowed with --verbose, --debug or --quiet"),
        ("-ll warning", "Invalid log level for --log-level option"),
        ("-lc f -ll warn", "--log-config not allowed with --log-level"),
        ("-lc f -q", "--log-config not allowed with --verbose, --debug or --quiet"),
        ("+v", "--verbose-pc only allowed with verbose mode"),
        ("+ssd +B", "--bit-preserving not allowed with --series-date-subdir"),
        ("+ssd +B --ignore", "--bit-preserving not allowed with --series-date-subdir"),
        ("+ps", "--std-passwd only allowed with --enable-tls"),
        ("+tls k c -tls +pw x", "--use-passwd only allowed with --enable-tls"),
        ("-pw", "--null-passwd only allowed with --enable-tls"),
        ("-der -pem", "--pem-keys only allowed with --enable-tls"),
        ("-der", "--der-keys only allowed with --enable-tls"),
        ("+crv", "--enable-crl-vfy only allowed with --enable-tls"),
        ("+cra", "--enable-crl-all only allowed with --enable-tls"),
        ("+dp f", "--dhparam only allowed with --enable-tls"),
        ("--expect-sni n --no-sni", "--no-sni not allowed with --expect-sni"),
        ("+rs f", "--seed only allowed with --enable-tls"),
        ("+ws", "--write-seed only allowed with --enable-tls"),
        ("+tls k c +ws", "--write-seed only allowed with --seed"),
        ("+tls k c +wf f", "--write-seed-file only allowed with --seed"),
        ("-vc -ic", "--ignore-peer-cert only allowed with --enable-tls"),
        ("-rc", "--require-peer-cert only allowed with --enable-tls"),
        ("+pg", "--profile-8996 only allowed with --enable-tls"),
        ("+pa", "--profile-basic only allowed with --enable-tls"),
        ("+pn", "--profile-null only allowed with --enable-tls"),
        ("+cf f", "--add-cert-file only allowed with --enable-tls"),
        ("+cd d", "--add-cert-dir only allowed with --enable-tls"),
        ("+crl f", "--add-crl-file only allowed with --enable-tls"),
        ("+cs s", "--cipher only allowed with --enable-tls"),
        ("+tls k c +pz +cs s", "--cipher not allowed with --profile-bcp195-ex"),
        ("-ta abc -td abc", "Invalid value for option --acse-timeout (abc)"),
        ("-pdu 4095", "Invalid value for option --max-pdu (underflow: 4095)"),
        ("-pdu 131073", "Invalid value for option --max-pdu (overflow: 131073)"),
        ("-td -1", "Invalid value for option --dimse-timeout (-1)"),
        ("--accept-all -xf f p", "--accept-all not allowed with --config-file"),
        ("--log-json -lc f", "--log-json not allowed with --log-config"),
        ("--metrics-address ::1", "--metrics-address only allowed with --metrics-port"),
        ("--workers 0", "Invalid value for option --workers (underflow: 0)"),
        ("--workers 257", "Invalid value for option --workers (overflow: 257)"),
        ("--workers 2x", "Invalid value for option --workers (2x)"),
        ("--workers 2.0", "Invalid value for option --workers (2.0)"),
        ("--grace -1", "Invalid value for option --grace (-1)"),
        ("--min-free-space 1X", "Invalid value for option --min-free-space (1X)"),
        ("--metrics-port 65536", "Invalid value for option --metrics-port (overflow: 65536)"),
    ],
)
def test_refused(arguments: str, text: str) -> None:
    assert refused(*arguments.split()) == text


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (("-ta", ""), "Invalid value for option --acse-timeout"),
        (("-ta", " -5"), "Invalid value for option --acse-timeout ( -5)"),
        (("--spool", ""), "Invalid value for option --spool"),
        (("--grace", ""), "Invalid value for option --grace"),
    ],
)
def test_refused_for_empty_or_blank_values(arguments: tuple[str, ...], text: str) -> None:
    assert refused(*arguments) == text


@pytest.mark.parametrize(
    "arguments",
    [
        "+ssd +B -B",
        "+ssd -s +B",
        "-aet A -uca",
        "-q -v -d",
        "--ignore +B",
        "--expect-sni n",
        "-ta abc -ta 5",
        "-td \t-5",
    ],
)
def test_accepted(arguments: str) -> None:
    configure(*arguments.split(" "))


@pytest.mark.parametrize(
    ("port", "text"),
    [
        ("abc", "Invalid parameter value abc"),
        ("", "Invalid parameter value "),
        ("0", "Invalid parameter value 0 (underflow)"),
        ("65536", "Invalid parameter value 65536 (overflow)"),
        ("-5", "Invalid parameter value -5 (overflow)"),
    ],
)
def test_bad_ports(port: str, text: str) -> None:
    with pytest.raises(CommandLineError) as caught:
        configure(port=port)
    assert caught.value.text == text


def test_the_environment_gives_way_to_the_command_line() -> None:
    both = configure("-i4", "--workers", "2", DCMRECV_IPV6="1", DCMRECV_WORKERS="8", DCMRECV_FSYNC="1")
    assert both.network.family is settings.AddressFamily.IPV4
    assert both.network.workers == 2
    assert both.storage.fsync
    assert not configure("-xf", "f", "p", DCMRECV_ACCEPT_ALL="1").association.accept_all
    assert not configure("-lc", "f", DCMRECV_LOG_JSON="1").logging.json


@pytest.mark.parametrize(
    ("variable", "value", "text"),
    [
        ("DCMRECV_WORKERS", "many", "Invalid value for environment variable DCMRECV_WORKERS (many)"),
        ("DCMRECV_WORKERS", "", "Invalid value for environment variable DCMRECV_WORKERS"),
        ("DCMRECV_WORKERS", "0", "Invalid value for environment variable DCMRECV_WORKERS (underflow: 0)"),
        ("DCMRECV_METRICS_PORT", "-1", "Invalid value for environment variable DCMRECV_METRICS_PORT (-1)"),
        ("DCMRECV_SPOOL", "", "Invalid value for environment variable DCMRECV_SPOOL"),
    ],
)
def test_an_error_in_the_environment_names_the_variable(variable: str, value: str, text: str) -> None:
    assert refused(**{variable: value}) == text


def test_what_does_not_go_together_with_the_command_line_gives_way_in_the_environment() -> None:
    assert configure(DCMRECV_METRICS_ADDRESS="::1").extras.metrics_address == "127.0.0.1"
    with_port = configure("--metrics-port", "9104", DCMRECV_METRICS_ADDRESS="::1")
    assert with_port.extras.metrics_address == "::1"


@pytest.fixture
def declare(monkeypatch: pytest.MonkeyPatch) -> Callable[[Option], str]:
    """Put an option into the table, so that what a declaration may say is tested before an option says it."""

    def put(option: Option) -> str:
        for name in option.names:
            monkeypatch.setitem(BY_NAME, name, option)
        return option.long

    return put


def test_a_declared_option_collects(declare: Callable[[Option], str]) -> None:
    name = declare(Addition("--each", "text", "[a]ddress: string", "address", "network.each", collects=True))
    assert evaluate(scan([]), [name], {}) == {}
    assert evaluate(scan(["--each", "a", "--each", "b"]), [name], {}) == {"network.each": (b"a", b"b")}
    with pytest.raises(CommandLineError, match="Invalid value for option --each"):
        evaluate(scan(["--each", ""]), [name], {})


def test_a_declared_option_has_a_choice(declare: Callable[[Option], str]) -> None:
    name = declare(Addition("--way", "text", "[w]ay", "choice", "network.way", choices=("left", "right")))
    assert evaluate(scan(["--way", "Left"]), [name], {}) == {"network.way": "LEFT"}
    with pytest.raises(CommandLineError, match=r"^Invalid value for option --way \(up\)$"):
        evaluate(scan(["--way", "up"]), [name], {})


@pytest.mark.parametrize(
    ("arguments", "level", "admits"), [("", "ERROR", True), ("-q", "ERROR", False), ("-v", "INFO", True)]
)
def test_what_a_level_admits(arguments: str, level: str, admits: bool) -> None:
    parsed = scan(["104", *arguments.split()])
    assert level_admits(evaluate(parsed, LOGGING, {}), level) is admits


WORDS = [
    *(name for option in ALL_OPTIONS for name in option.names),
    "5",
    "4096",
    "abc",
    "",
    "-1",
    "2G",
    "off",
    "é\udcff",
]


@hypothesis_settings(deadline=None)  # some values load a module at first
@given(st.lists(st.sampled_from(WORDS), max_size=30))
def test_random_arguments_configure_or_fail_as_documented(arguments: list[str]) -> None:
    with contextlib.suppress(CommandLineError):
        assert configure(*arguments).network.port in (104, 5, 4096, 2)  # parameters, too
