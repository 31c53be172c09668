"""The permissions that every app has: actions, and the four forms in which each can be granted."""

from __future__ import annotations

import re
from typing import Any

_CHANNEL_ACTIONS: dict[str, str] = {
    "AddLinks": "Channel",
    "AddOwnChannelMembership": "Channel",
    "BanChannelMember": "Channel",
    "CastVote": "Channel",
    "CreateChannel": "Channel",
    "CreateMention": "Channel",
    "CreateMessage": "Channel",
    "CreatePoll": "Channel",
    "CreateReaction": "Channel",
    "CreateReply": "Channel",
    "CreateRestrictedVisibilityMessage": "Channel",
    "CreateSystemMessage": "Channel",
    "DeleteAttachment": "Attachment",
    "DeleteChannel": "Channel",
    "DeleteMessage": "Message",
    "DeleteReaction": "Reaction",
    "FlagMessage": "Message",
    "HardDeleteMessage": "Message",
    "MuteChannel": "Channel",
    "NotifyChannel": "Channel",
    "NotifyGroup": "Channel",
    "NotifyHere": "Channel",
    "NotifyRole": "Channel",
    "PinMessage": "Message",
    "QueryVotes": "Channel",
    "QuoteMessage": "Channel",
    "ReadChannel": "Channel",
    "ReadChannelMembers": "Channel",
    "RecreateChannel": "Channel",
    "RemoveOwnChannelMembership": "Channel",
    "RunMessageAction": "Message",
    "SendCustomEvent": "Channel",
    "ShareLocation": "Channel",
    "SkipChannelCooldown": "Channel",
    "SkipMessageModeration": "Channel",
    "TruncateChannel": "Channel",
    "UnblockMessage": "Message",
    "UpdateChannel": "Channel",
    "UpdateChannelCooldown": "Channel",
    "UpdateChannelFrozen": "Channel",
    "UpdateChannelMembers": "Channel",
    "UpdateMessage": "Message",
    "UpdateThread": "Thread",
    "UploadAttachment": "Channel",
    "UseFrozenChannel": "Channel",
}
_APP_ACTIONS: dict[str, str] = {
    "BanUser": "User",
    "ClosePoll": "Poll",
    "CreateUser": "User",
    "DeletePoll": "Poll",
    "FlagUser": "User",
    "MuteUser": "User",
    "ReadFlagReports": "User",
    "ReadMessageFlags": "User",
    "ReviewFlagReport": "User",
    "SearchMessages": "User",
    "SearchUser": "User",
    "UpdatePoll": "Poll",
    "UpdateUser": "User",
    "UpdateUserRole": "User",
    "UpdateUserTeams": "User",
}
_WORD = re.compile(r"(?<!^)(?=[A-Z])")


def permission_id(action: str) -> str:
    """Return the id of an action's plain permission: `CreateMessage` is `create-message`."""
    return _WORD.sub("-", action).lower()


def _entry(action: str, level: str, resource: str, *, owner: bool, same_team: bool) -> dict[str, Any]:
    suffix = ("-owner" if owner else "") + ("" if same_team else "-any-team")
    words = _WORD.sub(" ", action)
    whose = "that the user owns" if owner else "of anyone"
    where = "within the user's teams" if same_team else "in any team"
    return {
        "id": permission_id(action) + suffix,
        "name": words + (" (owner)" if owner else "") + ("" if same_team else " (any team)"),
        "description": f"Allows the action {action} on a {resource.lower()} {whose}, {where}",
        "action": action,
        "owner": owner,
        "same_team": same_team,
        "condition": {},
        "custom": False,
        "level": level,
        "owner_resource": resource,
        "tags": [],
    }


def _catalog() -> dict[str, dict[str, Any]]:
    entries = [
        _entry(action, level, resource, owner=owner, same_team=same_team)
        for level, actions in (("channel", _CHANNEL_ACTIONS), ("app", _APP_ACTIONS))
        for action, resource in actions.items()
        for owner in (False, True)
        for same_team in (True, False)
    ]
    return {entry["id"]: entry for entry in entries}


BUILT_IN_PERMISSIONS = _catalog()
"""By id."""
BUILT_IN_ROLES = (
    "admin", "anonymous", "channel_member", "channel_moderator", "global_admin", "global_moderator", "guest",
    "moderator", "user",
)  # fmt: skip
