"""``docs/limits.md`` lists every limit with the value and the reason that the modules have.

The tables are made from the modules: ``python -m tests.unit.test_limits`` writes them anew.
"""

from __future__ import annotations

import ast
import importlib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
DOCUMENT = ROOT / "docs" / "limits.md"
BEGIN, END = "<!-- tables: made by tests/unit/test_limits.py -->\n", "<!-- end of tables -->\n"

WHOLE_MODULES = {
    "core.limits": "The wire",
    "dataset.limits": "Data sets",
    "server.limits": "Connections and clocks",
    "tls.limits": "TLS",
}
"""Every upper-case name of these is a limit."""

SINGLE_ONES = {
    "Memory of all connections": {"memory": ["SHARE", "LEAST"]},
    "Storage": {
        "storage.normal": ["HOLD_LIMIT"],
        "storage.publish": ["MAX_ATTEMPTS"],
        "storage.temporary": ["SETTLED_AGE", "RESTART_AGE", "FOREIGN_AGE"],
        "storage.filing": ["MAX_NAMES"],
        "storage.store": ["CLOSE_SECONDS"],
        "storage.directories": ["MAX_REMEMBERED"],
    },
    "Load balancers": {"server.proxy_protocol": ["MAX_LENGTH"]},
    "Handlers of programs": {"receiver.received": ["HANDLER_MEMORY", "IN_MEMORY"]},
    "The spool": {
        "extras.spool": ["UNWRITTEN_LINES", "WAIT_SECONDS", "MISTRUST_SECONDS", "CLOSE_SECONDS"],
    },
    "Page and metrics": {"extras.counters": ["TITLES", "RUNNING", "LATEST"], "extras.metrics": ["FRESH"]},
    "Files of the operator": {
        "asconfig.profiles": ["MAX_FILE_SIZE"],
        "cli.command_files": ["MAX_COMMAND_FILE"],
        "server.admission": ["MAX_FILE_SIZE"],
        "dataset.dictionary_files": ["MAX_FILE_SIZE", "MAX_LINE"],
        "dataset.elements": ["UNREAD_LIMIT"],
        "log.properties": ["MAX_FILE_SIZE", "MAX_SUBSTITUTIONS", "MAX_EXPANDED"],
    },
    "Logging": {
        "log.descriptor_writer": ["STALL_SECONDS", "BACKLOG_LIMIT"],
        "log.queue_thread": ["QUEUE_WAIT_SECONDS"],
        "log.stderr_log": ["BATCH_LIMIT"],
        "log.files": ["MAX_BACKUPS"],
        "log.refusals": ["QUIET_SECONDS", "MAX_ADDRESSES"],
        "log.network": ["SEND_SECONDS", "QUEUE_LIMIT", "MAX_EVENT"],
        "log.pattern": ["MAX_WIDTH"],
    },
}


def _reasons(module: str) -> dict[str, str]:
    """Return the docstrings below the upper-case names of a module, in its order."""
    path = ROOT / "src" / "dcmrecv" / f"{module.replace('.', '/')}.py"
    body = ast.parse(path.read_text()).body
    found = {}
    for statement, following in zip(body, [*body[1:], None], strict=True):
        target = (
            statement.targets[0] if isinstance(statement, ast.Assign) else getattr(statement, "target", None)
        )
        if not isinstance(target, ast.Name) or not target.id.isupper():
            continue
        text = ""
        if isinstance(following, ast.Expr) and isinstance(following.value, ast.Constant):
            text = " ".join(str(following.value.value).split())
        found[target.id] = text
    return found


def _table(modules: dict[str, list[str]]) -> str:
    rows = ["| limit | value | what and why |", "| --- | ---: | --- |"]
    for module, names in modules.items():
        loaded = importlib.import_module(f"dcmrecv.{module}")
        reasons = _reasons(module)
        for name in names:
            rows.append(f"| `{module}.{name}` | {getattr(loaded, name):,} | {reasons[name]} |")
    return "\n".join(rows) + "\n"


def tables() -> str:
    parts = []
    for module, title in WHOLE_MODULES.items():
        parts.append(f"## {title}\n\n{_table({module: list(_reasons(module))})}")
    for title, modules in SINGLE_ONES.items():
        parts.append(f"## {title}\n\n{_table(modules)}")
    return "\n" + "\n".join(parts) + "\n"


def test_the_document_is_that_of_the_modules() -> None:
    text = DOCUMENT.read_text()
    written = text[text.index(BEGIN) + len(BEGIN) : text.index(END)]
    assert written == tables(), "run: python -m tests.unit.test_limits"


@pytest.mark.parametrize("module", [*WHOLE_MODULES, *(m for part in SINGLE_ONES.values() for m in part)])
def test_every_limit_has_a_reason(module: str) -> None:
    names = next((part[module] for part in SINGLE_ONES.values() if module in part), None)
    reasons = _reasons(module)
    assert [name for name in names or reasons if not reasons[name]] == []


if __name__ == "__main__":
    text = DOCUMENT.read_text()
    DOCUMENT.write_text(text[: text.index(BEGIN) + len(BEGIN)] + tables() + text[text.index(END) :])
