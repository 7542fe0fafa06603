"""The same data sets to two receivers, the reference's and ours: what differs, and which differences have a name.

As a program: ``python -m tests.support.differential --cases 500 --files`` (``--help`` for the rest).
"""

from __future__ import annotations

import argparse
import contextlib
import os
import re
import resource
import struct
import subprocess
import sys
import tempfile
import time
import zlib
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import cast

from dcmrecv import remarks
from dcmrecv.dataset.dictionary import builtin_dictionary
from dcmrecv.dataset.errors import DataSetError
from dcmrecv.dataset.rewriter import DataSetRewriter
from tests.support.rawscu import (
    CT_IMAGE,
    P_DATA,
    Association,
    Requestor,
    UnexpectedPdu,
    command_set,
    p_data,
)
from tests.support.server import START_SECONDS, free_port, is_listening
from tests.unit.dataset.generate import DEFLATED, EXPLICIT, Generator

__all__ = [
    "Case",
    "Receiver",
    "compare",
    "file_cases",
    "find_reference",
    "generated_cases",
    "ours",
    "reference",
]

LARGEST_PDV = 131060
ANSWER_SECONDS = 10.0
DYING_SECONDS = 1.0
LARGEST_FILE = 64 << 20
"""Where the reference loses its place it may go on to write gigabytes of what lies in its memory."""
SYNTAXES = (
    *("1.2.840.10008.1.2", "1.2.840.10008.1.2.1", "1.2.840.10008.1.2.2", "1.2.840.10008.1.2.1.99"),
    *("1.2.840.10008.1.2.4.50", "1.2.840.10008.1.2.4.51", "1.2.840.10008.1.2.4.57"),
    *("1.2.840.10008.1.2.4.70", "1.2.840.10008.1.2.4.80", "1.2.840.10008.1.2.4.81"),
    *("1.2.840.10008.1.2.4.90", "1.2.840.10008.1.2.4.91", "1.2.840.10008.1.2.5"),
)
PROFILE = (
    "[[TransferSyntaxes]]\n[All]\n"
    + "".join(f"TransferSyntax{i} = {uid}\n" for i, uid in enumerate(SYNTAXES, 1))
    + f"[[PresentationContexts]]\n[CT]\nPresentationContext1 = {CT_IMAGE}\\All\n"
    + "[[Profiles]]\n[Default]\nPresentationContexts = CT\n"
)
FOLLOWED = (3, 6, 8)
"""The version of the reference that is followed."""
GENERATED_UID = b"1.2.276.0.7230010.3.1.4."
GENERIC = {0x00020002: (b"1.2.276.0.7230010.3.1.0.1",), 0x00020003: (GENERATED_UID,)}
"""What the file meta information gets for UIDs that the data set does not have."""
SOP_INSTANCE = b"1.2.826.0.1.3680043.10.98.1"
COMMAND = {0x00020002: CT_IMAGE.encode() + b"\0", 0x00020003: SOP_INSTANCE + b"\0"}
"""The UIDs of the command as the file meta information has them."""
OWN_VALUES = frozenset((0x00020000, 0x00020012, 0x00020013))


