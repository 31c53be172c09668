"""Push: providers, templates, preferences, and what would be sent. The sandbox sends no push."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from framework.sandbox.chat.channels import rules as channels
from framework.sandbox.chat.feature import Feature, dropping
from framework.sandbox.chat.messages import rules as message_service
from framework.sandbox.chat.messages.record import MESSAGES
from framework.sandbox.chat.users import people
from framework.sandbox.features.commands import slash
from framework.sandbox.features.push.delivery import push
from framework.sandbox.features.push.devices import DEVICES_OF
from framework.sandbox.features.push.handlebars import TemplateError, render_push
from framework.sandbox.features.push.record import (
    PROVIDER_TYPES,
    PUSH_PREFERENCES,
    PUSH_PREFERENCES_OF,
    PUSH_PROVIDERS,
    PUSH_TEMPLATES,
    PushPreference,
    PushProvider,
    PushTemplate,
)
from framework.sandbox.features.push.values import APN_TEMPLATE, FIREBASE_TEMPLATE, push_values
from framework.sandbox.features.push.view import own_user_fields, preference_view
from framework.sandbox.kernel.call import Call
from framework.sandbox.kernel.errors import forbidden, invalid, not_found
from framework.sandbox.kernel.operations import Access, Domain, Result

if TYPE_CHECKING:
    from framework.sandbox.chat.messages.record import Message
    from framework.sandbox.chat.users.record import User

DOMAIN = Domain("push")
CHAT_LEVELS = ("all", "none", "mentions", "direct_mentions", "all_mentions", "default")
MAX_PREFERENCES = 100
_PREFERENCES = ("chat_level", "call_level", "feeds_level", "chat_preferences", "feeds_preferences")
_REQUIRED = {
    "apn": (("apn_auth_key", "apn_p12_cert"),),
    "firebase": (("firebase_credentials", "firebase_server_key"),),
    "huawei": (("huawei_app_id",), ("huawei_app_secret",)),
    "xiaomi": (("xiaomi_package_name",), ("xiaomi_app_secret",)),
}


@DOMAIN.operation("ListPushProviders", "GET", "/push_providers", family="common", access=Access.SERVER)
def list_push_providers(call: Call) -> Result:
    """Return all providers."""
    return {"push_providers": [_view(provider) for provider in call.store[PUSH_PROVIDERS]]}


@DOMAIN.operation("UpsertPushProvider", "POST", "/push_providers", family="common", access=Access.SERVER)
def upsert_push_provider(call: Call) -> Result:
    """Set the credentials of a provider."""
    raw = call.mapping("push_provider", call.body)
    kind = call.required_text("type", raw)
    if kind not in PROVIDER_TYPES:
        raise invalid(f"push_provider.type must be one of [{', '.join(PROVIDER_TYPES)}]")
    name = call.required_text("name", raw)
    for group in _REQUIRED[kind]:
        if not any(raw.get(field) for field in group):
            raise invalid(f"push_provider: {' or '.join(group)} is a required field for {kind}")
    known = call.store[PUSH_PROVIDERS].get(f"{kind}/{name}")
    provider = known or PushProvider(kind, name, call.now, call.now)
    settings = {k: v for k, v in raw.items() if k not in ("type", "name", "created_at", "updated_at") and v is not None}
    provider.settings, provider.updated_at = settings, call.now
    return {"push_provider": _view(call.store[PUSH_PROVIDERS].put(provider))}


@DOMAIN.operation(
    "DeletePushProvider", "DELETE", "/push_providers/{type}/{name}", family="common", access=Access.SERVER
)
def delete_push_provider(call: Call) -> Result:
    """Remove a provider with its templates."""
    provider = _provider(call, call.path["type"], call.path["name"])
    call.store[PUSH_PROVIDERS].remove(provider.key)
    for template in call.store[PUSH_TEMPLATES]:
        if template.push_provider_internal_id == provider.key:
            call.store[PUSH_TEMPLATES].remove(template.key)
    return {}


def _view(provider: PushProvider) -> dict[str, Any]:
    return {
        **provider.settings,
        "type": provider.type,
        "name": provider.name,
        "created_at": provider.created_at,
        "updated_at": provider.updated_at,
    }


def _provider(call: Call, kind: str, name: str | None) -> PushProvider:
    """A provider by type and name; without a name the only one of its type."""
    found = [one for one in call.store[PUSH_PROVIDERS] if one.type == kind and name in (None, "", one.name)]
    if not found:
        raise not_found(f"push provider {kind} {name or ''} does not exist")
    return found[0]


@DOMAIN.operation("GetPushTemplates", "GET", "/push_templates", family="common", access=Access.SERVER)
def get_push_templates(call: Call) -> Result:
    """Return the templates of a provider."""
    provider = _provider(call, call.required_text("push_provider_type"), call.text("push_provider_name"))
    found = [one for one in call.store[PUSH_TEMPLATES] if one.push_provider_internal_id == provider.key]
    return {"templates": [one.view().fields for one in found]}


@DOMAIN.operation("UpsertPushTemplate", "POST", "/push_templates", family="common", access=Access.SERVER)
def upsert_push_template(call: Call) -> Result:
    """Set what a provider is sent for one kind of event."""
    event_type = call.required_text("event_type", call.body)
    kind = call.required_text("push_provider_type", call.body)
    provider = _provider(call, kind, call.text("push_provider_name", call.body))
    known = call.store[PUSH_TEMPLATES].get(f"{provider.key}/{event_type}")
    template = known or PushTemplate(provider.key, event_type, call.now, call.now)
    template.enable_push = call.flag("enable_push", call.body, default=template.enable_push)
    text = call.text("template", call.body)
    template.template = text if text is not None else template.template
    template.updated_at = call.now
    return {"template": call.store[PUSH_TEMPLATES].put(template).view().fields}


@DOMAIN.operation("UpdatePushNotificationPreferences", "POST", "/push_preferences", family="common")
def update_push_preferences(call: Call) -> Result:
    """Set what users want to be told of, everywhere or in single channels."""
    wanted = call.objects("preferences", call.body)
    if not 0 < len(wanted) <= MAX_PREFERENCES:
        raise invalid(f"preferences must hold 1 to {MAX_PREFERENCES} items")
    changes = [(_preferring(call, raw), raw) for raw in wanted]
    everywhere: dict[str, Any] = {}
    in_channels: dict[str, dict[str, Any]] = {}
    for user, raw in changes:
        cid = call.text("channel_cid", raw) or ""
        if cid:
            channels.by_cid(call, cid)
        changed = _prefer(call, user.id, cid, raw)
        if cid:
            in_channels.setdefault(user.id, {})[cid] = preference_view(changed)
        else:
            everywhere[user.id] = preference_view(changed)
    return {"user_preferences": everywhere, "user_channel_preferences": in_channels}


def _preferring(call: Call, raw: Mapping[str, Any]) -> User:
    for name in ("chat_level", "call_level", "feeds_level"):
        level = call.text(name, raw)
        if name == "chat_level" and level not in (None, "", *CHAT_LEVELS):
            raise invalid(f"chat_level must be one of [{', '.join(CHAT_LEVELS)}]")
    named = call.text("user_id", raw)
    if call.actor.is_server:
        return people.existing(call, named) if named else people.acting_user(call)
    if named not in (None, call.actor.user_id):
        raise forbidden("a user may only set its own push preferences")
    return people.acting_user(call)


def _prefer(call: Call, user_id: str, cid: str, raw: Mapping[str, Any]) -> PushPreference:
    preference = call.store[PUSH_PREFERENCES].get(f"{user_id}/{cid}") or PushPreference(user_id, cid)
    given = {name: raw[name] for name in _PREFERENCES if raw.get(name) is not None}
    preference.settings = {**preference.settings, **given}
    until = call.time("disabled_until", raw)
    if call.flag("remove_disable", raw):
        preference.disabled_until = None
    elif until is not None:
        preference.disabled_until = until
    return call.store[PUSH_PREFERENCES].put(preference)


@DOMAIN.operation("CheckPush", "POST", "/check_push", family="common", access=Access.SERVER)
def check_push(call: Call) -> Result:
    """Render the push of a message without sending it. The sandbox reaches no provider."""
    user = people.acting_user(call)
    message = _message(call, user)
    apn = call.text("apn_template", call.body) or _template(call, "apn") or APN_TEMPLATE
    firebase = call.text("firebase_template", call.body) or _template(call, "firebase") or FIREBASE_TEMPLATE
    data = call.text("firebase_data_template", call.body)
    values = push_values(call, message, user)
    errors: list[str] = []
    result: dict[str, Any] = {
        "event_type": call.text("event_type", call.body) or "message.new",
        "rendered_apn_template": _rendered(apn, values, errors),
        "rendered_firebase_template": _rendered(firebase, values, errors),
        "rendered_message": {key: str(values["message"].get(key) or "") for key in ("id", "text", "type", "cid")},
        "skip_devices": call.flag("skip_devices", call.body),
    }
    if data:
        result["rendered_message"]["data"] = _rendered(data, values, errors)
    for name in ("rendered_apn_template", "rendered_firebase_template"):
        try:
            json.loads(result[name])
        except ValueError as error:
            errors.append(f"{name} is not valid JSON: {error}")
    if not result["skip_devices"]:
        devices = call.store.index(DEVICES_OF).of(user.id)
        if not devices:
            errors.append("user has no enabled push devices associated")
        result["device_errors"] = {
            device.id: {
                "provider": device.push_provider,
                "provider_name": device.push_provider_name or "",
                "error_message": "the sandbox sends no push notifications",
            }
            for device in devices
        }
    return {**result, "general_errors": errors}


def _template(call: Call, kind: str) -> str | None:
    """The app's own template for new messages: of the provider that is named, or of the first one of its type."""
    named = call.text("push_provider_name", call.body)
    for provider in call.store[PUSH_PROVIDERS]:
        if provider.type == kind and named in (None, "", provider.name):
            template = call.store[PUSH_TEMPLATES].get(f"{provider.key}/message.new")
            return template.template if template else None
    return None


def _rendered(template: str, values: Mapping[str, Any], errors: list[str]) -> str:
    try:
        return render_push(template, values)
    except TemplateError as error:
        errors.append(f"the template cannot be rendered: {error}")
        return ""


def _message(call: Call, user: User) -> Message:
    """The message to render: the named one, also one only offered to its author; else the newest, of others first."""
    message_id = call.text("message_id", call.body)
    if message_id:
        return call.store[slash.EPHEMERALS].get(message_id) or message_service.find(call, message_id)
    found = [one for one in call.store[MESSAGES] if one.deleted_at is None]
    if not found:
        raise invalid("there is no message to render: give message_id")
    return max(found, key=lambda one: (one.user_id != user.id, one.created_at))


def _shown(call: Call, message: Message, skip_push: bool) -> None:
    push(call, message, skip=skip_push)


FEATURE = Feature(
    operations=(DOMAIN,),
    message_shown=_shown,
    forget_user=dropping(PUSH_PREFERENCES_OF),
    own_user_fields=own_user_fields,
)
