"""Bursts: several quick messages of one person are answered at once, by the reply to the last of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

import structlog

from framework.definition.model import BotDefinition
from framework.definition.parts.reply import Reply
from framework.runtime.core.message_context import MessageContexts
from framework.runtime.core.stage import CallNext
from framework.runtime.core.triggers import from_a_person
from framework.runtime.core.turn import GONE, Draft, Outcome, Silent, Turn
from framework.runtime.reply.writer import ReplyWriter, adopt
from framework.runtime.state.own import ANSWERS, OwnMessage, own
from framework.stream.model import Message

_log = structlog.get_logger(__name__)

SUPERSEDED = "superseded by the next message"
_STORING = 0.1
_MOST = 10
_LONGEST = timedelta(seconds=30)
"""A burst that grows beyond either is answered as it is: who types for ever gets answers all the same."""


@dataclass(frozen=True)
class Rules:
    """Which messages belong together: those of one person that follow each other within `quiet`."""

    quiet: timedelta
    longest: timedelta

    @classmethod
    def of(cls, reply: Reply) -> Rules | None:
        """What a definition says; None where every message is answered by itself."""
        if not reply.merge_within and not reply.supersede:
            return None
        longest = max(_LONGEST, 3 * reply.merge_within)
        # A message that replaces a turn at work may come whenever that one still thinks.
        return cls(longest if reply.supersede else reply.merge_within, longest)


def quiet_of(definition: BotDefinition) -> float:
    """Seconds that a turn waits for further messages of the same person; a little longer than they have, so that one
    that came in time is stored when the turn looks for it.
    """
    merge_within = definition.reply.merge_within
    return merge_within.total_seconds() + _STORING if merge_within else 0.0


def bursts(talk: Sequence[Message], user_id: str, rules: Rules, *, bot_user_id: str) -> list[list[Message]]:
    """A person's messages in a channel or thread, as bursts. Answered ones, and slash commands, stand for themselves.

    A pure function of the talk, so that every replica and every later look come to the same.
    """
    done = answered(talk, bot_user_id)
    found: list[list[Message]] = []
    open_ = False
    for message in talk:
        if message.user.id != user_id or not from_a_person(message, bot_user_id=bot_user_id):
            continue
        alone = message.id in done or bool(message.command)
        if open_ and not alone and _follows(found[-1], message, rules):
            found[-1].append(message)
        else:
            found.append([message])
        open_ = not alone
    return found


def answered(talk: Sequence[Message], bot_user_id: str) -> set[str]:
    """The messages of the talk that the bot has answered or is about to, by themselves or together with others."""
    done: set[str] = set()
    for message in talk:
        ours = own(message, bot_user_id)
        if ours is not None and not ours.is_deleted:
            done.update(ours.answered())
    return done


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
    """A stage. Ends a turn whose message a later one took along, and gives the last one all of them."""

    def __init__(self, situations: MessageContexts, writer: ReplyWriter) -> None:
        self._situations = situations
        self._writer = writer

    async def __call__(self, turn: Turn, call_next: CallNext) -> Outcome:
        """Silent for what is answered together with a later message; else the outcome of the stages that follow.

        Where the last message of a burst is deleted, the one before it takes its place.
        """
        rules = Rules.of(turn.definition.reply)
        if rules is None or turn.cause.made_up or turn.origin == "command":
            return await call_next(turn)
        trigger = turn.trigger
        page = await self._situations.talk(trigger)
        begun_by_us = _own_reply(page, turn)
        talk = [message for message in page if begun_by_us is None or message.id != begun_by_us.id]
        together = next((message for message in talk if trigger.id in answers_of(message, turn.bot_user_id)), None)
        if together is not None:
            return Silent("answered together with the next message", message_id=together.id)
        found = bursts(_with(talk, trigger), trigger.user.id, rules, bot_user_id=turn.bot_user_id)
        burst = next((one for one in found if any(m.id == trigger.id for m in one)), [trigger])
        begun = begun_by_us is not None and bool(begun_by_us.message.text.strip() or not begun_by_us.is_unfinished)
        if burst[-1].id != trigger.id and not begun:
            if begun_by_us is not None:  # an earlier try at the turn got as far as an empty message
                adopt(turn.draft, begun_by_us)
                await self._writer.withdraw(turn)
            return Silent("merged into the next message" if turn.definition.reply.merge_within else SUPERSEDED)
        place = next((n for n, message in enumerate(burst) if message.id == trigger.id), 0)
        return await self._answer(turn, burst[: place + 1], call_next)

    async def _answer(self, turn: Turn, burst: Sequence[Message], call_next: CallNext) -> Outcome:
        outcome: Outcome = Silent(GONE)
        for last in range(len(burst), 0, -1):
            kept = tuple(burst[:last])
            taken = replace(turn, trigger=kept[-1], burst=kept) if len(burst) > 1 else turn
            if len(kept) > 1:
                taken = replace(taken, marks={**turn.marks, ANSWERS: [message.id for message in kept]})
                _log.info("turn.merged", messages=[message.id for message in kept])
            if last < len(burst):
                taken = replace(taken, draft=Draft())
            outcome = await call_next(taken)
            if not (isinstance(outcome, Silent) and outcome.reason == GONE):
                break
        return outcome


def answers_of(message: Message, bot_user_id: str) -> Sequence[str]:
    """The messages that a reply of the bot answers together, where it says so."""
    ours = own(message, bot_user_id)
    return ours.answers if ours is not None and not ours.is_deleted else ()


def _own_reply(page: Sequence[Message], turn: Turn) -> OwnMessage | None:
    """The reply of an earlier try at the turn."""
    ids = {turn.ids.first_reply, turn.ids.former_reply}
    found = (own(message, turn.bot_user_id) for message in page)
    return next(
        (one for one in found if one is not None and (one.id in ids or one.is_reply_to(turn.ids.trigger))), None
    )


def _with(talk: Sequence[Message], trigger: Message) -> list[Message]:
    """The talk with the message in its place, where a page does not hold it any more: a deleted one may lead others."""
    if any(message.id == trigger.id and message.deleted_at is None for message in talk):
        return list(talk)
    rest = [message for message in talk if message.id != trigger.id]
    return sorted([*rest, trigger], key=lambda message: message.created_at)
