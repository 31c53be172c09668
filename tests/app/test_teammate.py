"""Who plays the team in the sandbox that `run` starts."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from framework.app.teammate import add_teammates, teammates_of
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
        ({}, []),
        (HANDOVER, [("teammate", "admin"), ("colleague", "admin")]),
        ({**HANDOVER, "team": {"users": ["staff-*", "ada"]}}, [("ada", "user"), ("teammate", "admin")]),
        ({**HANDOVER, "team": {"users": ["ada", "ben", "cy"]}}, [("ada", "user"), ("ben", "user")]),
        ({"handover": {"enabled": True, "to": ["grace"]}}, [("grace", "user"), ("teammate", "admin")]),
        ({**HANDOVER, "team": {"roles": []}}, []),
        ({**HANDOVER, "team": {"roles": [], "users": "ada"}}, [("ada", "user")]),
        (
            {"drafts": {"enabled": True}, "team": {"roles": "moderator"}},
            [("teammate", "moderator"), ("colleague", "moderator")],
        ),
        ({"tools": [{"name": "refund", "approval": "always"}]}, [("teammate", "admin"), ("colleague", "admin")]),
        ({"overrides": {"messaging:vip-*": HANDOVER}}, [("teammate", "admin"), ("colleague", "admin")]),
    ],
)
def test_two_people_of_the_team_where_a_bot_needs_one(spec: dict[str, Any], expected: list[tuple[str, str]]) -> None:
    assert [(user.id, user.role) for user in teammates_of([bot({}), bot(spec)])] == expected


async def test_the_runtime_finds_these_people() -> None:
    async with serving(SandboxConfig(port=0)) as sandbox:
        settings = Settings(
            stream_api_key=sandbox.config.api_key,
            stream_api_secret=SecretStr(sandbox.config.api_secret),
            stream_base_url=sandbox.url,
        )
        one = bot(HANDOVER)
        for _ in range(2):  # A sandbox that is started again knows the people already.
            assert len(await add_teammates([one], settings)) == 2
        service = open_chat_service(settings, one.definition.identity)
        await service.open()
        try:
            found = await service.find_users(("admin", "moderator"))
        finally:
            await service.close()
    assert sorted((user.id, user.name) for user in found) == [("colleague", "Colleague"), ("teammate", "Teammate")]
