"""What the app's settings may be."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from framework.sandbox.kernel.errors import invalid
from framework.sandbox.kernel.wire import Json, parse_time

if TYPE_CHECKING:
    from framework.sandbox.kernel.call import Call

_FLAGS = (
    "allow_multi_user_devices", "async_url_enrich_enabled", "auto_translation_enabled", "campaign_enabled",
    "channel_hide_members_only", "disable_auth_checks", "disable_permissions_checks", "enable_hook_payload_compression",
    "feed_audit_logs_enabled", "feeds_moderation_enabled", "guest_user_creation_disabled", "image_moderation_enabled",
    "member_custom_on_mentioned_users_enabled", "member_custom_on_messages_enabled",
    "member_custom_on_typing_events_enabled", "migrate_permissions_to_v2", "moderation_analytics_enabled",
    "moderation_enabled", "moderation_onboarding_complete", "multi_tenant_enabled", "poll_enabled",
    "user_response_time_enabled", "webhook_event_compression",
)  # fmt: skip
_NUMBERS = (
    "before_message_send_hook_attempt_timeout_ms", "cdn_expiration_seconds", "max_aggregated_activities_length",
    "reminders_interval", "reminders_max_members", "reminders_max_per_user",
)  # fmt: skip
_TEXTS = (
    "before_message_send_hook_url", "chat_primary_use_case", "custom_action_handler_url", "enforce_unique_usernames",
    "feeds_v2_region", "moderation_s3_image_access_role_arn", "moderation_webhook_url", "permission_version", "sns_key",
    "sns_secret", "sns_topic_arn", "sqs_key", "sqs_secret", "sqs_url", "video_primary_use_case", "video_provider",
    "webhook_url",
)  # fmt: skip
_NAMES = (
    "allowed_flag_reasons", "image_moderation_block_labels", "image_moderation_labels", "user_search_disallowed_roles",
    "webhook_events",
)  # fmt: skip
_OBJECTS = (
    "activity_metrics_config", "apn_config", "async_moderation_config", "datadog_info", "file_upload_config",
    "firebase_config", "grants", "huawei_config", "image_upload_config", "moderation_dashboard_preferences", "policies",
    "push_config", "xiaomi_config",
)  # fmt: skip
TYPES: dict[str, type] = {
    **dict.fromkeys(_FLAGS, bool),
    **dict.fromkeys(_NUMBERS, int),
    **dict.fromkeys(_TEXTS, str),
    **dict.fromkeys((*_NAMES, "event_hooks", "geofences"), list),
    **dict.fromkeys(_OBJECTS, dict),
    "revoke_tokens_issued_before": object,
}
"""The settings that an app may change, by name; others are left alone."""
_URLS = ("webhook_url", "before_message_send_hook_url", "custom_action_handler_url", "moderation_webhook_url")
_HOOK_TYPES = {
    "webhook": "webhook_url",
    "sqs": "sqs_queue_url",
    "sns": "sns_topic_arn",
    "pending_message": "webhook_url",
}
_CHOICES = {"enforce_unique_usernames": ("no", "app", "team"), "permission_version": ("v1", "v2")}
MOST_PENDING_HOOKS = 2
LONGEST_QUESTION_MS = 5_000
MAX_SIZE = 100 * 1024 * 1024


def check(name: str, value: Json) -> Json:
    """Return a setting's value. Raises ApiError 400 for a wrong type or an unknown choice."""
    if not _is(value, TYPES[name]):
        raise invalid(f"{name} has the wrong type")
    if name in _CHOICES and value not in _CHOICES[name]:
        raise invalid(f"{name} must be one of [{', '.join(_CHOICES[name])}]")
    if name in _URLS and value:
        _check_url(name, value)
    if name in _NAMES:
        _check_texts(name, value)
    if name == "before_message_send_hook_attempt_timeout_ms" and not 1 <= value <= LONGEST_QUESTION_MS:
        raise invalid(f"{name} must be between 1 and {LONGEST_QUESTION_MS}")
    if name in ("file_upload_config", "image_upload_config"):
        _check_uploads(name, value)
    if name == "grants":
        for role, permissions in value.items():
            _check_texts(f"grants.{role}", permissions)
    return value


def _is(value: object, kind: type) -> bool:
    return isinstance(value, kind) and not (kind is int and isinstance(value, bool))


def check_hooks(call: Call, hooks: Sequence[object]) -> list[dict[str, Any]]:
    """All event hooks as they are stored. Raises ApiError 400."""
    checked = [check_hook(call, hook) for hook in hooks]
    if sum(hook["hook_type"] == "pending_message" for hook in checked) > MOST_PENDING_HOOKS:
        raise invalid(f"event_hooks: at most {MOST_PENDING_HOOKS} hooks may have the hook_type pending_message")
    return checked


def check_hook(call: Call, hook: object) -> dict[str, Any]:
    """An event hook as it is stored: with an id, and the times of its making and last change."""
    if not isinstance(hook, Mapping):
        raise invalid("event_hooks must be a list of objects")
    kind = call.required_text("hook_type", hook)
    target = _HOOK_TYPES.get(kind)
    if target is None:
        raise invalid(f"event_hooks: hook_type must be one of [{', '.join(_HOOK_TYPES)}]")
    address = call.required_text(target, hook)
    if target == "webhook_url":
        _check_url("event_hooks.webhook_url", address)
    made = hook.get("created_at")
    return {
        **{name: value for name, value in hook.items() if value is not None},
        "id": call.text("id", hook) or call.sandbox.ids.new(),
        "enabled": call.flag("enabled", hook, default=True),
        "event_types": _check_texts("event_hooks.event_types", hook.get("event_types") or []),
        "created_at": (parse_time(made, "created_at") if made else call.now).isoformat(),
        "updated_at": call.now.isoformat(),
    }


def _check_url(name: str, url: str) -> None:
    try:
        parts = urlsplit(url)
    except ValueError as error:
        raise invalid(f"{name} is not a valid URL") from error
    if parts.scheme not in ("http", "https") or not parts.netloc:
        raise invalid(f"{name} is not a valid URL")


def _check_texts(name: str, value: Json) -> list[str]:
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise invalid(f"{name} must be a list of strings")
    return value


def _check_uploads(name: str, value: Mapping[str, Any]) -> None:
    for key, words in (("file_extensions", "file extensions"), ("mime_types", "mime types")):
        if value.get(f"allowed_{key}") and value.get(f"blocked_{key}"):
            raise invalid(f"Cannot specify both allowed {words} and blocked {words}")
    for key, item in value.items():
        if key == "size_limit":
            if isinstance(item, bool) or not isinstance(item, int) or not 0 <= item <= MAX_SIZE:
                raise invalid(f"{name}.size_limit must be between 0 and {MAX_SIZE}")
        elif item is not None:
            _check_texts(f"{name}.{key}", item)
