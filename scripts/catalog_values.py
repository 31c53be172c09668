"""Values that an argument or a field of a model allows, where the comments of the `getstream` package list none.

Seen in the types of the official SDKs of the older API (`stream-chat` for Python and for JavaScript), in the running
text of `getstream` and in the public documentation. Named `Operation.argument` or `Model.field`; a name that nothing
has is an error.
"""

from __future__ import annotations

PUSH_PROVIDERS = ["firebase", "apn", "huawei", "xiaomi"]
DELETION = ["soft", "pruning", "hard"]
BEHAVIORS = ["flag", "block", "shadow_block"]
PUSH_LEVELS = ["all", "all_mentions", "mentions", "direct_mentions", "none"]
SENDER_MODES = ["exclude", "include"]
SENDER_VISIBILITY = ["hidden", "archived"]
STORAGES = ["s3", "gcs", "abs"]
RETENTION_POLICIES = ["old-messages", "inactive-channels"]
CALLBACKS = ["CALLBACK_MODE_NONE", "CALLBACK_MODE_REST", "CALLBACK_MODE_TWIRP"]
# fmt: off
LANGUAGES = [
    "en", "af", "am", "ar", "az", "bg", "bn", "bs", "cs", "da", "de", "el", "es", "es-MX", "et", "fa", "fa-AF",
    "fi", "fr", "fr-CA", "ha", "he", "hi", "hr", "hu", "id", "it", "ja", "ka", "ko", "lt", "lv", "ms", "nl",
    "no", "pl", "ps", "pt", "ro", "ru", "sk", "sl", "so", "sq", "sr", "sv", "sw", "ta", "th", "tl", "tr", "uk",
    "ur", "vi", "zh", "zh-TW",
]
BATCH_UPDATES = [
    "addMembers", "addMembersHideHistory", "removeMembers", "inviteMembers", "invites", "assignRoles", "addModerators",
    "demoteModerators", "hide", "show", "archive", "unarchive", "updateData",
]
PREFERENCES = (
    "channel_mentions", "default_preference", "direct_mentions", "group_mentions", "here_mentions",
    "role_mentions", "thread_replies",
)
# fmt: on

VALUES: dict[str, list[str]] = {
    "Ban.delete_messages": DELETION,
    "ChannelBatchUpdate.operation": BATCH_UPDATES,
    "CreateCampaign.sender_mode": SENDER_MODES,
    "CreateCampaign.sender_visibility": SENDER_VISIBILITY,
    "CreateDevice.push_provider": PUSH_PROVIDERS,
    "CreateExternalStorage.storage_type": STORAGES,
    "CreateImport.mode": ["upsert", "insert"],
    "CreatePoll.voting_visibility": ["public", "anonymous"],
    "CreatePredefinedFilter.operation": ["QueryChannels"],
    "CreateSegment.type": ["user", "channel"],
    "DeletePushProvider.type": PUSH_PROVIDERS,
    "DeleteRetentionPolicy.policy": RETENTION_POLICIES,
    "DeleteUsers.calls": ["soft", "hard"],
    "DeleteUsers.conversations": ["soft", "hard"],
    "DeleteUsers.messages": DELETION,
    "DeleteUsers.user": DELETION,
    "ExportChannels.format": ["json", "csv"],
    "GetPushTemplates.push_provider_type": PUSH_PROVIDERS,
    "SearchRoles.role_type": ["user", "channel"],
    "SetRetentionPolicy.policy": RETENTION_POLICIES,
    "TranslateMessage.language": LANGUAGES,
    "UpdateApp.enforce_unique_usernames": ["no", "app", "team"],
    "UpdateApp.permission_version": ["v1", "v2"],
    "UpdateCampaign.sender_mode": SENDER_MODES,
    "UpdateCampaign.sender_visibility": SENDER_VISIBILITY,
    "UpdateChannelType.automod": ["disabled", "simple", "AI"],
    "UpdateChannelType.automod_behavior": BEHAVIORS,
    "UpdateChannelType.blocklist_behavior": BEHAVIORS,
    "UpdateChannelType.push_level": PUSH_LEVELS,
    "UpdateExternalStorage.storage_type": STORAGES,
    "UpdatePoll.voting_visibility": ["public", "anonymous"],
    "UpdatePredefinedFilter.operation": ["QueryChannels"],
    "UpsertImporterExternalStorage.type": ["aws_s3", "gcs"],
    "APNConfig.auth_type": ["certificate", "token"],
    "AsyncModerationCallbackConfig.mode": CALLBACKS,
    "BanActionRequestPayload.delete_messages": DELETION,
    "ChannelConfigOverrides.blocklist_behavior": ["flag", "block"],
    "ChannelConfigOverrides.push_level": PUSH_LEVELS,
    "ConfigOverridesRequest.push_level": PUSH_LEVELS,
    "DeleteUserMessagesRequestPayload.delete_messages": DELETION,
    "EventHook.hook_type": ["webhook", "sqs", "sns", "pending_message"],
    "ImportV2TaskSettings.mode": ["upsert", "insert"],
    "PolicyRequest.action": ["Allow", "Deny"],
    "PushProviderRequest.apn_auth_type": ["certificate", "token"],
    "PushProviderRequest.type": PUSH_PROVIDERS,
    **{f"ChatPreferences.{name}": ["all", "none"] for name in PREFERENCES},
    **{f"ChatPreferencesInput.{name}": ["all", "none"] for name in PREFERENCES},
}
