"""Read what the team decides about a draft or a tool call: a reply in its thread, a button, a reaction."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from framework.definition.model import BotDefinition
from framework.stream.model import ChannelRef, Message
from framework.values import Json

_YES = frozenset({"send", "approve", "approved"})
_NO = frozenset({"drop", "deny", "denied", "reject"})
YES_REACTIONS = _YES | {"like", "thumbs_up", "thumbsup", "+1", "white_check_mark"}
NO_REACTIONS = _NO | {"sad", "thumbs_down", "thumbsdown", "-1", "x"}
_EDIT = re.compile(r"\s*+/?edit\s*+:\s*+(\S.*)", re.IGNORECASE | re.DOTALL)
ACTION = "review"
"""The name of the buttons."""


@dataclass(frozen=True)
class Word:
    """A decision in a message or reaction. `text` is the new text, for an edit."""

    kind: Literal["yes", "no", "edit"]
    text: str = ""


def read_word(message: Message) -> Word | None:
    """Return what a reply, or a pressed button, decides; None if it is only talk."""
    pressed = _pressed(message.custom.get("action"))
    if found := _EDIT.fullmatch(message.text):
        return Word("edit", found[1].rstrip())
    said = (pressed or message.text).strip().strip(".!/").casefold()
    return Word("yes") if said in _YES else Word("no") if said in _NO else None


def read_reaction(kind: str) -> Word | None:
    """Return what a reaction decides."""
    return Word("yes") if kind in YES_REACTIONS else Word("no") if kind in NO_REACTIONS else None


def review_channels(definition: BotDefinition) -> tuple[ChannelRef, ...]:
    """Where the team decides, beside the channels themselves: those of the definition and of its overrides."""
    named = [definition.drafts.channel, *(override.drafts.channel for override in definition.overrides.values())]
    return tuple(dict.fromkeys(ChannelRef.parse(cid) for cid in named if cid))


def has_reviews(definition: BotDefinition) -> bool:
    """Whether a channel's own turns may lead to something to decide on. `definition` is the channel's."""
    return definition.drafts.enabled or any(rule.approval != "never" for rule in definition.tools)


def is_decided_in(channel: ChannelRef, here: BotDefinition, whole: BotDefinition) -> bool:
    """Whether the team may decide on something in a channel. `here` is its definition, `whole` the one of the bot."""
    return has_reviews(here) or channel in review_channels(whole)


def says_resume(message: Message, definition: BotDefinition) -> bool:
    """Whether a message is the command that ends a handover, as a text or as a slash command."""
    said = f"/{message.command} {message.text}" if message.command else message.text
    command = _plain(definition.handover.resume_command)
    return bool(command) and _plain(said) == command


def may_be_for_the_bot(message: Message, definition: BotDefinition) -> bool:
    """Whether a message may be a word to the bot itself, whatever its triggers say: about a draft, or to hand back.

    For catching up: the turn looks closer.
    """
    if definition.handover.enabled and says_resume(message, definition):
        return True
    decidable = is_decided_in(message.channel, definition, definition)
    return decidable and message.parent_id is not None and read_word(message) is not None


def _plain(text: str) -> str:
    return " ".join(text.split()).casefold()


def _pressed(action: Json) -> str:
    if isinstance(action, Mapping) and action.get("name") == ACTION and isinstance(action.get("value"), str):
        return str(action["value"])
    return ""
