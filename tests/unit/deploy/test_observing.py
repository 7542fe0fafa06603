"""Scrape configuration, alerts and dashboard: what they name exists, and alerts fire when they should."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.parser import text_string_to_metric_families

from dcmrecv.extras.counters import Counters
from dcmrecv.extras.metrics import ReceiverCollector
from tests.support.server import ROOT

PROMETHEUS = ROOT / "deploy" / "prometheus"
RULES: list[dict[str, Any]] = yaml.safe_load((PROMETHEUS / "alerts.yml").read_text())["groups"][0]["rules"]
DASHBOARD: dict[str, Any] = json.loads((ROOT / "deploy" / "grafana" / "dcmrecv.json").read_text())
EXPRESSIONS = [
    *(rule["expr"] for rule in RULES),
    *(target["expr"] for panel in DASHBOARD["panels"] for target in panel["targets"]),
]


def exposed() -> dict[str, set[str]]:
    """Return the samples that a receiver exposes: the values of their labels, with ``name=``."""
    registry = CollectorRegistry()
    registry.register(ReceiverCollector(Counters(), lambda: 1, lambda: 0))
    found: dict[str, set[str]] = {}
    for family in text_string_to_metric_families(generate_latest(registry).decode()):
        for sample in family.samples:
            found.setdefault(sample.name, set()).update(
                text for name, value in sample.labels.items() for text in (name, f'{name}="{value}"')
            )
    return found


@pytest.mark.parametrize("expression", EXPRESSIONS)
def test_every_metric_and_label_exists(expression: str) -> None:
    metrics = exposed()
    names = re.findall(r"\bdcmrecv_\w+", expression)
    assert names or expression.startswith("up")
    assert set(names) <= metrics.keys()
    labels = set().union(*(metrics[name] for name in names)) | {"job", "instance"}
    assert set(re.findall(r'(\w+=)"', expression)) <= {f"{label}=" for label in labels if "=" not in label}
    assert {f'{name}="{value}"' for name, value in re.findall(r'(?<!\w)(kind)="(\w+)"', expression)} <= labels
    for group in re.findall(r"by \(([^)]*)\)", expression):
        assert set(group.split(", ")) <= labels


def test_the_scrape_configuration_reads_the_rules() -> None:
    scrape = yaml.safe_load((PROMETHEUS / "prometheus.yml").read_text())
    assert scrape["scrape_configs"][0]["job_name"] == "dcmrecv"
    assert [(PROMETHEUS / name).exists() for name in scrape["rule_files"]] == [True]
    assert all({"summary", "description"} == rule["annotations"].keys() for rule in RULES)


def test_the_panels_of_the_dashboard_lie_beside_each_other() -> None:
    cells = [
        (panel["gridPos"]["x"] + x, panel["gridPos"]["y"] + y)
        for panel in DASHBOARD["panels"]
        for x in range(panel["gridPos"]["w"])
        for y in range(panel["gridPos"]["h"])
    ]
    assert len(cells) == len(set(cells))
    assert max(x for x, _ in cells) == 23
    assert len({panel["id"] for panel in DASHBOARD["panels"]}) == len(DASHBOARD["panels"])


def promtool(*arguments: str, directory: Path) -> None:
    program = shutil.which("promtool")
    if program is None:
        reason = "promtool is not installed (Debian: prometheus)"
        if os.environ.get("DCMRECV_REQUIRE_CLIENTS"):
            pytest.fail(reason)
        pytest.skip(reason)
    done = subprocess.run([program, *arguments], capture_output=True, text=True, cwd=directory)
    assert done.returncode == 0, done.stdout + done.stderr


def test_promtool_accepts_configuration_and_expressions(tmp_path: Path) -> None:
    promtool("check", "config", "prometheus.yml", directory=PROMETHEUS)
    rules = [
        {"record": f"expression:{number}", "expr": expression.replace("$__rate_interval", "1m")}
        for number, expression in enumerate(EXPRESSIONS)
    ]
    (tmp_path / "rules.yml").write_text(json.dumps({"groups": [{"name": "all", "rules": rules}]}))
    promtool("check", "rules", "rules.yml", directory=tmp_path)


def test_alerts_fire_when_they_should_and_only_then(tmp_path: Path) -> None:
    tests = [
        ("DicomReceiverDown", [("dcmrecv_processes", "2 2 2 0 0 0 0")], {"2m": 0, "6m": 1}),
        ("DicomReceiverDown", [('up{job="dcmrecv"}', "1 1 0 0 0 0")], {"1m": 0, "5m": 1}),
        (
            "DicomObjectsFail",
            [
                ('dcmrecv_store_responses_total{status="0000"}', "0+50x30"),
                ('dcmrecv_store_responses_total{status="A700"}', "0 0 0 0 0 7 7x30"),
                ('dcmrecv_failures_total{kind="data_set_not_received"}', "0x30"),
            ],
            {"4m": 0, "6m": 1, "20m": 0},
        ),
        ("DicomSpaceRunsOut", [("dcmrecv_free_bytes", "1000000-1000x500")], {"20m": 0, "400m": 1}),
        ("DicomSpaceRunsOut", [("dcmrecv_free_bytes", "1000000-100x500")], {"400m": 0}),
    ]
    cases = [
        {
            "interval": "1m",
            "input_series": [
                {"series": series if "{" in series else series + '{instance="a"}', "values": values}
                for series, values in inputs
            ],
            "promql_expr_test": [
                {
                    "expr": f'count(ALERTS{{alertname="{name}", alertstate="firing"}}) or vector(0)',
                    "eval_time": moment,
                    "exp_samples": [{"labels": "{}", "value": count}],
                }
                for moment, count in expected.items()
            ],
        }
        for name, inputs, expected in tests
    ]
    text = {"rule_files": [str(PROMETHEUS / "alerts.yml")], "evaluation_interval": "1m", "tests": cases}
    (tmp_path / "test.yml").write_text(json.dumps(text))
    promtool("test", "rules", "test.yml", directory=tmp_path)
