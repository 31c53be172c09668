"""Webhooks: who is believed, what is taken over, and what the service is told."""

from __future__ import annotations

import asyncio
import gzip
import hashlib
import hmac
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import SecretStr
from starlette.requests import Request

from framework.errors import EngineError
from framework.stream.model import ChannelRef, CustomEvent, Event, MemberAdded, MessageNew, ReactionNew
from framework.stream.sources import bodies, delivery
from framework.stream.sources import webhook as module
from framework.stream.sources.bodies import MOST_BYTES
from framework.stream.sources.webhook import Webhook, webhook_app
from framework.stream.timing import Timing

KEY, SECRET = "app-key", "a-secret-of-thirty-two-characters-or-more"
NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
PATH = "/webhooks/stream"


def message_event(id_: str = "m-1", **changes: Any) -> dict[str, Any]:
    message = {"id": id_, "text": "the words of Ann", "cid": "messaging:c", "user": {"id": "ann"}, "type": "regular"}
    return {
        "type": "message.new",
        "cid": "messaging:c",
        "message": message,
        "user": {"id": "ann"},
        "members": [{"user_id": "ann"}],
        "created_at": NOW.isoformat(),
        **changes,
    }


def signed(body: bytes, **headers: str) -> dict[str, str]:
    signature = hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()
    return {"X-Signature": signature, "X-Api-Key": KEY, "X-Webhook-Id": "w-1", "X-Webhook-Attempt": "1", **headers}


class Desk:
    """A webhook with an inbox that takes what it gets, unless a test says otherwise."""

    def __init__(self) -> None:
        self.taken: list[Event] = []
        self.answer: Callable[[Event], Awaitable[None]] | None = None
        self.now = NOW
        self.ready = True
        self.facts: Callable[[], Awaitable[dict[str, Any]]] | None = None
        self.webhook = Webhook(
            self.take,
            secret=SecretStr(SECRET),
            key=KEY,
            window=timedelta(minutes=10),
            timing=Timing(now=lambda: self.now),
        )
        app = webhook_app(self.webhook, path=PATH, ready=lambda: self.ready, facts=self.tell_facts)
        self.http = httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://desk")

    async def tell_facts(self) -> dict[str, Any]:
        return await self.facts() if self.facts is not None else {}

    async def take(self, event: Event) -> None:
        if self.answer is not None:
            await self.answer(event)
        self.taken.append(event)

    async def post(self, body: bytes, headers: dict[str, str] | None = None) -> httpx.Response:
        return await self.http.post(PATH, content=body, headers=signed(body) if headers is None else headers)

    async def tell(self, event: Any, id_: str = "w-1", *, packed: bool = False) -> int:
        body = json.dumps(event).encode()
        headers = signed(body, **{"X-Webhook-Id": id_})
        response = await self.post(gzip.compress(body) if packed else body, headers)
        return response.status_code

    @property
    def ids(self) -> list[str]:
        return [event.message.id for event in self.taken if isinstance(event, MessageNew)]


@pytest.fixture
async def desk() -> AsyncIterator[Desk]:
    desk = Desk()
    yield desk
    await desk.http.aclose()


async def fail(_event: Event) -> None:
    raise EngineError("the database is gone")


async def crash(_event: Event) -> None:
    raise ValueError("the words of Ann")


async def hang(_event: Event) -> None:
    await asyncio.Event().wait()


@pytest.mark.parametrize("packed", [False, True])
async def test_a_signed_event_is_taken_over_and_acknowledged(desk: Desk, packed: bool) -> None:
    assert await desk.tell(message_event(), packed=packed) == 200
    (event,) = desk.taken
    assert isinstance(event, MessageNew)
    assert (event.message.text, event.message.channel) == ("the words of Ann", ChannelRef("messaging", "c"))


async def test_the_acknowledgement_waits_for_the_inbox(desk: Desk) -> None:
    may = asyncio.Event()

    async def wait(_event: Event) -> None:
        await may.wait()

    desk.answer = wait
    told = asyncio.create_task(desk.tell(message_event()))
    for _ in range(50):
        await asyncio.sleep(0)
    assert not told.done()
    may.set()
    assert await told == 200


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"X-Signature": ""},
        {"X-Signature": "0" * 64},
        {"X-Signature": "ümlaut"},
        {"X-Api-Key": "another-key"},
    ],
)
async def test_what_the_service_did_not_sign_is_refused(desk: Desk, logs: Any, headers: dict[str, str]) -> None:
    body = json.dumps(message_event()).encode()
    sent: Any = {name: value.encode() for name, value in ({**signed(body), **headers} if headers else {}).items()}
    response = await desk.post(body, sent)
    assert response.status_code == 401
    assert set(response.json()) == {"error"}
    assert desk.taken == []
    assert [entry["event"] for entry in logs] == ["webhook.refused"]
    assert "words of Ann" not in repr(logs) + response.text
    assert SECRET not in repr(logs) + response.text


