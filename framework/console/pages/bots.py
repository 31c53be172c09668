"""The bots that run here: paused and let go on, and the turns that were given up, tried again."""

from __future__ import annotations

from collections.abc import Sequence

from starlette.responses import Response
from starlette.routing import Route

from framework.console.deciding import bot_of, channel_of
from framework.console.parts import ConsoleParts
from framework.console.visit import Visit, act, page, value_of
from framework.errors import UsageError
from framework.runtime.state.pauses import WHOLE

_MOST = 100


def routes(parts: ConsoleParts) -> Sequence[Route]:
    """Return the routes of these pages."""
    return [
        page(parts, "/bots", _bots),
        act(parts, "/bots/pause", _pause, name="pause", needs="admin"),
        act(parts, "/bots/resume", _resume, name="resume", needs="admin"),
        page(parts, "/dead", _dead),
        act(parts, "/dead/retry", _retry, name="retry a turn", needs="admin"),
    ]


async def _bots(visit: Visit) -> Response:
    pauses = await visit.parts.pauses.all()
    whole = {one.bot for one in pauses if one.channel == WHOLE}
    load = await visit.parts.engine.load()
    return visit.page("bots.html.j2", pauses=pauses, whole=whole, load=load)


async def _pause(visit: Visit) -> tuple[str, str]:
    bot, channel = bot_of(visit).name, _where(visit)
    await visit.parts.pauses.pause(bot, channel, visit.sign_in.user)
    return "/bots", f"{bot} is paused{f' in {channel}' if channel else ''}, in all replicas, within a second."


async def _resume(visit: Visit) -> tuple[str, str]:
    bot, channel = value_of(visit.form, "bot"), _where(visit)
    if not await visit.parts.pauses.resume(bot, channel):
        raise UsageError(f"{bot} was not paused{f' in {channel}' if channel else ''}.", hint="Load the page again.")
    return "/bots", f"{bot} is at work{f' in {channel}' if channel else ''} again."


def _where(visit: Visit) -> str:
    return str(channel_of(visit)) if value_of(visit.form, "channel").strip() else WHOLE


async def _dead(visit: Visit) -> Response:
    records = await visit.parts.engine.records(("dead",), limit=_MOST)
    return visit.page("dead.html.j2", records=records, most=_MOST)


async def _retry(visit: Visit) -> tuple[str, str]:
    key = value_of(visit.form, "key", 500)
    if not await visit.parts.engine.retry(key):
        raise UsageError("This turn is not dead any more.", hint="Load the page again.")
    return "/dead", "The turn is tried again, with its finished steps."
