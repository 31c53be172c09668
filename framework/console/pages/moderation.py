"""Moderation: what rules did and found, and what a person makes of it: let it pass, restore, delete, ban."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Sequence
from typing import Any

from starlette.responses import Response
from starlette.routing import Route

from framework.console.deciding import bot_of, deciding
from framework.console.parts import ConsoleParts
from framework.console.visit import Visit, act, page, value_of
from framework.errors import UsageError
from framework.moderation.decisions import DecisionStore, LoggedDecision, MessageDecision
from framework.moderation.rules.outcome import Outcome
from framework.runtime.core.bot import RunningBot
from framework.stream.model import ChannelRef
from framework.stream.moderation import StreamModeration

_MOST = 100
_BANS = {"1": "an hour", "24": "a day", "168": "a week"}
OUTCOMES = tuple(str(one) for one in reversed(Outcome) if one is not Outcome.ALLOW)


def routes(parts: ConsoleParts) -> Sequence[Route]:
    """Return the routes of this page."""
    return [
        page(parts, "/moderation", _queue),
        act(parts, "/moderation/pass", _pass, name="let a message be seen", needs="agent"),
        act(parts, "/moderation/delete", _delete, name="delete a message", needs="agent"),
        act(parts, "/moderation/ban", _ban, name="ban a person", needs="agent"),
    ]


def _store(parts: ConsoleParts) -> DecisionStore:
    return DecisionStore(parts.storage, now=parts.timing.now)


async def _queue(visit: Visit) -> Response:
    outcome, who = value_of(visit.query, "outcome"), value_of(visit.query, "who").strip()
    where = {"outcome": outcome} if outcome in OUTCOMES else {}
    where |= {"user_id": who} if who else {}
    found = await _store(visit.parts).last(_MOST, **where)
    waiting = [one for one in found if is_held(one)]
    others = [one for one in reversed(found) if not is_held(one)]
    sought = {"outcome": outcome, "who": who}
    values: dict[str, Any] = {
        "decisions": [*waiting, *others],
        "waiting": len(waiting),
        "outcomes": OUTCOMES,
        "bans": _BANS,
    }
    return visit.page("moderation.html.j2", **values, sought=sought, held=is_held)


def is_held(logged: LoggedDecision) -> bool:
    """Whether a message waits to be seen."""
    return any(effect.kind == "hold" and effect.state == "open" for effect in logged.effects)


async def _decided_on(visit: Visit) -> tuple[RunningBot, MessageDecision]:
    """The bot, and the decision on the message that a form names, if the person may decide there."""
    bot, id_ = bot_of(visit), value_of(visit.form, "message")
    logged = await _store(visit.parts).of_message(id_) if id_ else ()
    decision = next((one.decision for one in reversed(logged) if one.decision.bot == bot.name), None)
    if decision is None:
        raise UsageError("No decision on this message is kept.", hint="Decisions are kept for 30 days.")
    await deciding(visit, bot, ChannelRef.parse(decision.channel))
    return bot, decision


async def _pass(visit: Visit) -> tuple[str, str]:
    bot, decision = await _decided_on(visit)
    async with _service(visit.parts, bot) as service:
        if await _hold_of(visit.parts, bot, decision):
            await service.commit(decision.message_id)
            await _ended(visit.parts, bot, decision)
        else:
            await service.restore(decision.message_id)
    return "/moderation", "The message can be seen."


async def _delete(visit: Visit) -> tuple[str, str]:
    bot, decision = await _decided_on(visit)
    held = await _hold_of(visit.parts, bot, decision)
    async with _service(visit.parts, bot) as service:
        await service.delete(decision.message_id, hard=held)
    if held:
        await _ended(visit.parts, bot, decision)
    return "/moderation", "The message is deleted."


async def _ban(visit: Visit) -> tuple[str, str]:
    bot, decision = await _decided_on(visit)
    hours = value_of(visit.form, "hours")
    if hours not in _BANS:
        raise UsageError("For how long?", hint="Choose one of the times.")
    reason = f"by {visit.sign_in.user} in the console"
    async with _service(visit.parts, bot) as service:
        await service.ban(decision.user_id, decision.channel, seconds=int(hours) * 3600, reason=reason)
    return "/moderation", f"{decision.user_id} cannot write in {decision.channel} for {_BANS[hours]}."


async def _hold_of(parts: ConsoleParts, bot: RunningBot, decision: MessageDecision) -> bool:
    return any(one.decision.message_id == decision.message_id for one in await _store(parts).held([bot.name]))


async def _ended(parts: ConsoleParts, bot: RunningBot, decision: MessageDecision) -> None:
    """Note that a held message waits no longer."""
    store = _store(parts)
    for effect in await store.held([bot.name]):
        if effect.decision.message_id == decision.message_id:
            await store.done(effect)


@contextlib.asynccontextmanager
async def _service(parts: ConsoleParts, bot: RunningBot) -> AsyncIterator[StreamModeration]:
    """The app's rights, in the bot's name."""
    if parts.moderation is None:
        raise UsageError("Nothing can be moderated here.", hint="The process needs the secret of the Stream app.")
    service = parts.moderation(bot)
    try:
        yield service
    finally:
        await service.close()
