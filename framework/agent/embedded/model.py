"""The model that answers without any key: it quotes the bot's articles and makes nothing up.

To LangChain it is a chat model like any other: it calls the tool `search_knowledge`, and streams an answer made of what
comes back. It also calls those tools of the bot whose `extras` say by which words: `phrases` are regular expressions
for what a person writes, their named groups fill the tool's arguments; `fill` says where other arguments come from;
`suggest` is what to offer to somebody whose question found no answer.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal
from uuid import uuid4

from langchain_core.language_models.chat_models import BaseChatModel
from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage, HumanMessage, ToolMessage
from langchain_core.messages.ai import add_ai_message_chunks
from langchain_core.messages.tool import ToolCallChunk
from langchain_core.outputs import ChatGeneration, ChatGenerationChunk, ChatResult
from langchain_core.tools import BaseTool
from langchain_core.utils.function_calling import convert_to_openai_tool
from pydantic import Field

from framework.agent.embedded.composition import EmbeddedReply, compose
from framework.agent.embedded.smalltalk import SmallTalk, small_talk, talk_in
from framework.agent.knowledge.search.evidence import Evidence
from framework.agent.own_tools import SEARCH
from framework.agent.spoken.language import language_of
from framework.agent.turn import CustomerNotice
from framework.definition.expressions.patterns import linear
from framework.definition.parts.phrases import Phrases, PhraseTexts
from framework.values import Untyped

if TYPE_CHECKING:
    from langchain_core.callbacks import AsyncCallbackManagerForLLMRun, CallbackManagerForLLMRun
    from langchain_core.language_models import LanguageModelInput
    from langchain_core.runnables import Runnable

NAME = "embedded"
HISTORY_MESSAGES = 8
"""How many messages before the question go into the search."""


class QuotingChatModel(BaseChatModel):
    """Answers from `search_knowledge` alone, in the articles' own words, or says that it cannot."""

    phrases: Phrases = Field(default_factory=Phrases)
    language: str = "en"
    bound: tuple[BaseTool, ...] = ()

    @property
    def _llm_type(self) -> str:
        return NAME

    def bind_tools(
        self,
        tools: Sequence[dict[str, Any] | type | Callable[..., Any] | BaseTool],
        *,
        tool_choice: str | None = None,
        **kwargs: Untyped,
    ) -> Runnable[LanguageModelInput, AIMessage]:
        """A copy of the model that may call these tools. Tools that are not LangChain's have no phrases."""
        return self.model_copy(update={"bound": tuple(tool for tool in tools if isinstance(tool, BaseTool))})

    def _stream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Untyped,
    ) -> Iterator[ChatGenerationChunk]:
        for message in self._answer(messages):
            chunk = ChatGenerationChunk(message=message)
            if run_manager:
                run_manager.on_llm_new_token(message.text, chunk=chunk)
            yield chunk

    async def _astream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Untyped,
    ) -> AsyncIterator[ChatGenerationChunk]:
        """Find the answer in a thread, once: LangChain would go to one for each piece."""
        for message in await asyncio.to_thread(lambda: list(self._answer(messages))):
            chunk = ChatGenerationChunk(message=message)
            if run_manager:
                await run_manager.on_llm_new_token(message.text, chunk=chunk)
            yield chunk

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Untyped,
    ) -> ChatResult:
        whole = add_ai_message_chunks(AIMessageChunk(content=""), *self._answer(messages))
        message = AIMessage(
            content=whole.content, tool_calls=whole.tool_calls, response_metadata=whole.response_metadata, id=whole.id
        )
        return ChatResult(generations=[ChatGeneration(message=message)])

    def _answer(self, messages: Sequence[BaseMessage]) -> Iterator[AIMessageChunk]:
        step = self._next_step(messages)
        if isinstance(step, EmbeddedReply):
            yield from _spell(step)
        else:
            name, arguments = step
            yield _call(name, arguments)

    def _next_step(self, messages: Sequence[BaseMessage]) -> EmbeddedReply | tuple[str, dict[str, Any]]:
        asked = max((n for n, message in enumerate(messages) if isinstance(message, HumanMessage)), default=-1)
        phrases = self._spoken(messages)
        if asked < 0:
            return EmbeddedReply(phrases.greeting, "answered")
        results = [message for message in messages[asked + 1 :] if isinstance(message, ToolMessage)]
        if results:
            return self._relay(results[-1], messages[asked].text, phrases)
        question, before = messages[asked].text.strip(), messages[:asked]
        if not question:
            return EmbeddedReply(phrases.no_text, "refused")
        chosen = self._chosen_tool(question, before)
        if chosen is None and (talk := small_talk(question)) is not None:
            return _small_talk(talk, phrases)
        return chosen or self._search(question, before, phrases)

    def _spoken(self, messages: Sequence[BaseMessage]) -> PhraseTexts:
        """The sentences in the language of what people said."""
        said = (message.text for message in reversed(messages) if isinstance(message, HumanMessage))
        return self.phrases.spoken(language_of(said, self.language))

    def _relay(self, result: ToolMessage, question: str, phrases: PhraseTexts) -> EmbeddedReply:
        """The answer that a tool's result makes."""
        if isinstance(result.artifact, Evidence) and result.artifact.talk == "about":
            return _small_talk(talk_in(language_of([question], self.language), "about"), phrases)
        if result.name == SEARCH and isinstance(result.artifact, Evidence):
            return compose(result.artifact, phrases, self._suggestions())
        if isinstance(result.artifact, CustomerNotice):
            failed = result.status == "error"
            return EmbeddedReply(result.artifact.text, "refused" if failed else "answered")
        if result.status == "error":
            return EmbeddedReply(phrases.apology, "refused", suggestions=self._suggestions())
        return EmbeddedReply(result.text, "answered")

    def _suggestions(self) -> tuple[str, ...]:
        offers = [(tool.extras or {}).get("suggest") for tool in self.bound]
        return tuple(offer for offer in offers if isinstance(offer, str))

    def _search(
        self, question: str, before: Sequence[BaseMessage], phrases: PhraseTexts
    ) -> EmbeddedReply | tuple[str, dict[str, Any]]:
        if not any(tool.name == SEARCH for tool in self.bound):
            return compose(Evidence("refused", (), 0.0), phrases, self._suggestions())
        history = [
            {"who": "user" if isinstance(message, HumanMessage) else "bot", "text": message.text}
            for message in before[-HISTORY_MESSAGES:]
            if isinstance(message, HumanMessage | AIMessage) and message.text.strip()
        ]
        return SEARCH, {"question": question, "history": history} if history else {"question": question}

    def _chosen_tool(self, question: str, before: Sequence[BaseMessage]) -> tuple[str, dict[str, Any]] | None:
        """The first tool one of whose phrases the message matches, if all it needs can be filled in."""
        for tool in self.bound:
            match = tool_match(tool, question)
            if match is None:
                continue
            arguments = {name: value.strip() for name, value in match.items() if value.strip()}
            sources: Mapping[str, str] = (tool.extras or {}).get("fill") or {}
            for name, source in sources.items():
                if name not in arguments:
                    arguments[name] = question if source == "message" else self._last_question(before) or question
            if _required(tool) <= arguments.keys():
                return tool.name, arguments
        return None

    def _last_question(self, before: Sequence[BaseMessage]) -> str:
        """What the person last asked: neither small talk nor words that led to a tool."""
        for message in reversed(before):
            text = message.text.strip() if isinstance(message, HumanMessage) else ""
            led_to_tool = any(tool_match(tool, text) is not None for tool in self.bound)
            if text and small_talk(text) is None and not led_to_tool:
                return text
        return ""


