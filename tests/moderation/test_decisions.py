"""Decisions are kept once, and their effects until they are done."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from framework.audit import AuditLog
from framework.moderation.decisions import DecisionStore, Effect, MessageDecision, RuleHit
from framework.moderation.rules.outcome import Outcome
from framework.storage import Storage


class Clock:
    def __init__(self) -> None:
        self.at = datetime(2026, 3, 1, 12, tzinfo=UTC)

    def now(self) -> datetime:
        return self.at


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def store(tmp_path: Path, clock: Clock) -> DecisionStore:
    return DecisionStore(Storage(f"sqlite:///{tmp_path / 'engine.db'}"), now=clock.now)


HIT = RuleHit("slurs", "moderation.yaml:3", Outcome.REJECT, ("x (exact)",))


def decision(clock: Clock, message_id: str = "m-1", content: str = "c-1", **fields: Any) -> MessageDecision:
    given = {"outcome": Outcome.REJECT, "rules": (HIT,), "message_id": message_id, **fields}
    return MessageDecision(clock.at, "moderator_bot", "messaging:a", "eve", content, "before_send", **given)


async def test_each_text_of_a_message_has_one_decision(store: DecisionStore, clock: Clock) -> None:
    first, again = decision(clock), decision(clock, effects=(Effect("alert", {"channel": "team:a"}),))
    assert await store.record([first, again]) == {first.id}
    assert await store.record([again]) == set()
    clock.at += timedelta(seconds=1)
    edited = decision(clock, content="c-2")
    assert await store.record([edited]) == {edited.id}
    assert [one.decision for one in await store.of_message("m-1")] == [first, edited]
    assert await store.take_due(10, ["moderator_bot"]) == []


async def test_what_is_not_let_pass_is_in_the_audit_log_without_its_text(store: DecisionStore, clock: Clock) -> None:
    await store.record([decision(clock), decision(clock, "m-2", outcome=Outcome.ALLOW, rules=())])
    (line,) = AuditLog(store.storage).last(10)
    assert (line["operation"], line["detail"], line["caller"]) == ("moderation", "reject", "eve")
    assert "slurs" in line["arguments"]
    assert "moderation.yaml:3" in line["arguments"]


async def test_a_decision_made_before_the_message_had_an_id_is_that_on_one_message(
    store: DecisionStore, clock: Clock
) -> None:
    await store.record([decision(clock, "", outcome=Outcome.ALLOW), decision(clock, "", content="refused")])
    here = ("m-1", "messaging:a", "c-1")
    assert await store.unknown({("m-0", "messaging:b", "c-1")}) == {("m-0", "messaging:b", "c-1")}
    assert await store.unknown({here}) == set()
    assert await store.unknown({here}) == set()
    assert await store.unknown({("m-2", "messaging:a", "c-1")}) == {("m-2", "messaging:a", "c-1")}
    # What was refused was not posted: the same text in the channel is another message.
    assert len(await store.unknown({("m-3", "messaging:a", "refused")})) == 1
    await store.record([decision(clock, "", content="old", outcome=Outcome.ALLOW)])
    clock.at += timedelta(hours=1)
    assert len(await store.unknown({("m-4", "messaging:a", "old")})) == 1


async def test_an_effect_is_taken_by_one_and_by_others_only_when_that_one_is_gone(
    store: DecisionStore, clock: Clock, tmp_path: Path
) -> None:
    other = DecisionStore(Storage(f"sqlite:///{tmp_path / 'engine.db'}"), now=clock.now)
    made = decision(clock, effects=(Effect("mute", {"seconds": 600}), Effect("alert", {"channel": "team:a"})))
    await store.record([made])
    taken = [
        one
        for many in await asyncio.gather(store.take_due(1, ["moderator_bot"]), other.take_due(1, ["moderator_bot"]))
        for one in many
    ]
    assert sorted(one.kind for one in taken) == ["alert", "mute"]
    assert await store.take_due(10, ["moderator_bot"]) == []
    mute = next(one for one in taken if one.kind == "mute")
    assert mute.details == {"seconds": 600}
    assert mute.decision.id == made.id
    await store.done(mute)
    clock.at += timedelta(minutes=1)
    (again,) = await other.take_due(10, ["moderator_bot"])
    assert (again.kind, again.tries) == ("alert", 2)
    # Who had it before comes too late.
    await store.done(next(one for one in taken if one.kind == "alert"), error="gone")
    await other.put_off(again, clock.at + timedelta(seconds=5), error="429")
    assert await store.take_due(10, ["moderator_bot"]) == []
    clock.at += timedelta(seconds=5)
    (last,) = await store.take_due(10, ["moderator_bot"])
    await store.done(last, error="refused")
    (logged,) = await store.last(10)
    assert [(one.kind, one.state, one.error) for one in logged.effects] == [
        ("mute", "done", ""),
        ("alert", "failed", "refused"),
    ]


async def test_the_place_that_was_looked_at_never_goes_back(store: DecisionStore, clock: Clock) -> None:
    assert await store.looked_until("app") is None
    await store.look_until("app", clock.at)
    await store.look_until("app", clock.at - timedelta(hours=1))
    assert await store.looked_until("app") == clock.at


async def test_a_person_is_erased_and_old_decisions_are_deleted(store: DecisionStore, clock: Clock) -> None:
    await store.record(
        [decision(clock, effects=(Effect("flag"),)), decision(clock, "m-2", outcome=Outcome.ALLOW, rules=())]
    )
    clock.at += timedelta(days=4)
    assert await store.clean() == 1
    assert await store.erase("eve") == 1
    assert await store.take_due(10, ["moderator_bot"]) == []
    assert await store.last(10) == []


async def test_odd_ids_are_kept(store: DecisionStore, clock: Clock) -> None:
    odd = "a\x00b\ud800"
    await store.record([decision(clock, odd)])
    assert await store.unknown({(odd, "messaging:a", "c-1")}) == set()
