"""Chat completions of any server that says it is compatible: asked as it can be asked, its answers put right.

Stands where LangChain's model has the SDK's `chat.completions`, so that all above it sees one kind of server.
"""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import structlog

from framework.agent.models.arguments import BROKEN
from framework.agent.models.calls import ToolCalls
from framework.agent.models.dialect import ECHOES, Dialect
from framework.agent.models.events import Body, NotAnAnswerError
from framework.agent.models.failure import BrokenAnswerError
from framework.agent.models.pieces import CUT, FILTERED, Usage, joined, read_piece
from framework.agent.models.text_calls import LONGEST, Call, call_place, calls_in
from framework.agent.models.thoughts import AnswerText, without_retracted
from framework.values import Untyped

if TYPE_CHECKING:
    from types import TracebackType

    from framework.agent.models.failure import ModelSite

_log = structlog.get_logger(__name__)

_ADAPTIONS = 8
"""How often one request is put otherwise before its refusal counts."""
_REFUSALS = frozenset({400, 404, 405, 415, 422, 500, 501})
REFUSAL = "refusal"
"""A reason to stop: the model declines, in its own words."""
CONTINUE = "Your answer was cut off. Go on exactly where it ends. Repeat nothing, explain nothing."
_ENDS = frozenset({"stop", CUT, FILTERED})
_THOUGHTS_KEPT = 256

Chunk = dict[str, Any]


@dataclass
class _Answer:
    """What is known of one answer while it comes."""

    text: AnswerText
    calls: ToolCalls
    tools: frozenset[str]
    shown: list[str] = field(default_factory=list)
    pending: str = ""
    refusal: str = ""
    finish: str | None = None
    usage: Usage | None = None
    reasoning: list[str] = field(default_factory=list)
    began: bool = False

    def show(self, text: str) -> str:
        """Hold text back as long as it may turn out to be a call; return what can be shown."""
        if self.tools:
            self.pending += text
            place = call_place(self.pending, first=not self.shown)
            place = place if len(self.pending) - place < LONGEST else len(self.pending)
            text, self.pending = self.pending[:place], self.pending[place:]
        if text:
            self.shown.append(text)
        return text

    def take_pending(self) -> str:
        """Return what was held back, since it is text."""
        text, self.pending = self.pending, ""
        if text:
            self.shown.append(text)
        return text

    @property
    def whole(self) -> str:
        """What was shown, without what was taken back."""
        return without_retracted("".join(self.shown))


