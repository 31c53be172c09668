"""A server that speaks OpenAI's chat completions from a script, on loopback, and remembers what it was asked."""

from __future__ import annotations

import asyncio
import json
from collections import deque
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

MODEL = "scripted-1"


@dataclass(frozen=True)
class Asked:
    """One request: its path, its headers, its JSON body."""

    path: str
    headers: Mapping[str, str]
    body: dict[str, Any]

    @property
    def text(self) -> str:
        """All that was sent, as one text to look through."""
        return json.dumps(self.body, ensure_ascii=False)

    @property
    def messages(self) -> list[dict[str, Any]]:
        """The chat messages, in order."""
        return list(self.body["messages"])


Step = Callable[["Stream"], Coroutine[Any, Any, None]]


@dataclass
class Stream:
    """The answer to one request, as a step of the script writes it."""

    request: web.Request
    response: web.StreamResponse = field(default_factory=web.StreamResponse)

    async def begin(self) -> None:
        """Send the head of a stream of events."""
        self.response.content_type = "text/event-stream"
        await self.response.prepare(self.request)

    async def raw(self, data: str) -> None:
        """Send one event as it is."""
        await self.response.write(f"data: {data}\n\n".encode())

    async def delta(self, delta: Mapping[str, Any], finish: str | None = None) -> None:
        """Send a piece of the answer."""
        choice = {"index": 0, "delta": dict(delta), "finish_reason": finish}
        await self.raw(json.dumps(_chunk(choices=[choice])))

    async def end(self, finish: str = "stop") -> None:
        """Finish in good order: the reason, the token counts, the end mark."""
        await self.delta({}, finish)
        usage = {"prompt_tokens": 11, "completion_tokens": 7, "total_tokens": 18}
        await self.raw(json.dumps(_chunk(choices=[], usage=usage)))
        await self.raw("[DONE]")
        await self.response.write_eof()

    async def status(self, code: int, body: Mapping[str, Any], headers: Mapping[str, str]) -> None:
        """Answer with an error instead of a stream."""
        self.response = web.json_response(body, status=code, headers=headers)
        await self.response.prepare(self.request)
        await self.response.write_eof()

    def cut(self) -> None:
        """Drop the connection."""
        if self.request.transport is not None:
            self.request.transport.abort()


@dataclass
class Whole(Stream):
    """The answer to a request that did not ask for a stream: what a step streams, as one JSON object."""

    message: dict[str, Any] = field(default_factory=lambda: {"role": "assistant", "content": ""})
    finish: str | None = None

    async def begin(self) -> None:
        """Nothing is sent before the end."""

    async def raw(self, data: str) -> None:
        """Only pieces with text or a reason to stop are taken in."""
        for choice in json.loads(data).get("choices", ()) if data != "[DONE]" else ():
            self.message["content"] += choice["delta"].get("content") or ""
            self.finish = choice["finish_reason"] or self.finish

    async def end(self, finish: str = "stop") -> None:
        """Send all of it."""
        choice = {"index": 0, "message": self.message, "finish_reason": finish}
        usage = {"prompt_tokens": 11, "completion_tokens": 7, "total_tokens": 18}
        self.response = web.json_response(_chunk(choices=[choice], usage=usage) | {"object": "chat.completion"})
        await self.response.prepare(self.request)
        await self.response.write_eof()


