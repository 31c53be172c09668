"""When the bot speaks and when it does not: scripted situations, played through the production pipeline."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from framework.stream.model import Attachment, ChannelRef, Message, User
from framework.stream.timing import Timing
from tests.support.agent import Pause, ScriptedAgent, answer
from tests.support.bots import BOT, CID, Running
from tests.support.chat import ANN, BEN, World
from tests.support.virtual_time import EPOCH

Logs = list[dict[str, object]]
CARL = User("carl", "Carl", role="moderator")
MALLORY = User("mallory", "Mallory")
HELPER = User("helper", "Helper", is_bot=True)
PHOTO = Attachment("image", "photo.png", "https://files.example/photo.png")


@dataclass
class Play:
    """A situation at work. `said` are the messages by their labels."""

    world: World
    bot: Running
    said: dict[str, Message] = field(default_factory=dict)

    def room(self) -> Any:
        return self.world.rooms[ChannelRef.parse(CID)]


Act = Callable[[Play], None] | float
"""Something that happens, or so many seconds in which nothing does."""


def say(label: str, text: str, by: User = ANN, *, under: str = "", quoting: str = "", **more: Any) -> Act:
    """Somebody writes; `under` and `quoting` are labels of messages, `bot` the bot's latest reply."""

    def act(play: Play) -> None:
        parent, quoted = _find(play, under), _find(play, quoting)
        play.said[label] = play.world.post(
            CID, text, user=by, parent=parent.id if parent else None, quoting=quoted, **more
        )

    return act


def _find(play: Play, label: str) -> Message | None:
    if label == "bot":
        return [m for m in play.world.messages(CID) if m.user.id == BOT.id][-1]
    return play.said[label] if label else None


def edit(label: str, text: str) -> Act:
    return lambda play: play.world.edit(play.said[label], text)


def delete(label: str, *, hard: bool = False) -> Act:
    return lambda play: play.world.delete(play.said[label].id, hard=hard)


def freeze(play: Play) -> None:
    play.room().frozen = True


def in_role(role: str, user: User = BEN) -> Act:
    def act(play: Play) -> None:
        play.room().roles[user.id] = role

    return act


def join(*people: User) -> Act:
    def act(play: Play) -> None:
        for person in people:
            play.world.add_member(CID, person.id, user=person)

    return act


@dataclass(frozen=True)
class Scene:
    """A situation: what the bot is, what happens, which messages get a reply, and why the others do not."""

    name: str
    acts: tuple[Act, ...]
    answered: tuple[str, ...] = ()
    silent: dict[str, str] = field(default_factory=dict)
    says: dict[str, str] = field(default_factory=dict)
    start: datetime = EPOCH
    definition: dict[str, Any] = field(default_factory=dict)


def on(*triggers: Any, **conditions: Any) -> dict[str, Any]:
    return {"triggers": list(triggers), "conditions": conditions}


def only(**conditions: Any) -> dict[str, Any]:
    return {"conditions": conditions}


ADDRESSED = only(addressed_only=True)
QUIET = only(quiet_after_person="10m", not_team=True)
WEEK = {"timezone": "Europe/Berlin", "days": {"mon-fri": "9:00-17:00"}}
OFFICE = only(hours=WEEK)
OFFICE_SAYS = only(hours=WEEK, outside="say")
NIGHT = only(hours={"timezone": "UTC", "days": {"thu": "22:00-6:00"}})
MENTION = on("mention")
TWO_TURNS = {"budget": {"user_day": {"turns": 2}}}
MERGING = {"reply": {"merge_within": "2s"}}
NOT_MENTIONED = "the bot is not mentioned"


def utc(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=UTC)  # type: ignore[arg-type, misc]  # year to minute


