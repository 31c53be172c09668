"""What every chat service does, in memory and on the wire alike."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime

import pytest

from framework.errors import ChatServiceError, DuplicateMessageError
from framework.stream.model import (
    EPOCH,
    AddedToChannel,
    AIState,
    ChannelRef,
    Connected,
    CustomEvent,
    Disconnected,
    MemberAdded,
    MessageDeleted,
    MessageNew,
    MessageUpdated,
    OutgoingMessage,
    ReactionNew,
    RemovedFromChannel,
    StopRequested,
)
from tests.support.stages import BOT, Inbox, Stage, memory_stage, stream_stage


@pytest.fixture(params=["memory", "stream"])
async def stage(request: pytest.FixtureRequest) -> AsyncIterator[Stage]:
    async with memory_stage() if request.param == "memory" else stream_stage() as stage:
        yield stage


@pytest.fixture
async def inbox(stage: Stage) -> AsyncIterator[Inbox]:
    inbox = Inbox(stage.service)
    assert await inbox.next(Connected) == Connected(again=False)
    yield inbox
    await inbox.stop()


async def watched(stage: Stage) -> ChannelRef:
    channel = await stage.room()
    await stage.service.join([channel])
    await stage.service.watch([channel], limit=10)
    return channel


async def test_finds_channels_newest_first_whoever_is_a_member(stage: Stage) -> None:
    rooms = [await stage.room() for _ in range(3)]
    await stage.room(type_="team")
    assert list(await stage.service.find_channels("messaging")) == rooms[::-1]
    assert await stage.service.find_channels("livestream") == []


async def test_finds_every_one_of_many_channels(stage: Stage) -> None:
    rooms = [await stage.room() for _ in range(65)]
    assert list(await stage.service.find_channels("messaging")) == rooms[::-1]


async def test_finds_only_channels_created_after_a_time(stage: Stage, inbox: Inbox) -> None:
    first = await stage.room()
    later = [await stage.room() for _ in range(31)]
    await stage.service.join([first])
    (state,) = await stage.service.watch([first], limit=1)
    assert list(await stage.service.find_channels("messaging", created_after=state.created_at)) == later[::-1]


async def test_finds_channels_by_their_fields_and_by_membership(stage: Stage) -> None:
    blue, red, plain = [await stage.room() for _ in range(3)]
    await stage.service.update_channel(blue, to_set={"colour": "blue", "count": 2})
    await stage.service.update_channel(red, to_set={"colour": "red", "left": True})
    await stage.service.join([red, plain])
    found = stage.service.find_channels
    assert list(await found("messaging", where={"colour": "blue", "count": 2})) == [blue]
    assert await found("messaging", where={"colour": "blue", "count": 3}) == []
    assert list(await found("messaging", joined=True)) == [plain, red]
    assert list(await found("messaging", without="left")) == [plain, blue]
    everywhere = [blue, red, plain, ChannelRef("messaging", "nowhere")]
    assert list(await stage.service.fitting(everywhere, where={}, joined=False)) == [blue, red, plain]
    assert list(await stage.service.fitting(everywhere, where={"colour": "red"}, joined=True)) == [red]
    assert await stage.service.fitting([], where={}, joined=True) == []


async def test_creates_a_channel_once_and_as_a_member(stage: Stage, inbox: Inbox) -> None:
    channel = ChannelRef("messaging", "support-new")
    await stage.service.create_channel(channel, custom={"topic": "billing"})
    await stage.service.create_channel(channel, custom={"topic": "other"})
    (state,) = await stage.service.watch([channel], limit=10)
    assert state.joined_at is not None
    assert state.custom["topic"] == "billing"
    assert list(await stage.service.find_channels("messaging")) == [channel]


async def test_joins_and_says_since_when(stage: Stage, inbox: Inbox) -> None:
    channels = [await stage.room() for _ in range(40)]
    await stage.service.join(channels)
    await stage.service.join(channels)
    states = await stage.service.watch(channels, limit=10)
    assert [state.channel for state in states] == channels
    assert all(state.joined_at and state.joined_at >= state.created_at for state in states)


async def test_refuses_to_join_what_does_not_exist(stage: Stage) -> None:
    with pytest.raises(ChatServiceError) as caught:
        await stage.service.join([ChannelRef("messaging", "nowhere")])
    assert not caught.value.retryable


async def test_watching_leaves_out_what_is_gone(stage: Stage, inbox: Inbox) -> None:
    channel = await watched(stage)
    states = await stage.service.watch([ChannelRef("messaging", "nowhere"), channel], limit=10)
    assert [state.channel for state in states] == [channel]


async def test_looks_without_a_connection_and_leaves_out_what_is_gone(stage: Stage) -> None:
    channel, other = await stage.room(), await stage.room()
    await stage.service.join([channel])
    messages = [await stage.post(channel, f"m{n}") for n in range(3)]
    gone = ChannelRef("messaging", "nowhere")
    states = await stage.service.look([channel, gone, other], limit=2)
    assert [(state.channel, state.joined_at is not None) for state in states] == [(channel, True), (other, False)]
    assert [message.id for message in states[0].messages] == messages[1:]


async def test_does_not_watch_without_a_connection(stage: Stage) -> None:
    channel = await stage.room()
    with pytest.raises(ChatServiceError) as caught:
        await stage.service.watch([channel], limit=10)
    assert caught.value.retryable


async def test_reads_the_newest_messages_oldest_first(stage: Stage, inbox: Inbox) -> None:
    channel = await watched(stage)
    ids = [await stage.post(channel, f"message {n}") for n in range(12)]
    read = await stage.service.recent(channel, limit=5)
    assert [message.id for message in read] == ids[-5:]
    assert read[-1].text == "message 11"
    assert read[-1].user.id == "ann"
    assert not read[-1].user.is_bot
    (state,) = await stage.service.watch([channel], limit=3)
    assert [message.id for message in state.messages] == ids[-3:]


async def test_reads_up_to_a_message(stage: Stage) -> None:
    channel = await stage.room()
    ids = [await stage.post(channel, f"message {n}") for n in range(6)]
    read = await stage.service.recent(channel, limit=3, until=ids[3])
    assert [message.id for message in read] == ids[1:4]
    assert list(await stage.service.recent(channel, limit=3, until="nothing")) == []


async def test_views_a_channel_and_its_newest_messages_by_one_call(stage: Stage) -> None:
    channel = await stage.room()
    ids = [await stage.post(channel, f"message {n}") for n in range(6)]
    await stage.post(channel, "in a thread", parent_id=ids[0])
    await stage.service.update_channel(channel, to_set={"topic": "billing"})
    view = await stage.service.view(channel, limit=4)
    assert [message.id for message in view.messages] == ids[-4:]
    assert list(view.messages) == list(await stage.service.recent(channel, limit=4))
    assert view.info == await stage.service.info(channel)
    assert view.info.custom["topic"] == "billing"
    whole = await stage.service.view(channel, limit=10)
    assert [message.id for message in whole.messages] == ids
    with pytest.raises(ChatServiceError) as caught:
        await stage.service.view(ChannelRef("messaging", "nowhere"), limit=4)
    assert caught.value.status == 404


async def test_refuses_to_read_a_channel_that_does_not_exist(stage: Stage) -> None:
    channel = ChannelRef("messaging", "nowhere")
    with pytest.raises(ChatServiceError) as caught:
        await stage.service.recent(channel, limit=5)
    assert caught.value.status == 404
    assert list(await stage.service.find_channels("messaging")) == []


async def test_keeps_threads_apart_from_the_channel(stage: Stage, inbox: Inbox) -> None:
    channel = await watched(stage)
    parent = await stage.post(channel, "question")
    replies = [await stage.post(channel, f"reply {n}", parent_id=parent) for n in range(4)]
    event = await inbox.next(MessageNew, lambda event: event.message.id == replies[-1])
    assert event.message.parent_id == parent
    assert [message.id for message in await stage.service.recent(channel, limit=5)] == [parent]
    thread = await stage.service.thread(parent, limit=2)
    assert [message.id for message in thread] == [parent, *replies[-2:]]
    assert thread[0].reply_count == 4
    assert thread[1].kind == "reply"
    until = await stage.service.thread(parent, limit=2, until=replies[1])
    assert [message.id for message in until] == [parent, *replies[:2]]
    assert list(await stage.service.thread("nothing", limit=2)) == []
    assert [message.id for message in await stage.service.thread(parent, limit=2, until="nothing")] == [parent]


async def test_finds_messages_by_id_soft_deleted_ones_too(stage: Stage) -> None:
    channel, other = await stage.room(), await stage.room()
    kept, softly, hard, elsewhere = [await stage.post(c, "hi") for c in (channel, channel, channel, other)]
    await stage.delete(softly)
    await stage.delete(hard, hard=True)
    found = await stage.service.messages(channel, [kept, softly, hard, elsewhere, "nothing"])
    assert set(found) == {kept, softly}
    assert found[softly].kind == "deleted"
    assert found[softly].deleted_at is not None
    assert await stage.service.messages(ChannelRef("messaging", "nowhere"), [kept]) == {}


async def test_a_message_id_is_taken_once(stage: Stage) -> None:
    channel = await stage.room()
    await stage.service.join([channel])
    sent = await stage.service.send(channel, OutgoingMessage("r-1", "first"))
    assert (sent.id, sent.text, sent.user.id) == ("r-1", "first", BOT)
    with pytest.raises(DuplicateMessageError):
        await stage.service.send(channel, OutgoingMessage("r-1", "first"))
    assert [message.text for message in await stage.service.recent(channel, limit=5)] == ["first"]


async def test_streams_a_reply_to_those_who_watch(stage: Stage, inbox: Inbox) -> None:
    channel = await watched(stage)
    outgoing = OutgoingMessage("r-1", "…", generating=True, custom={"reply_to": "m-1"})
    await stage.service.send(channel, outgoing)
    posted = (await inbox.next(MessageNew)).message
    assert posted.user.is_bot
    assert posted.ai_generated
    assert posted.generating
    assert posted.custom == {"reply_to": "m-1"}
    assert await stage.service.stream_update(channel, "r-1", text="Hel")
    shown = (await inbox.next(MessageUpdated)).message
    assert (shown.text, shown.generating) == ("Hel", True)
    (stored,) = await stage.service.recent(channel, limit=5)
    assert stored.text == "…"
    await stage.service.update_message("r-1", text="Hello", generating=False, custom={"sources": [{"title": "A"}]})
    final = (await inbox.next(MessageUpdated)).message
    assert (final.text, final.generating) == ("Hello", False)
    (stored,) = await stage.service.recent(channel, limit=5)
    assert stored.text == "Hello"
    assert stored.custom == {"reply_to": "m-1", "sources": [{"title": "A"}]}


async def test_replies_in_a_thread(stage: Stage) -> None:
    channel = await stage.room()
    await stage.service.join([channel])
    parent = await stage.post(channel, "question")
    sent = await stage.service.send(channel, OutgoingMessage("r-1", "answer", parent_id=parent))
    assert sent.parent_id == parent
    assert [message.id for message in await stage.service.thread(parent, limit=5)] == [parent, "r-1"]


async def test_sketching_what_is_gone_is_no_error(stage: Stage) -> None:
    channel = await stage.room()
    assert not await stage.service.stream_update(channel, "nothing", text="Hel")


async def test_revising_what_is_gone_is_an_error_that_does_not_pass(stage: Stage) -> None:
    with pytest.raises(ChatServiceError) as caught:
        await stage.service.update_message("nothing", text="Hello", generating=False, custom={})
    assert not caught.value.retryable
    assert caught.value.status == 404


async def test_deletes_for_good_and_only_once(stage: Stage, inbox: Inbox) -> None:
    channel = await watched(stage)
    await stage.service.send(channel, OutgoingMessage("r-1", "oops"))
    await stage.service.delete("r-1")
    assert await inbox.next(MessageDeleted) == MessageDeleted(channel, "r-1")
    await stage.service.delete("r-1")
    assert await stage.service.messages(channel, ["r-1"]) == {}


async def test_hears_what_people_do_where_it_watches(stage: Stage, inbox: Inbox) -> None:
    channel = await watched(stage)
    id_ = await stage.post(channel, "hello")
    new = (await inbox.next(MessageNew)).message
    assert (new.id, new.channel, new.text, new.user.name, new.kind) == (id_, channel, "hello", "Ann", "regular")
    await stage.edit(id_, "hello!")
    assert (await inbox.next(MessageUpdated)).message.text == "hello!"
    await stage.stop(channel, id_)
    stop = await inbox.next(StopRequested)
    assert (stop.channel, stop.user_id, stop.message_id) == (channel, "ann", id_)
    assert (stop.by.id if stop.by else None, stop.at != EPOCH) == ("ann", True)
    await stage.stop(channel)
    assert (await inbox.next(StopRequested)).message_id is None
    await stage.delete(id_)
    assert await inbox.next(MessageDeleted) == MessageDeleted(channel, id_)
    other = await stage.post(channel, "again")
    await inbox.next(MessageNew)
    await stage.delete(other, hard=True)
    assert await inbox.next(MessageDeleted) == MessageDeleted(channel, other)


async def test_hears_each_message_once(stage: Stage, inbox: Inbox) -> None:
    channel = await watched(stage)
    ids = [await stage.post(channel, f"message {n}") for n in range(5)]
    await stage.stop(channel)
    heard = [(await inbox.next(MessageNew)).message.id for _ in ids]
    assert heard == ids
    await inbox.next(StopRequested)
    assert not [event for event in inbox.seen if isinstance(event, MessageNew)]


async def test_hears_messages_as_a_member_who_does_not_watch(stage: Stage, inbox: Inbox) -> None:
    channel, foreign = await stage.room(), await stage.room()
    await stage.service.join([channel])
    await stage.post(foreign, "not for the bot")
    id_ = await stage.post(channel, "hello")
    assert (await inbox.next(MessageNew)).message.id == id_


async def test_hears_of_its_memberships(stage: Stage, inbox: Inbox) -> None:
    channel = await stage.room()
    await stage.invite(channel)
    assert await inbox.next(AddedToChannel) == AddedToChannel(channel, BOT)
    await stage.expel(channel)
    assert await inbox.next(RemovedFromChannel) == RemovedFromChannel(channel, BOT)
    await stage.invite(channel)
    await inbox.next(AddedToChannel)
    await stage.remove(channel)
    assert await inbox.next(RemovedFromChannel) == RemovedFromChannel(channel)


async def test_another_users_end_of_membership_is_not_the_bots(stage: Stage, inbox: Inbox) -> None:
    channel = await watched(stage)
    await stage.join(channel, "ben")
    await stage.leave(channel, "ben")
    await stage.expel(channel)
    assert await inbox.next(RemovedFromChannel) == RemovedFromChannel(channel, BOT)


async def test_hears_who_joins_reacts_and_what_apps_send(stage: Stage, inbox: Inbox) -> None:
    channel = await watched(stage)
    await stage.join(channel, "ben")
    joined = await inbox.next(MemberAdded)
    assert (joined.channel, joined.user.id) == (channel, "ben")
    message_id = await stage.post(channel, "hello")
    await stage.react(message_id, "like")
    reaction = await inbox.next(ReactionNew)
    assert (reaction.channel, reaction.message_id, reaction.kind) == (channel, message_id, "like")
    assert (reaction.user.id, reaction.user.name) == ("ann", "Ann")
    await stage.send_event(channel, "order.shipped", number=7, parts=["a"])
    event = await inbox.next(CustomEvent)
    assert (event.channel, event.kind, event.data, event.user.id) == (
        channel,
        "order.shipped",
        {"number": 7, "parts": ["a"]},
        "ann",
    )
    assert joined.at < reaction.at < event.at


async def test_a_pressed_button_is_a_message_with_custom_fields(stage: Stage, inbox: Inbox) -> None:
    channel = await watched(stage)
    await stage.post(channel, "Yes", custom={"action": {"id": "confirm", "value": 7}})
    message = (await inbox.next(MessageNew)).message
    assert message.custom == {"action": {"id": "confirm", "value": 7}}


async def test_a_slash_command_is_its_name_and_what_stands_behind_it(stage: Stage, inbox: Inbox) -> None:
    channel = await watched(stage)
    await stage.command(channel, "ticket", "open  it please")
    message = (await inbox.next(MessageNew)).message
    assert (message.command, message.text, message.custom) == ("ticket", "open  it please", {})


async def test_watches_again_after_the_line_broke(stage: Stage, inbox: Inbox) -> None:
    channel = await watched(stage)
    await stage.drop()
    lost = await inbox.next(Disconnected)
    assert lost.reason
    assert await inbox.next(Connected) == Connected(again=True)
    await stage.stop(channel, "unwatched")
    (state,) = await stage.service.watch([channel], limit=10)
    assert state.channel == channel
    await stage.stop(channel, "watched")
    assert (await inbox.next(StopRequested)).message_id == "watched"


async def test_shows_what_it_does(stage: Stage, inbox: Inbox) -> None:
    channel = await watched(stage)
    question = await stage.post(channel, "hello")
    states: tuple[AIState | None, ...] = ("thinking", "generating", "external_sources", "error", None)
    for state in states:
        await stage.service.indicate(channel, "r-1", state)
    await stage.service.typing(channel, parent_id=None, on=True)
    await stage.service.typing(channel, parent_id=question, on=False)
    await stage.service.mark_read(channel)
    await stage.post(channel, "reply", parent_id=question)
    await stage.service.mark_read(channel, parent_id=question)
    assert await stage.shown(channel) == {
        "states": ["AI_STATE_THINKING", "AI_STATE_GENERATING", "AI_STATE_EXTERNAL_SOURCES", "AI_STATE_ERROR", None],
        "typing": True,
        "reads": 2,
    }


async def test_closing_ends_the_events_at_once_and_twice_is_fine(stage: Stage, inbox: Inbox) -> None:
    await stage.service.close()
    await inbox.end()
    await stage.service.close()


async def test_many_calls_at_once(stage: Stage) -> None:
    channel = await stage.room()
    await stage.service.join([channel])
    await asyncio.gather(*(stage.service.send(channel, OutgoingMessage(f"r-{n}", "hi")) for n in range(10)))
    assert len(await stage.service.recent(channel, limit=50)) == 10


async def test_tells_in_which_of_the_bot_s_threads_somebody_replied_since(stage: Stage, inbox: Inbox) -> None:
    channel, other = await watched(stage), await watched(stage)
    quiet, asked, foreign, latest = [
        await stage.post(where, text) for where, text in zip([channel, channel, channel, other], "qafl", strict=True)
    ]
    for parent in (quiet, asked, latest):
        await stage.service.send(
            (other if parent == latest else channel), OutgoingMessage(f"to-{parent}", "mine", parent_id=parent)
        )
    await stage.post(channel, "not the bot's", parent_id=foreign)
    own = OutgoingMessage("own", "by the bot")
    await stage.service.send(channel, own)
    begin = (await stage.service.messages(channel, ["own"]))["own"].created_at
    for where, parent in ((channel, asked), (channel, own.id), (other, latest)):
        await stage.post(where, "and?", parent_id=parent)
    found = await stage.service.threads(since=begin)
    assert [(message.channel, message.id) for message in found] == [
        (other, latest),
        (channel, own.id),
        (channel, asked),
    ]
    assert [message.reply_count for message in found] == [2, 1, 2]


async def test_finds_every_one_of_many_threads(stage: Stage) -> None:
    channel = await stage.room()
    await stage.service.join([channel])
    parents = [await stage.post(channel, f"m{n}") for n in range(30)]
    for parent in parents:
        await stage.service.send(channel, OutgoingMessage(f"to-{parent}", "mine", parent_id=parent))
    found = await stage.service.threads(since=datetime(2000, 1, 1, tzinfo=UTC))
    assert [message.id for message in found] == parents[::-1]


async def test_reactions_come_with_the_messages_and_with_the_time_that_their_event_had(
    stage: Stage, inbox: Inbox
) -> None:
    channel = await watched(stage)
    quiet, liked = await stage.post(channel, "a"), await stage.post(channel, "b")
    await stage.react(liked, "like")
    event = await inbox.next(ReactionNew)
    (state,) = await stage.service.look([channel], limit=10)
    assert quiet not in state.reactions
    (reaction,) = state.reactions[liked]
    assert (reaction.user.id, reaction.kind, reaction.at) == ("ann", "like", event.at)
