"""`moderation log` shows what was decided, for people and for programs, without the texts unless they are kept."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from framework.cli.moderation_log import log
from framework.errors import UsageError
from framework.moderation.decisions import DecisionStore, MessageDecision, RuleHit
from framework.moderation.rules.outcome import Outcome
from framework.storage import Storage

NOW = datetime.now(UTC)
HIT = RuleHit("slurs", "moderation.yaml:12", Outcome.REJECT, ("slur-one (disguised)",))


@pytest.fixture(autouse=True)
def _decided(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("DATABASE_URL", "STREAM_API_KEY", "STREAM_API_SECRET"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("FRAMEWORK_DATA", str(tmp_path))
    made = [
        _decision(1, "ann", Outcome.REJECT, rules=(HIT,)),
        _decision(2, "bo", Outcome.MASK, rules=(RuleHit("numbers", "moderation.yaml:20", Outcome.MASK),), text="kept"),
        _decision(90, "bo", Outcome.FLAG, channel="team:x", late=("hate",)),
        _decision(3, "cy", Outcome.ALLOW),
    ]
    store = DecisionStore(Storage(f"sqlite:///{tmp_path}/engine.db"), now=lambda: NOW)
    asyncio.run(store.record(made))
    store.storage.close()


def _decision(minutes: int, user: str, outcome: Outcome, **more: object) -> MessageDecision:
    fields = {"channel": "messaging:x", "message_id": f"m-{minutes}", "content": "f00d" * 8, **more}
    at = NOW - timedelta(minutes=minutes)
    return MessageDecision(at=at, bot="guard", user_id=user, origin="before_send", outcome=outcome, **fields)  # type: ignore[arg-type]  # as given


def shown(capsys: pytest.CaptureFixture[str], **options: str | int | bool) -> list[str]:
    given = {"last": 20, "channel": "", "user": "", "rule": "", "outcome": "", "since": "", "as_json": False}
    log(**{**given, **options})  # type: ignore[arg-type]  # as given
    return capsys.readouterr().out.splitlines()


def test_people_read_a_line_for_each_decision_oldest_first(capsys: pytest.CaptureFixture[str]) -> None:
    flagged, masked, refused = shown(capsys)
    assert "flag     bo in team:x" in flagged
    assert "not judged in time: hate" in flagged
    assert '"kept"  numbers (moderation.yaml:20)' in masked
    assert refused.endswith("digest f00df00df00d  slurs (moderation.yaml:12): slur-one (disguised)")


def test_programs_read_objects(capsys: pytest.CaptureFixture[str]) -> None:
    told = [json.loads(line) for line in shown(capsys, as_json=True)]
    assert [one["user"] for one in told] == ["bo", "bo", "ann"]
    assert told[2]["rules"] == [
        {"name": "slurs", "where": "moderation.yaml:12", "outcome": "reject", "found": ["slur-one (disguised)"]}
    ]
    assert "text" not in told[2]
    assert told[2]["digest"] == "f00d" * 8


@pytest.mark.parametrize(
    ("options", "users"),
    [
        ({"user": "ann"}, ["ann"]), ({"channel": "team:x"}, ["bo"]), ({"rule": "slurs"}, ["ann"]),
        ({"outcome": "mask"}, ["bo"]), ({"outcome": "allow"}, ["cy"]), ({"since": "1h"}, ["bo", "ann"]),
        ({"since": (NOW - timedelta(seconds=90)).isoformat()}, ["ann"]), ({"last": 1}, ["ann"]),
    ],
)  # fmt: skip
def test_decisions_are_chosen(capsys: pytest.CaptureFixture[str], options: dict[str, str], users: list[str]) -> None:
    assert [json.loads(line)["user"] for line in shown(capsys, as_json=True, **options)] == users


@pytest.mark.parametrize("options", [{"since": "soon"}, {"outcome": "refuse"}])
def test_wrong_use_is_told(capsys: pytest.CaptureFixture[str], options: dict[str, str]) -> None:
    with pytest.raises(UsageError):
        shown(capsys, **options)


def test_that_nothing_fits_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    assert shown(capsys, user="nobody") == ["No decision fits."]
