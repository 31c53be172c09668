"""Who gets in, and what is refused at the door: tokens, limits, sizes, other origins, unknown operations."""

from __future__ import annotations

import asyncio
import contextlib
import io
import json
import time
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import quote

import aiohttp
import jwt
import pytest

from framework.sandbox.dev.coverage import implemented, operations
from framework.sandbox.kernel.http.limits import USER_LIMIT
from framework.sandbox.kernel.http.router import shape_of
from framework.sandbox.kernel.wire import WireDialect
from tests.sandbox.conftest import Person, World, frame, until
from tests.support.sandbox import start_sandbox
from tests.support.waiting import PATIENCE

SHAPE = {"code", "message", "StatusCode", "duration", "more_info", "details"}
NOW = int(time.time())


async def ask(
    world: World, method: str, path: str, token: str | None, *, body: Any = None, raw: bytes | None = None
) -> tuple[int, dict[str, Any], Any]:
    """Status, body and headers of a call with any token."""
    headers = {"stream-auth-type": "jwt", "content-type": "application/json"}
    if token is not None:
        headers["Authorization"] = token
    sent: dict[str, Any] = {"data": io.BytesIO(raw)} if raw is not None else {"json": body}
    params = {"api_key": world.running.api_key}
    async with world.http.request(method, world.running.url + path, params=params, headers=headers, **sent) as answer:
        said = await answer.json() if answer.content_type == "application/json" else {}
        return answer.status, said, answer.headers


def signed(world: World, secret: str | None = None, algorithm: str = "HS256", **claims: Any) -> str:
    return jwt.encode(claims, world.running.api_secret if secret is None else secret, algorithm=algorithm)


OTHER = "another-secret-of-more-than-thirty-two-characters"


@pytest.mark.filterwarnings("ignore::jwt.InsecureKeyLengthWarning")
@pytest.mark.parametrize(
    ("claims", "code"),
    [
        ({"user_id": "alice", "secret": OTHER}, 43),
        ({"server": True, "secret": OTHER}, 43),
        ({"user_id": "alice", "secret": "", "algorithm": "none"}, 5),
        ({"user_id": "alice", "algorithm": "HS512"}, 5),
        ({"user_id": "alice", "exp": NOW - 10}, 40),
        ({"user_id": "alice", "nbf": NOW + 1000}, 41),
        ({"user_id": "alice", "iat": NOW + 1000}, 42),
        ({"user_id": 5}, 5),
        ({"user_id": "alice", "exp": "soon"}, 5),
        ({"user_id": ""}, 5),
        ({"server": False}, 5),
    ],
)
async def test_a_token_that_does_not_hold_is_refused_with_its_code(
    world: World, claims: dict[str, Any], code: int
) -> None:
    await world.server.upsert_user({"id": "alice"})
    status, body, _ = await ask(world, "GET", "/unread", signed(world, **claims))
    assert (status, body["code"], body["StatusCode"]) == (401, code, 401)
    assert set(body) >= SHAPE


@pytest.mark.parametrize("token", ["", "x", "a.b.c", "Bearer x", "é", "undefined"])
async def test_what_is_no_token_is_refused(world: World, token: str) -> None:
    status, body, _ = await ask(world, "GET", "/app", token)
    assert (status, body["code"]) == (401, 5)


async def test_a_wrong_key_is_refused(world: World) -> None:
    async with world.http.get(world.running.url + "/app", params={"api_key": "x"}) as answer:
        assert (answer.status, (await answer.json())["code"]) == (401, 2)


async def test_a_socket_is_refused_in_its_first_frame(world: World) -> None:
    await world.server.upsert_user({"id": "alice"})
    for token, code in ((signed(world, secret=OTHER, user_id="alice"), 43), (signed(world, user_id="bob"), 5)):
        person = Person(world.running, world.http, "alice", token)
        socket = await person.connect()
        first = await frame(socket)
        assert (first["type"], first["error"]["code"], first["error"]["StatusCode"]) == ("connection.error", code, 401)
        assert (await socket.receive(timeout=PATIENCE)).type is aiohttp.WSMsgType.CLOSE


