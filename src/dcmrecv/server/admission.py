"""Whose connections are served (additions): lists of addresses, and how many connections one peer may have.

A refused address is closed before anything is read. A peer beyond its number of associations is answered by an
A-ASSOCIATE-RJ (local limit exceeded, PS3.8 table 9-21), which its sender may try again after; beyond twice that
number its connections are closed as well, since each one that says nothing holds a thread for the ACSE timeout.
Behind a load balancer that says so (PROXY protocol) the peer is the real one, for lists, log, spool and metrics.
Calling AE titles are the business of `dcmrecv.core.negotiate`.
"""

from __future__ import annotations

import ipaddress
import re
import socket
import threading
import time
from collections.abc import Iterable
from typing import TypeAlias

from dcmrecv.config import NetworkConfig
from dcmrecv.files import read_file
from dcmrecv.server import limits, proxy_protocol
from dcmrecv.text import from_bytes, printable

__all__ = ["Admission", "AllowListError", "Refused", "read_networks", "read_titles", "read_values"]

Network: TypeAlias = ipaddress.IPv4Network | ipaddress.IPv6Network

MAX_FILE_SIZE = 1 << 20
"""Bytes of a file with titles or addresses."""
_TITLE = re.compile(rb"[ -\[\]-~]{1,16}")


class AllowListError(ValueError):
    """A list cannot be used; the text says which and why."""


class Refused(Exception):
    """A connection is not served; the text is the reason (`dcmrecv.observer.PeerRefused`)."""


def read_values(values: Iterable[str | bytes], file: bytes | None, option: str) -> tuple[bytes, ...]:
    """Return *values* and the lines of *file*, which may have blank lines and lines that begin with ``#``.

    Raises `AllowListError` if the file cannot be read, has more than 1 MiB, or names nothing.
    """
    found = [each.encode("utf-8", "surrogateescape") if isinstance(each, str) else each for each in values]
    if file is None:
        return tuple(found)
    name = f"{option}-file {from_bytes(file)}"
    try:
        data = read_file(file, MAX_FILE_SIZE, wait=False)  # a pipe must not hold up the start, nor a reload
    except OSError as error:
        raise AllowListError(f"{name}: {error.strerror}") from None
    lines = [line.strip() for line in data.splitlines()]
    listed = [line for line in lines if line and not line.startswith(b"#")]
    if not listed:
        raise AllowListError(f"{name}: names nothing, and nothing would be accepted")
    return (*found, *listed)


def read_titles(values: Iterable[bytes], file: bytes | None) -> tuple[bytes, ...]:
    """Return the calling AE titles that are accepted, without leading and trailing blanks (PS3.8 table 9-11).

    Raises `AllowListError`, also for what is no AE title (PS3.5 section 6.2).
    """
    titles = [title.strip(b" ") for title in read_values(values, file, "--allow-calling")]
    for title in titles:
        if not _TITLE.fullmatch(title):
            raise AllowListError(f"--allow-calling: {printable(title)!r} is no AE title")
    return tuple(titles)


def read_networks(values: Iterable[str], option: str) -> tuple[Network, ...]:
    """Return the networks that *values* name. Raises `AllowListError` for what is no address and no network."""
    try:
        return tuple(ipaddress.ip_network(value) for value in values)
    except ValueError as error:
        raise AllowListError(f"{option}: {error}") from None


class Admission:
    """The rules for one process. `enter` and `leave` may be called by any thread."""

    def __init__(self, network: NetworkConfig) -> None:
        """Raises `AllowListError` for what is no address and no network."""
        self._balancers = read_networks(network.proxy_protocol, "--proxy-protocol")
        self._most = network.max_associations_per_host
        self._running: dict[str, int] = {}
        self._lock = threading.Lock()
        self.allow(network)

    def allow(self, network: NetworkConfig) -> None:
        """Take over the lists of *network*, for connections to come. Raises `AllowListError`."""
        self._hosts = read_networks(network.allow_hosts, "--allow-host")

    def real_peer(self, sock: socket.socket, address: tuple[str, int]) -> tuple[str, int] | None:
        """Return whose connection this is: *address*, or what a balancer there says in a header, which is read.

        None: it is the balancer's own. Raises `Refused` where a header should be and none is, or not in time.
        """
        if not self._balancers or not _is_within(address[0], self._balancers):
            return address
        header = b""
        end = time.monotonic() + limits.PROXY_HEADER_SECONDS
        try:
            while count := proxy_protocol.missing(header):
                sock.settimeout(max(end - time.monotonic(), 0.001))
                data = sock.recv(count)
                if not data:
                    raise Refused("proxy")
                header += data
                if time.monotonic() > end:
                    raise Refused("proxy")
            sock.settimeout(None)
            peer = proxy_protocol.source(header)
        except (OSError, proxy_protocol.ProxyHeaderError):
            raise Refused("proxy") from None
        # version 1 has no word for health checks: HAProxy names itself
        return None if peer is not None and peer[0] == address[0] else peer

    def enter(self, host: str) -> bool:
        """Count a connection of *host*; return whether it is beyond the number that a peer may have.

        Raises `Refused`: not counted, and to be closed. Else `leave` follows.
        """
        if self._hosts and not _is_within(host, self._hosts):
            raise Refused("address")
        if not self._most:
            return False
        with self._lock:
            running = self._running.get(host, 0) + 1
            if running > 2 * self._most:
                raise Refused("limit")
            self._running[host] = running
        return running > self._most

    def leave(self, host: str) -> None:
        """A connection that was counted has ended."""
        if self._most:
            with self._lock:
                running = self._running.get(host, 0) - 1
                if running > 0:
                    self._running[host] = running
                else:
                    self._running.pop(host, None)


def _is_within(host: str, networks: Iterable[Network]) -> bool:
    address = ipaddress.ip_address(host.partition("%")[0])
    mapped = getattr(address, "ipv4_mapped", None)  # what a socket for both families calls an IPv4 peer
    return any((mapped or address) in network for network in networks)
