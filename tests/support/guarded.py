"""Channels that a moderation.yaml guards: a real sandbox, the endpoint's real process, and people with user tokens."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pydantic import SecretStr

from framework.app.guarding.guarding import Guarding, guarding
from framework.definition.model import BotDefinition
from framework.errors import FrameworkError
from framework.moderation.decisions import DecisionStore, LoggedDecision
from framework.moderation.endpoint.rules import GuardedBot
from framework.runtime.core.bot import Limits, RunningBot
from framework.runtime.process import run_bots
from framework.settings import Settings
from framework.storage import Storage
from framework.stream.factory import open_chat_service
from tests.sandbox.conftest import World
from tests.support.agent import ScriptedAgent
from tests.support.waiting import until

ROOM = "messaging:room"
PEOPLE = [
    {"id": "eve", "language": "de"},
    {"id": "bob"},
    {"id": "mo", "role": "moderator"},
]
RULES = """
channels: ["messaging:*"]
rules:
  - name: words
    when: {words: [zorbax]}
    do: reject
    disguised: flag
    not_roles: [moderator]
    say: {en: "Not here, please.", de: "Hier bitte nicht."}
  - {name: spam, when: {domains: [spam-domain.example]}, do: reject, alert: "team:desk"}
  - {name: numbers, when: {personal_data: [iban]}, do: mask}
  - {name: hidden, when: {words: [quibnor]}, do: shadow}
  - {name: held, when: {words: [plorfen]}, do: hold, alert: "team:desk"}
  - {name: flood, when: {messages: 30, within: 60s}, do: {mute: 10m}}
"""


@dataclass
class Guarded:
    """The guarded room, its people, and what was decided."""

    world: World
    settings: Settings
    folder: Path
    guard: Guarding
    told: list[FrameworkError]

    @property
    def store(self) -> DecisionStore:
        return DecisionStore(Storage(self.settings.database.get_secret_value()), now=lambda: datetime.now(UTC))

    async def call(self, user: str, method: str, path: str, body: Any = None) -> tuple[int, dict[str, Any]]:
        return await self.world.person(user).call(method, path, body)

    async def say(self, user: str, text: str, **fields: Any) -> dict[str, Any]:
        """Post with the user's own token and an id, as clients do. A refused message has the type `error`."""
        fields.setdefault("id", uuid.uuid4().hex)
        status, said = await self.call(
            user, "POST", "/channels/messaging/room/message", {"message": {"text": text, **fields}}
        )
        assert status == 201, said
        return dict(said["message"])

    async def sees(self, user: str) -> list[str]:
        body = {"state": True, "messages": {"limit": 100}}
        status, found = await self.call(user, "POST", "/channels/messaging/room/query", body)
        assert status == 201, found
        return [message["text"] for message in found["messages"] if not message.get("deleted_at")]

    async def message(self, id_: str) -> dict[str, Any]:
        return dict((await self.world.server.get_message(id_))["message"])

    async def decisions(self, id_: str) -> Sequence[LoggedDecision]:
        return await self.store.of_message(id_)

    async def until_sees(self, user: str, check: Callable[[list[str]], bool]) -> None:
        async def look() -> bool:
            return check(await self.sees(user))

        await until(look)

    async def until_done(self, id_: str, count: int = 1) -> Sequence[LoggedDecision]:
        """Wait until so many decisions on a message were made, and all that follows from them is done."""

        async def look() -> Sequence[LoggedDecision] | None:
            found = await self.decisions(id_)
            settled = all(effect.state != "open" for one in found for effect in one.effects)
            return found if len(found) >= count and settled else None

        waited: Callable[[], Awaitable[Any]] = look
        found: Sequence[LoggedDecision] = await until(waited)
        return found

    async def hook(self, on: bool) -> None:
        """Have the chat service ask before it sends, or not."""
        await self.world.server.update_app_settings(before_message_send_hook_url=self.guard.url if on else "")


def settings_of(world: World, data: Path) -> Settings:
    return Settings(
        stream_api_key=world.running.api_key,
        stream_api_secret=SecretStr(world.running.api_secret),
        stream_base_url=world.running.url,
        data=data,
    )


@asynccontextmanager
async def guarded(world: World, data: Path, rules: str = RULES) -> AsyncIterator[Guarded]:
    """A bot that guards all channels of the type messaging, and works in the room."""
    await world.server.upsert_users(PEOPLE)
    room = world.server.channel("messaging", "room", {"members": [person["id"] for person in PEOPLE]})
    await room.create("mo")
    folder = data / "bots" / "moderator_bot"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "moderation.yaml").write_text(rules, encoding="utf-8")
    settings = settings_of(world, data)
    spec = {"channels": ["messaging:room"], "team": {"roles": ["moderator"], "channels": ["team:desk"]}}
    definition = BotDefinition.model_validate({**spec, "triggers": ["mention"]})
    bot = RunningBot("moderator_bot", definition, open_chat_service(settings, definition.identity), ScriptedAgent())
    told: list[FrameworkError] = []
    bots = [GuardedBot("moderator_bot", folder)]
    stop, ready = asyncio.Event(), asyncio.Event()
    async with guarding([bot], bots, settings, sandbox=True, tell=told.append) as guard:
        work = run_bots([bot], stop=stop, ready=ready.set, limits=Limits(shutdown=0.5), on_event=guard.hear)
        task = asyncio.create_task(work)
        try:
            await until(lambda: ready.is_set() or task.done())
            yield Guarded(world, settings, folder, guard, told)
        finally:
            stop.set()
            await asyncio.wait({task})
    task.result()
