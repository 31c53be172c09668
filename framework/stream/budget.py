"""How often each endpoint may be called: one budget for an app, shared by all its bots in the process."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from weakref import WeakSet

from framework.net.limits import UNCOUNTED, Bucket
from framework.stream.timing import Timing

# Calls a minute that a user token may make to each endpoint.
USER_LIMIT = 60


class Endpoint(Enum):
    """Calls a minute that the service allows an app. If Stream publishes no figure, its answers tell the limit."""

    def __init__(self, title: str, limit: int) -> None:
        self.title = title
        self.limit = limit

    SEND_MESSAGE = ("SendMessage", 1000)
    UPDATE_MESSAGE = ("UpdateMessagePartial", 1000)
    EPHEMERAL_UPDATE = ("EphemeralMessageUpdate", 1000)
    DELETE_MESSAGE = ("DeleteMessage", UNCOUNTED)
    GET_MESSAGE = ("GetMessage", UNCOUNTED)
    GET_MESSAGES = ("GetManyMessages", UNCOUNTED)
    GET_REPLIES = ("GetReplies", UNCOUNTED)
    QUERY_THREADS = ("QueryThreads", UNCOUNTED)
    GET_POLL = ("GetPoll", UNCOUNTED)
    CHANGE_POLL = ("UpdatePoll", UNCOUNTED)
    QUERY_POLL_VOTES = ("QueryPollVotes", UNCOUNTED)
    SEND_EVENT = ("SendEvent", 10_000)
    MARK_READ = ("MarkRead", UNCOUNTED)
    QUERY_CHANNELS = ("QueryChannels", 10_000)
    GET_CHANNEL = ("GetOrCreateChannel", UNCOUNTED)
    UPDATE_CHANNEL = ("UpdateChannel", UNCOUNTED)
    QUERY_MEMBERS = ("QueryMembers", 300)
    SEND_REACTION = ("SendReaction", UNCOUNTED)
    GET_REACTIONS = ("GetReactions", UNCOUNTED)
    QUERY_USERS = ("QueryUsers", UNCOUNTED)
    UPDATE_USERS = ("UpdateUsers", UNCOUNTED)
    CAMPAIGNS = ("Campaigns", UNCOUNTED)
    SEARCH = ("Search", 300)
    FLAG = ("Flag", 300)
    SUBMIT_ACTION = ("SubmitAction", 300)
    QUERY_REVIEW_QUEUE = ("QueryReviewQueue", 300)
    BAN = ("Ban", 300)
    COMMIT_MESSAGE = ("CommitMessage", UNCOUNTED)
    GET_APP = ("GetApp", UNCOUNTED)
    UPDATE_APP = ("UpdateApp", UNCOUNTED)
    GET_BLOCK_LIST = ("GetBlockList", UNCOUNTED)


_budgets: WeakSet[CallBudget] = WeakSet()


class CallBudget:
    """The buckets of one app: one for each endpoint with the app's token, and one with a user token."""

    def __init__(self, timing: Timing) -> None:
        self._timing = timing
        self._buckets: dict[tuple[Endpoint, bool], Bucket] = {}
        _budgets.add(self)

    @property
    def left(self) -> Mapping[str, int]:
        """How many calls each operation has left with the app's token, where the service said so."""
        found = {endpoint.title: bucket.left for (endpoint, as_user), bucket in self._buckets.items() if not as_user}
        return {title: left for title, left in found.items() if left is not None}

    def bucket(self, endpoint: Endpoint, *, as_user: bool) -> Bucket:
        """Return the bucket for calls to this endpoint with this kind of token."""
        key = (endpoint, as_user)
        if key not in self._buckets:
            self._buckets[key] = Bucket(USER_LIMIT if as_user else endpoint.limit, self._timing)
        return self._buckets[key]


def calls_left() -> Mapping[str, int]:
    """Return how many calls each operation has left in this process, for metrics."""
    left: dict[str, int] = {}
    for budget in _budgets:
        for title, count in budget.left.items():
            left[title] = min(count, left.get(title, count))
    return left
