"""Find settings that contradict each other, or that need another setting."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from functools import partial
from typing import TYPE_CHECKING

from framework.definition.model import BotDefinition
from framework.definition.parts.hours import suspicious_night
from framework.definition.parts.phrases import PhraseTexts
from framework.definition.reading.problems import RuleFinding
from framework.definition.rules.tool_rules import server_rules, tool_rules, tools_in
from framework.definition.rules.trigger_rules import digest_rules, placeholders, trigger_rules

if TYPE_CHECKING:
    from pathlib import Path

    from framework.definition.reading.positions import Key


Rule = Callable[[BotDefinition], Iterator[RuleFinding]]
_CID = re.compile(r"[a-zA-Z0-9_-]+:[^:,%\s*?]+")
_OPEN_TYPES = frozenset({"messaging", "livestream", "gaming", "commerce"})
_USERS = re.compile(r"[a-zA-Z0-9@_*?-]+")
_PHRASE_NAMES = {
    "unsure": frozenset({"topics", "person"}),
    "refused": frozenset({"person"}),
    "spent": frozenset({"person"}),
    "hand_back": frozenset({"command"}),
    "approval_question": frozenset({"tool", "user", "channel"}),
    "about": frozenset({"person"}),
    **dict.fromkeys(
        ("uncertain", "approval_wanted", "approval_denied", "not_allowed", "too_often"), frozenset({"tool"})
    ),
}


def _phrases(definition: BotDefinition) -> Iterator[RuleFinding]:
    yield from _texts(definition.phrases, ("phrases",))
    for language, texts in definition.phrases.by_language.items():
        yield from _texts(texts, ("phrases", "by_language", language))


def _texts(texts: PhraseTexts, path: Key) -> Iterator[RuleFinding]:
    for name in PhraseTexts.model_fields:
        yield from placeholders((*path, name), getattr(texts, name), _PHRASE_NAMES.get(name, frozenset()))


def _people(definition: BotDefinition) -> Iterator[RuleFinding]:
    lists: list[tuple[Key, tuple[str, ...]]] = [
        (("conditions", "users"), definition.conditions.users),
        (("conditions", "not_users"), definition.conditions.not_users),
        (("team", "users"), definition.team.users),
        *((("tools", index, "users"), rule.users) for index, rule in enumerate(definition.tools)),
    ]
    for path, values in lists:
        for index, value in enumerate(values):
            if not _USERS.fullmatch(value):
                yield RuleFinding(
                    (*path, index), f"{value!r} is not a user id", "Letters, digits, @, _ and -; * and ? are wildcards."
                )
    for index, value in enumerate(definition.handover.to):
        if not re.fullmatch(r"[a-zA-Z0-9@_-]+", value):
            yield RuleFinding(
                ("handover", "to", index), f"{value!r} is not a user id", "Name people in full, as in `ada`."
            )
    both = set(definition.conditions.users) & set(definition.conditions.not_users)
    if both:
        yield RuleFinding(
            ("conditions", "not_users"),
            f"{', '.join(sorted(both))}: allowed and refused at once",
            "Remove one of them.",
        )


def _team(definition: BotDefinition) -> Iterator[RuleFinding]:
    for index, role in enumerate(definition.team.roles):
        if role.startswith("channel_"):
            yield RuleFinding(
                ("team", "roles", index),
                f"{role!r} is a role in a channel, which `roles` does not look at",
                "Name it under `team: channel_roles:`, if no customer can give it out.",
                warning=True,
            )


def _addresses(definition: BotDefinition) -> Iterator[RuleFinding]:
    named: list[tuple[Key, str]] = [
        (("drafts", "channel"), definition.drafts.channel),
        (("handover", "alert"), definition.handover.alert),
        *((("team", "channels", index), value) for index, value in enumerate(definition.team.channels)),
    ]
    for path, value in named:
        if value and not _CID.fullmatch(value):
            yield RuleFinding(path, f"{value!r} is not TYPE:ID", "Name one channel in full, as in team:support-desk.")
        elif value.partition(":")[0] in _OPEN_TYPES:
            yield RuleFinding(
                path,
                f"{value} is of a type whose channels customers can create, and read what is for the team",
                f"Name one of the type `team`: team:{value.partition(':')[2]}. The bot makes it at its start. Nothing "
                "is posted into a channel that somebody else made, or that has members who are not of the team.",
                warning=True,
            )


def _hours(definition: BotDefinition) -> Iterator[RuleFinding]:
    for path, hours in (
        (("conditions", "hours"), definition.conditions.hours),
        (("team", "hours"), definition.team.hours),
    ):
        if hours is not None and not any(hours.week):
            yield RuleFinding(
                path, "the hours name no day: it would never be open", "For example: days: {mon-fri: 9:00-17:00}."
            )
        for days, times in hours.days.items() if hours is not None else ():
            if night := suspicious_night(times):
                start, _, end = night.partition("-")
                yield RuleFinding(
                    (*path, "days", days),
                    f"{night} goes on over midnight, until the next day",
                    f"If it is the day that you mean, write {end.strip()}-{start.strip()}; if it is the night, write "
                    f"0:00-{end.strip()}, {start.strip()}-24:00.",
                    warning=True,
                )
    if definition.conditions.outside == "say" and definition.conditions.hours is None:
        yield RuleFinding(
            ("conditions", "outside"),
            "`outside: say` without hours is never said",
            "Add `hours:` to `conditions`, or remove it.",
            warning=True,
        )


def _has_team(definition: BotDefinition) -> bool:
    team = definition.team
    return bool(team.users or team.roles or team.channel_roles)


def _contradictions(definition: BotDefinition) -> Iterator[RuleFinding]:
    if definition.reply.supersede and definition.drafts.enabled:
        yield RuleFinding(
            ("reply", "supersede"),
            "supersede cannot be used with drafts: the team decides on each answer",
            "Set it to false, or use `reply.merge_within` to answer several quick messages at once.",
        )
    if definition.conditions.quiet_after_person and not _has_team(definition):
        yield RuleFinding(
            ("conditions", "quiet_after_person"),
            "nobody is in the team, so that the bot is never quiet for it",
            "Name people under `team: users:`, or roles.",
        )
    if definition.model.base_url and definition.model.name == "embedded":
        yield RuleFinding(
            ("model", "base_url"),
            "the embedded model has no server",
            "Remove base_url, or name a model of that server.",
        )
    if definition.model.name in definition.model.fallbacks:
        yield RuleFinding(
            ("model", "fallbacks"),
            "the model falls back to itself",
            "Name another one, as in [embedded].",
            warning=True,
        )


def _unserved(definition: BotDefinition) -> Iterator[RuleFinding]:
    """Find channels that the bot would create and never speak in."""
    posts_to = {definition.drafts.channel, definition.handover.alert, *definition.team.channels}
    for index, cid in enumerate(definition.channels.create):
        if not definition.channels.covers(cid) and cid not in posts_to:
            yield RuleFinding(
                ("channels", "create", index),
                f"{cid} is made at start, but the bot does not work there",
                f"Add it to `channels: join:`, which has {', '.join(definition.channels.join)}.",
                warning=True,
            )


def _handover(definition: BotDefinition) -> Iterator[RuleFinding]:
    handover = definition.handover
    if handover.enabled:
        if not (handover.to or handover.alert or definition.team.users):
            yield RuleFinding(
                ("handover",),
                "nobody is told of a handover",
                "Name people under `handover: to:` or `team: users:`, or a channel under `handover: alert:`.",
                warning=True,
            )
        if not _has_team(definition):
            yield RuleFinding(
                ("team",),
                "nobody is of the team, so that nobody can hand back",
                "Name people under `team: users:`, or roles.",
                warning=True,
            )
        if handover.choose == "round_robin" and len(handover.to) == 1:
            yield RuleFinding(
                ("handover", "choose"), "round_robin among one person", "Add more people to `to`.", warning=True
            )
    elif definition.budget.when_spent == "handover" or handover.budget:
        path: Key = ("budget", "when_spent") if definition.budget.when_spent == "handover" else ("handover", "budget")
        yield RuleFinding(
            path, "handover is not enabled", "Add `enabled: true` below `handover:`, or choose another end."
        )


def _budget(definition: BotDefinition) -> Iterator[RuleFinding]:
    budget = definition.budget
    free = not (budget.price.input or budget.price.output)
    for name in ("turn", "user_day", "channel_day", "day"):
        if getattr(budget, name).money is not None and free:
            yield RuleFinding(
                ("budget", name, "money"),
                "money is bounded, but the price of tokens is not said",
                "Add `price: {input: 0.25, output: 2.00}` below `budget:`, for a million tokens.",
            )


def _without_effect(definition: BotDefinition) -> Iterator[RuleFinding]:
    for name, switch in (("drafts", "enabled"), ("handover", "enabled"), ("memory", "facts")):
        part = getattr(definition, name)
        idle = sorted(part.model_fields_set - {switch, "tool"})
        if idle and not getattr(part, switch):
            yield RuleFinding(
                (name, idle[0]),
                f"{name}.{idle[0]} has no effect while {name}.{switch} is false",
                f"Add `{switch}: true` below `{name}:`.",
                warning=True,
            )


def rules(tools_file: Path | None) -> tuple[tuple[frozenset[str], Rule], ...]:
    """Return all rules, each with the sections that it reads. A rule is applied if those sections are valid."""
    own = tools_in(tools_file) if tools_file else None
    return (
        (frozenset({"respond_to", "triggers"}), trigger_rules),
        (frozenset({"triggers", "channels"}), digest_rules),
        (frozenset({"phrases"}), _phrases),
        (frozenset({"conditions", "team", "tools", "handover"}), _people),
        (frozenset({"team"}), _team),
        (frozenset({"drafts", "handover", "team"}), _addresses),
        (frozenset({"conditions", "team"}), _hours),
        (frozenset({"reply", "drafts", "conditions", "team", "model"}), _contradictions),
        (frozenset({"channels", "drafts", "handover", "team"}), _unserved),
        (frozenset({"handover", "team", "budget"}), _handover),
        (frozenset({"budget"}), _budget),
        (frozenset({"drafts", "handover", "memory"}), _without_effect),
        (frozenset({"mcp_servers"}), server_rules),
        (frozenset({"tools", "mcp_servers"}), partial(tool_rules, own=own, file=tools_file is not None)),
    )
