"""What a policy allows: which operations, as whom, and in which channels."""

from typing import Any

import pytest
from pydantic import ValidationError

from framework.catalog.catalog import Catalog
from framework.catalog.execution.actor import actors, described, with_actor, without_actors
from framework.catalog.execution.policy import ActingUser, NotAllowedError
from framework.catalog.execution.principal import Principal
from framework.catalog.execution.reach import Anywhere, Filtered, InChannels, OfMessage, narrow, reach_of
from framework.definition.parts.operations import Operations
from tests.support.operations import policy

BOT = Principal("bot:support_bot", bot="agent-bot", caller="maria", channel="messaging:support-1", key="turn-1")
DEFAULTS: dict[str, Any] = Operations().model_dump()


@pytest.mark.parametrize(
    ("rules", "permitted"),
    [
        ({"allow": "reads"}, {"GetMessage"}),
        ({"allow": ["reads", "SendMessage"]}, {"GetMessage", "SendMessage"}),
        ({"allow": ["reads", "writes", "destroys"], "deny": "destroys"}, {"GetMessage", "SendMessage"}),
        ({"allow": ["reads", "writes"], "deny": "GetMessage"}, {"SendMessage"}),
        ({"allow": ["DeleteMessage"]}, {"DeleteMessage"}),
        ({"allow": []}, set()),
    ],
)
def test_operations_are_allowed_by_id_and_class_and_denied_first(
    catalog: Catalog, rules: dict[str, Any], permitted: set[str]
) -> None:
    rule = policy(**rules)
    for name in ("GetMessage", "SendMessage", "DeleteMessage"):
        operation = catalog.operation(name)
        assert rule.permits(operation) == (name in permitted)
        if name not in permitted:
            with pytest.raises(NotAllowedError, match=name):
                rule.check_operation(operation)


def test_a_bot_that_says_nothing_may_read_its_conversation_as_itself() -> None:
    rule = policy(BOT, **DEFAULTS)
    assert rule.actor(None) == ActingUser("agent-bot")
    rule.check_channel("messaging:support-1")
    with pytest.raises(NotAllowedError, match="out of bounds"):
        rule.check_channel("messaging:support-2")
    for user_id in ("maria", "alice"):
        with pytest.raises(NotAllowedError, match=user_id):
            rule.actor(user_id)


@pytest.mark.parametrize(
    ("act_as", "allowed", "refused"),
    [
        (["bot", "caller"], {"agent-bot", "maria"}, {"alice", "bot", "caller", "app"}),
        (["support-*"], {"support-1"}, {"maria", "agent-bot"}),
        (["app"], set(), {"maria", "app"}),
        (["*"], {"maria", "anyone"}, set()),
    ],
)
def test_as_whom_is_limited(act_as: list[str], allowed: set[str], refused: set[str]) -> None:
    rule = policy(BOT, act_as=act_as)
    for user_id in allowed:
        assert rule.actor(user_id) == ActingUser(user_id)
    for user_id in refused:
        with pytest.raises(NotAllowedError):
            rule.actor(user_id)


def test_the_first_of_act_as_is_the_default() -> None:
    assert policy(BOT, act_as=["caller", "bot"]).actor(None) == ActingUser("maria")
    assert policy(BOT, act_as=["app"]).actor(None) == ActingUser(None)
    with pytest.raises(NotAllowedError, match="as whom"):
        policy(Principal("mcp:x"), act_as=["bot"]).actor(None)


@pytest.mark.parametrize(
    ("name", "arguments", "expected"),
    [
        ("SendMessage", {"type": "a", "id": "b", "message": {"user_id": "zoe"}}, {"zoe"}),
        ("SendMessage", {"type": "a", "id": "b", "message": {"user": {"id": "zoe"}}}, {"zoe"}),
        ("SendReaction", {"id": "m", "reaction": {"type": "x", "user_id": "zoe"}}, {"zoe"}),
        ("GetOrCreateChannel", {"type": "a", "id": "b", "data": {"created_by_id": "zoe"}}, {"zoe"}),
        ("Ban", {"target_user_id": "max", "banned_by_id": "zoe"}, {"zoe"}),
        ("Ban", {"target_user_id": "max", "banned_by": {"id": "zoe"}}, {"zoe"}),
        ("DeactivateUser", {"user_id": "max", "created_by_id": "zoe"}, {"zoe"}),
        ("DeleteUsers", {"user_ids": ["max"], "user": "hard"}, set()),
        ("CreateGuest", {"user": {"id": "guest"}}, set()),
        ("QueryUsers", {"payload": {"filter_conditions": {}, "user_id": "zoe"}}, {"zoe"}),
        ("UpdatePushNotificationPreferences", {"preferences": [{"user_id": "zoe"}]}, {"zoe"}),
    ],
)
def test_who_does_it_is_found_in_the_arguments(
    catalog: Catalog, name: str, arguments: dict[str, Any], expected: set[str]
) -> None:
    operation = catalog.operation(name)
    assert actors(operation, arguments) == expected
    assert not actors(operation, without_actors(operation, arguments))