class Completions:
    """`create` as the SDK has it: it answers with chunks in OpenAI's form, whatever the server sends."""

    def __init__(self, inner: Untyped, dialect: Dialect, site: ModelSite, *, new_id: Callable[[], str]) -> None:
        self._inner = inner
        self._dialect = dialect
        self._site = site
        self._new_id = new_id
        self._thoughts: dict[str, str] = {}

    @property
    def with_raw_response(self) -> _Whole:
        """The same for an answer in one piece."""
        return _Whole(self)

    async def create(self, **payload: Untyped) -> Chunks:
        """Ask, and return the answer's chunks. Raises what the SDK raises for a refusal that nothing helps against."""
        return Chunks(await self._asked(payload))

    async def message(self, **payload: Untyped) -> dict[str, Untyped]:
        """Ask, and return the whole answer as one completion."""
        message: dict[str, Any] = {"role": "assistant", "content": ""}
        finish, usage = None, None
        async with aclosing(await self._asked(payload)) as chunks:
            async for chunk in chunks:
                usage = chunk.get("usage") or usage
                for choice in chunk["choices"]:
                    message["content"] += choice["delta"].get("content") or ""
                    message["tool_calls"] = choice["delta"].get("tool_calls") or message.get("tool_calls")
                    finish = choice["finish_reason"] or finish
        message["content"] = without_retracted(message["content"])
        return {"choices": [{"index": 0, "message": message, "finish_reason": finish}], "usage": usage}

    async def _asked(self, payload: Mapping[str, Any]) -> AsyncGenerator[Chunk, None]:
        """The answer's chunks. A question that the server's filter refuses is answered by the sign for that."""
        from openai import APIStatusError

        try:
            return self._answer(payload, await self._ask(payload))
        except APIStatusError as error:
            if error.code != FILTERED:
                raise
            _log.warning("model.filtered", model=self._site.place, said=self._site.quote(error.response.text))
            return _filtered()

    async def _ask(self, payload: Mapping[str, Untyped]) -> Untyped:
        from openai import APIStatusError

        for _ in range(_ADAPTIONS):
            asked = self._adapted(payload)
            try:
                return await self._inner.with_raw_response.create(**asked)
            except APIStatusError as error:
                words = error.response.text
                if error.status_code not in _REFUSALS or not self._learned(words, asked):
                    raise
        return await self._inner.with_raw_response.create(**self._adapted(payload))

    def _adapted(self, payload: Mapping[str, Any]) -> dict[str, Any]:
        asked = self._dialect.adapt(dict(payload))
        if not self._thoughts or not self._dialect.echoes:
            return asked
        return {**asked, "messages": [self._with_thoughts(message) for message in asked["messages"]]}

    def _with_thoughts(self, message: dict[str, Any]) -> dict[str, Any]:
        calls = message.get("tool_calls")
        thought = self._thoughts.get(str(calls[0]["id"])) if calls else None
        return message if thought is None else {**message, "reasoning_content": thought}

    def _learned(self, words: str, asked: dict[str, Any]) -> bool:
        if "reasoning_content" in words and self._thoughts and not self._dialect.echoes:
            self._dialect.echoes = True
            change: str | None = ECHOES
        else:
            change = self._dialect.learn(words, asked)
        if change is None:
            return False
        _log.warning("model.adapted", model=self._site.place, asked=change, said=self._site.quote(words))
        return True

    async def _answer(self, payload: Mapping[str, Untyped], raw: Untyped) -> AsyncGenerator[Chunk, None]:
        """The answer's chunks; one that was cut by the limit of its length is continued once."""
        answer = self._begin(payload)
        async for chunk in self._read(payload, raw, answer):
            yield chunk
        calls = self._calls_of(answer)
        rest = answer.refusal if answer.refusal and not answer.whole else answer.take_pending()
        if rest:
            yield _chunk({"content": rest})
        usage = answer.usage
        if answer.finish == CUT and answer.whole.strip() and not calls:
            more = self._begin({**payload, "tools": ()})
            async for chunk in self._continue(payload, answer.whole, more):
                yield chunk
            answer.finish, usage = more.finish or CUT, _sum(usage, more.usage)
            _log.warning("model.answer_cut", model=self._site.place, continued=True, complete=answer.finish != CUT)
        yield _chunk({"tool_calls": calls} if calls else {}, self._end_of(answer, calls))
        if usage:
            yield {"choices": [], "usage": usage}

    def _begin(self, payload: Mapping[str, Any]) -> _Answer:
        tools = frozenset(
            str(tool["function"]["name"])
            for tool in payload.get("tools") or ()
            if isinstance(tool.get("function"), dict)
        )
        taken = {str(call.get("id")) for message in payload["messages"] for call in message.get("tool_calls") or ()}
        return _Answer(AnswerText(hold=self._dialect.thinks), ToolCalls(tools, taken, self._new_id), tools)

    async def _read(self, payload: Mapping[str, Untyped], raw: Untyped, answer: _Answer) -> AsyncGenerator[Chunk, None]:
        """Yield the text; note what else the answer holds. Ask again if the server refuses in the answer's place."""
        for _ in range(_ADAPTIONS):
            try:
                async with aclosing(self._events(raw, answer)) as events:
                    async for text in events:
                        yield _chunk({"role": "assistant", "content": text})
                break
            except _RefusedInStream as refusal:
                if answer.began or not self._learned(refusal.words, self._adapted(payload)):
                    raise refusal.error(self._site) from None
                raw = await self._ask(payload)
        rest = answer.show(answer.text.finish())
        if rest:
            yield _chunk({"role": "assistant", "content": rest})
        if answer.text.thought or answer.reasoning or answer.whole.strip():
            self._dialect.thinks = answer.text.unopened

    async def _events(self, raw: Untyped, answer: _Answer) -> AsyncGenerator[str, None]:
        response, body = raw.http_response, Body()
        try:
            async with aclosing(body.objects(response.aiter_bytes())) as objects:
                async for event in objects:
                    yield self._take(event, answer)
        except NotAnAnswerError as error:
            raise BrokenAnswerError(
                f"{self._site.place} sent something that is not an answer: {self._site.quote(str(error)) or 'nothing'}",
                retryable=True,
                hint="Check OPENAI_BASE_URL: most end in /v1.",
            ) from None
        except Exception as error:
            if any(kind.__name__ == "TimeoutException" for kind in type(error).__mro__):
                raise TimeoutError from None
            raise
        finally:
            await response.aclose()
        if not answer.finish and body.done and answer.began:
            answer.finish = "stop"  # the end mark says that the answer is whole

    def _take(self, event: Chunk, answer: _Answer) -> str:
        """Take in one object; return what it adds to the text."""
        piece = read_piece(event)
        if piece.problem is not None:
            raise _RefusedInStream(piece.problem)
        answer.usage = joined(answer.usage, piece.usage)
        answer.finish = piece.finish or answer.finish
        answer.refusal += piece.refusal
        released = ""
        if piece.thought is not None:  # a server that names thoughts is trusted with telling them from the answer
            answer.reasoning.append(piece.thought if isinstance(piece.thought, str) else json.dumps(piece.thought))
            released = answer.text.release()
        if piece.whole and answer.began:
            return answer.show(released)  # the whole once more, at the end of a stream
        answer.calls.add(piece.calls)
        answer.began = answer.began or bool(piece.text or piece.calls or piece.refusal or piece.thought is not None)
        return answer.show(released + answer.text.feed(piece.text))

    def _calls_of(self, answer: _Answer) -> list[dict[str, Any]]:
        """The calls of an answer, those that it wrote as text among them."""
        calls = answer.calls.finish() or self._calls_in_text(answer) or self._calls_in_thoughts(answer)
        if calls and answer.reasoning:
            self._thoughts[calls[0]["id"]] = "".join(answer.reasoning)
            while len(self._thoughts) > _THOUGHTS_KEPT:
                del self._thoughts[next(iter(self._thoughts))]
        return calls

    def _calls_in_text(self, answer: _Answer) -> list[dict[str, Any]]:
        """Calls that stand in the text, or that are all of it. Raises BrokenAnswerError for one that a mark announces
        and that cannot be read: it is not for people.
        """
        written, marked = answer.text.call or answer.pending, answer.text.call is not None
        found = calls_in(written, answer.tools, named=answer.text.named, marked=marked) if answer.tools else []
        if marked and not found:
            raise BrokenAnswerError(
                f"{self._site.place} wrote a tool call as text that cannot be read.",
                retryable=True,
                hint="Choose a model, or a server, that calls tools in the API's own form.",
            )
        if not found:
            return []
        answer.pending = ""
        return self._written(answer, found)

    def _calls_in_thoughts(self, answer: _Answer) -> list[dict[str, Any]]:
        """Calls that a model marked in its thoughts; only where nothing else is said."""
        if not answer.tools or not answer.reasoning or answer.whole.strip() or answer.pending or answer.refusal:
            return []
        text = AnswerText()
        text.feed("".join(answer.reasoning))
        text.finish()
        found = calls_in(text.call or "", answer.tools, named=text.named, marked=True)
        return self._written(answer, [call for call in found if call[0] in answer.tools])

    def _written(self, answer: _Answer, found: Sequence[Call]) -> list[dict[str, Any]]:
        _log.info("model.call_in_text", model=self._site.place, tools=[name for name, _ in found])
        answer.calls.add(
            [{"index": n, "function": {"name": name, "arguments": given}} for n, (name, given) in enumerate(found)]
        )
        return answer.calls.finish()

    def _end_of(self, answer: _Answer, calls: list[dict[str, Any]]) -> str | None:
        if answer.finish is None:
            return None
        if calls and (answer.finish != CUT or any(BROKEN in call["function"]["arguments"] for call in calls)):
            return "tool_calls"  # arguments that were cut cannot be run: the model hears so
        if answer.refusal:
            return REFUSAL
        return answer.finish if answer.finish in _ENDS else "stop"

    async def _continue(self, payload: Mapping[str, Any], said: str, more: _Answer) -> AsyncGenerator[Chunk, None]:
        """Ask for the rest of an answer that was cut. A server that begins anew instead adds nothing."""
        messages = [*payload["messages"], {"role": "assistant", "content": said}, {"role": "user", "content": CONTINUE}]
        asked = {
            key: value for key, value in payload.items() if key not in {"tools", "tool_choice", "parallel_tool_calls"}
        }
        asked["messages"] = messages
        start: str | None = ""
        try:
            async with aclosing(self._read(asked, await self._ask(asked), more)) as chunks:
                async for chunk in chunks:
                    text = chunk["choices"][0]["delta"]["content"]
                    if start is not None:
                        start += text
                        if len(start) < len(said) and said.startswith(start):
                            continue
                        text, start = _not_said(start, said), None
                    yield _chunk({"content": text})
        except Exception as error:  # noqa: BLE001 - what there is of the answer stays, marked as cut
            _log.warning("model.answer_cut", model=self._site.place, continued=False, kind=type(error).__name__)
            more.finish = CUT


