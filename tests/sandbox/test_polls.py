"""Polls, options, votes and answers."""

from __future__ import annotations

from typing import Any

import pytest
from stream_chat.base.exceptions import StreamAPIException

from tests.sandbox.conftest import World, until


async def with_poll(world: World, **settings: Any) -> dict[str, Any]:
    """A poll of alice's with options `a` and `b`, shown by message `m` of a channel with bob."""
    channel = await world.channel("c", "alice", "bob")
    options = [{"id": "a", "text": "tea"}, {"id": "b", "text": "coffee", "strong": True}]
    body = {"id": "poll", "name": "Drink?", "user_id": "alice", "options": options, "topic": "lunch", **settings}
    poll = (await world.server.post("polls", data=body))["poll"]
    await channel.send_message({"id": "m", "text": "vote", "poll_id": "poll"}, "alice")
    return dict(poll)


async def vote(world: World, user_id: str, **given: Any) -> dict[str, Any]:
    return dict(await world.server.post("messages/m/polls/poll/vote", data={"user_id": user_id, "vote": given}))


async def test_a_poll_is_shown_by_its_message_with_counts_and_own_votes(world: World) -> None:
    poll = await with_poll(world)
    assert (poll["topic"], poll["voting_visibility"], poll["is_closed"]) == ("lunch", "public", False)
    assert poll["options"][1]["strong"] is True
    bob = world.person("bob")
    async with await bob.online() as socket:
        await bob.watch("c")
        await vote(world, "bob", option_id="a")
        event = await until(socket, "poll.vote_casted")
        state = await bob.watch("c")
    assert (event["poll_vote"]["option_id"], event["poll"]["vote_count"]) == ("a", 1)
    shown = state["messages"][-1]["poll"]
    assert shown["vote_counts_by_option"] == {"a": 1}
    assert [one["option_id"] for one in shown["own_votes"]] == ["a"]
    assert shown["latest_votes_by_option"]["a"][0]["user"]["id"] == "bob"


async def test_a_unique_vote_moves_and_keeps_its_id(world: World) -> None:
    await with_poll(world, enforce_unique_vote=True)
    first = (await vote(world, "bob", option_id="a"))["vote"]
    second = await vote(world, "bob", option_id="b")
    assert second["vote"]["id"] == first["id"]
    assert second["poll"]["vote_counts_by_option"] == {"b": 1}


async def test_votes_are_limited_and_taken_back(world: World) -> None:
    await with_poll(world, max_votes_allowed=1)
    cast = (await vote(world, "bob", option_id="a"))["vote"]
    with pytest.raises(StreamAPIException, match="all 1 votes"):
        await vote(world, "bob", option_id="b")
    with pytest.raises(StreamAPIException) as raised:
        await world.server.delete(f"messages/m/polls/poll/vote/{cast['id']}", params={"user_id": "alice"})
    assert raised.value.status_code == 404
    gone = await world.server.delete(f"messages/m/polls/poll/vote/{cast['id']}", params={"user_id": "bob"})
    assert gone["poll"]["vote_count"] == 0


async def test_one_answer_a_user_where_answers_are_allowed(world: World) -> None:
    await with_poll(world, allow_answers=True)
    await vote(world, "bob", answer_text="juice")
    answer = await vote(world, "bob", answer_text="water")
    assert (answer["poll"]["answers_count"], answer["vote"]["answer_text"]) == (1, "water")
    await vote(world, "alice", option_id="b")
    votes = await world.server.post("polls/poll/votes", data={"filter": {"is_answer": True}})
    assert [one["answer_text"] for one in votes["votes"]] == ["water"]


async def test_an_anonymous_poll_does_not_say_who_voted(world: World) -> None:
    await with_poll(world, voting_visibility="anonymous")
    await vote(world, "bob", option_id="a")
    _, body = await world.person("alice").call("POST", "/polls/poll/votes", {})
    assert "user_id" not in body["votes"][0]
    _, body = await world.person("bob").call("POST", "/polls/poll/votes", {})
    assert body["votes"][0]["user_id"] == "bob"


