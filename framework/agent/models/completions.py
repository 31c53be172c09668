"""Chat completions of any server that says it is compatible: asked as it can be asked, its answers put right.

Stands where LangChain's model has the SDK's `chat.completions`, so that all above it sees one kind of server.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping
from contextlib import aclosing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import structlog

from framework.agent.models.answer_reader import AnswerReader, RefusedInStreamError
from framework.agent.models.dialect import ECHOES, ModelDialect
from framework.agent.models.pacing import Pacing
from framework.agent.models.pieces import CUT, FILTERED, Usage
from framework.agent.models.thoughts import without_retracted
from framework.values import Untyped

if TYPE_CHECKING:
    from types import TracebackType

    from framework.agent.models.failure import ModelSite

_log = structlog.get_logger(__name__)

_ADAPTIONS = 8
"""How often one request is put otherwise before its refusal counts."""
_REFUSALS = frozenset({400, 404, 405, 415, 422, 500, 501})
CONTINUE = "Your answer was cut off. Go on exactly where it ends. Repeat nothing, explain nothing."
_THOUGHTS_KEPT = 256

Chunk = dict[str, Any]


class Completions:
    """`create` as the SDK has it: it answers with chunks in OpenAI's form, whatever the server sends."""

    def __init__(
        self,
        client: Untyped,
        dialect: ModelDialect,
        site: ModelSite,
        *,
        new_id: Callable[[], str],
        pacing: Callable[[], Pacing],
    ) -> None:
        """`client` is the SDK's for the server. `pacing` paces the reading of one answer."""
        self._client = client
        self._dialect = dialect
        self._site = site
        self._new_id = new_id
        self._pacing = pacing
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
                return await self._post(asked)
            except APIStatusError as error:
                words = error.response.text
                if error.status_code not in _REFUSALS or not self._learned(words, asked):
                    raise
        return await self._post(self._adapted(payload))

    async def _post(self, asked: dict[str, Any]) -> Any:  # noqa: ANN401 - the SDK's response
        """Send a request that is in the API's form already: the SDK's `create` would walk through all of it once more,
        by the types of its fields, which costs more than the rest of the call.
        """
        from httpx2 import Response

        return await self._client.post(
            "/chat/completions", cast_to=Response, body=asked, stream=bool(asked.get("stream"))
        )

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

    async def _answer(self, payload: Mapping[str, Any], response: Untyped) -> AsyncGenerator[Chunk, None]:
        """The answer's chunks; one that was cut by the limit of its length is continued once."""
        answer = self._reader(payload)
        async for text in self._read(payload, response, answer):
            yield _said(text)
        calls = self._calls_of(answer)
        if rest := answer.take_pending():
            yield _said(rest)
        usage = answer.usage
        if answer.finish == CUT and answer.whole.strip() and not calls:
            more = self._reader({**payload, "tools": ()})
            async for text in self._continue(payload, answer.whole, more):
                yield _said(text)
            answer.finish, usage = more.finish or CUT, _sum(usage, more.usage)
            _log.warning("model.answer_cut", model=self._site.place, continued=True, complete=answer.finish != CUT)
        yield {**_chunk({"tool_calls": calls} if calls else {}, answer.end(calls)), "usage": usage}

    def _reader(self, payload: Mapping[str, Any]) -> AnswerReader:
        return AnswerReader(payload, self._site, thinks=self._dialect.thinks, new_id=self._new_id)

    async def _read(
        self,
        payload: Mapping[str, Any],
        response: Untyped,
        answer: AnswerReader,
    ) -> AsyncGenerator[str, None]:
        """Yield the text; note what else the answer holds. Ask again if the server refuses in the answer's place."""
        for _ in range(_ADAPTIONS):
            try:
                async with aclosing(answer.texts(response, self._pacing())) as texts:
                    async for text in texts:
                        yield text
                break
            except RefusedInStreamError as refusal:
                if answer.began or not self._learned(refusal.words, self._adapted(payload)):
                    raise refusal.error(self._site) from None
                response = await self._ask(payload)
        if rest := answer.rest_of_text():
            yield rest
        if answer.text.thought or answer.reasoning or answer.whole.strip():
            self._dialect.thinks = answer.text.unopened

    def _calls_of(self, answer: AnswerReader) -> list[dict[str, Any]]:
        """The calls of an answer. The thoughts that led to them are kept, for servers that want them back."""
        calls = answer.calls()
        if calls and answer.reasoning:
            self._thoughts[calls[0]["id"]] = "".join(answer.reasoning)
            while len(self._thoughts) > _THOUGHTS_KEPT:
                del self._thoughts[next(iter(self._thoughts))]
        return calls

    async def _continue(self, payload: Mapping[str, Any], said: str, more: AnswerReader) -> AsyncGenerator[str, None]:
        """Ask for the rest of an answer that was cut. A server that begins anew instead adds nothing."""
        messages = [*payload["messages"], {"role": "assistant", "content": said}, {"role": "user", "content": CONTINUE}]
        asked = {
            key: value for key, value in payload.items() if key not in {"tools", "tool_choice", "parallel_tool_calls"}
        }
        asked["messages"] = messages
        start: str | None = ""
        try:
            async with aclosing(self._read(asked, await self._ask(asked), more)) as texts:
                async for text in texts:
                    if start is not None:
                        start += text
                        if len(start) < len(said) and said.startswith(start):
                            continue
                        yield _not_said(start, said)
                        start = None
                    else:
                        yield text
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


def _said(text: str) -> Chunk:
    return _chunk({"role": "assistant", "content": text})


def _chunk(delta: Mapping[str, Any], finish: str | None = None) -> Chunk:
    return {"choices": [{"index": 0, "delta": dict(delta), "finish_reason": finish}]}


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
