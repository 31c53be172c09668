"""Rounds of question and answer, as the channel shows them, and whether the account behind them answers by itself."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from framework.runtime.core.language import asks
from framework.runtime.core.turn import Turn
from framework.runtime.state.own import OwnMessage, own
from framework.stream.model import Message

_GLANCE = 1.0  # seconds that a person needs to see an answer at all
_TYPED = 20.0  # characters a second: faster than anybody types
_SLOWEST = 10.0  # seconds after which no message counts as quick
_SPREAD = 0.5  # seconds between the quickest and the slowest answer of a program that waits the same time
_SHARE = 0.05  # the same, as a share of the wait
_FEW = 7  # different sentences
_WORDS = 5


@dataclass(frozen=True)
class AccountPace:
    """What the last rounds of one account in one lane were like. `quick`: in a row, quicker than people read and type.
    `waits`: seconds from the bot's answers to the account's next messages. `said`: its last sentences that ask nothing.
    """

    quick: int = 0
    waits: tuple[float, ...] = ()
    said: tuple[str, ...] = ()

    def is_automatic(self, rounds: int) -> bool:
        """Whether no person writes so, for so many rounds."""
        return self.quick >= rounds or self._is_regular(rounds) or self._is_a_record(rounds)

    def after(self, text: str, at: datetime, answered_at: datetime | None, rounds: int) -> AccountPace:
        """The pace with one more message, which came after an answer or, with None, after no new one.

        An account that was left alone once stays so, unless it asks something or takes its time.
        """
        said = () if asks(text) else (*self.said, text)[-rounds:] if len(text.split()) >= _WORDS else self.said
        if answered_at is None:  # nothing was said that it could react to
            held = self.quick >= rounds and not asks(text)
            return AccountPace(self.quick if held else min(self.quick, rounds - 2), self.waits if held else (), said)
        wait = (at - answered_at).total_seconds()
        quick = wait <= min(_SLOWEST, _GLANCE + len(text) / _TYPED)
        return replace(self, quick=self.quick + 1 if quick else 0, waits=(*self.waits, wait)[-rounds:], said=said)

    def _is_regular(self, rounds: int) -> bool:
        if len(self.waits) < rounds:
            return False
        mean = sum(self.waits) / len(self.waits)
        return max(self.waits) - min(self.waits) <= max(_SPREAD, _SHARE * mean)

    def _is_a_record(self, rounds: int) -> bool:
        """Whether it says the same few sentences again and again."""
        return len(self.said) >= rounds and len(set(self.said)) <= _FEW


def missed(turn: Turn, messages: Sequence[Message], since: str) -> Iterator[tuple[Message, OwnMessage | None]]:
    """What people wrote after the message `since` and before the turn's own, oldest first, each with the bot's reply to
    it, if there is one. `messages` are the newest ones, oldest first. If they do not reach back to `since`, they are
    taken as they are: the last rounds matter.
    """
    own_ids = {turn.trigger.id, *(one.id for one in turn.burst)}
    end = next((n for n, one in enumerate(messages) if one.id in own_ids), 0)
    known = next((n for n, one in enumerate(messages) if since and one.id == since), -1)
    if since in own_ids or known + 1 >= end:
        return
    replies = {one.reply_to: one for one in _replies(turn, messages)}
    for message in messages[known + 1 : end]:
        if message.kind != "deleted" and message.user.id != turn.bot_user_id:
            yield message, replies.get(message.id)


def _replies(turn: Turn, messages: Sequence[Message]) -> Iterator[OwnMessage]:
    for message in messages:
        ours = own(message, turn.bot_user_id)
        if ours is not None and ours.reply_to and not (ours.part_of or ours.is_apology or ours.is_unfinished):
            yield ours