async def test_one_changed_byte_breaks_the_signature(desk: Desk) -> None:
    body = json.dumps(message_event()).encode()
    assert (await desk.post(body.replace(b"Ann", b"Bob"), signed(body))).status_code == 401


async def test_the_signature_is_of_the_unpacked_body(desk: Desk) -> None:
    packed = gzip.compress(json.dumps(message_event()).encode())
    assert (await desk.post(packed, signed(packed))).status_code == 401


async def test_the_api_key_may_be_left_out(desk: Desk) -> None:
    body = json.dumps(message_event()).encode()
    headers = signed(body)
    del headers["X-Api-Key"]
    assert (await desk.post(body, headers)).status_code == 200


@pytest.mark.parametrize(
    ("inbox", "error"), [(fail, "the database is gone"), (crash, "ValueError"), (hang, "not within 0 s")]
)
async def test_what_could_not_be_taken_over_is_told_again(
    desk: Desk, logs: Any, monkeypatch: pytest.MonkeyPatch, inbox: Any, error: str
) -> None:
    monkeypatch.setattr(delivery, "ACCEPT_SECONDS", 0.01)
    desk.answer = inbox
    assert await desk.tell(message_event()) == 503
    assert await desk.tell(message_event()) == 503
    assert [(entry["event"], entry["error"]) for entry in logs] == [("delivery.not_accepted", error)] * 2
    assert "words of Ann" not in repr(logs)
    desk.answer = None
    assert await desk.tell(message_event()) == 200
    assert desk.ids == ["m-1"]


async def test_a_delivery_that_is_repeated_is_handed_on_once(desk: Desk) -> None:
    told = [await desk.tell(message_event(), packed=packed) for packed in (False, True, False)]
    assert told == [200, 200, 200]
    assert desk.ids == ["m-1"]


async def test_of_deliveries_at_the_same_time_the_next_tries_what_the_first_could_not(desk: Desk) -> None:
    tries = 0

    async def refuse_twice(_event: Event) -> None:
        nonlocal tries
        tries += 1
        await asyncio.sleep(0.001)
        if tries <= 2:
            raise EngineError("busy")

    desk.answer = refuse_twice
    told = await asyncio.gather(*(desk.tell(message_event()) for _ in range(20)))
    assert sorted(told) == [200] * 18 + [503] * 2
    assert desk.ids == ["m-1"]
    assert tries == 3


async def test_what_was_remembered_is_forgotten_in_order(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "REMEMBERED", 4)  # two deliveries, each by its body and its id
    for id_ in ("w-1", "w-2", "w-3", "w-3", "w-2", "w-1"):
        assert await desk.tell(message_event(id_), id_) == 200
    assert desk.ids == ["w-1", "w-2", "w-3", "w-1"]


async def test_what_was_taken_over_is_known_by_its_body_under_any_id(desk: Desk) -> None:
    for id_ in ("w-1", "", "w-2", "x" * 1000):
        assert await desk.tell(message_event("m-1"), id_) == 200
    assert await desk.tell(message_event("m-2"), "") == 200
    assert desk.ids == ["m-1", "m-2"]


async def test_an_event_without_a_time_is_refused(desk: Desk) -> None:
    stop = {"type": "ai_indicator.stop", "cid": "messaging:support-1", "user": {"id": "ann"}}
    assert await desk.tell(stop) == 400
    assert await desk.tell({**stop, "created_at": NOW.isoformat()}) == 200
    assert len(desk.taken) == 1


@pytest.mark.parametrize(("age", "status"), [(-3600, 200), (0, 200), (599, 200), (601, 400), (86_400, 400)])
async def test_a_recording_that_is_played_back_is_refused(desk: Desk, logs: Any, age: int, status: int) -> None:
    desk.now = NOW + timedelta(seconds=age)
    assert await desk.tell(message_event()) == status
    assert [entry["event"] for entry in logs if entry["log_level"] == "warning"] == (
        ["webhook.stale", "webhook.refused"] if status == 400 else []
    )
    assert len(desk.taken) == (status == 200)


@pytest.mark.parametrize(
    "event",
    [
        {"type": "something.new"},
        {"type": "typing.start", "cid": "messaging:c", "user": {"id": "ann"}},
        {"type": "message.read", "cid": "messaging:c", "user": {"id": "ann"}},
        {"type": "user.watching.start", "cid": "messaging:c", "user": {"id": "ann"}},
        {"type": "message.new"},
        {"type": 7},
        {},
    ],
)
async def test_what_means_nothing_to_a_bot_is_acknowledged(desk: Desk, event: dict[str, Any]) -> None:
    assert await desk.tell(event) == 200
    assert desk.taken == []


