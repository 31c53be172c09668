"""What is left of a message that calls the bot."""

from __future__ import annotations

import pytest

from framework.agent.conversation import Caller, Conversation, Utterance
from framework.agent.embedded.address import unaddressed, without_names

NAMES = ("Fernly Support", "agent-bot")


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("@Fernly Support where is my parcel?", "where is my parcel?"),
        ("hey @fernly support, where is it?", "hey, where is it?"),
        ("Where is it, @agent-bot?", "Where is it,?"),
        ("Fernly Support: open a ticket", "open a ticket"),
        ("Is Fernly Support open on Sundays?", "Is Fernly Support open on Sundays?"),
        ("Fernly Support is great", "Fernly Support is great"),
        ("write to me@agent-bot.example", "write to me@agent-bot.example"),
        ("@agent-bots are many", "@agent-bots are many"),
        ("@agent-bot", "@agent-bot"),
        ("No name  here", "No name  here"),
    ],
)
def test_the_bots_name_is_left_out_where_it_is_called(text: str, left: str) -> None:
    assert unaddressed(text, NAMES) == left


def test_only_what_people_said_is_changed() -> None:
    said = (Utterance("bot", "I am @agent-bot"), Utterance("user", "@agent-bot hello"))
    left = without_names(Conversation(said, Caller("ann")), NAMES)
    assert [one.text for one in left.utterances] == ["I am @agent-bot", "hello"]
