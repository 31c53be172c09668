"""Bursts: several quick messages of one person are answered at once, by the reply to the last of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

from framework.definition.model import BotDefinition
from framework.definition.parts.reply import Reply
from framework.runtime.core.channel_view import ChannelView
from framework.runtime.core.outcome import Skip
from framework.runtime.core.triggers import from_a_person
from framework.runtime.core.turn import ReplyState, Turn
from framework.runtime.reply.writer import ReplyWriter
from framework.runtime.state.own import ANSWERS, answers_in, reply_among
from framework.stream.model import Message

SUPERSEDED = "superseded by the next message"
_STORING = 0.1
_MOST = 10
_BACK = 5  # times the longest burst: so far back is looked where bursts begin and end
_LONGEST = timedelta(seconds=30)
"""A burst that grows beyond either is answered as it is: who types for ever gets answers all the same."""


@dataclass(frozen=True)
class Rules:
    """Which messages belong together: those of one person that follow each other within `quiet`."""

    quiet: timedelta
    longest: timedelta

    @classmethod
    def of(cls, reply: Reply) -> Rules | None:
        """Return what a definition says; None if every message is answered by itself."""
        if not reply.merge_within and not reply.supersede:
            return None
        longest = max(_LONGEST, 3 * reply.merge_within)
        # A message that replaces a turn at work may come whenever that one still thinks.
        return cls(longest if reply.supersede else reply.merge_within, longest)


def quiet_of(definition: BotDefinition) -> float:
    """Return how many seconds a turn waits for further messages of the same person.

    It is a little longer than the person has: a message that came in time is stored by the time the turn looks for it.
    """
    merge_within = definition.reply.merge_within
    return merge_within.total_seconds() + _STORING if merge_within else 0.0


def bursts(history: Sequence[Message], user_id: str, rules: Rules, *, bot_user_id: str) -> list[list[Message]]:
    """A person's messages in a channel or thread, as bursts. Answered ones, and slash commands, stand for themselves.

    A pure function of the history, so that every replica and every later look come to the same.
    """
    done = answers_in(history, bot_user_id, deleted=False)
    found: list[list[Message]] = []
    open_ = False
    for message in history:
        if message.user.id != user_id or not from_a_person(message, bot_user_id=bot_user_id):
            continue
        alone = message.id in done or bool(message.command)
        if open_ and not alone and _follows(found[-1], message, rules):
            found[-1].append(message)
        else:
            found.append([message])
        open_ = not alone
    return found


def _follows(burst: Sequence[Message], message: Message, rules: Rules) -> bool:
    """Whether a message still belongs to the burst."""
    near = message.created_at - burst[-1].created_at <= rules.quiet and message.visible_to == burst[-1].visible_to
    return near and len(burst) < _MOST and message.created_at - burst[0].created_at <= rules.longest


def joins(burst: Sequence[Message], message: Message, rules: Rules) -> bool:
    """Whether a new message belongs to this burst of its author's."""
    last = burst[-1]
    mine = message.user.id == last.user.id and message.parent_id == last.parent_id and message.channel == last.channel
    return mine and not message.command and not last.command and _follows(burst, message, rules)


class Bursts:
    """Finds the messages that a turn answers together. Calls raise ChatServiceError."""

    def __init__(self, writer: ReplyWriter) -> None:
        self._writer = writer

    async def of(self, turn: Turn, view: ChannelView) -> Skip | Sequence[Turn]:
        """Return Skip if the message is answered together with a later one; else the turn, with its whole burst.

        Further turns of the result are for the case that the last message is gone: each has one message less.
        """
        rules = Rules.of(turn.definition.reply)
        if rules is None or turn.cause.made_up or turn.origin == "command":
            return (turn,)
        trigger, bot = turn.trigger, turn.bot_user_id
        page = (await view.page(trigger.parent_id, since=trigger.created_at - _BACK * rules.longest)).all
        ids = (turn.ids.first_reply, turn.ids.former_reply)
        begun_by_us = reply_among(page, bot, trigger=turn.ids.trigger, ids=ids)
        history = [message for message in page if begun_by_us is None or message.id != begun_by_us.id]
        together = answers_in(history, bot, deleted=False).get(trigger.id)
        if together is not None and trigger.id in together.answers:
            return Skip("answered together with the next message", message_id=together.id)
        found = bursts(_with(history, trigger), trigger.user.id, rules, bot_user_id=bot)
        burst = next((one for one in found if any(m.id == trigger.id for m in one)), [trigger])
        begun = begun_by_us is not None and bool(begun_by_us.message.text.strip() or not begun_by_us.is_unfinished)
        if burst[-1].id != trigger.id and not begun:
            if begun_by_us is not None:  # an earlier try at the turn got as far as an empty message
                turn.reply.adopt(begun_by_us)
                await self._writer.withdraw(turn)
            return Skip("merged into the next message" if turn.definition.reply.merge_within else SUPERSEDED)
        place = next((n for n, message in enumerate(burst) if message.id == trigger.id), 0)
        return _candidates(turn, burst[: place + 1])


def _candidates(turn: Turn, burst: Sequence[Message]) -> Sequence[Turn]:
    """The turn by the last message of the burst, then by the one before it, and so on."""
    if len(burst) < 2:
        return (turn,)
    found: list[Turn] = []
    for last in range(len(burst), 0, -1):
        kept = tuple(burst[:last])
        marks = {**turn.marks, ANSWERS: [message.id for message in kept]} if len(kept) > 1 else turn.marks
        reply = turn.reply if last == len(burst) else ReplyState()
        found.append(replace(turn, trigger=kept[-1], burst=kept, marks=marks, reply=reply))
    return found


def _with(history: Sequence[Message], trigger: Message) -> list[Message]:
    """The history with the message in its place, if it does not hold it any more: a deleted one may lead others."""
    if any(message.id == trigger.id and message.deleted_at is None for message in history):
        return list(history)
    rest = [message for message in history if message.id != trigger.id]
    return sorted([*rest, trigger], key=lambda message: message.created_at)
