"""The closed set of reasons that a turn is counted by: what a person reads in the log has names and numbers in it."""

from __future__ import annotations

from typing import get_args

from framework.runtime.core.outcome import Failed, HandedOff, HandoverKind, Outcome, Replied, Silent

OTHER = "other"
_OF_SILENCE = (
    ("the promise", "promise_void"),
    ("promises are not kept", "promise_void"),
    ("already answered", "already_answered"),
    ("answered together", "merged"),
    ("merged into", "merged"),
    ("superseded", "superseded"),
    ("question was deleted", "question_deleted"),
    ("question was edited", "question_edited"),
    ("reply was deleted", "reply_deleted"),
    ("message that somebody reacted to was deleted", "question_deleted"),
    ("schedule paused", "paused"),
    ("paused", "paused"),
    ("a person has taken over", "handed_over"),
    ("no handover is open", "handed_over"),
    ("draft", "draft"),
    ("channel for reviews", "review_channel"),
    ("talk about a decision", "review_channel"),
    ("channel is frozen", "frozen"),
    ("nothing in the message", "empty"),
    ("only emoji", "nod"),
    ("the command /", "not_addressed"),
    ("is not mentioned", "not_addressed"),
    ("turns to ", "not_addressed"),
    ("quotes ", "not_addressed"),
    ("an answer to ", "not_addressed"),
    ("people talk to each other", "not_addressed"),
    ("automatic answer", "loop"),
    ("in a row without", "loop"),
    ("outside the hours", "outside_hours"),
    ("of the team", "team"),
    ("in a row without one", "loop"),
    ("somebody wrote meanwhile", "superseded"),
    ("is banned", "banned"),
    ("among", "not_for_them"),
    ("nobody wrote since", "nothing_new"),
    ("neither a task", "nothing_to_do"),
    ("turns of this person", "budget"),
    ("the budget of", "budget"),
    ("no trigger fits", "no_trigger"),
)
REASONS = frozenset({OTHER, "none", "failed", *get_args(HandoverKind), *(label for _, label in _OF_SILENCE)})


def label_of(outcome: Outcome) -> tuple[str, str]:
    """Return the outcome and the reason of a turn, for counts. Neither holds text of people or their names."""
    match outcome:
        case Replied(answer=answer, stopped=stopped):
            return "stopped" if stopped else answer.outcome, "none"
        case Silent(reason):
            return "silent", _silence(reason)
        case HandedOff(kind=kind):
            return "handed_over", kind
        case Failed():
            return "failed", "failed"


def _silence(reason: str) -> str:
    return next((label for words, label in _OF_SILENCE if words in reason), OTHER)
