"""Tell the sandbox's playground of the bots that run: it offers them, and makes channels of theirs."""

from __future__ import annotations

import re
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable

    from framework.definition.model import BotDefinition
    from framework.definition.parts.channels import Channels
    from framework.settings import Settings

_PARTS = re.compile(r"\*+|\?|\[!?\]?[^\]]*\]|.", re.DOTALL)
_CHARACTERS = "abcdefghijklmnopqrstuvwxyz0123456789_-ABCDEFGHIJKLMNOPQRSTUVWXYZ!"
_ID = re.compile(r"[\w!-]{1,64}", re.ASCII)
_FILLED = "k7q2mz"
"""Some letters as the page puts them in the place of `*`: it makes up as many."""


async def present(definitions: Iterable[BotDefinition], settings: Settings) -> None:
    """Tell the sandbox about bots. One that refuses is no reason not to start: its page offers less then."""
    import structlog

    from framework.errors import ChatServiceError
    from framework.stream.factory import tell_sandbox

    bots = [presented(definition) for definition in definitions]
    try:
        await tell_sandbox(settings, "sandbox/bots", {"bots": bots})
    except ChatServiceError as error:
        structlog.get_logger(__name__).warning("sandbox.bots_not_told", error=error.what)


def presented(definition: BotDefinition) -> dict[str, Any]:
    """A bot as the sandbox takes it: names, starters, and which channels are its, open to others, or the team's."""
    from framework.runtime.team.channels import team_channels

    desks = [str(channel) for channel in team_channels(definition)]
    channels, team = definition.channels, definition.team
    return {
        "user_id": definition.identity.user_id,
        "name": definition.identity.name,
        "image": definition.identity.image,
        "description": definition.description,
        "resume": definition.handover.resume_command,
        "automatic": channels.automatic,
        "where": channels.where,
        "starters": list(definition.starters),
        "conversations": [cid for cid in conversations(channels) if cid not in desks],
        "rooms": [cid for cid in channels.create if cid not in desks],
        "open_to": list(channels.open_to),
        "desks": desks,
        "team_users": list(dict.fromkeys([*team.users, *definition.handover.to])),
        "team_roles": list(team.roles),
    }


def conversations(channels: Channels) -> list[str]:
    """The bot's patterns with `*` for some letters and `?` for one, other wildcards filled in: those alone that lead to
    channels which the bot works in and which can have such an id.
    """
    found = []
    for pattern in channels.join:
        kind, _, wanted = pattern.partition(":")
        id_ = "".join(_plain(part) for part in _PARTS.findall(wanted))
        sample = id_.replace("*", _FILLED).replace("?", "k")
        if _ID.fullmatch(sample) and channels.covers(f"{kind}:{sample}"):
            found.append(f"{kind}:{id_}")
    return found


def _plain(part: str) -> str:
    if part.startswith("*"):
        return "*"
    if len(part) > 1:  # a set of characters, as in [a-c]
        return next((char for char in _CHARACTERS if fnmatchcase(char, part)), part)
    return part
