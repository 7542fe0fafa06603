"""Every example of docs/embedding.md is run as it stands, but for the port; objects are sent to it."""

from __future__ import annotations

import builtins
import os
import re
import shutil
import ssl
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from pydicom import dcmread
from pydicom.data import get_testdata_file
from pynetdicom import AE

from tests.support.server import ROOT, free_port
from tests.unit.tls.conftest import pki

__all__ = ["pki"]

CT = str(get_testdata_file("CT_small.dcm", download=False))
EXAMPLES = re.findall(r"```python\n(.*?)```", (ROOT / "docs" / "embedding.md").read_text(), re.DOTALL)


def run(number: int, directory: Path, monkeypatch: pytest.MonkeyPatch, tls: Any = None) -> tuple[int, str]:
    """Run example *number* in *directory*, sending an object while it waits; return the status."""
    port = free_port()
    monkeypatch.chdir(directory)
    statuses: list[int] = []

    def enter(prompt: str) -> str:
        assert prompt == "Enter ends "
        entity = AE("SENDER")
        data = dcmread(CT)
        entity.add_requested_context(data.SOPClassUID, data.file_meta.TransferSyntaxUID)
        entity.add_requested_context("1.2.840.10008.1.1")
        association = entity.associate("127.0.0.1", port, ae_title="ARCHIVE", tls_args=tls)
        assert association.is_established
        sends = association.accepted_contexts[0].abstract_syntax == data.SOPClassUID
        answer = association.send_c_store(data) if sends else association.send_c_echo()
        statuses.append(int(answer.Status))
        association.release()
        return ""

    monkeypatch.setattr(builtins, "input", enter)
    source, replaced = re.subn(r"\b(11112|2762)\b", str(port), EXAMPLES[number])
    assert replaced == 1
    exec(compile(source, f"docs/embedding.md, example {number}", "exec"), {"__name__": "example"})
    (status,) = statuses
    return status, source


def test_all_examples_are_known() -> None:
    assert len(EXAMPLES) == 6


RETURNED = """
from typing_extensions import assert_type

from dcmrecv import AE, evt
from dcmrecv.receiver.ae_server import AssociationServer

def serve(ae: AE, block: bool) -> None:
    handlers = [(evt.EVT_C_ECHO, lambda event: 0x0000)]
    assert_type(ae.start_server(("", 11112), block=False, evt_handlers=handlers), AssociationServer)
    assert_type(ae.start_server(("", 11112), block), AssociationServer | None)
    assert_type(ae.make_server(("", 11112), evt_handlers=handlers), AssociationServer)
    ae.start_server(("", 11112))
    ae.start_server(("", 11112), True, evt_handlers=handlers)
"""


def test_the_examples_are_typed(tmp_path: Path) -> None:
    programs = {f"example{number}.py": source for number, source in enumerate([*EXAMPLES, RETURNED])}
    for name, source in programs.items():
        (tmp_path / name).write_text(source)
    check = [sys.executable, "-m", "mypy", "--strict", "--cache-dir", str(ROOT / ".mypy_cache"), *programs]
    path = {**os.environ, "MYPYPATH": str(ROOT / "src")}
    result = subprocess.run(check, cwd=tmp_path, capture_output=True, text=True, env=path)
    assert result.returncode == 0, result.stdout


@pytest.fixture
def incoming(tmp_path: Path) -> Path:
    directory = tmp_path / "incoming"
    directory.mkdir()
    return directory


def test_store_and_print(
    tmp_path: Path, incoming: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(0, tmp_path, monkeypatch)[0] == 0
    (path,) = incoming.iterdir()
    assert capsys.readouterr().out == f"SENDER sent incoming/{path.name}\n"


def test_the_built_in_handler(tmp_path: Path, incoming: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert run(1, tmp_path, monkeypatch)[0] == 0
    assert [path.suffix for path in incoming.rglob("CT*")] == [".dcm"]


def test_handlers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "handled").mkdir()
    assert run(2, tmp_path, monkeypatch)[0] == 0
    assert capsys.readouterr().out == "all received from 127.0.0.1\n"
    uid = dcmread(CT).SOPInstanceUID
    assert dcmread(tmp_path / "handled" / f"{uid}.dcm").SOPInstanceUID == uid


def test_a_profile(
    tmp_path: Path, incoming: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(3, tmp_path, monkeypatch)[0] == 0
    assert capsys.readouterr().out.startswith("listening on port ")
    assert len(list(incoming.iterdir())) == 1


def test_an_observer(
    tmp_path: Path, incoming: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(5, tmp_path, monkeypatch)[0] == 0
    (path,) = incoming.iterdir()
    assert capsys.readouterr().out == f"incoming/{path.name} {path.stat().st_size}\n"


def test_tls(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, pki: Path) -> None:
    for name, installed in (("server.key",) * 2, ("server.pem", "server.crt"), ("ca.pem", "ca.crt")):
        shutil.copy(pki / name, tmp_path / installed)
    client = ssl.create_default_context(cafile=str(pki / "ca.pem"))
    client.check_hostname = False
    client.load_cert_chain(pki / "client.pem", pki / "client.key")
    assert run(4, tmp_path, monkeypatch, (client, None))[0] == 0
