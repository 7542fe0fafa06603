from __future__ import annotations

import threading
import time

from dcmrecv.server import limits
from dcmrecv.server.reverse_dns import HostNames


def test_a_name_is_looked_up_once() -> None:
    asked: list[str] = []

    def lookup(address: str) -> str:
        asked.append(address)
        return "ct1"

    hosts = HostNames(lookup)
    assert [hosts.name("192.0.2.1") for _ in range(3)] == ["ct1"] * 3
    assert asked == ["192.0.2.1"]


def test_a_slow_resolver_is_not_waited_for_and_costs_its_wait_once() -> None:
    release = threading.Event()

    def lookup(address: str) -> str:
        release.wait(10)
        return "late"

    hosts = HostNames(lookup, patience=0.05)
    start = time.monotonic()
    assert hosts.name("192.0.2.1") == "192.0.2.1"
    waited = time.monotonic() - start
    assert hosts.name("192.0.2.1") == "192.0.2.1"
    assert waited < 5
    release.set()
    for _ in range(200):
        if hosts.name("192.0.2.1") == "late":
            break
        time.sleep(0.01)
    assert hosts.name("192.0.2.1") == "late"


def test_many_threads_share_one_lookup() -> None:
    asked: list[str] = []
    gate = threading.Event()

    def lookup(address: str) -> str:
        asked.append(address)
        gate.wait(10)
        return "pacs"

    hosts = HostNames(lookup, patience=10)
    names: list[str] = []
    threads = [threading.Thread(target=lambda: names.append(hosts.name("192.0.2.9"))) for _ in range(5)]
    for thread in threads:
        thread.start()
    gate.set()
    for thread in threads:
        thread.join()
    assert names == ["pacs"] * 5
    assert len(asked) == 1


def test_the_memory_is_bounded() -> None:
    """The oldest names are forgotten, and asked for again."""
    asked: list[str] = []

    def lookup(address: str) -> str:
        asked.append(address)
        return "x"

    hosts = HostNames(lookup)
    addresses = [str(number) for number in range(limits.HOST_CACHE_SIZE + 50)]
    for address in addresses:
        hosts.name(address)
    asked.clear()
    for address in addresses[-10:] + addresses[:50]:
        hosts.name(address)
    assert asked == addresses[:50]


def test_loopback_has_the_first_label_or_stays_whole() -> None:
    name = HostNames().name("127.0.0.1")
    assert name == "127.0.0.1" or "." not in name
