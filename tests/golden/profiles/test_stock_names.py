"""Every name that the stock profile files of DCMTK 3.5.4 to 3.7.0 use, by version: such files load and serve."""

from __future__ import annotations

from pathlib import Path

import pytest

from dcmrecv.asconfig.profiles import parse
from dcmrecv.config import AssociationConfig
from dcmrecv.core.events import ContextOutcome
from tests.support.settings import acceptor_settings
from tests.wire.peer import associate, context

pytestmark = pytest.mark.golden

_LINES = [
    line.split()
    for line in (Path(__file__).parent / "names.txt").read_text("ascii").splitlines()
    if not line.startswith("#")
]
VERSIONS = sorted({version for *_, versions in _LINES for version in versions.split(",") if version != "-"})


def _names(kind: str, version: str) -> list[str]:
    return [
        name
        for k, name, versions in _LINES
        if k == kind and (versions == "-" or version in versions.split(","))
    ]


def _profile(version: str) -> bytes:
    lines = ["[[TransferSyntaxes]]", "[All]"]
    lines += [f"TransferSyntax{n} = {name}" for n, name in enumerate(_names("T", version), 1)]
    lines += ["[[PresentationContexts]]", "[Storage]"]
    lines += [f"PresentationContext{n} = {name}\\All" for n, name in enumerate(_names("A", version), 1)]
    lines += ["[[Profiles]]", "[Default]", "PresentationContexts = Storage"]
    return "\n".join(lines).encode()


def test_the_list_is_of_fourteen_files() -> None:
    assert len(VERSIONS) == 14


@pytest.mark.parametrize("version", VERSIONS)
def test_a_profile_of_every_name_loads_and_serves(version: str) -> None:
    profile = parse(_profile(version)).select("Default")
    assert len(profile.contexts) == len(_names("A", version)) > 50
    settings = acceptor_settings(AssociationConfig(profile=profile))
    for entry in profile.contexts:
        for syntax in entry.transfer_syntaxes:
            agreed = settings.negotiate(associate(context(1, entry.abstract_syntax, syntax))).association
            assert agreed is not None, (entry.abstract_syntax, syntax)
            assert agreed.contexts[0].outcome is ContextOutcome.ACCEPTED
            assert agreed.contexts[0].transfer_syntax == syntax