@dataclass(frozen=True)
class Case:
    """A data set to send, and the fragments it is cut into."""

    name: str
    syntax: str
    data: bytes
    cuts: tuple[int, ...]

    def whole(self) -> Case:
        """Return the same in as few fragments as the receivers take."""
        count = -(-len(self.data) // LARGEST_PDV) or 1
        sizes = [LARGEST_PDV] * (count - 1) + [len(self.data) - LARGEST_PDV * (count - 1)]
        return Case(self.name, self.syntax, self.data, tuple(sizes))


@dataclass(frozen=True)
class Outcome:
    """How a receiver ended it: "0000", another status, "abort", "died" or "silent"; and the stored file."""

    end: str
    stored: bytes | None

    @property
    def comparable(self) -> tuple[str, dict[int, bytes], bytes]:
        """The outcome without what is each implementation's own (spec/storage.md 2)."""
        if self.stored is None:
            return self.end, {}, b""
        meta, data = _split_meta(self.stored)
        for tag in OWN_VALUES:
            meta.pop(tag, None)
        if meta.get(0x00020003, b"").startswith(GENERATED_UID):
            meta[0x00020003] = GENERATED_UID
        return self.end, meta, data


def _split_meta(stored: bytes) -> tuple[dict[int, bytes], bytes]:
    position = 132
    meta = {}
    while stored[position : position + 2] == b"\2\0":
        element, vr, length = struct.unpack_from("<H2sH", stored, position + 2)
        start = position + 8
        if vr == b"OB":
            (length,) = struct.unpack_from("<I", stored, start)
            start += 4
        if meta and element <= max(meta) & 0xFFFF:
            break  # the data set itself begins with elements of group 0002
        meta[0x00020000 | element] = stored[start : start + length]
        position = start + length
    return meta, stored[position:]


class Receiver:
    """A ``dcmrecv`` that is started again when it dies or stops answering."""

    def __init__(self, command: Sequence[str], directory: Path, environment: dict[str, str]) -> None:
        self.directory = directory
        self.version = _version(command)
        """That of DCMTK, three numbers."""
        self.port = free_port()
        directory.mkdir()
        profile = directory.parent / f"{directory.name}.cfg"
        profile.write_text(PROFILE)
        options = ["-xf", str(profile), "Default", "-od", str(directory), "-pdu", "131072", "-q"]
        self._command = [*command, *options, str(self.port)]
        self._environment = {**os.environ, **environment}
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> Receiver:
        """Start or start again."""
        self._process = subprocess.Popen(
            self._command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env=self._environment,
        )
        for limit, value in ((resource.RLIMIT_FSIZE, LARGEST_FILE), (resource.RLIMIT_AS, 16 * LARGEST_FILE)):
            resource.prlimit(self._process.pid, limit, (value, value))
        end = time.monotonic() + START_SECONDS
        while not is_listening(self.port):
            if self._process.poll() is not None or time.monotonic() > end:
                raise RuntimeError(f"{self._command[0]} does not listen")
            time.sleep(0.01)
        return self

    def stop(self) -> None:
        """End it."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def store(self, case: Case) -> Outcome:
        """Send *case* over an association of its own."""
        patience = 0.0
        try:
            end = self._send(case)
        except TimeoutError:
            end = "silent"
        except (ConnectionError, UnexpectedPdu):
            end = "abort"
            patience = DYING_SECONDS  # the connection of a process that dies ends first
        assert self._process is not None
        if end == "silent" or self._ends_within(patience):
            end = end if end == "silent" else "died"
            self.stop()
            self.start()
        stored = None
        for path in self.directory.iterdir():
            if end == "0000":
                stored = path.read_bytes()
            path.unlink()
        return Outcome(end, stored)

    def _ends_within(self, seconds: float) -> bool:
        assert self._process is not None
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(seconds)
        return self._process.poll() is not None

    def _send(self, case: Case) -> str:
        with Association(
            self.port,
            CT_IMAGE,
            Requestor(max_pdu=131072),
            transfer_syntaxes=(case.syntax,),
            timeout=ANSWER_SECONDS,
        ) as association:
            command: dict[int, bytes | int] = {
                0x0002: CT_IMAGE.encode(),
                0x0100: 1,
                0x0110: 1,
                0x0700: 0,
                0x0800: 1,
                0x1000: SOP_INSTANCE,
            }
            pdus = [p_data(3, command_set(command))]
            position = 0
            for number, size in enumerate(case.cuts, 1):
                pdus.append(p_data(2 * (number == len(case.cuts)), case.data[position : position + size]))
                position += size
            with contextlib.suppress(BrokenPipeError, ConnectionResetError):
                association.send(b"".join(pdus))
            kind, body = association.receive()
            if kind != P_DATA:
                return "abort"
            status = struct.unpack_from("<H", body, body.index(b"\0\0\0\x09\2\0\0\0") + 8)[0]
            with contextlib.suppress(OSError, UnexpectedPdu):
                association.release()
            return f"{status:04x}"


def _version(command: Sequence[str]) -> tuple[int, ...]:
    said = subprocess.run([*command, "--version"], capture_output=True, text=True, check=False).stdout
    found = re.search(r"^\$dcmtk: dcmrecv v(\d+)\.(\d+)\.(\d+)", said, re.MULTILINE)
    if found is None:
        raise ValueError(f"{command[0]} names no version")
    return tuple(map(int, found.groups()))


def find_reference() -> str | None:
    """Return the path of an installed ``dcmrecv`` that is a compiled program, not ours."""
    for directory in os.get_exec_path():
        path = Path(directory) / "dcmrecv"
        if path.is_file() and path.read_bytes()[:4] == b"\x7fELF":
            return str(path)
    return None


def reference(program: str, directory: Path, dictionary: str | None = None) -> Receiver:
    """Return the reference's receiver; *dictionary* is a value for DCMDICTPATH."""
    environment = {"TCP_NODELAY": "1"}
    if dictionary:
        environment["DCMDICTPATH"] = dictionary
    return Receiver([program], directory, environment)


def ours(directory: Path) -> Receiver:
    """Return the receiver of this project."""
    return Receiver([sys.executable, "-m", "dcmrecv"], directory, {})


# ---- cases -------------------------------------------------------------------------------------------


def generated_cases(seeds: Sequence[int]) -> Iterator[Case]:
    """Yield random nested data sets in every transfer syntax and encoding style, cut at random."""
    for seed in seeds:
        generator = Generator(seed, (0.0, 0.01, 0.04, 0.1)[seed % 4])
        data = generator.data_set()
        yield Case(f"seed {seed}", generator.syntax.decode(), data, tuple(generator.cuts(len(data))))


def file_cases() -> Iterator[Case]:
    """Yield pydicom's test files as they are: the bytes behind their file meta information."""
    from pydicom.data import get_testdata_files

    for name in sorted(get_testdata_files()):
        path = Path(name)
        if not path.is_file() or path.suffix in (
            ".md",
            ".py",
            ".json",
            ".zip",
            ".xml",
            ".txt",
            ".tar",
            ".csv",
        ):
            continue
        content = path.read_bytes()
        syntax = EXPLICIT.decode()
        if content[128:132] == b"DICM":
            meta, data = _split_meta(content)
            syntax = meta.get(0x00020010, EXPLICIT).split(b"\0")[0].decode()
        else:
            data = content
            syntax = "1.2.840.10008.1.2" if not content[4:6].isupper() else syntax
        if syntax not in SYNTAXES:
            continue
        data += bytes(len(data) & 1)
        parts = [16372] * (len(data) // 16372)
        if len(data) % 16372 or not parts:
            parts.append(len(data) % 16372)
        yield Case(f"{path.parent.name}/{path.name}", syntax, data, tuple(parts))


# ---- differences -------------------------------------------------------------------------------------


def _remarks(case: Case) -> list[remarks.Remark]:
    """Return what there is to be said of the data set."""
    found: list[remarks.Remark] = []
    rewriter = DataSetRewriter(case.syntax.encode(), dictionary=builtin_dictionary, note=found.append)
    with contextlib.suppress(DataSetError):
        rewriter.feed([memoryview(case.data)], True)
        rewriter.finish()
    return found


def _disordered(case: Case) -> bool:
    """Return whether elements are out of order or repeated (T1, T2)."""
    return any(remark.kind in (remarks.ELEMENT_ORDER, remarks.ELEMENT_TWICE) for remark in _remarks(case))


def _has_no_text_for_a_vr(case: Case) -> bool:
    """Return whether there is a VR of other characters than ASCII text."""
    codes = [remark.args[1] for remark in _remarks(case) if remark.kind is remarks.UNKNOWN_VR]
    return any(not 32 <= byte < 128 for code in codes for byte in cast("bytes", code))


def _ends_with_a_group_length(case: Case) -> bool:
    """Return whether the last bytes are the header of a group length (3.8 S8)."""
    data = case.data
    if case.syntax == DEFLATED.decode():
        with contextlib.suppress(zlib.error):
            data = zlib.decompressobj(-15).decompress(data)
    return len(data) >= 8 and data[-6:-4] == b"\0\0"


def _difference(first: Outcome, second: Outcome, version: tuple[int, ...] = FOLLOWED) -> str | None:
    """Return None if the outcomes are the same, else what is known about the difference; *version*: of *first*."""
    (end, meta, data), (our_end, our_meta, our_data) = first.comparable, second.comparable
    if end != our_end:
        return f"{end} there, {our_end} here"
    if data != our_data:
        return "stored data sets differ"
    changed = {tag for tag in meta.keys() | our_meta.keys() if meta.get(tag) != our_meta.get(tag)}
    if not changed:
        return None
    replaced = all(meta.get(tag, b"").rstrip(b"\0") in GENERIC.get(tag, ()) for tag in changed)
    if replaced and version != FOLLOWED:
        return "[a media storage UID is taken from an element of another VR by 3.6.8 alone]"
    if all(not meta.get(tag) and our_meta.get(tag) == COMMAND.get(tag) for tag in changed):
        return "[an empty media storage UID: the command's is taken]"
    return "file meta information differs"


def _named(case: Case, first: Outcome, second: Outcome, version: tuple[int, ...]) -> str | None:
    """Return `_difference`, by its name where only a later *version* of the reference does it (*first*)."""
    difference = _difference(first, second, version)
    if difference is None or version <= FOLLOWED:
        return difference
    if difference.startswith("abort there") and _has_no_text_for_a_vr(case):
        return "[a VR that is no text: refused since 3.6.9]"
    if difference == "stored data sets differ" and _ends_with_a_group_length(case):
        return "[a group length without its value at the very end: 3.6.8 dies of it, 3.7.0 stores it empty]"
    return difference


def compare(case: Case, theirs: Receiver, mine: Receiver) -> str | None:
    """Send *case* to both. Returns None if they did the same, else what is known about the difference.

    A name in brackets is a documented one; anything else is not explained.
    """
    first, second = theirs.store(case), mine.store(case)
    difference = _named(case, first, second, theirs.version)
    if difference is None or difference.startswith("["):
        return difference
    if second.end in ("died", "silent"):
        return f"ours: {second.end}"
    if first.end == "died":
        return "[the reference dies]"
    if len(case.cuts) > 1:
        whole = case.whole()
        remains = None
        if len(whole.cuts) == 1:
            remains = _named(whole, theirs.store(whole), mine.store(whole), theirs.version)
        if remains is None or remains.startswith("["):
            if _disordered(case):
                return "[out of order across fragments: the reference loses its place]"
            if case.syntax == DEFLATED.decode():
                return "[deflated, in these fragments only: the reference stores what lies in its memory]"
    return difference


def main() -> int:
    """Compare as the command line says; the exit status is 1 if a difference has no name."""
    parser = argparse.ArgumentParser(description="Send the same data sets to the reference and to dcmrecv.")
    parser.add_argument("--reference", default=find_reference(), help="the reference's dcmrecv")
    parser.add_argument("--dictionary", help="DCMDICTPATH for the reference")
    parser.add_argument("--cases", type=int, default=500, help="random data sets")
    parser.add_argument("--first", type=int, default=0, help="first seed")
    parser.add_argument("--files", action="store_true", help="pydicom's test files as well")
    parser.add_argument("--keep", type=Path, help="directory for data sets with unexplained differences")
    options = parser.parse_args()
    if not options.reference:
        parser.error("no dcmrecv found")
    counts: Counter[str] = Counter()
    with tempfile.TemporaryDirectory() as name, contextlib.ExitStack() as stack:
        theirs = reference(options.reference, Path(name) / "reference", options.dictionary)
        mine = ours(Path(name) / "ours")
        for receiver in (theirs, mine):
            stack.callback(receiver.stop)
            receiver.start()
        seeds = range(options.first, options.first + options.cases)
        for case in chain(file_cases() if options.files else (), generated_cases(seeds)):
            _count(case, compare(case, theirs, mine), counts, options.keep)
    for what, count in sorted(counts.items()):
        print(f"{count:8} {what}")
    return any(not what.startswith("[") and what != "same" for what in counts)


def _count(case: Case, difference: str | None, counts: Counter[str], keep: Path | None) -> None:
    counts[difference or "same"] += 1
    if difference and not difference.startswith("["):
        print(f"{case.name} ({case.syntax}, {len(case.data)} bytes): {difference}", flush=True)
        if keep is not None:
            keep.mkdir(parents=True, exist_ok=True)
            (keep / case.name.replace("/", "_").replace(" ", "_")).write_bytes(case.data)


if __name__ == "__main__":
    sys.exit(main())