async def test_a_guest_gets_a_token_that_works_and_may_do_little(world: World) -> None:
    status, body, _ = await ask(world, "POST", "/guest", None, body={"user": {"id": "visitor", "name": "V"}})
    assert status == 201
    assert body["user"]["role"] == "guest"
    status, _, _ = await ask(world, "GET", "/unread", body["access_token"])
    assert status == 200
    status, body, _ = await ask(world, "DELETE", "/channels/messaging/c", body["access_token"])
    assert status in (403, 404)


async def test_an_anonymous_caller_cannot_write(world: World) -> None:
    await world.channel("c", "alice")
    path, params = "/channels/messaging/c/message", {"api_key": world.running.api_key}
    anonymous, body = {"stream-auth-type": "anonymous"}, {"message": {"text": "x"}}
    async with world.http.post(world.running.url + path, params=params, headers=anonymous, json=body) as answer:
        status, said = answer.status, await answer.json()
    assert (status, said["code"]) == (403, 17)


async def test_a_person_cannot_call_what_is_for_servers(world: World) -> None:
    await world.server.upsert_user({"id": "alice"})
    alice = world.person("alice")
    for method, path in (("PATCH", "/app"), ("POST", "/channeltypes"), ("POST", "/users/restore")):
        status, body = await alice.call(method, path, {})
        assert (status, body["code"]) == (403, 17), path


async def test_a_body_over_5_mb_is_refused(world: World) -> None:
    server = signed(world, server=True)
    status, body, _ = await ask(world, "POST", "/users", server, raw=b'{"x":"' + b"x" * (5 * 1024 * 1024) + b'"}')
    assert (status, body["code"]) == (413, 22)

    async def chunks() -> AsyncIterator[bytes]:
        for _ in range(6):
            yield b"x" * (1024 * 1024)

    params = {"api_key": world.running.api_key}
    headers = {"Authorization": server, "stream-auth-type": "jwt"}
    async with world.http.post(world.running.url + "/users", params=params, headers=headers, data=chunks()) as answer:
        assert (answer.status, (await answer.json())["code"]) == (413, 22)


@pytest.mark.parametrize(
    "raw", [b'{"a":' * 40 + b"1" + b"}" * 40, b"[" * 100_000, b'{"a":' * 5000 + b"1" + b"}" * 5000]
)
async def test_deep_json_is_refused(world: World, raw: bytes) -> None:
    status, body, _ = await ask(world, "POST", "/users", signed(world, server=True), raw=raw)
    assert (status, body["code"]) == (400, 21)


@pytest.mark.parametrize("raw", [b"{", b"\xff\xfe", b"[]", b'"x"', b"nul", b'{"a":"\\ud800"}', b"\x00"])
async def test_what_is_no_json_object_is_refused(world: World, raw: bytes) -> None:
    status, body, _ = await ask(world, "POST", "/users", signed(world, server=True), raw=raw)
    assert (status, body["code"]) == (400, 4)


@pytest.mark.parametrize("name", ["a b", "a/b", "ä", "a%00b", "a,b", "..", "x" * 65, "💥", "'"])
async def test_a_channel_id_with_odd_characters_is_refused(world: World, name: str) -> None:
    await world.server.upsert_user({"id": "alice"})
    path = f"/channels/messaging/{quote(name, safe='')}/query"
    status, body, _ = await ask(
        world, "POST", path, signed(world, server=True), body={"data": {"created_by_id": "alice"}}
    )
    assert status in (400, 404)
    assert set(body) >= SHAPE


