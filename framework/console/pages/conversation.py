"""One conversation: its turns, each with what was asked, what came of it and why, step by step."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import structlog
from starlette.responses import Response
from starlette.routing import Route

from framework.console.pages.conversations import open_handovers, place_of
from framework.console.parts import ConsoleParts
from framework.console.replay import Step, steps_of
from framework.console.visit import Visit, page, value_of
from framework.errors import ChatServiceError, FrameworkError
from framework.insight.history import TurnLine, Wanted
from framework.stream.model import ChannelRef, Message, may_see

_log = structlog.get_logger(__name__)
_MOST_SHOWN = 30
RESTRICTED = "Only some members of the channel may read this."


@dataclass(frozen=True)
class ReadText:
    """What stands in the channel: the text, or why there is none. `who` wrote it."""

    text: str = ""
    missing: str = ""
    who: str = ""


@dataclass(frozen=True)
class ShownTurn:
    """A turn with the texts that belong to it."""

    line: TurnLine
    question: ReadText
    reply: ReadText


def routes(parts: ConsoleParts) -> Sequence[Route]:
    """Return the routes of this page."""
    return [page(parts, "/conversation", _conversation), page(parts, "/turn", _turn)]


async def _conversation(visit: Visit) -> Response:
    parts = visit.parts
    bot, channel = value_of(visit.query, "bot"), value_of(visit.query, "channel")
    place = place_of(visit.query)
    until = place[0] if place else None
    lines = await parts.history.read(Wanted(bot=bot, channel=channel, until=until, newest=_MOST_SHOWN + 1))
    more = len(lines) > _MOST_SHOWN
    shown = list(reversed(lines))[:_MOST_SHOWN]
    turns = await _with_texts(visit, bot, channel, shown)
    state = (await open_handovers(parts)).get((bot, channel))
    return visit.page(
        "conversation.html.j2",
        200 if lines else 404,
        bot=bot,
        channel=channel,
        turns=turns,
        handover=state,
        pause=await parts.pauses.of(bot, channel),
        earlier=shown[-1] if more else None,
    )


async def _turn(visit: Visit) -> Response:
    line = await visit.parts.conversations.turn(value_of(visit.query, "key", 500))
    if line is None:
        return visit.page(
            "trouble.html.j2",
            404,
            error=FrameworkError(
                "No turn of this key is kept.", hint="FRAMEWORK_HISTORY says for how many days turns are kept."
            ),
        )
    (shown,) = await _with_texts(visit, line.bot, line.channel, [line])
    steps: Sequence[Step] = await steps_of(visit.parts, line)
    kept = await visit.parts.texts.read(line.key, visit.parts.timing.now() - visit.parts.keep_text)
    if kept is not None and not await _may_read_all(visit, line):
        kept = None
    return visit.page("turn.html.j2", turn=shown, line=line, steps=steps, kept=kept)


async def _may_read_all(visit: Visit, line: TurnLine) -> bool:
    """Whether the person sees the question and the answer: what a model read may say what stands in them."""
    bot = visit.parts.bot(line.bot)
    ids = [id_ for id_ in (line.message, line.reply) if id_]
    if bot is None or not ids:
        return bot is not None
    try:
        found = await bot.service.messages(ChannelRef.parse(line.channel), ids)
    except ChatServiceError:
        return False
    here = [message for message in found.values() if message.deleted_at is None]
    return len(here) == len(ids) and all(may_see(message, visit.sign_in.user) for message in here)


async def _with_texts(visit: Visit, bot: str, channel: str, lines: Sequence[TurnLine]) -> list[ShownTurn]:
    """Read the words from the channel, with one call. They are kept nowhere."""
    ids = list(dict.fromkeys(id_ for line in lines for id_ in (line.message, line.reply) if id_))
    found: Mapping[str, Message] = {}
    why = ""
    running = visit.parts.bot(bot)
    if running is None:
        why = f"{bot} does not run here."
    elif ids:
        try:
            found = await running.service.messages(ChannelRef.parse(channel), ids)
        except (ChatServiceError, ValueError) as error:
            why = error.what if isinstance(error, ChatServiceError) else "The channel has an odd name."
            _log.warning("console.not_read", channel=channel, why=why)

    def read(id_: str) -> ReadText:
        if not id_:
            return ReadText()
        message = found.get(id_)
        if message is None:
            return ReadText(missing=why or "It is not in the channel any more.")
        if message.deleted_at is not None:
            return ReadText(missing="It was deleted.")
        if not may_see(message, visit.sign_in.user):
            return ReadText(missing=RESTRICTED)
        return ReadText(message.text, who=message.user.name or message.user.id)

    return [ShownTurn(line, read(line.message), read(line.reply)) for line in lines]
