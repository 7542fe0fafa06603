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

import random
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from dcmrecv.core import limits
from dcmrecv.core.acceptor import Acceptor, Wait
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
    assert dialogue.acceptor.buffer_size <= limits.REQUEST_LENGTH + 6
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


def run_random(seconds: float, seed: int = 1) -> int:
    """Mutate the seeds at random for *seconds*; return the number of inputs played."""
    source = random.Random(seed)
    corpus = list(seeds())
    end = time.monotonic() + seconds
    count = 0
    while time.monotonic() < end:
        data = bytearray(source.choice(corpus))
        for _ in range(source.randrange(1, 6)):
            at = source.randrange(len(data))
            choice = source.randrange(4)
            if choice == 0:
                data[at] = source.choice((0, 1, 2, 3, 4, 0x7F, 0x80, 0xFF, source.randrange(256)))
            elif choice == 1:
                del data[at : at + source.randrange(1, 9)]
            elif choice == 2:
                data[at:at] = source.choice(corpus)[: source.randrange(40)]
            else:
                data[at:at] = source.randbytes(source.randrange(8))
            if not data:
                data += b"\0\1"
        one_input(bytes(data))
        count += 1
    return count


def main() -> None:
    """Run as the docstring of this module says."""
    if sys.argv[1:2] == ["--seed"]:
        for number, data in enumerate(seeds()):
            (Path(sys.argv[2]) / f"dialogue-{number}").write_bytes(data)
    elif sys.argv[1:2] == ["--seconds"]:
        print(run_random(float(sys.argv[2]), seed=time.time_ns()), "inputs")
    else:
        import atheris  # optional, needed only here

        atheris.instrument_all()
        atheris.Setup(sys.argv, one_input)
        atheris.Fuzz()


if __name__ == "__main__":
    main()