def _not_said(start: str, said: str) -> str:
    """A continuation without what it repeats: all that was said, or the last words of it."""
    if start.startswith(said):
        return start[len(said) :]
    most = min(len(start), len(said), 200)
    overlap = next((n for n in range(most, 12, -1) if said.endswith(start[:n])), 0)
    return start[overlap:]


def _sum(first: Usage | None, second: Usage | None) -> Usage | None:
    if first is None or second is None:
        return first or second
    return {name: first[name] + second[name] for name in first}


async def _filtered() -> AsyncGenerator[Chunk, None]:
    yield _chunk({"role": "assistant", "content": ""}, FILTERED)


def _chunk(delta: Mapping[str, Any], finish: str | None = None) -> Chunk:
    return {"choices": [{"index": 0, "delta": dict(delta), "finish_reason": finish}]}


class _RefusedInStream(Exception):  # noqa: N818 - never leaves this module
    """An error in the place of an answer, or of its rest."""

    def __init__(self, problem: object) -> None:
        told = problem if isinstance(problem, dict) else {"message": str(problem)}
        self.words = str(told.get("message") or told)
        self.code = told.get("code")
        super().__init__(self.words)

    def error(self, site: ModelSite) -> BrokenAnswerError:
        """The same for people, and for the agent to try again."""
        return BrokenAnswerError(
            f"{site.place} sent an error instead of an answer: {site.quote(self.words)}",
            retryable=True,
            hint="The fault is on the model's side. Try again in a while.",
        )


class Chunks(AsyncIterator[Chunk]):
    """The answer, as LangChain reads it: a context and an iterator."""

    def __init__(self, chunks: AsyncGenerator[Chunk, None]) -> None:
        self._chunks = chunks

    async def __aenter__(self) -> Chunks:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._chunks.aclose()

    async def __anext__(self) -> Chunk:
        return await anext(self._chunks)

    async def aclose(self) -> None:
        """Give the connection back."""
        await self._chunks.aclose()


@dataclass(frozen=True)
class _Whole:
    """The SDK's way to ask for an answer with its headers; no header is needed here."""

    completions: Completions

    async def create(self, **payload: Untyped) -> _Parsed:
        """Ask for a whole answer."""
        return _Parsed(await self.completions.message(**payload))


@dataclass(frozen=True)
class _Parsed:
    completion: dict[str, Any]

    def parse(self) -> dict[str, Any]:
        """The completion in OpenAI's form."""
        return self.completion
