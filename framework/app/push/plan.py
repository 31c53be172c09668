"""The calls that make the app's push settings what a push.yaml says; none, if they are that already."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from framework.app.push.push_file import PushFile
from framework.app.push.spec import PushProviderSpec
from framework.moderation.at_service import Change
from framework.moderation.at_service.current import Execute

Key = tuple[str, str]


@dataclass
class PushPlan:
    """All calls in their order, and `notes`: what they leave alone, and why."""

    changes: list[Change] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


async def plan_push(file: PushFile, execute: Execute, *, renew: bool = False) -> PushPlan:
    """Compare. `renew` sends secrets again that the service does not show. Raises FrameworkError."""
    plan = PushPlan()
    listed = _objects((await execute("ListPushProviders", {})).get("push_providers"))
    now: dict[Key, Mapping[str, Any]] = {(str(one.get("type")), str(one.get("name"))): one for one in listed}
    for provider in file.settings.providers:
        _plan_provider(plan, file, provider, now.get(provider.key), renew=renew)
        await _plan_templates(plan, provider, execute, is_new=provider.key not in now)
    known = {provider.key for provider in file.settings.providers}
    plan.notes += [
        f"{type_} {name}: is not in {file.path}, and stays" for type_, name in now if (type_, name) not in known
    ]
    return plan


def _plan_provider(
    plan: PushPlan, file: PushFile, provider: PushProviderSpec, now: Mapping[str, Any] | None, *, renew: bool
) -> None:
    wanted, secrets = provider.plain(), file.secrets[provider.key]
    title = f"{provider.type} {provider.name}"
    whole = {**wanted, **{name: secret.get_secret_value() for name, secret in secrets.items()}}
    if now is None:
        plan.changes.append(Change("UpsertPushProvider", {"push_provider": whole}, (f"{title}: is made",)))
        return
    lines = [
        f"{title}: {name} is {value!r} (before: {now.get(name)!r})"
        for name, value in wanted.items()
        if (now.get(name) or _EMPTY.get(type(value), "")) != value
    ]
    for name, secret in secrets.items():
        shown = str(now.get(name) or "")
        if shown and not _is_masked(shown) and shown != secret.get_secret_value():
            lines.append(f"{title}: {name} is another one")
        elif not shown or _is_masked(shown):
            if renew:
                lines.append(f"{title}: {name} is sent again")
            else:
                plan.notes.append(f"{title}: the service does not show {name}; --renew sends it again")
    if now.get("disabled_at"):
        why = now.get("disabled_reason") or "no reason is told"
        plan.notes.append(f"{title}: the service switched it off ({why}); mend the cause, then --renew")
    if lines:
        plan.changes.append(Change("UpsertPushProvider", {"push_provider": whole}, tuple(lines)))


_EMPTY: Mapping[type, Any] = {bool: False}


async def _plan_templates(plan: PushPlan, provider: PushProviderSpec, execute: Execute, *, is_new: bool) -> None:
    if not provider.templates:
        return
    names = {"push_provider_type": provider.type, "push_provider_name": provider.name}
    found = [] if is_new else _objects((await execute("GetPushTemplates", names)).get("templates"))
    now = {str(one.get("event_type")): one for one in found}
    for event, spec in provider.templates.items():
        known = now.get(event)
        same = known is not None and (known.get("template") or "") == spec.template
        if same and known is not None and bool(known.get("enable_push")) == spec.enabled:
            continue
        what = (
            "is made"
            if known is None
            else "is another one"
            if not same
            else "is switched " + ("on" if spec.enabled else "off")
        )
        call = {**names, "event_type": event, "enable_push": spec.enabled, "template": spec.template}
        line = f"{provider.type} {provider.name}: the template of {event} {what}"
        plan.changes.append(Change("UpsertPushTemplate", call, (line,)))


def _is_masked(shown: str) -> bool:
    return set(shown) <= {"*", "•", "x", "X", "."}


def _objects(value: object) -> Sequence[Mapping[str, Any]]:
    return [one for one in value if isinstance(one, Mapping)] if isinstance(value, list) else []
