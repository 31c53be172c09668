"""Whatever a client sends to any operation: a clear answer in Stream's shape, never a 500, never a hang."""

from __future__ import annotations

import asyncio
import inspect
import os
import random
import re
from functools import cache
from typing import Any
from urllib.parse import quote, urlencode

import jwt
import orjson
from hypothesis import given, settings
from hypothesis import strategies as st

from framework.sandbox.dev.app import ServedApp, create_sandbox
from framework.sandbox.dev.coverage import implemented
from framework.sandbox.kernel.config import SandboxConfig
from framework.sandbox.kernel.operations import ServedOperation
from framework.sandbox.kernel.realtime.hub import Connection
from framework.sandbox.kernel.wire import WireDialect

SECRET = "a-secret-of-more-than-thirty-two-characters"
EXAMPLES = int(os.environ.get("FUZZ_EXAMPLES", "60"))
CALLS = 40
LIMIT_S = 60.0
ROUTES = [
    (operation, path)
    for operation in implemented()
    for dialect in WireDialect
    if (path := operation.path(dialect)) is not None
]
ROOMS = ("framework.sandbox.chat", "framework.sandbox.features")
_NAME = re.compile(r'"(\$?[a-z][a-z_.]{1,40})"')


class Numbered:
    """Ids that are the same from run to run."""

    def __init__(self) -> None:
        self._last = 0

    def new(self) -> str:
        self._last += 1
        return f"00000000-0000-4000-8000-{self._last:012d}"


class Target:
    """A fresh sandbox with two people in a channel, one of them online, called without a network."""

    def __init__(self) -> None:
        self.sandbox = create_sandbox(SandboxConfig(api_key="key", api_secret=SECRET), ids=Numbered())
        self.app = ServedApp(self.sandbox)
        connection = Connection("connection", "alice", lambda: None)
        self.sandbox.hub.add(connection)
        self.sandbox.hub.watch("messaging:c", connection)

    async def prepare(self) -> None:
        users = {name: {"id": name, "name": name.title()} for name in ("alice", "bob", "admin")}
        users["admin"]["role"] = "admin"
        await self.good("POST", "/users", {"users": users})
        await self.good(
            "POST", "/channels/messaging/c/query", {"data": {"members": ["alice", "bob"], "created_by_id": "alice"}}
        )
        message = {"id": "m1", "text": "hello", "user_id": "alice"}
        await self.good("POST", "/channels/messaging/c/message", {"message": message})
        await self.good(
            "POST", "/channels/messaging/c/message", {"message": {**message, "id": "m2", "parent_id": "m1"}}
        )

        for path, body in THINGS:
            await self.good("POST", path, body)

    async def good(self, method: str, path: str, body: object) -> None:
        status, answer = await self.call(method, path, {}, orjson.dumps(body), None)
        assert status < 300, answer

    async def call(
        self, method: str, path: str, query: dict[str, str], body: bytes, user: str | None
    ) -> tuple[int, bytes]:
        """Status and body. Raises TimeoutError when no answer comes."""
        claims = {"server": True} if user is None else {"user_id": user}
        token = jwt.encode(claims, SECRET, algorithm="HS256").encode()
        said: dict[str, Any] = {"body": b""}

        async def receive() -> dict[str, Any]:
            return {"type": "http.request", "body": body, "more_body": False}

        async def send(message: Any) -> None:
            if message["type"] == "http.response.start":
                said["status"] = message["status"]
            else:
                said["body"] += message.get("body", b"")

        scope = {
            "type": "http",
            "method": method,
            "path": path,
            "raw_path": path.encode(),
            "query_string": urlencode({"api_key": "key", **query}).encode(),
            "headers": [
                (b"host", b"localhost"),
                (b"authorization", token),
                (b"stream-auth-type", b"jwt"),
                (b"content-type", b"application/json"),
            ],
            "scheme": "http",
            "extensions": {},
            "server": ("localhost", 80),
            "client": ("127.0.0.1", 1),
            "root_path": "",
            "http_version": "1.1",
        }
        async with asyncio.timeout(LIMIT_S):
            await self.app(scope, receive, send)
        return said["status"], said["body"]


