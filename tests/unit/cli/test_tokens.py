"""Which arguments are options, where values end, and what files of arguments hold (spec/cli.md a, b)."""

from __future__ import annotations

import contextlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dcmrecv.cli.command_files import MAX_COMMAND_FILE, expand, tokens
from dcmrecv.cli.environment import environment_uses
from dcmrecv.cli.errors import CommandLineError
from dcmrecv.cli.scan import Parsed, is_option
from dcmrecv.cli.scan import scan as scan_arguments
from dcmrecv.options import ALL_OPTIONS, BY_NAME, Addition, Option


def scan(*arguments: str, **environment: str) -> Parsed:
    parsed = scan_arguments(arguments)
    parsed.precede(environment_uses(environment))
    return parsed


def parameters(parsed: Parsed) -> list[str]:
    return [use.values[0] for use in parsed.all("port")]


@pytest.mark.parametrize(
    "text", ["-v", "+v", "--", "---", "++", "-+", "-.5", "- 5", "--5", "+-5", "-é", "-٣"]
)
def test_options_by_their_looks(text: str) -> None:
    assert is_option(text)


@pytest.mark.parametrize("text", ["-", "+", "-5", "+5", "-1v", " -v", "", "@", "104", "é-"])
def test_parameters_by_their_looks(text: str) -> None:
    assert not is_option(text)


@pytest.mark.parametrize(
    "text", ["--", "-V", "--verb", "--verbose=1", "-ta5", "-vd", "-help", "--v", "+tla", "--request-sni"]
)
def test_unknown_options(text: str) -> None:
    with pytest.raises(CommandLineError) as caught:
        scan("104", text)
    assert caught.value.text == f"Unknown option {text}"


@pytest.mark.parametrize("option", ALL_OPTIONS, ids=lambda option: option.long[2:])
def test_every_option_is_known_by_every_name_and_takes_its_values(option: Option) -> None:
    values = tuple(f"--help{number}" for number in range(len(option.kinds)))
    for name in option.names:
        parsed = scan("before", name, *values, "after")
        (use,) = parsed.all(option.long)
        assert (use.option, use.values) == (option, values)
        assert parameters(parsed) == ["before", "after"]
        for missing in range(len(values)):
            with pytest.raises(CommandLineError) as caught:
                scan(name, *values[:missing])
            assert caught.value.text == f"Missing value for option {option.long}"


EVERY_VERSION = """
    -h --help --version --arguments -q --quiet -v --verbose -d --debug -ll --log-level -lc --log-config
    +v --verbose-pc -i4 --ipv4 -i6 --ipv6 -i0 --ip-auto -xf --config-file -aet --aetitle -uca
    --use-called-aetitle -ta --acse-timeout -td --dimse-timeout -pdu --max-pdu -dhl --disable-host-lookup
    -tls --disable-tls +tls --enable-tls +ps --std-passwd +pw --use-passwd -pw --null-passwd -pem --pem-keys
    -der --der-keys +cf --add-cert-file +cd --add-cert-dir +crl --add-crl-file +crv --enable-crl-vfy
    +cra --enable-crl-all +ph --list-profiles +pg --profile-8996 +pm --profile-8996-mod
    +py --profile-bcp195-nd +px --profile-bcp195 +pz --profile-bcp195-ex +pb --profile-basic +pa --profile-aes
    +pn --profile-null +cc --list-ciphers +cs --cipher +dp --dhparam --no-sni --expect-sni +rs --seed
    +ws --write-seed +wf --write-seed-file -rc --require-peer-cert -vc --verify-peer-cert
    -ic --ignore-peer-cert -od --output-directory -s --no-subdir +ssd --series-date-subdir
    +fd --default-filenames +fu --unique-filenames +fsu --short-unique-names +fst --system-time-names
    -fe --filename-extension -B --normal +B --bit-preserving --ignore
"""
"""What the dcmrecv of any DCMTK from 3.6.1 (the first that had it) to 3.7.1 has understood, in any build."""


def test_every_option_of_every_version_is_known() -> None:
    assert set(EVERY_VERSION.split()) <= BY_NAME.keys()
    ours = BY_NAME.keys() - set(EVERY_VERSION.split()) - {"port"}
    assert {name for option in ALL_OPTIONS if option.variable for name in option.names} >= ours


def test_names_are_unique() -> None:
    names = [name for option in ALL_OPTIONS for name in option.names]
    assert len(names) == len(set(names))


def test_the_rightmost_use_counts_and_the_leftmost_problem() -> None:
    (use,) = scan("-ta", "abc", "-ta", "5").in_block(["--acse-timeout"])
    assert use.values == ("5",)
    with pytest.raises(CommandLineError, match="Unknown option -one"):
        scan("-one", "-two", "-ta")


