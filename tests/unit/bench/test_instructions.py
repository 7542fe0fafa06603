"""The guard against slow creep raises the alarm, and the record it compares with is sound."""

from __future__ import annotations

import json

import pytest
from bench.instructions import OBJECTS, RECORD, TOLERANCE, compare
from bench.workloads import BY_NAME


def test_more_instructions_than_tolerated_are_found() -> None:
    recorded = {"W1 normal": 100_000, "W1 bit": 50_000, "W2 normal": 10}
    limit = round(100_000 * (1 + TOLERANCE))
    assert compare({"W1 normal": limit, "W1 bit": 40_000}, recorded)[1] == []
    rows, worse = compare({"W1 normal": limit + 1, "W1 bit": 50_000, "W5 bit": 7}, recorded)
    assert worse == ["W1 normal"]
    assert rows[1:] == [
        ["W1 normal", "100,000", f"{limit + 1:,}", f"{1 + TOLERANCE:.3f}"],
        ["W1 bit", "50,000", "50,000", "1.000"],
        ["W5 bit", "–", "7", "–"],
    ]


@pytest.mark.skipif(not RECORD.exists(), reason="nothing is recorded")
def test_the_record_has_both_forms_of_every_row() -> None:
    names = {f"{name} {mode}" for name in OBJECTS for mode in ("normal", "bit")} - {"W7 bit"}
    for interpreter, entry in json.loads(RECORD.read_text()).items():
        assert len(interpreter.split()) == 3
        assert entry["probe"] > 0
        for form in ("compiled", "uncompiled"):
            assert set(entry[form]) == names
            assert all(count > 0 for count in entry[form].values())


def test_counted_workloads_exist() -> None:
    assert set(OBJECTS) <= set(BY_NAME)
