"""What the runtime has to know again of a draft or a tool call once the team decided. It is kept in the database."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from framework.approvals import Approval
from framework.runtime.core.turn import Turn
from framework.runtime.reply.place import place_of
from framework.runtime.state.own import REVIEW
from framework.runtime.team.words import ACTION
from framework.stream.model import CardAction, ChannelRef, MessageCard
from framework.values import Untyped

_SAID = {"draft": "draft", "tool": "tool call"}
_YES = {"draft": "sent", "tool": "approved"}
_NO = {"draft": "dropped", "tool": "denied"}
_BUTTONS = {
    "draft": (CardAction(ACTION, "send", "Send", primary=True), CardAction(ACTION, "drop", "Drop")),
    "tool": (CardAction(ACTION, "approve", "Approve", primary=True), CardAction(ACTION, "deny", "Deny")),
}
LOST = "lost"
"""The state that a card shows whose record is not in the database."""


@dataclass(frozen=True)
class Origin:
    """Where a review comes from: the turn's trigger (a `made_up` one the channel does not have), and where what it
    leads to is to stand. `audience`: the only people who may see that. `facts` go into a reply's custom fields. `title`
    and `text` stand on the card, `texts` are its messages, `viewers` the only people who see it (none: the channel).
    """

    trigger: str
    made_up: bool = False
    parent_id: str | None = None
    show_in_channel: bool = False
    audience: tuple[str, ...] = ()
    facts: Mapping[str, Any] = field(default_factory=dict)
    title: str = ""
    text: str = ""
    texts: tuple[str, ...] = ()
    viewers: tuple[str, ...] = ()

    @classmethod
    def of_turn(cls, turn: Turn, **more: Untyped) -> Origin:
        """The origin of what a turn asks for."""
        place = place_of(turn)
        return cls(
            trigger=turn.trigger.id,
            made_up=turn.cause.made_up,
            parent_id=place.parent_id,
            show_in_channel=place.show_in_channel,
            audience=turn.visible_to,
            **more,
        )

    @classmethod
    def of(cls, approval: Approval) -> Origin:
        """The origin of what the team decided on."""
        about = approval.request.about
        known: dict[str, Any] = {name: about[name] for name in cls.__dataclass_fields__ if name in about}
        for name in ("audience", "texts", "viewers"):
            known[name] = tuple(known.get(name, ()))
        return cls(**{"trigger": "", **known})

    def as_json(self) -> dict[str, Any]:
        """As it is kept."""
        return asdict(self)


def channel_of(approval: Approval) -> ChannelRef:
    """The channel where the turn was."""
    return ChannelRef.parse(approval.request.channel)


def said(approval: Approval) -> str:
    """Return the kind in words for people."""
    return _SAID[approval.request.kind]


def outcome_of(approval: Approval) -> str:
    """The state, in the words of its kind."""
    if approval.state in {"waiting", "expired"}:
        return approval.state
    if approval.decision is None or not approval.decision.approve:
        return _NO[approval.request.kind]
    return "edited" if approval.edited else _YES[approval.request.kind]


def field_of(approval: Approval) -> dict[str, Any]:
    """The custom field by which clients draw the card. Nothing is ever read back from it."""
    shown = {
        "kind": str(approval.request.kind),
        "state": outcome_of(approval),
        "number": approval.number,
        "channel": approval.request.channel,
    }
    if approval.decision is not None:
        shown["decided_by"] = approval.decision.name or approval.decision.by
    return {REVIEW: shown}


def card_of(approval: Approval) -> MessageCard:
    """What stands below the first message: about what and how to decide, or what was decided."""
    origin = Origin.of(approval)
    if approval.state == "waiting":
        return MessageCard(origin.title, origin.text, _BUTTONS[approval.request.kind])
    by = f" by {approval.decision.person}" if approval.decision else ""
    return MessageCard(origin.title, f"{outcome_of(approval).capitalize()}{by}.")
