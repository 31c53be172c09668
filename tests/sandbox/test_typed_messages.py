"""Messages and what belongs to them through the v2 SDK, whose models check the answers, and v1's blocking client."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from tests.sandbox.clients import fresh, people, shared_world, sync_client, v2_client
from tests.sandbox.conftest import World

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest.fixture(scope="module")
def m() -> Any:
    return pytest.importorskip("getstream.models", reason="the v2 SDK (getstream) is not installed")


class Typed:
    """A channel of three people, through the v2 SDK."""

    def __init__(self, client: Any, models: Any, channel: Any, names: list[str]) -> None:
        self.client, self.chat, self.models, self.channel, self.names = client, client.chat, models, channel, names
        self.cid = f"messaging:{channel.channel_id}"

    async def send(self, text: str, user: str | None = None, **fields: Any) -> Any:
        beside = {name: fields.pop(name) for name in ("pending", "pending_message_metadata") if name in fields}
        message = self.models.MessageRequest(id=fresh("m"), text=text, user_id=user or self.names[0], **fields)
        return (await self.channel.send_message(message=message, **beside)).data.message


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def world() -> AsyncIterator[World]:
    async with shared_world() as made:
        yield made


@pytest_asyncio.fixture(loop_scope="module")
async def typed(world: World, m: Any) -> AsyncIterator[Typed]:
    client = v2_client(world.running)
    names = await people(world, 3)
    channel = client.chat.channel("messaging", fresh("c"))
    members = [m.ChannelMemberRequest(user_id=name) for name in names]
    await channel.get_or_create(data=m.ChannelInput(created_by_id=names[0], members=members))
    yield Typed(client, m, channel, names)
    await client.aclose()


async def test_threads(typed: Typed) -> None:
    alice, bob, _ = typed.names
    parent = await typed.send("parent")
    await typed.send("one", bob, parent_id=parent.id)
    await typed.send("two", bob, parent_id=parent.id)
    threads = (await typed.chat.query_threads(user_id=alice, filter={"channel_cid": typed.cid})).data.threads
    assert [reply.text for reply in threads[0].latest_replies] == ["one", "two"]
    assert {read.user.id: read.unread_messages for read in threads[0].read} == {alice: 2, bob: 0}
    assert (await typed.chat.get_thread(parent.id, reply_limit=1)).data.thread.latest_replies[0].text == "two"
    changed = await typed.chat.update_thread_partial(parent.id, user_id=alice, set={"title": "T", "mood": 1})
    assert (changed.data.thread.title, changed.data.thread.custom) == ("T", {"mood": 1})
    counts = (await typed.chat.unread_counts(user_id=alice)).data
    assert [(one.parent_message_id, one.unread_count) for one in counts.threads] == [(parent.id, 2)]
    read = (await typed.channel.mark_read(user_id=alice, thread_id=parent.id)).data
    assert read.event.thread.title == "T"
    await typed.channel.mark_unread(user_id=alice, thread_id=parent.id)
    batch = (await typed.chat.unread_counts_batch(user_ids=[alice])).data.counts_by_user
    assert batch[alice].total_unread_threads_count == 1
    assert len((await typed.chat.get_replies(parent.id, limit=1)).data.messages) == 1


async def test_search(typed: Typed, m: Any) -> None:
    words = fresh("word")
    await typed.send(f"{words} one")
    await typed.send(f"{words} two")
    sort = [m.SortParamRequest(field="created_at", direction=-1)]
    payload = m.SearchPayload(filter_conditions={"cid": typed.cid}, query=words, limit=1, sort=sort)
    first = (await typed.chat.search(payload=payload)).data
    assert first.results[0].message.text == f"{words} two"
    payload.next = first.next
    second = (await typed.chat.search(payload=payload)).data
    assert (second.results[0].message.text, second.results[0].message.channel.cid) == (f"{words} one", typed.cid)


async def test_drafts(typed: Typed, m: Any) -> None:
    alice, bob, _ = typed.names
    body = {"message": {"text": "d", "user_id": alice, "mentioned_users": [bob], "custom": {"k": 1}}}
    path = f"/api/v2/chat/channels/messaging/{typed.channel.channel_id}/draft"
    made = (await typed.chat.post(path, m.GetDraftResponse, json=body)).data.draft
    assert (made.message.custom, made.message.mentioned_users[0].id) == ({"k": 1}, bob)
    assert (await typed.channel.get_draft(user_id=alice)).data.draft.message.text == "d"
    assert (await typed.chat.query_drafts(user_id=alice)).data.drafts[0].channel_cid == typed.cid
    found = (await typed.chat.query_channels(filter_conditions={"cid": typed.cid}, user_id=alice)).data.channels
    assert found[0].draft.message.text == "d"
    await typed.channel.delete_draft(user_id=alice)
    assert (await typed.chat.query_drafts(user_id=alice)).data.drafts == []


async def test_reminders(typed: Typed) -> None:
    alice = typed.names[0]
    message = await typed.send("later")
    at = datetime.now(UTC).replace(microsecond=0) + timedelta(days=1)
    made = (await typed.chat.create_reminder(message.id, user_id=alice, remind_at=at)).data.reminder
    assert (made.remind_at, made.message.text) == (at, "later")
    assert (await typed.chat.update_reminder(message.id, user_id=alice)).data.reminder.remind_at is None
    bookmarks = {"remind_at": {"$exists": False}}
    assert len((await typed.chat.query_reminders(user_id=alice, filter=bookmarks)).data.reminders) == 1
    await typed.chat.delete_reminder(message.id, user_id=alice)
    assert (await typed.chat.query_reminders(user_id=alice)).data.reminders == []


async def test_polls(typed: Typed, m: Any) -> None:
    alice, bob, _ = typed.names
    client = typed.client
    options = [m.PollOptionInput(text="a"), m.PollOptionInput(text="b", custom={"z": 1})]
    poll = (
        await client.create_poll(
            name="P", user_id=alice, options=options, allow_answers=True, max_votes_allowed=2, custom={"q": 1}
        )
    ).data.poll
    assert (poll.custom, poll.options[1].custom, poll.max_votes_allowed) == ({"q": 1}, {"z": 1}, 2)
    message = await typed.send("vote", poll_id=poll.id)
    cast = await typed.chat.cast_poll_vote(
        message.id, poll.id, user_id=bob, vote=m.VoteData(option_id=poll.options[0].id)
    )
    assert (cast.data.vote.option_id, cast.data.poll.vote_count) == (poll.options[0].id, 1)
    answer = await typed.chat.cast_poll_vote(message.id, poll.id, user_id=bob, vote=m.VoteData(answer_text="mine"))
    assert (answer.data.vote.is_answer, answer.data.vote.answer_text) == (True, "mine")
    assert len((await client.query_poll_votes(poll.id, user_id=alice, filter={"is_answer": True})).data.votes) == 1
    option = (await client.create_poll_option(poll.id, text="c", user_id=alice)).data.poll_option
    await client.update_poll_option(poll.id, id=option.id, text="cc", user_id=alice, custom={"y": 2})
    assert (await client.get_poll_option(poll.id, option.id)).data.poll_option.custom == {"y": 2}
    await client.delete_poll_option(poll.id, option.id, user_id=alice)
    assert (await client.update_poll_partial(poll.id, user_id=alice, set={"name": "PP"})).data.poll.name == "PP"
    kept = [m.PollOptionRequest(id=one.id, text=one.text) for one in poll.options]
    replaced = (await client.update_poll(id=poll.id, name="PPP", user_id=alice, options=kept)).data.poll
    assert (replaced.custom, replaced.vote_count) == ({}, 1)
    assert (await typed.chat.get_message(message.id)).data.message.poll.name == "PPP"
    found = (await client.query_polls(user_id=alice, filter={"id": poll.id})).data.polls
    assert len(found) == 1
    await typed.chat.delete_poll_vote(message.id, poll.id, cast.data.vote.id, user_id=bob)
    await client.update_poll_partial(poll.id, user_id=alice, set={"is_closed": True})
    closed = (await client.get_poll(poll.id, user_id=bob)).data.poll
    assert (closed.is_closed, closed.vote_count, len(closed.own_votes)) == (True, 0, 1)
    await client.delete_poll(poll.id, user_id=alice)


async def test_uploads(typed: Typed, m: Any, tmp_path: Path) -> None:
    user = m.OnlyUserID(id=typed.names[0])
    (tmp_path / "a b.txt").write_text("hi")
    (tmp_path / "a.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    text, image = str(tmp_path / "a b.txt"), str(tmp_path / "a.png")
    in_channel = (await typed.channel.upload_channel_file(file=text, user=user)).data.file
    await typed.channel.delete_channel_file(url=in_channel)
    await typed.client.delete_file(url=(await typed.client.upload_file(file=text, user=user)).data.file)
    size = m.ImageSize(width=10, height=10, crop="top", resize="scale")
    sized = (await typed.channel.upload_channel_image(file=image, upload_sizes=[size], user=user)).data
    assert (sized.upload_sizes, sized.thumb_url) == ([size], sized.file)
    await typed.channel.delete_channel_image(url=sized.file)
    await typed.client.delete_image(url=(await typed.client.upload_image(file=image, user=user)).data.file)


async def test_history_translation_and_actions(typed: Typed, m: Any) -> None:
    alice = typed.names[0]
    message = await typed.send("v0", custom={"a": 1})
    await typed.chat.update_message_partial(message.id, user_id=alice, set={"text": "v1"})
    sort = [m.SortParamRequest(field="message_updated_at", direction=-1)]
    history = (await typed.chat.query_message_history(filter={"message_id": message.id}, sort=sort)).data
    assert [(one.text, one.custom, one.is_deleted) for one in history.message_history] == [("v0", {"a": 1}, False)]
    translated = (await typed.chat.translate_message(message.id, language="es")).data.message
    assert translated.i18n["es_text"] == "[es] v1"
    offered = await typed.send("/giphy hi")
    picture = offered.attachments[0]
    assert (offered.type, picture.actions[0].value, picture.custom["sandbox"]) == ("ephemeral", "send", True)
    assert picture.giphy.fixed_height.url == picture.thumb_url
    ran = await typed.chat.run_message_action(offered.id, form_data={"image_action": "send"}, user_id=alice)
    assert ran.data.message.type == "regular"


async def test_locations(typed: Typed, m: Any) -> None:
    alice = typed.names[0]
    at = datetime.now(UTC).replace(microsecond=0) + timedelta(hours=1)
    place = m.SharedLocation(latitude=1.0, longitude=2.0, created_by_device_id="d", end_at=at)
    message = await typed.send("here", shared_location=place)
    assert message.shared_location.end_at == at
    assert len((await typed.client.get_user_live_locations(user_id=alice)).data.active_live_locations) == 1
    moved = await typed.client.update_live_location(message_id=message.id, user_id=alice, latitude=5.5, longitude=6.0)
    assert (moved.data.latitude, moved.data.end_at) == (5.5, at)


async def test_pending_messages(typed: Typed) -> None:
    message = await typed.send("wait", pending=True, pending_message_metadata={"k": "v"})
    assert (await typed.chat.get_message(message.id)).data.pending_message_metadata == {"k": "v"}
    state = (await typed.chat.query_channels(filter_conditions={"cid": typed.cid}, state=True)).data.channels[0]
    assert (state.messages, state.pending_messages[0].metadata) == ([], {"k": "v"})
    assert (await typed.chat.commit_message(message.id)).data.message.text == "wait"


async def test_reactions_receipts_pins_and_deletions(typed: Typed, m: Any) -> None:
    alice, bob, _ = typed.names
    message, other = await typed.send("x"), await typed.send("y")
    reaction = m.ReactionRequest(type="love", user_id=bob, custom={"a": 1})
    made = (await typed.chat.send_reaction(message.id, reaction=reaction, enforce_unique=True)).data
    assert (made.reaction.custom, made.message.reaction_groups["love"].count) == ({"a": 1}, 1)
    assert len((await typed.chat.query_reactions(message.id, filter={"type": "love"})).data.reactions) == 1
    assert len((await typed.chat.get_reactions(message.id)).data.reactions) == 1
    await typed.chat.delete_reaction(message.id, "love", user_id=bob)
    delivered = [m.DeliveredMessagePayload(cid=typed.cid, id=message.id)]
    await typed.chat.mark_delivered(user_id=bob, latest_delivered_messages=delivered)
    await typed.chat.update_message_partial(message.id, user_id=alice, set={"pinned": True})
    sort = [m.SortParamRequest(field="pinned_at", direction=1)]
    pinned = await typed.chat.get_pinned_messages("messaging", typed.channel.channel_id, user_id=alice, sort=sort)
    assert [one.id for one in pinned.data.messages] == [message.id]
    many = await typed.chat.get_many_messages("messaging", typed.channel.channel_id, ids=[message.id, other.id])
    assert len(many.data.messages) == 2
    for_me = (await typed.chat.delete_message(message.id, delete_for_me=True, deleted_by=bob)).data.message
    assert for_me.deleted_for_me is True
    assert (await typed.chat.delete_message(message.id, deleted_by=alice)).data.message.deleted_at is not None
    assert (await typed.chat.undelete_message(message.id, undeleted_by=alice)).data.message.type == "regular"
    await typed.chat.delete_message(message.id, hard=True)


async def test_the_blocking_client_of_v1(world: World, tmp_path: Path) -> None:
    alice, bob = await people(world, 2)
    client = sync_client(world.running)

    def use() -> None:
        channel = client.channel("messaging", fresh("c"), {"members": [alice, bob]})
        channel.create(alice)
        message_id, words = fresh("m"), fresh("word")
        channel.send_message({"id": message_id, "text": words}, alice)
        channel.send_message({"text": "reply", "parent_id": message_id}, bob)
        assert len(client.query_threads({"parent_message_id": message_id}, user_id=alice)["threads"]) == 1
        assert len(client.search({"type": "messaging"}, words, limit=2, offset=0)["results"]) == 1
        client.create_reminder(message_id, alice)
        client.delete_reminder(message_id, alice)
        channel.create_draft({"text": "d"}, alice)
        assert channel.get_draft(alice)["draft"]["message"]["text"] == "d"
        client.update_message_partial(message_id, {"set": {"text": "new"}}, alice)
        assert len(client.query_message_history({"message_id": message_id}, [])["message_history"]) == 1
        client.delete_message(message_id, delete_for_me=True, deleted_by=bob)
        assert client.unread_counts(alice)["total_unread_threads_count"] == 1

    await asyncio.to_thread(use)
