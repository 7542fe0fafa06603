from __future__ import annotations

import subprocess
import sys
from importlib.resources import files

import pytest

from dcmrecv.dataset.dictionary import DataDictionary, builtin_dictionary
from dcmrecv.dataset.dictionary_files import MAX_LINE, load_environment, load_file
from tests.unit.dataset import builtin_table

GOOD = "(0000,0100)\tUS\tCommandField\t1\tDICOM\n"


@pytest.fixture
def lines():
    return []


@pytest.fixture
def write(tmp_path):
    def write(text: str, name: str = "a.dic") -> str:
        path = tmp_path / name
        path.write_text(text)
        return str(path)

    return write


def load(path: str, lines: list[str]) -> DataDictionary:
    return load_environment(path, lambda level, text: lines.append(f"{level}: {text}"))()


def test_the_built_in_table_is_pydicoms_with_the_known_differences():
    text = files("dcmrecv.dataset").joinpath("data/dictionary.txt").read_text("ascii")
    assert text == builtin_table.text()


@pytest.mark.parametrize(
    ("tag", "vr", "name"),
    [
        (0x00100010, "PN", "PatientName"),
        (0x7FE00010, "px", "PixelData"),
        (0x60023000, "ox", "OverlayData"),
        (0x60033000, "??", "Unknown Tag & Data"),
        (0x00203102, "CS", "RETIRED_SourceImageIDs"),
        (0x00203101, "??", "Unknown Tag & Data"),
        (0x00090000, "UL", "PrivateGroupLength"),
        (0x00080000, "UL", "GenericGroupLength"),
        (0x00090010, "LO", "PrivateCreator"),
        (0x00091001, "??", "Unknown Tag & Data"),
        (0x00041400, "up", "OffsetOfTheNextDirectoryRecord"),
        (0x00280106, "xs", "SmallestImagePixelValue"),
        (0x00283006, "lt", "LUTData"),
        (0xFFFEE000, "na", "Item"),
    ],
)
def test_built_in_entries(tag, vr, name):
    dictionary = builtin_dictionary()
    assert (dictionary.vr(tag), dictionary.name(tag)) == (vr, name)