SCENES = [
    # Who is called.
    Scene("a mention by the client's list", (say("q", "Hello", mentioned=(BOT.id,)),), ("q",), definition=MENTION),
    Scene("a mention by name in the text", (say("q", "hi @support bot, help"),), ("q",), definition=MENTION),
    Scene(
        "a longer name that the client lists",
        (say("q", "@Support Bot Team can you look?", mentioned=("sbt",), mentioned_names=("Support Bot Team",)),),
        silent={"q": NOT_MENTIONED},
        definition=MENTION,
    ),
    Scene(
        "a longer name beside the bot's own",
        (
            say(
                "q",
                "@Support Bot Team and @support bot: look",
                mentioned=("sbt",),
                mentioned_names=("Support Bot Team",),
            ),
        ),
        ("q",),
        definition=MENTION,
    ),
    Scene("no mention", (say("q", "Hello all"),), silent={"q": NOT_MENTIONED}, definition=MENTION),
    Scene(
        "the name inside a longer one",
        (say("q", "ask @agent-bot-2 or @agent-bots"),),
        silent={"q": NOT_MENTIONED},
        definition=MENTION,
    ),
    Scene(
        "the name inside an address",
        (say("q", "write to help@agent-bot.example"),),
        silent={"q": NOT_MENTIONED},
        definition=MENTION,
    ),
    Scene("the name without @", (say("q", "support bot is nice"),), silent={"q": NOT_MENTIONED}, definition=MENTION),
    Scene("a mention in code", (say("q", "run `@agent-bot go`"),), silent={"q": NOT_MENTIONED}, definition=MENTION),
    Scene(
        "a mention in a quoted line",
        (say("q", "> @agent-bot hello\nlook what she wrote"),),
        silent={"q": NOT_MENTIONED},
        definition=MENTION,
    ),
    Scene("a mention at the end", (say("q", "what now, @agent-bot?"),), ("q",), definition=MENTION),
    Scene(
        "another bot is mentioned",
        (say("q", "@helper hi", mentioned=("helper",)),),
        silent={"q": NOT_MENTIONED},
        definition=MENTION,
    ),
    # Other triggers.
    Scene(
        "a keyword in a message that its author marks as a bot's",
        (
            say("a", "buy now", ai_generated=True),
            2.0,
            say("b", "buy now!", custom={"sender_type": "assistant"}),
            2.0,
            say("c", "buy now, please", silent=True),
            2.0,
            say("d", "hello", ai_generated=True),
        ),
        ("a", "b", "c"),
        {"d": "written by a bot"},
        definition=on({"keyword": ["buy now"]}),
    ),
    Scene(
        "a keyword of an account that the app made a bot",
        (
            say("a", "buy now", by=User("news", "News", role="bot")),
            2.0,
            say("b", "buy now", by=User("news-bot", "News")),
        ),
        silent={"a": "written by a bot", "b": "written by a bot"},
        definition=on({"keyword": ["buy now"]}),
    ),
    Scene("a keyword", (say("q", "I want a REFÚND!"),), ("q",), definition=on({"keyword": ["refund"]})),
    Scene(
        "a keyword inside a word",
        (say("q", "nonrefundable, refunds"),),
        silent={"q": "no trigger fits (keyword)"},
        definition=on({"keyword": ["refund"]}),
    ),
    Scene(
        "a regular expression",
        (say("q", "order AB-1234"), say("r", "order 12")),
        ("q",),
        {"r": "no trigger fits (regex)"},
        definition=on({"regex": [r"\b[A-Z]{2}-\d{4}\b"]}),
    ),
    Scene(
        "a command that the service knows",
        (say("q", "12", command="refund"), say("r", "cats", command="giphy")),
        ("q",),
        {"r": "the command /giphy is not the bot's"},
        definition=on({"command": ["refund"]}),
    ),
    Scene(
        "a slash command that the service does not know",
        (say("q", "/deploy prod"), say("r", "/etc/hosts is empty")),
        ("r",),
        {"q": "the command /deploy is not the bot's"},
    ),
    Scene("a command as plain text", (say("q", "/refund 12"),), ("q",), definition=on({"command": ["/refund"]})),
    Scene(
        "a slash command of others",
        (say("q", "cats", command="giphy"),),
        silent={"q": "the command /giphy is not the bot's"},
    ),
    Scene(
        "a button",
        (say("q", "Yes", custom={"action": "confirm"}), say("r", "No", custom={"action": {"value": "deny"}})),
        ("q",),
        {"r": "no trigger fits (button)"},
        definition=on({"button": ["confirm"]}),
    ),
    Scene(
        "a channel of two",
        (join(ANN), say("q", "Hello"), 1.0, join(BEN), 3.0, say("r", "Hello")),
        ("q",),
        {"r": "no trigger fits (direct message)"},
        definition=on("direct_message"),
    ),
    Scene(
        "a reply in the bot's thread",
        (say("a", "@agent-bot go"), 1.0, say("b", "And now?", under="bot"), say("c", "And here?")),
        ("a", "b"),
        {"c": "no trigger fits (mention, thread reply)"},
        definition=on("mention", "thread_reply"),
    ),
    Scene(
        "a reply in a thread where the bot was asked",
        (say("a", "Lamp"), say("b", "@agent-bot which?", under="a"), 1.0, say("c", "the red one", under="a")),
        ("b", "c"),
        {"a": "no trigger fits (mention, thread reply)"},
        definition=on("mention", "thread_reply"),
    ),
    Scene(
        "a reply in a thread of others",
        (say("a", "Lamp"), say("b", "Nice", BEN, under="a")),
        silent={"a": "no trigger fits (thread reply)", "b": "no trigger fits (thread reply)"},
        definition=on("thread_reply"),
    ),
    Scene(
        "a fixed text for a keyword",
        (say("q", "opening hours?"),),
        ("q",),
        says={"q": "Nine to five, Ann."},
        definition=on({"keyword": {"values": ["hours"], "say": "Nine to five, {name}."}}),
    ),
    # Whom it does not speak to.
    Scene("another bot", (say("q", "Hi", HELPER),), silent={"q": "written by a bot"}),
    Scene("a bot by its role", (say("q", "Hi", User("x1", "X", role="bot")),), silent={"q": "written by a bot"}),
    Scene("a bot by its id", (say("q", "Hi", User("github-bot", "G")),), silent={"q": "written by a bot"}),
    Scene("an answer of another model", (say("q", "Hi", ai_generated=True),), silent={"q": "written by a bot"}),
    Scene("a mark as text", (say("q", "Hi", custom={"ai_generated": "true"}),), silent={"q": "written by a bot"}),
    Scene("a mark of a writer", (say("q", "Hi", custom={"generated_by": "gpt"}),), silent={"q": "written by a bot"}),
    Scene("a mark of a role", (say("q", "Hi", custom={"role": "assistant"}),), silent={"q": "written by a bot"}),
    Scene("a robot by name only", (say("q", "Hi", User("robot-fan", "Robot Fan")),), ("q",)),
    Scene("a mark that says no", (say("q", "Hi", custom={"is_bot": False, "role": "customer"}),), ("q",)),
    Scene("a shadow banned person", (say("q", "Hi", MALLORY, shadowed=True, announce=False), 90.0), silent={"q": ""}),
    Scene("a system message", (say("q", "Ann joined", kind="system"),), silent={"q": "system message"}),
    Scene("an ephemeral message", (say("q", "preview", kind="ephemeral"),), silent={"q": "ephemeral message"}),
    Scene("a message that moderation blocked", (say("q", "spam", kind="error"),), silent={"q": "error message"}),
    Scene("a silent message", (say("q", "psst", silent=True),), silent={"q": "silent message"}),
    Scene("a frozen channel", (freeze, say("q", "Hello?")), silent={"q": "the channel is frozen"}),
    Scene("a moderator of the app, where nobody said who the team is", (say("q", "Hi", CARL),), ("q",)),
    Scene(
        "a moderator of the app",
        (say("q", "Hi", CARL),),
        silent={"q": "carl is of the team"},
        definition={"team": {"roles": ["moderator"]}},
    ),
    Scene(
        "a moderator of the channel, whom its creator made one",
        (in_role("channel_moderator"), say("q", "Hi", BEN)),
        ("q",),
        definition=only(not_team=True),
    ),
    Scene(
        "a moderator of the channel, where channel roles count",
        (in_role("channel_moderator"), say("q", "Hi", BEN)),
        silent={"q": "ben is of the team"},
        definition={**only(not_team=True), "team": {"channel_roles": ["moderator"]}},
    ),
    Scene(
        "a person of the team who calls the bot",
        (say("q", "@agent-bot when do we close?", CARL), say("r", "Closed at five", CARL)),
        ("q",),
        {"r": "carl is of the team"},
        definition=only(not_team=True),
    ),
    Scene("the team, where it is served", (say("q", "Hi", CARL),), ("q",), definition=only(not_team=False)),
    Scene(
        "only some people",
        (say("q", "Hi"), say("r", "Hi", BEN)),
        ("q",),
        {"r": "ben is not among the users that it answers"},
        definition=only(users=["an*"]),
    ),
    Scene(
        "not some people",
        (say("q", "Hi"), say("r", "Hi", BEN)),
        ("r",),
        {"q": "ann is among the users that it does not answer"},
        definition=only(not_users=["ann"]),
    ),
    Scene(
        "only some roles",
        (say("q", "Hi", User("vic", "Vic", role="vip")), say("r", "Hi")),
        ("q",),
        {"r": "the role user is not among those that it answers"},
        definition=only(roles=["vip"]),
    ),
    # People who talk to each other.
    Scene("a question to nobody", (say("q", "How do I pair it?"),), ("q",), definition=ADDRESSED),
    Scene(
        "a mention of a person",
        (say("q", "@ben how do I pair it?", mentioned=("ben",)),),
        silent={"q": "turns to ben"},
        definition=ADDRESSED,
    ),
    Scene("a mention in text only", (say("q", "@ben look"),), silent={"q": "turns to ben"}, definition=ADDRESSED),
    Scene("everybody", (say("q", "@all how do I pair it?"),), ("q",), definition=ADDRESSED),
    Scene(
        "the bot and a person",
        (say("q", "@ben and @agent-bot, help", mentioned=("ben", BOT.id)),),
        ("q",),
        definition=ADDRESSED,
    ),
    Scene(
        "a quote of the bot that is shown to a person",
        (say("a", "How do I pair it?"), 1.0, say("b", "@ben see?", quoting="bot", mentioned=("ben",))),
        ("a",),
        {"b": "turns to ben"},
        definition=ADDRESSED,
    ),
    Scene(
        "a quote of a person",
        (say("a", "How do I pair it?", BEN), 1.0, say("b", "Same here", quoting="a")),
        ("a",),
        {"b": "quotes ben"},
        definition=ADDRESSED,
    ),
    Scene(
        "a quote of the bot",
        (say("a", "How do I pair it?"), 1.0, say("b", "Which button?", quoting="bot")),
        ("a", "b"),
        definition=ADDRESSED,
    ),
    Scene(
        "a name at the beginning",
        (say("a", "How do I pair it?", BEN), 1.0, say("b", "Ben, press the button")),
        ("a",),
        {"b": "turns to Ben"},
        definition=ADDRESSED,
    ),
    Scene(
        "an answer to a person",
        (say("a", "@ben are you there?"), 5.0, say("b", "Yes, what is it?", BEN), 5.0, say("c", "Never mind")),
        silent={"a": "turns to ben", "b": "an answer to Ann", "c": "an answer to Ben"},
        definition=ADDRESSED,
    ),
    Scene(
        "back to the bot",
        (say("a", "@ben are you there?"), 5.0, say("b", "Yes", BEN), 5.0, say("c", "How do I pair it?", BEN)),
        ("c",),
        {"a": "turns to ben", "b": "an answer to Ann"},
        definition=ADDRESSED,
    ),
    Scene(
        "a thread between two people",
        (say("a", "Look at this"), 1.0, say("b", "Nice one", BEN, under="a"), say("c", "Thanks", under="a")),
        ("a",),
        {
            "b": "a thread in which people talk to each other",
            "c": "a thread in which people talk to each other",
        },
        definition=ADDRESSED,
    ),
    Scene(
        "a name and a request without a comma",
        (say("a", "Hello", BEN), 2.0, say("b", "ben can you look at my order?"), say("c", "ben is away, who helps?")),
        ("a", "c"),
        {"b": "turns to Ben"},
        definition=ADDRESSED,
    ),
    Scene(
        "thanks to a person at the end",
        (say("a", "Hello", BEN), 2.0, say("b", "thanks, see you there Ben!"), say("c", "thank you ben")),
        ("a",),
        {"b": "turns to Ben", "c": "turns to Ben"},
        definition=ADDRESSED,
    ),
    Scene(
        "a person is wanted, by name",
        (say("a", "Hello", BEN), 2.0, say("b", "Hi, I want to talk to Ben")),
        ("a", "b"),
        definition=ADDRESSED,
    ),
    Scene(
        "the bot is called while people talk, and they go on",
        (
            say("a", "@ben lunch?", mentioned=("ben",)),
            2.0,
            say("b", "@agent-bot when do you close?", BEN),
            2.0,
            say("c", "thanks, Ben"),
        ),
        ("b",),
        {"a": "turns to ben", "c": "turns to Ben"},
        definition=ADDRESSED,
    ),
    Scene(
        "another bot is called by its name",
        (say("h", "At your service", HELPER), 1.0, say("a", "Helper, what can you do?")),
        silent={"h": "written by a bot", "a": "turns to Helper"},
        definition=ADDRESSED,
    ),
    Scene(
        "an answer to another bot that was asked",
        (
            say("a", "@helper play", mentioned=("helper",)),
            1.0,
            say("h", "Which colour?", HELPER),
            2.0,
            say("b", "Blue"),
        ),
        silent={"a": "turns to helper", "h": "written by a bot", "b": "an answer to Helper"},
        definition=ADDRESSED,
    ),
    Scene(
        "another bot welcomed somebody",
        (say("h", "@ann welcome! What brings you here?", HELPER, mentioned=("ann",)), 2.0, say("a", "My lamp is dark")),
        ("a",),
        {"h": "written by a bot"},
        definition=ADDRESSED,
    ),
    Scene(
        "another bot quotes this one and calls it",
        (say("a", "@agent-bot hi"), 1.0, say("b", "I agree", HELPER, quoting="bot", mentioned=(BOT.id,))),
        ("a",),
        {"b": "written by a bot"},
        definition=MENTION,
    ),
    # A person of the team is at it.
    Scene(
        "a person of the team wrote",
        (
            say("a", "Hello?"),
            1.0,
            say("b", "I am on it", CARL),
            60.0,
            say("c", "Great"),
            600.0,
            say("d", "Still here?"),
        ),
        ("a", "d"),
        {"b": "carl is of the team", "c": "Carl of the team wrote 60 s before"},
        definition=QUIET,
    ),
    Scene(
        "the team was quicker than a turn that waits",
        (say("a", "Hello?"), 1.0, say("b", "I am on it", CARL)),
        silent={"a": "Carl of the team wrote meanwhile", "b": "carl is of the team"},
        definition={**QUIET, **MERGING},
    ),
    Scene(
        "the team in another thread",
        (say("a", "Lamp"), 1.0, say("b", "On it", CARL, under="a"), 5.0, say("c", "And me?", BEN)),
        ("a", "c"),
        {"b": "carl is of the team"},
        definition=QUIET,
    ),
    # Office hours.
    Scene("open at nine", (say("q", "Hi"),), ("q",), start=utc(2026, 1, 5, 8, 0), definition=OFFICE),
    Scene(
        "closed a minute before nine",
        (say("q", "Hi"),),
        silent={"q": "outside the hours"},
        start=utc(2026, 1, 5, 7, 59),
        definition=OFFICE,
    ),
    Scene(
        "closed at five sharp",
        (say("q", "Hi"),),
        silent={"q": "outside the hours"},
        start=utc(2026, 1, 5, 16, 0),
        definition=OFFICE,
    ),
    Scene(
        "closed on Sunday",
        (say("q", "Hi"),),
        silent={"q": "outside the hours"},
        start=utc(2026, 1, 4, 10, 0),
        definition=OFFICE,
    ),
    Scene(
        "summer time opens an hour earlier", (say("q", "Hi"),), ("q",), start=utc(2026, 3, 30, 7, 0), definition=OFFICE
    ),
    Scene(
        "winter time does not",
        (say("q", "Hi"),),
        silent={"q": "outside the hours"},
        start=utc(2026, 3, 27, 7, 0),
        definition=OFFICE,
    ),
    Scene("a night over midnight", (say("q", "Hi"),), ("q",), start=utc(2026, 1, 2, 5, 59), definition=NIGHT),
    Scene(
        "the end of the night",
        (say("q", "Hi"),),
        silent={"q": "outside the hours"},
        start=utc(2026, 1, 2, 6, 0),
        definition=NIGHT,
    ),
    Scene(
        "closed is said once to each person",
        (say("a", "Hi"), 5.0, say("b", "Anyone?"), 5.0, say("c", "Hi", BEN)),
        ("a", "c"),
        {"b": "outside the hours, and it was said before"},
        says={"a": "We are closed right now. Your message stays here, and we answer when we are back."},
        start=utc(2026, 1, 4, 10, 0),
        definition=OFFICE_SAYS,
    ),
    Scene(
        "asked while it was open, answered later",
        (say("q", "Hi"), 5.0),
        ("q",),
        start=utc(2026, 1, 5, 15, 59),
        definition=OFFICE,
    ),
    # Budgets.
    Scene(
        "the budget of a person is spent, and it is said once",
        (say("a", "1"), 1.0, say("b", "2"), 1.0, say("c", "3"), 1.0, say("d", "4"), 1.0, say("e", "5", BEN)),
        ("a", "b", "c", "e"),
        {"d": "the budget of this person for today is spent"},
        says={"c": "I have answered all that I may for today. A person from our team can help you here."},
        definition=TWO_TURNS,
    ),
    Scene(
        "the budget of the channel is spent",
        (say("a", "1"), 1.0, say("b", "2", BEN)),
        ("a",),
        {"b": "the budget of this channel for today is spent"},
        definition={"budget": {"channel_day": {"turns": 1}, "when_spent": "silent"}},
    ),
    Scene(
        "a new day begins",
        (say("a", "1"), 1.0, say("b", "2"), 120.0, say("c", "3")),
        ("a", "c"),
        {"b": "the budget of the bot for today is spent"},
        start=utc(2026, 1, 1, 23, 59),
        definition={"budget": {"day": {"turns": 1}, "when_spent": "silent"}},
    ),
    # What people do to their messages.
    Scene("an answered question is edited", (say("q", "Hi"), 1.0, edit("q", "Hi there"), 70.0), ("q",)),
    Scene(
        "a question is deleted at once",
        (say("q", "Hi"), delete("q")),
        silent={"q": "question was deleted"},
    ),
    Scene("a deleted question, found later", (say("q", "Hi", announce=False), delete("q"), 70.0), silent={"q": ""}),
    Scene("a photo without a word", (say("q", "", attachments=(PHOTO,)),), ("q",)),
    Scene("blanks alone", (say("q", " \n "),), silent={"q": "there is nothing in the message"}),
    Scene(
        "a poll of somebody",
        (say("q", "", custom={"poll_id": "p1"}),),
        silent={"q": "there is nothing in the message"},
    ),
    Scene("a link alone", (say("q", "https://example.com/manual"),), ("q",)),
    Scene(
        "a thumb for an answer",
        (say("a", "Hi"), 1.0, say("b", "👍🏽")),
        ("a",),
        {"b": "only emoji of agreement or thanks to what was said before"},
    ),
    Scene("a thumb to begin with", (say("q", "👍"),), ("q",)),
    Scene("an emoji that asks", (say("a", "Hi"), 1.0, say("b", "❓")), ("a", "b")),
    # Bursts.
    Scene(
        "five quick messages",
        (say("a", "1"), 0.5, say("b", "2"), 0.5, say("c", "3"), 0.5, say("d", "4"), 0.5, say("e", "5"), 5.0),
        ("e",),
        dict.fromkeys("abcd", "merged into the next message"),
        says={"e": "You said: 1\n2\n3\n4\n5"},
        definition=MERGING,
    ),
    Scene(
        "two people at once",
        (say("a", "1"), 0.5, say("b", "2", BEN), 0.5, say("c", "3"), 5.0),
        ("b", "c"),
        {"a": "merged into the next message"},
        says={"b": "You said: 2", "c": "You said: 1\n3"},
        definition=MERGING,
    ),
    Scene(
        "a mention in the first of two",
        (say("a", "@agent-bot listen"), 0.5, say("b", "how do I pair it?"), 5.0),
        ("b",),
        {"a": "merged into the next message"},
        definition={**on("mention"), **MERGING},
    ),
    Scene(
        "the last of a burst is deleted",
        (say("a", "1"), 0.5, say("b", "2"), delete("b"), 5.0),
        ("a",),
        {"b": "question was deleted"},
        definition=MERGING,
    ),
    Scene(
        "the last of a burst is deleted after it took the first one along",
        (say("a", "1"), 0.5, say("b", "2"), 1.8, delete("b"), 5.0),
        ("b",),
        {"a": "merged into the next message"},
        says={"b": "You said: 1"},
        definition=MERGING,
    ),
    # Loops.
    Scene(
        "replies in a row, as declared",
        (say("a", "1"), 1.0, say("b", "2"), 1.0, say("c", "3"), 1.0, say("d", "4", BEN), 1.0, say("e", "5")),
        ("a", "b", "d", "e"),
        {"c": "2 replies in a row without a message of another person"},
        definition=only(turns_without_person=2),
    ),
]


