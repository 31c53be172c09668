"""Who plays the team in the sandbox that `run` starts."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from framework.app.teammate import seat_teammate, teammate_of
from framework.definition.model import Bot, BotDefinition
from framework.sandbox.dev.server import serving
from framework.sandbox.kernel.config import SandboxConfig
from framework.settings import Settings
from framework.stream.factory import open_chat_service

HANDOVER = {"handover": {"enabled": True}}


def bot(spec: dict[str, Any]) -> Bot:
    return Bot("my_bot", Path("bots/my_bot"), BotDefinition.model_validate(spec), "")


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        ({}, None),
        (HANDOVER, ("teammate", "admin")),
        ({**HANDOVER, "team": {"users": ["staff-*", "ada"]}}, ("ada", "user")),
        ({"handover": {"enabled": True, "to": ["grace"]}}, ("grace", "user")),
        ({**HANDOVER, "team": {"roles": []}}, None),
        ({"drafts": {"enabled": True}, "team": {"roles": "moderator"}}, ("teammate", "moderator")),
        ({"tools": [{"name": "refund", "approval": "always"}]}, ("teammate", "admin")),
        ({"overrides": {"messaging:vip-*": HANDOVER}}, ("teammate", "admin")),
    ],
)
def test_one_person_of_the_team_where_a_bot_needs_one(spec: dict[str, Any], expected: tuple[str, str] | None) -> None:
    user = teammate_of([bot({}), bot(spec)])
    assert (None if user is None else (user.id, user.role)) == expected


async def test_the_runtime_finds_this_person() -> None:
    async with serving(SandboxConfig(port=0)) as sandbox:
        settings = Settings(
            stream_api_key=sandbox.config.api_key,
            stream_api_secret=SecretStr(sandbox.config.api_secret),
            stream_base_url=sandbox.url,
        )
        one = bot(HANDOVER)
        for _ in range(2):  # A sandbox that is started again knows the person already.
            assert await seat_teammate([one], settings) is not None
        service = open_chat_service(settings, one.definition.identity)
        await service.open()
        try:
            found = await service.find_users(("admin", "moderator"))
        finally:
            await service.close()
    assert [(user.id, user.name) for user in found] == [("teammate", "Teammate")]
