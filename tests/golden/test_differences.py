"""``docs/differences.md`` names every recording from which a replay may differ."""

from __future__ import annotations

import re
from collections.abc import Collection
from fnmatch import fnmatchcase
from pathlib import Path

import pytest

from tests.golden.cli.test_recordings import ACCEPTED_SINCE
from tests.golden.datasets.test_recordings import REFUSED_HERE
from tests.golden.log.test_recordings import DIFFERENT as LOG
from tests.golden.network.test_recordings import DIFFERENT as NETWORK

DOCUMENT = Path(__file__).parents[2] / "docs" / "differences.md"


def _named() -> set[str]:
    """Return the words in code style of the last column, where recordings stand."""
    rows = [line.split("|") for line in DOCUMENT.read_text(encoding="utf-8").splitlines()]
    return {name for row in rows if len(row) > 2 for name in re.findall("`([^`]+)`", row[-2])}


@pytest.mark.parametrize(
    "exceptions", [ACCEPTED_SINCE, REFUSED_HERE, LOG, NETWORK], ids=["cli", "datasets", "log", "network"]
)
def test_every_exception_is_named(exceptions: Collection[str]) -> None:
    named = _named()
    assert [name for name in exceptions if not any(fnmatchcase(name, each) for each in named)] == []
