"""The campaigns of one bot: planned, started, stopped, and brought on."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime

from framework.campaigns.amounts import read_rate
from framework.campaigns.audience import people_of
from framework.campaigns.files import FOLDER, CampaignFile, campaign_names, read_campaign
from framework.campaigns.ledger import Ledger
from framework.campaigns.model import PERSON, OptOut
from framework.campaigns.opt_out import words_of
from framework.campaigns.plan import CampaignPlan, Screened, make_plan
from framework.campaigns.run import CampaignRun, RunSettings
from framework.campaigns.sender import Sender
from framework.campaigns.stops import Stops
from framework.definition.model import Bot
from framework.errors import DefinitionError, FrameworkError
from framework.storage import Storage
from framework.stream.campaigns import StreamCampaigns

SAID_STOP = "said STOP"
ScreenOf = Callable[[CampaignFile], Screened]
ONCE = "run "
"""How the occurrence of a run begins that somebody started; a number follows."""


@dataclass(frozen=True)
class BotCampaigns:
    """What commands and running bots need of campaigns."""

    bot: Bot
    chat: StreamCampaigns
    ledger: Ledger
    sender: Sender
    screen: ScreenOf
    now: Callable[[], datetime]
    _read: dict[str, tuple[tuple[int, int], CampaignFile]] = field(default_factory=dict, init=False, repr=False)

    @classmethod
    def of(
        cls,
        bot: Bot,
        chat: StreamCampaigns,
        storage: Storage,
        *,
        app: str,
        screen: ScreenOf,
        now: Callable[[], datetime],
        driver: str,
    ) -> BotCampaigns:
        """Put them together. `app` names the Stream app, `driver` this process."""
        ledger = Ledger(storage, f"{bot.definition.identity.user_id}@{app}", now=now)
        return cls(bot, chat, ledger, Sender(ledger, chat, now=now, driver=driver), screen, now)

    @property
    def names(self) -> list[str]:
        """Return the names of the campaigns in the bot's folder."""
        return campaign_names(self.bot)

    @property
    def has_any(self) -> bool:
        """Return whether the bot's folder has campaigns."""
        return (self.bot.folder / FOLDER).is_dir()

    def stop_words(self) -> tuple[str, ...]:
        """Return the words that count as STOP in any of the campaigns. A broken file is left out."""
        found = [word for file in self._files() for word in self.words(file)]
        return tuple(dict.fromkeys([*words_of([self.bot.definition.identity.language]), *found]))

    def stop_answer(self, language: str) -> str:
        """Return the answer to STOP, of the first campaign that has one in this language."""
        texts = [file.campaign.opt_out.say for file in self._files()] or [OptOut().say]
        own = [said[language] for said in texts if language in said]
        general = [said[""] for said in texts if "" in said]
        return next(iter([*own, *general, *texts[0].values()]))

    def _files(self) -> list[CampaignFile]:
        """Return all files that can be read."""
        found: list[CampaignFile] = []
        for name in self.names:
            with suppress(DefinitionError):  # whoever starts it is told; a broken file must not switch STOP off
                found.append(self.known(name))
        return found

    def known(self, name: str) -> CampaignFile:
        """Return a campaign as it was read last, unless its file was edited since. Raises as `file` does."""
        try:
            state = (self.bot.folder / FOLDER / f"{name}.yaml").stat()
        except OSError:
            return self.file(name)
        key = (state.st_mtime_ns, state.st_size)
        if name not in self._read or self._read[name][0] != key:
            self._read[name] = key, self.file(name)
        return self._read[name][1]

    async def close(self) -> None:
        """Close the connections."""
        await self.chat.close()
        self.ledger.storage.close()

    def file(self, name: str) -> CampaignFile:
        """Read a campaign. Raises UsageError or DefinitionError."""
        return read_campaign(self.bot, name)

    def words(self, file: CampaignFile) -> tuple[str, ...]:
        """Return the words that count as STOP."""
        languages = [self.bot.definition.identity.language, *filter(None, file.languages)]
        return words_of(languages, file.campaign.opt_out.words)

    async def plan(self, file: CampaignFile, *, wall: datetime | None = None, repeats: bool = False) -> CampaignPlan:
        """Plan a run as of now. Nothing is kept, and nothing is sent. Raises DefinitionError or ChatServiceError.

        With `repeats`, or a `cron` in the file, those who got an earlier run are not left out.
        """
        stops = Stops(self.ledger, self.chat, now=self.now)
        await stops.look_for(str(file.sender["id"]), self.words(file))
        people, missing = await people_of(file, self.chat)
        return make_plan(
            file,
            people,
            missing,
            start=self.now(),
            wall=wall,
            screen=self.screen(file),
            barred=await self._barred(file, repeats=repeats),
        )

    async def _barred(self, file: CampaignFile, *, repeats: bool) -> dict[str, str]:
        barred: dict[str, str] = {}
        if file.campaign.at_most:
            rate = read_rate(file.campaign.at_most)
            busy = await self.ledger.full(rate.count, self.now() - rate.period)
            shown = file.campaign.at_most.split(maxsplit=2)[2]
            barred |= dict.fromkeys(busy, f"got {rate.count} of all campaigns within the last {shown}")
        if not (file.campaign.cron or repeats):
            barred |= dict.fromkeys(await self.ledger.got(file.name), "got this campaign in an earlier run")
        return barred | dict.fromkeys(await self.ledger.opted_out(), SAID_STOP)

    async def start(
        self, file: CampaignFile, *, again: bool = False, as_started: bool = False
    ) -> tuple[CampaignRun, bool]:
        """Begin a run, or let a stopped one go on. Returns it, and whether it is new.

        `again` begins another run of a campaign that was sent; it goes to those who got nothing so far. `as_started`
        lets a stopped run go on although its file was edited since. Raises FrameworkError if it cannot be started.
        """
        if file.campaign.cron:
            raise file.problem(
                "the campaign comes by its `cron`: a running bot sends it",
                f"Run the bot: python -m framework run {self.bot.name}. To send it once, take `cron` out.",
                "cron",
            )
        runs = await self.ledger.runs(file.name)
        last = runs[0] if runs else None
        if last is not None and not again:
            return await self._go_on(file, last, as_started=as_started), False
        if last is not None and last.state == "running":
            raise FrameworkError(
                f"The campaign {file.name} is running.",
                hint=f"`campaign watch {file.name}` shows it; `campaign stop {file.name}` ends it in the middle.",
            )
        if last is not None and last.state == "stopped":
            await self.sender.give_up(last)  # who got something is known before others are chosen
        ends = last.id if last is not None and last.state == "stopped" else ""
        return await self.begin(file, f"{ONCE}{len(runs) + 1}", ends=ends), True

    async def begin(
        self,
        file: CampaignFile,
        occurrence: str,
        *,
        wall: datetime | None = None,
        ends: str = "",
        repeats: bool = False,
    ) -> CampaignRun:
        """Keep a new run, or return the one of this occurrence. Raises DefinitionError if it would go to nobody."""
        plan = await self.plan(file, wall=wall, repeats=repeats)
        if not plan.recipients:
            raise nobody(file, plan)
        return await self.ledger.begin(file, plan, self._settings(file), occurrence, ends=ends)

    async def _go_on(self, file: CampaignFile, last: CampaignRun, *, as_started: bool) -> CampaignRun:
        edited = last.fingerprint != file.fingerprint
        if last.state == "running":
            return last
        if last.state == "stopped":
            if edited and not as_started:
                raise file.problem(
                    "the file was edited since its run began",
                    f"`campaign start {file.name} --as-started` goes on with the text of then. `--again` begins a new "
                    "run with the new one, for those who got nothing.",
                )
            await self.ledger.resume(last.id)
            return await self.ledger.run(last.id)
        raise FrameworkError(
            f"The campaign {file.name} was {'sent' if last.state == 'completed' else last.state} already, "
            f"{last.updated_at:%Y-%m-%d %H:%M} UTC.",
            where=str(file.document.file),
            hint=f"`campaign results {file.name}` says what came of it. `campaign start {file.name} --again` sends it "
            "to those who did not get it.",
        )

    async def stop(self, run: CampaignRun) -> CampaignRun:
        """Stop a run in the middle: nothing more is started, and what is on its way is stopped."""
        if run.state == "running":
            await self.ledger.set_run(run.id, "stopped", "somebody stopped it", was="running")
        run = await self.ledger.run(run.id)
        for part in await self.ledger.parts(run.id):
            if run.state == "stopped" and part.state in ("created", "running"):
                await self.sender.stop_part(run, part)
        await self.sender.end(run)
        return await self.ledger.run(run.id)

    async def refresh(self, run: CampaignRun) -> CampaignRun:
        """Ask the chat service how far the parts of a run are, completed ones too: people read them later."""
        for part in await self.ledger.parts(run.id):
            if part.state in ("running", "completed") and (seen := await self.chat.get(part.service_id)) is not None:
                await self.ledger.count(run.id, part.number, sent=seen.sent, read=seen.read)
        return await self.ledger.run(run.id)

    def _settings(self, file: CampaignFile) -> RunSettings:
        campaign = file.campaign
        return RunSettings(
            name=file.name,
            sender=str(file.sender["id"]),
            zone="UTC" if campaign.timezone == PERSON else campaign.timezone,
            quiet_hours=campaign.quiet_hours,
            throttle=campaign.throttle,
            at_most=campaign.at_most,
            opt_out_field=campaign.opt_out.field,
            words=self.words(file),
            channel_type=campaign.channel.type,
            channel_id=campaign.channel.id,
            skip_push=campaign.skip_push,
        )


def nobody(file: CampaignFile, plan: CampaignPlan) -> FrameworkError:
    """Return the error of a campaign that would reach nobody, with the reasons."""
    reasons = "; ".join(f"{count} {reason}" for reason, count in plan.reasons.items()) or "the audience is empty"
    return file.problem(
        f"the campaign goes to nobody: {reasons}",
        f"Change `audience`, or what leaves people out. `campaign plan {file.name}` shows it.",
        "audience",
    )
