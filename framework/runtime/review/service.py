"""What the team decides on: show it, take the word of the first who decides, carry it out once.

The record is in the database (`framework.approvals`). The channel shows it, and brings the words of the team.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace

import structlog

from framework.approvals import Approval, ApprovalStore, Decision, NotWaitingError
from framework.definition.parts.conditions import Team
from framework.engine.port import Job
from framework.errors import ChatServiceError
from framework.names import plain_name
from framework.runtime.core.bot import RunningBot
from framework.runtime.core.job import TurnRequest
from framework.runtime.core.turn import Cause, Turn, unfenced
from framework.runtime.reply.post import post_once
from framework.runtime.reply.split import split
from framework.runtime.review.card import ReviewCards
from framework.runtime.review.record import Origin, channel_of, outcome_of, said
from framework.runtime.state.ids import TurnIds
from framework.runtime.state.own import own
from framework.runtime.team.channels import REMEDY, prepare
from framework.runtime.team.people import acts, audience
from framework.runtime.team.words import Word
from framework.stream.model import ChannelRef, Message, OutgoingMessage, User
from framework.stream.port import Check
from framework.stream.timing import Timing

_log = structlog.get_logger(__name__)

Later = Callable[[Job], Awaitable[bool]]
"""Have a job done, durably. False: it is known."""
ONLY_TEAM = "only the team decides"


@dataclass(frozen=True)
class Said:
    """A word of somebody's: which message or reaction said it, and the key of the job that brings it."""

    word: Word
    user: User
    how: str
    key: str


