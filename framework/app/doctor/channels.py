"""What bots need of the channels that they are for: types that exist and allow it, and membership."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

from framework.app.doctor.finding import HealthFinding, doubtful, ok, wrong
from framework.errors import ChatServiceError

if TYPE_CHECKING:
    from framework.definition.model import Bot
    from framework.stream.app_settings import AppFacts, AppReader

READ = "read-channel"
"""Without this permission no event of a channel comes by WebSocket."""


def type_findings(found: AppFacts, bots: Sequence[Bot]) -> Iterator[HealthFinding]:
    """Look at the channel types that bots name."""
    if not found.channel_types:
        return
    for bot in bots:
        part = f"types of {bot.name}"
        types = sorted({pattern.partition(":")[0] for pattern in bot.definition.channels.join})
        named = [one for one in types if not set(one) & set("*?[")]
        missing = [one for one in named if one not in found.channel_types]
        if missing:
            hint = "Make the channel type on Stream's dashboard, or correct `channels.join` in bot.yaml."
            yield wrong(part, f"the app has no channel type {', '.join(missing)}", hint)
            continue
        lacks = [lack for one in named for lack in _lacks(part, one, found.channel_types[one], bot)]
        yield from lacks
        if not lacks:
            yield ok(part, f"their types exist: {', '.join(types)}")


def _lacks(part: str, name: str, kind: Mapping[str, Any], bot: Bot) -> Iterator[HealthFinding]:
    on = f"Switch it on in the channel type {name} on Stream's dashboard (UpdateChannelType)."
    if kind.get("reactions") is False:
        yield doubtful(part, f"{name} has reactions switched off: nobody can vote on a reply by one", on)
    if kind.get("replies") is False and bot.definition.reply.place == "thread":
        yield wrong(part, f"{name} has replies switched off: the bot cannot answer in threads", on)
    grants = kind.get("grants")
    if isinstance(grants, Mapping) and READ not in grants.get("channel_member", (READ,)):
        hint = f"Give channel_member the permission {READ} in the channel type {name} (UpdateChannelType `grants`)."
        yield wrong(part, f"members of {name} may not read it, so no event comes by WebSocket", hint)


async def membership_finding(reader: AppReader, bot: Bot) -> HealthFinding:
    """Look at the newest channels that are the bot's by their names."""
    id_, rules = bot.definition.identity.user_id, bot.definition.channels
    part = f"channels of {bot.name}"
    if not rules.automatic or rules.where:
        return ok(part, "those to which somebody adds it, or whose fields fit")
    types = sorted({pattern.partition(":")[0] for pattern in rules.join})
    try:
        channels = await reader.channels(types, id_)
    except ChatServiceError as error:
        return wrong(part, error.what, error.hint or "")
    mine = {cid: member for cid, member in channels.items() if any(fnmatchcase(cid, one) for one in rules.join)}
    outside = [cid for cid, member in mine.items() if not member]
    if outside:
        told = f"{id_} is no member of {len(outside)} of its newest {len(mine)} channels, such as {outside[0]}"
        hint = "It joins them at its next start. Where somebody removed it, add it again (UpdateChannel `add_members`)."
        return doubtful(part, told, hint)
    return ok(part, f"{id_} is a member of its newest {len(mine)}" if mine else "none yet")