async def test_a_closed_poll_takes_no_votes(world: World) -> None:
    await with_poll(world)
    closed = await world.server.patch("polls/poll", data={"set": {"is_closed": True}, "user_id": "alice"})
    assert closed["poll"]["is_closed"] is True
    with pytest.raises(StreamAPIException, match="is closed"):
        await vote(world, "bob", option_id="a")


async def test_options_are_added_changed_and_deleted_with_their_votes(world: World) -> None:
    await with_poll(world)
    made = (await world.server.post("polls/poll/options", data={"text": "milk", "user_id": "alice"}))["poll_option"]
    changed = {"id": made["id"], "text": "oat milk", "user_id": "alice"}
    assert (await world.server.put("polls/poll/options", data=changed))["poll_option"]["text"] == "oat milk"
    await vote(world, "bob", option_id=made["id"])
    assert (await world.server.get(f"polls/poll/options/{made['id']}"))["poll_option"]["vote_count"] == 1
    await world.server.delete(f"polls/poll/options/{made['id']}", params={"user_id": "alice"})
    poll = (await world.server.get("polls/poll"))["poll"]
    assert ([option["id"] for option in poll["options"]], poll["vote_count"]) == (["a", "b"], 0)


async def test_only_its_creator_changes_a_poll_and_others_may_suggest_where_allowed(world: World) -> None:
    await with_poll(world)
    bob = world.person("bob")
    assert (await bob.call("PATCH", "/polls/poll", {"set": {"name": "x"}}))[0] == 403
    assert (await bob.call("POST", "/polls/poll/options", {"text": "milk"}))[0] == 403
    await world.server.patch("polls/poll", data={"set": {"allow_user_suggested_options": True}, "user_id": "alice"})
    assert (await bob.call("POST", "/polls/poll/options", {"text": "milk"}))[0] == 201


async def test_polls_are_queried_by_who_may_see_them(world: World) -> None:
    await with_poll(world)
    await world.server.upsert_user({"id": "eve"})
    query = {"filter": {"name": "Drink?", "is_closed": False}, "sort": [{"field": "created_at", "direction": -1}]}
    _, seen = await world.person("bob").call("POST", "/polls/query", query)
    assert [poll["id"] for poll in seen["polls"]] == ["poll"]
    _, unseen = await world.person("eve").call("POST", "/polls/query", query)
    assert unseen["polls"] == []
    assert (await world.person("eve").call("GET", "/polls/poll"))[0] == 404


async def test_replacing_a_poll_resets_what_is_not_given_and_deleting_it_leaves_the_message(world: World) -> None:
    await with_poll(world, description="long")
    body = {"id": "poll", "name": "New", "user_id": "alice", "options": [{"id": "b"}]}
    poll = (await world.server.put("polls", data=body))["poll"]
    assert (poll["description"], [option["text"] for option in poll["options"]]) == ("", ["coffee"])
    assert "topic" not in poll
    await world.server.delete("polls/poll", params={"user_id": "alice"})
    assert "poll" not in (await world.server.get_message("m"))["message"]


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"name": ""},
        {"name": "x", "voting_visibility": "secret"},
        {"name": "x", "max_votes_allowed": 11},
        {"name": "x", "options": [{"text": "a"}, {"text": "a"}]},
        {"name": "x", "options": [{"text": ""}]},
        {"name": "x", "options": ["a"]},
        {"name": "x", "enforce_unique_vote": "maybe"},
    ],
)
async def test_refuses_malformed_polls(world: World, body: dict[str, Any]) -> None:
    await world.server.upsert_user({"id": "alice"})
    with pytest.raises(StreamAPIException) as raised:
        await world.server.post("polls", data={**body, "user_id": "alice"})
    assert (raised.value.status_code, raised.value.error_code) == (400, 4)
    assert (await world.server.post("polls/query"))["polls"] == []