class ReviewService:
    """Reviews of one bot. Every method raises ChatServiceError and EngineError."""

    def __init__(self, bot: RunningBot, store: ApprovalStore, timing: Timing, later: Later | None = None) -> None:
        self.store = store
        self._bot = bot
        self._service = bot.service
        self._timing = timing
        self._later = later
        self.cards = ReviewCards(bot.service, store, bot.user_id)

    async def place(self, turn: Turn, approval: Approval, origin: Origin) -> Approval | None:
        """Say where an approval will be shown, once. None: there is nobody who could see it."""
        place = place_of_reviews(turn)
        if approval.card is None and place != turn.channel and not await self._is_the_teams(turn, place):
            place = turn.channel
        if place == turn.channel and approval.card is None:
            viewers = await audience(self._service, turn.definition.team, turn.channel)
            if not viewers:
                _log.error("review.nobody", hint="Name a channel in `drafts.channel`, or people in `team.users`.")
                return None
            origin = replace(origin, viewers=viewers)
        about = {**approval.request.about, **origin.as_json()}
        return await self.store.place(approval.id, str(place), len(origin.texts), about)

    async def _is_the_teams(self, turn: Turn, place: ChannelRef) -> bool:
        """Whether the team's channel is the team's alone. If not, the team is asked in the turn's own channel, where
        nobody else sees it.
        """
        try:
            reason = await prepare(self._service, turn.bot_user_id, turn.definition.team, place)
        except ChatServiceError as error:
            if error.retryable:
                raise
            reason = error.what
        if reason is not None:
            _log.error("review.elsewhere", channel=str(place), shown_in=str(turn.channel), why=reason, hint=REMEDY)
        return reason is None

    async def show(self, approval: Approval, *, check: Check) -> None:
        """Show a placed approval, as far as that was not done."""
        if approval.state == "waiting" and (approval.card is None or not approval.card.seen):
            await self.cards.show(approval, check=check)

    async def decide(self, approval: Approval, said_: Said, *, check: Check = unfenced) -> str:
        """Take somebody's word and carry it out. Returns what came of it, for the log.

        Whether they may decide is asked of the service now: a role may have been taken away since the card was shown.
        """
        if approval.state != "waiting":
            return await self._too_late(approval, check)
        refused = await self._refusal(approval, said_)
        if refused:
            return refused
        if await self.cards.was_decided(approval):
            await self.store.withdraw(approval.id)
            _log.error("review.restored", number=approval.number, hint="The database is older than the channel.")
            return "it was decided before the database was restored"
        if not await self.cards.is_intact(approval):
            return "the card was not shown as it is recorded: decide again"
        decision = await self._decision(approval, said_)
        try:
            decided = await self.store.decide(approval.id, decision)
        except NotWaitingError:
            return await self._too_late(await self.store.get(approval.id), check)
        _log.info(
            "review.decided",
            kind=approval.request.kind,
            state=outcome_of(decided),
            by=decision.by,
            number=approval.number,
            audit=True,
        )
        await self.carry_out(decided, check=check)
        return f"{said(decided)} {outcome_of(decided)} by {plain_name(decision.name) or decision.by}"

    async def expire(self, approval: Approval) -> str:
        """End what nobody decided on in time. Who asked for a tool call is told that it was not approved."""
        expired = await self.store.expire(approval.id)
        if expired is None:
            return "decided before"
        _log.warning("review.expired", kind=approval.request.kind, number=approval.number)
        await self.carry_out(expired)
        return "expired"

    async def carry_out(self, approval: Approval, *, check: Check = unfenced) -> None:
        """Do what was decided, as far as it is not done. What it does is read from the database alone."""
        await self.cards.update(approval, check=check)
        if approval.request.kind == "tool":
            await self._follow_up(approval)
            return
        if approval.state == "approved":
            await self._send(approval, check)
            await self.store.finish(approval.id, "sent")
        await self._forget_note(approval, check)

    async def _forget_note(self, approval: Approval, check: Check) -> None:
        """Delete the note that the customer got meanwhile. Only what the bot wrote is deleted."""
        if not self._bot.at(channel_of(approval)).definition.phrases.draft:
            return
        found = await self._service.messages(channel_of(approval), self._ids(approval).chain("note"))
        for id_, note in found.items():
            if own(note, self._bot.user_id):
                await self._service.delete(id_, check=check)

    async def _too_late(self, approval: Approval, check: Check) -> str:
        await self.carry_out(approval, check=check)
        by = approval.decision.person if approval.decision else "nobody"
        return f"the {said(approval)} was {outcome_of(approval)} by {by} before"

    async def _refusal(self, approval: Approval, said_: Said) -> str:
        """Why this word of this person does not count; empty if it does."""
        if approval.request.kind == "tool" and said_.word.kind == "edit":
            return "a tool call cannot be edited"
        team, place = self._team(approval), ChannelRef.parse(approval.card.channel) if approval.card else None
        if place is None or not await acts(self._service, team, place, said_.user):
            return ONLY_TEAM
        own = approval.request.asked_by == said_.user.id and not team.approve_own
        if approval.request.kind == "tool" and said_.word.kind == "yes" and own:
            return "who asked for a tool call cannot approve it"
        return ""

    async def _decision(self, approval: Approval, said_: Said) -> Decision:
        word, user = said_.word, said_.user
        approve = word.kind != "no"
        if approve and approval.request.kind == "draft" and await self._question_gone(approval):
            return Decision(False, user.id, user.name, f"{said_.how}; the question was deleted", said_.key)
        content = None
        if word.kind == "edit":
            longest = self._bot.at(channel_of(approval)).definition.reply.max_length
            content = {**approval.content, "texts": list(split(word.text, longest))}
        return Decision(approve, user.id, plain_name(user.name), said_.how, said_.key, content)

    async def _question_gone(self, approval: Approval) -> bool:
        origin = Origin.of(approval)
        if origin.made_up:
            return False
        found = (await self._service.messages(channel_of(approval), [origin.trigger])).get(origin.trigger)
        return found is None or found.deleted_at is not None

    async def _send(self, approval: Approval, check: Check) -> None:
        """Post the draft to the customer. The reply's own id keeps it from being posted twice."""
        origin, ids, texts = Origin.of(approval), self._ids(approval), list(approval.content["texts"])
        by = approval.decision.name or approval.decision.by if approval.decision else ""
        first = ids.reply[0]
        for number, text in reversed(list(enumerate(texts, start=1))):
            whole = {**origin.facts, "reply_to": origin.trigger, "approved_by": by}
            reply = OutgoingMessage(
                first,
                text,
                parent_id=origin.parent_id,
                show_in_channel=origin.show_in_channel,
                custom=whole if number == 1 else {"part_of": first},
                visible_to=origin.audience,
            )
            chain = ids.chain("reply", part=number)
            await post_once(
                self._service, channel_of(approval), chain, reply, bot_user_id=self._bot.user_id, check=check
            )

    async def _follow_up(self, approval: Approval) -> None:
        """Have a turn run that makes the call, and reports to who asked for it what came of that."""
        if self._later is None or approval.state == "done":
            return
        request, origin = approval.request, Origin.of(approval)
        trigger = Message(
            id=f"decided-{approval.id}",
            channel=channel_of(approval),
            user=User(request.asked_by, request.asked_name),
            text="",
            created_at=self._timing.now(),
            parent_id=origin.parent_id,
        )
        by = f" by {approval.decision.by}" if approval.decision else ""
        cause = Cause(
            made_up=True,
            decided=approval.id,
            detail=f"{request.subject} was {outcome_of(approval)}{by}",
            visible_to=origin.audience,
        )
        await self._later(TurnRequest(self._bot, trigger, "live", cause).job(now=self._timing.now()))

    def _ids(self, approval: Approval) -> TurnIds:
        origin = Origin.of(approval)
        return self._bot.ids.of(origin.trigger, made_up=origin.made_up)

    def _team(self, approval: Approval) -> Team:
        return self._bot.at(channel_of(approval)).definition.team


def place_of_reviews(turn: Turn) -> ChannelRef:
    """Where the team decides about what happens in a turn's channel."""
    named = turn.definition.drafts.channel
    return ChannelRef.parse(named) if named else turn.channel