@pytest.mark.parametrize("scene", SCENES, ids=lambda scene: scene.name)
async def test_situation(scene: Scene, logs: Logs, agent: ScriptedAgent) -> None:
    timing = _timing(scene.start)
    world = World(timing)
    world.room(CID)
    async with Running(world, agent, timing=timing, definition=scene.definition) as bot:
        play = Play(world, bot)
        for act in scene.acts:
            if isinstance(act, float):
                await asyncio.sleep(act)
            else:
                act(play)
        await asyncio.sleep(5)
    replies = {label: bot.reply_to(message) for label, message in play.said.items()}
    assert [label for label, reply in replies.items() if reply is not None] == list(scene.answered)
    assert {label: _reasons(logs, play.said[label]) for label in scene.silent} == {
        label: [reason] if reason else [] for label, reason in scene.silent.items()
    }
    for label, text in scene.says.items():
        reply = replies[label]
        assert reply is not None
        assert reply.text == text
    assert len([m for m in world.messages(CID) if m.user.id == BOT.id]) == len(scene.answered)
    assert set(play.said) == {*scene.answered, *scene.silent}


def test_there_are_enough_situations() -> None:
    assert len(SCENES) >= 60
    assert len({scene.name for scene in SCENES}) == len(SCENES)


async def test_every_silence_is_in_the_engines_record(world: World, agent: ScriptedAgent, timing: Timing) -> None:
    world.room(CID)
    async with Running(world, agent, timing=timing, definition=MENTION) as bot:
        message = world.post(CID, "Hello")
        await asyncio.sleep(1)
        record = await bot.engine.record(bot.bot.ids.of(message.id).job)
    assert record is not None
    assert (record.state, record.outcome) == ("settled", f"silent: {NOT_MENTIONED}")


