"""The audit log in a real database: what is begun is completed, replicas share it, and a person can be erased."""

from __future__ import annotations

from pathlib import Path

import pytest

from framework.audit import AuditLog, Entry
from framework.audit.entry import LONGEST, cut
from framework.errors import FrameworkError
from framework.storage import Storage


def entry(
    operation: str, *, at: str = "2026-03-01T10:00:00", caller: str | None = "eve", arguments: str = "{}"
) -> Entry:
    return Entry(at, "bot:support", caller, "messaging:support-1", "agent-bot", operation, arguments, "started")


def log_at(folder: Path) -> AuditLog:
    return AuditLog(Storage(f"sqlite:///{folder / 'engine.db'}"))


async def test_what_was_begun_is_completed_and_shown_oldest_first(tmp_path: Path) -> None:
    log = log_at(tmp_path)
    late = await log.begin(entry("SendMessage", at="2026-03-01T10:00:05"))
    await log.begin(entry("GetApp"))
    await log.end(late, "done", "sent", 12.34)
    first, second = log.last(10)
    assert (first["operation"], first["outcome"], first["milliseconds"]) == ("GetApp", "started", None)
    assert (second["operation"], second["outcome"], second["detail"]) == ("SendMessage", "done", "sent")
    assert second["milliseconds"] == 12.3
    assert [line["operation"] for line in log.last(1)] == ["SendMessage"]
    await log.close()


async def test_replicas_write_one_log(tmp_path: Path) -> None:
    one, other = log_at(tmp_path), log_at(tmp_path)
    numbers = [await log.begin(entry(name)) for log, name in ((one, "Ban"), (other, "Unban"), (one, "GetApp"))]
    assert len(set(numbers)) == 3
    assert one.last(10) == other.last(10)
    assert len(one.last(10)) == 3
    await one.close()
    await other.close()


async def test_a_person_is_erased_and_others_stay(tmp_path: Path) -> None:
    log = log_at(tmp_path)
    await log.begin(entry("SendMessage", arguments='{"text": "my secret"}'))
    await log.begin(entry("SendMessage", caller="ann", arguments='{"text": "hello"}'))
    assert await log.erase("eve") == 1
    assert await log.erase("eve") == 0
    assert "my secret" not in str(log.last(10))
    assert "hello" in str(log.last(10))
    assert len(log.last(10)) == 2
    await log.close()


async def test_long_arguments_are_cut_and_say_how_much_is_missing(tmp_path: Path) -> None:
    log = log_at(tmp_path)
    await log.begin(entry("SendMessage", arguments="x" * (LONGEST + 7)))
    (line,) = log.last(1)
    assert line["arguments"].endswith("(7 more characters)")
    assert cut("x" * LONGEST) == "x" * LONGEST
    await log.close()


async def test_a_database_that_cannot_be_written_says_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "engine.db").write_bytes(b"not a database" * 100)
    log = log_at(tmp_path)
    with pytest.raises(FrameworkError, match="audit log cannot be written") as caught:
        await log.begin(entry("SendMessage"))
    assert "DATABASE_URL" in str(caught.value.hint)
    await log.close()
