"""All recorded dialogues against the running program; the deliberate differences by name, each with its reason.

Several scenarios are played at a time, as most of their time is waiting.
"""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from tests.golden.network.replay import SCENARIOS, differences, play

pytestmark = pytest.mark.golden

AT_A_TIME = 6
BATCH = 18
SLOW = bool(os.environ.get("DCMRECV_SLOW"))

CONCURRENT = "associations run side by side; here the reference makes the second one wait"
DRAIN = "a running C-STORE may finish within the grace time, which is said; nothing partial has a final name"
LINK = "a link is replaced by the object, not followed (docs/differences.md)"
CONTROL = "control characters of a peer never reach the log as they are"
NAME = "names of UIDs are made as by the reference since CVE-2026-5663 was repaired there"
TRACE = "the trace level is best effort"
SYNTAX = "a syntax is received or refused at negotiation, never accepted and then aborted for"
DIFFERENT: dict[str, tuple[set[str], str]] = {
    "second-client-waits": ({"replies", "time", "log"}, CONCURRENT),
    "second-client-after-reject": ({"replies", "time", "log"}, CONCURRENT),
    "backlog": ({"replies"}, CONCURRENT),
    "sig-term-mid-normal": ({"replies", "time", "files", "process", "log"}, DRAIN),
    "sig-term-mid-bit": ({"replies", "time", "files", "process", "log"}, DRAIN),
    "assoc-titles-8bit": ({"log"}, CONTROL),
    "store-instance-bytes": ({"files", "log"}, NAME),
    "store-instance-letters": ({"files", "log"}, NAME),
    "log-trace-store": ({"log"}, TRACE),
    "log-trace-store-bit": ({"log"}, TRACE),
    "store-dev-full": ({"replies", "files", "log"}, LINK),
    "store-dev-full-big-bit": ({"replies", "files", "log", "time"}, LINK),
    "store-dev-full-last": ({"replies", "files", "log"}, LINK),
    "store-dev-full-last-bit-td": ({"replies", "time", "files", "log"}, LINK),
    "store-frag-ts": ({"replies", "files", "log", "time"}, SYNTAX),
    "store-htj2k-ts": ({"replies", "files", "log", "time"}, SYNTAX),
    "store-private-ts": ({"replies", "files", "log", "time"}, SYNTAX),
    "store-peer-closed": ({"log"}, "one send instead of two: the first one to a closed connection succeeds"),
}
"""Name: parts that may differ (one of them does), and why."""

LEFT_OUT = {"refbug"}
"""Defects of the reference; what is done instead is in tests/wire."""

CHOSEN = [
    scenario
    for scenario in SCENARIOS
    if scenario["group"] not in LEFT_OUT and (SLOW or scenario["group"] != "slow")
]
BATCHES = [CHOSEN[start : start + BATCH] for start in range(0, len(CHOSEN), BATCH)]


def differs(scenario: dict[str, Any], work: Path) -> dict[str, list[str]]:
    """Play *scenario*; return where it differs and should not, and as ``said`` if it should differ and does not.

    A scenario that this machine cannot play is ``unplayable``.
    """
    name = scenario["name"]
    work.mkdir()
    played = play(scenario, work)
    if not played.playable:
        return {"unplayable": [f"{name}: no file system could be mounted"]}
    found = differences(scenario, played)
    allowed, _ = DIFFERENT.get(name, (set(), ""))
    if allowed and not found:
        return {"said": [f"{name} is said to differ and does not"]}
    return {part: lines for part, lines in found.items() if part not in allowed}


@pytest.mark.parametrize("batch", BATCHES, ids=lambda batch: f"{batch[0]['name']}..{batch[-1]['name']}")
def test_dialogues(batch: list[dict[str, Any]], tmp_path: Path) -> None:
    with ThreadPoolExecutor(AT_A_TIME) as players:
        results = list(players.map(lambda each: differs(each, tmp_path / each["name"]), batch))
    problems = []
    unplayable = []
    for scenario, found in zip(batch, results, strict=True):
        unplayable += found.pop("unplayable", [])
        if found:
            lines = [line for part in found.values() for line in part]
            problems.append("\n".join([f"{scenario['name']} ({scenario['doc']}):", *lines]))
    assert not problems, "\n\n".join(problems)
    if unplayable:
        pytest.skip(f"the others of this batch are as recorded, not played: {unplayable}")


def test_every_difference_has_a_scenario() -> None:
    assert DIFFERENT.keys() <= {scenario["name"] for scenario in SCENARIOS}
