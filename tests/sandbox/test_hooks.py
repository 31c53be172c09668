"""What the sandbox tells and asks the app's own backend."""

from __future__ import annotations

import asyncio
import gzip
import hashlib
import hmac
import json
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import Any

import pytest
from aiohttp import web

from framework.sandbox.kernel.webhooks.sender import WebhookPatience
from tests.sandbox.conftest import World, frame, until
from tests.support.waiting import PATIENCE

Answer = Callable[[dict[str, Any], int], Any]


@dataclass
class Told:
    """One request that the backend got."""

    headers: dict[str, str]
    body: dict[str, Any]
    query: dict[str, str]
    raw: bytes


@dataclass
class Backend:
    """An app's backend. `answer` makes the answer from the body and how many came before: a status, or JSON."""

    url: str
    told: list[Told] = field(default_factory=list)
    answer: Answer = lambda _body, _number: 200
    came: asyncio.Event = field(default_factory=asyncio.Event)

    async def handle(self, request: web.Request) -> web.Response:
        raw = await request.read()  # aiohttp has undone the compression
        told = Told(dict(request.headers), json.loads(raw), dict(request.query), raw)
        self.told.append(told)
        self.came.set()
        said = self.answer(told.body, len(self.told) - 1)
        if asyncio.iscoroutine(said):
            said = await said
        return web.Response(status=said) if isinstance(said, int) else web.json_response(said)

    def kinds(self) -> list[str]:
        return [told.body.get("type", "") for told in self.told]


@pytest.fixture
async def backend() -> AsyncIterator[Backend]:
    app = web.Application()
    made = Backend("")
    app.router.add_post("/{path:.*}", made.handle)
    runner = web.AppRunner(app, handler_cancellation=True, shutdown_timeout=0.2)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    made.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    yield made
    await runner.cleanup()


@pytest.fixture
async def room(world: World) -> Any:
    patient(world)
    return await world.channel("c", "alice", "bob")


def patient(world: World, *, question: float = PATIENCE, attempt: float = PATIENCE) -> None:
    """Have the sandbox wait so long for the backend: what answers, on a machine however slow, is heard."""
    patience = WebhookPatience(
        question=question, attempt=attempt, whole=3 * PATIENCE, pauses=(0.01, 0.01), held=PATIENCE
    )
    world.running.sandbox.webhooks.patience = patience


async def listen(world: World, backend: Backend, *events: str, **settings: Any) -> None:
    hook = {"hook_type": "webhook", "enabled": True, "webhook_url": backend.url + "/hook", "event_types": list(events)}
    await world.server.update_app_settings(event_hooks=[hook], **settings)
    backend.told.clear()


async def settled(world: World) -> None:
    await world.running.sandbox.webhooks.settle()


async def test_a_webhook_is_signed_and_names_key_id_and_attempt(world: World, room: Any, backend: Backend) -> None:
    await listen(world, backend, "message.new")
    await room.send_message({"text": "hello", "color": "red"}, "alice")
    await settled(world)
    (told,) = backend.told
    assert told.body["message"]["text"] == "hello"
    assert told.body["message"]["color"] == "red"
    assert told.body["cid"] == "messaging:c"
    expected = hmac.new(world.running.api_secret.encode(), told.raw, hashlib.sha256).hexdigest()
    assert told.headers["X-Signature"] == expected
    assert told.headers["X-Api-Key"] == world.running.api_key
    assert told.headers["X-Webhook-Attempt"] == "1"
    assert told.headers["X-Webhook-Id"]
    assert world.server.verify_webhook(told.raw, told.headers["X-Signature"])


async def test_an_empty_list_of_types_is_every_event(world: World, room: Any, backend: Backend) -> None:
    await listen(world, backend)
    sent = await room.send_message({"text": "hello"}, "alice")
    await room.send_reaction(sent["message"]["id"], {"type": "like"}, "bob")
    await room.add_members(["alice"])
    await room.update({"topic": "x"})
    await settled(world)
    assert {"message.new", "reaction.new", "channel.updated"} <= set(backend.kinds())


