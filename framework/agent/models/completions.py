"""Chat completions of any server that says it is compatible: asked as it can be asked, its answers put right.

Stands where LangChain's model has the SDK's `chat.completions`, so that all above it sees one kind of server.
"""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import structlog

from framework.agent.models.arguments import BROKEN
from framework.agent.models.calls import ToolCalls
from framework.agent.models.dialect import ECHOES, Dialect
from framework.agent.models.events import Body, NotAnAnswerError
from framework.agent.models.failure import BrokenAnswerError
from framework.agent.models.text_calls import LONGEST, calls_in, may_be_call
from framework.agent.models.thoughts import AnswerText, without_retracted

if TYPE_CHECKING:
    from types import TracebackType

    from framework.agent.models.failure import ModelSite

_log = structlog.get_logger(__name__)

_ADAPTIONS = 8
"""How often one request is put otherwise before its refusal counts."""
_REFUSALS = frozenset({400, 404, 405, 415, 422, 500, 501})
REFUSAL, CUT = "refusal", "length"
"""Reasons to stop: the model declines, in its own words; the answer was cut by a limit of its length."""
CONTINUE = "Your answer was cut off. Go on exactly where it ends. Repeat nothing, explain nothing."
_REASONING = ("reasoning_content", "reasoning", "thinking", "reasoning_details")
_ENDS = frozenset({"stop", CUT, "content_filter"})
_THOUGHTS_KEPT = 256

Chunk = dict[str, Any]


@dataclass
class _Answer:
    """What is known of one answer while it comes."""

    text: AnswerText
    calls: ToolCalls
    tools: frozenset[str]
    shown: list[str] = field(default_factory=list)
    pending: str | None = ""
    refusal: str = ""
    finish: str | None = None
    usage: Mapping[str, Any] | None = None
    reasoning: list[str] = field(default_factory=list)
    began: bool = False

    def show(self, text: str) -> str:
        """Hold text back as long as it may turn out to be a call; return what can be shown."""
        if self.pending is not None and self.tools:
            self.pending += text
            if not self.pending.strip() or (may_be_call(self.pending) and len(self.pending) < LONGEST):
                return ""
            text, self.pending = self.pending, None
        if text:
            self.shown.append(text)
        return text

    def take_pending(self) -> str:
        """Return what was held back, since it is text; nothing is held any more."""
        text, self.pending = self.pending or "", None
        if text:
            self.shown.append(text)
        return text

    @property
    def whole(self) -> str:
        """What was shown, without what was taken back."""
        return without_retracted("".join(self.shown))


