"""Judges what a bot itself says by the rules of its moderation.yaml, while it is written and when it is complete."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

import structlog

from framework.moderation.decision_book import DecisionBook
from framework.moderation.files import ModerationFile
from framework.moderation.guard import Applied, Guard, GuardDecision, masked
from framework.moderation.judging import ModelJudge
from framework.moderation.message import Piece, Screened
from framework.moderation.open_end import OpenEnd, last_word
from framework.moderation.rules.model import Rule
from framework.moderation.rules.outcome import Outcome
from framework.moderation.words.beginnings import Beginnings
from framework.outbound import OwnRules, Verdict

MODEL_SECONDS = 5.0
"""A complete answer waits for the model longer than a person's message may."""
REFUSING = frozenset({Outcome.SHADOW, Outcome.HOLD, Outcome.REJECT})
_OF_AUTHORS = frozenset({"messages", "repeats", "account_younger", "roles", "mentions", "attachments", "injection"})

_log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class OwnTexts:
    """The rules of one bot for its own texts, in all channels. `at` gives those of a channel."""

    bot_user_id: str
    local: Guard
    by_model: Guard
    anywhere: tuple[Guard, Guard]
    """The same two, with rules of single channels holding everywhere: for a text whose channel is not known."""
    open_end: OpenEnd
    judge: ModelJudge | None = None
    book: DecisionBook | None = None

    @classmethod
    def of(
        cls,
        file: ModerationFile,
        bot: str,
        bot_user_id: str,
        *,
        now: Callable[[], datetime],
        channels: Sequence[str],
        judge: ModelJudge | None = None,
        book: DecisionBook | None = None,
    ) -> OwnTexts | None:
        """None if no rule of the file concerns what the bot says. `channels` are the bot's patterns."""
        rules = [rule for rule in file.moderation.rules if _is_of_texts(rule) and bot_user_id not in rule.not_users]
        if not rules:
            return None

        def guard(chosen: Iterable[Rule]) -> Guard:
            moderation = file.moderation.model_copy(update={"rules": tuple(chosen)})
            return Guard.of(bot, moderation, file.terms, now=now, channels=channels, where=file.where)

        local, scored = [one for one in rules if not one.when.model], [one for one in rules if one.when.model]
        by_text, by_model = guard(local), guard(scored)
        return cls(
            bot_user_id,
            by_text,
            by_model,
            (by_text.everywhere(), by_model.everywhere()),
            OpenEnd.of(
                [rule.when for rule in local], Beginnings(term for rule in local for term in file.terms[rule.name])
            ),
            judge,
            book,
        )

    async def aclose(self) -> None:
        """Close the model's connections and the database."""
        if self.judge is not None:
            await self.judge.aclose()
        if self.book is not None:
            self.book.close()

    def at(self, channel: str | None, phrase: str) -> OwnRules | None:
        """The rules in a channel (None: it is not known), or None if none holds there. `phrase` stands for what is
        refused.
        """
        if channel is None:
            return _Here(self, "", phrase, *self.anywhere)
        return _Here(self, channel, phrase, self.local, self.by_model) if self.local.covers(channel) else None


@dataclass(frozen=True)
class _Here:
    """See `OwnRules`."""

    own: OwnTexts
    channel: str
    phrase: str
    local: Guard
    by_model: Guard

    def shown(self, text: str) -> str:
        """See `OwnRules.shown`. Only what stands before anything that is refused."""
        if text == self.phrase:
            return text
        applied = self._decide(self.local, text).applied
        stops = [one for one in applied if one.outcome in REFUSING or one.outcome is Outcome.REWRITE]
        ends = [last_word(text[:place]) for one in stops for place in _starts(one)]
        end = min([self.own.open_end.of_text(text), *ends])
        masks = [f for one in applied if one.outcome is Outcome.MASK for f in one.findings if f.start >= 0]
        end = min([end, *(one.start for one in masks if one.end > end)])
        if any(not list(_starts(one)) for one in stops) and self._is_refused(text[:end]):
            return ""
        return masked(text[:end], [one for one in masks if one.end <= end])

    def final(self, text: str) -> Verdict:
        """See `OwnRules.final`."""
        return self._verdict(text, self._decide(self.local, text))

    async def judged(self, text: str, message_id: str) -> Verdict:
        """See `OwnRules.judged`."""
        message = self._message(text, message_id)
        decided = self.local.decide(message)
        if decided.outcome not in REFUSING and (kinds := self.by_model.kinds(message)):
            decided = _both(decided, await self._scored(message, kinds))
        if decided.applied and self.own.book is not None:
            await self.own.book.keep(decided, message)
        return self._verdict(text, decided)

    async def _scored(self, message: Screened, kinds: Sequence[str]) -> GuardDecision:
        judge = self.own.judge
        scores = await judge.scores(message.whole, kinds, within=MODEL_SECONDS) if judge is not None else None
        return self.by_model.decide(replace(message, scores=scores))

    def _verdict(self, text: str, decided: GuardDecision) -> Verdict:
        if not decided.applied or text == self.phrase:
            return Verdict(text)
        names = tuple(one.rule.name for one in decided.applied)
        if decided.outcome in REFUSING:
            _log.warning("outgoing.refused", channel=self.channel, rules=list(names), characters=len(text))
            return Verdict(self.phrase, refused=True, rules=names, alerts=decided.alerts)
        changed = decided.changed[0].text if decided.changed else text
        return Verdict(changed, rules=names, alerts=decided.alerts)

    def _is_refused(self, text: str) -> bool:
        return self._decide(self.local, text).outcome in {*REFUSING, Outcome.REWRITE}

    def _decide(self, guard: Guard, text: str) -> GuardDecision:
        return guard.decide(self._message(text))

    def _message(self, text: str, message_id: str = "") -> Screened:
        return Screened(self.channel, self.own.bot_user_id, (Piece(("text",), text),), message_id=message_id)


def _is_of_texts(rule: Rule) -> bool:
    """Whether it asks for nothing but what stands in a text: nothing of who wrote it, and how often."""
    asked = {name for name in rule.when.model_fields_set if getattr(rule.when, name) not in (None, ())}
    return not asked & _OF_AUTHORS


def _starts(applied: Applied) -> Iterable[int]:
    return (one.start for one in applied.findings if one.start >= 0)


def _both(local: GuardDecision, scored: GuardDecision) -> GuardDecision:
    """The stronger of two decisions, with all rules that apply."""
    stronger = scored if local.outcome < scored.outcome else local
    changed = () if stronger.outcome in REFUSING else stronger.changed or local.changed
    return GuardDecision(stronger.outcome, (*local.applied, *scored.applied), changed, stronger.say)
