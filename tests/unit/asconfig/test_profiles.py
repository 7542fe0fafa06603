"""What profile files say, and every way in which they can be wrong (spec/cli.md f.2, f.3)."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dcmrecv.asconfig import AsconfigError, find, load, shipped_profiles
from dcmrecv.asconfig.profiles import MAX_FILE_SIZE, parse
from dcmrecv.config import PresentationContext, Role
from dcmrecv.uids import uids_by_name

CT = "1.2.840.10008.5.1.4.1.1.2"
GOOD = """\
[[TransferSyntaxes]]
[Plain]
TransferSyntax1 = LittleEndianExplicit
TransferSyntax2 = LittleEndianImplicit
[[PresentationContexts]]
[Images]
PresentationContext1 = CTImageStorage\\Plain
PresentationContext2 = MRImageStorage\\ p l a i n
[[SCPSCURoleSelection]]
[Roles]
Role1 = CTImageStorage\\scp
[[ExtendedNegotiation]]
[Data]
ExtendedNegotiation1 = CTImageStorage\\0aFF
[[Profiles]]
[Default]
PresentationContexts = Images
SCPSCURoleSelection = Roles
ExtendedNegotiation = Data
[Bare]
PresentationContexts = images
"""


def failure(text: str) -> str:
    with pytest.raises(AsconfigError) as caught:
        parse(text.encode())
    return caught.value.text


def test_a_whole_file() -> None:
    profiles = parse(GOOD.encode())
    assert profiles.names == ("DEFAULT", "BARE")
    profile = profiles.select("de fault")
    syntaxes = (b"1.2.840.10008.1.2.1", b"1.2.840.10008.1.2")
    assert profile.name == "DEFAULT"
    assert profile.contexts == (
        PresentationContext(CT.encode(), syntaxes),
        PresentationContext(b"1.2.840.10008.5.1.4.1.1.4", syntaxes),
    )
    assert profile.roles == ((CT.encode(), Role.SCP),)
    assert [(item.abstract_syntax, item.data) for item in profile.extended_negotiation] == [
        (CT.encode(), b"\x0a\xff")
    ]
    assert profiles.select("Bare").roles == ()


@pytest.mark.parametrize(
    ("old", "new", "text"),
    [
        ("[[TransferSyntaxes]]", "[[X]]", "cannot find section [[TRANSFERSYNTAXES]] in config file"),
        ("[[PresentationContexts]]", "[[X]]", "cannot find section [[PRESENTATIONCONTEXTS]] in config file"),
        ("[[Profiles]]", "[[X]]", "cannot find section [[PROFILES]] in config file"),
        (
            "LittleEndianImplicit",
            "ImplicitVRLittleEndian",
            "not a valid transfer syntax UID: ImplicitVRLittleEndian",
        ),
        ("LittleEndianImplicit", "=1.2", "not a valid transfer syntax UID: =1.2"),
        (
            "LittleEndianImplicit",
            "LittleEndianImplicit ",
            "not a valid transfer syntax UID: LittleEndianImplicit ",
        ),
        (
            "CTImageStorage\\Plain",
            "CT",
            "syntax error: missing '\\' in entry PRESENTATIONCONTEXT1 in config file",
        ),
        ("CTImageStorage\\scp", "CT", "syntax error: missing '\\' in entry ROLE1 in config file"),
        (
            "CTImageStorage\\0aFF",
            "CT",
            "syntax error: missing '\\' in entry EXTENDEDNEGOTIATION1 in config file",
        ),
        ("CTImageStorage\\Plain", "CT\\Other", "transfer syntax key undefined: OTHER"),
        ("CTImageStorage\\Plain", "CT\\", "transfer syntax key undefined: "),
        ("CTImageStorage\\Plain", "CT \\Plain", "not a valid abstract syntax UID: CT "),
        ("CTImageStorage\\Plain", "\\Plain", "Illegal call, perhaps wrong parameters"),
        ("[Images]", "[]", "Illegal call, perhaps wrong parameters"),
        ("CTImageStorage\\0aFF", "CTImageStorage\\", "Illegal call, perhaps wrong parameters"),
        (
            "CTImageStorage\\scp",
            "CTImageStorage\\ scp",
            "syntax error: unknown role key in entry ROLE1 in config file",
        ),
        ("CTImageStorage\\scp", "CT\\scp", "not a valid abstract syntax UID: CT"),
        (
            "Role1 = CTImageStorage\\scp",
            f"Role1 = CTImageStorage\\scp\nRole2 = {CT}\\scu",
            f"role selection defined twice for abstract syntax UID: {CT}",
        ),
        (
            "0aFF",
            "00" * 1024,
            "extended negotiation data too long, cannot handle > 1024 bytes "
            "in entry EXTENDEDNEGOTIATION1 in config file",
        ),
        (
            "0aFF",
            "0aF",
            "parse error in extended negotiation data in entry EXTENDEDNEGOTIATION1 in config file",
        ),
        (
            "0aFF",
            "0a FF",
            "parse error in extended negotiation data in entry EXTENDEDNEGOTIATION1 in config file",
        ),
        ("CTImageStorage\\0aFF", "CT\\00", "not a valid abstract syntax UID: CT"),
        (
            "CTImageStorage\\0aFF",
            f"CTImageStorage\\00\nExtendedNegotiation2={CT}\\01",
            f"extended negotiation defined twice for abstract syntax UID: {CT}",
        ),
        (
            "[Bare]\nPresentationContexts",
            "[Bare]\nX",
            "no PRESENTATIONCONTEXTS  entry in section BARE in config file",
        ),
        ("= images", "= other", "presentation context key undefined: OTHER"),
        ("= Roles", "= other", "role selection key undefined: OTHER"),
        ("= Roles", "=", "role selection key undefined: "),
        ("= Data", "= other", "extended negotiation key undefined: OTHER"),
        (
            "CTImageStorage\\scp",
            "1.2.3\\scp",
            "abstract syntax defined in role selection list 'ROLES' "
            "but not in presentation context list 'IMAGES': 1.2.3",
        ),
        (
            "CTImageStorage\\0aFF",
            "1.2.3\\00",
            "abstract syntax defined in role selection list 'DATA' "
            "but not in presentation context list 'IMAGES': 1.2.3",
        ),
        ("[Bare]", "[Default]", "two profiles defined for key: IMAGES"),
    ],
)
def test_every_failed_check_has_its_text(old: str, new: str, text: str) -> None:
    assert old in GOOD
    assert failure(GOOD.replace(old, new, 1)) == text


def test_a_digit_makes_a_uid_whatever_follows_but_digits_and_dots() -> None:
    text = GOOD.replace("CTImageStorage", "1..2." + "3" * 6000)
    assert parse(text.encode()).select("bare").contexts[0].abstract_syntax == b"1..2." + b"3" * 6000


def test_an_equals_sign_before_a_name_is_skipped() -> None:
    text = GOOD.replace("= LittleEndianImplicit", "= =LittleEndianImplicit")
    assert parse(text.encode()).select("bare").contexts[0].transfer_syntaxes[1] == b"1.2.840.10008.1.2"


@pytest.mark.parametrize("name", [*uids_by_name(), "LocalEndianExplicit", "OppositeEndianExplicit"])
def test_every_name_is_known(name: str) -> None:
    text = GOOD.replace("LittleEndianImplicit", name)
    resolved = parse(text.encode()).select("bare").contexts[0].transfer_syntaxes[1]
    assert resolved.decode() == uids_by_name().get(name, resolved.decode())
    assert resolved[:1].isdigit()


@pytest.mark.parametrize(
    ("name", "text", "lines"),
    [
        ("", "Illegal parameter", ()),
        (
            "other",
            "Invalid or non-existing SCP Association Profile",
            (
                'No association profile named "other" in association configuration, '
                "did you forget to add presentation contexts?",
            ),
        ),
        (
            "Twice",
            "Invalid or non-existing SCP Association Profile",
            ('The association profile named "Twice" is not a valid SCP association profile',),
        ),
    ],
)
def test_profiles_that_cannot_be_chosen(name: str, text: str, lines: tuple[str, ...]) -> None:
    twice = (
        "[[PresentationContexts]]\n[Two]\nPresentationContext1=1.2\\Plain\nPresentationContext2=1.2\\Plain\n"
    )
    profiles = parse(
        GOOD.replace("[[PresentationContexts]]\n", twice).encode() + b"[Twice]\nPresentationContexts = Two\n"
    )
    with pytest.raises(AsconfigError) as caught:
        profiles.select(name)
    assert (caught.value.text, caught.value.error_lines) == (text, lines)


def test_loading_says_which_file(tmp_path: Path) -> None:
    path = os.fsencode(tmp_path / "missing.cfg")
    with pytest.raises(AsconfigError) as caught:
        load(path)
    text = f"unable to open configuration file: {path.decode()}"
    assert caught.value.text == text
    assert caught.value.error_lines == (
        f"Unable to parse association configuration file: {path.decode()}: {text}",
    )


def test_no_name_is_no_file() -> None:
    with pytest.raises(AsconfigError) as caught:
        load(b"")
    assert (caught.value.text, caught.value.error_lines) == ("Invalid filename", ())


def test_a_directory_reads_as_an_empty_file(tmp_path: Path) -> None:
    with pytest.raises(AsconfigError, match="TRANSFERSYNTAXES"):
        load(os.fsencode(tmp_path))


def test_a_file_may_not_be_larger_than_the_limit(tmp_path: Path) -> None:
    path = tmp_path / "large.cfg"
    with path.open("wb") as file:
        file.truncate(MAX_FILE_SIZE + 1)
    with pytest.raises(AsconfigError, match=f"larger than {MAX_FILE_SIZE} bytes"):
        load(os.fsencode(path))


def test_the_shipped_profiles(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    shipped = shipped_profiles()
    assert find(b"storescp.cfg") == shipped
    assert find(b"./storescp.cfg") == b"./storescp.cfg"
    assert find(b"other.cfg") == b"other.cfg"
    profiles = load(shipped)
    assert profiles.names == ("DEFAULT", "ALLDICOM")
    default = profiles.select("default")
    assert len(default.contexts) == 202
    assert len(profiles.select("AllDICOM").contexts) == 173
    by_class = {context.abstract_syntax.decode(): context.transfer_syntaxes for context in default.contexts}
    assert len(by_class[CT]) == 45
    assert by_class["1.2.840.10008.1.1"][-1] == b"1.2.840.10008.1.2"
    (tmp_path / "storescp.cfg").write_text("")
    assert find(b"storescp.cfg") == b"storescp.cfg"


FRAGMENTS = [line + "\n" for line in GOOD.splitlines()] + [
    "\\",
    "[",
    "]",
    "=",
    "# x\n",
    " ",
    "\n",
    "1",
    "é",
    "\0",
]


@given(st.lists(st.sampled_from(FRAGMENTS), max_size=60), st.text(max_size=10))
def test_random_files_load_or_fail_as_documented(parts: list[str], name: str) -> None:
    with contextlib.suppress(AsconfigError):
        parse("".join(parts).encode()).select(name)


@given(st.integers(0, len(GOOD)), st.binary(max_size=4), st.integers(0, 5))
def test_damaged_files_load_or_fail_as_documented(place: int, insertion: bytes, removed: int) -> None:
    data = GOOD.encode()
    with contextlib.suppress(AsconfigError):
        parse(data[:place] + insertion + data[place + removed :]).select("default")