def _small_talk(talk: SmallTalk, phrases: PhraseTexts) -> EmbeddedReply:
    """In the person's language, but where the bot's definition has words of its own for it."""
    own = talk.kind in phrases.model_fields_set
    said: str = getattr(phrases, talk.kind)
    text = said if own or not talk.reply else talk.reply
    return EmbeddedReply(text.replace("{person}", phrases.person), "answered")


def tool_match(tool: BaseTool, text: str) -> Mapping[str, str] | None:
    """What the groups of the first phrase caught that a text matches."""
    for phrase in (tool.extras or {}).get("phrases", ()):
        if (match := linear(phrase, ignore_case=True).groups(text)) is not None:
            return match
    return None


def _required(tool: BaseTool) -> set[str]:
    """The arguments that a caller must give; what the framework injects is not among them."""
    return set(convert_to_openai_tool(tool)["function"]["parameters"].get("required", ()))


def _call(name: str, arguments: Mapping[str, Any]) -> AIMessageChunk:
    import json

    call = ToolCallChunk(
        name=name, args=json.dumps(arguments, ensure_ascii=False), id=f"call_{uuid4().hex[:16]}", index=0
    )
    return AIMessageChunk(
        content="",
        tool_call_chunks=[call],
        response_metadata={"model_name": NAME, "finish_reason": "tool_calls"},
        chunk_position="last",
    )


def _spell(reply: EmbeddedReply) -> Iterator[AIMessageChunk]:
    """The reply, all of which is there at once, and a last piece that says what the reply is."""
    yield AIMessageChunk(content=reply.text)
    outcome: Literal["answered", "unsure", "refused"] = reply.outcome
    yield AIMessageChunk(
        content="",
        response_metadata={
            "model_name": NAME,
            "finish_reason": "stop",
            "outcome": outcome,
            "sources": reply.sources,
            "suggestions": reply.suggestions,
        },
        chunk_position="last",
    )