def test_the_app_may_not_speak_for_others_than_the_policy_says(catalog: Catalog) -> None:
    rule = policy(BOT, act_as=["app", "bot"])
    operation = catalog.operation("SendMessage")
    rule.check_actors(operation, {"message": {"user_id": "agent-bot"}}, ActingUser(None))
    with pytest.raises(NotAllowedError, match="'alice'"):
        rule.check_actors(operation, {"message": {"user_id": "alice"}}, ActingUser(None))


@pytest.mark.parametrize(
    ("name", "arguments", "expected"),
    [
        ("SendMessage", {"message": {"user": {"id": "zoe", "role": "admin"}}}, {"zoe"}),
        ("SendMessage", {"message": {"user": {"id": "zoe"}, "custom": {"user": {"id": "max", "a": 1}}}}, set()),
        ("QueryChannels", {"user": {"id": "zoe", "name": "Z"}, "filter_conditions": {"user": {"a": 1}}}, {"zoe"}),
        ("UpdateChannel", {"add_members": [{"user_id": "x", "user": {"id": "x", "role": "admin"}}]}, {"x"}),
        ("UpdateUsers", {"users": {"user": {"id": "zoe", "role": "admin"}}}, set()),
    ],
)
def test_who_is_changed_by_the_way_is_found(
    catalog: Catalog, name: str, arguments: dict[str, Any], expected: set[str]
) -> None:
    assert described(catalog.operation(name), arguments) == expected


def test_the_doer_is_filled_in_where_the_app_acts_for_a_user(catalog: Catalog) -> None:
    operation = catalog.operation("CreateBlockList")
    assert with_actor(operation, {"name": "x"}, "zoe") == {"name": "x", "user_id": "zoe"}
    assert with_actor(operation, {"user_id": "max"}, "zoe") == {"user_id": "max"}
    assert with_actor(catalog.operation("GetApp"), {}, "zoe") == {}


@pytest.mark.parametrize(
    ("name", "arguments", "expected"),
    [
        ("SendMessage", {"type": "a", "id": "b"}, InChannels(frozenset({"a:b"}))),
        ("GetMessage", {"id": "m"}, OfMessage("m")),
        ("GetReplies", {"parent_id": "m"}, OfMessage("m")),
        ("GetThread", {"message_id": "m"}, OfMessage("m")),
        ("CastPollVote", {"message_id": "m", "poll_id": "p"}, OfMessage("m")),
        ("Flag", {"target_message_id": "m"}, OfMessage("m")),
        ("Flag", {"target_user_id": "u"}, Anywhere()),
        ("Ban", {"target_user_id": "u", "channel_cid": "a:b"}, InChannels(frozenset({"a:b"}))),
        ("Ban", {"target_user_id": "u"}, Anywhere()),
        ("DeleteChannels", {"cids": ["a:b", "a:c"]}, InChannels(frozenset({"a:b", "a:c"}))),
        ("MuteChannel", {"channel_cids": ["a:b"]}, InChannels(frozenset({"a:b"}))),
        ("QueryMembers", {"payload": {"type": "a", "id": "b"}}, InChannels(frozenset({"a:b"}))),
        ("QueryMembers", {"payload": {"type": "a", "members": []}}, Anywhere()),
        ("Search", {"payload": {}}, Filtered(("payload", "filter_conditions"))),
        ("QueryChannels", {}, Filtered(("filter_conditions",))),
        ("GetApp", {}, Anywhere()),
        ("GetOrCreateDistinctChannel", {"type": "a"}, Anywhere()),
    ],
)
def test_what_a_call_reaches(catalog: Catalog, name: str, arguments: dict[str, Any], expected: object) -> None:
    assert reach_of(catalog.operation(name), arguments) == expected


def test_a_query_is_narrowed_beside_its_own_filter() -> None:
    inside = {"cid": {"$in": ["a:b"]}}
    assert narrow({}, ("filter_conditions",), ["a:b"]) == {"filter_conditions": inside}
    given = {"payload": {"query": "x", "filter_conditions": {"$or": [{"cid": "a:c"}]}}}
    narrowed = narrow(given, ("payload", "filter_conditions"), ["a:b"])
    assert narrowed["payload"]["filter_conditions"] == {"$and": [{"$or": [{"cid": "a:c"}]}, inside]}
    assert narrowed["payload"]["query"] == "x"


def test_what_is_not_about_a_channel_has_to_be_named_where_channels_are_limited(catalog: Catalog) -> None:
    operation = catalog.operation("ExportUser")
    with pytest.raises(NotAllowedError, match="not limited to a channel"):
        policy(BOT, **DEFAULTS).check_anywhere(operation)
    policy(BOT, **(DEFAULTS | {"allow": ["ExportUser"]})).check_anywhere(operation)
    policy(BOT, **(DEFAULTS | {"channels": "*"})).check_anywhere(operation)


@pytest.mark.parametrize(
    "rules", [{"allow": "everything"}, {"channels": "lobby"}, {"act_as": []}, {"allow_all": True}, {"deny": ["a b"]}]
)
def test_a_policy_is_strict_about_its_own_words(rules: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Operations.model_validate(rules)