async def test_a_handover_keeps_the_bot_silent(world: World, agent: ScriptedAgent, timing: Timing, logs: Logs) -> None:
    world.people[CARL.id] = CARL
    world.room(CID)
    world.add_member(CID, ANN.id, user=ANN)
    rules = {"handover": {"enabled": True, "to": ["carl"]}}
    async with Running(world, agent, timing=timing, definition=rules) as bot:
        world.post(CID, "talk to a human please")
        await asyncio.sleep(5)
        during = world.post(CID, "Are you there?")
        await asyncio.sleep(5)
        assert bot.reply_to(during) is None
    assert _reasons(logs, during) == ["a person has taken over"]


async def test_words_for_a_person_that_are_quoted_hand_over_nothing(
    world: World, agent: ScriptedAgent, timing: Timing
) -> None:
    world.people[CARL.id] = CARL
    world.room(CID)
    async with Running(world, agent, timing=timing, definition={"handover": {"enabled": True, "to": ["carl"]}}) as bot:
        quoted = world.post(CID, "> talk to a human\n`real person` Who wrote that?")
        await asyncio.sleep(5)
        after = world.post(CID, "And you?")
        await asyncio.sleep(5)
        assert [bot.replied(one).text for one in (quoted, after)] == [
            f"You said: {quoted.text}",
            "You said: And you?",
        ]


