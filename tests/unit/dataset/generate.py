"""Random data sets, as odd as devices send them, from a seed."""

from __future__ import annotations

import random
import struct
import zlib

IMPLICIT = b"1.2.840.10008.1.2"
EXPLICIT = b"1.2.840.10008.1.2.1"
BIG_ENDIAN = b"1.2.840.10008.1.2.2"
DEFLATED = b"1.2.840.10008.1.2.1.99"
JPEG = b"1.2.840.10008.1.2.4.50"
SYNTAXES = (IMPLICIT, EXPLICIT, BIG_ENDIAN, DEFLATED, JPEG)

UNDEFINED = 0xFFFFFFFF
LONG = frozenset((b"OB", b"OW", b"OF", b"OD", b"OL", b"OV", b"SQ", b"SV", b"UC", b"UN", b"UR", b"UT", b"UV"))
PLAIN = [
    *(
        (0x00080005, b"CS"),
        (0x00080008, b"CS"),
        (0x00080016, b"UI"),
        (0x00080018, b"UI"),
        (0x00080020, b"DA"),
    ),
    *(
        (0x00080021, b"DA"),
        (0x00080060, b"CS"),
        (0x00080090, b"PN"),
        (0x00081030, b"LO"),
        (0x00100010, b"PN"),
    ),
    *(
        (0x00100020, b"LO"),
        (0x00104000, b"LT"),
        (0x00180050, b"DS"),
        (0x0020000D, b"UI"),
        (0x00200013, b"IS"),
    ),
    *(
        (0x00280010, b"US"),
        (0x00280103, b"US"),
        (0x00280106, b"US"),
        (0x00281201, b"OW"),
        (0x00283006, b"OW"),
    ),
    *(
        (0x00400280, b"ST"),
        (0x0040A160, b"UT"),
        (0x00420011, b"OB"),
        (0x54001004, b"US"),
        (0x54001010, b"OW"),
    ),
    *(
        (0x60003000, b"OW"),
        (0x00090010, b"LO"),
        (0x00091001, b"UN"),
        (0x00091002, b"SH"),
        (0x00189087, b"FD"),
    ),
    *(
        (0x00041220, b"SQ"),
        (0xFFFCFFFC, b"OB"),
        (0x00020010, b"UI"),
        (0x00000002, b"UI"),
        (0x00289999, b"UN"),
    ),
]
SEQUENCES = [0x00081115, 0x00082218, 0x00400275, 0x0040A730, 0x52009229, 0x00089215, 0x00091010]
ODD_VRS = [
    b"ZZ",
    b"OX",
    b"??",
    b"\0\0",
    b"ox",
    b"px",
    b"lt",
    b"xs",
    b"up",
    b"it",
    b"na",
    b"pi",
    b"aa",
    b"SS",
    b"AT",
]


