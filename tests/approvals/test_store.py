"""The contract of the store of approvals, on SQLite and on Postgres, over several replicas."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from framework.approvals import Approval, ApprovalStore, Decision, NotWaitingError, Request
from framework.audit import AuditLog
from framework.errors import FrameworkError
from framework.storage import Storage
from tests.support.postgres import Postgres

REQUEST = Request(
    kind="tool",
    scope="support_bot",
    subject="refund",
    content={"amount": 5, "iban": "DE02 1203 0000 0000 2020 51"},
    shown=("amount: 5", 'iban: "DE02 1203 0000 0000 2020 51"'),
    lifetime=timedelta(hours=1),
    asked_by="eve",
    asked_name="Eve",
    channel="messaging:support-1",
    key="turn-1:1",
    about={"roles": ["user"]},
)
MO = Decision(True, "mo", "Mo", "message m-1", "job-1")


class Clock:
    def __init__(self) -> None:
        self.at = datetime(2026, 3, 1, 12, tzinfo=UTC)

    def now(self) -> datetime:
        return self.at


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture(params=["sqlite", "postgres"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'engine.db'}"
    postgres: Postgres = request.getfixturevalue("postgres")
    return postgres.database()


@pytest.fixture
def stores(url: str, clock: Clock) -> Iterator[list[ApprovalStore]]:
    """As many as replicas."""
    made = [ApprovalStore(Storage(url), now=clock.now) for _ in range(3)]
    yield made
    for store in made:
        store.close()


@pytest.fixture
def store(stores: list[ApprovalStore]) -> ApprovalStore:
    return stores[0]


async def shown(store: ApprovalStore, request: Request = REQUEST, seen: str = "hash") -> Approval:
    asked = await store.ask(request)
    await store.place(asked.id, "team:reviews", 2, {**request.about, "trigger": "m"})
    await store.shown(asked.id, seen)
    return await store.get(asked.id)


def log(store: ApprovalStore) -> list[dict[str, Any]]:
    return AuditLog(store.storage).last(100)


async def test_replicas_that_ask_at_once_ask_once(stores: list[ApprovalStore]) -> None:
    asked = await asyncio.gather(*(store.ask(REQUEST) for store in stores for _ in range(3)))
    assert len({approval.id for approval in asked}) == 1
    (waiting,) = await stores[1].waiting(scope="support_bot", kind="tool")
    assert (waiting.request, waiting.state) == (replace(REQUEST, shown=waiting.request.shown), "waiting")
    assert await stores[2].find("tool", "support_bot", "turn-1:1") == waiting


async def test_ids_cannot_be_guessed_and_numbers_can_be_read_out(store: ApprovalStore) -> None:
    first, second = [await store.ask(replace(REQUEST, key=key)) for key in ("a", "b")]
    assert first.id != second.id
    assert len(bytes.fromhex(first.id)) == 16
    assert not set(first.number) & set("0O1IlAEU")
    assert (await store.numbered(first.number.lower())) == first
    parts = [approval.card_id(number) for approval in (first, second) for number in (1, 2, 3)]
    assert len(set(parts)) == 6
    assert not any(first.id in part or first.card_id(1) in part for part in parts[1:])


async def test_nothing_is_decided_before_all_of_it_is_shown(store: ApprovalStore) -> None:
    asked = await store.ask(REQUEST)
    for step in (None, store.place(asked.id, "team:reviews", 2, {})):
        if step is not None:
            await step
        with pytest.raises(NotWaitingError):
            await store.decide(asked.id, MO)
    await store.shown(asked.id, "hash")
    assert (await store.decide(asked.id, MO)).state == "approved"


async def test_a_card_is_found_in_its_own_channel_and_by_its_own_bot_alone(store: ApprovalStore) -> None:
    approval = await shown(store)
    assert approval.card is not None
    first, second = approval.card.ids
    assert await store.on_card("support_bot", "team:reviews", first) == approval
    for scope, channel, message in (
        ("other_bot", "team:reviews", first),
        ("support_bot", "messaging:support-1", first),
        ("support_bot", "team:reviews", second),
        ("support_bot", "team:reviews", approval.id),
    ):
        assert await store.on_card(scope, channel, message) is None


async def test_of_all_who_decide_at_one_moment_one_wins(stores: list[ApprovalStore]) -> None:
    approval = await shown(stores[0])
    words = [Decision(n % 2 == 0, f"mo-{n}", how=f"message {n}", key=f"job-{n}") for n in range(9)]
    came = await asyncio.gather(
        *(stores[n % 3].decide(approval.id, word) for n, word in enumerate(words)), return_exceptions=True
    )
    (winner,) = [one for one in came if isinstance(one, Approval)]
    assert sum(isinstance(one, NotWaitingError) for one in came) == 8
    kept = await stores[1].get(approval.id)
    assert kept == winner
    assert kept.decision is not None
    assert words[int(kept.decision.by[-1])] == kept.decision
    decided = [entry for entry in log(stores[2]) if entry["outcome"] in {"approved", "denied"}]
    assert len(decided) == 1
    assert kept.decision.by in decided[0]["detail"]


async def test_one_approval_is_one_execution_of_exactly_these_arguments(stores: list[ApprovalStore]) -> None:
    approval = await shown(stores[0])
    assert not await stores[0].claim(approval.id, approval.fingerprint)  # nobody approved it
    await stores[0].decide(approval.id, MO)
    other = replace(REQUEST, content={**REQUEST.content, "amount": 99_999})
    with pytest.raises(FrameworkError, match="not what was approved"):
        await stores[1].claim(approval.id, other.fingerprint)
    claims = await asyncio.gather(*(store.claim(approval.id, approval.fingerprint) for store in stores for _ in "ab"))
    assert sorted(claims) == [False] * 5 + [True]
    await stores[2].finish(approval.id, "Refunded 5.")
    await stores[1].finish(approval.id, "Refunded twice?")
    done = await stores[0].get(approval.id)
    assert (done.state, done.result) == ("done", "Refunded 5.")
    assert not await stores[0].claim(approval.id, approval.fingerprint)
    with pytest.raises(NotWaitingError):
        await stores[0].decide(approval.id, MO)
    started = next(entry for entry in log(stores[0]) if entry["outcome"] == "done")
    assert (started["approved_by"], started["caller"], started["operation"]) == ("mo", "eve", "refund")
    assert "message m-1" in started["detail"] or "Refunded" in started["detail"]


@pytest.mark.parametrize(
    "changed",
    [
        {"content": {"amount": 5.0000001}},
        {"subject": "refund_all"},
        {"asked_by": "bob"},
        {"channel": "messaging:support-2"},
        {"scope": "other_bot"},
    ],
)
def test_the_fingerprint_changes_with_whatever_is_decided_on(changed: dict[str, Any]) -> None:
    assert replace(REQUEST, **changed).fingerprint != REQUEST.fingerprint


async def test_what_nobody_decided_on_expires_and_nothing_else(store: ApprovalStore, clock: Clock) -> None:
    late = await shown(store)
    assert await store.expire(late.id) is None
    clock.at += timedelta(hours=1)
    with pytest.raises(NotWaitingError):
        await store.decide(late.id, MO)
    expired = await store.expire(late.id)
    assert expired is not None
    assert (expired.state, expired.decision) == ("expired", None)
    assert await store.expire(late.id) is None
    assert log(store)[-1]["outcome"] == "expired"


async def test_the_team_may_give_it_another_content(store: ApprovalStore) -> None:
    draft = replace(REQUEST, kind="draft", content={"texts": ["Hello"]}, key="draft-1")
    approval = await shown(store, draft)
    edited = await store.decide(approval.id, replace(MO, content={"texts": ["Good day", "to you"]}))
    assert (edited.edited, edited.content) == (True, {"texts": ["Good day", "to you"]})
    assert await store.open("support_bot") == [edited]
    await store.finish(approval.id, "sent")
    assert await store.open("support_bot") == []


async def test_operations_are_approved_by_their_content_for_an_hour(store: ApprovalStore, clock: Clock) -> None:
    wanted = replace(REQUEST, kind="operation", scope="mcp:test", key="", on_card=False)
    asked = [await store.ask(wanted) for _ in range(2)]
    assert asked[0].id == asked[1].id
    assert await store.claim_same("operation", wanted.fingerprint) is None
    await store.decide(asked[0].id, MO)
    assert await store.claim_same("tool", wanted.fingerprint) is None
    assert await store.claim_same("operation", replace(wanted, content={"amount": 6}).fingerprint) is None
    claimed = await store.claim_same("operation", wanted.fingerprint)
    assert claimed is not None
    assert claimed.decision is not None
    assert claimed.decision.by == "mo"
    assert await store.claim_same("operation", wanted.fingerprint) is None
    again = await store.ask(wanted)
    assert again.id != asked[0].id
    await store.decide(again.id, MO)
    clock.at += timedelta(hours=1)
    assert await store.claim_same("operation", wanted.fingerprint) is None


async def test_what_cannot_be_written_down_is_not_decided(
    store: ApprovalStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    approval = await shown(store)

    def full(*_: object) -> int:
        raise OSError("the disk is full")

    monkeypatch.setattr("framework.approvals.record.write", full)
    with pytest.raises(OSError, match="full"):
        await store.decide(approval.id, MO)
    monkeypatch.undo()
    assert (await store.get(approval.id)).state == "waiting"


async def test_a_person_is_erased(store: ApprovalStore) -> None:
    approval = await shown(store)
    await store.decide(approval.id, MO)
    assert await store.erase("bob") == 0
    assert await store.erase("eve") == 1
    with pytest.raises(NotWaitingError):
        await store.get(approval.id)
    assert await AuditLog(store.storage).erase("eve") == 1
    assert "DE02" not in str(log(store))


async def test_arguments_that_no_database_holds_are_refused(store: ApprovalStore) -> None:
    with pytest.raises(FrameworkError, match="cannot be shown"):
        await store.ask(replace(REQUEST, content={"amount": 10**5_000}))
