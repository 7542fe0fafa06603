"""Copy every received object to S3-compatible object storage.

    python to_s3.py spool --bucket images --endpoint http://storage:9000 [--remove]

The key is made of the UIDs in the spool line, so a repetition writes the same object under the same key. An object
is delivered when its copy is verified: S3 makes the ETag of the MD5 of what arrived, which is compared with that of
the file; a storage that makes its ETags in another way is asked for the object, and all bytes are compared. With
``--remove`` the local file goes then, and not before. Large objects go in parts.

Credentials come from the environment (AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY). Needs obstore.
"""

from __future__ import annotations

import hashlib
import re
import sys
from pathlib import Path
from typing import BinaryIO

import obstore
from follow import Line, Rejected, arguments, main, object_file
from obstore.exceptions import BaseError, NotFoundError
from obstore.store import S3Store

PART = 8 * 1024 * 1024
"""Bytes of a part; an object of at most this size goes in one request."""


def key_of(line: Line, prefix: str = "") -> str:
    """Return the key: study, series and object, as far as the spool knows them."""
    names = [line.get("study_instance_uid"), line.get("series_instance_uid"), line["sop_instance_uid"]]
    safe = [re.sub(r"[^0-9A-Za-z.-]", "_", name) for name in names if name]
    if not safe or not line["sop_instance_uid"]:
        raise Rejected("no SOP Instance UID")
    return "/".join([*filter(None, [prefix.strip("/")]), *safe]) + ".dcm"


def etag_of(file: BinaryIO) -> str:
    """Return the ETag that S3 gives to the contents of *file*, sent in parts of `PART` bytes."""
    digests = []
    while part := file.read(PART):
        digests.append(hashlib.md5(part, usedforsecurity=False).digest())
    if len(digests) <= 1:
        return (digests[0] if digests else hashlib.md5(b"", usedforsecurity=False).digest()).hex()
    return f"{hashlib.md5(b''.join(digests), usedforsecurity=False).hexdigest()}-{len(digests)}"


class ToS3:
    """Delivers to one bucket."""

    def __init__(self, store: S3Store, *, prefix: str = "", remove: bool = False) -> None:
        self._store = store
        self._prefix = prefix
        self._remove = remove

    def __call__(self, line: Line) -> None:
        """Deliver; raises OSError for what may succeed later."""
        key = key_of(line, self._prefix)
        path = Path(line["path"])
        if self._remove and not path.is_file() and self._size(key) == line["bytes"]:
            return  # delivered and removed before we were ended
        path = object_file(line)
        with open(path, "rb") as file:
            expected = etag_of(file)
            if not self._was_there(key, expected, path):
                file.seek(0)
                try:
                    obstore.put(
                        self._store, key, file, chunk_size=PART, use_multipart=path.stat().st_size > PART
                    )
                    if not self._is_there(key, expected, path):
                        raise OSError(f"{key}: what is stored is not what was sent")
                except BaseError as error:
                    raise OSError(f"{key}: {error}") from error
        if self._remove:
            path.unlink()

    def _was_there(self, key: str, etag: str, path: Path) -> bool:
        """Return whether an earlier attempt delivered; if the storage cannot say, False: sending again does no harm.

        A storage that died while it wrote an object may fail to answer for it until it is written again.
        """
        try:
            return self._is_there(key, etag, path)
        except BaseError:
            return False

    def _is_there(self, key: str, etag: str, path: Path) -> bool:
        """Return whether *key* holds what the file *path*, of *etag*, holds."""
        try:
            found = obstore.head(self._store, key)
        except (NotFoundError, FileNotFoundError):
            return False
        if found["size"] != path.stat().st_size:
            return False
        if (found["e_tag"] or "").strip('"') == etag:
            return True
        with open(path, "rb") as file:
            chunks = obstore.get(self._store, key).stream(min_chunk_size=PART)
            return all(bytes(chunk) == file.read(len(chunk)) for chunk in chunks)

    def _size(self, key: str) -> int | None:
        try:
            return obstore.head(self._store, key)["size"]
        except (NotFoundError, FileNotFoundError):
            return None
        except BaseError as error:
            raise OSError(str(error)) from error


if __name__ == "__main__":
    parser = arguments("Copy received objects to S3-compatible storage.")
    parser.add_argument("--bucket", required=True)
    parser.add_argument("--endpoint", help="URL of the storage (default: AWS)")
    parser.add_argument("--region", default="us-east-1")
    parser.add_argument("--prefix", default="", help="begin every key with this")
    parser.add_argument(
        "--remove", action="store_true", help="remove the local file once the copy is verified"
    )
    chosen = parser.parse_args()
    more = (
        {}
        if chosen.endpoint is None
        else {"endpoint": chosen.endpoint, "virtual_hosted_style_request": False}
    )
    bucket = S3Store(
        chosen.bucket,
        region=chosen.region,
        client_options={"allow_http": True, "timeout": "60s"},
        retry_config={"max_retries": 0},
        **more,
    )
    sys.exit(main(chosen, ToS3(bucket, prefix=chosen.prefix, remove=chosen.remove)))
