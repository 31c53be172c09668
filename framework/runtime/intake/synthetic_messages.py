"""Synthetic messages, for turns without a message of a person. They tell what happened.

The id follows from what happened. So the same thing heard twice, or by two replicas, is one turn.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

from framework.definition.model import BotDefinition
from framework.definition.parts.triggers import Trigger
from framework.names import shown_name
from framework.runtime.core.triggers import is_bot, pressed, wanted
from framework.runtime.core.turn import Cause
from framework.runtime.team.people import UNPROVEN
from framework.stream.model import EPOCH, ChannelRef, CustomEvent, MemberAdded, Message, ReactionNew, User

Happening = ReactionNew | MemberAdded | CustomEvent
Synthetic = tuple[Message, Cause]
BY_TOOL = "ai_generated"
"""The field of an event by which a bot's tools say that they sent it (see `framework.catalog.execution.executor`)."""
THE_APP = "the app"
"""Who reports an event, where its sender has no name."""
_LONGEST_DATA = 2_000
_LONGEST_VALUE = 200
_WELCOME = "Someone has just joined the channel. Welcome them by name in a sentence or two, and say what you can do."
_PRESSED = "Someone has pressed a button, which the last message names. Answer it."
_RAN = (
    "A schedule called the tool whose result follows. Say in one or two sentences what came of it, and call it no more."
)
_DIGEST = "Write a digest of what people wrote in other channels ({of}) within the last {since}. "
_POINTS = (
    "Begin with how many messages by how many people. Then up to eight points: decisions, open questions, who does "
    "what until when, with names. Leave out small talk. Make nothing up."
)
_STILL_THERE = "Nobody has written for a while. Ask in one sentence whether anything is still open."


def synthetic_of(event: Happening, definition: BotDefinition, *, bot_user_id: str, now: datetime) -> Synthetic | None:
    """Return what an event starts, by the first trigger that fits; None if none does, and for what bots do.

    A trigger `event` fits only what the app's server sent: a member may send events of any type and with any data.
    """
    for trigger in definition.effective_triggers:
        if trigger.on == "event":
            if not from_server(event, trigger.sent_by, bot_user_id=bot_user_id):
                continue
        elif event.user.id == bot_user_id or is_bot(event.user):
            continue
        make = _MAKERS.get((trigger.on, type(event)))
        made = make(event, trigger, now) if make is not None else None
        if made is not None:
            return made
    return None


def from_server(event: Happening, sent_by: Sequence[str], *, bot_user_id: str) -> bool:
    """Whether the app's server sent a custom event: in the bot's name, or in that of one of `sent_by`.

    The service tells who sent an event, and nothing else that a member could not set. Nobody but the server has a token
    of the bot's. What the bot's own tools send is marked as such, or a prompt injection could start a turn by it.
    """
    if not isinstance(event, CustomEvent) or event.data.get(BY_TOOL) is True:
        return False
    return event.user.id == bot_user_id or (event.user.id in sent_by and event.user.role not in UNPROVEN)


def not_from_server(event: CustomEvent, definition: BotDefinition, *, bot_user_id: str) -> Trigger | None:
    """Return the trigger that an event would fit if the app's server had sent it; None if no trigger would."""
    if event.user.id == bot_user_id:
        return None
    return next(
        (
            trigger
            for trigger in definition.effective_triggers
            if trigger.on == "event"
            and wanted(event.kind, trigger)
            and not from_server(event, trigger.sent_by, bot_user_id=bot_user_id)
        ),
        None,
    )


def synthetic_by_schedule(
    channel: ChannelRef, trigger: Trigger, name: str, tick: datetime, due: datetime, bot: User
) -> Synthetic:
    """The turn of one tick, which runs when it is `due`. `name` tells one schedule of a bot from another."""
    when = tick.isoformat(timespec="auto" if tick.second else "minutes")
    message = _message(f"schedule:{name}:{channel}:{when}", channel, bot, "", due)
    said = trigger.name or trigger.cron or (f"every {trigger.every}" if trigger.every else f"at {trigger.at}")
    return message, _cause(trigger, f"schedule {said} at {when}")


