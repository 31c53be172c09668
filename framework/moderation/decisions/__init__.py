"""Decisions on messages, each kept once in the database, with what is to be done because of it."""

from framework.moderation.decisions.decision import (
    Effect,
    EffectKind,
    LoggedDecision,
    LoggedEffect,
    MessageDecision,
    RuleHit,
)
from framework.moderation.decisions.store import DecisionStore

__all__ = ["DecisionStore", "Effect", "EffectKind", "LoggedDecision", "LoggedEffect", "MessageDecision", "RuleHit"]
