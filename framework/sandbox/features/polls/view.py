"""Polls, options and votes as clients see them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from framework.sandbox.chat.users.view import user_by_id
from framework.sandbox.features.polls.record import VOTES_OF, Poll, Vote
from framework.sandbox.kernel.wire import Entity

if TYPE_CHECKING:
    from framework.sandbox.kernel.sandbox import Sandbox

LATEST = 10
_FIELDS = (
    "id", "name", "description", "voting_visibility", "enforce_unique_vote", "allow_answers",
    "allow_user_suggested_options", "is_closed", "max_votes_allowed", "created_by_id", "created_at", "updated_at",
)  # fmt: skip


def poll_view(sandbox: Sandbox, poll: Poll, viewer_id: str | None = None) -> Entity:
    """A poll with its counts; `own_votes` are those of the viewer."""
    fields: dict[str, Any] = {name: getattr(poll, name) for name in _FIELDS}
    if poll.max_votes_allowed is None:
        del fields["max_votes_allowed"]
    newest = sorted(sandbox.store.index(VOTES_OF).of(poll.id), key=lambda vote: vote.updated_at, reverse=True)
    votes = [vote for vote in newest if not vote.is_answer]
    answers = [vote for vote in newest if vote.is_answer]
    by_option: dict[str, list[Vote]] = {}
    for vote in votes:
        by_option.setdefault(vote.option_id, []).append(vote)
    public = poll.voting_visibility == "public"
    fields |= {
        "created_by": user_by_id(sandbox, poll.created_by_id),
        "options": [option_view(poll, option, len(by_option.get(option["id"], ()))) for option in poll.options],
        "vote_count": len(votes),
        "answers_count": len(answers),
        "vote_counts_by_option": {option_id: len(cast) for option_id, cast in by_option.items()},
        "latest_answers": [vote_view(sandbox, poll, answer) for answer in answers[:LATEST]],
        "latest_votes_by_option": {
            option_id: [vote_view(sandbox, poll, vote) for vote in cast[:LATEST]]
            for option_id, cast in by_option.items()
        }
        if public
        else {},
        "own_votes": [vote_view(sandbox, poll, vote, viewer_id) for vote in newest if vote.user_id == viewer_id],
    }
    return Entity(fields, poll.custom)


def option_view(poll: Poll, option: dict[str, Any], vote_count: int = 0) -> Entity:
    """Return an option of a poll."""
    fields = {
        "id": option["id"],
        "text": option["text"],
        "poll_id": poll.id,
        "vote_count": vote_count,
        "created_at": poll.created_at,
        "updated_at": poll.updated_at,
    }
    return Entity(fields, option["custom"])


def vote_view(sandbox: Sandbox, poll: Poll, vote: Vote, viewer_id: str | None = None) -> dict[str, Any]:
    """A vote or answer; in an anonymous poll only its own user sees whose it is."""
    view: dict[str, Any] = {
        "id": vote.id,
        "poll_id": vote.poll_id,
        "option_id": vote.option_id,
        "created_at": vote.created_at,
        "updated_at": vote.updated_at,
    }
    if vote.is_answer:
        view |= {"is_answer": True, "answer_text": vote.answer_text}
    if poll.voting_visibility == "public" or vote.user_id == viewer_id:
        view |= {"user_id": vote.user_id, "user": user_by_id(sandbox, vote.user_id)}
    return view
