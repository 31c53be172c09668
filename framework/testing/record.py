"""A conversation test made from what was said in a real channel, for a person to go over."""

from __future__ import annotations

from collections.abc import Sequence

import yaml

from framework.definition.model import BotDefinition
from framework.stream.model import ChannelRef, Message
from framework.stream.port import ChatService
from framework.testing.scenario import USER

_LONGEST = 80


async def record(service: ChatService, definition: BotDefinition, channel: ChannelRef, *, last: int) -> str:
    """The last messages of a channel as YAML. People get made-up ids, so that no name leaves the channel; what they
    wrote is kept as it is: read it before it is committed. Raises ChatServiceError.
    """
    messages = [m for m in await service.recent(channel, limit=last) if m.kind in {"regular", "reply"}]
    bot = definition.identity.user_id
    people = _aliases(messages, bot)
    turns: list[dict[str, object]] = []
    for message in messages:
        if message.user.id == bot:
            if turns:
                turns[-1]["expect"] = _expected(message)
            continue
        alias = people[message.user.id]
        step: dict[str, object] = {"user": message.text} if alias == USER else {"from": alias, "say": message.text}
        turns.append({**step, "expect": {"silence": True}})
    others = {alias: {"name": alias.title()} for alias in people.values() if alias != USER}
    scenario: dict[str, object] = {"name": f"recorded from {channel.type}", **({"people": others} if others else {})}
    if messages:
        scenario["at"] = messages[0].created_at.replace(microsecond=0)
    return yaml.safe_dump({**scenario, "turns": turns}, sort_keys=False, allow_unicode=True, width=110)


def _aliases(messages: Sequence[Message], bot: str) -> dict[str, str]:
    ids = dict.fromkeys(message.user.id for message in messages if message.user.id != bot)
    return {id_: USER if number == 0 else f"person_{number + 1}" for number, id_ in enumerate(ids)}


def _expected(reply: Message) -> dict[str, object]:
    """Return what can be expected of a reply: how it begins, its outcome, what it cites."""
    begins = reply.text.strip().split("\n")[0][:_LONGEST].strip()
    expected: dict[str, object] = {"text": begins}
    if reply.custom.get("outcome"):
        expected["outcome"] = reply.custom["outcome"]
    cites = list(
        dict.fromkeys(str(source["file"]) for source in reply.custom.get("sources") or [] if source.get("file"))
    )
    if cites:
        expected["cites"] = cites
    return expected