async def test_a_question_that_is_edited_into_none_gets_no_answer(
    world: World, agent: ScriptedAgent, timing: Timing, logs: Logs
) -> None:
    world.room(CID)
    agent.script = lambda c: [Pause(2), answer(f"You said: {c.question}")]
    async with Running(world, agent, timing=timing, definition=MENTION) as bot:
        question = world.post(CID, "@agent-bot when?")
        await asyncio.sleep(1)
        world.edit(question, "@ben when?")
        await asyncio.sleep(5)
        still = world.post(CID, "@agent-bot how?")
        await asyncio.sleep(1)
        world.edit(still, "@agent-bot how much?")
        await asyncio.sleep(5)
        assert bot.replied(still).text == "You said: @agent-bot how much?"
    assert [m.text for m in world.messages(CID) if m.user.id == BOT.id] == ["You said: @agent-bot how much?"]
    assert _reasons(logs, question) == ["the question was edited, and is none for the bot any more"]


async def test_two_bots_that_answer_everything_do_not_answer_each_other(world: World, timing: Timing) -> None:
    world.room(CID)
    twin = {"identity": {"user_id": "second", "name": "Second"}}
    first, second = ScriptedAgent(), ScriptedAgent()
    async with (
        Running(world, first, timing=timing),
        Running(world, second, timing=timing, definition=twin, name="second"),
    ):
        world.post(CID, "Hello both")
        await asyncio.sleep(120)
    assert len(world.messages(CID)) == 3


