"""Votes: cast, take back, query."""

from __future__ import annotations

from framework.sandbox.chat.feature import Feature
from framework.sandbox.chat.messages import rules as messages
from framework.sandbox.chat.messages.record import Message
from framework.sandbox.chat.permissions.rules import require, require_feature
from framework.sandbox.chat.users import people
from framework.sandbox.chat.users.record import User
from framework.sandbox.features.polls import rules as polls
from framework.sandbox.features.polls.record import VOTES, VOTES_OF, Poll, Vote
from framework.sandbox.features.polls.view import poll_view, vote_view
from framework.sandbox.kernel.call import Call
from framework.sandbox.kernel.errors import invalid, not_found, too_long
from framework.sandbox.kernel.operations import Domain, Result
from framework.sandbox.kernel.query.filters import select
from framework.sandbox.kernel.query.paging import page
from framework.sandbox.kernel.query.sorting import parse_sort, sort
from framework.sandbox.kernel.wire import Json

DOMAIN = Domain("votes")
_PATH = "/messages/{message_id}/polls/{poll_id}/vote"
MAX_ANSWER = 5000


@DOMAIN.operation("CastPollVote", "POST", _PATH)
def cast_poll_vote(call: Call) -> Result:
    """Vote for an option, or answer in one's own words."""
    poll, _, user = _target(call)
    if poll.is_closed:
        raise invalid(f"poll {poll.id} is closed")
    given = call.mapping("vote", call.body)
    answer, option_id = call.text("answer_text", given), call.text("option_id", given)
    if (answer is None or answer == "") == (not option_id):
        raise invalid("vote must have either an option_id or an answer_text")
    mine = polls.votes_by(call, poll, user.id)
    vote, kind = _answer(call, poll, user, answer, mine) if answer else _vote(call, poll, user, option_id or "", mine)
    call.store[VOTES].put(vote)
    if kind is not None:
        polls.tell(call, kind, poll, vote)
    return {
        "vote": vote_view(call.sandbox, poll, vote, user.id),
        "poll": poll_view(call.sandbox, poll, user.id),
    }


def _answer(call: Call, poll: Poll, user: User, text: str, mine: list[Vote]) -> tuple[Vote, str | None]:
    if not poll.allow_answers:
        raise invalid(f"poll {poll.id} does not allow answers")
    if len(text) > MAX_ANSWER:
        raise too_long(f"answer_text must be a maximum of {MAX_ANSWER} characters in length")
    old = next((vote for vote in mine if vote.is_answer), None)
    vote = old or Vote(call.sandbox.ids.new(), poll.id, user.id, call.now, call.now)
    vote.answer_text, vote.updated_at = text, call.now
    return vote, "poll.vote_changed" if old else "poll.vote_casted"


def _vote(call: Call, poll: Poll, user: User, option_id: str, mine: list[Vote]) -> tuple[Vote, str | None]:
    """Return the vote to store and the event to send; none if it was cast before."""
    if poll.option(option_id) is None:
        raise not_found(f"Poll option with id {option_id} not found")
    cast = [vote for vote in mine if not vote.is_answer]
    same = next((vote for vote in cast if vote.option_id == option_id), None)
    if same is not None:
        return same, None
    if poll.enforce_unique_vote and cast:
        # The vote moves: clients recognise it by its id and take it from the option that it was on.
        cast[0].option_id, cast[0].updated_at = option_id, call.now
        return cast[0], "poll.vote_changed"
    if poll.max_votes_allowed is not None and len(cast) >= poll.max_votes_allowed:
        raise invalid(f"user {user.id} has cast all {poll.max_votes_allowed} votes that poll {poll.id} allows")
    return Vote(call.sandbox.ids.new(), poll.id, user.id, call.now, call.now, option_id), "poll.vote_casted"


@DOMAIN.operation("DeletePollVote", "DELETE", f"{_PATH}/{{vote_id}}")
def delete_poll_vote(call: Call) -> Result:
    """Take a vote or an answer back."""
    poll, _, user = _target(call)
    if poll.is_closed:
        raise invalid(f"poll {poll.id} is closed")
    vote = call.store[VOTES].get(call.path["vote_id"])
    if vote is None or vote.poll_id != poll.id or vote.user_id != user.id:
        raise not_found(f"Poll vote with id {call.path['vote_id']} not found")
    call.store[VOTES].remove(vote.key)
    polls.tell(call, "poll.vote_removed", poll, vote)
    return {
        "vote": vote_view(call.sandbox, poll, vote, user.id),
        "poll": poll_view(call.sandbox, poll, user.id),
    }


@DOMAIN.operation("QueryPollVotes", "POST", "/polls/{poll_id}/votes", family="common")
def query_poll_votes(call: Call) -> Result:
    """Return the votes of a poll by a filter, newest first unless sorted otherwise."""
    poll = polls.find(call, call.path["poll_id"])
    user = people.acting_user_or_none(call)
    polls.require_see(call, poll, user)
    found = select(call.store.index(VOTES_OF).of(poll.id), call.mapping("filter"), _value)
    found = sort(found, parse_sort(call.payload.get("sort")) or [("created_at", True)], _value)
    part = page(call, found)
    viewer = user.id if user is not None else None
    return {"votes": [vote_view(call.sandbox, poll, vote, viewer) for vote in part.items], **part.cursors()}


def _target(call: Call) -> tuple[Poll, Message, User]:
    """Return the poll, the message that shows it, and the user who votes."""
    message = messages.find(call, call.path["message_id"])
    poll = polls.find(call, call.path["poll_id"])
    if message.poll_id != poll.id:
        raise invalid(f"message {message.id} does not show poll {poll.id}")
    channel = messages.channel_of(call, message)
    user = people.acting_user(call)
    require_feature(call, channel, "polls")
    require(call, channel, user, "cast-poll-vote")
    return poll, message, user


def _value(vote: Vote, name: str) -> Json:
    """A vote's field by name, for filters and sorting."""
    if name == "is_answer":
        return vote.is_answer
    return getattr(vote, name) if name in Vote.names() else None


FEATURE = Feature(operations=(DOMAIN,))
