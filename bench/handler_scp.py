"""A Storage SCP with a handler of its own, by pynetdicom or by dcmrecv: one source, one import apart.

``python -m bench.handler_scp {pynetdicom,dcmrecv} {write,decode,store} -od DIRECTORY --max-pdu N PORT``
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

__all__ = ["HANDLERS", "main"]

HANDLERS = {
    "write": "writes event.encoded_dataset() to a file",
    "decode": "reads two elements of event.dataset, stores nothing",
    "store": "calls StorageWriter (dcmrecv alone)",
    "bound": "is StorageWriter itself (dcmrecv alone)",
}


def _handler(name: str, directory: Path) -> Any:
    if name in ("store", "bound"):
        from dcmrecv import StorageWriter

        store = StorageWriter(directory)
        return store if name == "bound" else lambda event: store(event)

    def write(event: Any) -> int:
        path = directory / f"{event.request.AffectedSOPInstanceUID}.dcm"
        path.write_bytes(event.encoded_dataset())
        return 0x0000

    def decode(event: Any) -> int:
        data = event.dataset
        return 0x0000 if data.SOPInstanceUID and data.SOPClassUID else 0xC000

    return write if name == "write" else decode


def main() -> None:
    """Serve until the process is ended."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("server", choices=("pynetdicom", "dcmrecv"))
    parser.add_argument("handler", choices=HANDLERS)
    parser.add_argument("-od", type=Path)
    parser.add_argument("--max-pdu", type=int)
    parser.add_argument("--ignore", action="store_true")
    parser.add_argument("port", type=int)
    options = parser.parse_args()
    from pynetdicom import ALL_TRANSFER_SYNTAXES, AllStoragePresentationContexts, evt

    if options.server == "pynetdicom":
        from pynetdicom import AE
    else:
        from dcmrecv import AE  # type: ignore[assignment]

    ae = AE("BENCH")
    ae.maximum_pdu_size = options.max_pdu
    ae.maximum_associations = 100
    for context in AllStoragePresentationContexts:
        ae.add_supported_context(str(context.abstract_syntax), ALL_TRANSFER_SYNTAXES)
    ae.add_supported_context("1.2.840.10008.1.1")
    handler = _handler(options.handler, options.od)
    ae.start_server(("127.0.0.1", options.port), evt_handlers=[(evt.EVT_C_STORE, handler)])


if __name__ == "__main__":
    main()
