"""The picture of the throughput tables."""

from __future__ import annotations

from xml.etree import ElementTree

import pytest
from bench.chart import SLOWER, Row, draw, rows_of_json, rows_of_markdown

TABLE = """
| workload | mode | max PDU | storage | unit | reference-nd | dcmrecv | ÷ reference-nd |
| --- | --: | --: | --: | --: | --: | --: | --: |
| W1 2,000 × 8 KB | normal | 16384 | tmpfs | objects/s | 5,000 | 12,500 | 2.49 |
| W1 2,000 × 8 KB | bit | 16384 | tmpfs | objects/s | 9,000 | 18,000 | 2 |
| W3 20 × 50 MB | normal | 16384 | tmpfs | MB/s | 770 | 1,500! | 2 |
"""


def test_rows_of_a_table() -> None:
    first, second, third = rows_of_markdown(TABLE + TABLE.replace("12,500", "1"))
    rates = {"reference-nd": 5000.0, "dcmrecv": 12500.0, "÷ reference-nd": 2.49}
    assert first == ("W1 2,000 × 8 KB", "objects/s", rates)
    assert second.title == "W1 2,000 × 8 KB, bit"
    assert "dcmrecv" not in third.rates, "a failed round is no figure"


def test_rows_of_a_file_of_figures() -> None:
    cell = {
        "workload": "W1", "mode": "normal", "max_pdu": 16384, "storage": "tmpfs", "tls": False, "unit": "objects/s",
        "targets": [
            {"target": "dcmrecv", "rate": 10.0, "problems": []},
            {"target": "reference", "rate": 5.0, "problems": ["no response"]},
        ],
    }  # fmt: skip
    row, tls = rows_of_json({"cells": [cell, {**cell, "mode": "ignore"}, {**cell, "tls": True}]})
    assert row.title.startswith("W1 ")
    assert row.rates == {"dcmrecv": 10.0}
    assert tls.title == row.title + ", TLS"


def test_the_picture_is_well_formed_and_says_the_factor() -> None:
    picture = draw(rows_of_markdown(TABLE), "a < b & c")
    ElementTree.fromstring(picture)
    assert "2.49× · 12,500 objects/s" in picture, "as the table rounds it"
    assert "W3" not in picture


def test_ordinary_senders_come_first_and_slower_rows_have_their_colour() -> None:
    shipped = Row("W9", "objects/s", {"reference": 10.0, "reference-nd": 20.0, "dcmrecv": 1000.0})
    slower = Row("W2, TLS", "objects/s", {"reference-nd": 10.0, "dcmrecv": 9.0})
    picture = draw([slower, shipped])
    assert picture.index("100× · 1,000") < picture.index("0.9× · 9 ")
    assert picture.count(SLOWER) == 2, "the key and one bar"


def test_nothing_to_compare_is_an_error() -> None:
    with pytest.raises(ValueError, match="no row"):
        draw(rows_of_markdown(TABLE.replace("dcmrecv", "other")))
