"""What a message that asks the team for a decision says of itself, in its own custom fields."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, Self

from framework.runtime.approvals_words import ACTION
from framework.stream.model import Action, Card, ChannelRef, Message

FIELD = "review"
Kind = Literal["draft", "tool"]
State = Literal["waiting", "sent", "edited", "dropped", "expired", "approved", "denied"]
_STATES = frozenset({"waiting", "sent", "edited", "dropped", "expired", "approved", "denied"})


@dataclass(frozen=True)
class Review:
    """A decision that is asked for, or was made. `channel` is where the customer is, `trigger` the message that led to
    it (a `made_up` one the channel does not have), `reply` the id of the turn's reply.

    For a draft: where the reply is to stand, in how many `parts`, and with which `facts`. For a tool call: its `call`
    at the approval desk, and whose turn it was (`asked_for`). `decided_by` is a name for people, `key` what decided,
    `visible_to` the only users who may see the reply (empty: every member).
    """

    kind: Kind
    channel: str
    reply: str
    trigger: str
    state: State = "waiting"
    made_up: bool = False
    parent_id: str | None = None
    show_in_channel: bool = False
    parts: int = 1
    facts: Mapping[str, Any] = field(default_factory=dict)
    call: str = ""
    asked_for: str = ""
    decided_by: str = ""
    key: str = ""
    visible_to: tuple[str, ...] = ()

    @classmethod
    def read(cls, message: Message) -> Self | None:
        """What a message says; None: nothing is to be decided there."""
        value = message.custom.get(FIELD)
        if not isinstance(value, Mapping) or value.get("kind") not in {"draft", "tool"}:
            return None
        known = {name: value[name] for name in cls.__dataclass_fields__ if name in value}
        named = all(known.get(name) for name in ("channel", "reply", "trigger"))
        if known.get("state", "waiting") not in _STATES or not named:
            return None
        known["visible_to"] = tuple(known.get("visible_to", ()))
        return cls(**known)

    def field(self) -> dict[str, Any]:
        """What is kept in the message; what is not said is left out."""
        return {name: value for name in self.__dataclass_fields__ if (value := getattr(self, name)) or name == "state"}

    @property
    def ref(self) -> ChannelRef:
        """The customer's channel."""
        return ChannelRef.parse(self.channel)

    def card(self, title: str, text: str = "") -> Card:
        """What stands below the message: the `text`, about what and how to decide, or what was decided."""
        if self.state == "waiting":
            return Card(title, text, _BUTTONS[self.kind])
        by = f" by {self.decided_by}" if self.decided_by else ""
        return Card(title, f"{self.state.capitalize()}{by}.")


_BUTTONS = {
    "draft": (Action(ACTION, "send", "Send", primary=True), Action(ACTION, "drop", "Drop")),
    "tool": (Action(ACTION, "approve", "Approve", primary=True), Action(ACTION, "deny", "Deny")),
}
