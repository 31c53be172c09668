"""The ledger: which person of which run is in which part, in the database that all replicas share.

A person has one row in a run, and a row is in one part. What a part sends is decided in one transaction, before the
chat service hears of it, so a process that dies at any point leaves behind what to go on with.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from framework.campaigns.run import OPEN_RUNS, CampaignRun, PartState, RunPart, RunSettings, RunState, moment_of
from framework.insight import meters
from framework.storage import Schema, Storage

if TYPE_CHECKING:
    from sqlalchemy import MetaData
    from sqlalchemy.engine import Connection

    from framework.campaigns.files import CampaignFile
    from framework.campaigns.plan import CampaignPlan


def _tables() -> MetaData:
    from framework.campaigns.tables import METADATA

    return METADATA


SCHEMA = Schema("campaigns", 1, _tables)
LEASE = timedelta(seconds=5)
"""How long a process has a run to itself. It is renewed at every look, and lost with the process."""


@dataclass(frozen=True)
class Claimed:
    """How many people of a part get the message now, and how many were left out at the last moment."""

    people: int
    left_out: int


class Ledger:
    """Campaign runs of one bot of one app. Every method raises EngineError if the database cannot be used."""

    def __init__(self, storage: Storage, scope: str, *, now: Callable[[], datetime]) -> None:
        """`scope` names the bot's user and the app."""
        self.storage = storage
        self.scope = scope
        self._now = now

    async def begin(
        self, file: CampaignFile, plan: CampaignPlan, settings: RunSettings, occurrence: str, *, ends: str = ""
    ) -> CampaignRun:
        """Keep a new run with all its parts and people, in one transaction. `ends`: a stopped run that it replaces.

        Returns the run with this occurrence if there is one already.
        """
        now = self._now()

        from framework.campaigns import rows

        def work(connection: Connection) -> CampaignRun:
            rows.lock(connection)
            known = rows.run_of(connection, self.scope, file.name, occurrence)
            if known is not None:
                return known
            if ends:
                rows.set_run(connection, ends, "ended", "another run was started instead", now)
            number = rows.next_number(connection, self.scope, file.name)
            run_id = _run_id(self.scope, file.name, occurrence)
            same = {"scope": self.scope, "bot": file.bot.name, "campaign": file.name, "occurrence": occurrence}
            kept = {"settings": json.dumps(asdict(settings)), "fingerprint": file.fingerprint}
            times = {"created_at": now.timestamp(), "updated_at": now.timestamp(), "driven_until": 0.0}
            state = {"state": "running", "reason": "", "driver": ""}
            rows.add_run(connection, {"id": run_id, "number": number, **same, **kept, **times, **state})
            rows.add_plan(connection, plan, run_id, self.scope, file.name, number)
            made = rows.run_of(connection, self.scope, file.name, occurrence)
            if made is None:
                raise AssertionError("the run was just written")
            return made

        return await self.storage.write(SCHEMA, work)

    async def has(self, campaign: str, occurrence: str) -> bool:
        """Return whether a run of this occurrence was begun."""
        from framework.campaigns import rows

        found = await self.storage.read(SCHEMA, lambda c: rows.run_of(c, self.scope, campaign, occurrence))
        return found is not None

    async def runs(self, campaign: str = "", states: Sequence[RunState] = ()) -> list[CampaignRun]:
        """Return runs, the latest first."""
        from framework.campaigns import rows

        return await self.storage.read(SCHEMA, lambda c: rows.runs(c, self.scope, campaign, states))

    async def open_run(self, campaign: str) -> CampaignRun | None:
        """Return the run of a campaign that is not at its end."""
        return next(iter(await self.runs(campaign, OPEN_RUNS)), None)

    async def run(self, run_id: str) -> CampaignRun:
        """Return a run as it is now."""
        from framework.campaigns import rows

        return await self.storage.read(SCHEMA, lambda c: rows.run(c, run_id))

    async def parts(self, run_id: str) -> list[RunPart]:
        """Return the parts of a run, in order."""
        from framework.campaigns import rows

        return await self.storage.read(SCHEMA, lambda c: rows.parts(c, run_id))

    async def drive(self, run_id: str, driver: str) -> bool:
        """Take a run for a while, or keep it. False: another process has it."""
        from framework.campaigns import rows

        now = self._now().timestamp()
        until = now + LEASE.total_seconds()
        return await self.storage.write(SCHEMA, lambda c: rows.drive(c, run_id, driver, now, until))

    async def let_go(self, run_id: str, driver: str) -> None:
        """Leave a run to whoever comes first."""
        from framework.campaigns import rows

        await self.storage.write(SCHEMA, lambda c: rows.drive(c, run_id, driver, 0.0, 0.0))

    async def set_run(self, run_id: str, state: RunState, reason: str = "", *, was: RunState | None = None) -> bool:
        """Change a run's state. False: it was not in the state `was`."""
        from framework.campaigns import rows

        now = self._now()
        changed = await self.storage.write(SCHEMA, lambda c: rows.set_run(c, run_id, state, reason, now, was=was))
        if changed and state in ("completed", "failed", "ended"):
            meters.campaign_run_ended((await self.run(run_id)).bot, state)
        return changed

    async def resume(self, run_id: str) -> None:
        """Let a stopped run go on, with all its parts that were stopped."""
        from framework.campaigns import rows

        now = self._now()
        await self.storage.write(SCHEMA, lambda c: rows.resume(c, run_id, now))

    async def claim(self, run: CampaignRun, part: RunPart, *, unwilling: Sequence[str]) -> Claimed:
        """Decide who of a waiting part gets the message, over all campaigns of the database, in one transaction.

        Who said STOP, is `unwilling`, or got as many messages as `at_most` says is left out. The part is then
        `claimed`, or `empty` if nobody is left.
        """
        now = self._now()
        from framework.campaigns import people_rows

        going, left_out = await self.storage.write(
            SCHEMA, lambda c: people_rows.claim(c, run, part.number, unwilling, now)
        )
        return Claimed(going, left_out)

    async def planned(self, run_id: str, number: int) -> tuple[str, ...]:
        """Return the people of a part that is not claimed yet."""
        from framework.campaigns import rows

        return await self.storage.read(SCHEMA, lambda c: rows.people_in(c, run_id, number, "planned"))

    async def claimed(self, run_id: str, number: int) -> tuple[str, ...]:
        """Return the people of a part to whom the message goes."""
        from framework.campaigns import rows

        return await self.storage.read(SCHEMA, lambda c: rows.people_in(c, run_id, number, "claimed"))

    async def drop_opted_out(self, run: CampaignRun, number: int, unwilling: Sequence[str] = ()) -> tuple[str, ...]:
        """Take those out of a claimed part who said STOP meanwhile. Returns their ids."""
        from framework.campaigns import people_rows

        return await self.storage.write(SCHEMA, lambda c: people_rows.drop(c, run, number, unwilling))

    async def leave_out(self, run_id: str, reasons: Mapping[str, str]) -> None:
        """Leave people out of a run, each for a reason."""
        from framework.campaigns import people_rows

        await self.storage.write(SCHEMA, lambda c: people_rows.leave_out(c, run_id, reasons))

    async def set_part(self, run_id: str, number: int, state: PartState, **values: object) -> None:
        """Change a part's state, and what else is named."""
        from framework.campaigns import rows

        now = self._now().timestamp()
        await self.storage.write(SCHEMA, lambda c: rows.set_part(c, run_id, number, state, now, values))

    async def count(self, run_id: str, number: int, *, sent: int, read: int) -> None:
        """Note how many people of a part got the message and read it, as the chat service counts."""
        from framework.campaigns import rows

        await self.storage.write(SCHEMA, lambda c: rows.count(c, run_id, number, sent, read))

    async def settle(self, run_id: str, number: int, state: PartState, *, people: str, reason: str = "") -> None:
        """End a part and say what became of its people: `sent`, `failed` or `expired`. One transaction."""
        from framework.campaigns import rows

        now = self._now().timestamp()
        ended = await self.storage.write(SCHEMA, lambda c: rows.settle(c, run_id, number, state, people, reason, now))
        if ended is not None:
            meters.campaign_part_ended(ended.bot, state, sent=ended.sent, missed=ended.missed)

    async def postpone(self, run_id: str, number: int, due: datetime) -> None:
        """Send a part later."""
        from framework.campaigns import rows

        await self.storage.write(SCHEMA, lambda c: rows.postpone(c, run_id, number, due.timestamp()))

    async def launched(self, run_id: str, period: timedelta) -> int:
        """Return how many people of a run were claimed within the last time."""
        from framework.campaigns import rows

        since = (self._now() - period).timestamp()
        return await self.storage.read(SCHEMA, lambda c: rows.launched(c, run_id, since))

    async def got(self, campaign: str) -> set[str]:
        """Return who got a message of a campaign in any of its runs, or may have got it."""
        from framework.campaigns import people_rows

        return await self.storage.read(SCHEMA, lambda c: people_rows.got(c, self.scope, campaign))

    async def full(self, count: int, since: datetime) -> set[str]:
        """Return who got at least so many messages of all campaigns since a time."""
        from framework.campaigns import people_rows

        return await self.storage.read(SCHEMA, lambda c: people_rows.full(c, count, since.timestamp()))

    async def opt_out(self, user_id: str, message_id: str, at: datetime) -> bool:
        """Note that a person wants no more messages of this bot. False: that was known."""
        from framework.campaigns import people_rows

        return await self.storage.write(
            SCHEMA, lambda c: people_rows.opt_out(c, self.scope, user_id, message_id, at.timestamp())
        )

    async def opted_out(self) -> set[str]:
        """Return who wants no more messages of this bot."""
        from framework.campaigns import people_rows

        return await self.storage.read(SCHEMA, lambda c: people_rows.opted_out(c, self.scope))

    async def looked_until(self) -> datetime | None:
        """Return up to when the chat was searched for STOP."""
        from framework.campaigns import people_rows

        found = await self.storage.read(SCHEMA, lambda c: people_rows.looked_until(c, self.scope))
        return moment_of(found)

    async def look(self, until: datetime) -> None:
        """Note up to when the chat was searched for STOP."""
        from framework.campaigns import people_rows

        await self.storage.write(SCHEMA, lambda c: people_rows.look(c, self.scope, until.timestamp()))

    async def counts(self, run_id: str) -> Mapping[str, Mapping[str, int]]:
        """Return, by variant, how many people are in each state, and how many answered, were handed over, opted out."""
        from framework.campaigns import people_rows

        return await self.storage.read(SCHEMA, lambda c: people_rows.counts(c, run_id))

    async def left_out(self, run_id: str) -> Mapping[str, int]:
        """Return how many people got nothing, by reason."""
        from framework.campaigns import people_rows

        return await self.storage.read(SCHEMA, lambda c: people_rows.left_out(c, run_id))

    async def note(self, user_id: str, campaign: str, number: int, what: str, at: datetime) -> None:
        """Note that a person `answered` a run, or was `handed_over`, the first time only."""
        from framework.campaigns import people_rows

        await self.storage.write(
            SCHEMA, lambda c: people_rows.note(c, self.scope, campaign, number, user_id, what, at.timestamp())
        )


def _run_id(scope: str, campaign: str, occurrence: str) -> str:
    return hashlib.sha256(f"{scope}\n{campaign}\n{occurrence}".encode()).hexdigest()[:20]
