"""What the SDK for servers does not say: where the older API differs, and what clients of people call."""

from __future__ import annotations

from typing import Any

# The older API names two moderation operations otherwise; its names are the ones that people know.
RENAMED = {"Mute": "MuteUser", "Unmute": "UnmuteUser"}
# Of the moderation product only these exist in the older API; all chat and common operations do.
MODERATION_IN_V1 = {"Ban", "Flag", "MuteUser", "UnmuteUser", "Unban"}
# Where the older API differs from the rule (drop the prefix, keep the rest), seen in the official v1 SDKs.
TEXT = {"type": "string"}
FLAG = {"type": "boolean"}
WHO = {"$ref": "#/$defs/UserRequest"}
V1_DIFFERENCES: dict[str, dict[str, Any]] = {
    "Ban": {
        "method": "POST",
        "path": "/moderation/ban",
        "parameters": {
            "target_user_id": {"in": "body", "required": True, "schema": TEXT},
            "ban_from_future_channels": {"in": "body", "schema": FLAG},
            "banned_by_id": {"in": "body", "schema": TEXT},
            "channel_cid": {"in": "body", "schema": TEXT},
            "delete_messages": {"in": "body", "schema": TEXT | {"enum": ["soft", "pruning", "hard"]}},
            "delete_reactions": {"in": "body", "schema": FLAG},
            "ip_ban": {"in": "body", "schema": FLAG},
            "reason": {"in": "body", "schema": TEXT},
            "shadow": {"in": "body", "schema": FLAG},
            "timeout": {"in": "body", "schema": {"type": "integer"}},
            "user_id": {"in": "body", "schema": TEXT},
            "banned_by": {"in": "body", "schema": WHO},
            "user": {"in": "body", "schema": WHO},
        },
    },
    "Unban": {
        "method": "DELETE",
        "path": "/moderation/ban",
        "body": None,
        "parameters": {
            "target_user_id": {"in": "query", "required": True, "schema": TEXT},
            "channel_cid": {"in": "query", "schema": TEXT},
            "created_by": {"in": "query", "schema": TEXT},
            "remove_future_channels_ban": {"in": "query", "schema": FLAG},
        },
    },
    "Flag": {
        "method": "POST",
        "path": "/moderation/flag",
        "parameters": {
            "target_message_id": {"in": "body", "schema": TEXT},
            "target_user_id": {"in": "body", "schema": TEXT},
            "reason": {"in": "body", "schema": TEXT},
            "user_id": {"in": "body", "schema": TEXT},
            "custom": {"in": "body", "schema": {"type": "object"}},
            "user": {"in": "body", "schema": {"$ref": "#/$defs/UserRequest"}},
        },
    },
}
# What the older API answers beside, or instead of, what the SDK of the newer one knows; `*` stands for many.
V1_ANSWERS: dict[str, dict[str, str]] = {
    "AppResponseFields": {"*": "any"},
    "BlockUsersResponse": {"blocked_at": "time"},
    "CampaignResponse": {"campaign": "CampaignResponse", "duration": "string"},
    "ChannelBatchUpdateResponse": {"result": "object"},
    "FlagItemResponse": {"flag": "object", "review_queue_item_id": "string"},
    "MarkReadResponseEvent": {"last_read_at": "time"},
    "MuteResponse": {"mute": "UserMuteResponse"},
    "SegmentResponse": {"locked": "boolean", "task_id": "string"},
    "UnreadCountsResponse": {"duration": "string"},
}
# Operations that clients of people have and the SDK for servers lacks, in the same form.
CHANNEL_PLACE = {
    "type": {"in": "path", "required": True, "schema": TEXT},
    "id": {"in": "path", "required": True, "schema": TEXT},
}
CLIENT_SIDE: dict[str, dict[str, Any]] = {
    "CreateDraft": {
        "sdk": "channel.createDraft",
        "v1": {"method": "POST", "path": "/channels/{type}/{id}/draft"},
        "v2": {"method": "POST", "path": "/api/v2/chat/channels/{type}/{id}/draft"},
        "body": "json",
        "parameters": CHANNEL_PLACE
        | {"message": {"in": "body", "required": True, "schema": {"$ref": "#/$defs/MessageRequest"}}},
    },
    "StopWatchingChannel": {
        "sdk": "channel.stopWatching",
        "v1": {"method": "POST", "path": "/channels/{type}/{id}/stop-watching"},
        "v2": {"method": "POST", "path": "/api/v2/chat/channels/{type}/{id}/stop-watching"},
        "body": "json",
        "parameters": CHANNEL_PLACE | {"connection_id": {"in": "query", "required": True, "schema": TEXT}},
    },
    "Sync": {
        "sdk": "client.sync",
        "v1": {"method": "POST", "path": "/sync"},
        "v2": {"method": "POST", "path": "/api/v2/chat/sync"},
        "body": "json",
        "parameters": {
            "channel_cids": {
                "in": "body",
                "required": True,
                "schema": {"type": "array", "items": TEXT, "minItems": 1, "maxItems": 255},
            },
            "last_sync_at": {"in": "body", "required": True, "schema": TEXT | {"format": "date-time"}},
            "with_inaccessible_cids": {"in": "query", "schema": FLAG},
        },
    },
}
CLIENT_SIDE_ANSWERS = {"CreateDraft": "GetDraftResponse", "StopWatchingChannel": "Response", "Sync": "SyncResponse"}
SYNC_ANSWER = {"events": "[object]", "inaccessible_cids": "[string]", "duration": "string"}