async def test_a_hook_that_is_off_or_for_other_events_hears_nothing(world: World, room: Any, backend: Backend) -> None:
    off = {"hook_type": "webhook", "enabled": False, "webhook_url": backend.url, "event_types": []}
    other = {"hook_type": "webhook", "webhook_url": backend.url, "event_types": ["user.banned"]}
    await world.server.update_app_settings(event_hooks=[off, other])
    await room.send_message({"text": "hello"}, "alice")
    await settled(world)
    assert backend.told == []


async def test_a_compressed_body_is_signed_as_it_was(world: World, room: Any, backend: Backend) -> None:
    await listen(world, backend, "message.new", enable_hook_payload_compression=True)
    await room.send_message({"text": "hello"}, "alice")
    await settled(world)
    (told,) = backend.told
    assert told.headers["Content-Encoding"] == "gzip"
    parsed = world.server.verify_and_parse_webhook(gzip.compress(told.raw), told.headers["X-Signature"])
    assert parsed is not None


@pytest.mark.parametrize(("status", "tries"), [(500, 3), (429, 3), (408, 3), (400, 1), (404, 1)])
async def test_what_may_go_better_is_tried_three_times(
    world: World, room: Any, backend: Backend, status: int, tries: int
) -> None:
    await listen(world, backend, "message.new")
    backend.answer = lambda _body, _number: status
    await room.send_message({"text": "hello"}, "alice")
    await settled(world)
    assert [told.headers["X-Webhook-Attempt"] for told in backend.told] == [str(n + 1) for n in range(tries)]
    assert len({told.headers["X-Webhook-Id"] for told in backend.told}) == 1


async def test_a_backend_that_hangs_is_tried_again(world: World, room: Any, backend: Backend) -> None:
    await listen(world, backend, "message.new")
    patient(world, attempt=1.0)

    async def hang() -> int:
        patient(world)
        await asyncio.Event().wait()
        return 200

    backend.answer = lambda _body, number: hang() if number == 0 else 200
    await room.send_message({"text": "hello"}, "alice")
    await settled(world)
    assert [told.headers["X-Webhook-Attempt"] for told in backend.told] == ["1", "2"]


async def fault(world: World, **fields: Any) -> None:
    async with world.http.post(world.running.url + "/sandbox/faults", json=fields) as answer:
        assert answer.status == 200, await answer.text()


async def test_webhooks_come_twice_on_demand(world: World, room: Any, backend: Backend) -> None:
    await listen(world, backend, "message.new")
    await fault(world, pattern="SendMessage", webhook="duplicate")
    await room.send_message({"text": "hello"}, "alice")
    await room.send_message({"text": "again"}, "alice")
    await settled(world)
    texts = [told.body["message"]["text"] for told in backend.told]
    assert sorted(texts) == ["again", "hello", "hello"]
    twice = {told.headers["X-Webhook-Id"] for told in backend.told if told.body["message"]["text"] == "hello"}
    assert len(twice) == 1


async def test_webhooks_come_out_of_order_on_demand(world: World, room: Any, backend: Backend) -> None:
    await listen(world, backend, "message.new")
    await fault(world, pattern="message.new", webhook="reorder")
    await room.send_message({"text": "first"}, "alice")
    await room.send_message({"text": "second"}, "alice")
    await settled(world)
    assert [told.body["message"]["text"] for told in backend.told] == ["second", "first"]


async def ask_before_sending(world: World, backend: Backend, answer: Answer) -> None:
    await world.server.update_app_settings(before_message_send_hook_url=backend.url + "/before")
    backend.answer = answer


