from __future__ import annotations

import os
from pathlib import Path

import pytest

from dcmrecv.config import NetworkConfig
from dcmrecv.server.admission import Admission, AllowListError, Refused, read_titles, read_values


@pytest.mark.parametrize(
    ("listed", "host", "is_admitted"),
    [
        ((), "203.0.113.9", True),
        (("192.0.2.1",), "192.0.2.1", True),
        (("192.0.2.1",), "192.0.2.2", False),
        (("192.0.2.0/24", "2001:db8::/32"), "192.0.2.200", True),
        (("192.0.2.0/24", "2001:db8::/32"), "2001:db8::7", True),
        (("192.0.2.0/24", "2001:db8::/32"), "2001:db9::7", False),
        (("192.0.2.0/24",), "::ffff:192.0.2.7", True),
        (("192.0.2.0/24",), "::ffff:192.0.3.7", False),
        (("fe80::/10",), "fe80::1%eth0", True),
    ],
)
def test_addresses_and_networks(listed: tuple[str, ...], host: str, is_admitted: bool) -> None:
    admission = Admission(NetworkConfig(allow_hosts=listed))
    if is_admitted:
        assert not admission.enter(host)
        return
    with pytest.raises(Refused, match="address"):
        admission.enter(host)


@pytest.mark.parametrize("value", ["pacs", "192.0.2.1/8", "192.0.2.0/33", "1.2.3", "", "::1::"])
def test_what_is_no_address(value: str) -> None:
    with pytest.raises(AllowListError, match="--allow-host"):
        Admission(NetworkConfig(allow_hosts=(value,)))


def test_a_new_list_counts_for_connections_to_come() -> None:
    admission = Admission(NetworkConfig(allow_hosts=("192.0.2.1",), max_associations_per_host=1))
    assert not admission.enter("192.0.2.1")
    with pytest.raises(AllowListError):
        admission.allow(NetworkConfig(allow_hosts=("nowhere",)))
    with pytest.raises(Refused):
        admission.enter("192.0.2.2")
    admission.allow(NetworkConfig(allow_hosts=("192.0.2.1", "192.0.2.2")))
    assert not admission.enter("192.0.2.2")
    assert admission.enter("192.0.2.1")  # the first one still counts


def test_number_of_associations_of_a_peer() -> None:
    admission = Admission(NetworkConfig(max_associations_per_host=2))
    assert [admission.enter("192.0.2.1") for _ in range(4)] == [False, False, True, True]
    with pytest.raises(Refused, match="limit"):
        admission.enter("192.0.2.1")
    assert not admission.enter("192.0.2.2")
    for _ in range(3):
        admission.leave("192.0.2.1")
    assert not admission.enter("192.0.2.1")
    assert admission.enter("192.0.2.1")


def test_files(tmp_path: Path) -> None:
    file = tmp_path / "list"
    file.write_bytes(b"# who may send\n\n  192.0.2.1 \r\n::1\n")
    assert read_values(("10.0.0.0/8",), os.fsencode(file), "--allow-host") == (
        b"10.0.0.0/8", b"192.0.2.1", b"::1",
    )  # fmt: skip
    for content in (b"", b"\n# nobody\n", b"x" * (1 << 20) + b"\n"):
        file.write_bytes(content)
        with pytest.raises(AllowListError, match="--allow-host-file"):
            read_values((), os.fsencode(file), "--allow-host")
    file.unlink()
    with pytest.raises(AllowListError, match="No such file"):
        read_values((), os.fsencode(file), "--allow-host")
    os.mkfifo(file)
    with pytest.raises(AllowListError, match="names nothing"):
        read_values((), os.fsencode(file), "--allow-host")


def test_titles(tmp_path: Path) -> None:
    file = tmp_path / "titles"
    file.write_bytes(b"MR 1\n  CT#2  \n")
    assert read_titles((b" PACS ",), os.fsencode(file)) == (b"PACS", b"MR 1", b"CT#2")
    for title in (b"", b"   ", b"x" * 17, b"a\\b", b"a\x01", "Ä".encode()):
        with pytest.raises(AllowListError, match="is no AE title"):
            read_titles((title,), None)
