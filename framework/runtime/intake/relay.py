"""Tell the other replicas what people did: a webhook reaches one process, and the turn may run in another."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime
from typing import Any

import structlog

from framework.errors import ChatServiceError
from framework.runtime.core.bot import RunningBot
from framework.runtime.core.triggers import from_a_person
from framework.runtime.decide.active_turns import ActiveTurns
from framework.stream.model import (
    EPOCH,
    ChannelRef,
    Event,
    Message,
    MessageDeleted,
    MessageNew,
    MessageUpdated,
    StopRequested,
    User,
)

_log = structlog.get_logger(__name__)

Tell = Callable[[str, Mapping[str, Any]], Awaitable[None]]
"""See `Engine.broadcast`."""


class Relay:
    """Broadcasts webhook events to the other replicas and applies theirs. Only ids are sent, never texts."""

    def __init__(self, bot: RunningBot, live: ActiveTurns, tell: Tell) -> None:
        self._bot = bot
        self._live = live
        self._tell = tell

    async def pass_on(self, event: Event, *, acted: bool) -> None:
        """Tell the other replicas, unless nobody needs to know. `acted`: the turn that it is about is here, and knows.

        Raises EngineError: then the event is to be delivered again.
        """
        note = self._note(event, acted=acted)
        if note is not None:
            await self._tell(self._bot.scope, note)

    def _note(self, event: Event, *, acted: bool) -> Mapping[str, Any] | None:
        match event:
            case StopRequested(message_id=message) if message is None or not acted:
                return _note_of_stop(event)
            case MessageDeleted(channel, message) if not acted:
                return {"kind": "deleted", "channel": str(channel), "message": message}
            case MessageUpdated(message) if not acted and self._by_person(message):
                return {"kind": "edited", "channel": str(message.channel), "message": message.id}
            case MessageNew(message) if self._by_person(message) and self._gives_way(message.channel):
                return {"kind": "new", "channel": str(message.channel), "message": message.id}
            case _:
                return None

    async def hear(self, note: Mapping[str, Any]) -> None:
        """Another replica passed this on."""
        kind, message = note.get("kind"), note.get("message")
        channel = ChannelRef.parse(str(note.get("channel")))
        if not self._live.at_work_in(channel):
            return
        match kind, message:
            case "stop", _:
                self._live.stop(_stop_of(channel, note))
            case "deleted", str():
                self._live.deleted(message)
            case (("edited" | "new"), str()):
                await self._look(channel, message, new=kind == "new")

    async def _look(self, channel: ChannelRef, id_: str, *, new: bool) -> None:
        try:
            message = (await self._bot.service.messages(channel, [id_])).get(id_)
        except ChatServiceError as error:
            _log.warning("relay.unreadable", bot=self._bot.name, message=id_, error=error.what)
            return
        if message is None or message.deleted_at is not None:
            return
        if new:
            self._live.written(message)
        else:
            self._live.edited(message)

    def _by_person(self, message: Message) -> bool:
        return from_a_person(message, bot_user_id=self._bot.user_id)

    def _gives_way(self, channel: ChannelRef) -> bool:
        """Whether a turn may depend on what is written while it is at work."""
        definition = self._bot.at(channel).definition
        return definition.reply.supersede or bool(definition.conditions.quiet_after_person)


def _note_of_stop(wish: StopRequested) -> Mapping[str, Any]:
    by = wish.by or User(wish.user_id)
    return {
        "kind": "stop",
        "channel": str(wish.channel),
        "user": wish.user_id,
        "message": wish.message_id,
        "role": by.role,
        "counts": not (by.is_bot or by.banned),
        "at": wish.at.isoformat(),
    }


def _stop_of(channel: ChannelRef, note: Mapping[str, Any]) -> StopRequested:
    user, at, role = str(note.get("user")), note.get("at"), note.get("role")
    by = User(user, role=role) if isinstance(role, str) and note.get("counts") is True else None
    said_at = datetime.fromisoformat(at) if isinstance(at, str) else EPOCH
    return StopRequested(channel, user, note.get("message"), by=by, at=said_at)
