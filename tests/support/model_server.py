"""A model for load: OpenAI's chat completions on loopback, in a process of its own, whose answers and latencies follow
from the question alone: `python -m tests.support.model_server --latency 0.5 3`.

A question names itself by a marker (`c07-03`) somewhere in its text; one that asks to note something (`note c07-03`)
has the tool `note` called first. So a judge knows what each reply must say, and how long the model itself took over it.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

_MARKER = re.compile(r"\b(note )?(c\d+-\d+)\b")
_WORDS = (
    "fill",
    "the tank",
    "to the line,",
    "wait",
    "for the light,",
    "and let",
    "the pump",
    "run",
    "for a while;",
    "then look",
    "again",
)
READY = "model server ready"


@dataclass(frozen=True)
class Pace:
    """Seconds a call takes, from `low` to `high` by the question; `pieces` of text are streamed over them."""

    low: float = 0.5
    high: float = 3.0
    pieces: int = 12

    def seconds(self, marker: str, call: int = 0) -> float:
        """How long one call of a question's turn takes."""
        return random.Random(f"{marker} {call}").uniform(self.low, self.high)


def question(marker: str, *, noting: bool = False) -> str:
    """A question to ask."""
    return f"Please note {marker} for me, would you?" if noting else f"What about {marker} of my garden?"


def answer(marker: str, *, note: str | None = None) -> str:
    """What the model says to it. `note`: what came of the tool, `noted` or `uncertain`."""
    chance = random.Random(marker)
    words = " ".join(chance.choices(_WORDS, k=30))
    told = "" if note is None else f" Result of the note: {note}."
    return f"About {marker}: {words}.{told}"


