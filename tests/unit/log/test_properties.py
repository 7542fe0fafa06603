"""The grammar of configuration files and ``${…}`` (spec/logging.md A.2)."""

from __future__ import annotations

import hypothesis
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dcmrecv.log.api import LogConfigError
from dcmrecv.log.loglog import parse_bool, parse_int
from dcmrecv.log.properties import Properties, expand, predefined, read_settings
from dcmrecv.text import to_bytes

SPACE = " \t\v\f\r"


def settings(data: bytes) -> dict[str, str]:
    read = read_settings(data)
    return {key: read.get(key) for key in read}


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"a=1\r\n b\t=\t2 \n", {"a": "1", "b": "2"}),
        (b"a=1\na=2", {"a": "2"}),
        (b"# a=1\n  #b=2\n;c=3\nd\n", {";c": "3"}),
        (b"a=b=c\n", {"a": "b=c"}),
        (b"a=x\\\nb\n", {"a": "x\\"}),
        (b"a=1 # 2\n", {"a": "1 # 2"}),
        (b"\xef\xbb\xbfa=1\n", {"\ufeffa": "1"}),
        (b"a=\xff\n", {"a": "\udcff"}),
        (b"=1\n", {"": "1"}),
        (b"", {}),
    ],
)
def test_lines(data: bytes, expected: dict[str, str]) -> None:
    assert settings(data) == expected


@given(st.binary(max_size=300))
def test_any_bytes_can_be_read(data: bytes) -> None:
    for key, value in settings(data).items():
        assert "=" not in key
        assert "\n" not in key + value
        assert value == value.strip(" \t\n\v\f\r")
        assert to_bytes(key) in data
        assert to_bytes(value) in data


@given(
    st.dictionaries(
        st.text("abc.", min_size=1, max_size=5), st.text("xyz= #", max_size=8).map(str.strip), max_size=8
    ),
    st.text(SPACE, max_size=3),
)
def test_what_is_written_is_read(values: dict[str, str], blank: str) -> None:
    data = "".join(f"{blank}{k}{blank}={blank}{v}{blank}\r\n" for k, v in values.items())
    assert settings(data.encode()) == values


def expanded(values: dict[str, str]) -> tuple[dict[str, str], list[str]]:
    errors: list[str] = []
    props = Properties(values)
    expand(props, errors.append)
    return {key: props.get(key) for key in props}, errors


def test_substitution(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LC_ONE", "env")
    monkeypatch.setenv("e", "from env")
    monkeypatch.delenv("UNDEFINED_X", raising=False)
    got, errors = expanded(
        {
            "a": "[${b}][${LC_ONE}][${UNDEFINED_X}][${e}]",
            "b": "${c}",
            "c": "deep",
            "e": "",
            "k.${c}": "v",
            "n": "${x${c}}",
        }
    )
    assert got["a"] == "[deep][env][${UNDEFINED_X}][from env]"
    assert got["k.deep"] == "v"
    assert "k.${c}" not in got
    assert got["n"] == "${x${c}}"
    assert errors == []


def test_an_open_brace_is_reported_and_left() -> None:
    got, errors = expanded({"a": "é${b} ${c", "b": "x"})
    assert got["a"] == "é${b} ${c"
    assert errors == ['"éx ${c" has no closing brace. Opening brace at position 4.']


@pytest.mark.parametrize(
    "values",
    [{"a": "${a}"}, {"a": "${b}", "b": "x${a}"}, {"a": "${a}${a}"}, {"${a}": "1", "a": "${a}"}],
)
def test_a_variable_of_itself_is_refused(values: dict[str, str]) -> None:
    with pytest.raises(LogConfigError, match="do not come to an end"):
        expanded(values)


def test_doubling_variables_meet_a_limit() -> None:
    values = {f"v{n}": f"${{v{n + 1}}}${{v{n + 1}}}" for n in range(60)} | {"v60": "x"}
    with pytest.raises(LogConfigError, match="do not come to an end"):
        expanded(values)


@hypothesis.settings(deadline=None)
@given(st.dictionaries(st.text("ab", max_size=2), st.text("ab${}", max_size=12), max_size=5))
def test_expansion_ends(values: dict[str, str]) -> None:
    try:
        got, _ = expanded(values)
    except LogConfigError:
        # Only a variable that leads back to itself is refused.
        assert any("${" in value for value in values.values())
    else:
        assert set(got) == set(values)


def test_predefined_names() -> None:
    values = predefined("/opt/x/dcmrecv")
    assert values["appname"] == "dcmrecv"
    assert len(values["date"]) == 8
    assert len(values["time"]) == 6


@pytest.mark.parametrize(
    ("text", "value"),
    [("true", True), ("FALSE", False), ("1", True), ("-3", True), ("0", False), ("+0", False)]
    + [(bad, None) for bad in ("", "yes", "on", "1x", "true x", "0x1", "1 2", "9" * 30)],
)
def test_booleans(text: str, value: bool | None) -> None:
    assert parse_bool(text) is value


def test_integers() -> None:
    assert [parse_int(t, -10, 10) for t in ("5", "-7", "+3", "11", "1a", "")] == [5, -7, 3, None, None, None]
    props = Properties({"n": "-1", "b": "99999999999"})
    assert props.unsigned("n", 5) == (1 << 32) - 1
    assert props.integer("b", 7) == 7
    assert props.integer("missing", 8) == 8


def test_keys_come_in_byte_order() -> None:
    assert list(Properties({"é": "", "z": "", "Z": "", "\udc80": ""})) == ["Z", "z", "\udc80", "é"]