async def test_the_same_message_told_of_in_two_ways_is_the_same_message(desk: Desk) -> None:
    absent = message_event(type="notification.message_new", channel={"cid": "messaging:c"})
    assert await desk.tell(absent, "w-1") == 200
    assert await desk.tell(message_event(), "w-2") == 200
    first, second = desk.taken
    assert first == second


async def test_what_else_triggers_comes_by_webhook_too(desk: Desk) -> None:
    where = {"cid": "messaging:c", "user": {"id": "ann"}, "created_at": NOW.isoformat()}
    await desk.tell({"type": "reaction.new", "message": {"id": "m"}, "reaction": {"type": "like"}, **where}, "1")
    await desk.tell({"type": "member.added", "member": {"user": {"id": "ben"}}, **where}, "2")
    await desk.tell({"type": "order.shipped", "number": 7, **where}, "3")
    assert [type(event) for event in desk.taken] == [ReactionNew, MemberAdded, CustomEvent]


async def test_a_body_that_is_too_large_is_not_read(desk: Desk) -> None:
    body = b" " * (MOST_BYTES + 1)
    assert (await desk.post(body)).status_code == 413


async def test_a_body_that_unpacks_to_too_much_is_not_unpacked(desk: Desk) -> None:
    bomb = gzip.compress(b" " * 64 * 1024 * 1024)
    assert len(bomb) < MOST_BYTES
    assert (await desk.post(bomb)).status_code == 413
    small_bomb = gzip.compress(b" " * (delivery.UNPACKED_ANYWAY + 1))
    assert (await desk.post(small_bomb)).status_code == 413


async def test_one_member_of_gzip_is_unpacked_and_no_more(desk: Desk) -> None:
    packed = gzip.compress(json.dumps(message_event()).encode())
    empty = gzip.compress(b"")
    for more in (empty, packed, empty * 50_000, b"x"):
        answer = await desk.post(packed + more, signed(json.dumps(message_event()).encode()))
        assert (answer.status_code, answer.json()["error"]) == (400, "Something follows the gzip in the body.")
    assert desk.taken == []


async def test_what_packs_well_is_taken_all_the_same(desk: Desk) -> None:
    event = message_event()
    event["message"]["text"] = "a" * 20_000
    assert await desk.tell(event, packed=True) == 200


@pytest.mark.parametrize("signature", ["", "0" * 63, "0" * 65, "0" * 64 + "\n", "A" * 64, "g" * 64, None])
async def test_without_a_well_formed_signature_no_body_is_read(desk: Desk, signature: str | None) -> None:
    async def body() -> Any:
        raise AssertionError("the body was asked for")

    scope: Any = {"type": "http", "method": "POST", "headers": []}
    if signature is not None:
        scope["headers"].append((b"x-signature", signature.encode()))
    request = Request(scope, body)
    assert (await desk.webhook.receive(request)).status_code == 401


async def test_bodies_that_never_come_keep_nobody_out(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bodies, "MOST_AT_ONCE", 3)
    never = asyncio.Event()

    async def slowly() -> AsyncIterator[bytes]:
        yield b"{"
        await never.wait()

    strangers = [
        asyncio.create_task(desk.http.post(PATH, content=slowly(), headers={"X-Signature": "0" * 64})) for _ in range(8)
    ]
    while sum(task.done() for task in strangers) < 5:
        await asyncio.sleep(0)
    for n in range(10):
        assert await desk.tell(message_event(str(n)), str(n)) == 200
    assert len(desk.ids) == 10
    never.set()
    assert {(await task).status_code for task in strangers} <= {503, 400, 401}


async def test_of_bodies_that_are_too_much_together_the_largest_goes(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bodies, "MOST_BYTES_AT_ONCE", 10_000)
    never = asyncio.Event()

    async def large() -> AsyncIterator[bytes]:
        yield b"{" * 9_000
        await never.wait()

    stranger = asyncio.create_task(desk.http.post(PATH, content=large(), headers={"X-Signature": "0" * 64}))
    for _ in range(20):
        await asyncio.sleep(0)
    event = message_event()
    event["message"]["text"] = "a" * 5_000
    assert await desk.tell(event) == 200
    assert (await stranger).status_code == 503


async def test_a_body_that_never_comes_is_not_waited_for(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bodies, "BODY_SECONDS", 0.01)

    async def slowly() -> AsyncIterator[bytes]:
        yield b"{"
        await asyncio.sleep(5)

    response = await desk.http.post(PATH, content=slowly(), headers=signed(b"{}"))
    assert response.status_code == 408


