"""The team's desk: show what is to be decided, take the word of the first who decides, and carry it out once."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol, runtime_checkable

import structlog

from framework.definition.conditions import Team
from framework.definition.model import BotDefinition
from framework.engine.port import Job
from framework.errors import EngineError, FrameworkError
from framework.names import shown_name
from framework.runtime.approvals_record import FIELD, Review, State
from framework.runtime.approvals_words import Word
from framework.runtime.bot import RunningBot
from framework.runtime.ids import Purpose, TurnIds
from framework.runtime.job import new_turn, to_job
from framework.runtime.own import own
from framework.runtime.post import Posted, post_once
from framework.runtime.split import split
from framework.runtime.team import audience
from framework.runtime.turn import Cause, Turn, unfenced
from framework.stream.model import ChannelRef, Message, OutgoingMessage, User
from framework.stream.timing import Timing

_log = structlog.get_logger(__name__)

Later = Callable[[Job], Awaitable[bool]]
"""Have a job done, durably. False: it is known."""
Fence = Callable[[], Awaitable[None]]
_STATES: dict[tuple[str, str], State] = {
    ("draft", "yes"): "sent",
    ("draft", "edit"): "edited",
    ("draft", "no"): "dropped",
    ("tool", "yes"): "approved",
    ("tool", "no"): "denied",
}
_SAID = {"draft": "draft", "tool": "tool call"}


@runtime_checkable
class HasDesk(Protocol):
    """An agent whose tool calls may need approval."""

    @property
    def desk(self) -> CallDesk | None:
        """Where they wait."""


class CallDesk(Protocol):
    """Where tool calls wait for a decision."""

    async def decide(self, name: str, *, approve: bool, by: str) -> object:
        """Approve or deny a call. Raises FrameworkError where it does not wait (any more)."""

    async def get(self, name: str) -> Any:  # noqa: ANN401 - a call: its state, decided_by, user_id, user_name
        """A call, whatever its state. Raises FrameworkError where there is none."""


@dataclass(frozen=True)
class Decision:
    """A word, of whom, and the key of the job that brings it: the same job may come again."""

    word: Word
    user: User
    key: str

    @property
    def by(self) -> str:
        """The name for people."""
        return shown_name(self.user.name, self.user.id)


class Desk:
    """Shows reviews of one bot and carries decisions out. Every call raises ChatServiceError."""

    def __init__(self, bot: RunningBot, timing: Timing, later: Later | None = None) -> None:
        self._bot = bot
        self._service = bot.service
        self._timing = timing
        self._later = later

    async def show(
        self,
        turn: Turn,
        review: Review,
        texts: Sequence[str],
        *,
        purpose: Purpose,
        title: str,
        about: str,
        name: str = "",
    ) -> str | None:
        """Post what is to be decided, once: in the review channel, or where it belongs, for the team's eyes alone.

        Returns the message's id. None: there is nobody who could see it.
        """
        place = place_of_reviews(turn)
        visible_to: tuple[str, ...] = ()
        if place == turn.channel:
            visible_to = await audience(self._service, turn.definition.team, turn.channel)
            if not visible_to:
                _log.error("review.nobody", hint="Name a channel in `drafts.channel`, or people in `team.users`.")
                return None
        card = review.card(title, f"{about}\n{_how(review, turn.definition)}".strip())
        message = OutgoingMessage("", texts[0], custom={FIELD: review.field()}, visible_to=visible_to, card=card)
        first = await self._post(turn.fence, place, turn.ids.chain(purpose, name=name), message)
        for number, text in enumerate(texts[1:], start=2):
            more = OutgoingMessage("", text, parent_id=first.own.id, visible_to=visible_to)
            await self._post(turn.fence, place, turn.ids.chain(purpose, part=number, name=name), more)
        return first.own.id

    async def decide(self, message: Message, review: Review, decision: Decision, *, fence: Fence = unfenced) -> str:
        """Take a decision and carry it out. Returns what came of it, for the log.

        What was decided is written down first, then done; a decision that comes again, or too late, does what is left.
        """
        state = _STATES.get((review.kind, decision.word.kind))
        if state is None:
            return f"a {_SAID[review.kind]} cannot be edited"
        if review.state != "waiting":
            await self.carry_out(message, review, fence)
            return f"the {_SAID[review.kind]} was {review.state} by {review.decided_by or 'nobody'} before"
        if state == "approved" and review.asked_for == decision.user.id and not self._team(review).approve_own:
            return "who asked for a tool call cannot approve it"
        if review.kind == "draft" and state != "dropped" and await self._question_gone(review):
            state, decision = "dropped", replace(decision, user=User("", "the one who deleted the question"))
        decided = replace(review, state=state, decided_by=decision.by, key=decision.key)
        text = decision.word.text if state == "edited" else None
        parts = self._split(decided, text) if text is not None else ()
        if parts:
            decided = replace(decided, parts=len(parts))
        await self._write_down(message, decided, parts, fence)
        shown = replace(message, text=parts[0] if parts else message.text)
        await self.carry_out(shown, decided, fence)
        _log.info("review.decided", kind=review.kind, state=state, by=decision.user.id, review=message.id)
        return f"{_SAID[review.kind]} {state} by {decision.by}"

    async def expire(self, message: Message, review: Review) -> None:
        """Nobody decided in time. Who asked for a tool call is told that it was not approved."""
        if review.kind == "tool":
            await self._decide_call(replace(review, state="expired"))
        await self._write_down(message, replace(review, state="expired"), (), unfenced)
        await self._forget_note(review)
        _log.warning("review.expired", kind=review.kind, review=message.id)

    async def _write_down(self, message: Message, decided: Review, parts: Sequence[str], fence: Fence) -> None:
        title = next((attachment.title for attachment in message.attachments), "")
        await fence()
        await self._service.amend(
            message.id,
            text=parts[0] if parts else None,
            custom={FIELD: decided.field()},
            card=decided.card(title or decided.kind),
        )
        for number, text in enumerate(parts[1:], start=2):
            more = OutgoingMessage("", text, parent_id=message.id, visible_to=message.visible_to)
            posted = await self._post(fence, message.channel, self._ids(decided).chain("draft", part=number), more)
            if not posted.is_new:
                await self._service.amend(posted.own.id, text=text)

    async def carry_out(self, message: Message, review: Review, fence: Fence = unfenced) -> None:
        """Do what was decided, as far as it is not done."""
        if review.kind == "tool":
            if review.state in {"approved", "denied"}:
                await self._decide_call(review)
            return
        if review.state in {"sent", "edited"}:
            await self._send(message, review, fence)
        await self._forget_note(review)

    async def _send(self, message: Message, review: Review, fence: Fence) -> None:
        """Post the draft to the customer. The reply's own id makes it one, whoever else posts it too."""
        ids = self._ids(review)
        drafted = [ids.chain("draft", part=number) for number in range(2, review.parts + 1)]
        found = await self._service.messages(message.channel, [id_ for chain in drafted for id_ in chain])
        ours = {id_: one for id_, one in found.items() if own(one, self._bot.user_id)}
        more = (next((ours[id_] for id_ in chain if id_ in ours), None) for chain in drafted)
        texts = [message.text, *(one.text for one in more if one is not None)]
        for number, text in reversed(list(enumerate(texts, start=1))):
            part = {"part_of": ids.reply[0]}
            whole = {**review.facts, "reply_to": review.trigger, "approved_by": review.decided_by}
            reply = OutgoingMessage(
                "",
                text,
                parent_id=review.parent_id,
                show_in_channel=review.show_in_channel,
                custom=whole if number == 1 else part,
                visible_to=review.visible_to,
            )
            await self._post(fence, review.ref, ids.chain("reply", part=number), reply)

    async def _question_gone(self, review: Review) -> bool:
        if review.made_up:
            return False
        found = (await self._service.messages(review.ref, [review.trigger])).get(review.trigger)
        return found is None or found.deleted_at is not None

    async def _forget_note(self, review: Review) -> None:
        """What the customer was told meanwhile is past."""
        if review.kind != "draft":
            return
        found = await self._service.messages(review.ref, self._ids(review).chain("note"))
        for id_, note in found.items():
            if own(note, self._bot.user_id):
                await self._service.delete(id_)

    def _ids(self, review: Review) -> TurnIds:
        """Those of the turn that asked for the decision."""
        return self._bot.ids.of(review.trigger, made_up=review.made_up)

    async def _decide_call(self, review: Review) -> None:
        """Tell the desk, and have a turn run that makes the call and reports what came of it."""
        agent = self._bot.at(review.ref).agent
        desk = agent.desk if isinstance(agent, HasDesk) else None
        if desk is None or self._later is None:
            _log.error("review.no_desk", call=review.call)
            return
        call = await _settled(desk, review)
        trigger = Message(
            id=f"decided-{review.call}",
            channel=review.ref,
            user=User(call.user_id, call.user_name),
            text="",
            created_at=self._timing.now(),
            parent_id=review.parent_id,
        )
        detail = f"{call.tool} was {review.state} by {review.decided_by}"
        cause = Cause(made_up=True, decided=review.call, detail=detail, visible_to=review.visible_to)
        turn = new_turn(self._bot, trigger, now=self._timing.now(), origin="live", cause=cause)
        await self._later(to_job(turn))

    def _team(self, review: Review) -> Team:
        return self._bot.at(review.ref).definition.team

    def _split(self, review: Review, text: str) -> tuple[str, ...]:
        return split(text, self._bot.at(review.ref).definition.reply.max_length)

    async def _post(self, fence: Fence, channel: ChannelRef, chain: Sequence[str], message: OutgoingMessage) -> Posted:
        bot = self._bot.user_id
        return await post_once(self._service, channel, chain, message, bot_user_id=bot, check=fence)


async def _settled(desk: CallDesk, review: Review) -> Any:  # noqa: ANN401 - see CallDesk.get
    """The call, decided. Raises EngineError where that cannot be kept now."""
    try:
        try:
            await desk.decide(review.call, approve=review.state == "approved", by=review.decided_by)
        except FrameworkError as error:
            call = await desk.get(review.call)
            if call.state == "waiting":
                raise
            _log.info("review.call_settled", call=review.call, why=error.what)  # by an earlier try, or elsewhere
            return call
        return await desk.get(review.call)
    except FrameworkError as error:
        raise EngineError(error.what, hint=error.hint) from error


def _how(review: Review, definition: BotDefinition) -> str:
    """How the team decides, in the bot's words."""
    phrases = definition.phrases
    if review.kind == "draft":
        return phrases.draft_how
    return (
        phrases.approval_how if definition.team.approve_own else f"{phrases.approval_how} {phrases.approval_by_another}"
    )


def place_of_reviews(turn: Turn) -> ChannelRef:
    """Where the team decides about what happens in a turn's channel."""
    named = turn.definition.drafts.channel
    return ChannelRef.parse(named) if named else turn.channel