def _chunk(**fields: object) -> dict[str, object]:
    return {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": MODEL, **fields}


def say(*pieces: str, pause: float = 0.0, finish: str = "stop") -> Step:
    """Stream text, with a pause in seconds before each piece."""

    async def step(stream: Stream) -> None:
        await stream.begin()
        await stream.delta({"role": "assistant", "content": ""})
        for piece in pieces:
            await asyncio.sleep(pause)
            await stream.delta({"content": piece})
        await stream.end(finish)

    return step


def say_as_read(*pieces: str, read: asyncio.Semaphore) -> Step:
    """Stream text; each piece but the first is sent once `read` was released for the one before."""

    async def step(stream: Stream) -> None:
        await stream.begin()
        for piece in pieces:
            await stream.delta({"content": piece})
            await read.acquire()
        await stream.end()

    return step


def call(
    *calls: tuple[str, Mapping[str, Any]], text: str = "", finish: str | None = "tool_calls", whole: bool = True
) -> Step:
    """Stream tool calls, their arguments in two pieces, after some text if given. Not `whole`: the last characters of
    the arguments are missing. Without `finish` the stream is closed with no reason to stop.
    """

    async def step(stream: Stream) -> None:
        await stream.begin()
        await stream.delta({"role": "assistant", "content": text or None})
        for index, (name, arguments) in enumerate(calls):
            written = json.dumps(arguments) if whole else json.dumps(arguments)[:-4]
            head = {"index": index, "id": f"call_{name}_{index}", "type": "function"}
            await stream.delta({"tool_calls": [{**head, "function": {"name": name, "arguments": ""}}]})
            for part in (written[:5], written[5:]):
                await stream.delta({"tool_calls": [{"index": index, "function": {"arguments": part}}]})
        if finish is None:
            await stream.response.write_eof()
        else:
            await stream.end(finish)

    return step


def fail(
    status: int, message: str = "scripted failure", *, code: str | None = None, headers: Mapping[str, str] | None = None
) -> Step:
    """Answer with an HTTP error, in OpenAI's form."""

    async def step(stream: Stream) -> None:
        error = {"message": message, "type": "scripted", "param": None, "code": code}
        # The SDK repeats 408, 409, 429 and 5xx after half a second, unless it is told to wait less.
        await stream.status(status, {"error": error}, {"retry-after-ms": "1", **(headers or {})})

    return step


def cut(*pieces: str, politely: bool = False) -> Step:
    """Stream text and then drop the connection; `politely`: close the stream, but without a reason to stop."""

    async def step(stream: Stream) -> None:
        await stream.begin()
        for piece in pieces:
            await stream.delta({"role": "assistant", "content": piece})
        if politely:
            await stream.response.write_eof()
        else:
            stream.cut()

    return step


def send(*events: str) -> Step:
    """Stream these events as they are, and close."""

    async def step(stream: Stream) -> None:
        await stream.begin()
        for event in events:
            await stream.raw(event)
        await stream.response.write_eof()

    return step


def hang(*pieces: str) -> Step:
    """Stream text, then nothing more until the client goes away."""

    async def step(stream: Stream) -> None:
        await stream.begin()
        for piece in pieces:
            await stream.delta({"role": "assistant", "content": piece})
        await asyncio.Event().wait()

    return step


def scores(**given: object) -> Step:
    """Answer a question of moderation with these scores, and none for all other kinds."""

    async def step(stream: Stream) -> None:
        kinds = dict.fromkeys(("hate", "harassment", "sexual", "violence", "self-harm", "illicit"), 0.01)
        result = {"flagged": False, "categories": dict.fromkeys(kinds, False), "category_scores": kinds | given}
        body = {"id": "modr-1", "model": "omni-moderation-latest", "results": [result]}
        await stream.status(200, body, {})

    return step


def answer_body(body: Mapping[str, Any]) -> Step:
    """Answer with this JSON, whatever was asked."""

    async def step(stream: Stream) -> None:
        await stream.status(200, body, {})

    return step


@dataclass
class ScriptedServer:
    """Plays its script, one step a request; beyond the script `brain` decides by what is asked, and without one a
    request gets a 400.
    """

    url: str = ""
    script: deque[Step] = field(default_factory=deque)
    asked: list[Asked] = field(default_factory=list)
    models: tuple[str, ...] | None = (MODEL,)
    abandoned: asyncio.Event = field(default_factory=asyncio.Event)
    listing: Step | None = None
    brain: Callable[[Asked], Step] | None = None
    judge: Callable[[Asked], Step] | None = None

    def play(self, *steps: Step) -> None:
        """Put steps at the end of the script."""
        self.script.extend(steps)

    async def complete(self, request: web.Request) -> web.StreamResponse:
        """Answer a chat completion."""
        await self._remember(request)
        step = self._next(self.asked[-1])
        stream = Stream(request) if self.asked[-1].body.get("stream") else Whole(request)
        try:
            await step(stream)
        except (asyncio.CancelledError, ConnectionError):
            self.abandoned.set()
            raise
        return stream.response

    async def list_models(self, request: web.Request) -> web.StreamResponse:
        """Answer the list of models, or 404 where there is none."""
        await self._remember(request)
        if self.listing is not None:
            stream = Stream(request)
            await self.listing(stream)
            return stream.response
        if self.models is None:
            return web.json_response({"error": {"message": "no such route"}}, status=404)
        entries = [{"id": name, "object": "model", "created": 1, "owned_by": "tests"} for name in self.models]
        return web.json_response({"object": "list", "data": entries})

    async def moderate(self, request: web.Request) -> web.StreamResponse:
        """Answer a question of moderation as `judge` decides; 404 without one, as other servers than OpenAI's do."""
        await self._remember(request)
        if self.judge is None:
            return web.json_response({"error": {"message": "no such route"}}, status=404)
        stream = Stream(request)
        await self.judge(self.asked[-1])(stream)
        return stream.response

    def _next(self, asked: Asked) -> Step:
        if self.script:
            return self.script.popleft()
        return self.brain(asked) if self.brain else fail(400, "the script is at its end")

    async def _remember(self, request: web.Request) -> None:
        body = await request.json() if request.can_read_body else {}
        self.asked.append(Asked(request.path, dict(request.headers), body))


@asynccontextmanager
async def scripted_server() -> AsyncIterator[ScriptedServer]:
    """Serve on a free port of loopback."""
    server = ScriptedServer()
    app = web.Application()
    app.router.add_post("/v1/chat/completions", server.complete)
    app.router.add_get("/v1/models", server.list_models)
    app.router.add_post("/v1/moderations", server.moderate)
    runner = web.AppRunner(app, handler_cancellation=True, shutdown_timeout=0.2)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    host, port = runner.addresses[0][:2]
    server.url = f"http://{host}:{port}/v1"
    try:
        yield server
    finally:
        await runner.cleanup()