async def test_pages_of_this_machine_may_call_the_api_but_only_our_own_gets_tokens(world: World) -> None:
    url = world.running.url
    foreign = {"Origin": "https://evil.example"}
    asked = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "authorization,x-new"}
    for origin in ("http://localhost:3000", "http://127.0.0.1:5173", "http://app.localhost", "http://[::1]:3000", url):
        async with world.http.options(url + "/channels", headers={**asked, "Origin": origin}) as answer:
            assert answer.headers["access-control-allow-origin"] == origin
            assert "x-new" in answer.headers["access-control-allow-headers"]
        async with world.http.get(url + "/app", headers={"Origin": origin}) as answer:
            assert answer.headers["access-control-allow-origin"] == origin
    wanted = {"user_id": "alice"}
    for headers in (
        foreign,
        {"Origin": "null"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Host": "evil.example", "Origin": "http://evil.example"},
        {"Origin": url.replace("127.0.0.1", "localhost")},
    ):
        for method, path in (("POST", "/sandbox/token"), ("GET", "/sandbox/log"), ("POST", "/sandbox/faults")):
            async with world.http.request(method, url + path, json=wanted, headers=headers) as answer:
                assert answer.status == 403, (path, headers)
                assert "access-control-allow-origin" not in answer.headers
    for headers in ({"Origin": url}, {}):
        async with world.http.post(url + "/sandbox/token", json=wanted, headers=headers) as answer:
            assert answer.status == 200
            assert "access-control-allow-origin" not in answer.headers


async def test_an_operation_without_a_handler_says_so(world: World) -> None:
    have = {
        (op.method, shape_of(path)) for op in implemented() for d in WireDialect if (path := op.path(d)) is not None
    }
    missing = [
        (op, path)
        for op in operations()
        for dialect in WireDialect
        if op.handler is None and (path := op.path(dialect)) is not None and (op.method, shape_of(path)) not in have
    ]
    for operation, path in missing:
        filled = "/".join("x" if part.startswith("{") else part for part in path.split("/"))
        status, body, _ = await ask(world, operation.method, filled, signed(world, server=True), body={})
        assert status == 501, path
        assert set(body) >= SHAPE
        assert body["message"].startswith(f"{operation.id} failed with error:")
    status, body, _ = await ask(world, "GET", "/no/such/thing", signed(world, server=True))
    assert (status, body["code"]) == (404, 16)


async def test_answers_tell_the_limit_and_spare_the_budget_while_limits_are_off(world: World) -> None:
    await world.server.upsert_user({"id": "alice"})
    for _ in range(3):
        _, _, headers = await ask(world, "GET", "/app", signed(world, server=True))
        assert (headers["x-ratelimit-limit"], headers["x-ratelimit-remaining"]) == ("10000", "10000")
        assert int(headers["x-ratelimit-reset"]) > time.time()


async def test_a_person_is_limited_and_a_server_is_not() -> None:
    async with start_sandbox(rate_limits=True) as running, aiohttp.ClientSession() as http:
        token = jwt.encode({"user_id": "alice"}, running.api_secret, algorithm="HS256")
        server = jwt.encode({"server": True}, running.api_secret, algorithm="HS256")
        world = World(running, None, http)
        await ask(world, "POST", "/users", server, body={"users": {"alice": {"id": "alice"}}})
        seen = []
        for _ in range(USER_LIMIT + 1):
            status, body, headers = await ask(world, "GET", "/unread", token)
            seen.append(status)
            if status == 429:
                break
        # A minute may end within the test; the count then starts anew.
        assert seen[:-1] == [200] * (len(seen) - 1)
        if status == 429:
            assert (body["code"], headers["x-ratelimit-remaining"]) == (9, "0")
            assert int(headers["retry-after"]) >= 1
        status, _, headers = await ask(world, "GET", "/app", server)
        assert status != 429


async def test_reading_a_thread_marks_the_thread(world: World) -> None:
    channel = await world.channel("c", "alice", "bob")
    await channel.send_message({"id": "parent", "text": "x"}, "alice")
    await channel.send_message({"id": "reply", "text": "y", "parent_id": "parent"}, "bob")
    alice = world.person("alice")
    _, before = await alice.call("GET", "/unread")
    assert [thread["parent_message_id"] for thread in before["threads"]] == ["parent"]
    status, _ = await alice.call("POST", "/channels/messaging/c/read", {"thread_id": "parent"})
    assert status == 201
    _, after = await alice.call("GET", "/unread")
    assert after["threads"] == []


DEEP = '{"a":' * 300 + "1" + "}" * 300
"""JSON that a decoder takes, and an encoder does not give back."""


async def test_what_nests_too_deep_to_be_told_again_is_refused_wherever_it_stands(world: World) -> None:
    channel = await world.channel("c", "alice")
    await channel.send_message({"id": "m", "text": "x"}, "alice")
    path = {"set": {".".join("a" * 300): 1}, "user_id": "alice"}
    server = signed(world, server=True)
    for method, where, body in (
        ("PUT", "/messages/m", path),
        ("PATCH", "/channels/messaging/c", path),
        ("PATCH", "/users", {"users": [{"id": "alice", **path}]}),
        ("GET", f"/users?payload={quote(DEEP)}", None),
    ):
        status, said, _ = await ask(world, method, where, server, body=body)
        assert (status, said["code"]) == (400, 21), (method, where[:20], said)
    hello = {"user_id": "alice", "user_details": {"id": "alice"}}
    params = {"api_key": world.running.api_key, "authorization": signed(world, user_id="alice")}
    deep = json.dumps(hello)[:-2] + f', "x": {DEEP}}}}}'
    async with world.http.ws_connect(world.running.url + "/connect", params={**params, "json": deep}) as socket:
        assert (await frame(socket))["error"]["code"] == 21
    status, said, _ = await ask(world, "POST", "/channels/messaging/c/query", server, body={"state": True})
    assert (status, said["messages"][0]["id"]) == (201, "m")


async def test_scores_cannot_be_summed_beyond_what_json_holds(world: World) -> None:
    channel = await world.channel("c", "alice", "bob")
    await channel.send_message({"id": "m", "text": "x"}, "alice")
    server = signed(world, server=True)
    for user in ("alice", "bob"):
        body = {"reaction": {"type": "like", "user_id": user, "score": 2**63 - 1}}
        status, said, _ = await ask(world, "POST", "/messages/m/reaction", server, body=body)
        assert (status, said["code"]) == (400, 4)
    status, said, _ = await ask(world, "GET", "/messages/m", server)
    assert (status, said["message"]["reaction_scores"]) == (200, {})


@pytest.mark.parametrize("seconds", [9 * 10**11, -(9 * 10**11)])
async def test_a_pin_cannot_end_beyond_the_calendar(world: World, seconds: int) -> None:
    channel = await world.channel("c", "alice")
    await channel.send_message({"id": "m", "text": "x"}, "alice")
    body = {"set": {"pinned": True, "pin_expires": seconds}, "user_id": "alice"}
    status, said, _ = await ask(world, "PUT", "/messages/m", signed(world, server=True), body=body)
    assert (status, said["code"]) == (400, 4)


@pytest.mark.parametrize("line", [b"GET / HTTP/9.9", b"GET /app?x=" + b"x" * 100_000 + b" HTTP/1.1", b"\x00\x01"])
async def test_what_cannot_be_read_as_a_request_is_refused_in_the_same_shape(world: World, line: bytes) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", world.running.sandbox.config.port)
    writer.write(line + b"\r\nhost: localhost\r\n\r\n")
    head, _, body = (await reader.read()).partition(b"\r\n\r\n")
    writer.close()
    assert head.startswith(b"HTTP/1.1 400 ")
    assert set(json.loads(body)) >= SHAPE


async def test_a_huge_frame_closes_its_socket_alone(world: World) -> None:
    await world.server.upsert_users([{"id": "alice"}, {"id": "bob"}])
    async with await world.person("alice").online() as socket, await world.person("bob").online() as other:
        with contextlib.suppress(ConnectionError):
            await socket.send_str("x" * 10_000_000)
        closed = await socket.receive(timeout=PATIENCE)
        assert closed.type in (aiohttp.WSMsgType.CLOSE, aiohttp.WSMsgType.CLOSED, aiohttp.WSMsgType.CLOSING)
        await other.send_str('[{"type":"health.check"}]')
        assert (await until(other, "health.check"))["cid"] == "*"
