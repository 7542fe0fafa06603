"""The source of the compiled modules at work in a process of its own: both forms must do the same."""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager

from dcmrecv.compiled import compiled_modules

__all__ = ["source_form"]


@contextmanager
def source_form() -> Iterator[ProcessPoolExecutor]:
    """Yield an executor whose one process runs the source, whatever form runs here."""
    before = os.environ.get("DCMRECV_PURE")
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as source:
        os.environ["DCMRECV_PURE"] = "1"
        try:
            assert source.submit(compiled_modules).result() == ()
        finally:
            if before is None:
                del os.environ["DCMRECV_PURE"]
            else:
                os.environ["DCMRECV_PURE"] = before
        yield source