class Completions:
    """`create` as the SDK has it: it answers with chunks in OpenAI's form, whatever the server sends."""

    def __init__(self, inner: Any, dialect: Dialect, site: ModelSite, *, new_id: Callable[[], str]) -> None:  # noqa: ANN401 - the SDK's
        self._inner = inner
        self._dialect = dialect
        self._site = site
        self._new_id = new_id
        self._thoughts: dict[str, str] = {}

    @property
    def with_raw_response(self) -> _Whole:
        """The same for an answer in one piece."""
        return _Whole(self)

    async def create(self, **payload: Any) -> Chunks:  # noqa: ANN401 - a request as the SDK takes it
        """Ask, and return the answer's chunks. Raises what the SDK raises for a refusal that nothing helps against."""
        return Chunks(self._answer(payload, await self._ask(payload)))

    async def message(self, **payload: Any) -> dict[str, Any]:  # noqa: ANN401 - a request as the SDK takes it
        """Ask, and return the whole answer as one completion."""
        message: dict[str, Any] = {"role": "assistant", "content": ""}
        finish, usage = None, None
        async with aclosing(self._answer(payload, await self._ask(payload))) as chunks:
            async for chunk in chunks:
                usage = chunk.get("usage") or usage
                for choice in chunk["choices"]:
                    message["content"] += choice["delta"].get("content") or ""
                    message["tool_calls"] = choice["delta"].get("tool_calls") or message.get("tool_calls")
                    finish = choice["finish_reason"] or finish
        message["content"] = without_retracted(message["content"])
        return {"choices": [{"index": 0, "message": message, "finish_reason": finish}], "usage": usage}

    async def _ask(self, payload: Mapping[str, Any]) -> Any:  # noqa: ANN401 - the SDK's raw response
        from openai import APIStatusError  # noqa: TID251 - this room speaks to OpenAI's SDK

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

    async def _answer(self, payload: Mapping[str, Any], raw: Any) -> AsyncGenerator[Chunk, None]:  # noqa: ANN401 - the SDK's
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

    async def _read(self, payload: Mapping[str, Any], raw: Any, answer: _Answer) -> AsyncGenerator[Chunk, None]:  # noqa: ANN401
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

    async def _events(self, raw: Any, answer: _Answer) -> AsyncGenerator[str, None]:  # noqa: ANN401 - the SDK's
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
        choices = event.get("choices") or ()
        choice = next((one for one in choices if isinstance(one, dict) and not one.get("index")), None)
        problem = event.get("error") or (choice or {}).get("error")
        if problem or (choice or {}).get("finish_reason") == "error":
            raise _RefusedInStream(problem or "no reason was given")
        answer.usage = event["usage"] if isinstance(event.get("usage"), dict) else answer.usage
        if choice is None:
            return ""
        delta = choice.get("delta") or choice.get("message") or {}
        answer.finish = choice.get("finish_reason") or answer.finish
        released = self._note_thoughts(delta, answer)
        if delta.get("refusal"):
            answer.refusal += str(delta["refusal"])
        if isinstance(delta.get("function_call"), dict):
            answer.calls.add([{"index": 0, "function": delta["function_call"]}])
        if delta.get("tool_calls"):
            answer.began = True
            answer.calls.add(delta["tool_calls"])
        content = _text(delta.get("content")) or (_text(choice.get("text")) if "delta" not in choice else "")
        answer.began = answer.began or bool(content) or bool(answer.refusal)
        return answer.show(released + answer.text.feed(content))

    def _note_thoughts(self, delta: Mapping[str, Any], answer: _Answer) -> str:
        """A server that names thoughts as such is trusted with telling them from the answer."""
        said = next((delta[name] for name in _REASONING if delta.get(name)), None)
        if said is None:
            return ""
        answer.began = True
        answer.reasoning.append(said if isinstance(said, str) else json.dumps(said))
        return answer.text.release()

    def _calls_of(self, answer: _Answer) -> list[dict[str, Any]]:
        """The calls of an answer, those that it wrote as text among them."""
        calls = answer.calls.finish() or self._calls_in_text(answer)
        if calls and answer.reasoning:
            self._thoughts[calls[0]["id"]] = "".join(answer.reasoning)
            while len(self._thoughts) > _THOUGHTS_KEPT:
                del self._thoughts[next(iter(self._thoughts))]
        return calls

    def _calls_in_text(self, answer: _Answer) -> list[dict[str, Any]]:
        """Calls that stand in the text, or that are all of it. Raises BrokenAnswerError for one that a mark announces
        and that cannot be read: it is not for people.
        """
        written, marked = answer.text.call or answer.pending or "", answer.text.call is not None
        found = calls_in(written, answer.tools, named=answer.text.named, marked=marked) if answer.tools else []
        if marked and not found:
            raise BrokenAnswerError(
                f"{self._site.place} wrote a tool call as text that cannot be read.",
                retryable=True,
                hint="Choose a model, or a server, that calls tools in the API's own form.",
            )
        if not found:
            return []
        answer.pending = None
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


def _text(content: object) -> str:
    """The words of a content, which may come as parts; thoughts among them are left out."""
    if isinstance(content, str):
        return content
    parts = content if isinstance(content, list) else []
    return "".join(
        str(part.get("text") or "")
        for part in parts
        if isinstance(part, dict) and part.get("type", "text") in _TEXT_PARTS
    )


_TEXT_PARTS = frozenset({"text", "output_text"})


def _sum(first: Mapping[str, Any] | None, second: Mapping[str, Any] | None) -> Mapping[str, Any] | None:
    if first is None or second is None:
        return first or second
    names = ("prompt_tokens", "completion_tokens", "total_tokens")
    return {name: (first.get(name) or 0) + (second.get(name) or 0) for name in names}


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

    async def create(self, **payload: Any) -> _Parsed:  # noqa: ANN401 - a request as the SDK takes it
        """Ask for a whole answer."""
        return _Parsed(await self.completions.message(**payload))


@dataclass(frozen=True)
class _Parsed:
    completion: dict[str, Any]

    def parse(self) -> dict[str, Any]:
        """The completion in OpenAI's form."""
        return self.completion