def synthetic_by_silence(last: Message, trigger: Trigger, due: datetime, bot: User) -> Synthetic:
    """The turn for a channel in which nobody wrote after this message."""
    minutes = round(trigger.after.total_seconds() / 60, 1)
    message = _message(f"idle:{minutes}:{last.id}", last.channel, bot, f"[Nobody wrote for {minutes:g} minutes.]", due)
    return message, _cause(trigger, f"quiet for {minutes:g} minutes", about=last.id, default=_STILL_THERE)


def _by_reaction(event: Happening, trigger: Trigger, now: datetime) -> Synthetic | None:
    if not isinstance(event, ReactionNew) or not wanted(event.kind, trigger):
        return None
    who = shown_name(event.user.name, event.user.id)
    id_ = f"reaction:{event.message_id}:{event.user.id}:{event.kind}:{event.at.isoformat()}"
    text = f"[{who} reacted with :{event.kind}: to the message above.]"
    cause = _cause(trigger, f"{who} reacted with {event.kind}", about=event.message_id)
    return _message(id_, event.channel, event.user, text, _at(event.at, now)), cause


def _by_member(event: Happening, trigger: Trigger, now: datetime) -> Synthetic | None:
    if not isinstance(event, MemberAdded):
        return None
    who = shown_name(event.user.name, event.user.id)
    id_ = f"joined:{event.channel}:{event.user.id}:{event.at.isoformat()}"
    message = _message(id_, event.channel, event.user, f"[{who} joined the channel.]", _at(event.at, now))
    return message, _cause(trigger, f"{who} joined", default=_WELCOME)


def _by_event(event: Happening, trigger: Trigger, now: datetime) -> Synthetic | None:
    if not isinstance(event, CustomEvent) or not wanted(event.kind, trigger):
        return None
    sender = User(event.user.id, event.user.name or THE_APP, event.user.role)
    text = f"[The app reports {event.kind}: {_json(event)[:_LONGEST_DATA]}]"
    return _event(event, trigger, sender, text, now), _cause(trigger, f"event {event.kind}")


def _by_button(event: Happening, trigger: Trigger, now: datetime) -> Synthetic | None:
    if not isinstance(event, CustomEvent):
        return None
    value = pressed(event.data)
    if not value or not wanted(value, trigger):
        return None
    text = f"[{shown_name(event.user.name, event.user.id)} pressed the button {json.dumps(value[:_LONGEST_VALUE])}.]"
    return _event(event, trigger, event.user, text, now), _cause(trigger, f"button {value}", default=_PRESSED)


def _event(event: CustomEvent, trigger: Trigger, sender: User, text: str, now: datetime) -> Message:
    """Make a message of it. Text from an app or a person is data for the agent: it is never part of the task."""
    id_ = f"{trigger.on}:{event.channel}:{event.kind}:{event.user.id}:{event.at.isoformat()}:{_json(event)}"
    return _message(id_, event.channel, sender, text, _at(event.at, now))


def _json(event: CustomEvent) -> str:
    return json.dumps(dict(event.data), ensure_ascii=False, sort_keys=True, default=str)


def _message(id_: str, channel: ChannelRef, user: User, text: str, at: datetime) -> Message:
    return Message(id=id_, channel=channel, user=user, text=text, created_at=at)


def _cause(trigger: Trigger, detail: str, *, about: str = "", default: str = "") -> Cause:
    do = trigger.do or ("" if trigger.say else _RAN if trigger.run else default)
    told = trigger.digest
    if told is not None:
        do = _DIGEST.format(of=", ".join(told.of), since=_shown(told.since)) + (trigger.do or _POINTS)
    since_last = trigger.since_last
    return Cause(
        kind=trigger.on,
        made_up=True,
        do=do,
        say=trigger.say,
        detail=detail,
        about=about,
        since_last=since_last,
        run=trigger.run.call if trigger.run else {},
        digest={"of": list(told.of), "seconds": told.since.total_seconds()} if told else {},
    )


def _shown(time: timedelta) -> str:
    hours = time.total_seconds() / 3600
    return f"{hours:g} hours" if hours > 1 else f"{time.total_seconds() / 60:g} minutes"


def _at(told: datetime, now: datetime) -> datetime:
    return now if told == EPOCH else told


_MAKERS: dict[tuple[str, type[Happening]], Callable[[Happening, Trigger, datetime], Synthetic | None]] = {
    ("reaction", ReactionNew): _by_reaction,
    ("member_joined", MemberAdded): _by_member,
    ("event", CustomEvent): _by_event,
    ("button", CustomEvent): _by_button,
}
