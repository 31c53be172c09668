"""Whom a message turns to is no part of what it asks: the bot's own name is taken out before articles are searched."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from framework.agent.conversation import Conversation


def unaddressed(conversation: Conversation, names: Sequence[str]) -> Conversation:
    """The conversation, with `@name` taken out of what people said. `names`: what the bot is called by."""
    pattern = _called(tuple(names))
    return replace(
        conversation,
        utterances=tuple(
            replace(one, text=_without(one.text, pattern)) if one.who == "user" and "@" in one.text else one
            for one in conversation.utterances
        ),
    )


def _without(text: str, pattern: re.Pattern[str]) -> str:
    rest = re.sub(r" {2,}", " ", pattern.sub(" ", text)).strip()
    return rest if re.search(r"\w", rest) else text


@lru_cache(maxsize=500)
def _called(names: tuple[str, ...]) -> re.Pattern[str]:
    longest_first = sorted((re.escape(name) for name in names if name.strip()), key=len, reverse=True)
    # Neither inside an address (`help@agent-bot.example`) nor the beginning of a longer name (`@agent-bot-2`).
    return re.compile(rf"(?<![\w@./+-])@(?:{'|'.join(longest_first)})(?![\w@]|[-.]\w)[,:]?\s*", re.IGNORECASE)
