"""Coverage-guided fuzzing of the protocol core.

    pip install atheris
    PYTHONPATH=src:. python -m tests.fuzz.fuzz_core -max_len=2048 -max_total_time=600 tests/fuzz/corpus/core

(about 3,900 executions a second on one core; the corpus in the repository is the outcome of 390,000)

or, where atheris is not to be had, a plain random run for a number of seconds:

    python -m tests.fuzz.fuzz_core --seconds 60

The first byte chooses how the input is cut and how the connection ends; the second whether an association
is established first. The invariant: every byte string ends in events or a documented protocol error, and the
buffer stays within its limits. `seeds` gives a starting corpus (written with ``--seed DIRECTORY``).
"""

from __future__ import annotations

import sys
from collections.abc import Iterator

from dcmrecv.core import limits
from dcmrecv.core.acceptor import Acceptor, Wait
from tests.fuzz.mutations import run
from tests.wire import peer as p

_SETTINGS = p.settings("RoleBoth")
_REQUEST = p.associate()


def one_input(data: bytes) -> None:
    """Play *data* to a fresh acceptor and check the invariant."""
    if len(data) < 2:
        return
    how, established, data = data[0], data[1] & 1, data[2:]
    dialogue = p.Dialogue(Acceptor(_SETTINGS))
    if established:
        dialogue.say(_REQUEST)
    size = (how >> 2) or len(data) or 1
    for start in range(0, len(data), size):
        dialogue.say(data[start : start + size])
    for _ in range(3):
        wait = dialogue.acceptor.wait
        if wait is Wait.CLOSED:
            break
        if how & 1 and wait not in (Wait.REQUEST_BODY, Wait.PDU_BODY):
            dialogue.timeout()
        else:
            dialogue.end(reset=bool(how & 2))
    assert dialogue.acceptor.wait is Wait.CLOSED
    assert dialogue.acceptor.buffer.size <= limits.REQUEST_LENGTH + 6
    assert dialogue.events
    dialogue.pdus()


def seeds() -> Iterator[bytes]:
    """Whole dialogues to start from."""
    messages = [p.echo(), p.store(), p.RELEASE_RQ, p.ABORT, p.pdu(4, p.pdv(3, b"ab", 2, 99)), p.echo(99)]
    for message in messages:
        yield b"\0\1" + message
    yield b"\0\1" + b"".join(messages)
    yield b"\0\0" + _REQUEST + p.store()
    identities = p.user(p.identity(2, b"me", b"secret"), p.role(p.CT, 1, 1), p.item(0x53, bytes(4)))
    yield b"\0\0" + p.associate(user_items=identities)


def main() -> None:
    """Run as the docstring of this module says."""
    run(sys.argv, one_input, seeds)


if __name__ == "__main__":
    main()
