"""The handover queue: who waits for a person, for how long, and who was called."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from starlette.responses import Response
from starlette.routing import Route

from framework.console.deciding import bot_of, channel_of, deciding, handovers_of
from framework.console.pages.conversations import open_handovers
from framework.console.parts import ConsoleParts
from framework.console.visit import Visit, act, page, value_of
from framework.errors import ChatServiceError, UsageError
from framework.runtime.handover.told import reason_in
from framework.runtime.state.handover import Act, Handover
from framework.runtime.team.people import people, proven

BY = "console"
"""How an act of the console is called in the state of a handover."""


@dataclass(frozen=True)
class WaitingConversation:
    """An open handover, how many seconds it has waited, and why it is there, in the language of the bot's team."""

    bot: str
    channel: str
    state: Handover
    waits: float
    reason: str


def routes(parts: ConsoleParts) -> Sequence[Route]:
    """Return the routes of this page."""
    return [
        page(parts, "/handovers", _queue),
        act(parts, "/handovers/take", _take, name="take a handover", needs="agent"),
        act(parts, "/handovers/give", _give, name="give a handover on", needs="agent"),
        act(parts, "/handovers/back", _back, name="hand back to the bot", needs="agent"),
    ]


async def _queue(visit: Visit) -> Response:
    now = visit.parts.timing.now()
    languages = {bot.name: bot.definition.identity.language for bot in visit.parts.bots()}
    found = [
        WaitingConversation(
            bot,
            channel,
            state,
            (now - state.since).total_seconds(),
            reason_in(state.reason, languages.get(bot, "en")),
        )
        for (bot, channel), state in (await open_handovers(visit.parts)).items()
    ]
    waiting = sorted(found, key=lambda one: (one.state.taken is not None, one.state.since))
    return visit.page("handovers.html.j2", waiting=waiting, team=await _team(visit.parts))


async def _team(parts: ConsoleParts) -> Sequence[str]:
    """People to give a handover to; none if the service does not tell."""
    found: dict[str, None] = {}
    for bot in parts.bots():
        try:
            found |= dict.fromkeys(await people(bot.service, bot.definition.team))
        except ChatServiceError:
            continue  # the names can be typed
    return tuple(found)


async def _open(visit: Visit) -> Handover:
    bot, channel = bot_of(visit), str(channel_of(visit))
    state = (await bot.handovers.of(bot.scope, [channel])).get(channel)
    if state is None or not state.is_open:
        raise UsageError("No handover is open there any more.", hint="Load the page again.")
    return state


async def _take(visit: Visit) -> tuple[str, str]:
    bot, channel, state = bot_of(visit), channel_of(visit), await _open(visit)
    user = await deciding(visit, bot, channel)
    taken = await handovers_of(visit.parts, bot).take(channel, state, user, BY)
    if taken is None or taken.taken is None or taken.taken.user != user.id:
        who = taken.taken.name or taken.taken.user if taken is not None and taken.taken is not None else "somebody"
        raise UsageError(f"{who} has taken it already.", hint="Give it on to yourself to take it over.")
    await bot.service.add_members(channel, [user.id])
    return "/handovers", f"You have {channel}. Write to the customer in the channel."


async def _give(visit: Visit) -> tuple[str, str]:
    bot, channel, state = bot_of(visit), channel_of(visit), await _open(visit)
    await deciding(visit, bot, channel)
    to = value_of(visit.form, "to").strip()
    if not await proven(bot.service, [to] if to else []):
        raise UsageError(f"{to!r} is not a person of the app.", hint="Write the user id of somebody of the team.")
    await handovers_of(visit.parts, bot).call(channel, state, [to], at=visit.parts.timing.now())
    return "/handovers", f"{to} was called to {channel}."


async def _back(visit: Visit) -> tuple[str, str]:
    bot, channel, state = bot_of(visit), channel_of(visit), await _open(visit)
    user = await deciding(visit, bot, channel)
    await handovers_of(visit.parts, bot).hand_back(
        channel, state, at=visit.parts.timing.now(), act=Act(user.id, BY, user.name)
    )
    return "/handovers", f"The bot is back in {channel}."
