"""Messages, reactions, threads, drafts, reminders and polls through the v2 SDK."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import getstream.models as m
import pytest
from getstream.exceptions import StreamApiException

from tests.sandbox.conformance.world import Typed, fresh


@pytest.fixture
def user(typed: Typed) -> str:
    return typed.user()


@pytest.fixture
def channel(typed: Typed, user: str) -> Any:
    return typed.channel(user)


def test_messages_are_sent_changed_and_deleted(typed: Typed, channel: Any, user: str) -> None:
    other = typed.user()
    message_id = fresh()
    answer = channel.send_message(
        message=m.MessageRequest(
            id=message_id, text="Hello", user_id=user, mentioned_users=[other], custom={"a": {"b": 1}},
            attachments=[m.Attachment(type="image", image_url="https://x.test/a.png", custom={"mine": 1})],
        ),
        skip_push=True, skip_enrich_url=True, include_channel_context=True, include_mentioned_members=True,
    ).data  # fmt: skip
    message = answer.message
    assert (message.id, message.text, message.type, message.custom) == (message_id, "Hello", "regular", {"a": {"b": 1}})
    assert message.attachments[0].custom == {"mine": 1}
    assert message.mentioned_users[0].id == other
    assert isinstance(message.created_at, datetime)
    changed = typed.chat.update_message(message_id, message=m.MessageRequest(text="Two", user_id=user)).data.message
    assert (changed.text, changed.custom) == ("Two", {})
    part = typed.chat.update_message_partial(
        message_id, user_id=user, set={"text": "Three", "color": "red", "pinned": True}, unset=["x"]
    ).data.message
    assert (part.text, part.custom, part.pinned, part.pinned_by.id) == ("Three", {"color": "red"}, True, user)
    shown = typed.chat.ephemeral_message_update(message_id, user_id=user, set={"text": "Passing"}).data.message
    assert shown.text == "Passing"
    assert typed.chat.get_message(message_id).data.message.text == "Three"
    assert [item.id for item in channel.get_many_messages(ids=[message_id]).data.messages] == [message_id]
    assert [item.id for item in channel.get_pinned_messages(limit=5).data.messages] == [message_id]
    gone = typed.chat.delete_message(message_id, deleted_by=user).data.message
    assert gone.type == "deleted"
    assert typed.chat.get_message(message_id, show_deleted_message=True).data.message.text == "Three"
    assert typed.chat.undelete_message(message_id, undeleted_by=user).data.message.type == "regular"
    typed.chat.delete_message(message_id, hard=True)
    with pytest.raises(StreamApiException) as raised:
        typed.chat.get_message(message_id)
    assert (raised.value.status_code, raised.value.code) == (404, 16)


def test_kinds_of_messages(typed: Typed, channel: Any, user: str) -> None:
    assert typed.send(channel, user, type="system").type == "system"
    assert typed.send(channel, user, silent=True).silent is True
    assert typed.send(channel, user, restricted_visibility=[user]).restricted_visibility == [user]
    quoted = typed.send(channel, user, "quoted")
    assert typed.send(channel, user, quoted_message_id=quoted.id).quoted_message.text == "quoted"
    pin = typed.send(channel, user, pinned=True, pin_expires=datetime.now(UTC) + timedelta(hours=1))
    assert isinstance(pin.pin_expires, datetime)
    mine = typed.chat.delete_message(quoted.id, delete_for_me=True, deleted_by=user).data.message
    assert mine.deleted_for_me is True


def test_pending_messages(typed: Typed, channel: Any, user: str) -> None:
    answer = channel.send_message(
        message=m.MessageRequest(text="x", user_id=user), pending=True, pending_message_metadata={"a": "b"}
    ).data
    assert answer.pending_message_metadata == {"a": "b"}
    assert typed.chat.commit_message(answer.message.id).data.message.id == answer.message.id
    assert len(channel.get_or_create(state=True).data.messages) == 1


def test_reactions(typed: Typed, channel: Any, user: str) -> None:
    other = typed.user()
    message = typed.send(channel, user)
    answer = typed.chat.send_reaction(
        message.id, reaction=m.ReactionRequest(type="love", user_id=user, score=2, custom={"a": 1})
    ).data
    assert (answer.reaction.type, answer.reaction.score, answer.reaction.custom) == ("love", 2, {"a": 1})
    assert answer.message.reaction_groups["love"].sum_scores == 2
    typed.chat.send_reaction(message.id, reaction=m.ReactionRequest(type="like", user_id=user), enforce_unique=True)
    typed.chat.send_reaction(message.id, reaction=m.ReactionRequest(type="like", user_id=other))
    reactions = typed.chat.get_reactions(message.id, limit=10).data.reactions
    assert [(item.type, item.user_id) for item in reactions] == [("like", other), ("like", user)]
    page = typed.chat.query_reactions(message.id, limit=1, filter={"type": "like"}).data
    assert len(page.reactions) == 1
    rest = typed.chat.query_reactions(message.id, limit=1, next=page.next, filter={"type": "like"}).data
    assert {page.reactions[0].user_id, rest.reactions[0].user_id} == {user, other}
    gone = typed.chat.delete_reaction(message.id, "like", user_id=user).data
    assert gone.reaction.user_id == user
    assert gone.message.reaction_counts == {"like": 1}


def test_replies_and_threads(typed: Typed, channel: Any, user: str) -> None:
    other = typed.user()
    channel.update(add_members=[m.ChannelMemberRequest(user_id=other)])
    parent = typed.send(channel, user, "parent")
    replies = [typed.send(channel, other, f"{n}", parent_id=parent.id) for n in range(3)]
    assert [item.id for item in typed.chat.get_replies(parent.id, limit=2).data.messages] == [x.id for x in replies[1:]]
    older = typed.chat.get_replies(parent.id, limit=2, id_lt=replies[1].id).data.messages
    assert [item.id for item in older] == [replies[0].id]
    thread = typed.chat.get_thread(parent.id, reply_limit=2, participant_limit=5).data.thread
    assert (thread.parent_message_id, thread.reply_count, len(thread.latest_replies)) == (parent.id, 3, 2)
    changed = typed.chat.update_thread_partial(parent.id, user_id=user, set={"title": "T", "x": 1}).data.thread
    assert (changed.title, changed.custom) == ("T", {"x": 1})
    found = typed.chat.query_threads(user_id=user, limit=5, reply_limit=1, participant_limit=1).data.threads
    assert [item.parent_message_id for item in found] == [parent.id]
    channel.mark_read(user_id=user, thread_id=parent.id)


def test_search(typed: Typed, channel: Any, user: str) -> None:
    word = "word" + fresh().replace("-", "")
    for n in range(3):
        typed.send(channel, user, f"{word} {n}")
    where = {"cid": f"messaging:{channel.channel_id}"}
    sort = [m.SortParamRequest(field="created_at", direction=-1)]
    page = typed.chat.search(payload=m.SearchPayload(filter_conditions=where, query=word, limit=2, sort=sort)).data
    assert [item.message.text for item in page.results] == [f"{word} 2", f"{word} 1"]
    rest = typed.chat.search(
        payload=m.SearchPayload(filter_conditions=where, query=word, limit=2, sort=sort, next=page.next)
    ).data
    assert [item.message.text for item in rest.results] == [f"{word} 0"]
    exact = typed.chat.search(
        payload=m.SearchPayload(
            filter_conditions=where, message_filter_conditions={"text": {"$q": word}}, limit=1, offset=2
        )
    ).data
    assert len(exact.results) == 1


def test_history(typed: Typed, channel: Any, user: str) -> None:
    message = typed.send(channel, user, "0", custom={"n": 0})
    for n in (1, 2):
        typed.chat.update_message(message.id, message=m.MessageRequest(text=f"{n}", user_id=user, custom={"n": n}))
    page = typed.chat.query_message_history(filter={"message_id": message.id}, limit=1).data
    assert [(item.text, item.custom) for item in page.message_history] == [("1", {"n": 1})]
    rest = typed.chat.query_message_history(filter={"message_id": message.id}, limit=1, next=page.next).data
    assert [item.text for item in rest.message_history] == ["0"]


def test_translation_and_action(typed: Typed, channel: Any, user: str) -> None:
    message = typed.send(channel, user, "hello")
    assert typed.chat.translate_message(message.id, language="fr").data.message.i18n["fr_text"]
    preview = typed.send(channel, user, "/giphy cat")
    assert preview.type == "ephemeral"
    answer = typed.chat.run_message_action(preview.id, form_data={"image_action": "send"}, user_id=user).data
    assert answer.message.type == "regular"


def test_drafts(typed: Typed, channel: Any, user: str) -> None:
    with pytest.raises(StreamApiException) as raised:
        channel.get_draft(user_id=user)
    assert raised.value.status_code == 404
    assert typed.chat.query_drafts(user_id=user).data.drafts == []
    with pytest.raises(StreamApiException):
        channel.delete_draft(user_id=user)


def test_reminders(typed: Typed, channel: Any, user: str) -> None:
    message = typed.send(channel, user)
    later = datetime.now(UTC) + timedelta(days=1)
    made = typed.chat.create_reminder(message.id, user_id=user, remind_at=later).data.reminder
    assert (made.message_id, made.user_id) == (message.id, user)
    assert abs(made.remind_at - later) < timedelta(milliseconds=1)
    moved = typed.chat.update_reminder(message.id, user_id=user, remind_at=later + timedelta(days=1)).data.reminder
    assert moved.remind_at > made.remind_at
    sort = [m.SortParamRequest(field="remind_at", direction=1)]
    found = typed.chat.query_reminders(
        user_id=user, filter={"message_id": message.id}, sort=sort, limit=5
    ).data.reminders
    assert [item.message_id for item in found] == [message.id]
    typed.chat.delete_reminder(message.id, user_id=user)
    assert typed.chat.query_reminders(user_id=user).data.reminders == []


def test_polls_from_creation_to_removal(typed: Typed, channel: Any, user: str) -> None:
    poll = typed.stream.create_poll(
        name="Which?", description="D", user_id=user, allow_answers=True, allow_user_suggested_options=True,
        enforce_unique_vote=False, max_votes_allowed=2, voting_visibility="public",
        options=[m.PollOptionInput(text="A", custom={"x": 1}), m.PollOptionInput(text="B")], custom={"mood": "good"},
    ).data.poll  # fmt: skip
    assert (poll.name, poll.voting_visibility, poll.vote_count, poll.custom) == (
        "Which?",
        "public",
        0,
        {"mood": "good"},
    )
    assert [(item.text, item.custom) for item in poll.options] == [("A", {"x": 1}), ("B", {})]
    message = typed.send(channel, user, poll_id=poll.id)
    assert message.poll.id == poll.id
    first = poll.options[0].id
    cast = typed.chat.cast_poll_vote(message.id, poll.id, user_id=user, vote=m.VoteData(option_id=first)).data
    assert cast.vote.option_id == first
    assert cast.poll.vote_counts_by_option == {first: 1}
    typed.chat.cast_poll_vote(message.id, poll.id, user_id=user, vote=m.VoteData(answer_text="C"))
    votes = typed.stream.query_poll_votes(poll.id, user_id=user, filter={"option_id": first}, limit=5).data.votes
    assert [item.option_id for item in votes] == [first]
    gone = typed.chat.delete_poll_vote(message.id, poll.id, cast.vote.id, user_id=user).data
    assert gone.vote.id == cast.vote.id
    option = typed.stream.create_poll_option(poll.id, text="D", user_id=user, custom={"y": 1}).data.poll_option
    assert typed.stream.get_poll_option(poll.id, option.id).data.poll_option.text == "D"
    changed = typed.stream.update_poll_option(poll.id, id=option.id, text="E", user_id=user).data.poll_option
    assert changed.text == "E"
    typed.stream.delete_poll_option(poll.id, option.id, user_id=user)
    part = typed.stream.update_poll_partial(poll.id, user_id=user, set={"is_closed": True, "mood": "bad"}).data.poll
    assert (part.is_closed, part.custom) == (True, {"mood": "bad"})
    whole = typed.stream.update_poll(
        id=poll.id,
        name="New",
        user_id=user,
        options=[m.PollOptionRequest(id=item.id, text=item.text) for item in poll.options],
    ).data.poll
    assert whole.name == "New"
    found = typed.stream.query_polls(user_id=user, filter={"id": poll.id}, limit=1).data.polls
    assert [item.id for item in found] == [poll.id]
    typed.stream.delete_poll(poll.id, user_id=user)
    with pytest.raises(StreamApiException) as raised:
        typed.stream.get_poll(poll.id, user_id=user)
    assert raised.value.status_code == 404


def test_impossible_messages_are_refused(typed: Typed, channel: Any, user: str) -> None:
    for message in (
        m.MessageRequest(text="x"),
        m.MessageRequest(text="x", user_id=fresh()),
        m.MessageRequest(text="x", user_id=user, parent_id=fresh()),
        m.MessageRequest(text="x" * 20001, user_id=user),
        m.MessageRequest(text="x", user_id=user, poll_id=fresh()),
    ):
        with pytest.raises(StreamApiException) as raised:
            channel.send_message(message=message)
        assert raised.value.status_code in (400, 404)
        assert raised.value.code in (4, 16, 20)
