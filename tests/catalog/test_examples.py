"""The example of every operation is sent to the sandbox, in an app that has what the examples name."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from framework.catalog.answers import kind_at
from framework.catalog.catalog import Catalog
from framework.catalog.describe import description_of
from framework.catalog.example import example_of
from framework.catalog.execution.arguments import check_arguments
from framework.catalog.execution.preparation import OperationCall
from framework.catalog.page import page_of, part_of
from framework.errors import FrameworkError
from tests.support.operations import Desk, desk
from tests.support.sandbox import start_sandbox

ROOM = {"type": "messaging", "id": "support-123"}
PEOPLE = ("alice", "bob", "carol", "dave", "erin", "frank", "agent-bot")


@pytest.fixture
async def app(tmp_path: Path) -> AsyncIterator[Desk]:
    async with start_sandbox() as sandbox, desk(sandbox.url, tmp_path) as at:
        yield at


async def furnish(at: Desk) -> None:
    """What the examples name, as far as its id is ours to choose."""
    do = at.execute
    await do("UpdateUsers", {"users": {name: {"id": name, "name": name.title()} for name in PEOPLE}})
    members = [{"user_id": name} for name in ("alice", "bob", "agent-bot")]
    for name in ("support-123", "old", "older", "older-room"):
        await do("GetOrCreateChannel", {**ROOM, "id": name, "data": {"created_by_id": "alice", "members": members}})
    for name in ("message-1", "message-2", "message-old", "message-gone"):
        await do("SendMessage", {**ROOM, "message": {"id": name, "text": "A refund?", "user_id": "alice"}})
    await do("DeleteMessage", {"id": "message-gone"})
    await do("SendMessage", {**ROOM, "message": {"text": "Yes.", "user_id": "bob", "parent_id": "message-1"}})
    await do("SendReaction", {"id": "message-1", "reaction": {"type": "like", "user_id": "bob"}})
    await do("CreateReminder", {"message_id": "message-2", "user_id": "bob"})
    waiting = {"id": "message-pending", "text": "Later", "user_id": "alice"}
    await do("SendMessage", {**ROOM, "message": waiting, "pending": True})
    place = {"latitude": 1.5, "longitude": 1.5, "end_at": "2030-01-31T12:00:00Z", "created_by_device_id": "d"}
    await do("UpdateChannelType", {**MESSAGING, "shared_locations": True})
    shared = {"id": "message-location", "text": "Here", "user_id": "alice", "shared_location": place}
    await do("SendMessage", {**ROOM, "message": shared})
    await do("SendMessage", {**ROOM, "message": {"id": "message-giphy", "text": "/giphy wave", "user_id": "alice"}})
    await polls(at)
    await campaigns(at)
    await do("CreateDevice", {"id": "device-token-1", "push_provider": "firebase", "user_id": "alice"})
    await do("DeactivateUser", {"user_id": "erin"})
    await do("DeactivateUser", {"user_id": "frank"})


MESSAGING = {"name": "messaging", "automod": "disabled", "automod_behavior": "flag", "max_message_length": 5_000}


async def polls(at: Desk) -> None:
    for name in ("poll-1", "poll-old", "poll-closing"):
        options = [{"id": f"option-{n}", "text": f"Place {n}"} for n in (1, 2, 3)]
        await at.execute("CreatePoll", {"id": name, "name": "Lunch?", "options": options, "user_id": "alice"})
    said = {"id": "message-poll", "text": "Lunch?", "user_id": "alice", "poll_id": "poll-1"}
    await at.execute("SendMessage", {**ROOM, "message": said})


async def campaigns(at: Desk) -> None:
    template: dict[str, Any] = {"message_template": {"text": "Hello!"}, "sender_id": "agent-bot", "user_ids": ["alice"]}
    kind = {"create_channels": True, "channel_template": {"type": "messaging", "custom": {}}}
    for name in ("camp_welcome_2026", "camp_old", "camp_running", "camp_draft"):
        await at.execute("CreateCampaign", {"id": name, **template, **kind})
    await at.execute("StartCampaign", {"id": "camp_running", "scheduled_for": "2030-01-31T12:00:00Z"})
    for name in ("segment-1", "segment-old"):
        await at.execute("CreateSegment", {"id": name, "type": "user", "name": "Customers"})
    await at.execute("AddSegmentTargets", {"id": "segment-1", "target_ids": ["alice", "bob"]})
    for name in ("group-1", "group-old"):
        await at.execute("CreateUserGroup", {"id": name, "name": "Team", "member_ids": ["alice", "bob"]})


async def settings(at: Desk) -> dict[str, str]:
    """Settings of the app; the ids that the service chose, by those that stand in the examples."""
    do = at.execute
    for name in ("blocked-words", "old-words"):
        await do("CreateBlockList", {"name": name, "words": ["bad-word"]})
    await do("CreateChannelType", {**MESSAGING, "name": "old-type"})
    await do("CreateCommand", {"name": "old-command", "description": "x"})
    await do("CreateRole", {"name": "old-role"})
    rule = {"action": "ReadChannel", "condition": {"$subject.magic_custom_field": {"$eq": 1}}}
    await do("CreatePermission", {"id": "old-permission", "name": "Old", **rule})
    for name in ("open-tickets", "old-filter"):
        await do("CreatePredefinedFilter", {"name": name, "operation": "QueryChannels", "filter": {"frozen": False}})
    for name in ("push-1", "old-push"):
        provider = {"name": name, "type": "firebase", "firebase_credentials": "{}"}
        await do("UpsertPushProvider", {"push_provider": provider})
    bucket = {"s3_region": "us-east-1", "s3_api_key": "key", "s3_secret": "secret"}
    await do("CreateExternalStorage", {"name": "storage-1", "storage_type": "s3", "bucket": "b", "aws_s3": bucket})
    await do("SetRetentionPolicy", {"policy": "old-messages", "max_age_hours": 720})
    for name in ("chat:messaging", "chat:old"):
        await do("UpsertConfig", {"key": name, "block_list_config": {"enabled": True, "rules": []}})
    await do("Flag", {"target_message_id": "message-2", "user_id": "bob", "reason": "spam"})
    storage = "UpsertImporterExternalStorage"
    await do(storage, example_of(at.toolbox.catalog.operation(storage), {}))
    return await chosen(at)


async def chosen(at: Desk) -> dict[str, str]:
    """Ids that only the service can choose."""
    do = at.execute
    rule = example_of(at.toolbox.catalog.operation("UpsertModerationRule"), {})
    appeal = example_of(at.toolbox.catalog.operation("Appeal"), {}) | {"entity_id": "message-2"}
    made = {
        "queue-1": (await do("CreateQueue", {"name": "q", "type": "operational_queue"}))["queue"]["id"],
        "rule-1": (await do("UpsertModerationRule", {**rule, "name": "old"}))["rule"]["id"],
        "test-set-1": (await do("CreatePolicyTestSet", {"name": "old", "config_key": "chat:messaging"}))["set"]["id"],
        "action-config-1": (await do("UpsertActionConfig", {"action": "flag", "entity_type": "x", "order": 1}))[
            "action_config"
        ]["id"],
        "appeal-1": (await do("Appeal", appeal))["appeal_id"],
        "item-1": (await do("QueryReviewQueue", {"limit": 10}))["items"][0]["id"],
        "task-1": (await do("ExportChannels", {"channels": [ROOM]}))["task_id"],
    }
    made["test-run-1"] = (await do("StartPolicyTestRun", {"id": made["test-set-1"]}))["run"]["id"]
    return made


# What an example names and a sandbox has not: uploads, storages, other machines.
ELSEWHERE = {
    "CancelImportV2Task": "not found",
    "CheckExternalStorage": "reaches no external storage",
    "DeleteActionConfig": "not found",  # BulkDeleteActionConfig took it
    "StopWatchingChannel": "user_id must be provided",
    "UpdateExternalStorage": "storage",
    "CreateImport": "ask for an upload_url",
    "CreateImportV2Task": "ask for an upload_url",
    "DeleteChannelFile": "there is no file",
    "DeleteChannelImage": "there is no image",
    "DeleteDraft": "draft not found",
    "DeleteFile": "there is no file",
    "DeleteImage": "there is no image",
    "DeleteImportV2Task": "not found",
    "DeletePollVote": "Poll vote with id vote-1 not found",
    "GetImport": "not found",
    "GetImportV2Task": "not found",
    "GetOG": "cannot be read",
    "ValidateImporterExternalStorage": "reaches no external storage",
}


async def test_the_example_of_every_operation_runs(app: Desk) -> None:
    """Whatever destroys comes last, since it takes from the others what they name. Each answer is as it is published:
    a plan may refer to all of it.
    """
    await furnish(app)
    chosen_ids = await settings(app)
    done, wrong = 0, {}
    for operation in sorted(app.toolbox.catalog, key=lambda each: (each.effect == "destroys", each.id)):
        text = json.dumps(example_of(operation, {}))
        for name, real in chosen_ids.items():
            text = text.replace(json.dumps(name), json.dumps(real))
        if operation.id == "Sync":  # the service looks back thirty days, and the example names a day for ever
            text = text.replace("2026-01-31T12:00:00Z", (datetime.now(UTC) - timedelta(hours=1)).isoformat())
        try:
            call = OperationCall(operation.id, json.loads(text))
            answer = (await app.toolbox.executor.execute(app.policy, call)).body
            done += 1
            for place in places(answer):
                kind_at(operation.id, place)
        except FrameworkError as error:
            if ELSEWHERE.get(operation.id, "nothing") not in str(error):
                wrong[operation.id] = str(error)
    assert not wrong, "\n".join(f"{k}: {v}" for k, v in wrong.items())
    assert done == len(app.toolbox.catalog) - len(ELSEWHERE)


def places(value: Any, place: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Every place in an answer."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for name, item in items:
        yield (*place, str(name))
        yield from places(item, (*place, str(name)))


def test_every_example_fits_its_operation(catalog: Catalog) -> None:
    for operation in catalog:
        check_arguments(catalog, operation, example_of(operation, {}))


def test_lists_and_queries_show_how_they_are_limited(catalog: Catalog) -> None:
    for operation in catalog:
        takes = {parameter.name for parameter in operation.parameters}
        if operation.id.startswith("Query") and takes & {"filter", "filter_conditions", "payload", "limit"}:
            assert example_of(operation, {}), operation.id


def test_every_argument_of_every_operation_is_described(catalog: Catalog) -> None:
    for operation in catalog:
        for parameter in operation.parameters:
            assert description_of(operation, parameter.name), f"{operation.id}.{parameter.name}"


@pytest.mark.parametrize(
    ("operation", "argument", "words"),
    [
        ("Ban", "timeout", "MINUTES"),
        ("MuteUser", "timeout", "MINUTES"),
        ("MuteChannel", "expiration", "MILLISECONDS"),
        ("UpdateChannel", "cooldown", "SECONDS"),
        ("SetRetentionPolicy", "max_age_hours", "HOURS"),
        ("GetOrCreateDistinctChannel", "members", "data.members"),
    ],
)
def test_units_and_what_is_confused_are_said(catalog: Catalog, operation: str, argument: str, words: str) -> None:
    assert words in description_of(catalog.operation(operation), argument)


def test_a_page_is_short(catalog: Catalog) -> None:
    """Some 4 characters are a token: 700 tokens at the median, 1,500 for 95 of 100."""
    sizes = sorted(len(json.dumps(page_of(catalog, operation), ensure_ascii=False)) for operation in catalog)
    assert sizes[len(sizes) // 2] <= 2_400
    assert sizes[int(len(sizes) * 0.95)] <= 5_200


def test_what_is_left_out_of_a_page_is_to_be_had(catalog: Catalog) -> None:
    page = page_of(catalog, catalog.operation("UpdateApp"))
    everything = part_of(catalog, catalog.operation("UpdateApp"), "arguments")["arguments"]
    assert {*page["arguments"]["properties"], *page["arguments_left_out"]} == everything.keys()


@pytest.mark.parametrize(
    ("operation", "arguments", "words"),
    [
        ("SetRetentionPolicy", {"policy": "old-messages", "max_age_hours": 10}, "24"),
        ("CreateQueue", {"name": "q", "type": "messaging"}, "operational_queue"),
        ("UpsertImporterExternalStorage", {"type": "s3"}, "aws_s3"),
        ("BulkActionAppeals", {"action_type": "x", "appeal_ids": ["a"]}, "reject_appeal"),
        ("UpdateChannel", {**ROOM, "cooldown": 3_600}, "120"),
    ],
)
def test_published_limits_and_values_are_checked_before_anything_is_sent(
    catalog: Catalog, operation: str, arguments: dict[str, Any], words: str
) -> None:
    with pytest.raises(FrameworkError, match=words):
        check_arguments(catalog, catalog.operation(operation), arguments)
