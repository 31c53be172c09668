"""What `moderation apply` sets at the chat service: all that the rules need, nothing else, and nothing twice."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml

from framework.catalog.execution.policy import Policy
from framework.catalog.execution.preparation import OperationCall
from framework.catalog.execution.principal import Principal
from framework.catalog.factory import open_toolbox
from framework.definition.parts.operations import APP, CLASSES, Operations
from framework.errors import DefinitionError
from framework.moderation.at_service import CurrentSettings, GuardedRules, SettingsPlan, plan_settings
from framework.moderation.at_service.current import Execute
from framework.moderation.files import read_moderation
from framework.settings import Settings
from tests.support.sandbox import RunningSandbox, start_sandbox

TYPES = {"commerce", "gaming", "livestream", "messaging", "team"}
SPAM = {"name": "spam", "when": {"domains": ["spam-domain.example"], "stream_list": ["shared"]}, "do": "reject"}
HELD = {"name": "links", "when": {"links": True}, "do": "hold"}
OURS = "https://bots.shop.example"


def guarded(folder: Path, *rules: dict[str, Any], channels: tuple[str, ...] = ("*:*",)) -> GuardedRules:
    (folder / "moderation.yaml").write_text(yaml.safe_dump({"rules": list(rules)}, sort_keys=False))
    file = read_moderation(folder)
    assert file is not None
    return GuardedRules("bot", file, channels)


@asynccontextmanager
async def app(tmp_path: Path) -> AsyncIterator[tuple[RunningSandbox, Execute]]:
    everything = Operations(allow=CLASSES, approve=(), channels=("*",), act_as=(APP, "*"))
    async with start_sandbox() as sandbox:
        settings = Settings(
            stream_api_key=sandbox.api_key,
            stream_api_secret=sandbox.api_secret,
            stream_base_url=sandbox.url,
            data=tmp_path,
            database_url=f"sqlite:///{tmp_path}/engine.db",
        )
        toolbox = open_toolbox(settings)
        policy = Policy(everything, Principal("cli"))

        async def execute(operation: str, arguments: Mapping[str, Any]) -> Mapping[str, Any]:
            return (await toolbox.executor.execute(policy, OperationCall(operation, dict(arguments)))).body

        try:
            yield sandbox, execute
        finally:
            await toolbox.close()


async def applied(execute: Execute, rules: GuardedRules, address: str = OURS) -> SettingsPlan:
    plan = plan_settings([rules], await CurrentSettings.read(execute, rules.file.lists), address=address)
    for change in plan.changes:
        await execute(change.operation, change.arguments)
    return plan


async def test_everything_is_set_once_and_what_others_set_stays(tmp_path: Path) -> None:
    async with app(tmp_path) as (_, execute):
        theirs = [{"hook_type": "webhook", "enabled": True, "webhook_url": "https://theirs.example/x"}]
        await execute("UpdateApp", {"event_hooks": theirs, "before_message_send_hook_attempt_timeout_ms": 300})
        await execute("CreateBlockList", {"name": "theirs", "words": ["word"], "type": "word"})
        kind = await execute("GetChannelType", {"name": "team"})
        required = {key: kind[key] for key in ("automod", "automod_behavior", "max_message_length")}
        listed = [{"blocklist": "theirs", "behavior": "flag"}]
        await execute("UpdateChannelType", {"name": "team", **required, "blocklists": listed})

        rules = guarded(tmp_path, SPAM, HELD)
        first = await applied(execute, rules)
        assert first.notes == []
        assert [one.operation for one in first.changes] == ["CreateBlockList", *["UpdateChannelType"] * 5, "UpdateApp"]
        assert (await applied(execute, rules)).changes == [], "a second time changes nothing"
        assert (await applied(execute, rules, address="")).changes == [], "the address is known by now"

        settings = (await execute("GetApp", {}))["app"]
        assert settings["before_message_send_hook_url"] == f"{OURS}/hooks/before-message-send"
        assert settings["before_message_send_hook_attempt_timeout_ms"] == 1500
        assert settings["event_hooks"][0]["webhook_url"] == "https://theirs.example/x"
        assert settings["event_hooks"][1]["webhook_url"] == f"{OURS}/hooks"
        types = (await execute("ListChannelTypes", {}))["channel_types"]
        assert set(types) == TYPES
        ours = {"blocklist": "shared", "behavior": "block"}
        assert all(ours in one["blocklists"] and one["mark_messages_pending"] for one in types.values())
        assert types["team"]["blocklists"] == [*listed, ours]

        more = {**SPAM, "when": {**SPAM["when"], "domains": ["spam-domain.example", "other.example"]}}  # type: ignore[dict-item]
        second = await applied(execute, guarded(tmp_path, more, HELD))
        assert [one.operation for one in second.changes] == ["UpdateBlockList"]
        words = (await execute("GetBlockList", {"name": "shared"}))["blocklist"]["words"]
        assert words == ["spam-domain.example", "other.example"]


async def test_a_type_is_only_changed_where_the_rule_holds_in_all_its_channels(tmp_path: Path) -> None:
    async with app(tmp_path) as (_, execute):
        rules = guarded(tmp_path, {**SPAM, "not_roles": ["moderator"]}, HELD, channels=("messaging:makers-*", "team:*"))
        plan = await applied(execute, rules)
        changed = [one.arguments["name"] for one in plan.changes if one.operation == "UpdateChannelType"]
        assert changed == ["team"]
        notes = "\n".join(plan.notes)
        assert "moderation.yaml:2:3: the blocklist is not switched on for messaging" in notes
        assert "hides messages in messaging instead of holding" in notes
        assert "knows no `not_roles`" in notes


async def test_nothing_waits_while_nobody_would_let_it_pass(tmp_path: Path) -> None:
    async with app(tmp_path) as (_, execute):
        plan = await applied(execute, guarded(tmp_path, HELD), address="")
        assert plan.changes == []
        assert any("--url" in note for note in plan.notes)
        assert any("are not held" in note for note in plan.notes)


def test_a_blocklist_that_would_be_too_long_is_told_with_its_rule(tmp_path: Path) -> None:
    rules = guarded(tmp_path, {"name": "a", "when": {"words": ["one"], "stream_list": ["shared"]}, "do": "reject"})
    full = CurrentSettings({}, {}, {"shared": {"words": [f"w{n}" for n in range(10_000)]}})
    with pytest.raises(DefinitionError, match="would have 10001 terms") as caught:
        plan_settings([rules], full)
    assert "moderation.yaml:2" in str(caught.value)
