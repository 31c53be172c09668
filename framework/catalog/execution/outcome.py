"""What a failed call means for whoever made it: what is missing, and what may have happened all the same."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from framework.catalog.execution.transport import NotSentError
from framework.errors import ChatServiceError
from framework.stream.failure import AUTH_FAILED, RATE_LIMITED

if TYPE_CHECKING:
    from framework.catalog.catalog import Catalog
    from framework.catalog.operation import Operation
    from framework.errors import FrameworkError

_GONE = re.compile(r"(?:not found|n[o']t exist|does not exist|can't find|no such)", re.IGNORECASE)
_MAKERS = (
    ("user", "UpdateUsers creates users; QueryUsers finds them."),
    ("channel", "GetOrCreateChannel creates a channel; QueryChannels finds channels."),
    ("message", "The id is that of no message here. Search and QueryChannels (with state: true) find messages."),
    ("segment", "CreateSegment creates one; QuerySegments finds them."),
    ("campaign", "CreateCampaign creates one; QueryCampaigns finds them."),
    ("poll", "CreatePoll creates one; QueryPolls finds them."),
    ("block list", "CreateBlockList creates one; ListBlockLists lists them."),
    ("role", "CreateRole creates one; ListRoles lists them."),
)
# How to look whether something happened, where the operation's name does not tell.
_LOOKS = {
    "SendMessage": "QueryChannels with state: true shows the newest messages of the channel",
    "SendReaction": "GetReactions lists those of the message",
    "UpdateUsers": "QueryUsers shows the users",
    "UpdateUsersPartial": "QueryUsers shows the users",
    "DeleteUsers": "QueryUsers shows the users",
    "DeactivateUsers": "QueryUsers shows the users",
    "Ban": "QueryBannedUsers lists bans",
    "Unban": "QueryBannedUsers lists bans",
    "DeleteChannels": "QueryChannels lists channels",
    "ChannelBatchUpdate": "QueryChannels lists channels",
}


def explain(catalog: Catalog, operation: Operation, error: FrameworkError, user_id: str | None) -> None:
    """Say in an error what is missing and what makes it, and of a write whose fate nobody knows that it may have
    happened. `user_id` is whose token the call had.
    """
    if not isinstance(error, ChatServiceError):
        return
    if user_id is not None and error.code == AUTH_FAILED:
        error.what = f"{operation.id} was refused for {user_id!r}: most likely there is no such user in the app."
        error.hint = "UpdateUsers creates users. If others are refused as well, the app's secret is wrong."
    elif error.status is None and operation.effect != "reads" and not _was_not_sent(error):
        error.what = f"{error.what} {operation.id} may have happened all the same."
        error.hint = f"Look before repeating it: {_look(catalog, operation)}."
    elif _GONE.search(error.what):
        text = error.what.lower()
        error.hint = next((hint for word, hint in _MAKERS if word in text.partition("said no")[2]), None) or error.hint
    error.args = (error.what,)


def _was_not_sent(error: ChatServiceError) -> bool:
    return isinstance(error, NotSentError) or error.code == RATE_LIMITED


def _look(catalog: Catalog, operation: Operation) -> str:
    known = _LOOKS.get(operation.id)
    if known:
        return known
    noun = re.sub(r"^[A-Z][a-z]+", "", operation.id).removesuffix("Partial")
    names = (f"Get{noun}", f"List{noun}s", f"Query{noun}s", f"List{noun}", f"Query{noun}", "GetMessage")
    return f"{next(name for name in names if name in catalog)} shows how it stands"
