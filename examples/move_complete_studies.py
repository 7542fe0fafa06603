"""Move studies to another directory when nothing of them has come for a while.

    dcmrecv 11112 --accept-all --output-directory incoming --spool spool
    python move_complete_studies.py spool complete --quiet 60

Each study becomes one directory ``complete/STUDY-INSTANCE-UID`` that appears whole, by a rename. Objects that
come later make a second one, ``STUDY-INSTANCE-UID.2``. May be ended and started again at any time: a spool
file is removed only when all of its objects are where they belong.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from pydicom import dcmread
from pydicom.errors import InvalidDicomError

NO_STUDY = "without-study"
PART = ".part"


@dataclass
class Study:
    """What has come of a study: objects, and the spool files that name them."""

    objects: set[Path] = field(default_factory=set)
    spool_files: set[Path] = field(default_factory=set)
    last_seen: float = 0.0


def study_of(path: Path) -> str:
    """Return the Study Instance UID in the object at *path*, in a form that is safe as a directory name.

    The UID is what a sender wrote: anything but digits and single dots is not trusted. Raises
    FileNotFoundError.
    """
    try:
        data = dcmread(path, stop_before_pixels=True, specific_tags=["StudyInstanceUID"])
        element = data.get_item("StudyInstanceUID")  # unread: what is no UID shall not warn
        value = b"" if element is None else element.value
        uid = value.decode("ascii").rstrip("\0 ") if isinstance(value, bytes) else str(value)
    except FileNotFoundError:
        raise
    except (InvalidDicomError, OSError, ValueError, EOFError, NotImplementedError):
        return NO_STUDY
    return uid if re.fullmatch(r"\d+(\.\d+)*", uid) and len(uid) <= 64 else NO_STUDY


def _free(wanted: Path) -> Path:
    """Return *wanted*, or with a number behind it if that is taken: nothing is ever overwritten."""
    path, number = wanted, 1
    while path.exists():
        number += 1
        path = wanted.with_name(f"{wanted.name}.{number}")
    return path


class Mover:
    """Follows *spool* and moves the studies that are complete into *target*, on the same file system."""

    def __init__(
        self, spool: Path, target: Path, quiet: float, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """*quiet*: seconds without a new object after which a study is complete."""
        self._spool = spool
        self._target = target
        self._quiet = quiet
        self._clock = clock
        self._read: set[Path] = set()
        self._studies: dict[str, Study] = {}
        target.mkdir(parents=True, exist_ok=True)

    def step(self) -> list[Path]:
        """Read new spool files and move what is complete; return the new directories."""
        for path in sorted(self._spool.glob("[!.]*.jsonl")):
            if path not in self._read:
                self._read.add(path)
                self._take(path)
        self._finish_interrupted()
        now = self._clock()
        complete = [uid for uid, study in self._studies.items() if now - study.last_seen >= self._quiet]
        return [self._move(uid, self._studies.pop(uid)) for uid in complete]

    def _take(self, spool_file: Path) -> None:
        for line in spool_file.read_text("ascii").splitlines():
            path = Path(json.loads(line)["path"])
            try:
                uid = study_of(path)
            except FileNotFoundError:
                continue  # moved before we were ended
            study = self._studies.setdefault(uid, Study())
            study.objects.add(path)
            study.spool_files.add(spool_file)
            study.last_seen = self._clock()
        self._forget({spool_file})

    def _forget(self, spool_files: set[Path]) -> None:
        """Remove those of *spool_files* that no study waits for."""
        needed = set().union(*(study.spool_files for study in self._studies.values()))
        for path in spool_files - needed:
            path.unlink()
            self._read.discard(path)

    def _move(self, uid: str, study: Study) -> Path:
        part = self._target / (uid + PART)
        part.mkdir(exist_ok=True)
        for path in sorted(study.objects):
            if path.exists():
                path.rename(_free(part / path.name))
        finished = self._finish(part)
        self._forget(study.spool_files)
        return finished

    def _finish(self, part: Path) -> Path:
        return part.rename(_free(self._target / part.name.removesuffix(PART)))

    def _finish_interrupted(self) -> None:
        """Give directories their names that only lacked this when we were ended."""
        for part in self._target.glob("*" + PART):
            if part.name.removesuffix(PART) not in self._studies:
                self._finish(part)


def main(arguments: list[str] | None = None) -> int:
    """Run until interrupted, or with ``--once`` until nothing is left to wait for."""
    parser = argparse.ArgumentParser(description="Move complete studies out of a receiver's directory.")
    parser.add_argument("spool", type=Path, help="directory given to dcmrecv --spool")
    parser.add_argument("target", type=Path, help="where complete studies go")
    parser.add_argument("--quiet", type=float, default=60.0, help="seconds without a new object (60)")
    parser.add_argument("--once", action="store_true", help="end when all that is there has been moved")
    options = parser.parse_args(arguments)
    mover = Mover(options.spool, options.target, options.quiet)
    while True:
        for path in mover.step():
            print(path, flush=True)
        if options.once and not any(options.spool.glob("[!.]*.jsonl")):
            return 0
        time.sleep(min(1.0, options.quiet / 4 + 0.01))


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