async def test_an_account_that_answers_by_itself_ends_a_loop_by_the_declared_cap(
    world: World, agent: ScriptedAgent, timing: Timing
) -> None:
    """Nobody marked it: it answers everything that the bot says, with another text every time."""
    world.room(CID)
    agent.script = lambda c: [Pause(0.2), answer(f"Interesting. Tell me more about number {len(c.utterances)}.")]
    async with Running(world, agent, timing=timing, definition=only(turns_without_person=5)) as bot:
        for number in range(30):
            world.post(CID, f"My thought number {number} is new", user=MALLORY)
            await asyncio.sleep(2)
        person = world.post(CID, "What is going on here?")
        await asyncio.sleep(2)
        assert bot.reply_to(person) is not None
    assert len([m for m in world.messages(CID) if m.user.id == BOT.id]) == 6


async def test_an_account_that_echoes_with_several_messages_on_their_way_is_no_person(
    world: World, agent: ScriptedAgent, timing: Timing
) -> None:
    """Each of its messages is written before the bot answered the one before."""
    world.room(CID)
    agent.script = lambda _: [Pause(1.0), answer(f"This is answer number {len(agent.asked)} of mine.")]
    async with Running(world, agent, timing=timing) as bot:
        asked = [world.post(CID, text, user=MALLORY) for text in ("Hello", "Are you there?")]
        for message in asked:
            while (reply := bot.reply_to(message)) is None or reply.generating:
                await asyncio.sleep(0.1)
                if len(asked) > 40 or asyncio.get_running_loop().time() > 200:
                    break
            if reply is None or len(asked) > 40:
                break
            asked.append(world.post(CID, f"> {reply.text}", user=MALLORY))
        person = world.post(CID, "What is going on here?")
        await asyncio.sleep(10)
        assert bot.reply_to(person) is not None
    assert len(agent.asked) <= 10


