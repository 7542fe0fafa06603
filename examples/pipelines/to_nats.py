"""Publish an event for every received object to a NATS JetStream.

    python to_nats.py spool --server nats://127.0.0.1:4222 --stream DICOM --subject dicom.stored

The event is the spool line as JSON. Its message id is that of the object's file and line, the same at each repetition,
so that JetStream drops what it has already (within the stream's duplicate window, an hour here). An event counts as
delivered when the server has acknowledged that it is stored. Needs nats-py.
"""

from __future__ import annotations

import asyncio
import json
import sys
import threading

import nats
import nats.errors
import nats.js.errors
from follow import Line, arguments, main
from nats.js.api import StreamConfig

DUPLICATE_SECONDS = 3600.0
TIMEOUT = 10.0


def message_id(line: Line) -> str:
    """Return what is the same each time an object is published, and different for each object that was stored."""
    return f"{line['sop_instance_uid']}/{line['process']}/{line['sequence']}"


class ToNats:
    """Publishes by one connection, which an event loop in a thread of its own looks after."""

    def __init__(self, server: str, stream: str, subject: str) -> None:
        self._server = server
        self._stream = stream
        self._subject = subject
        self._loop = asyncio.new_event_loop()
        self._connecting = asyncio.Lock()
        self._connection: nats.NATS | None = None
        threading.Thread(target=self._loop.run_forever, name="nats", daemon=True).start()

    def __call__(self, line: Line) -> None:
        """Publish; raises OSError for what may succeed later."""
        task = asyncio.run_coroutine_threadsafe(self._publish(line), self._loop)
        try:
            task.result(2 * TIMEOUT)
        except (nats.errors.Error, TimeoutError, asyncio.TimeoutError) as error:
            raise OSError(f"{type(error).__name__}: {error}") from error

    async def _publish(self, line: Line) -> None:
        connection = await self._connect()
        await connection.jetstream().publish(
            self._subject,
            json.dumps(line).encode("ascii"),
            headers={"Nats-Msg-Id": message_id(line)},
            stream=self._stream,
            timeout=TIMEOUT,
        )

    async def _connect(self) -> nats.NATS:
        async with self._connecting:
            if self._connection is None or self._connection.is_closed:
                connection = await nats.connect(
                    self._server, max_reconnect_attempts=-1, connect_timeout=TIMEOUT
                )
                try:
                    await connection.jetstream().stream_info(self._stream)
                except nats.js.errors.NotFoundError:
                    config = StreamConfig(
                        name=self._stream, subjects=[self._subject], duplicate_window=DUPLICATE_SECONDS
                    )
                    await connection.jetstream().add_stream(config)
                self._connection = connection
        return self._connection


if __name__ == "__main__":
    parser = arguments("Publish an event for each received object to NATS JetStream.")
    parser.add_argument("--server", default="nats://127.0.0.1:4222")
    parser.add_argument("--stream", default="DICOM")
    parser.add_argument("--subject", default="dicom.stored")
    chosen = parser.parse_args()
    sys.exit(main(chosen, ToNats(chosen.server, chosen.stream, chosen.subject)))