async def test_the_backend_may_rewrite_a_message(world: World, room: Any, backend: Backend) -> None:
    said = {"message": {"text": "hello ****", "checked": True, "user": {"id": "mallory"}}}
    await ask_before_sending(world, backend, lambda _body, _number: said)
    sent = await room.send_message({"text": "hello fool", "color": "red"}, "alice")
    message = sent["message"]
    assert (message["text"], message["checked"], message["color"]) == ("hello ****", True, "red")
    assert message["user"]["id"] == "alice"
    (told,) = backend.told
    assert set(told.body) == {"message", "user", "channel", "request_info"}
    assert told.headers["X-Signature"]
    assert (await world.server.get_message(message["id"]))["message"]["text"] == "hello ****"


async def test_the_backend_may_refuse_a_message(world: World, room: Any, backend: Backend) -> None:
    bob = world.person("bob")
    socket = await bob.online()
    await bob.watch("c")
    said = {"message": {"type": "error", "text": "not here"}}
    await ask_before_sending(world, backend, lambda body, _number: said if body["message"]["text"] == "bad" else {})
    sent = await room.send_message({"id": "m1", "text": "bad"}, "alice")
    assert (sent["message"]["type"], sent["message"]["text"]) == ("error", "not here")
    await room.send_message({"id": "m2", "text": "good"}, "alice")
    assert (await until(socket, "message.new"))["message"]["id"] == "m2"
    state = await room.query(messages={"limit": 10})
    assert [message["id"] for message in state["messages"]] == ["m2"]


@pytest.mark.parametrize("answer", ["slow", 500, 400, {"message": {"text": 5}}, {"message": []}, ["x"]])
async def test_a_message_is_sent_without_a_backend_that_fails(
    world: World, room: Any, backend: Backend, answer: Any
) -> None:
    async def hang() -> int:
        await asyncio.Event().wait()
        return 200

    patient(world, question=0.2)  # which may be too short for the others as well, with the same result
    await ask_before_sending(world, backend, lambda _body, _number: hang() if answer == "slow" else answer)
    sent = await room.send_message({"text": "hello"}, "alice")
    assert sent["message"]["text"] == "hello"
    assert (await world.server.get_message(sent["message"]["id"]))["message"]["text"] == "hello"


async def test_a_message_without_an_id_is_asked_about_without_one(world: World, room: Any, backend: Backend) -> None:
    await ask_before_sending(world, backend, lambda _body, _number: {})
    sent = await room.send_message({"text": "unnamed"}, "alice")
    await room.send_message({"id": "mine", "text": "named"}, "alice")
    assert [told.body["message"]["id"] for told in backend.told] == ["", "mine"]
    assert sent["message"]["id"]


async def test_the_backend_hears_what_the_client_says_of_itself(world: World, room: Any, backend: Backend) -> None:
    await ask_before_sending(world, backend, lambda _body, _number: {})
    alice = world.person("alice")
    headers = {"Authorization": alice.token, "stream-auth-type": "jwt", "x-stream-ext": "tenant=7"}
    url = f"{world.running.url}/channels/messaging/c/message?api_key={world.running.api_key}"
    async with alice.http.post(url, json={"message": {"text": "hello"}}, headers=headers) as answer:
        assert answer.status == 201
    assert backend.told[-1].body["request_info"]["ext"] == "tenant=7"


@pytest.mark.parametrize("milliseconds", [0, -1, 5_001])
async def test_the_time_to_answer_has_bounds(world: World, room: Any, milliseconds: int) -> None:
    with pytest.raises(Exception, match="must be between 1 and 5000"):
        await world.server.update_app_settings(before_message_send_hook_attempt_timeout_ms=milliseconds)


async def test_the_app_sets_how_long_the_backend_may_take(world: World, room: Any, backend: Backend) -> None:
    async def hang() -> int:
        await asyncio.Event().wait()
        return 200

    world.running.sandbox.webhooks.patience = WebhookPatience()
    await world.server.update_app_settings(before_message_send_hook_attempt_timeout_ms=50)
    await ask_before_sending(world, backend, lambda _body, _number: hang())
    sent = await room.send_message({"text": "hello"}, "alice")
    assert sent["message"]["text"] == "hello"