async def test_an_account_that_takes_up_the_bots_words_is_no_person(
    world: World, agent: ScriptedAgent, timing: Timing
) -> None:
    """The same without a word of the definition: it is told by what it says."""
    world.room(CID)
    agent.script = lambda c: [answer("Consider " + " ".join(f"fact{len(agent.asked)}-{n}" for n in range(8)))]
    async with Running(world, agent, timing=timing) as bot:
        message = world.post(CID, "Hello", user=MALLORY)
        await asyncio.sleep(1)
        while (reply := bot.reply_to(message)) is not None and len(agent.asked) < 50:
            message = world.post(CID, f"Bravo: you said {reply.text[:60]}", user=MALLORY)
            await asyncio.sleep(1)
    assert len(agent.asked) == 20


@pytest.mark.parametrize("rounds", [4, 7])
@pytest.mark.parametrize("in_thread", [False, True])
async def test_rounds_of_another_process_count_as_well(
    world: World, agent: ScriptedAgent, timing: Timing, *, rounds: int, in_thread: bool
) -> None:
    """As after a restart, or with replicas: what this process did not see itself stands in the channel."""
    world.room(CID)
    agent.script = lambda _: [answer("Of course.")]
    sent = 0
    parent = world.post(CID, "A topic", user=CARL, announce=False).id if in_thread else None
    answered = True
    while answered and sent < 50:
        async with Running(world, agent, timing=timing) as bot:
            for _ in range(rounds):
                text = f"Thank you for your message, case {sent} is open now"
                message = world.post(CID, text, user=MALLORY, parent=parent)
                sent += 1
                await asyncio.sleep(0.5)
                answered = bot.reply_to(message) is not None
    assert 15 < len(agent.asked) <= 20 + rounds
    async with Running(world, agent, timing=timing) as bot:
        person = world.post(CID, "What is going on here?", parent=parent)
        await asyncio.sleep(0.5)
        assert bot.reply_to(person) is not None


