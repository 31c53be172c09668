"""A bot at work in a channel of a sandbox in memory, on virtual time."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from framework.aio import race
from framework.engine.local import LocalEngine
from framework.errors import FrameworkError
from framework.runtime.core.bot import Limits, RunningBot
from framework.runtime.process import run_bots
from framework.runtime.state.feedback import MemoryFeedback
from framework.settings import Settings
from framework.stream.model import ChannelRef
from framework.testing.clock import VirtualLoop, virtual_timing
from framework.testing.expect import Observed
from framework.testing.outcome import Line
from framework.testing.sandbox_app import SandboxApp, open_sandbox_app
from framework.testing.scenario import USER, Opening, Person, ScenarioStep
from framework.testing.tested_bot import make_tested_bot, place_of, with_own_values
from framework.testing.timers import LoopTimers

if TYPE_CHECKING:
    from framework.app.app_bot import AppBot

SETTLE = 5.0
"""Virtual seconds after a step in which the bot may begin to answer; what it has begun may take longer."""
PATIENCE = 900.0
_BURST_GAP = 0.5
_LIMITS = Limits(discovery=300.0, reconciliation=900.0)


@asynccontextmanager
async def open_run(
    opening: Opening, entry: AppBot, settings: Settings, lines: list[Line]
) -> AsyncIterator[ConversationRun]:
    """The sandbox with its people, and the bot at work in it. `lines` takes what happens. Runs on a VirtualLoop."""
    loop = asyncio.get_running_loop()
    if not isinstance(loop, VirtualLoop):
        raise TypeError("conversation tests run on a virtual loop")
    timing = virtual_timing(loop, opening.at)
    with TemporaryDirectory(prefix="conversation-") as folder:
        async with open_sandbox_app(timing) as app:
            settings = _with_data(app.settings(settings), Path(folder))
            called: list[str] = []
            made = make_tested_bot(
                with_own_values(entry, opening), settings, timing, called=called, real_time=loop.real_time
            )
            running = made.running
            run = ConversationRun(opening, app, running, made.feedback, LocalEngine(), called, lines, loop)
            await run.prepare()
            stop, ready = asyncio.Event(), asyncio.Event()
            work = asyncio.create_task(
                run_bots(
                    [running],
                    stop=stop,
                    ready=ready.set,
                    limits=_LIMITS,
                    timing=timing,
                    engine=run.engine,
                    timers=LoopTimers(),
                )
            )
            try:
                await race(work, ready.wait())
                await run.begin()
                yield run
            finally:
                stop.set()
                await work
                await made.agents.aclose()
                if running.campaigns is not None:
                    await running.campaigns.close()


@dataclass
class ConversationRun:
    """What the steps act upon."""

    opening: Opening
    app: SandboxApp
    bot: RunningBot
    feedback: MemoryFeedback
    engine: LocalEngine
    called: list[str]
    lines: list[Line]
    loop: VirtualLoop
    channel: ChannelRef = field(init=False)
    last: str = ""
    named: dict[str, str] = field(default_factory=dict)
    versions: dict[str, str] = field(default_factory=dict)
    reviews: dict[str, None] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """The channel that things happen in."""
        self.channel = place_of(self.opening, self.bot.definition)

    async def prepare(self) -> None:
        """People, channel, and what was written before the bot came."""
        opening = self.opening
        people = {USER: Person(name="User"), **opening.people}
        await self.app.add_people(people)
        members = [id_ for id_, person in people.items() if person.member]
        await self.app.open_channel(self.channel, by=USER, members=members, custom=opening.custom)
        for step in opening.history:
            await self._act(step)

    async def begin(self) -> None:
        """Let the bot run what it does by itself, such as schedules and catch-up."""
        await self._settle()
        await self._observe(self.channel, self.now(), [])

    def now(self) -> datetime:
        """The virtual time."""
        return virtual_timing(self.loop, self.opening.at).now()

    async def do(self, step: ScenarioStep) -> Observed:
        """One step, and what the bot makes of it."""
        if step.wait:
            await asyncio.sleep(step.wait.total_seconds())
            self.note(f"{step.wait} later")
        self.called.clear()
        began = self.now()
        posted = await self._act(step)
        await self._settle()
        return await self._observe(self._where(step), began, posted)

    def _where(self, step: ScenarioStep) -> ChannelRef:
        return ChannelRef.parse(step.channel) if step.channel else self.channel

    async def _act(self, step: ScenarioStep) -> list[str]:
        """What a person does; returns the ids of the messages that were written."""
        channel = self._where(step)
        posted: list[str] = []
        for number, text in enumerate(step.words):
            if number:
                await asyncio.sleep(_BURST_GAP)
            posted.append(await self.app.post(channel, step.sender, text, self._fields(step)))
            self._say(step, text)
        if posted:
            self.last = posted[-1]
            self.named[step.id or self.last] = self.last
            return posted
        await self._act_otherwise(step, channel)
        return posted

    async def _act_otherwise(self, step: ScenarioStep, channel: ChannelRef) -> None:
        app, who = self.app, step.sender
        target = self._message(step.message)
        if step.edit is not None:
            await app.edit(target, who, step.edit)
            self.note(f"{who} edits: {step.edit}")
        elif step.delete:
            await app.delete(target)
            self.note(f"{who} deletes a message")
        elif step.react:
            await app.react(target, who, step.react)
            self.note(f"{who} reacts with {step.react}")
        elif step.join:
            await app.join(channel, step.join)
            self.note(f"{step.join} joins")
        elif step.campaign and self.bot.campaigns is not None:
            run, _ = await self.bot.campaigns.start(self.bot.campaigns.file(step.campaign))
            await self.bot.campaigns.sender.advance(run.id)
            self.note(f"campaign {run.campaign} is started")
        elif step.event or step.stop:
            kind = step.event or "ai_indicator.stop"
            await app.event(channel, who, kind, step.custom)
            self.note(f"event {kind}")

    def _fields(self, step: ScenarioStep) -> dict[str, Any]:
        fields: dict[str, Any] = dict(step.custom)
        if step.reply_to:
            fields["parent_id"] = self._message(step.reply_to)
        if step.quote:
            fields["quoted_message_id"] = self._message(step.quote)
        if step.mention:
            fields["mentioned_users"] = list(step.mention)
        if step.attach:
            fields["attachments"] = [{"type": "file", "title": name} for name in step.attach]
        if step.command:
            fields["text"] = f"/{step.command} {step.say or step.user or ''}".rstrip()
        return fields

    def _message(self, name: str) -> str:
        """The id of the message that a step names."""
        if name == "last":
            return self.last
        if name == "bot":
            return next((id_ for id_ in reversed(self.versions) if id_ not in self.reviews), "")
        if name == "review":
            return next(reversed(self.reviews), "")
        if name not in self.named:
            raise FrameworkError(f"No earlier step has the id {name!r}.")
        return self.named[name]

    async def _settle(self) -> None:
        """Until the bot is through with what it has begun."""
        began = self.loop.time()
        merging = self.bot.at(self.channel).definition.reply.merge_within.total_seconds()
        while self.loop.time() - began < PATIENCE:
            await asyncio.sleep(0.25)
            if self.loop.time() - began >= SETTLE + merging and not (await self.engine.load()).running:
                return
        raise FrameworkError(f"The bot was still at work after {PATIENCE:g} virtual seconds.")

    async def _observe(self, place: ChannelRef, began: datetime, posted: list[str]) -> Observed:
        """What is new in a channel since the last look at it."""
        channel, messages = await self.app.read(place)
        fresh = [m for m in messages if m["user"]["id"] == self.bot.user_id and self._is_fresh(m)]
        for message in fresh:
            self._heard(message)
        reasons = [reason for id_ in posted if (reason := await self._reason(id_))]
        if not fresh:
            for reason in reasons:
                self.note(f"the bot is silent: {reason}")
        done = [datetime.fromisoformat(str(m["updated_at"])) for m in fresh]
        reviews = [m["review"] for m in messages if m["user"]["id"] == self.bot.user_id and m.get("review")]
        self.reviews |= {m["id"]: None for m in fresh if m.get("review")}
        return Observed(
            messages=[m for m in fresh if not (m.get("review") or m.get("restricted_visibility"))],
            reasons=reasons,
            tools=list(self.called),
            channel=channel,
            after=max(done) - began if done else None,
            waiting=[review for review in reviews if review.get("state") == "waiting"],
            for_team="\n".join(str(m.get("text", "")) for m in fresh if m.get("restricted_visibility")),
            feedback=[entry.reaction for entry in await self.feedback.entries(self.bot.name)],
        )

    def _is_fresh(self, message: dict[str, Any]) -> bool:
        if message.get("type") == "deleted":
            return False
        version = f"{message.get('text')}|{message.get('outcome')}"
        known, self.versions[message["id"]] = self.versions.get(message["id"]), version
        return known != version

    async def _reason(self, message_id: str) -> str:
        record = await self.engine.record(self.bot.ids.of(message_id).job)
        if record is None:
            return "the message reached no turn"
        kind, _, reason = record.outcome.partition(": ")
        return reason if kind in {"silent", "handed off"} else ""

    def _say(self, step: ScenarioStep, text: str) -> None:
        person = self.opening.people.get(step.sender, Person())
        shown = f"/{step.command} {text}".rstrip() if step.command else text
        self.lines.append(
            Line(person.name or step.sender, shown, self.loop.time(), "other_bot" if person.bot else "person")
        )

    def _heard(self, message: dict[str, Any]) -> None:
        sources = dict.fromkeys(str(source.get("file", "")) for source in message.get("sources") or [])
        details = [str(message["outcome"])] if message.get("outcome") else []
        details += ["for the team alone"] if message.get("restricted_visibility") else []
        details += [f"source: {source}" for source in sources] + [f"tool: {name}" for name in self.called]
        line = Line(self.bot.definition.identity.name, str(message["text"]), self.loop.time(), "bot", tuple(details))
        self.lines.append(line)

    def note(self, text: str) -> None:
        """Write something down between the messages."""
        self.lines.append(Line("", text, self.loop.time(), "note"))


def _with_data(settings: Settings, folder: Path) -> Settings:
    """A data folder of the test's own; only the index of the articles is shared, which takes long to make."""
    shared = settings.data / "knowledge"
    shared.mkdir(parents=True, exist_ok=True)
    (folder / "knowledge").symlink_to(shared.resolve(), target_is_directory=True)
    return settings.model_copy(update={"data": folder})
