"""The agent: a LangChain agent behind the port, the same for the embedded model and for language models."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from typing import TYPE_CHECKING, Any

from langchain.agents import create_agent
from langchain.agents.middleware import ModelCallLimitMiddleware, ModelRetryMiddleware, ToolErrorMiddleware
from langchain.agents.middleware.model_call_limit import ModelCallLimitExceededError

from framework.agent.answer import answer_of
from framework.agent.boundary import MODEL_CALLS, Boundary, explain_tool_error
from framework.agent.conversation import AgentEvent, Caller, Conversation, Finished, Utterance
from framework.agent.failure import BrokenAnswerError
from framework.agent.messages import marked_messages, plain_messages, system_text
from framework.agent.model import close_model
from framework.agent.outcome import offer_person
from framework.agent.transcript import MODES, Transcript
from framework.errors import ModelError
from framework.tools.context import ToolContext

if TYPE_CHECKING:
    from langgraph.graph.state import CompiledStateGraph

    from framework.agent.parts import Parts
    from framework.agent.reference import Reference
    from framework.settings import Settings


class LangChainAgent:
    """Answers conversations with a LangChain agent. Stateless between turns, so one instance serves many at once.

    A request that fails before its answer begins is repeated by the provider's SDK, which knows what to wait for; an
    answer that breaks off is begun again here. Both at most as often as the definition says.
    """

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._tools = {tool.name: tool for tool in parts.tools}
        self._graph = _build_graph(parts)

    @property
    def model_label(self) -> str:
        """Which model answers: `embedded` or `provider:name`."""
        return self._parts.site.label

    async def stream(self, conversation: Conversation) -> AsyncGenerator[AgentEvent, None]:
        """Answer, piece by piece; the last event is `Finished`. Raises ModelError when no answer can be had."""
        clock = self._parts.clock
        started = clock()
        references = await self._look_up(conversation)
        transcript = Transcript(clock)
        run: Any = self._graph.astream(
            {"messages": self._messages(conversation, references)},
            context=self._context(conversation),
            stream_mode=list(MODES),
        )
        try:
            async with aclosing(run) as steps:
                async for mode, data in steps:
                    for event in transcript.read(mode, data):
                        yield event
        except ModelCallLimitExceededError:
            raise ModelError(
                f"{self._parts.site.place} kept calling tools without answering.",
                hint="Choose a model that handles tools better, or give the bot fewer of them.",
            ) from None
        yield Finished(answer_of(transcript, self._parts, conversation.question, references, started=started))

    async def warm(self) -> None:
        """Do what the first turn would otherwise wait for: load the search, and, where that costs nothing, run the loop
        once. Changes nothing and asks no language model.
        """
        greeting = Conversation((Utterance("user", "hello"),), Caller(""))
        if self._parts.library is not None:
            await asyncio.to_thread(self._parts.library.look_up, greeting)
        if self._parts.embedded:
            async for _ in self.stream(greeting):
                pass

    def connect(self, settings: Settings) -> None:
        """Let the tools for the chat's operations, if the bot has any, work on the app in `settings`."""
        if self._parts.operations is not None:
            self._parts.operations.connect(settings)

    async def aclose(self) -> None:
        """Close the connections to the model and of the tools."""
        await close_model(self._parts.model)
        if self._parts.operations is not None:
            await self._parts.operations.close()

    async def _look_up(self, conversation: Conversation) -> Sequence[Reference]:
        """A language model is shown the passages at once, which saves the call in which it would ask for them. The
        embedded model searches by its tool.
        """
        library = self._parts.library
        if library is None or self._parts.embedded:
            return ()
        return await asyncio.to_thread(library.look_up, conversation)

    def _messages(self, conversation: Conversation, references: Sequence[Reference]) -> list[Any]:
        if not conversation.utterances:
            raise ModelError("There is nothing to answer: the conversation is empty.")
        return plain_messages(conversation) if self._parts.embedded else marked_messages(conversation, references)

    def _context(self, conversation: Conversation) -> ToolContext:
        caller = conversation.caller
        return ToolContext(
            user_id=caller.user_id,
            user_name=caller.user_name,
            channel=caller.channel,
            key=caller.key,
            data=self._parts.data,
            now=self._parts.now,
        )


def _build_graph(parts: Parts) -> CompiledStateGraph[Any, ToolContext, Any, Any]:
    """The agent's loop. Middleware is listed from the outside in."""
    retries = parts.bot.definition.model.retries
    prompt = parts.bot.system_prompt
    middleware: list[Any] = [
        ModelCallLimitMiddleware(run_limit=MODEL_CALLS, exit_behavior="error"),
        ToolErrorMiddleware(explain_tool_error),
        ModelRetryMiddleware(
            max_retries=retries,
            retry_on=lambda error: isinstance(error, BrokenAnswerError) and error.retryable,
            on_failure="error",
            initial_delay=parts.backoff,
            max_delay=8.0,
        ),
        Boundary(parts.site, tool_seconds=parts.tool_seconds),
    ]
    return create_agent(
        parts.model,
        tools=[*parts.tools, *(() if parts.embedded else (offer_person,))],
        system_prompt=prompt if parts.embedded else system_text(prompt, with_articles=parts.library is not None),
        context_schema=ToolContext,
        middleware=middleware,
    )
