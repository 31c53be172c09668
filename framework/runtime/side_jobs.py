"""What is to be done beside turns: reactions of the team and of customers, drafts that nobody decided on, handovers
that are over. Each is a job of its own with a derived key, so that it is done once, however often it is brought.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import structlog

from framework.approvals import Approval
from framework.engine.port import DeadLetter, Done, Engine, Execution, FencedError, Job, JobResult, Retry
from framework.errors import ChatServiceError, EngineError
from framework.runtime.core.bot import Limits, RunningBot
from framework.runtime.core.job import VERSION, patience
from framework.runtime.handover.steps import HandoverSteps
from framework.runtime.review.record import outcome_of
from framework.runtime.review.service import ReviewService, Said
from framework.runtime.state.feedback import Feedback
from framework.runtime.state.handover import Act, Handover
from framework.runtime.state.own import own
from framework.runtime.team.people import acts
from framework.runtime.team.words import has_reviews, is_decided_in, read_reaction, review_channels
from framework.stream.model import (
    EPOCH,
    ChannelRef,
    ChannelState,
    Message,
    Reaction,
    ReactionGone,
    ReactionNew,
    User,
    may_see,
)
from framework.stream.timing import Timing
from framework.values import Json

_log = structlog.get_logger(__name__)

SIDE_JOB = "errand"
"""The key in a job's payload that tells a side job from a turn."""
_REVIEWS = 300
"""Messages of a channel for reviews in which those that wait are looked for."""
_MOST_TRIES = 20
_REACTIONS_REMEMBERED = 50_000


