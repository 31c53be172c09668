"""What a customer with a user token may try to get a blocked text past the rules."""

from __future__ import annotations

import asyncio
import gzip
import hashlib
import hmac
import json
import os
import signal
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from framework.errors import ChatServiceError
from framework.insight.meters import count_with
from framework.insight.metrics import Metrics
from framework.stream.factory import open_moderation
from framework.stream.moderation import StreamModeration
from tests.sandbox.conftest import World, world
from tests.support.guarded import Guarded, guarded
from tests.support.waiting import until

__all__ = ["world"]


@pytest.fixture
async def room(world: World, tmp_path: Path) -> AsyncIterator[Guarded]:
    async with guarded(world, tmp_path) as made:
        yield made


async def test_no_way_round_shows_a_blocked_text_to_others(room: Guarded) -> None:
    """Text, attachments, custom fields, polls, replies and edits, each with the user's own token."""
    parent = await room.say("bob", "What do you think?")
    bad: list[dict[str, Any]] = [
        {"text": "zorbax"},
        {"text": "look", "attachments": [{"type": "card", "title": "zorbax"}]},
        {
            "text": "look",
            "attachments": [{"type": "card", "fields": [{"title": "x", "value": "zorbax", "short": True}]}],
        },
        {"text": "look", "note": {"deep": [{"deeper": ["zorbax"]}]}},
        {
            "text": "look",
            "attachments": [{"type": "card", "actions": [{"name": "a", "text": "zorbax", "type": "button"}]}],
        },
        {"text": "zorbax", "parent_id": parent["id"]},
        {"text": "zorbax", "parent_id": parent["id"], "show_in_channel": True},
        {"text": "zorbax", "quoted_message_id": parent["id"]},
        {"text": "zorbax", "silent": True, "ai_generated": True},
        {"text": "see https://www.spam-domain.example/x"},
        {"text": "ok", "many": ["x"] * 900 + ["zorbax"]},
    ]
    for message in bad:
        said = await room.say("eve", **message)
        assert said["type"] == "error", message
    assert (await room.say("eve", "zorbax"))["text"] == "Hier bitte nicht."
    assert (await room.say("bob", "zorbax"))["text"] == "Not here, please."
    # The honest behaviour beside it.
    for text in ("Is the lathe free?", "spam-domain.example.org", "zorbaxes are animals"):
        assert (await room.say("eve", text))["type"] == "regular"
    assert (await room.say("mo", "We do not say zorbax here."))["type"] == "regular"
    masked = await room.say("bob", "Pay to DE89 3704 0044 0532 0130 00, thanks")
    assert masked["text"] == "Pay to [iban], thanks"
    assert "zorbax" not in (await room.sees("bob"))
    await _strangers_and_recordings(room)


async def test_edits_polls_and_what_nobody_was_asked_about_are_looked_at_afterwards(room: Guarded) -> None:
    await _polls(room)
    mine = await room.say("eve", "Nothing to see")
    status, _ = await room.call("eve", "POST", f"/messages/{mine['id']}", {"message": {"text": "zorbax"}})
    assert status in {200, 201}
    await room.until_sees("bob", lambda texts: "zorbax" not in texts)
    first, edit = await room.until_done(mine["id"], 2)
    assert [first.decision.outcome, edit.decision.outcome] == ["allow", "reject"]
    assert [effect.kind for effect in edit.effects] == ["delete"]
    other = await room.say("eve", "Nothing either")
    card = {"set": {"attachments": [{"type": "card", "title": "zorbax"}]}}
    status, _ = await room.call("eve", "PUT", f"/messages/{other['id']}", card)
    assert status == 200
    await room.until_done(other["id"], 2)
    assert (await room.message(other["id"])).get("deleted_at")
    await _sent_while_nobody_answered(room)


async def _polls(room: Guarded) -> None:
    poll = {"name": "Lunch?", "options": [{"text": "Soup"}, {"text": "zorbax"}]}
    status, made = await room.call("eve", "POST", "/polls", poll)
    assert status == 201, made
    said = await room.say("eve", "Vote!", poll_id=made["poll"]["id"])
    if said["type"] != "error":
        await room.until_done(said["id"])
        assert (await room.message(said["id"])).get("deleted_at")
    status, fine = await room.call("eve", "POST", "/polls", {"name": "Tea?", "options": [{"text": "Yes"}]})
    assert (await room.say("eve", "Vote!", poll_id=fine["poll"]["id"]))["type"] == "regular"


