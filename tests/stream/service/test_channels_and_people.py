"""What every chat service lets a bot do beside talking, in memory and on the wire alike."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from framework.errors import ChatServiceError
from framework.stream.model import (
    CardAction,
    ChannelRef,
    Connected,
    MessageCard,
    MessageNew,
    MessageUpdated,
    OutgoingMessage,
    ReactionGone,
    ReactionNew,
)
from tests.support.stages import BOT, Inbox, Stage, memory_stage, stream_stage

NOWHERE = ChannelRef("messaging", "nowhere")


@pytest.fixture(params=["memory", "stream"])
async def stage(request: pytest.FixtureRequest) -> AsyncIterator[Stage]:
    async with memory_stage() if request.param == "memory" else stream_stage() as stage:
        yield stage


@pytest.fixture
async def inbox(stage: Stage) -> AsyncIterator[Inbox]:
    inbox = Inbox(stage.service)
    await inbox.next(Connected)
    yield inbox
    await inbox.stop()


async def joined(stage: Stage) -> ChannelRef:
    channel = await stage.room()
    await stage.service.join([channel])
    return channel


async def watched(stage: Stage) -> ChannelRef:
    channel = await joined(stage)
    await stage.service.watch([channel], limit=10)
    return channel


async def test_custom_data_of_a_channel_is_changed_field_by_field(stage: Stage) -> None:
    channel = ChannelRef("messaging", "support-new")
    await stage.service.create_channel(channel, custom={"name": "Help", "topic": "billing"})
    await stage.service.update_channel(channel, to_set={"handover": {"state": "open", "to": ["ben"]}})
    info = await stage.service.info(channel)
    assert info.name == "Help"
    assert (info.custom["topic"], info.custom["handover"]) == ("billing", {"state": "open", "to": ["ben"]})
    await stage.service.update_channel(channel, to_set={"topic": "other"}, unset=["handover", "never there"])
    info = await stage.service.info(channel)
    assert info.custom["topic"] == "other"
    assert "handover" not in info.custom


async def test_a_channel_that_does_not_exist_has_no_data_and_is_not_made(stage: Stage) -> None:
    with pytest.raises(ChatServiceError) as caught:
        await stage.service.info(NOWHERE)
    assert caught.value.status == 404
    with pytest.raises(ChatServiceError) as caught:
        await stage.service.update_channel(NOWHERE, to_set={"a": 1})
    assert not caught.value.retryable
    assert NOWHERE not in await stage.service.find_channels("messaging")


async def test_members_have_roles_in_the_app_and_in_the_channel(stage: Stage) -> None:
    channel = await joined(stage)
    await stage.know("ben", "admin")
    await stage.know("cora", "user")
    await stage.service.add_members(channel, ["ben", "cora"])
    await stage.service.add_members(channel, ["ben"])
    await stage.raise_to(channel, "cora", "channel_moderator")
    found = {member.user.id: member for member in await stage.service.members(channel)}
    assert set(found) == {"ann", BOT, "ben", "cora"}
    assert (found["ben"].user.role, found["ben"].channel_role) == ("admin", "channel_member")
    assert found["cora"].channel_role == "channel_moderator"
    (only,) = await stage.service.members(channel, ids=["cora", "nobody"])
    assert only.user.id == "cora"
    with pytest.raises(ChatServiceError):
        await stage.service.add_members(channel, ["nobody"])


async def test_every_member_of_a_large_channel_is_told(stage: Stage) -> None:
    channel = await joined(stage)
    ids = [f"p-{n:03d}" for n in range(130)]
    for id_ in ids:
        await stage.know(id_, "user")
    await stage.service.add_members(channel, ids)
    assert {member.user.id for member in await stage.service.members(channel)} >= set(ids)


async def test_people_are_found_by_role(stage: Stage) -> None:
    await stage.know("ben", "admin")
    await stage.know("cora", "moderator")
    await stage.know("dan", "user")
    assert [user.id for user in await stage.service.find_users(["admin", "moderator"])] == ["ben", "cora"]
    assert list(await stage.service.find_users([])) == []


async def test_reactions_say_who_and_which_until_they_are_taken_back(stage: Stage, inbox: Inbox) -> None:
    channel = await watched(stage)
    message = await stage.post(channel, "hello")
    await stage.react(message, "like")
    await inbox.next(ReactionNew)
    await stage.service.react(message, "love")
    await stage.service.react(message, "love")
    found = await stage.service.reactions(message)
    assert {(reaction.user.id, reaction.kind) for reaction in found} == {("ann", "like"), (BOT, "love")}
    await stage.unreact(message, "like")
    gone = await inbox.next(ReactionGone)
    assert (gone.channel, gone.message_id, gone.user.id, gone.kind) == (channel, message, "ann", "like")
    assert [reaction.kind for reaction in await stage.service.reactions(message)] == ["love"]
    with pytest.raises(ChatServiceError):
        await stage.service.reactions("nothing")


async def test_some_messages_are_for_some_people_only(stage: Stage) -> None:
    channel = await joined(stage)
    await stage.know("ben", "admin")
    note = OutgoingMessage("n-1", "for the team", visible_to=("ben",), silent=True)
    await stage.service.send(channel, note)
    (stored,) = await stage.service.recent(channel, limit=5)
    assert (stored.visible_to, stored.silent) == (("ben",), True)


async def test_messages_of_the_system_and_answers_in_both_places(stage: Stage) -> None:
    channel = await joined(stage)
    question = await stage.post(channel, "question")
    await stage.service.send(channel, OutgoingMessage("s-1", "Ben joined", kind="system"))
    shown = OutgoingMessage("r-1", "answer", parent_id=question, show_in_channel=True)
    await stage.service.send(channel, shown)
    told = {message.id: message for message in await stage.service.recent(channel, limit=5)}
    assert told["s-1"].kind == "system"
    assert (told["r-1"].parent_id, told["r-1"].show_in_channel) == (question, True)


async def test_a_card_with_buttons_stands_below_a_message_until_it_is_amended(stage: Stage, inbox: Inbox) -> None:
    channel = await watched(stage)
    card = MessageCard("Draft for Ann", "Send it?", (CardAction("draft", "send", "Send", primary=True),))
    custom = {"review": {"state": "waiting"}, "kept": 1}
    await stage.service.send(channel, OutgoingMessage("d-1", "text", custom=custom, card=card))
    posted = (await inbox.next(MessageNew)).message
    assert [attachment.title for attachment in posted.attachments] == ["Draft for Ann"]
    await stage.service.amend("d-1", custom={"review": {"state": "sent"}}, card=MessageCard("Sent by Ben"))
    changed = (await inbox.next(MessageUpdated)).message
    assert changed.text == "text"
    assert changed.custom == {"review": {"state": "sent"}, "kept": 1}
    assert [attachment.title for attachment in changed.attachments] == ["Sent by Ben"]
    await stage.service.amend("d-1", text="another")
    assert (await inbox.next(MessageUpdated)).message.text == "another"
