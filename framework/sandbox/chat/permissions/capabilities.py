"""Capabilities in a channel: those of each role, the switches that cut them, the permissions that grant them."""

from __future__ import annotations

READER = frozenset({"read-channel", "read-channel-members", "connect-events", "search-messages", "query-poll-votes"})
MEMBER = READER | {
    "cast-poll-vote", "create-attachment", "create-mention", "delete-own-message", "delivery-events", "flag-message",
    "leave-channel", "mute-channel", "notify-channel", "notify-group", "notify-here", "notify-role", "pin-message",
    "quote-message", "read-events", "send-custom-events", "send-links", "send-message", "send-poll", "send-reaction",
    "send-reply", "send-typing-events", "share-location", "typing-events", "update-own-message", "update-thread",
    "upload-file",
}  # fmt: skip
INVITED = frozenset({"read-channel", "read-channel-members"})
OWNER = MEMBER | {"delete-channel", "join-channel", "update-channel", "update-channel-members", "freeze-channel"}
MODERATOR = OWNER | {
    "ban-channel-members", "delete-any-message", "send-restricted-visibility-message", "set-channel-cooldown",
    "skip-slow-mode", "update-any-message",
}  # fmt: skip
OPEN_TYPES = frozenset({"livestream"})
"""Types whose channels every signed-in user may read and write without being a member."""
CLOSED_TYPES = frozenset({"team"})
"""Types whose channels are made by servers and moderators alone."""
CREATE = "create-channel"
FIELD_CAPABILITIES = {"frozen": "freeze-channel", "cooldown": "set-channel-cooldown"}
"""What a person needs to change a field of a channel, beside `update-channel`."""
SERVER_FIELDS = ("config_overrides", "disabled", "team", "filter_tags")
"""What a person cannot change at all: a channel's own grants stand in `config_overrides`."""

SWITCHES: dict[str, frozenset[str]] = {
    "typing_events": frozenset({"typing-events", "send-typing-events"}),
    "read_events": frozenset({"read-events"}),
    "connect_events": frozenset({"connect-events"}),
    "delivery_events": frozenset({"delivery-events"}),
    "search": frozenset({"search-messages"}),
    "reactions": frozenset({"send-reaction"}),
    "replies": frozenset({"send-reply"}),
    "quotes": frozenset({"quote-message"}),
    "uploads": frozenset({"upload-file"}),
    "mutes": frozenset({"mute-channel"}),
    "polls": frozenset({"send-poll", "cast-poll-vote", "query-poll-votes"}),
    "custom_events": frozenset({"send-custom-events"}),
    "shared_locations": frozenset({"share-location"}),
}
WRITES = frozenset({"send-message", "send-reply", "send-reaction", "send-poll", "share-location", "quote-message"})

GRANTS: dict[str, str] = {
    "send-message": "create-message",
    "send-reply": "create-reply",
    "send-reaction": "create-reaction",
    "upload-file": "upload-attachment",
    "send-links": "add-links",
    "update-own-message": "update-message-owner",
    "update-any-message": "update-message",
    "delete-own-message": "delete-message-owner",
    "delete-any-message": "delete-message",
    "ban-channel-members": "ban-channel-member",
    "set-channel-cooldown": "update-channel-cooldown",
    "freeze-channel": "update-channel-frozen",
    "skip-slow-mode": "skip-channel-cooldown",
    "leave-channel": "remove-own-channel-membership",
    "join-channel": "add-own-channel-membership",
    "cast-poll-vote": "cast-vote",
    "query-poll-votes": "query-votes",
    "send-poll": "create-poll",
    "send-custom-events": "send-custom-event",
    "send-restricted-visibility-message": "create-restricted-visibility-message",
    "create-attachment": "upload-attachment",
}
"""The permission that a capability is granted by, where the two have different names."""
WITH_READING = frozenset(
    {"connect-events", "delivery-events", "read-events", "search-messages", "send-typing-events", "typing-events"}
)
"""Capabilities that no permission governs: who may read a channel has them, as far as the type's switches allow."""
