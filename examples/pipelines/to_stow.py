"""Store every received object at a DICOMweb server (STOW-RS, PS3.18 section 10.5).

    python to_stow.py spool --url http://archive:8042/dicom-web [--remove]

A server takes an object that it has already as that object again, so a repetition is harmless. An object is delivered
when the answer names it among the stored ones (Referenced SOP Sequence). One that the server refuses by its failure
reason is set aside, one that it could not take now (HTTP 429, 5xx) is repeated. Needs httpx.
"""

from __future__ import annotations

import sys
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
from follow import Line, Rejected, arguments, main, object_file

CHUNK = 1 << 20
_FAILED, _REFERENCED, _REASON, _INSTANCE = "00081198", "00081199", "00081197", "00081155"
OUT_OF_RESOURCES = range(0xA700, 0xA800)
"""Failure reasons that may be others the next time (PS3.18 table 10.5.3-3)."""


class ToStow:
    """Delivers to one DICOMweb server."""

    def __init__(self, url: str, *, remove: bool = False) -> None:
        self._qido = url.rstrip("/")
        self._url = self._qido + "/studies"
        self._remove = remove
        self._client = httpx.Client(timeout=60.0)

    def __call__(self, line: Line) -> None:
        """Deliver; raises OSError for what may succeed later."""
        if self._remove and not Path(line["path"]).is_file() and self._has(line["sop_instance_uid"]):
            return  # delivered and removed before we were ended
        path = object_file(line)
        boundary = uuid.uuid4().hex
        head = f"--{boundary}\r\nContent-Type: application/dicom\r\n\r\n".encode()
        tail = f"\r\n--{boundary}--\r\n".encode()
        headers = {
            "Content-Type": f'multipart/related; type="application/dicom"; boundary={boundary}',
            "Content-Length": str(len(head) + path.stat().st_size + len(tail)),
            "Accept": "application/dicom+json",
        }
        try:
            answer = self._client.post(self._url, headers=headers, content=_body(head, path, tail))
        except httpx.HTTPError as error:
            raise OSError(f"{type(error).__name__}: {error}") from error
        if answer.status_code == httpx.codes.TOO_MANY_REQUESTS or answer.status_code >= 500:
            raise OSError(f"HTTP {answer.status_code}")
        self._judge(answer, line["sop_instance_uid"])
        if self._remove:
            path.unlink()

    def _has(self, instance: str) -> bool:
        try:
            answer = self._client.get(f"{self._qido}/instances", params={"SOPInstanceUID": instance})
        except httpx.HTTPError as error:
            raise OSError(f"{type(error).__name__}: {error}") from error
        return answer.status_code == httpx.codes.OK and bool(answer.json())

    def _judge(self, answer: httpx.Response, instance: str) -> None:
        try:
            found: dict[str, Any] = answer.json()
        except ValueError:
            raise Rejected(f"HTTP {answer.status_code}: {answer.text[:100]}") from None
        for item in found.get(_FAILED, {}).get("Value", []):
            reason = item.get(_REASON, {}).get("Value", [0])[0]
            if reason in OUT_OF_RESOURCES:
                raise OSError(f"failure reason {reason:#06x}")
            raise Rejected(f"failure reason {reason:#06x}")
        stored = [item[_INSTANCE]["Value"][0] for item in found.get(_REFERENCED, {}).get("Value", [])]
        if instance not in stored:
            raise Rejected(f"HTTP {answer.status_code}: not among the stored objects")


def _body(head: bytes, path: Path, tail: bytes) -> Iterator[bytes]:
    yield head
    with open(path, "rb") as file:
        while chunk := file.read(CHUNK):
            yield chunk
    yield tail


if __name__ == "__main__":
    parser = arguments("Store received objects at a DICOMweb server (STOW-RS).")
    parser.add_argument("--url", required=True, help="base of the DICOMweb service")
    parser.add_argument("--remove", action="store_true", help="remove the local file once it is stored there")
    chosen = parser.parse_args()
    sys.exit(main(chosen, ToStow(chosen.url, remove=chosen.remove)))
