"""Sends the parts of a run: it goes from what the ledger and the chat service say, whoever wrote it and died."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import structlog

from framework.campaigns.amounts import read_rate
from framework.campaigns.ledger import Ledger
from framework.campaigns.person import Addressee
from framework.campaigns.run import CampaignRun, RunPart
from framework.campaigns.stops import Stops
from framework.campaigns.times import after_quiet
from framework.errors import ChatServiceError, FrameworkError
from framework.stream.campaigns import NewCampaign, StreamCampaign, StreamCampaigns

_log = structlog.get_logger(__name__)

MOST_AT_ONCE = 1_000
"""People of one run to whom messages are on their way at the same time."""
SLOWEST_START = timedelta(seconds=30)
"""A part that the chat service still calls a draft so long after its start has failed."""
FIELD = "campaign"
"""The custom field of each message of a campaign: `name`, `run`, `part`, `variant` and `language`."""
PART_FIELD = "campaign_part"
"""The custom field with the id of the part, by which its messages are searched."""
GIVEN_UP = "the run was given up before"
Reached = Callable[[str], Awaitable[None]]


async def _nothing(_point: str) -> None:
    """Go on."""


class Sender:
    """Sends runs of one bot. Every step may be repeated: no person gets a second message of a run.

    `reached` is called at each point after which a process may die; tests end it there.
    """

    def __init__(
        self,
        ledger: Ledger,
        chat: StreamCampaigns,
        *,
        now: Callable[[], datetime],
        driver: str,
        reached: Reached = _nothing,
    ) -> None:
        self._ledger = ledger
        self._chat = chat
        self._now = now
        self._driver = driver
        self._reached = reached
        self._stops = Stops(ledger, chat, now=now)

    async def advance(self, run_id: str) -> CampaignRun:
        """Do what is due now, and return the run as it is then. Call it again after a moment.

        Raises ChatServiceError or EngineError if one of both is away; nothing is lost.
        """
        if not await self._ledger.drive(run_id, self._driver):
            return await self._ledger.run(run_id)
        run = await self._ledger.run(run_id)
        parts = await self._ledger.parts(run_id)
        for part in parts:
            if part.state in ("running", "stopped"):
                await self._look(run, part)
        if run.state == "running":
            await self._launch_due(run)
            await self.end(run)
        elif run.state == "stopped":
            await self._hold(run)
            await self.end(run)
        return await self._ledger.run(run_id)

    async def let_go(self, run_id: str) -> None:
        """Leave a run to other processes."""
        await self._ledger.let_go(run_id, self._driver)

    async def _look(self, run: CampaignRun, part: RunPart) -> None:
        """Take over what the chat service says of a part."""
        seen = await self._chat.get(part.service_id)
        if seen is None or seen.stamp != part.stamp:
            what = "it was deleted in the chat service" if seen is None else _not_ours(part)
            await self._ledger.settle(run.id, part.number, "failed", people="sent", reason=what)
            return
        await self._note(run, part, seen)

    async def _note(self, run: CampaignRun, part: RunPart, seen: StreamCampaign) -> None:
        figures = {"sent": seen.sent, "read": seen.read, "progress": seen.progress}
        if seen.status == "in_progress":
            await self._ledger.set_part(run.id, part.number, "running", **figures, reason="")
        elif seen.status == "stopped":
            reason = part.reason if part.state == "stopped" else "somebody stopped it in the chat service"
            reason = "" if run.state == "stopped" else reason
            await self._ledger.set_part(run.id, part.number, "stopped", **figures, reason=reason)
        elif seen.status == "completed":
            await self._ledger.set_part(run.id, part.number, "running", **figures)
            await self._complete(run, part, seen)
        elif part.started_at is not None and self._now() - part.started_at > SLOWEST_START:
            reason = f"the chat service took the start, and it is still {seen.status} after {SLOWEST_START.seconds} s"
            await self._ledger.settle(run.id, part.number, "failed", people="failed", reason=reason)

    async def _complete(self, run: CampaignRun, part: RunPart, seen: StreamCampaign) -> None:
        people = len(await self._ledger.claimed(run.id, part.number))
        if seen.sent == 0 and people:
            reason = f"it was sent to nobody: none of its {people} people could be written to"
            await self._ledger.settle(run.id, part.number, "failed", people="failed", reason=reason)
            return
        short = f"{people - seen.sent} of its {people} people could not be written to" if seen.sent < people else ""
        await self._ledger.settle(run.id, part.number, "completed", people="sent", reason=short)
        _log.info("campaign.part_completed", campaign=run.campaign, run=run.number, part=part.number, sent=seen.sent)

    async def _launch_due(self, run: CampaignRun) -> None:
        """Start what is due, as far as `throttle` and what is on its way allow."""
        parts = await self._ledger.parts(run.id)
        on_its_way = sum(part.people for part in parts if part.state == "running")
        for part in parts:
            if part.state not in ("waiting", "claimed", "created", "stopped") or part.due > self._now():
                continue
            if part.state == "stopped" and part.reason:
                continue  # somebody else stopped it, and may let it go on
            if on_its_way and on_its_way + part.people > MOST_AT_ONCE:
                return
            if not await self._has_room(run, part) or (await self._ledger.run(run.id)).state != "running":
                return
            await self._ledger.drive(run.id, self._driver)
            on_its_way += await self._launch(run, part)

    async def _has_room(self, run: CampaignRun, part: RunPart) -> bool:
        if not run.settings.throttle or part.state != "waiting":
            return True
        rate = read_rate(run.settings.throttle)
        before = await self._ledger.launched(run.id, rate.period)
        return before == 0 or before + part.people <= rate.count

    async def _launch(self, run: CampaignRun, part: RunPart) -> int:
        """Bring a part one or more steps on. Returns how many people are on their way by it."""
        if await self._is_late(run, part):
            return 0
        known = part.state == "waiting"
        try:
            if part.state == "waiting":
                await self._stops.look(run)
                going = await self._ledger.claim(run, part, unwilling=await self._unwilling(run, part))
                await self._reached("claimed")
                if not going.people:
                    return 0
                part = await self._now_is(run, part)
            if part.state == "claimed":
                if not await self._create(run, part):
                    return 0
                part = await self._now_is(run, part)
            return await self._start(run, part, stops_known=known)
        except ChatServiceError as error:
            if error.retryable:
                raise
            await self._fail(run, part, error)
            return 0

    async def _now_is(self, run: CampaignRun, part: RunPart) -> RunPart:
        return next(one for one in await self._ledger.parts(run.id) if one.number == part.number)

    async def _is_late(self, run: CampaignRun, part: RunPart) -> bool:
        """Return whether a part is not sent now: it is past its end, or in quiet hours."""
        now = self._now()
        if part.ends is not None and now >= part.ends:
            if part.state in ("claimed", "created") and not await self._withdrawn(part):
                return False
            people = "sent" if part.state == "stopped" else "left_out"
            await self._ledger.settle(
                run.id, part.number, "expired", people=people, reason="it came to its end before it was sent"
            )
            return True
        if run.settings.quiet_hours and part.zone:
            due = after_quiet(now, ZoneInfo(part.zone), run.settings.quiet_hours)
            if due > now:
                await self._ledger.postpone(run.id, part.number, due)
                return True
        return False

    async def _withdrawn(self, part: RunPart) -> bool:
        """Make sure that a draft never reaches anybody. False: it is under way already."""
        seen = await self._chat.get(part.service_id)
        if seen is None:
            return True
        if seen.status != "draft" or seen.stamp != part.stamp:
            return False
        await self._chat.narrow(part.service_id, [])
        return True

    async def _unwilling(self, run: CampaignRun, part: RunPart) -> list[str]:
        """Return who of a part says in the field of the opt-out that they want no messages, as it is now."""
        name = run.settings.opt_out_field
        if not name:
            return []
        ids = await self._ledger.planned(run.id, part.number)
        people = [Addressee(str(user["id"]), user) for user in await self._chat.users_by_id(ids)]
        return [person.id for person in people if person.says(name)]

    async def _create(self, run: CampaignRun, part: RunPart) -> bool:
        """Create the draft. One with this id that is there already is ours if it has our stamp."""
        user_ids = await self._ledger.claimed(run.id, part.number)
        seen = await self._chat.create(_draft(run, part, user_ids))
        await self._reached("created")
        if seen.stamp != part.stamp:
            await self._ledger.settle(run.id, part.number, "failed", people="failed", reason=_not_ours(part))
            return False
        await self._ledger.set_part(run.id, part.number, "created")
        return True

    async def _start(self, run: CampaignRun, part: RunPart, *, stops_known: bool) -> int:
        """Start the draft, or let it go on. Who said STOP since is taken out before."""
        if not stops_known:
            await self._stops.look(run)
        gone = await self._ledger.drop_opted_out(run, part.number)
        user_ids = await self._ledger.claimed(run.id, part.number)
        seen = await self._chat.get(part.service_id)
        if seen is not None and seen.status in ("draft", "stopped"):
            if gone or not user_ids:
                await self._chat.narrow(part.service_id, user_ids)
            if not user_ids:
                await self._ledger.settle(
                    run.id, part.number, "empty", people="left_out", reason="nobody is left in it"
                )
                return 0
            await self._reached("narrowed")
            seen = await self._chat.start(part.service_id)
            await self._reached("started")
        if seen is None:
            raise ChatServiceError("The chat service does not know the campaign that it created.")
        await self._ledger.set_part(run.id, part.number, "running", reason="")
        await self._note(run, await self._now_is(run, part), seen)
        return len(user_ids)

    async def _fail(self, run: CampaignRun, part: RunPart, error: ChatServiceError) -> None:
        """Note why the chat service refused a part. If it may have sent some of it, its people count as reached."""
        part = await self._now_is(run, part)
        people = "failed" if part.state in ("waiting", "claimed", "created") else "sent"
        _log.error("campaign.part_failed", campaign=run.campaign, run=run.number, part=part.number, error=error.what)
        await self._ledger.settle(run.id, part.number, "failed", people=people, reason=error.what)

    async def _hold(self, run: CampaignRun) -> None:
        """Stop what is on its way, and what a process started that had not heard of the stop."""
        for part in await self._ledger.parts(run.id):
            if part.state in ("created", "running"):
                await self.stop_part(run, part)

    async def stop_part(self, run: CampaignRun, part: RunPart) -> None:
        """Stop a part in the middle. One that is completed meanwhile stays so."""
        seen = await self._chat.get(part.service_id)
        if seen is None or seen.status == "draft":
            return
        if seen.status in ("in_progress", "scheduled"):
            await self._chat.stop(part.service_id)
            seen = await self._chat.get(part.service_id) or seen
        await self._note(run, part, seen)

    async def give_up(self, run: CampaignRun) -> None:
        """End the parts of a stopped run for good. Who got nothing of them may be in another run.

        Raises FrameworkError if the chat service does not tell yet who got something.
        """
        for part in await self._ledger.parts(run.id):
            if part.state in ("claimed", "created") and await self._withdrawn(part):
                await self._ledger.settle(run.id, part.number, "expired", people="left_out", reason=GIVEN_UP)
            elif part.state in ("claimed", "created", "running", "stopped"):
                await self.stop_part(run, part)
                await self._give_up_part(run, part)

    async def _give_up_part(self, run: CampaignRun, part: RunPart) -> None:
        part = await self._now_is(run, part)
        if part.state == "completed":
            return
        await self._chat.narrow(part.service_id, [])
        seen = await self._chat.get(part.service_id)
        reached = await self._chat.reached(run.settings.sender, PART_FIELD, part.service_id)
        if seen is not None and len(reached) < seen.sent:
            raise FrameworkError(
                f"The chat service sent {part.service_id} to {seen.sent} people, and its search finds {len(reached)}.",
                hint="New messages take a moment until they are found: try again in a minute.",
            )
        rest = [one for one in await self._ledger.claimed(run.id, part.number) if one not in reached]
        await self._ledger.leave_out(run.id, dict.fromkeys(rest, GIVEN_UP))
        await self._ledger.settle(run.id, part.number, "completed", people="sent", reason=GIVEN_UP)

    async def end(self, run: CampaignRun) -> None:
        """End a run whose parts all came to an end; others stay as they are."""
        parts = await self._ledger.parts(run.id)
        if any(part.state in ("waiting", "claimed", "created", "running", "stopped") for part in parts):
            return
        reasons = "; ".join(dict.fromkeys(part.reason for part in parts if part.state != "completed"))
        if any(part.state == "completed" for part in parts):
            await self._ledger.set_run(run.id, "completed", reasons, was=run.state)
        else:
            await self._ledger.set_run(run.id, "failed", f"nobody got it: {reasons}", was=run.state)
        _log.info("campaign.ended", campaign=run.campaign, run=run.number, reasons=reasons)


def _not_ours(part: RunPart) -> str:
    return (
        f"the app has another campaign with the id {part.service_id}, which this run did not make: "
        "rename the file of this one, or delete the other"
    )


def _draft(run: CampaignRun, part: RunPart, user_ids: Sequence[str]) -> NewCampaign:
    return NewCampaign(
        id=part.service_id,
        name=run.campaign,
        stamp=part.stamp,
        sender=run.settings.sender,
        text=part.text,
        user_ids=tuple(user_ids),
        custom={
            FIELD: {
                "name": run.campaign,
                "run": run.number,
                "part": part.number,
                "variant": part.variant,
                "language": part.language,
            },
            PART_FIELD: part.service_id,
        },
        channel_type=run.settings.channel_type,
        channel_id=run.settings.channel_id,
        skip_push=run.settings.skip_push,
    )