IDS = (
    "alice", "bob", "admin", "c", "m1", "m2", "messaging", "messaging:c", "connection", "like", "giphy", "user",
)  # fmt: skip
TEXTS = (
    "", " ", "x" * 300, "x" * 6000, "\x00", "💥", "../../etc/passwd", "a,b", "100%", "%2F", "' OR 1=1 --", "<b>", "{}",
    "[]", "null", "2020-01-01T00:00:00Z", "9999-12-31T23:59:59.999999999Z", "0001-01-01T00:00:00+14:00",
    "2030-01-01T00:00:00Z", "2020-13-45T99:00:00Z", "١٢٣", "-1", "1e400", "99999999999999999999999", "/giphy x",
    "/ban @bob", "@alice", "(", "[a-", "\\", "http://x/y", "http://[::1", "nobody", "messaging:", ":", "a:b:c",
    "!members-x", "now", "channel", "asc", "block",
)  # fmt: skip
NUMBERS = (
    0, 1, -1, 2, 30, 255, 10**6, 2**31, 10**11, 9 * 10**11, -(9 * 10**11), 10**15, 2**53, 2**63 - 1, 2**64 - 1,
    -(2**63), 0.5, -0.0, 1e300, 1e19, 10**18,
)  # fmt: skip
DEEP_PATH = ".".join("a" * 300)
OPERATORS = (
    "$eq", "$ne", "$gt", "$gte", "$lt", "$lte", "$in", "$nin", "$exists", "$autocomplete", "$contains", "$q",
    "$near", "$x",
)  # fmt: skip
FIELDS = (
    "id", "cid", "type", "name", "members", "member.user.name", "created_at", "updated_at", "last_message_at",
    "user_id", "role", "banned", "frozen", "team", "teams", "custom", "color", "custom.color", "text", "parent_id",
    "pinned", "invite", "joined", "hidden", "muted", "archived", "last_active", "has_unread", "reply_count",
    "attachments.type", "channel_cid", "mentioned_users.id", "status", "reporter_id", "message_id", "remind_at",
    "participant_user_ids", "is_closed",
)  # fmt: skip
FRIENDLY: dict[str, tuple[Any, ...]] = {
    "message": ({"text": "hello"}, {"id": "n1", "text": "x", "user_id": "bob"}, {"text": "x", "parent_id": "m1"}),
    "user": ({"id": "alice"}, {"id": "new"}),
    "users": ({"new": {"id": "new"}}, [{"id": "alice"}]),
    "type": ("messaging", "like"),
    "members": (["alice"], [{"user_id": "bob"}]),
    "data": ({"name": "x"}, {"members": ["alice"], "created_by_id": "bob"}),
    "set": ({"name": "x"}, {"text": "y", "color": 1}, {"a.b": {"c": 1}}, {DEEP_PATH: 1}),
    "unset": (["color"], ["text"], ["a.b", DEEP_PATH]),
    "event": ({"type": "typing.start"},),
    "reaction": ({"type": "like"}, {"type": "like", "score": 2**63 - 1}),
    "messages": ({"limit": 2}, {"id_around": "m1"}, {"created_at_around": "2030-01-01T00:00:00Z"}),
    "filter_conditions": ({"members": {"$in": ["alice"]}}, {}),
    "poll": ({"name": "p"},),
    "options": ([{"text": "a"}],),
    "poll_data": ({"name": "p", "options": [{"text": "a"}]},),
    "vote": ({"option_id": "o"},),
    "names": (["x"],),
    "words": (["bad"],),
    "name": ("x", "messaging"),
    "grants": ({"user": ["read-channel"]},),
    "settings": ({},),
    "user_ids": (["alice", "bob"], ["bob"]),
    "channel_cids": (["messaging:c"],),
    "cids": (["messaging:c"],),
    "latest_delivered_messages": ([{"cid": "messaging:c", "id": "m1"}],),
    "last_sync_at": ("2026-11-01T00:00:00Z",),
}
IN_PATH = {
    "users": ("alice", "bob"),
    "messages": ("m1", "m2"),
    "threads": ("m1",),
    "messaging": ("c",),
    "channels": ("messaging",),
    "channeltypes": ("messaging", "own"),
    "polls": ("p",),
    "options": ("o",),
    "segments": ("s",),
    "vote": ("v",),
    "commands": ("ticket", "giphy"),
    "blocklists": ("words",),
    "usergroups": ("g",),
    "roles": ("own",),
    "reaction": ("like",),
    "call": ("x",),
}


