"""``--log-json``: one JSON object (RFC 8259) per message and line. An addition to the reference.

Keys, in this order: ``time`` (RFC 3339, UTC, milliseconds), ``level``, ``logger``, ``association`` and
``peer`` (messages of a connection only), ``message``, then the event fields. A byte that is no UTF-8 is
written as ``\\xNN`` in the text, so every line is valid UTF-8. Control characters are escaped, all of them.
"""

from __future__ import annotations

import json
import time

from dcmrecv.config import LogLevel
from dcmrecv.log.api import Fields
from dcmrecv.log.descriptor_writer import encode

__all__ = ["json_line"]

_encode_json = json.JSONEncoder(ensure_ascii=False, separators=(", ", ": "), default=str).encode
_ESCAPES = {code: f"\\u{code:04x}" for code in (*range(0x7F, 0xA0), 0x2028, 0x2029)}
"""Control characters and ends of lines that JSON allows as they are; a peer may have sent them."""


def _timestamp(seconds: float) -> str:
    """Return *seconds* since the epoch as RFC 3339 in UTC with milliseconds."""
    whole, milliseconds = divmod(int(seconds * 1000), 1000)
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(whole)) + f".{milliseconds:03d}Z"


def _clean(value: object) -> object:
    if isinstance(value, str) and not value.isascii():
        return encode(value).decode("utf-8", "backslashreplace")
    if isinstance(value, bytes):
        return value.decode("utf-8", "backslashreplace")
    return value


def json_line(
    name: str,
    level: LogLevel,
    text: str,
    fields: Fields | None,
    identity: str,
    peer: str,
    seconds: float | None = None,
) -> str:
    """Return one message as a JSON object and a newline; without *seconds* it is of now."""
    stamp = _timestamp(time.time() if seconds is None else seconds)
    record: dict[str, object] = {"time": stamp, "level": level.name, "logger": name}
    if identity:
        record["association"] = identity
    if peer:
        record["peer"] = peer
    record["message"] = _clean(text)
    if fields:
        for key, value in fields.items():
            record.setdefault(key, _clean(value))
    line = _encode_json(record)
    return (line if line.isprintable() else line.translate(_ESCAPES)) + "\n"
