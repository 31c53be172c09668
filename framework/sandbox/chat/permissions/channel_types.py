"""Channel types: their switches, commands and grants."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from framework.sandbox.chat.channels import commands
from framework.sandbox.chat.channels.record import CHANNELS
from framework.sandbox.chat.feature import Feature
from framework.sandbox.chat.permissions.channel_type import BUILT_IN_TYPES, CHANNEL_TYPES, DEFAULT_CONFIG, ChannelType
from framework.sandbox.chat.permissions.rules import grants_of, type_of
from framework.sandbox.kernel.call import Call
from framework.sandbox.kernel.errors import invalid
from framework.sandbox.kernel.operations import Access, Domain, Result

DOMAIN = Domain("channel_types")
_NAME = re.compile(r"[\w-]{1,64}", re.ASCII)
_CHOICES: dict[str, tuple[str, ...]] = {
    "automod": ("disabled", "simple", "AI"),
    "automod_behavior": ("flag", "block", "shadow_block"),
    "blocklist_behavior": ("flag", "block", "shadow_block"),
    "push_level": ("all", "all_mentions", "mentions", "direct_mentions", "none", ""),
}
_OPTIONAL: dict[str, type] = {
    "blocklist": str,
    "blocklist_behavior": str,
    "blocklists": list,
    "allowed_flag_reasons": list,
    "automod_thresholds": dict,
    "chat_preferences": dict,
    "partition_size": int,
    "partition_ttl": str,
    "push_level": str,
}
"""Settings that a type has only once they were set, beside those of DEFAULT_CONFIG."""
MAX_LENGTH = 20_000


@DOMAIN.operation("ListChannelTypes", "GET", "/channeltypes", access=Access.SERVER)
def list_channel_types(call: Call) -> Result:
    """Return every channel type by name."""
    names = dict.fromkeys((*BUILT_IN_TYPES, *(kind.name for kind in call.store[CHANNEL_TYPES])))
    return {"channel_types": {name: view(call, type_of(call.sandbox, name)) for name in names}}


@DOMAIN.operation("CreateChannelType", "POST", "/channeltypes", access=Access.SERVER)
def create_channel_type(call: Call) -> Result:
    """Make a channel type."""
    name = call.required_text("name", call.body)
    if not _NAME.fullmatch(name):
        raise invalid("name may only contain letters, digits, _ and -, 64 at most")
    if name in BUILT_IN_TYPES or name in call.store[CHANNEL_TYPES]:
        raise invalid(f"channel type {name} already exists")
    kind = ChannelType(name, call.now, call.now, commands=[])
    _apply(call, kind)
    return view(call, call.store[CHANNEL_TYPES].put(kind), full=False)


@DOMAIN.operation("GetChannelType", "GET", "/channeltypes/{name}", access=Access.SERVER)
def get_channel_type(call: Call) -> Result:
    """One channel type, its commands in full."""
    return view(call, type_of(call.sandbox, call.path["name"]))


@DOMAIN.operation("UpdateChannelType", "PUT", "/channeltypes/{name}", access=Access.SERVER)
def update_channel_type(call: Call) -> Result:
    """Change what is given of a channel type."""
    kind = type_of(call.sandbox, call.path["name"])
    _apply(call, kind)
    kind.updated_at = call.now
    return view(call, call.store[CHANNEL_TYPES].put(kind), full=False)


@DOMAIN.operation("DeleteChannelType", "DELETE", "/channeltypes/{name}", access=Access.SERVER)
def delete_channel_type(call: Call) -> Result:
    """Delete a channel type that no channel has."""
    kind = type_of(call.sandbox, call.path["name"])
    if kind.name in BUILT_IN_TYPES:
        raise invalid(f"the default channel type {kind.name} cannot be deleted")
    if any(channel.type == kind.name for channel in call.store[CHANNELS]):
        raise invalid(f"channel type {kind.name} is in use: delete its channels first")
    call.store[CHANNEL_TYPES].remove(kind.key)
    return {}


def view(call: Call, kind: ChannelType, *, full: bool = True) -> dict[str, Any]:
    """A channel type; `full` shows its commands as objects, as reading does, and not by name, as writing does."""
    return {
        **kind.config,
        "name": kind.name,
        "created_at": kind.created_at,
        "updated_at": kind.updated_at,
        "commands": commands.shown(call.sandbox, kind.commands) if full else kind.commands,
        "permissions": kind.permissions,
        "grants": grants_of(kind),
    }


def _apply(call: Call, kind: ChannelType) -> None:
    """Check everything that is given, then set it."""
    body = call.body
    config = {**kind.config}
    for name, value in body.items():
        if name in DEFAULT_CONFIG or name in _OPTIONAL:
            _set(config, name, value)
    names = commands.expand(call.sandbox, call.texts("commands", body)) if "commands" in body else kind.commands
    grants = _grants(body["grants"], kind) if "grants" in body else kind.grants
    permissions = call.objects("permissions", body) if "permissions" in body else kind.permissions
    kind.config, kind.commands, kind.grants, kind.permissions = config, names, grants, permissions


def _set(config: dict[str, Any], name: str, value: object) -> None:
    """One setting; null takes it back to its default."""
    if value is None:
        config.pop(name, None)
        if name in DEFAULT_CONFIG:
            config[name] = DEFAULT_CONFIG[name]
        return
    kind = type(DEFAULT_CONFIG[name]) if name in DEFAULT_CONFIG else _OPTIONAL[name]
    if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
        raise invalid(f"{name} has the wrong type")
    if name in _CHOICES and value not in _CHOICES[name]:
        raise invalid(f"{name} must be one of {', '.join(filter(None, _CHOICES[name]))}")
    if name == "max_message_length" and isinstance(value, int) and not 1 <= value <= MAX_LENGTH:
        raise invalid(f"max_message_length must be between 1 and {MAX_LENGTH}")
    config[name] = value


def _grants(raw: object, kind: ChannelType) -> dict[str, list[str]]:
    """Return the grants with those of the given roles replaced; null takes all back to their defaults."""
    if raw is None:
        return {}
    if not isinstance(raw, Mapping):
        raise invalid("grants must map roles to lists of permission ids")
    given: dict[str, list[str]] = {}
    for role, names in raw.items():
        if names is not None and not (isinstance(names, list) and all(isinstance(name, str) for name in names)):
            raise invalid(f"grants.{role} must be a list of permission ids")
        given[str(role)] = list(names or [])
    return {**kind.grants, **given}


FEATURE = Feature(operations=(DOMAIN,))