THINGS: tuple[tuple[str, dict[str, Any]], ...] = (
    ("/polls", {"id": "p", "name": "lunch", "user_id": "alice", "options": [{"id": "o", "text": "soup"}]}),
    ("/channels/messaging/c/message", {"message": {"id": "m3", "text": "x", "user_id": "bob", "poll_id": "p"}}),
    ("/messages/m1/reaction", {"reaction": {"type": "like", "user_id": "bob"}}),
    ("/blocklists", {"name": "words", "words": ["bad"]}),
    ("/commands", {"name": "ticket", "description": "x"}),
    ("/channeltypes", {"name": "own"}),
    ("/roles", {"name": "own"}),
    ("/usergroups", {"id": "g", "name": "group", "member_ids": ["alice"]}),
    ("/devices", {"id": "d", "push_provider": "firebase", "user_id": "alice"}),
    ("/segments", {"id": "s", "type": "user", "name": "s"}),
    ("/channels/messaging/c/draft", {"message": {"text": "later"}, "user_id": "alice"}),
    ("/messages/m2/reminders", {"user_id": "alice"}),
)
"""What else there is to find, of all kinds."""


class Maker:
    """Calls made up from a seed: mostly sensible, with something wrong somewhere."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)

    def call(self) -> tuple[ServedOperation, str, dict[str, str], bytes, str | None]:
        """Operation, path, query, body and the user whose token it is."""
        pick = self._random
        operation, template = pick.choice(ROUTES)
        names = names_of(operation)
        body = {name: self.field(name, names) for name in pick.sample(names, pick.randint(0, min(len(names), 8)))}
        if pick.random() < 0.5:
            body.setdefault("user_id", pick.choice(("alice", "bob")))
        query: dict[str, str] = {}
        if operation.method in ("GET", "DELETE"):
            query = {n: v if isinstance(v, str) else orjson.dumps(v).decode() for n, v in body.items()}
            query = {"payload": orjson.dumps(body).decode()} if pick.random() < 0.3 else query
            query = {"payload": '{"a":' * 300 + "1" + "}" * 300} if pick.random() < 0.02 else query
        raw = orjson.dumps(body)
        if pick.random() < 0.03:
            raw = pick.choice(
                (b"", b"{", b"[]", b"null", b'"x"', b"\xff", b"[" * 5000, b'{"a":' * 40 + b"1" + b"}" * 40)
            )
        user = pick.choice((None, None, None, None, "alice", "bob", "admin", "stranger"))
        return operation, self.path(template), query, b"" if operation.method in ("GET", "DELETE") else raw, user

    def path(self, template: str) -> str:
        """A template with ids put in: most of them exist."""
        done: list[str] = []
        for segment in template.split("/"):
            if segment.startswith("{"):
                before = next((part for part in reversed(done) if part in IN_PATH), "")
                odd = self._random.random() < 0.15
                chosen = self._random.choice((*TEXTS, *IDS) if odd else IN_PATH.get(before, IDS))
                done.append(quote(chosen, safe="") or "x")
            else:
                done.append(segment)
        return "/".join(done)

    def field(self, name: str, names: list[str]) -> Any:
        """A value for a field: of the kind that it should be, or anything."""
        pick = self._random
        if pick.random() < 0.25:
            return self.anything(names, 3)
        if name in FRIENDLY:
            return pick.choice(FRIENDLY[name])
        if name.endswith(("_ids", "_cids", "ids")):
            return [pick.choice(IDS) for _ in range(pick.randint(0, 3))]
        if name.endswith(("_id", "id")):
            return pick.choice(IDS)
        if name.startswith("filter"):
            return self.filter(2)
        if name == "sort":
            return [{"field": pick.choice(FIELDS), "direction": pick.choice((1, -1, "1", None))}]
        if name.endswith(("_at", "since", "expires", "until")):
            return pick.choice((*TEXTS[15:20], *NUMBERS))
        if name in ("limit", "offset", "timeout", "cooldown", "score") or name.endswith(
            ("_limit", "_s", "_ms", "_minutes")
        ):
            return pick.choice(NUMBERS)
        return pick.choice((True, False, "x", "y", *IDS, 1, {}, []))

    def filter(self, depth: int) -> Any:
        """A filter, valid or not."""
        pick = self._random
        if depth and pick.random() < 0.3:
            return {pick.choice(("$and", "$or", "$nor")): [self.filter(depth - 1) for _ in range(pick.randint(0, 2))]}
        value = pick.choice((*TEXTS, *IDS, *NUMBERS, True, None))
        if pick.random() < 0.3:
            return {pick.choice(FIELDS): value}
        return {pick.choice(FIELDS): {pick.choice(OPERATORS): pick.choice((value, [value], {"$eq": value}, []))}}

    def anything(self, names: list[str], depth: int) -> Any:
        """Any JSON value."""
        pick = self._random
        kind = pick.randint(0, 7 if depth else 4)
        if kind < 2:
            return pick.choice(TEXTS)
        if kind < 4:
            return pick.choice((*NUMBERS, True, False, None))
        if kind == 4:
            return pick.choice(IDS)
        if kind == 5:
            return [self.anything(names, depth - 1) for _ in range(pick.randint(0, 3))]
        if kind == 6:
            return self.filter(2)
        return {
            pick.choice(names): self.field(pick.choice(names), names) if depth > 1 else None
            for _ in range(pick.randint(0, 4))
        }


@cache
def names_of(operation: ServedOperation) -> list[str]:
    """The words of a handler's module and of what serves it: among them the fields that it reads."""
    module = inspect.getmodule(operation.handler)
    assert module is not None
    words = set(_NAME.findall(inspect.getsource(module)))
    for value in vars(module).values():
        if inspect.ismodule(value) and value.__name__.startswith(
            ("framework.sandbox.chat", "framework.sandbox.features")
        ):
            words |= set(_NAME.findall(inspect.getsource(value)))
        if isinstance(value, frozenset):
            words |= {item for item in value if isinstance(item, str)}
    return sorted(
        {word for word in words if "." not in word} | {"user", "user_id", "filter_conditions", "sort", "limit", "set"}
    )


def check(status: int, raw: bytes) -> None:
    answer = orjson.loads(raw)
    assert isinstance(answer, dict)
    if status >= 400:
        assert {"code", "message", "StatusCode", "duration", "more_info"} <= set(answer), answer
        assert answer["StatusCode"] == status
        assert status != 500, answer
        assert status != 501 or "not implemented" in answer["message"], answer
    else:
        assert "duration" in answer


@settings(max_examples=EXAMPLES, deadline=None, derandomize="FUZZ_EXAMPLES" not in os.environ, database=None)
@given(seed=st.integers(0, 2**32))
def test_no_call_makes_it_fail_or_hang(seed: int) -> None:
    async def run() -> None:
        target = Target()
        await target.prepare()
        maker = Maker(seed)
        for _ in range(CALLS):
            operation, path, query, body, user = maker.call()
            status, raw = await target.call(operation.method, path, query, body, user)
            try:
                check(status, raw)
            except AssertionError as error:
                raise AssertionError(f"{operation.id} {path} {query} {body!r} as {user}: {error}") from error

    asyncio.run(run())
