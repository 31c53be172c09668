"""The texts of a poll that others than its author wrote: suggested options, and answers in people's own words."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from framework.moderation.decisions import Effect
from framework.moderation.guard import GuardDecision
from framework.moderation.message import Piece, Screened
from framework.moderation.rules.outcome import Outcome
from framework.moderation.wire import screened_of
from framework.stream.wire import read_time
from framework.values import JsonObject

_OPTIONS = ("poll", "options")
_NOT_SAID = (("id",), ("poll_id",), ("created_at",), ("updated_at",))
"""What the service itself writes into an option."""


def is_open(message: JsonObject) -> bool:
    """Whether the message shows a poll to which others may add options."""
    return _poll(message).get("allow_user_suggested_options") is True


def without_options(message: Screened) -> Screened:
    """The message without the options of its poll."""
    return replace(message, pieces=tuple(piece for piece in message.pieces if piece.path[:2] != _OPTIONS))


def contributions(message: JsonObject, whole: Screened) -> Iterator[tuple[Screened, Effect]]:
    """What others may have added to the poll of a message, each text by itself, and how it is taken away.

    The service does not say who suggested an option: its author is nobody. Who answers an anonymous poll is not known
    either: such an answer can be taken away with the whole message only. Each text stands under the id of its option or
    answer, so that it is the same text wherever others push it.
    """
    poll = _poll(message)
    about = {"poll": str(poll.get("id") or ""), "closed": poll.get("is_closed") is True}
    if is_open(message):
        for piece in whole.pieces:
            said = piece.path[:2] == _OPTIONS and piece.path[3:4] not in _NOT_SAID
            if said and (option := _option(poll, piece)):
                placed = Piece((*_OPTIONS, option, *piece.path[3:]), piece.text)
                screened = Screened(whole.channel, "", (placed,), message_id=whole.message_id, at=whole.at)
                yield screened, Effect("drop_from_poll", {**about, "option": option})
    for answer in _list(poll.get("latest_answers")):
        text = answer.get("answer_text")
        if not isinstance(text, str) or not text.strip():
            continue
        by = screened_of({"user": answer.get("user"), "user_id": answer.get("user_id")})
        vote, user = str(answer.get("id") or ""), by.user_id
        piece = Piece(("poll", "latest_answers", vote, "answer_text"), text)
        at = read_time(answer.get("updated_at"))
        screened = replace(by, channel=whole.channel, pieces=(piece,), message_id=whole.message_id, at=at)
        drop = Effect("drop_from_poll", {**about, "vote": vote, "of": user})
        yield screened, drop if vote and user else Effect("delete")


def effects_on_contribution(
    found: Sequence[Effect], added: Screened, decision: GuardDecision, removal: Effect
) -> list[Effect]:
    """What follows from a decision on such a text: it is taken away, and the message stays."""
    without = {"delete", "shadow", "hold", "rewrite"} | (set() if added.user_id else {"mute", "ban"})
    others = [one for one in found if one.kind not in without]
    return others if decision.outcome in {Outcome.ALLOW, Outcome.FLAG} else [removal, *others]


def _option(poll: Mapping[str, Any], piece: Piece) -> str:
    """The id of the option in which a text stands; "" if the service named none."""
    options, place = _list(poll.get("options")), piece.path[2]
    inside = isinstance(place, int) and place < len(options)
    return str(options[place].get("id") or "") if inside and isinstance(place, int) else ""


def _poll(message: JsonObject) -> Mapping[str, Any]:
    poll = message.get("poll")
    return poll if isinstance(poll, Mapping) else {}


def _list(value: object) -> list[Mapping[str, Any]]:
    return [one if isinstance(one, Mapping) else {} for one in value] if isinstance(value, list) else []
