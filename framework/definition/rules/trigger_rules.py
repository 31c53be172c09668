"""Check that triggers can start a turn, and that placeholders in fixed texts are known."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from difflib import get_close_matches
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from framework.definition.expressions.patterns import REGEX_HINT, check_regex
from framework.definition.reading.problems import RuleFinding

if TYPE_CHECKING:
    from framework.definition.model import BotDefinition
    from framework.definition.parts.schedule_run import ScheduledRun
    from framework.definition.parts.triggers import Trigger
    from framework.definition.reading.positions import Key

_REACTION = re.compile(r"[\w+-]+")
_EVENT = re.compile(r"[a-zA-Z0-9_-]+(\.[a-zA-Z0-9_-]+)*")
_SENDER = re.compile(r"[a-zA-Z0-9@_-]+")
_OWN_EVENTS = {
    "message.new": "every_message",
    "reaction.new": "reaction",
    "member.added": "member_joined",
    "message.updated": "every_message",
}
_PLACEHOLDER = re.compile(r"\{(\w*)\}")
_UNCLOSED = re.compile(r"\{(\w+)(?![\w}])")
_SAY_NAMES = frozenset({"name"})


def digest_rules(definition: BotDefinition) -> Iterator[RuleFinding]:
    """Find digests for a channel that the bot does not join, or of the channel for which they are."""
    joined = (*definition.channels.join, *definition.channels.create)
    for index, trigger in enumerate(definition.triggers):
        told = trigger.digest
        path = ("triggers", index, "run", "digest")
        if told is not None and not (told.of and told.to):
            yield RuleFinding(
                path, "a digest needs `of` and `to`", 'As in digest: {of: "messaging:support-*", to: "team:desk"}.'
            )
        elif told is not None and not any(fnmatchcase(told.to, pattern) for pattern in joined):
            yield RuleFinding(
                (*path, "to"),
                f"the bot joins no channel {told.to!r}; it joins {', '.join(joined)}",
                "Correct it, or add the channel to `channels: join:`.",
            )
        if told is not None and told.of == (told.to,):
            yield RuleFinding(
                (*path, "of"),
                "a digest of a channel for itself needs no `run`",
                "Write `since_last: true` and `do: Write a digest of what people wrote.`",
            )


def trigger_rules(definition: BotDefinition) -> Iterator[RuleFinding]:
    """Find triggers that cannot start a turn, or that lack the task of the turn."""
    if definition.respond_to is not None and definition.triggers:
        yield RuleFinding(
            ("respond_to",),
            "respond_to and triggers say the same thing twice",
            f"Keep one: move `{definition.respond_to}` into `triggers`, or remove `triggers`.",
        )
    for index, trigger in enumerate(definition.triggers):
        yield from _trigger(("triggers", index), trigger)
    yield from _twins(definition.triggers)
    for pattern, block in definition.overrides.items():
        for index, trigger in enumerate(block.triggers or ()):
            if trigger.campaign or trigger.digest:
                yield RuleFinding(
                    ("overrides", pattern, "triggers", index),
                    "a campaign or a digest of other channels is the bot's, not a channel's",
                    "Move this schedule into `triggers` of the bot.",
                )


def _trigger(path: Key, trigger: Trigger) -> Iterator[RuleFinding]:
    if trigger.on in _EXAMPLES and not trigger.values:
        example = _EXAMPLES[trigger.on]
        yield RuleFinding(path, f"the trigger {trigger.on!r} names nothing to look for", f"For example: {example}.")
    if trigger.on == "schedule":
        yield from _schedule(path, trigger)
    if trigger.on in {"schedule", "event"} and not (trigger.do or trigger.say or trigger.run):
        yield RuleFinding(
            path,
            f"the trigger {trigger.on!r} does not say what the bot is to do",
            "There is no message to answer: add `do:` with a task for the model, or `say:` with a text to post.",
            warning=trigger.on == "event",
        )
    if trigger.do and trigger.say:
        yield RuleFinding((*path, "say"), "`do` and `say` exclude each other", "Keep the one that you mean.")
    if trigger.run:
        yield from _run(path, trigger, trigger.run)
    yield from placeholders((*path, "say"), trigger.say, _SAY_NAMES)
    for index, sender in enumerate(trigger.sent_by):
        if not _SENDER.fullmatch(sender):
            yield RuleFinding(
                (*path, "sent_by", index), f"{sender!r} is not a user id", "Name it in full: shop-backend."
            )
    for index, value in enumerate(trigger.values):
        yield from _value((*path, "values", index), trigger.on, value)


def _schedule(path: Key, trigger: Trigger) -> Iterator[RuleFinding]:
    """Find schedules that say no time or several, and a jitter that could move one time behind the next."""
    if not trigger.times:
        yield RuleFinding(
            path, "the trigger 'schedule' does not say when", 'For example: schedule: {cron: "0 9 * * 1-5", do: ...}.'
        )
    if len(trigger.times) > 1:
        yield RuleFinding(
            (*path, trigger.times[1]),
            f"`{'` and `'.join(trigger.times)}` exclude each other",
            "Keep one: `cron` for times of day, `at` for one time, `every` for a distance.",
        )
    if trigger.every is not None and trigger.jitter >= trigger.every:
        yield RuleFinding((*path, "jitter"), "`jitter` is not shorter than `every`", "Write a shorter one, as in 30s.")


def _run(path: Key, trigger: Trigger, run: ScheduledRun) -> Iterator[RuleFinding]:
    """Find a `run` that names nothing or two things, and what is written beside it for nothing."""
    if len(run.kinds) != 1:
        what = f"`{'` and `'.join(run.kinds)}` exclude each other" if run.kinds else "`run` names nothing to run"
        hint = "Write one of `tool: NAME`, `campaign: NAME` and `digest: {of: CHANNEL, to: CHANNEL}`."
        yield RuleFinding((*path, "run"), what, hint)
        return
    if trigger.say:
        hint = "The bot says what came of it." if run.tool else "It has its own text."
        yield RuleFinding((*path, "say"), "`run` and `say` exclude each other", hint)
    if trigger.do and run.campaign:
        yield RuleFinding((*path, "do"), "`do` and `run: {campaign: ...}` exclude each other", "Keep one.")
    if trigger.since_last and not run.tool:
        yield RuleFinding((*path, "since_last"), "`since_last` is for schedules of a channel", "Remove it.")
    if run.arguments and not run.tool:
        yield RuleFinding((*path, "run", "arguments"), "only a tool has arguments", "Remove them.")


def _twins(triggers: Sequence[Trigger]) -> Iterator[RuleFinding]:
    """Find schedules of the same name."""
    names: set[str] = set()
    for index, trigger in enumerate(triggers):
        if trigger.name and trigger.name in names:
            yield RuleFinding(
                ("triggers", index, "name"), f"two schedules are called {trigger.name!r}", "Give one another name."
            )
        names.add(trigger.name)


_EXAMPLES = {"keyword": "keyword: [refund, invoice]", "regex": "regex: 'order #\\d+'"}


def _value(path: Key, kind: str, value: str) -> Iterator[RuleFinding]:
    if not value.strip():
        yield RuleFinding(path, f"the trigger {kind!r} looks for nothing", "Write a word, or remove the line.")
    elif kind == "regex":
        try:
            check_regex(value)
        except ValueError as error:
            yield RuleFinding(path, str(error), REGEX_HINT)
    elif kind == "keyword" and "," in value:
        listed = ", ".join(word.strip() for word in value.split(",") if word.strip())
        yield RuleFinding(
            path, f"{value!r} is one keyword, with its comma", f"Several are a list: [{listed}].", warning=True
        )
    elif kind == "command" and not re.fullmatch(r"[\w-]+", value):
        yield RuleFinding(path, f"{value!r} is not a command", "A command is one word, as in `command: help`.")
    elif kind == "reaction" and not _REACTION.fullmatch(value):
        yield RuleFinding(path, f"{value!r} is not a type of reaction", "Use its name, as in thumbs_up or question.")
    elif kind == "event" and value in _OWN_EVENTS:
        yield RuleFinding(
            path,
            f"{value!r} is not a custom event",
            f"Use the trigger `{_OWN_EVENTS[value]}` for it.",
        )
    elif kind == "event" and not _EVENT.fullmatch(value):
        yield RuleFinding(path, f"{value!r} is not a type of event", "Write it as in order.shipped.")


def placeholders(path: Key, text: str, known: frozenset[str]) -> Iterator[RuleFinding]:
    """Find placeholders that nothing fills in."""
    names = set(_PLACEHOLDER.findall(text))
    for name in sorted(names - known):
        near = get_close_matches(name, known, n=1)
        guess = f"Did you mean {{{near[0]}}}? " if near else ""
        listed = ", ".join(f"{{{word}}}" for word in sorted(known)) or "none"
        yield RuleFinding(path, f"{{{name}}} is not a placeholder here", f"{guess}There are: {listed}.")
    for name in sorted(known & set(_UNCLOSED.findall(text))):
        yield RuleFinding(path, f"the brace before {name!r} is not closed", f"Write {{{name}}}.")
