"""Files that the package reads while it runs are part of what is installed."""

from __future__ import annotations

import re

from tests.support.server import ROOT

SOURCES = ROOT / "src"


def test_every_data_file_is_installed() -> None:
    table = (
        (ROOT / "pyproject.toml")
        .read_text()
        .partition("[tool.setuptools.package-data]\n")[2]
        .partition("\n\n")[0]
    )
    installed = set()
    for package, patterns in re.findall(r'^"?([\w.]+)"? = \[(.*)\]$', table, re.MULTILINE):
        for pattern in re.findall(r'"([^"]+)"', patterns):
            installed |= set((SOURCES / package.replace(".", "/")).glob(pattern))
    data = {path for path in SOURCES.rglob("data/*") if path.is_file()}
    assert data
    assert data <= installed
