"""Configurations of the moderation: what is looked for, and what is done then."""

from __future__ import annotations

from typing import Any

from framework.sandbox.chat.feature import Feature
from framework.sandbox.chat.users import people
from framework.sandbox.features.moderation import content_check
from framework.sandbox.features.moderation.records import MODERATION_CONFIGS, ModerationConfig
from framework.sandbox.kernel.call import Call
from framework.sandbox.kernel.errors import invalid, not_found
from framework.sandbox.kernel.operations import Access, Domain, Result
from framework.sandbox.kernel.query.paging import listed
from framework.sandbox.kernel.wire import Json

DOMAIN = Domain("moderation_configs")
_ROOT = "/api/v2/moderation"
PARTS = (
    "ai_audio_config", "ai_image_config", "ai_text_config", "ai_video_config", "automod_platform_circumvention_config",
    "automod_semantic_filters_config", "automod_toxicity_config", "aws_rekognition_config", "block_list_config",
    "bodyguard_config", "flood_config", "google_vision_config", "llm_config", "rule_builder_config",
    "velocity_filter_config", "video_call_rule_config",
)  # fmt: skip
_SHOWN_AS = {"bodyguard_config": "ai_text_config", "aws_rekognition_config": "ai_image_config"}
"""Parts that have a newer name."""
MAX_KEY = 255


@DOMAIN.operation("UpsertConfig", "POST", None, v2=f"{_ROOT}/config", access=Access.SERVER)
def upsert_config(call: Call) -> Result:
    """Set a configuration: what is not given is gone."""
    key, team = call.required_text("key", call.body), call.text("team", call.body) or ""
    if len(key) > MAX_KEY:
        raise invalid(f"key must be a maximum of {MAX_KEY} characters in length")
    settings = {}
    for name in PARTS:
        if call.body.get(name) is not None:
            settings[_SHOWN_AS.get(name, name)] = _part(call, name)
    known = call.store[MODERATION_CONFIGS].get(f"{team}/{key}")
    config = known or ModerationConfig(key, team, call.now, call.now)
    config.settings, config.updated_at, config.is_async = settings, call.now, call.flag("async", call.body)
    return {"config": view(call.store[MODERATION_CONFIGS].put(config))}


def _part(call: Call, name: str) -> dict[str, Any]:
    part = call.mapping(name, call.body)
    for rule in call.objects("rules", part):
        if name == "rule_builder_config":
            call.mapping("action", rule)
        else:
            call.text("action", rule)
    return part


@DOMAIN.operation("GetConfig", "GET", None, v2=f"{_ROOT}/config/{{key}}", access=Access.SERVER)
def get_config(call: Call) -> Result:
    """One configuration."""
    return {"config": view(_find(call))}


@DOMAIN.operation("DeleteConfig", "DELETE", None, v2=f"{_ROOT}/config/{{key}}", access=Access.SERVER)
def delete_config(call: Call) -> Result:
    """Forget a configuration: it looks for nothing any more."""
    call.store[MODERATION_CONFIGS].remove(_find(call).key)
    return {}


@DOMAIN.operation("QueryModerationConfigs", "POST", None, v2=f"{_ROOT}/configs", access=Access.SERVER, status=200)
def query_configs(call: Call) -> Result:
    """Find configurations."""
    found = listed(call, call.store[MODERATION_CONFIGS], _value)
    return {"configs": [view(config) for config in found.items], **found.cursors()}


@DOMAIN.operation("Bypass", "POST", None, v2=f"{_ROOT}/bypass", access=Access.SERVER, status=200)
def bypass(call: Call) -> Result:
    """Let a user's content pass unchecked, or check it again."""
    user = people.existing(call, call.required_text("target_user_id", call.body))
    content_check.set_bypass(call, user.id, enabled=call.flag("enabled", call.body))
    return {}


def view(config: ModerationConfig) -> dict[str, Any]:
    """A configuration as clients see it."""
    return {
        **config.settings,
        "key": config.config_key,
        "team": config.team,
        "async": config.is_async,
        "created_at": config.created_at,
        "updated_at": config.updated_at,
        "supported_video_call_harm_types": [],
    }


def _find(call: Call) -> ModerationConfig:
    key, team = call.path["key"], call.text("team", call.query) or ""
    config = call.store[MODERATION_CONFIGS].get(f"{team}/{key}")
    if config is None:
        raise not_found(f"moderation config with key {key} not found")
    return config


def _value(config: ModerationConfig, name: str) -> Json:
    if name == "key":
        return config.config_key
    return getattr(config, name) if name in ("team", "created_at", "updated_at") else config.settings.get(name)


FEATURE = Feature(operations=(DOMAIN,), screen=content_check.screen)