async def test_what_people_add_to_a_poll_is_taken_away_and_the_poll_stays(room: Guarded) -> None:
    """Suggested options and answers are their author's own, and no way to have another person's message deleted."""
    asked: dict[str, Any] = {"name": "Lunch?", "options": [{"text": "Soup"}, {"text": "Bread"}]}
    asked |= {"allow_user_suggested_options": True, "allow_answers": True}
    _, made = await room.call("bob", "POST", "/polls", asked)
    poll = made["poll"]["id"]
    said = await room.say("bob", "Vote!", poll_id=poll)
    for text in ("Rice", "zorbax", "DE89 3704 0044 0532 0130 00"):
        status, made = await room.call("eve", "POST", f"/polls/{poll}/options", {"text": text})
        assert status == 201, made
    vote = f"/messages/{said['id']}/polls/{poll}/vote"
    for user, text in (("eve", "quibnor and zorbax"), ("mo", "We do not say zorbax"), ("bob", "Rice, please")):
        status, made = await room.call(user, "POST", vote, {"vote": {"answer_text": text}})
        assert status == 201, made

    async def is_clean() -> bool:
        shown = (await room.message(said["id"]))["poll"]
        texts = {option["text"] for option in shown["options"]}
        answers = {one["answer_text"] for one in shown["latest_answers"]}
        return texts == {"Soup", "Bread", "Rice"} and answers == {"We do not say zorbax", "Rice, please"}

    await until(is_clean)
    assert not (await room.message(said["id"])).get("deleted_at")
    decided = {(one.decision.user_id, one.decision.outcome) for one in await room.until_done(said["id"])}
    assert decided == {("eve", "reject"), ("", "reject"), ("", "allow"), ("mo", "allow"), ("bob", "allow")}
    assert (await room.say("bob", "I may still write"))["type"] == "regular"


async def test_a_closed_poll_keeps_no_bad_answer_and_stays_closed(room: Guarded) -> None:
    """Whether it was closed before the answer was judged or after: another person's poll is not deleted for it."""
    said = {}
    for name in ("early", "late"):
        asked: dict[str, Any] = {"name": name, "options": [{"text": "Yes"}], "allow_answers": True}
        _, made = await room.call("bob", "POST", "/polls", asked)
        poll = made["poll"]["id"]
        said[poll] = (await room.say("bob", "Vote!", poll_id=poll))["id"]
    late = list(said)[-1]
    await room.hook(False)
    for poll, message in said.items():
        answer = {"vote": {"answer_text": "quibnor and zorbax"}}
        status, made = await room.call("eve", "POST", f"/messages/{message}/polls/{poll}/vote", answer)
        assert status == 201, made
        status, made = await room.call("bob", "PATCH", f"/polls/{poll}", {"set": {"is_closed": True}})
        assert status == 200, made
    [vote] = (await room.message(said[late]))["poll"]["latest_answers"]
    service = open_moderation(room.settings, "moderator_bot")
    await service.drop_from_poll(said[late], {"poll": late, "vote": vote["id"], "of": "eve", "closed": False})
    await service.close()

    async def is_clean() -> bool:
        polls = [(await room.message(message))["poll"] for message in said.values()]
        return not any(poll["latest_answers"] for poll in polls) and all(poll["is_closed"] for poll in polls)

    await until(is_clean)
    assert not any([(await room.message(message)).get("deleted_at") for message in said.values()])


async def test_a_poll_that_changes_is_looked_at_again(room: Guarded) -> None:
    polls = []
    for name in ("Tea?", "Milk?"):
        _, made = await room.call("eve", "POST", "/polls", {"name": name, "options": [{"text": "Yes"}, {"text": "No"}]})
        polls.append((made["poll"]["id"], await room.say("eve", "Vote!", poll_id=made["poll"]["id"])))
    (bad, first), (fine, second) = polls
    for poll, change in ((fine, {"name": "Oat milk?"}), (bad, {"description": "zorbax"})):
        status, made = await room.call("eve", "PATCH", f"/polls/{poll}", {"set": change})
        assert status == 200, made

    async def is_gone() -> bool:
        return bool((await room.message(first["id"])).get("deleted_at"))

    await until(is_gone)
    assert not (await room.message(second["id"])).get("deleted_at")