@pytest.mark.parametrize(
    ("arguments", "found"),
    [
        (["-v", "-d"], ["--debug"]),
        (["-d", "-v"], ["--debug", "--verbose"]),
        (["-q", "-d", "-v"], ["--debug", "--verbose"]),
        (["-d", "-v", "-q"], ["--debug", "--verbose", "--quiet"]),
        (["-v", "-v"], ["--verbose"]),
        ([], []),
    ],
)
def test_a_found_member_hides_what_is_left_of_it(arguments: list[str], found: list[str]) -> None:
    block = scan(*arguments).in_block(["--debug", "--verbose", "--quiet"])
    assert [use.option.long for use in block] == found


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (b"", []),
        (b" \t\r\n", []),
        (b"a b\tc\rd\ne", [b"a", b"b", b"c", b"d", b"e"]),
        (b'A"B C"', [b"AB C"]),
        (b'"A"B', [b"A", b"B"]),
        (b'A"B"C', [b"AB", b"C"]),
        (b'"A""B"', [b"A", b"B"]),
        (b'""', [b""]),
        (b"''", [b""]),
        (b'"A\\"B"', [b"A\\", b"B"]),
        (b"'a\"b'", [b'a"b']),
        (b'"open end\n', [b"open end\n"]),
        (b'"', []),
        (b"# no comment", [b"#", b"no", b"comment"]),
        (b"a\vb\fc\xa0d", [b"a\vb\fc\xa0d"]),
        (b"\xef\xbb\xbf-v", [b"\xef\xbb\xbf-v"]),
    ],
)
def test_tokens_of_command_files(text: bytes, expected: list[bytes]) -> None:
    # what an unclosed quote leaves at the end of the file has no token of its own if it is empty
    assert list(tokens(text)) == expected


def test_files_are_spliced_in_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "f").write_bytes(b"'a b' @f")
    (tmp_path / "@x").write_bytes(b"y")
    assert expand(["-aet", "@f", "@", "x@y", "@@x", "@f"]) == [
        "-aet",
        "a b",
        "@f",
        "@",
        "x@y",
        "y",
        "a b",
        "@f",
    ]
    assert expand(["@."]) == []


def test_the_first_unreadable_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(CommandLineError) as caught:
        expand(["--help", f"@{tmp_path}/one", f"@{tmp_path}/two"])
    assert caught.value.text == f"Cannot open command file '{tmp_path}/one'"


def test_a_command_file_may_not_be_larger_than_the_limit(tmp_path: Path) -> None:
    with (tmp_path / "f").open("wb") as file:
        file.truncate(MAX_COMMAND_FILE + 1)
    with pytest.raises(CommandLineError, match="Cannot open command file"):
        expand([f"@{tmp_path}/f"])


def test_only_additions_have_environment_variables() -> None:
    for option in ALL_OPTIONS:
        expected = "DCMRECV_" + option.long[2:].upper().replace("-", "_")
        addition = isinstance(option, Addition) and not option.exclusive
        assert option.variable == (expected if addition else None)


@pytest.mark.parametrize(
    "option", [option for option in ALL_OPTIONS if option.variable], ids=lambda option: option.variable
)
def test_every_environment_variable_stands_left_of_the_command_line(option: Option) -> None:
    assert option.variable is not None
    value = "--help" if option.kinds else "yes"
    parsed = scan("104", **{option.variable: value})
    use, port = parsed.uses
    assert (use.option, use.variable) == (option, option.variable)
    assert use.values == ((value,) if option.kinds else ())
    assert parsed.typed == [port]


def test_the_command_line_takes_the_place_of_the_environment() -> None:
    assert [use.values for use in scan("--workers", "2", DCMRECV_WORKERS="3").uses] == [("2",)]


def test_a_flag_of_the_environment_is_true_or_false() -> None:
    assert scan(DCMRECV_FSYNC="1").has("--fsync")
    assert not scan(DCMRECV_FSYNC="no").has("--fsync")
    with pytest.raises(CommandLineError, match="DCMRECV_FSYNC"):
        scan(DCMRECV_FSYNC="perhaps")


@pytest.mark.parametrize(
    ("value", "values"), [("::1", [("::1",)]), ("[::1, 10.0.0.1]", [("::1",), ("10.0.0.1",)]), ("", [("",)])]
)
def test_an_option_that_collects_takes_a_list_from_the_environment(
    value: str, values: list[tuple[str]]
) -> None:
    option = Addition("--collected", "text", "[a]ddress: string", "address", collects=True)
    uses = environment_uses({"DCMRECV_COLLECTED": value}, [option])
    assert [use.values for use in uses] == values


def test_the_environment_does_not_touch_the_reference() -> None:
    noise = {"DCMRECV_VERBOSE": "1", "DCMRECV_PORT": "5", "DCMRECV_OUTPUT_DIRECTORY": "/", "VERBOSE": "1"}
    assert parameters(scan("104", **noise)) == ["104"]
    assert len(scan("104", **noise).uses) == 1


WORDS = [name for option in ALL_OPTIONS for name in option.names] + [
    "104",
    "",
    "-",
    "--",
    "-5",
    "x",
    "é",
    "\udcff",
]


@given(st.lists(st.sampled_from(WORDS)))
def test_random_arguments_scan_or_fail_as_documented(arguments: list[str]) -> None:
    with contextlib.suppress(CommandLineError):
        parsed = scan(*arguments)
        words = [word for use in parsed.uses for word in ((use.option.long, *use.values))]
        assert len(words) - len(parsed.all("port")) == len(arguments)


@given(st.binary())
def test_random_command_files_lose_no_text(data: bytes) -> None:
    kept = data.translate(None, b" \t\r\n\"'")
    assert b"".join(tokens(data)).translate(None, b" \t\r\n\"'") == kept