async def test_too_many_at_once_are_told_to_come_again(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_AT_ONCE", 3)
    may = asyncio.Event()

    async def wait(_event: Event) -> None:
        await may.wait()

    desk.answer = wait
    told = [asyncio.create_task(desk.tell(message_event(str(n)), str(n))) for n in range(5)]
    await asyncio.wait(told, return_when=asyncio.FIRST_COMPLETED)
    may.set()
    assert sorted(await asyncio.gather(*told)) == [200, 200, 200, 503, 503]
    assert (await desk.http.get("/healthz")).status_code == 200


async def test_says_whether_it_lives_and_whether_the_bots_are_ready(desk: Desk) -> None:
    assert (await desk.http.get("/healthz")).status_code == 200
    assert (await desk.http.get("/readyz")).status_code == 200
    desk.ready = False
    assert (await desk.http.get("/healthz")).status_code == 200
    assert (await desk.http.get("/readyz")).status_code == 503
    assert (await desk.http.get(PATH)).status_code == 405
    assert (await desk.http.post("/", content=b"{}")).status_code == 404


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)
PLAIN = message_event()
BODIES = (
    st.binary()
    | VALUES.map(lambda value: json.dumps(value).encode())
    | st.dictionaries(st.sampled_from([*PLAIN, "member", "reaction"]), VALUES).map(
        lambda changes: json.dumps({**PLAIN, **changes}).encode()
    )
    | st.integers(0, 5000).map(lambda depth: b"[" * depth)
)
PACKINGS = st.sampled_from(
    [
        lambda body: body,
        gzip.compress,
        lambda body: gzip.compress(body)[:-3],
        lambda body: gzip.compress(body) + body,
        lambda body: gzip.compress(gzip.compress(body)),
        lambda body: b"\x1f\x8b" + body,
    ]
)
HEADER = st.text(st.characters(min_codepoint=32, max_codepoint=255, blacklist_characters="\x7f"), max_size=80)


@settings(
    deadline=None, max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(body=BODIES, pack=PACKINGS, headers=st.dictionaries(st.sampled_from(["X-Signature", "X-Api-Key"]), HEADER))
async def test_nothing_but_a_refusal_comes_of_what_is_not_signed(
    desk: Desk, body: bytes, pack: Callable[[bytes], bytes], headers: dict[str, str]
) -> None:
    sent: Any = {name: value.encode("latin-1") for name, value in headers.items()}
    response = await desk.post(pack(body), sent)
    assert 400 <= response.status_code < 500
    assert desk.taken == []


@settings(
    deadline=None, max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(body=BODIES, pack=PACKINGS, id_=HEADER)
async def test_whatever_is_signed_is_taken_or_refused(
    desk: Desk, body: bytes, pack: Callable[[bytes], bytes], id_: str
) -> None:
    headers: Any = {**signed(body), "X-Webhook-Id": id_.encode("latin-1")}
    assert (await desk.post(pack(body), headers)).status_code in {200, 400, 401, 413}


async def test_a_probe_is_told_the_facts_and_that_nothing_can_be_kept(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def facts() -> dict[str, Any]:
        return {"turns": {"waiting": 3}, "breakers": {"model": "open"}}

    async def lost() -> dict[str, Any]:
        raise EngineError("The database cannot be reached.")

    async def hang() -> dict[str, Any]:
        await asyncio.Event().wait()
        return {}

    knowing = signed(b"/readyz")
    desk.facts = facts
    answer = await desk.http.get("/readyz", headers=knowing)
    assert answer.json() == {"status": "ready", "turns": {"waiting": 3}, "breakers": {"model": "open"}}
    desk.ready = False
    assert (await desk.http.get("/readyz", headers=knowing)).json()["status"] == "not ready"
    desk.ready, desk.facts = True, lost
    answer = await desk.http.get("/readyz", headers=knowing)
    assert (answer.status_code, answer.json()["why"]) == (503, "The database cannot be reached.")
    monkeypatch.setattr("framework.stream.sources.webhook.FACTS_SECONDS", 0.01)
    desk.facts = hang
    assert (await desk.http.get("/readyz", headers=knowing)).status_code == 503


@pytest.mark.parametrize("headers", [{}, {"X-Signature": "0" * 64}, signed(b""), signed(b"/healthz")])
async def test_strangers_hear_yes_or_no_alone(desk: Desk, headers: dict[str, str]) -> None:
    async def facts() -> dict[str, Any]:
        return {"turns": {"waiting": 3}, "breakers": {"model": "open"}}

    async def lost() -> dict[str, Any]:
        raise EngineError("The database db.internal:5432 cannot be reached.")

    desk.facts = facts
    answer = await desk.http.get("/readyz", headers=headers)
    assert (answer.status_code, answer.json()) == (200, {"status": "ready"})
    desk.facts = lost
    answer = await desk.http.get("/readyz", headers=headers)
    assert (answer.status_code, answer.json()) == (503, {"status": "not ready"})