@pytest.mark.parametrize(
    ("texts", "most"), [(("Thank you for your message.", "We are closed for today."), 22), (("Bye", "You too"), 102)]
)
async def test_an_account_that_takes_turns_with_two_texts_comes_to_an_end(
    texts: tuple[str, str], most: int, world: World, agent: ScriptedAgent, timing: Timing
) -> None:
    """Two automata that are polite to each other for ever: neither takes up what the other says."""
    world.room(CID)
    agent.script = lambda _: [answer("Of course.")]
    async with Running(world, agent, timing=timing) as bot:
        message = world.post(CID, "Hello", user=MALLORY)
        await asyncio.sleep(0.5)
        while bot.reply_to(message) is not None and len(agent.asked) < 150:
            message = world.post(CID, texts[len(agent.asked) % 2], user=MALLORY)
            await asyncio.sleep(0.5)
        assert len(agent.asked) <= most
        person = world.post(CID, "What is going on here?")
        await asyncio.sleep(0.5)
        assert bot.reply_to(person) is not None


async def test_a_lone_customer_may_ask_all_day_long(world: World, agent: ScriptedAgent, timing: Timing) -> None:
    world.room(CID)
    async with Running(world, agent, timing=timing) as bot:
        for number in range(60):
            message = world.post(CID, f"Question {number}")
            await asyncio.sleep(4 + number % 5)
            assert bot.reply_to(message) is not None


def _timing(start: datetime) -> Timing:
    """A clock that shows `start` now, whatever the loop's time."""
    loop = asyncio.get_running_loop()
    begun = loop.time()
    return Timing(
        now=lambda: start + timedelta(seconds=loop.time() - begun),
        monotonic=loop.time,
        sleep=asyncio.sleep,
        uniform=lambda low, high: (low + high) / 2,
    )


def _reasons(logs: Logs, message: Message) -> list[object]:
    return [
        entry["reason"] for entry in logs if entry["event"] == "turn.decided" and entry.get("message") == message.id
        and entry["answer"] is False
    ]  # fmt: skip