async def test_a_poll_that_cannot_be_read_holds_up_no_other_message(
    room: Guarded, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, made = await room.call("eve", "POST", "/polls", {"name": "Tea?", "options": [{"text": "Yes"}]})
    poll = made["poll"]["id"]
    said = await room.say("eve", "Vote!", poll_id=poll)
    read, tried = StreamModeration.message, asyncio.Event()

    async def cannot(service: StreamModeration, message_id: str) -> Any:
        if message_id == said["id"]:
            tried.set()
            raise ChatServiceError("The service answered 500.", retryable=False)
        return await read(service, message_id)

    monkeypatch.setattr(StreamModeration, "message", cannot)
    status, made = await room.call("eve", "PATCH", f"/polls/{poll}", {"set": {"description": "zorbax"}})
    assert status == 200, made
    await asyncio.wait_for(tried.wait(), 60)
    await room.hook(False)
    bad = await room.say("eve", "zorbax")
    await room.until_done(bad["id"])
    assert (await room.message(bad["id"])).get("deleted_at")
    monkeypatch.undo()
    await room.say("bob", "Good morning")

    async def is_gone() -> bool:
        return bool((await room.message(said["id"])).get("deleted_at"))

    await until(is_gone)


async def _sent_while_nobody_answered(room: Guarded) -> None:
    await room.hook(False)
    bad, fine = await room.say("eve", "zorbax"), await room.say("eve", "good morning")
    iban = await room.say("bob", "DE89 3704 0044 0532 0130 00")
    await room.until_done(bad["id"])
    unnamed = await room.say("bob", "no id of mine", id="")
    (decision,) = await room.until_done(iban["id"])
    assert (decision.decision.outcome, decision.decision.origin) == ("mask", "event")
    assert (await room.message(bad["id"])).get("deleted_at")
    assert (await room.message(iban["id"]))["text"] == "[iban]"
    await room.guard.recheck.look()
    assert [one.decision.outcome for one in await room.until_done(fine["id"])] == ["allow"]
    assert len(await room.decisions(bad["id"])) == 1
    assert len(await room.until_done(unnamed["id"])) == 1


async def test_a_flag_a_shadow_and_an_alert_are_carried_out_once(room: Guarded) -> None:
    flagged = await room.say("eve", "z o r b a x")
    shadowed = await room.say("eve", "quibnor!")
    spam = await room.say("eve", "spam-domain.example")
    assert spam["type"] == "error"
    for message in (flagged, shadowed):
        (one,) = await room.until_done(message["id"])
        assert [(effect.state, effect.error) for effect in one.effects] == [("done", "")]
    await room.until_sees("bob", lambda texts: "quibnor!" not in texts)
    assert "quibnor!" in await room.sees("eve")
    flags = (await room.world.server.query_message_flags({}))["flags"]
    assert [flag["message"]["id"] for flag in flags].count(flagged["id"]) == 1

    async def alerts() -> list[str]:
        state = await room.world.server.channel("team", "desk").query(state=True, messages={"limit": 10})
        return [message["text"] for message in state["messages"]]

    (alert,) = await until(alerts)
    assert "spam" in alert
    assert "`eve`" in alert
    assert "domain" not in alert
    await _flood(room)


async def _flood(room: Guarded) -> None:
    said = [await room.say("bob", f"number {number}") for number in range(30)]
    assert [one["type"] for one in said] == ["regular"] * 29 + ["error"]

    async def is_muted() -> bool:
        status, _ = await room.call("bob", "POST", "/channels/messaging/room/message", {"message": {"text": "more"}})
        return status == 403

    await until(is_muted)
    assert (await room.say("eve", "I may write"))["type"] == "regular"


async def test_a_killed_endpoint_comes_back_and_a_broken_file_changes_nothing(room: Guarded) -> None:
    await _broken_file(room)
    process = room.guard.process
    assert process is not None
    before = process.pid
    os.kill(before, signal.SIGKILL)
    said = await asyncio.gather(*(room.say("eve", f"zorbax {number}") for number in range(5)))
    await until(lambda: process.pid not in {0, before})
    for message in said:
        if message["type"] != "error":
            (one,) = await room.until_done(message["id"])
            assert one.decision.outcome == "reject"
            assert (await room.message(message["id"])).get("deleted_at")

    async def answers() -> bool:
        return str((await room.say("bob", "zorbax"))["type"]) == "error"

    await until(answers)


async def _broken_file(room: Guarded) -> None:
    file = room.folder / "moderation.yaml"
    good = file.read_text(encoding="utf-8")
    file.write_text(good.replace("do: reject", "do: rejekt", 1), encoding="utf-8")
    room.guard.reload()
    await until(lambda: bool(room.told))
    assert "moderation.yaml:6" in str(room.told[0])
    assert (await room.say("eve", "zorbax"))["type"] == "error"
    file.write_text(good.replace("[zorbax]", "[zorbax, flimric]"), encoding="utf-8")
    room.guard.reload()

    async def is_new() -> bool:
        return str((await room.say("eve", "flimric"))["type"]) == "error"

    await until(is_new)


async def test_a_held_message_is_seen_when_the_team_says_so(room: Guarded) -> None:
    await room.world.server.update_channel_type("messaging", mark_messages_pending=True)
    passed, gone, plain = [await room.say("eve", text) for text in ("plorfen one", "plorfen two", "hello")]
    await room.until_sees("bob", lambda texts: "hello" in texts)
    assert not [text for text in await room.sees("bob") if "plorfen" in text]
    assert len(await room.until_done(plain["id"])) == 1

    async def alerts() -> list[str]:
        state = await room.world.server.channel("team", "desk").query(state=True, messages={"limit": 10})
        found = [message["id"] for message in state["messages"] if "`eve`" in message["text"]]
        return found if len(found) == 2 else []

    first, second = await until(alerts)
    desk = room.world.server.channel("team", "desk")
    # Only the team decides.
    await desk.send_reaction(first, {"type": "like"}, "bob")
    await desk.send_reaction(first, {"type": "like"}, "mo")
    await room.until_sees("bob", lambda texts: "plorfen one" in texts)
    await desk.send_reaction(second, {"type": "sad"}, "mo")
    await room.until_done(gone["id"])
    await room.until_done(passed["id"])
    assert "plorfen two" not in await room.sees("bob")


async def _strangers_and_recordings(room: Guarded) -> None:
    """Unsigned, signed by another secret, replayed, a gzip bomb, and bodies that are no message."""
    body = _body("zorbax", datetime.now(UTC))
    stale = _body("zorbax", datetime.now(UTC) - timedelta(hours=1))
    bomb = gzip.compress(b" " * 30_000_000)
    secret = room.world.running.api_secret
    async with aiohttp.ClientSession() as http:

        async def post(content: bytes, signature: str) -> tuple[int, dict[str, Any]]:
            async with http.post(room.guard.url, data=content, headers={"X-Signature": signature}) as answer:
                return answer.status, await answer.json()

        assert (await post(body, ""))[0] == 401
        assert (await post(body, _signature(body, "another-secret")))[0] == 401
        assert (await post(stale, _signature(stale, secret)))[0] == 400
        assert (await post(bomb, "0" * 64))[0] == 413
        for odd in (b"[]", b"{}", b'{"message": 1}', b"not json"):
            assert (await post(odd, _signature(odd, secret)))[0] == 400
        answers = [await post(body, _signature(body, secret)) for _ in range(3)]
    refused = {"message": {"type": "error", "text": "Not here, please."}}
    assert answers == [(200, refused)] * 3
    assert len(await room.until_done("m-1")) == 1


def _body(text: str, at: datetime) -> bytes:
    message = {"id": "m-1", "text": text, "created_at": at.isoformat(), "user": {"id": "bob"}}
    return json.dumps({"message": message, "user": {"id": "bob"}, "channel": {"cid": "messaging:room"}}).encode()


def _signature(body: bytes, secret: str) -> str:
    return hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


async def test_what_the_endpoints_process_decides_is_counted_in_the_bots_process(world: World, tmp_path: Path) -> None:
    metrics = Metrics()
    count_with(metrics)
    try:
        async with guarded(world, tmp_path) as room:
            for text in ("zorbax", "hello", "zorbax again"):
                await room.say("eve", text)
            rejected = (
                'agents_moderation_decisions_total{bot="moderator_bot",origin="before_send",outcome="reject"} 2.0'
            )
            await until(lambda: rejected in metrics.text().decode())
    finally:
        count_with(None)
    told = metrics.text().decode()
    assert 'agents_moderation_rule_hits_total{bot="moderator_bot",outcome="reject",rule="words"} 2.0' in told
    assert 'origin="before_send",outcome="allow"} 1.0' in told
