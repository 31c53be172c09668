"""Which keys of bot.yaml stand behind what a turn came to: for those who ask why."""

from __future__ import annotations

import re

from framework.runtime.decide.bursts import SUPERSEDED
from framework.runtime.handover.rules import TAKEN_OVER
from framework.runtime.review.drafts import WAITS

Keys = tuple[str, ...]

_BEHIND: tuple[tuple[re.Pattern[str], Keys], ...] = tuple(
    (re.compile(pattern), keys)
    for pattern, keys in (
        (r"^the customer asked for a person", ("handover.enabled", "handover.phrases", "handover.understands")),
        (r"^the customer is upset", ("handover.enabled", "handover.sentiment", "handover.understands")),
        (r"answers in a row without evidence", ("handover.enabled", "handover.failed_answers")),
        (r"^the budget of this turn", ("budget.turn", "handover.budget")),
        (r"^the budget of this person", ("budget.user_day", "budget.when_spent")),
        (r"^the budget of this channel", ("budget.channel_day", "budget.when_spent")),
        (r"^the budget of the bot", ("budget.day", "budget.when_spent")),
        (r"turns of this person within a minute", ("budget.user_minute", "budget.when_spent")),
        (r"turns of this person at once", ("budget.user_at_once", "budget.when_spent")),
        (r"^the bot failed", ("handover.enabled", "handover.errors")),
        (f"^{re.escape(TAKEN_OVER)}", ("handover.enabled", "handover.resume_command", "handover.resume_after")),
        (r"^no handover is open", ("handover.resume_command",)),
        (r"is not among the users that it answers", ("conditions.users",)),
        (r"is among the users that it does not answer", ("conditions.not_users",)),
        (r"^the role .* is not among those", ("conditions.roles",)),
        (r"is of the team$", ("conditions.not_team", "team.users", "team.roles")),
        (r"of the team wrote", ("conditions.quiet_after_person", "team.users", "team.roles")),
        (r"in a row without", ("conditions.turns_without_person",)),
        (r"^looks like an automatic answer", ("conditions.turns_without_person",)),
        (r"^outside the hours", ("conditions.hours", "conditions.outside")),
        (r"^(?:turns to|quotes|an answer to|a thread in which)", ("conditions.addressed_only",)),
        (r"^(?:no trigger fits|the bot is not mentioned|the command /|the trigger )", ("triggers", "respond_to")),
        (r"^nobody wrote since", ("triggers",)),
        (f"^(?:{re.escape(WAITS)}|draft )", ("drafts.enabled", "drafts.channel")),
        (r"^nobody could see the draft", ("drafts.enabled", "drafts.channel", "team.users")),
        (r"^a channel for reviews", ("drafts.channel", "handover.alert")),
        (r"^(?:merged into|answered together with) the next", ("reply.merge_within",)),
        (f"^{re.escape(SUPERSEDED)}", ("reply.supersede",)),
    )
)


def keys_behind(outcome: str) -> Keys:
    """Return the keys of bot.yaml, with dots, that led to an outcome as the engine keeps it: `silent: outside the
    hours` comes from `conditions.hours`. Empty for what no key can change, such as `silent: already answered`.
    """
    kind, _, reason = outcome.partition(": ")
    for pattern, keys in _BEHIND:
        if pattern.search(reason):
            return keys
    return ("handover.enabled", "handover.tool") if kind == "handed off" else ()