class Generator:
    """Builds one data set; *oddity* is the chance of something unusual per element."""

    def __init__(self, seed: int, oddity: float = 0.04) -> None:
        self.random = random.Random(seed)
        self.oddity = oddity
        self.syntax = self.random.choice(SYNTAXES)
        self.explicit = self.syntax != IMPLICIT
        self.order = ">" if self.syntax == BIG_ENDIAN else "<"

    def odd(self, factor: float = 1.0) -> bool:
        """Return whether something unusual happens here."""
        return self.random.random() < self.oddity * factor

    def header(self, tag: int, vr: bytes, length: int, implicit: bool) -> bytes:
        """Return an element header."""
        order = "<" if implicit and self.explicit else self.order
        start = struct.pack(order + "HH", tag >> 16, tag & 0xFFFF)
        if implicit:
            return start + struct.pack(order + "I", length)
        if (
            vr in LONG
            or (vr.isalpha() and vr.isupper() and vr in (b"ZZ", b"OX"))
            or vr in (b"ox", b"px", b"lt")
        ):
            reserved = b"\1\2" if self.odd() else b"\0\0"
            return start + vr + reserved + struct.pack(order + "I", length)
        return start + vr + struct.pack(order + "H", length & 0xFFFF)

    def item_header(self, element: int, length: int, implicit: bool) -> bytes:
        """Return an item or delimiter header."""
        order = "<" if implicit and self.explicit else self.order
        return struct.pack(order + "HHI", 0xFFFE, element, length)

    def value(self, vr: bytes) -> bytes:
        """Return a value for *vr*."""
        size = {b"US": 2, b"SS": 2, b"FD": 8, b"UL": 4, b"AT": 4}.get(vr, self.random.randrange(0, 24, 2))
        if self.random.random() < 0.01:
            size = self.random.choice((300, 5000, 70000 if vr in LONG else 65534))
        if self.odd():
            size += 1
        if vr == b"UI":
            return (b"1.2." + b"3" * 80)[:size]
        return (
            self.random.randbytes(size) if vr in LONG else bytes(self.random.choices(b"ABC 123\0\\", k=size))
        )

    def sequence(self, depth: int, implicit: bool) -> bytes:
        """Return items; the caller writes the header."""
        out = []
        for _ in range(self.random.randrange(3)):
            body = self.item(depth + 1, implicit)
            if self.random.random() < 0.5:
                length = len(body) + (self.random.choice((-2, 2, 8)) if self.odd(0.3) else 0)
                out.append(self.item_header(0xE000, max(length, 0), implicit) + body)
            else:
                delimiter = self.item_header(0xE00D, 4 if self.odd() else 0, implicit)
                out.append(self.item_header(0xE000, UNDEFINED, implicit) + body + delimiter)
        return b"".join(out)

    def element(self, tag: int, vr: bytes, depth: int, implicit: bool) -> bytes:
        """Return one element."""
        if vr == b"SQ":
            unknown = not implicit and self.odd(2)
            content = self.sequence(depth, implicit or unknown)
            if unknown:
                vr = self.random.choice((b"UN", b"UN", b"??"[:2]))
                if vr == b"??":
                    vr = b"UN"
            if unknown or self.random.random() < 0.5:
                content += self.item_header(0xE0DD, 2 if self.odd() else 0, implicit or unknown)
                return self.header(tag, vr, UNDEFINED, implicit) + content
            return self.header(tag, vr, len(content), implicit) + content
        if not implicit and self.odd():
            vr = self.random.choice(ODD_VRS)
        value = self.value(vr)
        length = len(value) + (2 if self.odd(0.1) else 0)
        return self.header(tag, vr, length, implicit) + value

    def item(self, depth: int, implicit: bool) -> bytes:
        """Return the elements of one item, mostly in order."""
        elements = self.random.sample(PLAIN, self.random.randrange(0, 9 if depth else 25))
        if depth < 5:
            elements += [(tag, b"SQ") for tag in self.random.sample(SEQUENCES, self.random.randrange(0, 3))]
        if self.odd(3):
            for tag, _ in list(elements):
                if self.random.random() < 0.3:
                    elements.append((tag & 0xFFFF0000, b"UL"))
        elements = list(dict.fromkeys(elements))
        if not depth:
            elements += [(0x00080016, b"UI"), (0x00080018, b"UI")]
        if not self.odd(2):
            elements = sorted(set(elements))
            elements = [e for i, e in enumerate(elements) if not i or elements[i - 1][0] != e[0]]
        elif elements:
            elements.sort()
            elements.insert(self.random.randrange(len(elements)), self.random.choice(elements))
        return b"".join(self.element(tag, vr, depth, implicit) for tag, vr in elements)

    def pixel_data(self) -> bytes:
        """Return Pixel Data fit for the transfer syntax."""
        if self.syntax != JPEG:
            return self.header(0x7FE00010, b"OW", 64, not self.explicit) + self.random.randbytes(64)
        out = self.header(0x7FE00010, self.random.choice((b"OB", b"OW")), UNDEFINED, False)
        for _ in range(self.random.randrange(4)):
            fragment = self.random.randbytes(self.random.randrange(0, 40, 1 if self.odd(3) else 2))
            out += self.item_header(0xE000, len(fragment), False) + fragment
        return out + self.item_header(0xE0DD, 0, False)

    def data_set(self) -> bytes:
        """Return the whole data set, of even length."""
        data = self.item(0, not self.explicit)
        if self.random.random() < 0.6:
            data += self.pixel_data()
        if self.odd(2):
            data = data[: self.random.randrange(len(data) + 1)]
        elif self.odd(2):
            data += bytes(self.random.randrange(0, 20, 2))
        if self.syntax == DEFLATED:
            deflate = zlib.compressobj(6, zlib.DEFLATED, -15, 8)
            data = deflate.compress(data) + deflate.flush()
        return data + bytes(len(data) & 1)

    def cuts(self, size: int) -> list[int]:
        """Return even fragment sizes that add up to *size*."""
        if self.random.random() < 0.4:
            return [16372] * (size // 16372) + ([size % 16372] if size % 16372 or not size else [])
        cuts = []
        mean = self.random.choice((4, 60, 3000))
        while size > 0:
            cut = min(size, 2 * (1 + int(self.random.expovariate(1 / mean))), 16372)
            cuts.append(cut)
            size -= cut
        return cuts or [0]


class Repetition:
    """Functional groups as a multi-frame object has them, encoded one way."""

    def __init__(self, syntax: bytes, seed: int, clean: bool = False) -> None:
        self.random = random.Random(seed)
        self.order = ">" if syntax == BIG_ENDIAN else "<"
        self.explicit = syntax != IMPLICIT
        self.clean = clean

    def element(self, tag: int, vr: bytes, value: bytes) -> bytes:
        start = struct.pack(self.order + "HH", tag >> 16, tag & 0xFFFF)
        if not self.explicit:
            return start + struct.pack(self.order + "I", len(value)) + value
        if vr in (b"OB", b"UT", b"SQ"):
            return start + vr + struct.pack(self.order + "HI", 0, len(value)) + value
        return start + vr + struct.pack(self.order + "H", len(value)) + value

    def sequence(self, tag: int, content: bytes) -> bytes:
        header = struct.pack(self.order + "HHI", 0xFFFE, 0xE000, len(content))
        item = header + content
        if self.random.random() < 0.3:
            item = header[:4] + b"\xff" * 4 + content + struct.pack(self.order + "HHI", 0xFFFE, 0xE00D, 0)
        if self.random.random() < 0.3:
            whole = self.element(tag, b"SQ", item)
            size = len(whole) - len(item)
            end = struct.pack(self.order + "HHI", 0xFFFE, 0xE0DD, 0)
            return whole[: size - 4] + struct.pack(self.order + "I", UNDEFINED) + item + end
        return self.element(tag, b"SQ", item)

    def text(self) -> bytes:
        return b"%d" % 10 ** self.random.choice((1, 3, 3, 5)) if not self.clean else b"10"

    def frame(self) -> bytes:
        code = self.sequence(0x00089215, self.element(0x00080100, b"SH", self.text()))
        last = self.element(0x00281051, b"DS", self.text())
        broken = 1.0 if self.clean else self.random.random()
        if broken < 0.02:
            last += self.element(0x00281050, b"DS", self.text())
        elif broken < 0.04:
            last += self.element(0x00281052, b"DS", b"1")
        elif broken < 0.06:
            last = last[:-2]
        elif broken < 0.08:
            last += self.element(0x00283010, b"OB", b"12")
        plane = self.element(0x00200032, b"DS", self.text())
        return (
            self.sequence(0x00209113, code + plane if self.clean else plane + code)
            + self.sequence(0x00289132, self.element(0x00281050, b"DS", self.text()) + last)
            + self.sequence(0x0040A170, self.element(0x00420011, b"OB", self.text()))
        )

    def data_set(self) -> bytes:
        head = self.element(0x00080016, b"UI", b"1.2.3\0") + self.element(0x00080018, b"UI", b"1.2.4\0")
        if self.clean:
            frames = [self.frame() for _ in range(self.random.randrange(12))]
            items = [struct.pack(self.order + "HHI", 0xFFFE, 0xE000, len(frame)) + frame for frame in frames]
            return head + self.element(0x52009230, b"SQ", b"".join(items))
        items = [self.sequence(0x52009230, self.frame()) for _ in range(self.random.randrange(12))]
        start = len(self.element(0x52009230, b"SQ", b""))
        return head + self.element(
            0x52009230, b"SQ", b"".join(item[start:] for item in items if item[start:])
        )
