"""Replay recordings of the reference: one logger configuration, one C-ECHO, one C-STORE, SIGTERM.

Each case says how the program is called and what it printed, wrote and sent. ``modes`` loosens an item:
``prefix`` (more than the reference is fine: it loses unflushed text), ``any``, ``sorted``.
"""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import struct
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from tests.golden.log.normal import Run, socket_events
from tests.support.programs import STRICT
from tests.support.rawscu import CT_IMAGE, VERIFICATION, Association, Requestor, UnexpectedPdu
from tests.support.server import free_port

HERE = Path(__file__).resolve().parent
CASES: dict[str, dict[str, Any]] = {}
for _path in sorted((HERE / "cases").glob("*.json")):
    CASES.update(json.loads(_path.read_text()))

DIFFERENT = {
    "c03-root-unknown": "ends with a clear error and exit code 1 instead of SIGABRT",
    "c04-root-inherited": "ends with a clear error and exit code 1 instead of SIGABRT",
    "h09-pattern-location": "the place in the source is ours; a C++ signature ends in `const`",
    "a05-trace": "the trace level is best effort: PDUs as they are parsed are not shown",
    "c36-logger-trace-dimse": "the trace level is best effort: PDUs as they are parsed are not shown",
    "j11-dict-names-in-dump": "the trace level is best effort: PDUs as they are parsed are not shown",
    "j13-dict-empty-file-run": "a dictionary that makes every association fail is said once at start",
    "j23-ds-text-as-sq": "the uninitialised context number of one line is the real one",
}
"""Deliberate differences to the reference."""

INSTANCE = "1.2.826.0.1.3680043.8.498.26001"
PEER_CLASS = "1.2.276.0.7230010.3.0.3.6.7"
PEER_VERSION = "OFFIS_DCMTK_367"
LAUNCH = "import sys; sys.argv[0] = 'dcmrecv'; from dcmrecv.__main__ import main; sys.exit(main())"
SETTLE = 0.1

pytestmark = pytest.mark.golden


class Collector:
    """Take what an appender sends to a UDP or TCP port."""

    def __init__(self, kind: str) -> None:
        self.kind = kind
        self.received: list[bytes] = []
        self._stop = threading.Event()
        stream = kind == "tcp"
        self._link = socket.socket(socket.AF_INET, socket.SOCK_STREAM if stream else socket.SOCK_DGRAM)
        self._link.bind(("127.0.0.1", 0))
        if stream:
            self._link.listen(4)
        self.port: int = self._link.getsockname()[1]
        self._link.settimeout(0.05)
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                if self.kind == "udp":
                    self.received.append(self._link.recv(65536))
                else:
                    self.received.append(self._stream(self._link.accept()[0]))
            except TimeoutError:
                continue

    def _stream(self, link: socket.socket) -> bytes:
        data = b""
        with link:
            link.settimeout(5)
            while chunk := link.recv(65536):
                data += chunk
        return data

    def finish(self) -> str:
        """Return everything as the recordings have it."""
        time.sleep(0.1)
        self._stop.set()
        self._thread.join(10)
        self._link.close()
        if self.kind == "udp":
            return "".join(data.decode("utf-8", "replace") + "<<EOD>>\n" for data in self.received)
        return "".join("\n".join(socket_events(data)) + "\n<<CLOSED>>\n" for data in self.received)


def listening(port: int) -> bool:
    """Look into the kernel's table: a connection would be seen by the program."""
    lines = Path("/proc/net/tcp").read_text().splitlines()[1:]
    fields = (line.split() for line in lines)
    return any(f[3] == "0A" and f[1].endswith(f":{port:04X}") for f in fields)


def fill(text: str, values: dict[str, str]) -> str:
    for token, value in values.items():
        text = text.replace(token, value)
    return text


