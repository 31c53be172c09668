"""Polls, their options, and votes."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from framework.sandbox.chat.messages.record import MESSAGES
from framework.sandbox.kernel.store.record import Record
from framework.sandbox.kernel.store.table import Table, grouped

POLL_INPUT = frozenset(
    {
        "id", "name", "description", "voting_visibility", "enforce_unique_vote", "max_votes_allowed", "allow_answers",
        "allow_user_suggested_options", "is_closed", "options", "user", "user_id",
    }
)  # fmt: skip
"""Fields that a client may set."""

POLL_RESERVED = frozenset(
    {
        "created_at", "updated_at", "created_by", "created_by_id", "answers_count", "vote_count", "latest_answers",
        "latest_votes_by_option", "own_votes", "vote_counts_by_option", "duration",
    }
)  # fmt: skip
"""Fields of answers, which clients send back with a whole poll; ignored in input."""

OPTION_INPUT = frozenset({"id", "text", "position", "user", "user_id"})
OPTION_RESERVED = frozenset({"created_at", "updated_at", "poll_id", "vote_count", "votes", "duration"})


@dataclass(slots=True)
class Poll(Record):
    """A poll. Options are `{"id", "text", "custom"}` in order; counts follow from the votes."""

    KEY = ("id",)

    id: str
    created_by_id: str
    created_at: datetime
    updated_at: datetime
    name: str = ""
    description: str = ""
    voting_visibility: str = "public"
    enforce_unique_vote: bool = False
    max_votes_allowed: int | None = None
    allow_answers: bool = False
    allow_user_suggested_options: bool = False
    is_closed: bool = False
    options: list[dict[str, Any]] = field(default_factory=list)
    custom: dict[str, Any] = field(default_factory=dict)

    def option(self, option_id: str) -> dict[str, Any] | None:
        """Return an option by id."""
        return next((option for option in self.options if option["id"] == option_id), None)


@dataclass(slots=True)
class Vote(Record):
    """One user's vote for an option, or its answer in its own words."""

    KEY = ("id",)

    id: str
    poll_id: str
    user_id: str
    created_at: datetime
    updated_at: datetime
    option_id: str = ""
    answer_text: str | None = None

    @property
    def is_answer(self) -> bool:
        """Return whether this is an answer, not a vote for an option."""
        return self.answer_text is not None


POLLS = Table("polls", Poll)
VOTES = Table("poll_votes", Vote)
VOTES_OF = grouped(VOTES, lambda vote: vote.poll_id)
MESSAGES_WITH_POLL = grouped(MESSAGES, lambda message: message.poll_id)
