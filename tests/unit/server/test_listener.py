from __future__ import annotations

import os
import socket
import struct
import subprocess
import sys

import pytest

from dcmrecv.config import AddressFamily, NetworkConfig
from dcmrecv.server import limits
from dcmrecv.server.listener import (
    AddressError,
    PortError,
    inherited_listeners,
    open_listener,
    open_listeners,
    ports,
)


def test_accepted_sockets_do_not_delay_small_writes() -> None:
    with open_listener(NetworkConfig(port=0)) as listener:
        port = listener.getsockname()[1]
        with socket.create_connection(("127.0.0.1", port)), listener.accept()[0] as accepted:
            assert accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)


def test_a_peer_that_takes_nothing_is_given_up() -> None:
    with open_listener(NetworkConfig(port=0)) as listener:
        port = listener.getsockname()[1]
        with socket.create_connection(("127.0.0.1", port)), listener.accept()[0] as accepted:
            seconds, _ = struct.unpack("ll", accepted.getsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, 16))
            assert seconds == limits.WRITE_SECONDS


def test_a_busy_port_has_the_references_text() -> None:
    with socket.create_server(("0.0.0.0", 0)) as other:
        port = other.getsockname()[1]
        with pytest.raises(PortError) as caught:
            open_listener(NetworkConfig(port=port))
    assert caught.value.text == "TCP Initialization Error: Address already in use"
    assert caught.value.lines == ()


def test_a_port_the_system_refuses_has_the_references_text(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(self: socket.socket, address: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(socket.socket, "bind", refuse)
    with pytest.raises(PortError) as caught:
        open_listener(NetworkConfig(port=104))
    assert caught.value.text == "Insufficient port privileges"
    assert caught.value.lines == (("E", "No privileges to open this network port (104)"),)


@pytest.mark.parametrize(
    ("family", "four", "six"),
    [(AddressFamily.IPV4, True, False), (AddressFamily.IPV6, False, True), (AddressFamily.AUTO, True, True)],
)
def test_address_families(family: AddressFamily, four: bool, six: bool) -> None:
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError:
        pytest.skip("no IPv6 on this machine")
    with open_listener(NetworkConfig(port=0, family=family)) as listener:
        port = listener.getsockname()[1]
        reached = []
        for address in ("127.0.0.1", "::1"):
            try:
                socket.create_connection((address, port), timeout=2).close()
                reached.append(True)
            except OSError:
                reached.append(False)
    assert reached == [four, six]


def test_several_addresses_share_the_port_that_the_system_gave_to_the_first() -> None:
    listeners = open_listeners(NetworkConfig(port=0, listen=("127.0.0.2", "127.0.0.3", "127.0.0.2")))
    try:
        hosts, numbers = zip(*(listener.getsockname() for listener in listeners), strict=True)
        assert hosts == ("127.0.0.2", "127.0.0.3")
        assert len(set(numbers)) == 1
    finally:
        for listener in listeners:
            listener.close()


def test_an_address_of_either_family_is_listened_on_alone() -> None:
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError:
        pytest.skip("no IPv6 on this machine")
    listeners = open_listeners(NetworkConfig(port=0, listen=("::1", "127.0.0.2")))
    try:
        assert [listener.family for listener in listeners] == [socket.AF_INET6, socket.AF_INET]
        assert [listener.getsockname()[0] for listener in listeners] == ["::1", "127.0.0.2"]
    finally:
        for listener in listeners:
            listener.close()


@pytest.mark.parametrize("name", ["no.such.host.invalid", "a" * 64 + ".example", "1.2.3.4.5"])
def test_a_name_without_address(name: str) -> None:
    with pytest.raises(AddressError, match="cannot listen on "):
        open_listeners(NetworkConfig(port=0, listen=(name,)))


def test_an_address_that_cannot_be_had_leaves_none_open() -> None:
    with socket.create_server(("127.0.0.3", 0)) as other:
        port = other.getsockname()[1]
        with pytest.raises(PortError, match=r"\(127.0.0.3\)"):
            open_listeners(NetworkConfig(port=port, listen=("127.0.0.2", "127.0.0.3")))
        socket.create_server(("127.0.0.2", port)).close()


def test_nothing_is_inherited_without_a_service_manager() -> None:
    assert inherited_listeners() == []


PROGRAM = """
import os
os.environ["LISTEN_PID"] = str(os.getpid())
from dcmrecv.server.listener import PortError, inherited_listeners, ports
try:
    print(ports(inherited_listeners()), "LISTEN_FDS" in os.environ)
except PortError as error:
    print(error)
"""


def pass_on(*passed: socket.socket, count: str | None = None) -> str:
    """Return what a process says to which a service manager passes these sockets."""
    numbers = [os.dup(sock.fileno()) for sock in passed]

    def place() -> None:
        for number, passed_as in zip(numbers, range(3, 3 + len(numbers)), strict=True):
            os.dup2(number, passed_as)

    try:
        done = subprocess.run(
            [sys.executable, "-c", PROGRAM],
            env={**os.environ, "LISTEN_FDS": count or str(len(passed))},
            preexec_fn=place,
            close_fds=False,
            capture_output=True,
            text=True,
            timeout=60,
        )
    finally:
        for number in numbers:
            os.close(number)
    assert done.stderr == ""
    return done.stdout.strip()


def test_passed_sockets_are_used() -> None:
    with socket.create_server(("127.0.0.1", 0)) as first, socket.create_server(("127.0.0.1", 0)) as second:
        numbers = sorted(sock.getsockname()[1] for sock in (first, second))
        assert pass_on(first) == f"port {first.getsockname()[1]} False"
        assert pass_on(first, second) == f"ports {numbers[0]}, {numbers[1]} False"
        assert ports([second, second]) == f"port {second.getsockname()[1]}"


def test_passed_sockets_that_do_not_listen() -> None:
    with (
        socket.create_server(("127.0.0.1", 0)) as listening,
        socket.create_connection(listening.getsockname()) as connected,
        socket.socket() as unbound,
        socket.socket(type=socket.SOCK_DGRAM) as datagrams,
        socket.socket(socket.AF_UNIX) as local,
    ):
        local.bind(f"\0dcmrecv-test-{os.getpid()}")
        local.listen()
        for unusable in (connected, unbound, datagrams, local):
            assert pass_on(unusable) == "descriptor 3 of the service manager is not a listening TCP socket"
        assert "descriptor 4 " in pass_on(listening, connected)
        with open(os.devnull) as other:
            assert "Socket operation on non-socket" in pass_on(other)  # type: ignore[arg-type]


@pytest.mark.parametrize("count", ["0", "-1", "many"])
def test_a_count_that_is_none(count: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        assert pass_on(listening, count=count).startswith("port  ")