def make_files(case: dict[str, Any], scratch: Path, values: dict[str, str]) -> None:
    for name in ("d", *case.get("mkdirs", [])):
        (scratch / name).mkdir(parents=True, exist_ok=True)
    for name, content in case.get("files", {}).items():
        name = time.strftime(name, time.gmtime()) if "%" in name else name
        if isinstance(content, dict):
            line = f"old {name} "[:40].ljust(63, ".") + "\n"
            content = (line * (content["fill"] // 64 + 1))[: content["fill"]]
        elif content.startswith("MINI -"):
            lines = (HERE / "mini.dic").read_text().splitlines(keepends=True)
            content = "".join(line for line in lines if content[6:] not in line)
        (scratch / name).write_text(fill(content, values))
    if "config" in case:
        (scratch / "logger.cfg").write_bytes(fill(case["config"], values).encode("latin-1"))


def data_set() -> bytes:
    raw = (HERE / "impl.dcm").read_bytes()
    return raw[144 + struct.unpack("<I", raw[140:144])[0] :]


def send(step: str, port: int) -> str:
    """Run one association and return what came of it in the recordings' words."""
    echo = step == "echo"
    who = Requestor(
        calling="ECHOSCU" if echo else "STORESCU",
        implementation_class=PEER_CLASS,
        implementation_version=PEER_VERSION,
    )
    try:
        with Association(port, VERIFICATION if echo else CT_IMAGE, who) as association:
            status = association.echo() if echo else association.store(INSTANCE, data_set())
            association.release()
    except UnexpectedPdu as error:
        return f"{step} pdu-{error.kind}"
    except OSError:
        return f"{step} failed"
    return f"{step} status-{status:04x} release-6"


def take_step(step: str, scratch: Path, port: int) -> str | None:
    if step.startswith("sleep"):
        time.sleep(float(step[5:]))
    elif step.startswith("mkdir "):
        (scratch / step[6:]).mkdir(parents=True)
    elif step.startswith("remove "):
        (scratch / step[7:]).unlink()
    else:
        outcome = send(step, port)
        time.sleep(SETTLE)
        return outcome
    return None


def replay(case: dict[str, Any], scratch: Path) -> dict[str, Any]:
    """Run *case* in the empty directory *scratch*; return its items as the recordings have them."""
    port = free_port()
    collectors = [Collector(kind) for kind in case.get("listen", [])]
    ports = {f"{c.kind.upper()}PORT": c.port for c in collectors}
    # A case may name a port nobody listens on.
    values = {"@DIR@": str(scratch), "@COMMON@": str(HERE), "@PORT@": str(port)}
    for kind in ("UDP", "TCP"):
        values[f"@{kind}@"] = str(ports.setdefault(f"{kind}PORT", free_port()))
    make_files(case, scratch, values)
    zone = case.get("env", {}).get("TZ", "UTC0")
    environment = os.environ | {"DCMDICTPATH": str(HERE / "mini.dic"), "TZ": zone}
    for name in ("QUIETMODE", "DEBUGENABLED"):
        environment.pop(f"DCMTK_LOG4CPLUS_LOGLOG_{name}", None)
    environment |= {name: fill(value, values) for name, value in case.get("env", {}).items()}
    options = [fill(option, values) for option in case.get("args", ["-lc", "logger.cfg"])]
    options += ["-dhl", "-xf", str(HERE / "scp.cfg"), "Default", "-od", case.get("od", "d"), str(port)]
    start = time.time()
    outcome: dict[str, Any] = {}
    with (scratch / ".stdout").open("wb") as out, (scratch / ".stderr").open("wb") as err:
        process = subprocess.Popen(
            [sys.executable, *STRICT, "-c", LAUNCH, *options],
            cwd=scratch,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=err,
        )
        try:
            limit = time.monotonic() + 20
            while process.poll() is None and not listening(port) and time.monotonic() < limit:
                time.sleep(0.01)
            outcome["listening"] = process.poll() is None and listening(port)
            if outcome["listening"]:
                steps = (take_step(s, scratch, port) for s in case.get("steps", ["echo", "store"]))
                outcome["scu"] = [text for text in steps if text is not None]
                process.send_signal(signal.SIGTERM)
            outcome["rc"] = process.wait(30)
        finally:
            if process.poll() is None:
                process.kill()
                process.wait(10)
    items: dict[str, Any] = {c.kind: c.finish() for c in collectors}
    run = Run(
        str(scratch), str(HERE), port, process.pid, start, time.time(), zone, ports, case.get("norm", [])
    )
    items = {kind: run.text(text) for kind, text in items.items()}
    return items | results(case, scratch, run, outcome)


def results(case: dict[str, Any], scratch: Path, run: Run, outcome: dict[str, Any]) -> dict[str, Any]:
    """Collect the items that are files."""
    items: dict[str, Any] = {
        name: run.text((scratch / f".{name}").read_bytes().decode("utf-8", "replace"))
        for name in ("stdout", "stderr")
    }
    listing: list[str] = []
    data = ""
    names = sorted(str(p.relative_to(scratch)) for p in scratch.rglob("*") if p.is_file())
    for name in names:
        if name in (".stdout", ".stderr", "logger.cfg") or name.endswith(".dic"):
            continue
        shown = run.text(name)
        listing.append(shown)
        raw = (scratch / name).read_bytes()
        if name.startswith("d/") and not case.get("check_dataset"):
            continue
        if name.startswith("d/"):
            body = raw[144 + struct.unpack("<I", raw[140:144])[0] :]
            rows = (body[i : i + 32].hex(" ", 2) for i in range(0, len(body), 32))
            data += f"{shown}: {len(body)} bytes after the meta header\n" + "".join(f"{r}\n" for r in rows)
            continue
        text = raw.decode("utf-8", "replace")
        tail = case.get("tail", 0)
        if tail:
            text = f"[{len(text)} bytes]\n" + text[-tail:] if len(text) > 2 * tail else text
            text = re.sub(r"^\[\d+ bytes\]", "[large]", text)
        items["file_" + shown.replace("/", "_")] = run.text(text)
    if case.get("check_dataset"):
        items["dataset"] = data
    items["meta"] = outcome | {"files": listing}
    return items


def loosened(mode: str, expected: Any, got: Any) -> Any:
    """Return *got*, or *expected* where the mode of the item accepts *got*."""
    accepted = (
        mode == "any"
        or (mode == "prefix" and got is not None and got.startswith(expected))
        or (mode == "sorted" and sorted(got.splitlines()) == sorted(expected.splitlines()))
    )
    return expected if accepted else got


@pytest.mark.parametrize("name", [name for name in CASES if name not in DIFFERENT])
def test_recording(name: str, tmp_path: Path) -> None:
    case = CASES[name]
    scratch = (tmp_path / "run").resolve()
    scratch.mkdir()
    got = replay(case, scratch)
    expected = case["expect"]
    modes = case.get("modes", {})
    for item in sorted(expected.keys() | got.keys()):
        wanted = expected.get(item)
        assert loosened(modes.get(item, "equal"), wanted, got.get(item)) == wanted, item


def test_differences_name_recordings() -> None:
    assert set(DIFFERENT) <= set(CASES)
