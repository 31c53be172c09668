"""Whom a message turns to is no part of what it asks: the bot's own name is taken out before articles are searched."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from framework.agent.conversation import Conversation


def without_names(conversation: Conversation, names: Sequence[str]) -> Conversation:
    """The conversation, with the bot's name taken out of what people said where they called it."""
    said = conversation.utterances
    return replace(
        conversation,
        utterances=tuple(replace(u, text=unaddressed(u.text, names)) if u.who == "user" else u for u in said),
    )


def unaddressed(text: str, names: Sequence[str]) -> str:
    """A text without `@Name`, and without a `Name:` that it begins with. As it is, where nothing else would be left."""
    pattern = _called(tuple(names))
    if pattern is None or pattern.search(text) is None:
        return text
    rest = re.sub(r"[ \t]+(?=[ \t,.!?]|$)", "", pattern.sub(" ", text)).strip(" ,")
    return rest if re.search(r"\w", rest) else text


@lru_cache(maxsize=500)
def _called(names: tuple[str, ...]) -> re.Pattern[str] | None:
    either = "|".join(sorted((re.escape(name) for name in names if name.strip()), key=len, reverse=True))
    if not either:
        return None
    # Neither inside an address (`help@agent-bot.example`) nor the beginning of a longer name (`@agent-bot-2`).
    called = rf"(?<![\w@./+-])@(?:{either})(?![\w@]|[-.]\w)"
    return re.compile(rf"{called}|^\s*(?:{either})\s*[:,](?=\s)", re.IGNORECASE)