class SideJobs:
    """Makes jobs of events and of looks into channels, and does them. `take` and `look` raise EngineError."""

    def __init__(
        self,
        bot: RunningBot,
        engine: Engine,
        reviews: ReviewService,
        handover: HandoverSteps,
        limits: Limits,
        timing: Timing,
    ) -> None:
        self._bot = bot
        self._engine = engine
        self._reviews = reviews
        self._handover = handover
        self._limits = limits
        self._timing = timing
        self._seen: OrderedDict[tuple[str, str, str, datetime], None] = OrderedDict()

    async def take(self, event: ReactionNew | ReactionGone) -> bool:
        """A reaction, or the end of one. False: it means nothing here, or it is known."""
        definition = self._bot.at(event.channel).definition
        given = isinstance(event, ReactionNew)
        resumes = definition.handover.enabled and event.kind == definition.handover.resume_reaction
        decidable = is_decided_in(event.channel, definition, self._bot.definition)
        decides = decidable and read_reaction(event.kind) is not None
        if (
            event.user.is_bot
            or event.user.banned
            or not (event.kind in definition.reply.feedback or (given and (resumes or decides)))
        ):
            return False
        return await self._react(event.channel, event.message_id, event.user, event.kind, event.at, given=given)

    async def look_at_handovers(self, states: Sequence[ChannelState]) -> None:
        """Channels were read, and their messages are not taken over yet: whose the channels are has to be known before.

        Raises ChatServiceError and EngineError.
        """
        handovers = await self._handovers(states)
        for state in states:
            await self._look_at_handover(state, handovers.get(str(state.channel)))

    async def look_for_forgotten(self) -> None:
        """Open handovers for which nobody came: the next person is called, and when hours begin, the team is told.

        Raises EngineError.
        """
        definition, now = self._bot.definition, self._timing.now()
        every = (definition, *definition.overrides.values())
        if not any(one.team.hours or one.handover.remind for one in every):
            return
        for cid, state in (await self._bot.handovers.open_ones(self._bot.scope)).items():
            channel, number = ChannelRef.parse(cid), state.reminders + 1
            lane, about = f"{self._bot.user_id}|{cid}|", {"channel": cid, "turn": state.turn}
            if self._handover.has_begun(channel, state, now):
                await self._accept(f"{self._bot.user_id}|hours|{cid}|{state.turn}", lane, {"do": "hours", **about})
            elif self._handover.is_due(channel, state, now):
                key = f"{self._bot.user_id}|remind|{cid}|{state.turn}|{number}"
                await self._accept(key, lane, {"do": "remind", "number": number, **about})

    async def look(self, states: Sequence[ChannelState]) -> None:
        """Channels were read: what of it is overdue, or was missed while nobody listened. Raises ChatServiceError."""
        for state in states:
            await self._look_at_reactions(state)
            await self._look_for_lost(state)
        await self._look_at_reviews({state.channel for state in states})

    async def _look_at_reviews(self, channels: set[ChannelRef]) -> None:
        """What waits for the team: decided by reactions that nobody heard, overdue, or decided and not carried out."""
        for approval in await self._reviews.store.open(self._bot.name):
            card = approval.card
            channel = ChannelRef.parse(card.channel if card else approval.request.channel or "messaging:none")
            lane = self._lane(channel, approval.card_id(1))
            payload = {"channel": str(channel), "approval": approval.id}
            if approval.state != "waiting":
                await self._accept(f"{approval.id}|carry out", lane, {"do": "carry out", **payload})
            elif self._timing.now() >= approval.expires_at:
                await self._accept(f"{approval.id}|expire", lane, {"do": "expire", **payload})
            elif card and channel in channels:
                await self._look_at(approval, channel)

    async def _look_for_lost(self, state: ChannelState) -> None:
        """Cards of the bot's that wait for a decision, and whose record is not in the database."""
        messages: Sequence[Message] = state.messages
        if state.channel in review_channels(self._bot.definition):
            messages = await self._bot.service.recent(state.channel, limit=_REVIEWS)
        elif not has_reviews(self._bot.at(state.channel).definition):
            return
        for message in messages:
            card = own(message, self._bot.user_id)
            if card is None or card.is_deleted or card.review is None or card.review.get("state") != "waiting":
                continue
            approval = await self._reviews.store.on_card(self._bot.name, str(state.channel), message.id)
            if approval is None:
                payload = {"do": "lost", "channel": str(state.channel), "message": message.id}
                await self._accept(f"{message.id}|lost", self._lane(state.channel, message.id), payload)

    async def _handovers(self, states: Sequence[ChannelState]) -> Mapping[str, Handover]:
        """The handovers of these channels, with one look for all of them."""
        channels = [str(one.channel) for one in states if self._bot.at(one.channel).definition.handover.enabled]
        return await self._bot.handovers.of(self._bot.scope, channels) if channels else {}

    async def _look_at_handover(self, state: ChannelState, handover: Handover | None) -> None:
        if not self._bot.at(state.channel).definition.handover.enabled:
            return
        handover = await self._handover.recall(state.channel, state.messages, handover)
        if handover is not None and self._handover.is_over(state.channel, handover, self._timing.now()):
            key = f"{self._bot.user_id}|over|{state.channel}|{handover.turn}"
            await self._accept(
                key, f"{self._bot.user_id}|{state.channel}|", {"do": "over", "channel": str(state.channel)}
            )

    async def _look_at_reactions(self, state: ChannelState) -> None:
        """Those given while nobody listened, as far as they come with the messages. Those taken back are not told."""
        begin = self._timing.now() - self._bot.at(state.channel).definition.catch_up.horizon
        for message_id, reactions in state.reactions.items():
            for one in reversed(reactions):
                seen = (message_id, one.user.id, one.kind, one.at)
                if one.at < begin or seen in self._seen:
                    continue
                await self.take(ReactionNew(state.channel, message_id, one.user, one.kind, one.at))
                self._seen[seen] = None
                if len(self._seen) > _REACTIONS_REMEMBERED:
                    self._seen.popitem(last=False)

    async def _look_at(self, approval: Approval, channel: ChannelRef) -> None:
        first = approval.card_id(1)
        for reaction in reversed(await self._reactions(first)):
            if not reaction.user.is_bot and read_reaction(reaction.kind) is not None:
                await self._react(channel, first, reaction.user, reaction.kind, reaction.at, given=True)

    async def _reactions(self, message_id: str) -> Sequence[Reaction]:
        try:
            return await self._bot.service.reactions(message_id)
        except ChatServiceError as error:
            if error.retryable:
                raise
            return ()  # The card was deleted: what it showed expires.

    async def _react(
        self, channel: ChannelRef, message_id: str, user: User, kind: str, at: datetime, *, given: bool
    ) -> bool:
        at = at if at != EPOCH else self._timing.now()
        word = "on" if given else "off"
        key = f"{self._bot.user_id}|{message_id}|{user.id}|{kind}|{word}|{at.isoformat(timespec='milliseconds')}"
        payload = {
            "do": "reaction",
            "channel": str(channel),
            "message": message_id,
            "user": {"id": user.id, "name": user.name, "role": user.role},
            "kind": kind,
            "at": at.isoformat(),
            "given": given,
        }
        return await self._accept(key, self._lane(channel, message_id), payload)

    def _lane(self, channel: ChannelRef, message_id: str) -> str:
        """The lane of the turns in the message's thread: one decision at a time, however it is made."""
        return f"{self._bot.user_id}|{channel}|{message_id}"

    async def _accept(self, key: str, lane: str, payload: dict[str, Any]) -> bool:
        order = f"{int(self._timing.now().timestamp() * 1_000_000):020d}-{key}"
        whole = {"version": VERSION, "bot": self._bot.name, "bot_user_id": self._bot.user_id, SIDE_JOB: True, **payload}
        return await self._engine.enqueue(Job(key, lane, order, whole, scope=self._bot.scope))

    async def run(self, job: Job, execution: Execution) -> JobResult:
        """Do one. Raises FencedError if another replica has it."""
        try:
            return Done(await self._do(job, execution))
        except FencedError:
            raise
        except (ChatServiceError, EngineError, OSError) as error:
            final = isinstance(error, ChatServiceError) and not error.retryable
            if final or execution.attempt >= _MOST_TRIES:
                _log.error("errand.failed", bot=self._bot.name, errand=job.payload.get("do"), error=str(error))
                return DeadLetter(str(error))
            return Retry(patience(execution.attempt, self._limits, self._timing), str(error))
        except Exception as error:  # noqa: BLE001 - the side job's boundary: its bug must not end the bot
            _log.exception("errand.failed", bot=self._bot.name, errand=job.payload.get("do"))
            return DeadLetter(f"{type(error).__name__}: {error}")

    async def _do(self, job: Job, execution: Execution) -> str:
        payload = job.payload
        channel = ChannelRef.parse(payload["channel"])
        match payload["do"]:
            case "over":
                return await self._over(channel)
            case "hours":
                return await self._handover.begin_hours(channel, payload["turn"])
            case "remind":
                return await self._handover.remind(channel, payload["turn"], payload["number"])
            case "expire" | "carry out" if "approval" in payload:
                return await self._finish(payload["approval"], execution)
            case "lost":
                return await self._lost(channel, payload["message"])
            case "expire":
                return "a draft of an earlier version"
            case _:
                return await self._reaction(job, execution, channel)

    async def _over(self, channel: ChannelRef) -> str:
        state = await self._handover.state(channel)
        if state is None or not self._handover.is_over(channel, state, self._timing.now()):
            return "not over"
        await self._handover.close_by_time(channel, state)
        return "the handover is over"

    async def _finish(self, approval_id: str, execution: Execution) -> str:
        approval = await self._reviews.store.get(approval_id)
        if approval.state == "waiting":
            return await self._reviews.expire(approval)
        await self._reviews.carry_out(approval, check=execution.check)
        return f"carried out: {outcome_of(approval)}"

    async def _lost(self, channel: ChannelRef, message_id: str) -> str:
        message = (await self._bot.service.messages(channel, [message_id])).get(message_id)
        card = own(message, self._bot.user_id)
        if message is None or card is None or card.review is None or card.review.get("state") != "waiting":
            return "decided before"
        await self._reviews.cards.tell_lost(message)
        return "the record is lost"

    async def _reaction(self, job: Job, execution: Execution, channel: ChannelRef) -> str:
        payload = job.payload
        user = User(payload["user"]["id"], payload["user"]["name"], payload["user"]["role"])
        approval = await self._reviews.store.on_card(self._bot.name, str(channel), payload["message"])
        if approval is not None:
            return await self._decide(approval, user, job, execution)
        message = (await self._bot.service.messages(channel, [payload["message"]])).get(payload["message"])
        if message is None:
            return "the message is gone"
        ours = own(message, self._bot.user_id)
        said = []
        votes = payload["kind"] in self._bot.at(channel).definition.reply.feedback
        if votes and ours is not None and ours.reply_to and may_see(message, user.id):
            said.append(await self._feedback(message, user, payload))
        if payload["given"]:
            said.append(await self._resume(channel, user, job, execution))
        return ", ".join(filter(None, said)) or "nothing to do"

    async def _decide(self, approval: Approval, user: User, job: Job, execution: Execution) -> str:
        kind, given = job.payload["kind"], job.payload["given"]
        word = read_reaction(kind)
        if word is None or not given:
            return "no decision"
        how = f"reaction {kind} at {job.payload['at']}"
        return await self._reviews.decide(approval, Said(word, user, how, job.key), check=execution.check)

    async def _of_team(self, channel: ChannelRef, user: User) -> bool:
        return await acts(self._bot.service, self._bot.at(channel).definition.team, channel, user)

    async def _feedback(self, message: Message, user: User, payload: Json) -> str:
        if self._bot.feedback is None:
            return "feedback is not kept here"
        entry = Feedback(
            bot=self._bot.name,
            reply=message.id,
            channel=str(message.channel),
            user=user.id,
            reaction=payload["kind"],
            at=datetime.fromisoformat(payload["at"]),
            given=payload["given"],
        )
        await self._bot.feedback.record(entry)
        _log.info("feedback.recorded", reply=message.id, reaction=entry.reaction, given=entry.given)
        return "feedback recorded"

    async def _resume(self, channel: ChannelRef, user: User, job: Job, execution: Execution) -> str:
        payload = job.payload
        definition = self._bot.at(channel).definition
        if not definition.handover.enabled or payload["kind"] != definition.handover.resume_reaction:
            return ""
        state = await self._handover.state(channel)
        at = datetime.fromisoformat(payload["at"])
        if state is None or not state.is_open or at <= state.since or not await self._of_team(channel, user):
            return "no handover of theirs to end"
        act = Act(user.id, job.key)
        await self._handover.hand_back(channel, state, at=at, act=act, check=execution.check)
        return "the team handed back"


def _counts_for_nothing(user: User) -> bool:
    return user.is_bot or user.banned
