"""The language that a turn is spoken to in: that of its messages, or of what their author wrote before."""

from __future__ import annotations

from dataclasses import replace

from framework.agent.spoken.language import language_of
from framework.runtime.core.channel_view import ChannelView
from framework.runtime.core.turn import Turn

_LATELY = 20


async def language(turn: Turn, view: ChannelView) -> Turn | None:
    """A rule, before all that may say something: learn the language from the messages themselves. Calls no service."""
    told = "" if turn.cause.made_up else language_of([message.text for message in reversed(turn.answering)], "")
    return replace(turn, language=told) if told else None


async def language_before(turn: Turn, view: ChannelView) -> Turn | None:
    """A rule: of messages that do not tell, take the language of what their author wrote before."""
    if turn.language or turn.cause.made_up:
        return None
    trigger = turn.trigger
    known = await view.until(trigger.parent_id, trigger.id, _LATELY)
    texts = [message.text for message in reversed(known) if message.user.id == trigger.user.id]
    told = language_of(texts, turn.definition.identity.language)
    return replace(turn, language=told)
