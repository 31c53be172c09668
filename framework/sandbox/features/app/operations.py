"""The app and its settings."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from framework.sandbox.chat.feature import Feature
from framework.sandbox.chat.permissions.channel_type import BUILT_IN_TYPES, CHANNEL_TYPES
from framework.sandbox.chat.permissions.rules import type_of
from framework.sandbox.features.app import settings as app_settings
from framework.sandbox.features.push.record import PUSH_PROVIDERS
from framework.sandbox.kernel.app import APP, AppSettings
from framework.sandbox.kernel.call import Call
from framework.sandbox.kernel.operations import Access, Domain, Result
from framework.sandbox.kernel.wire import Json, parse_time

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
}
PUBLIC = frozenset(
    {"name", "organization", "file_upload_config", "image_upload_config", "async_url_enrich_enabled", "video_provider",
     "auto_translation_enabled", "id", "placement"}
)  # fmt: skip
"""What a person's client may see."""
_UNSHOWN = frozenset({"push_config", "apn_config", "firebase_config", "huawei_config", "xiaomi_config"})
"""Settings that show under `push_notifications`."""


def settings(call: Call) -> dict[str, Any]:
    """The app's settings as answers show them: the defaults with what was changed."""
    app = call.store[APP].get("app")
    changed = app.settings if app is not None else {}
    shown = {**DEFAULTS, **{name: value for name, value in changed.items() if name not in _UNSHOWN}}
    for name in ("file_upload_config", "image_upload_config"):
        shown[name] = {**_UPLOADS, **shown[name]}
    if "revoke_tokens_issued_before" in changed:
        shown["revoke_tokens_issued_before"] = parse_time(changed["revoke_tokens_issued_before"], "time")
    shown["event_hooks"] = [_hook_view(hook) for hook in shown["event_hooks"]]
    shown["push_notifications"] = _push_view(call, changed)
    return shown


def _hook_view(hook: Mapping[str, Any]) -> dict[str, Any]:
    times = {name: parse_time(hook[name], name) for name in ("created_at", "updated_at") if hook.get(name)}
    return {**hook, **times}


def _push_view(call: Call, changed: Mapping[str, Any]) -> dict[str, Any]:
    """Return the push settings: versions and, for each kind of provider, what was set; enabled where something was."""
    view: dict[str, Any] = {"version": "v2", "offline_only": False, **(changed.get("push_config") or {})}
    for name in ("apn", "firebase", "huawei", "xiaomi"):
        given = dict(changed.get(f"{name}_config") or {})
        disabled = given.pop("disabled", False)
        view[name] = {"enabled": bool(given) and not disabled, **given}
    view["apn"].setdefault("development", False)
    view["providers"] = [
        {**one.settings, "type": one.type, "name": one.name, "created_at": one.created_at, "updated_at": one.updated_at}
        for one in call.store[PUSH_PROVIDERS]
    ]
    return view


@DOMAIN.operation("GetApp", "GET", "/app", family="common")
def get_app(call: Call) -> Result:
    """Return the app's settings; a person's client sees the public part."""
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
    """Change settings; null resets one to its default. `event_hooks` replaces the whole list."""
    app = call.store[APP].get("app") or AppSettings()
    changes = {name: _checked(call, name, value) for name, value in call.body.items() if name in app_settings.TYPES}
    merged = {**app.settings, **changes}
    app.settings = {name: value for name, value in merged.items() if value is not None}
    call.store[APP].put(app)
    return {}


def _checked(call: Call, name: str, value: Json) -> Json:
    """A setting as it is stored. Raises ApiError 400."""
    if value is None:
        return None
    checked = app_settings.check(name, value)
    if name == "revoke_tokens_issued_before":
        return parse_time(value, name).isoformat()
    if name == "event_hooks":
        return app_settings.check_hooks(call, value)
    return checked


FEATURE = Feature(operations=(DOMAIN,))
