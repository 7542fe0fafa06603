from __future__ import annotations

import importlib.util
import json
import sys
from pathlib import Path
from types import ModuleType

import pytest
from pydicom import dcmread
from pydicom.data import get_testdata_file

from tests.support.server import ROOT


@pytest.fixture(scope="module")
def example() -> ModuleType:
    path = ROOT / "examples" / "move_complete_studies.py"
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[path.stem] = module
    spec.loader.exec_module(module)
    return module


class Place:
    """A spool, its objects, and a clock that goes by hand."""

    def __init__(self, root: Path) -> None:
        self.spool, self.incoming, self.target = (root / name for name in ("spool", "incoming", "complete"))
        self.spool.mkdir()
        self.incoming.mkdir()
        self.now = 0.0
        self.files = 0

    def receive(self, *objects: tuple[str, str]) -> Path:
        """Store (study, name) and write a spool file about them."""
        lines = []
        for study, name in objects:
            data = dcmread(str(get_testdata_file("CT_small.dcm", download=False)))
            data.StudyInstanceUID = study
            data.save_as(self.incoming / name)
            lines.append(json.dumps({"path": str(self.incoming / name)}) + "\n")
        self.files += 1
        path = self.spool / f"{self.files:03}.jsonl"
        path.write_text("".join(lines))
        return path

    def complete(self) -> dict[str, list[str]]:
        return {each.name: sorted(file.name for file in each.iterdir()) for each in self.target.iterdir()}


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


def test_studies_move_when_they_are_quiet(example: ModuleType, place: Place) -> None:
    mover = example.Mover(place.spool, place.target, 10, clock=lambda: place.now)
    first = place.receive(("1.2.3", "a"), ("1.2.4", "b"))
    assert mover.step() == []
    place.now = 8
    place.receive(("1.2.3", "c"))
    mover.step()
    place.now = 11
    assert mover.step() == [place.target / "1.2.4"]
    assert first.exists()
    place.now = 18
    mover.step()
    assert place.complete() == {"1.2.3": ["a", "c"], "1.2.4": ["b"]}
    assert list(place.spool.iterdir()) == list(place.incoming.iterdir()) == []
    place.receive(("1.2.3", "late"))
    mover.step()
    place.now = 30
    assert mover.step() == [place.target / "1.2.3.2"]


def test_it_goes_on_after_an_interruption(example: ModuleType, place: Place) -> None:
    place.receive(("1.2.3", "a"), ("1.2.3", "b"), ("1.2.4", "c"))
    for study, name in (("1.2.3", "a"), ("1.2.4", "c")):
        part = place.target / (study + ".part")
        part.mkdir(parents=True)
        (place.incoming / name).rename(part / name)
    mover = example.Mover(place.spool, place.target, 10, clock=lambda: place.now)
    mover.step()
    place.now = 10
    mover.step()
    assert place.complete() == {"1.2.3": ["a", "b"], "1.2.4": ["c"]}
    assert list(place.spool.iterdir()) == []


def test_a_sender_cannot_choose_the_directory(example: ModuleType, place: Place) -> None:
    place.receive(("1.2.3.4.5.6.7.8", "a"))
    (place.incoming / "b").write_bytes(b"no DICOM")
    (place.spool / "2.jsonl").write_text(json.dumps({"path": str(place.incoming / "b")}) + "\n")
    raw = (place.incoming / "a").read_bytes()
    assert raw.count(b"1.2.3.4.5.6.7.8") == 1
    (place.incoming / "a").write_bytes(raw.replace(b"1.2.3.4.5.6.7.8", b"../../../../../"))
    assert example.main([str(place.spool), str(place.target), "--quiet", "0", "--once"]) == 0
    assert place.complete() == {"without-study": ["a", "b"]}
