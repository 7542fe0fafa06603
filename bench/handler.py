"""A receiver as a program for pynetdicom writes it; which engine serves it is one import.

    python -m bench.handler dcmrecv|pynetdicom [--max-pdu N] DIRECTORY PORT

The handler writes what came, as it came, with a preamble and the file meta information: pynetdicom's way for those who
do not need the data set decoded.
"""

from __future__ import annotations

import argparse
import importlib
import os
from typing import Any

__all__ = ["main"]

SYNTAXES = ("1.2.840.10008.1.2.1", "1.2.840.10008.1.2")


def handle_store(event: Any, directory: str) -> int:
    """Write the object that *event* brings to a file named after it."""
    name = os.path.join(directory, event.request.AffectedSOPInstanceUID)
    with open(name, "xb") as file:
        file.write(event.encoded_dataset())
    return 0x0000


def main() -> None:
    """Serve until a signal ends the process."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("engine", choices=("dcmrecv", "pynetdicom"))
    parser.add_argument("--max-pdu", type=int, default=16384)
    parser.add_argument("directory")
    parser.add_argument("port", type=int)
    options = parser.parse_args()
    engine = importlib.import_module(options.engine)
    entity = engine.AE("ANY-SCP")
    entity.maximum_pdu_size = options.max_pdu
    entity.maximum_associations = 100
    uids = importlib.import_module("pynetdicom.sop_class")
    for sop_class in (uids.CTImageStorage, uids.EnhancedCTImageStorage):
        entity.add_supported_context(sop_class, list(SYNTAXES))
    entity.add_supported_context(uids.Verification)
    handlers = [(engine.evt.EVT_C_STORE, handle_store, [options.directory])]
    entity.start_server(("127.0.0.1", options.port), block=True, evt_handlers=handlers)


if __name__ == "__main__":
    main()