@dataclass
class ModelServer:
    """Answers, and counts what it was asked: calls for each marker."""

    pace: Pace
    calls: Counter[str] = field(default_factory=Counter)
    now: int = 0
    most: int = 0

    async def complete(self, request: web.Request) -> web.StreamResponse:
        """Answer a chat completion, streamed or whole."""
        body = await request.json()
        noting, marker = asked(body["messages"])
        result = tool_result(body["messages"])
        calls_tool = noting and result is None and _has_tool(body)
        self.calls[marker] += 1
        self.now += 1
        self.most = max(self.most, self.now)
        try:
            seconds = self.pace.seconds(marker, 1 if result else 0)
            if calls_tool:
                return await self._call_tool(request, marker, seconds, streams=bool(body.get("stream")))
            text = answer(marker, note=_told(result) if result else None)
            return await self._say(request, text, seconds, streams=bool(body.get("stream")))
        finally:
            self.now -= 1

    async def stats(self, _: web.Request) -> web.Response:
        """What was asked so far."""
        return web.json_response({"calls": self.calls, "now": self.now, "most": self.most})

    async def _say(self, request: web.Request, text: str, seconds: float, *, streams: bool) -> web.StreamResponse:
        if not streams:
            await asyncio.sleep(seconds)
            return web.json_response(_whole({"role": "assistant", "content": text}, "stop"))
        words = re.findall(r"\S+\s*", text)
        size = max(1, -(-len(words) // self.pace.pieces))
        pieces = ["".join(words[n : n + size]) for n in range(0, len(words), size)]
        response = await _begin(request)
        for piece in pieces:
            await asyncio.sleep(seconds / len(pieces))
            await _send(response, _chunk({"content": piece}))
        return await _end(response, "stop")

    async def _call_tool(
        self, request: web.Request, marker: str, seconds: float, *, streams: bool
    ) -> web.StreamResponse:
        call = {
            "index": 0,
            "id": f"call_{marker}",
            "type": "function",
            "function": {"name": "note", "arguments": json.dumps({"entry": marker})},
        }
        await asyncio.sleep(seconds)
        if not streams:
            return web.json_response(_whole({"role": "assistant", "content": None, "tool_calls": [call]}, "tool_calls"))
        response = await _begin(request)
        await _send(response, _chunk({"tool_calls": [call]}))
        return await _end(response, "tool_calls")


def asked(messages: list[dict[str, Any]]) -> tuple[bool, str]:
    """Whether the last question is to be noted, and its marker."""
    for message in reversed(messages):
        if message["role"] == "user" and (found := _MARKER.findall(_text(message))):
            return bool(found[-1][0]), found[-1][1]
    return False, "c0-0"


def tool_result(messages: list[dict[str, Any]]) -> str | None:
    """What the tool said after the last question; None where it was not called."""
    for message in reversed(messages):
        if message["role"] == "user":
            return None
        if message["role"] == "tool":
            return _text(message)
    return None


def _told(result: str) -> str:
    return "noted" if "noted" in result else "uncertain"


def _text(message: dict[str, Any]) -> str:
    content = message.get("content") or ""
    return content if isinstance(content, str) else " ".join(part.get("text", "") for part in content)


def _has_tool(body: dict[str, Any]) -> bool:
    return any(tool.get("function", {}).get("name") == "note" for tool in body.get("tools", ()))


def _base(kind: str) -> dict[str, Any]:
    return {"id": "chatcmpl-1", "object": kind, "created": 1, "model": "scripted-1"}


def _whole(message: dict[str, Any], finish: str) -> dict[str, Any]:
    usage = {"prompt_tokens": 11, "completion_tokens": 7, "total_tokens": 18}
    choice = {"index": 0, "message": message, "finish_reason": finish}
    return {**_base("chat.completion"), "choices": [choice], "usage": usage}


def _chunk(delta: dict[str, Any], finish: str | None = None) -> dict[str, Any]:
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    return {**_base("chat.completion.chunk"), "choices": [choice]}


async def _begin(request: web.Request) -> web.StreamResponse:
    response = web.StreamResponse()
    response.content_type = "text/event-stream"
    await response.prepare(request)
    await _send(response, _chunk({"role": "assistant", "content": ""}))
    return response


async def _send(response: web.StreamResponse, event: dict[str, Any]) -> None:
    await response.write(f"data: {json.dumps(event)}\n\n".encode())


async def _end(response: web.StreamResponse, finish: str) -> web.StreamResponse:
    await _send(response, _chunk({}, finish))
    usage = {"prompt_tokens": 11, "completion_tokens": 7, "total_tokens": 18}
    await _send(response, {**_base("chat.completion.chunk"), "choices": [], "usage": usage})
    await response.write(b"data: [DONE]\n\n")
    await response.write_eof()
    return response


async def _models(_: web.Request) -> web.Response:
    return web.json_response({"object": "list", "data": [{"id": "scripted-1", "object": "model", "created": 1}]})


async def serve(pace: Pace, port: int) -> None:
    """Serve until cancelled; prints the address."""
    server = ModelServer(pace)
    app = web.Application(client_max_size=16 * 1024 * 1024)
    app.router.add_post("/v1/chat/completions", server.complete)
    app.router.add_get("/v1/models", _models)
    app.router.add_get("/stats", server.stats)
    runner = web.AppRunner(app, handler_cancellation=True, shutdown_timeout=0.2, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port, backlog=2048).start()
    sys.stdout.write(f"{READY} http://127.0.0.1:{runner.addresses[0][1]}\n")
    sys.stdout.flush()
    await asyncio.Event().wait()


@contextmanager
def model_process(pace: Pace) -> Iterator[str]:
    """The server in a process of its own; yields its address, without `/v1`."""
    arguments = ["--latency", str(pace.low), str(pace.high), "--pieces", str(pace.pieces)]
    command = [sys.executable, "-m", "tests.support.model_server", *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as child:
        assert child.stdout is not None
        try:
            line = child.stdout.readline()
            if READY not in line:
                raise RuntimeError("the model server did not start")
            yield line.split()[-1]
        finally:
            child.kill()


def main() -> None:
    """Read the options and serve."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--latency", nargs=2, type=float, default=(0.5, 3.0), metavar=("LOW", "HIGH"))
    parser.add_argument("--pieces", type=int, default=12)
    parser.add_argument("--port", type=int, default=0)
    options = parser.parse_args()
    low, high = options.latency
    asyncio.run(serve(Pace(low, high, options.pieces), options.port))


if __name__ == "__main__":
    main()
