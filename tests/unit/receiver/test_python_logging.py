from __future__ import annotations

import logging

import pytest

from dcmrecv import Config
from dcmrecv.observer import InternalError, ShortageBegan
from dcmrecv.receiver.python_logging import python_lines


def test_an_internal_error_without_an_association_is_logged_once_with_its_traceback(
    caplog: pytest.LogCaptureFixture,
) -> None:
    try:
        raise ZeroDivisionError("a mistake")
    except ZeroDivisionError as error:
        event = InternalError(error)
    for each in python_lines(Config()):
        each.observe(event)
    (record,) = caplog.records
    assert (record.name, record.levelno) == ("dcmrecv", logging.ERROR)
    assert "ZeroDivisionError: a mistake" in caplog.text
    assert "raise ZeroDivisionError" in caplog.text


def test_other_lines_are_the_command_lines(caplog: pytest.LogCaptureFixture) -> None:
    for each in python_lines(Config()):
        each.observe(ShortageBegan("threads"))
    assert [(record.name, record.message) for record in caplog.records] == [
        ("dcmrecv.network", "Short of threads: new connections wait until there is enough")
    ]
