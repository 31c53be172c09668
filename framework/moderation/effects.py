"""What has to be done at the chat service because of a decision."""

from __future__ import annotations

from collections.abc import Iterator

from framework.moderation.decisions import Effect, EffectKind
from framework.moderation.guard import GuardDecision
from framework.moderation.rules.outcome import Outcome

_AFTER: dict[Outcome, EffectKind] = {
    Outcome.FLAG: "flag",
    Outcome.SHADOW: "shadow",
    Outcome.HOLD: "shadow",
    Outcome.REJECT: "delete",
}
"""What is done with a message that others may have seen already."""


def effects_before(decision: GuardDecision, *, pending: bool) -> list[Effect]:
    """What follows from a decision that the service was told before it sent the message.

    `pending`: nobody but the author sees the message before it is committed.
    """
    found: list[Effect] = []
    if decision.outcome is Outcome.HOLD:
        found.append(Effect("hold" if pending else "shadow"))
    elif pending and decision.outcome is not Outcome.REJECT:
        found.append(Effect("commit"))
    if decision.outcome in {Outcome.FLAG, Outcome.SHADOW}:
        found.append(Effect(_AFTER[decision.outcome]))
    return [*found, *_for_author(decision), *_alerts(decision)]


def effects_after(decision: GuardDecision) -> list[Effect]:
    """What follows from a decision on a message that was sent before anybody looked at it."""
    found: list[Effect] = []
    if decision.outcome in _AFTER:
        found.append(Effect(_AFTER[decision.outcome]))
    return [*found, *_for_author(decision), *_alerts(decision)]


def _for_author(decision: GuardDecision) -> Iterator[Effect]:
    """The longest mute and the longest ban of all rules that apply."""
    mutes = [one.rule.do.mute for one in decision.applied if one.rule.do.mute is not None]
    bans = [one.rule.do.ban for one in decision.applied if one.rule.do.ban is not None]
    names = ", ".join(one.rule.name for one in decision.applied if one.rule.do.mute or one.rule.do.ban)
    if mutes:
        yield Effect("mute", {"seconds": int(max(mutes).total_seconds()), "reason": names})
    if bans:
        yield Effect("ban", {"seconds": int(max(bans).total_seconds()), "reason": names})


def _alerts(decision: GuardDecision) -> Iterator[Effect]:
    for channel in decision.alerts:
        names = [one.rule.name for one in decision.applied if one.rule.alert == channel]
        yield Effect("alert", {"channel": channel, "rules": names})
    if decision.outcome is Outcome.HOLD and not decision.alerts:
        # Somebody has to decide: without a channel of the rule's own, it is the team's.
        yield Effect("alert", {"channel": "", "rules": [one.rule.name for one in decision.applied]})