async def test_a_backend_that_fails_is_not_asked_for_a_while(world: World, room: Any, backend: Backend) -> None:
    patience = WebhookPatience(question=PATIENCE, failures=2, rest=PATIENCE)
    world.running.sandbox.webhooks.patience = patience
    await ask_before_sending(world, backend, lambda _body, number: 500 if number < 2 else {})
    for number in range(4):
        await room.send_message({"text": str(number)}, "alice")
    assert [told.body["message"]["text"] for told in backend.told] == ["0", "1"]
    patience.rest = 0.0
    await room.send_message({"text": "again"}, "alice")
    await room.send_message({"text": "and again"}, "alice")
    assert [told.body["message"]["text"] for told in backend.told] == ["0", "1", "again", "and again"]


async def test_an_id_taken_while_the_backend_was_asked_is_refused(world: World, room: Any, backend: Backend) -> None:
    await ask_before_sending(world, backend, lambda _body, _number: {})
    sends = [room.send_message({"id": "same", "text": str(n)}, "alice") for n in range(3)]
    results = await asyncio.gather(*sends, return_exceptions=True)
    assert sum(isinstance(result, Exception) for result in results) == 2


async def test_the_backend_handles_a_custom_command(world: World, room: Any, backend: Backend) -> None:
    await world.server.create_command({"name": "ticket", "description": "x", "args": "[text]"})
    await world.server.update_channel_type("messaging", commands=["giphy", "ticket"])
    await world.server.update_app_settings(custom_action_handler_url=backend.url + "/command?type={type}")
    backend.answer = lambda body, _number: {"message": {"text": f"done: {body['message']['args']}"}}
    sent = await room.send_message({"text": "/ticket printer on fire"}, "alice")
    assert backend.told[-1].query == {"type": "ticket"}
    assert sent["message"]["text"] == "done: printer on fire"
    assert sent["message"]["command"] == "ticket"


async def test_a_websocket_goes_silent_or_closes_on_demand(world: World, room: Any) -> None:
    bob = world.person("bob")
    socket = await bob.online()
    await bob.watch("c")
    await fault(world, pattern="SendMessage", socket="silent", user_id="bob")
    await room.send_message({"text": "seen"}, "alice")
    assert (await until(socket, "message.new"))["message"]["text"] == "seen"
    await room.send_message({"text": "unseen"}, "alice")
    await fault(world, pattern="now", socket="close", close_code=4001, user_id="bob")
    last = await socket.receive(timeout=PATIENCE)
    assert (last.type.name, last.data) == ("CLOSE", 4001)


async def test_a_connect_is_refused_or_cut_on_demand(world: World, room: Any) -> None:
    bob = world.person("bob")
    await fault(world, pattern="Connect", status=429)
    socket = await bob.connect()
    refused = await frame(socket)
    assert (refused["type"], refused["error"]["code"]) == ("connection.error", 9)
    await fault(world, pattern="GET /connect", drop="before")
    socket = await bob.connect()
    assert (await socket.receive(timeout=PATIENCE)).type.name in ("CLOSED", "CLOSING", "CLOSE", "ERROR")
    await bob.online()


async def told_of(world: World, backend: Backend, kind: str) -> dict[str, Any]:
    """The one event of a kind that the backend heard."""
    await settled(world)
    (body,) = [told.body for told in backend.told if told.body.get("type") == kind]
    return body


async def test_the_backend_hears_of_flags_and_of_the_queue(world: World, room: Any, backend: Backend) -> None:
    await listen(world, backend)
    await room.send_message({"id": "m1", "text": "buy now"}, "alice")
    await world.server.flag_message("m1", user_id="bob", reason="spam")
    flagged = await told_of(world, backend, "message.flagged")
    assert (flagged["message"]["id"], flagged["user"]["id"], flagged["cid"]) == ("m1", "bob", "messaging:c")
    assert (flagged["reason"], flagged["total_flags"]) == ("spam", 1)
    queued = await told_of(world, backend, "review_queue_item.new")
    assert queued["review_queue_item"]["entity_id"] == "m1"
    assert len(queued["flags"]) == 1
    assert (await told_of(world, backend, "moderation.flagged"))["object_id"] == "m1"
    await world.server.flag_user("alice", user_id="bob")
    assert (await told_of(world, backend, "user.flagged"))["target_user"]["id"] == "alice"


