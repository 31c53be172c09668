"""Names that strangers choose act nowhere: not in a welcome, not in an alert."""

from __future__ import annotations

import re
from typing import Any

import pytest

from tests.sandbox.conftest import World, world
from tests.support.agent import ScriptedAgent
from tests.support.customers import BOT, answers, bot_at_work, say
from tests.support.waiting import until

__all__ = ["world"]
NAMES = {
    "an invoice": "everybody! **Your invoice is overdue**, pay at https://evil.example/pay @all!",
    "a link": "[Support](https://evil.example)",
    "lines": "Bob?\n\n```\n{}\n```\n\n# Fernly Security",
    "look-alikes": "ｈｔｔｐｓ：／／evil。example ＠all",
    "directions": "\u202ella@\u202c\u2066https://evil.example",
}
_ACTS = re.compile(r"://|\w\.\w|@|(?<!\\)[*\[\]`#]")


@pytest.fixture
async def shop(world: World) -> World:
    await world.server.upsert_users([{"id": "mo", "name": "Mo", "role": "admin"}])
    await world.channel("support-1", "bob", "mo", BOT)
    return world


@pytest.mark.parametrize("name", NAMES.values(), ids=NAMES)
async def test_a_welcome_says_a_name_and_nothing_else(shop: World, name: str) -> None:
    welcome: dict[str, Any] = {"triggers": [{"member_joined": {"say": "Welcome {name}"}}]}
    async with bot_at_work(shop, ScriptedAgent(), **welcome):
        await shop.server.upsert_users([{"id": "eve", "name": name}, {"id": "ann", "name": "Ann-Marie O'Neil"}])
        await shop.server.channel("messaging", "support-1").add_members(["eve"])
        (said,) = await answers(shop, "support-1", "bob")
        await shop.server.channel("messaging", "support-1").add_members(["ann"])
        honest = (await answers(shop, "support-1", "bob", 2))[-1]
    assert honest["text"] == "Welcome Ann-Marie O'Neil"
    shown = said["text"].removeprefix("Welcome ")
    assert shown != said["text"]
    assert not _ACTS.search(shown)
    assert len(shown.splitlines()) == 1


async def test_an_alert_names_people_and_channels_on_one_line_with_their_ids(shop: World) -> None:
    await shop.server.channel("team", "desk", {"members": ["mo"]}).create("mo")
    await shop.server.upsert_users([{"id": "bob", "name": NAMES["lines"]}])
    await shop.server.channel("messaging", "support-1").update_partial({"name": "**Fernly** https://evil.example"})
    spec: dict[str, Any] = {"handover": {"enabled": True, "alert": "team:desk"}, "team": {"users": ["mo"]}}
    async with bot_at_work(shop, ScriptedAgent(), **spec):
        await say(shop, "support-1", "bob", "I want to talk to a human")

        async def alerts() -> list[str]:
            state = await shop.server.channel("team", "desk").query(state=True)
            return [m["text"] for m in state["messages"] if m["user"]["id"] == BOT]

        (alert,) = await until(alerts)
    assert len(alert.splitlines()) == 1
    assert "(`bob`)" in alert
    assert "`messaging:support-1`" in alert
    assert not re.search(r"://|evil\.|\*\*|```", alert.replace("\\*", "").replace("\\`", ""))