def test_nothing_slow_is_imported_without_dcmdictpath():
    code = (
        "import sys\n"
        "from dcmrecv.dataset.dictionary_files import load_environment\n"
        "load_environment(None, print)\n"
        "load_environment('', print)\n"
        "assert not [m for m in sys.modules if m.split('.')[0] in ('pydicom', 'pynetdicom')]\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_lookup_order_of_private_elements():
    dictionary = DataDictionary()
    dictionary.add(0x00091001, "US", "WithoutCreator")
    dictionary.add(0x00091002, "SS", "Fixed", b"ACME")
    dictionary.add(0x00090002, "SL", "LowByte", b"ACME")
    assert dictionary.vr(0x00091001, b"ACME") == "US"
    assert dictionary.vr(0x00091002, b"ACME") == "SS"
    assert dictionary.vr(0x00091102, b"ACME") == "SL"
    assert dictionary.vr(0x00091102, b"ACME ") == "??"
    assert dictionary.vr(0x00091102) == "??"


def test_fields(write, lines):
    dictionary = load(
        write(
            "# comment\n\n"
            "(0009,1001)\tSQ\tTwo Words\n"
            "( 0009 , 1002 )\tlt\tX\tn\n"
            '(0009,"ACME 1.1",03)\tDS\tY\t1-3n\tPRIVATE\n'
            "(0011-o-00FF,1000-1010)\tCS\tZ\t2-2\n"
            "(60xx,0010)\tUS\tNoRange\n"
            "(0009,1004)\tqq\tQ\n"
        ),
        lines,
    )
    assert [line for line in lines if line[0] != "D"] == []
    assert dictionary.loaded
    assert dictionary.lookup(0x00091001) == ("SQ", "TwoWords")
    assert dictionary.vr(0x00091002) == "lt"
    assert dictionary.vr(0x00091203, b"ACME 1.1") == "DS"
    assert dictionary.vr(0x00131008) == "CS"
    assert dictionary.vr(0x00131009) == "??"
    assert dictionary.vr(0x00121008) == "??"
    assert dictionary.vr(0x00600010) == "US"
    assert dictionary.vr(0x00091004) == "??"


@pytest.mark.parametrize(
    ("line", "texts"),
    [
        ("(0009,1001)\tUS", ["too few fields (line 2)"]),
        ("(0009,1001) US Name", ["too few fields (line 2)"]),
        ("(0009,1001)\tUS\ta\t1\tb\tc", ["too many fields (line 2): "]),
        ("(0009,1001)\tUS\ta\tx", ["bad VM field (line 2): x"]),
        ("0009,1001\tUS\ta", ["bad Tag field (line 2): 0009,1001"]),
        ("(0009,zz)\tUS\ta", ["bad Tag field (line 2): (0009,zz)"]),
        ("(0009,1001)\tZZ\ta", ["bad VR field (line 2): ZZ"]),
        ("(0009,zz)\tUS\ta\tx", ["bad VM field (line 2): x", "bad Tag field (line 2): (0009,zz)"]),
        ("(" + "0" * 64 + ",1001)\tUS\ta", ["bad Tag field (line 2): (" + "0" * 64 + ",1001)"]),
    ],
)
def test_bad_lines(write, lines, line, texts):
    path = write(GOOD + line + "\n")
    dictionary = load(path, lines)
    assert lines[1:] == [f"E: DcmDataDictionary: {path}: {text}" for text in texts]
    assert not dictionary.loaded
    assert dictionary.vr(0x00000100) == "US"
    assert dictionary.dimse_obstacle == (6, 0x0213, "Data dictionary missing")


def test_wrong_range_letter(write, lines):
    load(write("(0009-x-0010,1001)\tUS\ta\n"), lines)
    assert lines[1] == "E: DcmDataDictionary: Unknown range restrictor: x"
    assert lines[2].endswith(": bad Tag field (line 1): (0009-x-0010,1001)")


def test_the_last_readable_file_decides(write, lines):
    good = write(GOOD, "good.dic")
    bad = write(GOOD + "x\n", "bad.dic")
    assert load(f"{bad}:{good}", lines).dimse_obstacle is None
    assert load(f"{good}:/nowhere", lines).dimse_obstacle is None
    assert load(f"{good}:{bad}", lines).dimse_obstacle is not None
    assert load("/nowhere", lines).dimse_obstacle is not None


@pytest.mark.parametrize("path", [":", "::"])
def test_an_empty_dictionary_is_loaded_and_useless(path, lines):
    dictionary = load(path, lines)
    assert lines == []
    assert dictionary.loaded
    assert dictionary.dimse_obstacle == (6, 0x020B, "DIMSE_parseCmdObject: Missing CommandField")


def test_what_cannot_be_opened(tmp_path, lines):
    for path in (tmp_path / "none", tmp_path):
        assert not load(str(path), lines).loaded
    assert lines == [
        f"E: DcmDataDictionary: Cannot open file: {path}" for path in (tmp_path / "none", tmp_path)
    ]


def test_later_entries_replace_earlier_ones(write, lines):
    first = write(GOOD + "(0011-o-00FF,1000)\tUS\ta\n(0013,1000)\tUS\tb\n", "1.dic")
    second = write("(0011-o-00FF,1000)\tSS\tc\n(0013,1000)\tSL\td\n", "2.dic")
    dictionary = load(f"{first}:{second}", lines)
    assert dictionary.vr(0x00151000) == "SS"
    assert dictionary.vr(0x00131000) == "SL"


def test_a_subset_goes_before_its_range(write, lines):
    dictionary = load(write("(0011-u-00FF,1000)\tUS\ta\n(0020-u-0030,1000)\tSS\tb\n"), lines)
    assert dictionary.vr(0x00221000) == "SS"
    assert dictionary.vr(0x00401000) == "US"


def test_long_lines_continue_as_the_next(write, lines):
    path = write("(0009,1001)\tUS\t" + "a" * (MAX_LINE - 15) + "(0009,1002)\tSS\tb\n")
    assert load_file(dictionary := DataDictionary(), path.encode(), lambda level, text: lines.append(text))
    assert dictionary.vr(0x00091001) == "US"
    assert dictionary.vr(0x00091002) == "SS"
