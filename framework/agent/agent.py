"""The agent: a LangChain agent behind the port, the same for the embedded model and for language models."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import structlog

from framework.agent.answer import answer_of
from framework.agent.build.loop import build_loop
from framework.agent.conversation import (
    AgentEvent,
    Answer,
    ApprovalRequested,
    Caller,
    Conversation,
    Finished,
    HandoverRequested,
    TextDelta,
    Utterance,
)
from framework.agent.embedded.address import without_names
from framework.agent.embedded.digest import digest, extract, wants_summary
from framework.agent.models.setup import close_model
from framework.agent.prompt.background import Backgrounds
from framework.agent.prompt.messages import marked_messages, plain_messages
from framework.agent.transcript import Transcript
from framework.agent.turn import (
    ANSWER,
    Aside,
    EndlessToolCallsError,
    TurnContext,
    TurnJournal,
    decided_call,
    decided_task,
    keep_answer,
    kept_answer,
    scheduled_call,
)
from framework.errors import ModelError
from framework.tools.approval.tool_calls import roles_of

if TYPE_CHECKING:
    from framework.agent.build.dependencies import AgentDependencies
    from framework.agent.conversation import Reference
    from framework.approvals import Approval
    from framework.settings import Settings
    from framework.tools.operations import Opener

_log = structlog.get_logger(__name__)


class LangChainAgent:
    """Answers conversations with a LangChain agent. Keeps nothing of a turn in itself, so one instance serves many at
    once.

    A request that fails before its answer begins is repeated by the provider's SDK, which knows what to wait for; an
    answer that breaks off is begun again here. Both at most as often as the definition says.
    """

    def __init__(self, parts: AgentDependencies) -> None:
        self._parts = parts
        self._backgrounds = Backgrounds(parts)
        identity = parts.bot.definition.identity
        self._names = (identity.name, identity.user_id)
        self._graph = build_loop(parts, self._backgrounds.window.mask)

    @property
    def model_label(self) -> str:
        """Which model answers: `embedded` or `provider:name`."""
        return self._parts.site.label

    def has_tool_for(self, text: str) -> bool:
        """Whether the embedded model calls one of the bot's tools for these words, since its `phrases` name them."""
        if not self._parts.embedded:
            return False
        from framework.agent.embedded.model import tool_match

        return any(tool_match(tool, text) is not None for tool in self._parts.tools)

    async def stream(self, conversation: Conversation) -> AsyncGenerator[AgentEvent, None]:
        """Answer, piece by piece; the last event is `Finished`. Raises ModelError when no answer can be had.

        With `conversation.steps` the answer is kept before `Finished` is handed out; a turn that is tried again after
        that gets the same one, and no model is asked.
        """
        steps = conversation.steps
        if steps is not None and (kept := steps.saved(ANSWER)) is not None:
            answer, asides = kept_answer(kept)
            yield TextDelta(answer.text)
            for aside in asides:
                yield aside
            yield Finished(answer)
            return
        told: list[Aside] = []
        async with aclosing(self._answer_somehow(conversation)) as events:
            async for event in events:
                if isinstance(event, (HandoverRequested, ApprovalRequested)):
                    told.append(event)
                if isinstance(event, Finished) and steps is not None:
                    await steps.save(ANSWER, keep_answer(event.answer, told))
                yield event

    async def summarise(self, conversation: Conversation) -> str:
        """A short summary for the person who takes over: who, what was asked, what was answered. The embedded model
        takes the words that were used. Empty where nothing was said. Raises ModelError when the model fails.
        """
        said = [*conversation.earlier, *conversation.utterances]
        if self._parts.embedded or not said:
            return extract(conversation)
        from framework.agent.prompt.summary import HANDOVER_PROMPT, Summariser

        return await Summariser(self._parts.model, self._parts.site, HANDOVER_PROMPT).of(
            said, replace(self._backgrounds.window, mark=self._parts.mark())
        )

    async def facts_of(self, user_id: str, channel: str) -> tuple[str, ...]:
        """What the bot remembers of a person in a channel, oldest first; nothing where it remembers nothing at all."""
        return await self._parts.facts.of(user_id, channel) if self._parts.facts else ()

    async def erase(self, user_id: str) -> int:
        """Forget all facts about a person, in every channel. Returns how many there were."""
        return await self._parts.facts.erase(user_id) if self._parts.facts else 0

    async def warm(self) -> None:
        """Do what the first turn would otherwise wait for: load the search, and, where that costs nothing, run the loop
        once. Changes nothing and asks no language model.
        """
        greeting = Conversation((Utterance("user", "hello"),), Caller(""))
        if self._parts.library is not None:
            await self._parts.library.warm()
        if self._parts.embedded:
            async for _ in self.stream(greeting):
                pass

    def connect(self, settings: Settings, opener: Opener | None = None) -> None:
        """Let the tools for the chat's operations, if the bot has any, work on the app in `settings`."""
        if self._parts.operations is not None:
            self._parts.operations.connect(settings, opener)

    async def aclose(self) -> None:
        """Close the connections to the models, of the tools, and to what the bot remembers."""
        own = () if self._parts.keeps_model else (self._parts.model,)
        for model in (*own, *(model for model, _ in self._parts.fallbacks)):
            await close_model(model)
        if self._parts.operations is not None:
            await self._parts.operations.close()
        if self._parts.mcp is not None:
            await self._parts.mcp.aclose()
        if self._parts.database is not None:
            self._parts.database.close()

    async def _answer_somehow(self, conversation: Conversation) -> AsyncGenerator[AgentEvent, None]:
        """Answer, or have the embedded model do it where the definition names it as the last fallback."""
        try:
            async with aclosing(self._answer(conversation)) as events:
                async for event in events:
                    yield event
            return
        except ModelError as error:
            other = self._parts.last_resort
            if other is None:
                raise
            _log.warning("model.embedded_answers", reason="every other model failed", error=error.what)
        async with aclosing(other._answer(conversation)) as events:  # noqa: SLF001 - of its own kind
            async for event in events:
                yield event

    async def _answer(self, conversation: Conversation) -> AsyncGenerator[AgentEvent, None]:
        started = self._parts.clock()
        if self._parts.embedded:
            conversation = without_names(conversation, self._names)
        decided = await self._decided(conversation)
        if (
            self._parts.embedded
            and wants_summary(conversation.instruction)
            and decided is None
            and not conversation.run
        ):
            answer = self._digest(conversation, started)
            yield TextDelta(answer.text)
            yield Finished(answer)
            return
        journal = await self._journal(conversation, decided)
        references = await self._look_up(conversation)
        messages = await self._messages(conversation, references, journal, decided)
        transcript = Transcript(self._parts.clock)
        try:
            async with aclosing(self._run(messages, self._context(conversation, journal, decided))) as happened:
                async for one in happened:
                    for event in transcript.read(one):
                        yield event
        except EndlessToolCallsError:
            raise ModelError(
                f"{self._parts.site.place} kept calling tools without answering.",
                hint="Choose a model that handles tools better, or give the bot fewer of them.",
            ) from None
        yield Finished(answer_of(transcript, self._parts, conversation, references, journal=journal, started=started))

    async def _run(self, messages: list[Any], context: TurnContext) -> AsyncGenerator[object, None]:
        """Run the graph; yield what the turn's middleware tells, and the graph's updates."""
        events = context.journal.events

        async def run() -> None:
            steps: Any = self._graph.astream({"messages": messages}, context=context, stream_mode="updates")
            async with aclosing(steps):
                async for update in steps:
                    events.put(update)

        task = asyncio.create_task(run())
        task.add_done_callback(lambda _: events.end())
        try:
            async for event in events.all():
                yield event
            await task
        finally:
            task.cancel()
            await asyncio.wait({task})

    def _digest(self, conversation: Conversation, started: float) -> Answer:
        """The task of a digest, without a language model: how much was said and by whom, and the most telling of it."""
        text = digest(conversation) or self._parts.phrases(conversation).refused.replace("{person}", "").strip()
        return Answer(text, "answered", model=self.model_label, seconds=self._parts.clock() - started)

    async def _decided(self, conversation: Conversation) -> Approval | None:
        if not conversation.decided:
            return None
        if self._parts.approvals is None:
            raise ModelError("No tool of this bot needs approval, so that nothing can have been decided.")
        return await self._parts.approvals.get(conversation.decided)

    async def _journal(self, conversation: Conversation, decided: Approval | None) -> TurnJournal:
        tools = () if self._parts.mcp is None else await self._parts.mcp.tools(self._parts.bot.definition.tool_names)
        known = (*self._parts.tools, *tools)
        call = None if decided is None else decided_call(decided, known)
        if conversation.run and call is None:
            call = scheduled_call(conversation.run, known)
        return TurnJournal(
            conversation.steps,
            call,
            decided.id if decided else "",
            tools,
            toolless=conversation.toolless,
            mark=self._parts.mark(),
            phrases=self._parts.phrases(conversation),
        )

    async def _look_up(self, conversation: Conversation) -> Sequence[Reference]:
        """A language model is shown the passages at once, which saves the call in which it would ask for them. The
        embedded model searches by its tool; so does every model for a task.
        """
        library = self._parts.library
        if library is None or self._parts.embedded or conversation.instruction or conversation.decided:
            return ()
        return await library.look_up(without_names(conversation, self._names))

    async def _messages(
        self,
        conversation: Conversation,
        references: Sequence[Reference],
        journal: TurnJournal,
        decided: Approval | None,
    ) -> list[Any]:
        task = conversation.instruction or (decided_task(decided) if decided else "")
        if not conversation.utterances and not task:
            raise ModelError("There is nothing to answer: the conversation is empty.")
        if self._parts.embedded:
            return plain_messages(conversation.utterances, task)
        shown, background = await self._backgrounds.of(conversation, references, journal)
        return marked_messages(shown, task, background, replace(self._backgrounds.window, mark=journal.mark))

    def _context(self, conversation: Conversation, journal: TurnJournal, decided: Approval | None) -> TurnContext:
        # What the team approved is done for whoever asked for it, whoever's turn this is.
        caller = conversation.caller
        return TurnContext(
            user_id=decided.request.asked_by if decided else caller.user_id,
            user_name=decided.request.asked_name if decided else caller.user_name,
            channel=decided.request.channel if decided else caller.channel,
            key=caller.key,
            data=self._parts.data,
            now=self._parts.now,
            roles=roles_of(decided) if decided else caller.roles,
            message=caller.message,
            restricted=caller.restricted,
            chat=self._parts.operations,
            notifier=conversation.notifier,
            promiser=conversation.promiser,
            journal=journal,
        )
