"""One sandbox for the whole folder, in a thread of its own, and the SDKs' blocking and asynchronous clients for it.

The asynchronous clients are driven from plain functions, so that each test runs unchanged with both.
"""

from __future__ import annotations

import asyncio
import inspect
import threading
from collections.abc import Awaitable, Callable, Iterator
from concurrent.futures import Future
from typing import Any

import getstream
import pytest
import stream_chat
from getstream.base import ResponseParserMixin

from framework.sandbox.dev.server import Running, serving
from framework.sandbox.kernel.config import SandboxConfig
from tests.sandbox.conformance.world import NINE, Typed, World, fresh
from tests.sandbox.v2_contract import problems
from tests.support.sandbox import API_KEY, API_SECRET
from tests.support.waiting import PATIENCE

TIMEOUT_S = 20


class Service:
    """A sandbox in a thread of its own."""

    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        self._ready: Future[Running] = Future()
        self._stop = asyncio.Event()
        self._thread = threading.Thread(target=self.loop.run_until_complete, args=(self._serve(),), daemon=True)
        self._thread.start()
        self.url = self._ready.result(TIMEOUT_S).url

    async def _serve(self) -> None:
        try:
            async with serving(SandboxConfig(port=0, api_key=API_KEY, api_secret=API_SECRET)) as running:
                self._ready.set_result(running)
                await self._stop.wait()
        except BaseException as error:
            if not self._ready.done():
                self._ready.set_exception(error)
            raise

    def wait(self, work: Awaitable[Any]) -> Any:
        """The result of work that runs beside the server."""

        async def run() -> Any:
            return await work

        return asyncio.run_coroutine_threadsafe(run(), self.loop).result(TIMEOUT_S)

    def close(self) -> None:
        """Stop the server."""
        self.loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(TIMEOUT_S)
        self.loop.close()


class Blocking:
    """An asynchronous SDK object whose methods block; objects of the SDK that it returns block too."""

    def __init__(self, service: Service, inner: Any) -> None:
        self._service, self._inner = service, inner

    def __getattr__(self, name: str) -> Any:
        return self._wrap(getattr(self._inner, name))

    def _wrap(self, value: Any) -> Any:
        if inspect.ismethod(value) or inspect.isfunction(value):
            return self._call(value)
        module = type(value).__module__
        own = module.startswith(("stream_chat.async_chat", "getstream")) and not hasattr(value, "status_code")
        return Blocking(self._service, value) if own and "models" not in module else value

    def _call(self, method: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any, **options: Any) -> Any:
            result = method(*args, **options)
            return self._wrap(self._service.wait(result) if inspect.isawaitable(result) else result)

        return call


@pytest.fixture(scope="session")
def service() -> Iterator[Service]:
    running = Service()
    yield running
    running.close()


async def _in_loop(make: Callable[[], Any]) -> Any:
    return make()


@pytest.fixture(scope="session", params=["blocking", "asynchronous"])
def client(service: Service, request: pytest.FixtureRequest) -> Iterator[Any]:
    """The v1 SDK's server-side client, once of each kind."""
    if request.param == "blocking":
        blocking = stream_chat.StreamChat(API_KEY, API_SECRET, base_url=service.url)
        yield blocking
        blocking.session.close()
        return
    inner = service.wait(
        _in_loop(lambda: stream_chat.StreamChatAsync(API_KEY, API_SECRET, timeout=PATIENCE, base_url=service.url))
    )
    yield Blocking(service, inner)
    service.wait(inner.close())


@pytest.fixture(scope="session", params=["blocking", "asynchronous"])
def stream(service: Service, request: pytest.FixtureRequest) -> Iterator[Any]:
    """The v2 SDK's client, once of each kind."""
    if request.param == "blocking":
        blocking = getstream.Stream(API_KEY, API_SECRET, base_url=service.url)
        yield blocking
        for part in (blocking.chat, blocking.moderation, blocking):
            part.close()
        return
    inner = service.wait(_in_loop(lambda: getstream.AsyncStream(API_KEY, API_SECRET, base_url=service.url)))
    yield Blocking(service, inner)
    service.wait(inner.aclose())


@pytest.fixture
def world(client: Any, service: Service) -> Iterator[World]:
    """Fresh users and channels through the v1 client; all is deleted at the end."""
    here = World(client, service.url)
    yield here
    here.clean()


@pytest.fixture(scope="session")
def nine(client: Any) -> list[dict[str, Any]]:
    """Nine people with custom fields, one group for all tests."""
    group = fresh("group")
    people = [{**person, "id": f"{person['id']}-{group}", "group": group} for person in NINE]
    client.upsert_users(people)
    return people


@pytest.fixture(autouse=True)
def complete_answers(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Each answer that the v2 SDK reads has every field that its type requires, of that type."""
    found: list[str] = []
    parse = ResponseParserMixin._parse_response

    def checked(self: Any, response: Any, kind: Any) -> Any:
        if response.status_code < 399 and response.text:
            found.extend(problems(kind, response.json(), getattr(kind, "__name__", str(kind))))
        return parse(self, response, kind)

    monkeypatch.setattr(ResponseParserMixin, "_parse_response", checked)
    yield
    assert not found, "\n".join(dict.fromkeys(found))


@pytest.fixture
def typed(stream: Any, service: Service) -> Iterator[Typed]:
    """Fresh users and channels through the v2 client; all is deleted at the end."""
    here = Typed(stream, service.url)
    yield here
    here.clean()
