"""The calls that make the chat service's settings what moderation needs; none, if they are that already."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from framework.errors import DefinitionError
from framework.moderation.at_service.current import CurrentSettings
from framework.moderation.at_service.hook import base_of, plan_hook
from framework.moderation.at_service.step import Change, SettingsPlan
from framework.moderation.at_service.wanted import BEHAVIORS, GuardedRules, WantedList, behavior_of, lists_of
from framework.moderation.rules.outcome import Outcome

__all__ = ["Change", "SettingsPlan", "plan_settings"]

MOST_WORDS = 10_000
"""Terms that a blocklist of Stream's may have."""
_REQUIRED = ("automod", "automod_behavior", "max_message_length")


@dataclass
class _Type:
    """What is to change of a channel type."""

    lists: dict[str, str] = field(default_factory=dict)
    pending: list[str] = field(default_factory=list)


def plan_settings(guards: Sequence[GuardedRules], now: CurrentSettings, *, address: str = "") -> SettingsPlan:
    """Compare. `address` is where the chat service reaches us; without it the hook stays as it is.

    Raises DefinitionError for a blocklist that would become too long.
    """
    plan = SettingsPlan()
    for wanted in lists_of(guards).values():
        _plan_list(plan, wanted, now)
    types, holding = _types(plan, guards, now)
    base = base_of(now.app, address)
    for name, kind in types.items():
        _plan_type(plan, name, kind, now.types[name], reached=bool(base))
    plan_hook(plan, now.app, base, pending=holding)
    return plan


def _plan_list(plan: SettingsPlan, wanted: WantedList, now: CurrentSettings) -> None:
    found = now.lists.get(wanted.name)
    if found is None:
        if not wanted.words:
            where = wanted.places[0]
            plan.notes.append(f"{where}: there is no blocklist {wanted.name!r}, so the rule finds nothing in it")
            return
        _check_length(wanted, len(wanted.words))
        made = {"name": wanted.name, "words": list(wanted.words), "type": wanted.kind}
        of = f"of {wanted.kind}s with {len(wanted.words)} {'term' if len(wanted.words) == 1 else 'terms'}"
        plan.add("CreateBlockList", made, f"blocklist {wanted.name}: is made, {of}")
        return
    has = [word for word in found.get("words") or () if isinstance(word, str)]
    known = {word.casefold() for word in has}
    missing = [word for word in wanted.words if word.casefold() not in known]
    if missing:
        _check_length(wanted, len(has) + len(missing))
        terms = ", ".join(missing[:5]) + (f" and {len(missing) - 5} more" if len(missing) > 5 else "")
        change = {"name": wanted.name, "words": [*has, *missing]}
        plan.add("UpdateBlockList", change, f"blocklist {wanted.name}: also has {terms}")


def _check_length(wanted: WantedList, length: int) -> None:
    if length > MOST_WORDS:
        raise DefinitionError(
            f"the blocklist {wanted.name!r} would have {length} terms; the chat service takes {MOST_WORDS}",
            where=wanted.places[0],
            hint="Name another blocklist in `stream_list` for a part of the rules.",
        )


def _types(plan: SettingsPlan, guards: Sequence[GuardedRules], now: CurrentSettings) -> tuple[dict[str, _Type], bool]:
    """What each channel type needs, and whether messages are held anywhere."""
    found: dict[str, _Type] = {}
    for guard in guards:
        for rule in guard.rules:
            for name, whole in guard.types_of(rule, now.types):
                if whole:
                    _want(found.setdefault(name, _Type()), rule.when.stream_list, behavior_of(rule))
                    if rule.do.outcome is Outcome.HOLD:
                        found[name].pending.append(guard.place(rule))
            plan.notes += _notes(guard, rule, now)
    return found, any(kind.pending for kind in found.values())


def _want(kind: _Type, lists: Sequence[str], behavior: str) -> None:
    for name in lists if behavior else ():
        kind.lists[name] = max(behavior, kind.lists.get(name, behavior), key=BEHAVIORS.index)


def _notes(guard: GuardedRules, rule: Any, now: CurrentSettings) -> Iterator[str]:  # noqa: ANN401 - a Rule
    """What the settings of channel types cannot do, because they hold for all channels of a type and for everybody."""
    parts = [name for name, whole in guard.types_of(rule, now.types) if not whole]
    where = guard.place(rule)
    if parts and rule.when.stream_list:
        yield (
            f"{where}: the blocklist is not switched on for {', '.join(parts)}, since {rule.name!r} does not hold in "
            "all channels of the type; the bot judges these"
        )
    if parts and rule.do.outcome is Outcome.HOLD:
        yield (
            f"{where}: {rule.name!r} hides messages in {', '.join(parts)} instead of holding them, since it does not "
            "hold in all channels of the type"
        )
    if rule.when.stream_list and (rule.not_roles or rule.not_users) and behavior_of(rule):
        yield f"{where}: a blocklist of the chat service knows no `not_roles` and `not_users`: it holds for all people"


def _plan_type(plan: SettingsPlan, name: str, wanted: _Type, now: Mapping[str, Any], *, reached: bool) -> None:
    """`reached`: the service knows where to ask us. Without that, nobody would let waiting messages pass."""
    change: dict[str, Any] = {}
    lines: list[str] = []
    options = [dict(one) for one in now.get("blocklists") or () if isinstance(one, Mapping)]
    by_name = {str(one.get("blocklist")): str(one.get("behavior")) for one in options}
    by_name.setdefault(str(now.get("blocklist")), str(now.get("blocklist_behavior")))
    for listed, behavior in wanted.lists.items():
        if by_name.get(listed) == behavior:
            continue
        options = [one for one in options if one.get("blocklist") != listed]
        options.append({"blocklist": listed, "behavior": behavior})
        change["blocklists"] = options
        before = f" (before: {by_name[listed]})" if listed in by_name else ""
        lines.append(f"channel type {name}: blocklist {listed}, {behavior}{before}")
    if wanted.pending and not now.get("mark_messages_pending") and not reached:
        plan.notes.append(f"{wanted.pending[0]}: messages in {name} are not held while the app asks nobody about them")
    elif wanted.pending and not now.get("mark_messages_pending"):
        change["mark_messages_pending"] = True
        lines.append(f"channel type {name}: messages wait until they are judged, for {wanted.pending[0]}")
    if change:
        plan.add("UpdateChannelType", {"name": name, **{key: now[key] for key in _REQUIRED}, **change}, *lines)
