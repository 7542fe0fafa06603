"""The text of a remark: its kind has the template (`dcmrecv.remarks`), here is what goes into it."""

from __future__ import annotations

from collections.abc import Callable

from dcmrecv.remarks import Remark
from dcmrecv.text import printable

__all__ = ["remark_text"]


def _tag(tag: int) -> str:
    """Return *tag* as the reference prints it."""
    return "(????,????)" if tag == 0xFFFFFFFF else f"({tag >> 16:04x},{tag & 0xFFFF:04x})"


def remark_text(
    remark: Remark,
    keyword: Callable[[int, int], str],
    calling: str = "",
    called: str = "",
    syntax_name: Callable[[bytes], str] = printable,
) -> str:
    """Return the text of *remark*; *keyword* names the element of a group and element number."""
    template, args = remark.kind.text, remark.args
    values = {"calling": calling, "called": called}
    first, second = (*args, None, None)[:2]
    if isinstance(first, int):
        values["tag"] = _tag(first)
        if "{keyword}" in template:
            values["keyword"] = keyword(first >> 16, first & 0xFFFF)
    if isinstance(second, int):
        values["tag1"] = _tag(second)
    if isinstance(second, bytes):
        values["vr"] = printable(bytes(max(byte, 0x20) for byte in second))
        values["hex"] = "\\".join(f"{byte:02x}" for byte in second)
    if "{kind}" in template:
        values["kind"] = "of" if args[3] else "that is different from"
    if "{name}" in template and isinstance(first, bytes):
        values["name"] = syntax_name(first)
    shown = [printable(each) if isinstance(each, bytes) else each for each in args]
    return template.format(*shown, **values)
