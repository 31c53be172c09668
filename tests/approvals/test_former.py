"""What earlier versions left: waiting calls are ended, the audit log is taken over."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest

from framework.approvals import ApprovalStore
from framework.approvals.former import end_former_calls_in
from framework.audit import AuditLog, Entry
from framework.errors import FrameworkError
from framework.storage import Storage

CALLS = """
CREATE TABLE agent_tool_calls (id TEXT PRIMARY KEY, state TEXT NOT NULL, arguments TEXT NOT NULL, shown TEXT NOT NULL);
INSERT INTO agent_tool_calls VALUES ('a', 'waiting', '{"card": "4111"}', 'card'),
('b', 'approved', '{"card": "4111"}', 'x'), ('c', 'done', '{}', '');
"""
AUDIT = """
CREATE TABLE audit (id INTEGER PRIMARY KEY, at TEXT NOT NULL, who TEXT NOT NULL, caller TEXT, channel TEXT,
acts_as TEXT, operation TEXT NOT NULL, arguments TEXT NOT NULL, outcome TEXT NOT NULL, detail TEXT NOT NULL DEFAULT '',
milliseconds REAL);
CREATE TABLE approvals (id TEXT PRIMARY KEY, state TEXT);
INSERT INTO approvals VALUES ('abc123', 'waiting');
INSERT INTO audit (at, who, operation, arguments, outcome) VALUES
('2026-01-01T00:00:00', 'cli', 'GetApp', '{}', 'done'),
('2026-01-02T00:00:00', 'cli', 'DeleteChannel', '{"id": "x"}', 'refused');
"""


def states(file: Path) -> dict[str, tuple[str, str]]:
    with closing(sqlite3.connect(file)) as database:
        rows = database.execute("SELECT id, state, arguments FROM agent_tool_calls").fetchall()
    return {row[0]: (row[1], row[2]) for row in rows}


def script(file: Path, text: str) -> None:
    with closing(sqlite3.connect(file)) as database:
        database.executescript(text)


ENDED = {"a": ("expired", "{}"), "b": ("expired", "{}"), "c": ("done", "{}")}


async def test_calls_that_waited_in_the_same_database_are_ended(tmp_path: Path) -> None:
    file = tmp_path / "engine.db"
    script(file, CALLS)
    store = ApprovalStore(Storage(f"sqlite:///{file}"), now=lambda: datetime.now(UTC))
    assert await store.waiting() == []
    store.close()
    assert states(file) == ENDED


def test_calls_that_waited_in_a_bots_own_file_are_ended(tmp_path: Path) -> None:
    file = tmp_path / "memory.sqlite"
    end_former_calls_in(file)
    assert not file.exists()
    script(file, CALLS)
    end_former_calls_in(file)
    end_former_calls_in(file)
    assert states(file) == ENDED
    file.write_bytes(b"no database at all, but long enough to be looked at as one" * 20)
    end_former_calls_in(file)


def entry(operation: str) -> Entry:
    return Entry("2026-03-01T00:00:00", "cli", None, None, "app", operation, "{}", "done")


async def test_the_log_of_an_earlier_version_is_taken_over_once(tmp_path: Path) -> None:
    former = tmp_path / "audit.sqlite"
    script(former, AUDIT)
    copy = former.read_bytes()
    log = AuditLog(Storage(f"sqlite:///{tmp_path / 'engine.db'}"), former=former)
    await log.begin(entry("SendMessage"))
    operations = [line["operation"] for line in log.last(10)]
    assert operations == ["GetApp", "DeleteChannel", "SendMessage"]
    assert not former.exists()
    former.write_bytes(copy)  # a process that died before the file was renamed
    again = AuditLog(Storage(f"sqlite:///{tmp_path / 'engine.db'}"), former=former)
    assert [line["operation"] for line in again.last(10)] == operations
    assert (tmp_path / "audit.sqlite.copied").exists()


async def test_a_log_that_cannot_be_read_is_told_and_stays(tmp_path: Path) -> None:
    former = tmp_path / "audit.sqlite"
    former.write_bytes(b"this is no database" * 100)
    log = AuditLog(Storage(f"sqlite:///{tmp_path / 'engine.db'}"), former=former)
    with pytest.raises(FrameworkError, match="earlier version cannot be read"):
        await log.begin(entry("SendMessage"))
    assert former.exists()
