from __future__ import annotations

import os
import socket
import struct
import subprocess
import sys

import pytest

from dcmrecv.config import AddressFamily, NetworkConfig
from dcmrecv.server import limits
from dcmrecv.server.listener import PortError, inherited_listener, open_listener


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


def test_nothing_is_inherited_without_a_service_manager() -> None:
    assert inherited_listener() is None


def test_a_passed_socket_is_used() -> None:
    program = (
        "import os, sys\n"
        "os.environ['LISTEN_PID'] = str(os.getpid())\n"
        "from dcmrecv.server.listener import inherited_listener\n"
        "listener = inherited_listener()\n"
        "print(listener.getsockname()[1], listener.getblocking(), 'LISTEN_FDS' in os.environ)\n"
    )
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        number = listener.fileno()

        def pass_it() -> None:
            os.dup2(number, 3)

        done = subprocess.run(
            [sys.executable, "-c", program],
            env={**os.environ, "LISTEN_FDS": "1"},
            preexec_fn=pass_it,
            close_fds=False,
            capture_output=True,
            text=True,
            timeout=60,
        )
    assert done.stdout.split() == [str(port), "True", "False"], done.stderr