async def test_the_backend_hears_of_mutes(world: World, room: Any, backend: Backend) -> None:
    await listen(world, backend)
    await world.server.mute_user("alice", "bob")
    muted = await told_of(world, backend, "user.muted")
    assert (muted["user"]["id"], muted["target_user"]["id"]) == ("bob", "alice")
    await world.server.unmute_user("alice", "bob")
    assert (await told_of(world, backend, "user.unmuted"))["target_users"][0]["id"] == "alice"


@pytest.mark.parametrize("shadow", [False, True])
async def test_the_backend_hears_of_a_ban_once(world: World, room: Any, backend: Backend, shadow: bool) -> None:
    await listen(world, backend, "user.banned")
    await room.ban_user("alice", user_id="bob", shadow=shadow)
    told = await told_of(world, backend, "user.banned")
    assert (told["user"]["id"], told["shadow"], told["cid"]) == ("alice", shadow, "messaging:c")


async def test_clients_hear_nothing_of_what_the_backend_is_told(world: World, room: Any, backend: Backend) -> None:
    bob = world.person("bob")
    socket = await bob.online()
    await bob.watch("c")
    await room.ban_user("alice", user_id="bob", shadow=True)
    await world.server.flag_user("alice", user_id="bob")
    await room.send_message({"id": "last", "text": "x"}, "bob")
    heard = [(await frame(socket))["type"]]
    while heard[-1] != "message.new":
        heard.append((await frame(socket))["type"])
    assert not {"user.banned", "user.flagged", "review_queue_item.new"} & set(heard)


async def hold(world: World, backend: Backend, **more: Any) -> None:
    """Have every message of a server that asks for it wait for the backend."""
    hook = {"hook_type": "pending_message", "webhook_url": backend.url + "/pending", **more}
    await world.server.update_app_settings(event_hooks=[hook])


async def test_a_pending_message_is_passed_on_and_committed(world: World, room: Any, backend: Backend) -> None:
    await hold(world, backend)
    await room.send_message({"id": "m", "text": "x"}, "alice", pending=True, pending_message_metadata={"k": "v"})
    await settled(world)
    (told,) = backend.told
    assert (told.body["message"]["id"], told.body["metadata"]) == ("m", {"k": "v"})
    await world.server.post("messages/m/commit")
    assert (await world.server.get_message("m"))["message"]["text"] == "x"
    await settled(world)
    assert len(backend.told) == 1


async def test_a_pending_message_is_deleted_if_nobody_decides_in_time(
    world: World, room: Any, backend: Backend
) -> None:
    await hold(world, backend, timeout_ms=30)
    await room.send_message({"id": "m", "text": "x"}, "alice", pending=True)
    while len(backend.told) < 2:
        backend.came.clear()
        await asyncio.wait_for(backend.came.wait(), PATIENCE)
    assert [told.body["message"]["type"] for told in backend.told] == ["regular", "deleted"]
    with pytest.raises(Exception, match="not found"):
        await world.server.get_message("m")


async def test_a_pending_message_is_neither_changed_nor_deleted_softly(
    world: World, room: Any, backend: Backend
) -> None:
    await room.send_message({"id": "m", "text": "x"}, "alice", pending=True)
    with pytest.raises(Exception, match="m is pending"):
        await world.server.update_message({"id": "m", "text": "y", "user_id": "alice"})
    with pytest.raises(Exception, match="m is pending"):
        await world.server.delete_message("m")
    await world.server.delete_message("m", hard=True)


async def test_at_most_two_hooks_take_pending_messages(world: World, room: Any, backend: Backend) -> None:
    hook = {"hook_type": "pending_message", "webhook_url": backend.url}
    with pytest.raises(Exception, match="at most 2 hooks"):
        await world.server.update_app_settings(event_hooks=[hook] * 3)
