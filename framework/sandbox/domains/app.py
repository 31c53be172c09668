"""The app and its settings."""

from __future__ import annotations

from typing import Any

from framework.sandbox.call import Call
from framework.sandbox.model.app import APP, App
from framework.sandbox.model.channel_type import BUILT_IN_TYPES, CHANNEL_TYPES
from framework.sandbox.operations import Access, Domain, Result
from framework.sandbox.permissions import type_of

DOMAIN = Domain("app")

_UPLOADS: dict[str, Any] = {
    "allowed_file_extensions": [],
    "blocked_file_extensions": [],
    "allowed_mime_types": [],
    "blocked_mime_types": [],
    "size_limit": 100 * 1024 * 1024,
}
DEFAULTS: dict[str, Any] = {
    "id": 1,
    "name": "sandbox",
    "organization": "sandbox",
    "placement": "sandbox",
    "allow_multi_user_devices": False,
    "async_url_enrich_enabled": False,
    "auto_translation_enabled": False,
    "before_message_send_hook_url": "",
    "campaign_enabled": True,
    "cdn_expiration_seconds": 1209600,
    "custom_action_handler_url": "",
    "disable_auth_checks": False,
    "disable_permissions_checks": False,
    "enforce_unique_usernames": "no",
    "feed_audit_logs_enabled": False,
    "guest_user_creation_disabled": False,
    "image_moderation_enabled": False,
    "max_aggregated_activities_length": 0,
    "member_custom_on_mentioned_users_enabled": False,
    "member_custom_on_messages_enabled": False,
    "member_custom_on_typing_events_enabled": False,
    "moderation_audio_call_moderation_enabled": False,
    "moderation_enabled": True,
    "moderation_keyframe_video_enabled": False,
    "moderation_llm_configurability_enabled": False,
    "moderation_multitenant_blocklist_enabled": False,
    "moderation_video_call_moderation_enabled": False,
    "moderation_webhook_url": "",
    "multi_tenant_enabled": False,
    "permission_version": "v2",
    "poll_enabled": True,
    "reminders_interval": 60,
    "sns_key": "",
    "sns_secret": "",
    "sns_topic_arn": "",
    "sqs_key": "",
    "sqs_secret": "",
    "sqs_url": "",
    "suspended": False,
    "suspended_explanation": "",
    "use_hook_v2": True,
    "user_response_time_enabled": False,
    "user_search_disallowed_roles": [],
    "video_provider": "",
    "webhook_url": "",
    "webhook_events": [],
    "event_hooks": [],
    "call_types": {},
    "grants": {},
    "policies": {},
    "file_upload_config": _UPLOADS,
    "image_upload_config": _UPLOADS,
    "push_notifications": {"version": "v2", "offline_only": False, "providers": []},
}
PUBLIC = frozenset(
    {"name", "organization", "file_upload_config", "image_upload_config", "async_url_enrich_enabled", "video_provider",
     "auto_translation_enabled", "id", "placement"}
)  # fmt: skip
"""What a person's client may see."""


def settings(call: Call) -> dict[str, Any]:
    """The app's settings: the defaults with what was changed."""
    app = call.store[APP].get("app")
    return {**DEFAULTS, **app.settings} if app is not None else dict(DEFAULTS)


@DOMAIN.operation("GetApp", "GET", "/app", family="common")
def get_app(call: Call) -> Result:
    """The app's settings; a person's client sees the public part."""
    shown = settings(call)
    if not call.actor.is_server:
        return {"app": {name: value for name, value in shown.items() if name in PUBLIC}}
    names = dict.fromkeys((*BUILT_IN_TYPES, *(kind.name for kind in call.store[CHANNEL_TYPES])))
    shown["channel_configs"] = {}
    for name in names:
        kind = type_of(call.sandbox, name)
        shown["channel_configs"][name] = {
            **kind.config,
            "name": kind.name,
            "commands": kind.commands,
            "created_at": kind.created_at,
            "updated_at": kind.updated_at,
        }
    return {"app": shown}


@DOMAIN.operation("UpdateApp", "PATCH", "/app", family="common", access=Access.SERVER, status=200)
def update_app(call: Call) -> Result:
    """Change settings; null resets one to its default."""
    app = call.store[APP].get("app") or App()
    changed = {**app.settings, **call.body}
    app.settings = {name: value for name, value in changed.items() if value is not None}
    call.store[APP].put(app)
    return {}
