"""Every operation of the older API is called once; what leaves is checked against the facts, read anew."""

import json
import re
from contextlib import suppress
from importlib.resources import files
from pathlib import Path
from typing import Any

import jwt
import pytest
from jsonschema import Draft202012Validator

from framework.catalog.catalog import Catalog
from framework.catalog.example import example
from framework.catalog.execution.arguments import ArgumentsError, argument_schema, resolved
from framework.errors import ChatServiceError
from tests.support.operations import Received, desk, recorder
from tests.support.sandbox import API_KEY, API_SECRET, start_sandbox

FACTS = files("framework.catalog") / "data" / "facts"


def facts() -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = {}
    for file in FACTS.iterdir():
        if file.name != "models.json":
            found |= json.loads(file.read_text())
    return found


MODELS = json.loads((FACTS / "models.json").read_text())
V1 = {name: fact for name, fact in facts().items() if "v1" in fact}


def parameters(fact: dict[str, Any]) -> dict[str, dict[str, Any]]:
    own: dict[str, dict[str, Any]] = fact["v1"].get("parameters", fact["parameters"])
    return {name: item | {"wire": item.get("name", name)} for name, item in own.items()}


def valid(value: Any, schema: dict[str, Any]) -> list[str]:
    flat = json.loads(json.dumps(MODELS))
    for model in flat.values():
        # The older API keeps custom fields beside the others; there is no `custom` to require.
        model["required"] = [name for name in model.get("required", ()) if name != "custom"]
    return [error.message for error in Draft202012Validator(schema | {"$defs": flat}).iter_errors(value)]


def check(fact: dict[str, Any], arguments: dict[str, Any], got: Received) -> None:
    method, template = fact["v1"]["method"], fact["v1"]["path"]
    pattern = re.sub(r"\\\{(\w+)\\\}", r"(?P<\1>[^/]+)", re.escape(template))
    match = re.fullmatch(pattern, got.path)
    assert got.method == method
    assert match, f"{got.path} is not {template}"
    known = parameters(fact)
    assert set(got.query) - {"api_key"} == {known[n]["wire"] for n in arguments if known[n]["in"] == "query"}
    assert set(match.groupdict()) == {item["wire"] for item in known.values() if item["in"] == "path"}
    body = {known[name]["wire"] for name in arguments if known[name]["in"] == "body"}
    encoded = fact["v1"].get("body", fact["body"])
    if encoded == "multipart":
        assert got.headers["Content-Type"].startswith("multipart/form-data; boundary=")
        assert set(got.parts) == body
        return
    # Custom fields of these lie flat beside the others.
    assert set(got.body or {}) == body - {"custom"} or set(got.body or {}) == body
    assert (got.body is None) == (encoded is None)
    for name, value in (got.body or {}).items():
        (schema,) = (item["schema"] for item in known.values() if item["wire"] == name and item["in"] == "body")
        assert not valid(value, schema), name


@pytest.mark.parametrize("every", [False, True], ids=["required", "all"])
async def test_each_operation_leaves_as_the_facts_say(catalog: Catalog, tmp_path: Path, every: bool) -> None:
    async with recorder() as (url, received), desk(url, tmp_path) as at:
        for name, fact in V1.items():
            schema = argument_schema(catalog, catalog.operation(name))
            arguments = example(resolved(schema, schema.get("$defs", {})), every=every)
            await at.execute(name, arguments)
            (got,) = received
            received.clear()
            check(fact, arguments, got)
            assert got.query["api_key"] == API_KEY
            assert got.headers["stream-auth-type"] == "jwt"
            claims = jwt.decode(got.headers["Authorization"], API_SECRET, algorithms=["HS256"])
            assert claims["exp"] - claims["iat"] <= 90
            assert claims["server"] is True
    assert len(V1) == 198


async def test_operations_of_the_newer_api_alone_go_there(catalog: Catalog, tmp_path: Path) -> None:
    newer = [operation for operation in catalog if operation.v1 is None]
    async with recorder() as (url, received), desk(url, tmp_path) as at:
        for operation in newer:
            schema = argument_schema(catalog, operation)
            await at.execute(operation.id, example(resolved(schema, schema.get("$defs", {})), every=True))
            assert received[-1].path.startswith("/api/v2/")
            assert "{" not in received[-1].path
    assert len(newer) == 49


async def test_the_sandbox_has_an_endpoint_for_every_operation(catalog: Catalog, tmp_path: Path) -> None:
    async with start_sandbox() as sandbox, desk(sandbox.url, tmp_path) as at:
        for operation in catalog:
            schema = argument_schema(catalog, operation)
            with suppress(ChatServiceError):
                await at.execute(operation.id, example(resolved(schema, schema.get("$defs", {}))))
        log = await at.log()
    assert len(log) == len(catalog)
    assert not [entry["operation"] for entry in log if "is not an endpoint" in entry["detail"]]


async def test_values_are_written_as_the_service_reads_them(tmp_path: Path) -> None:
    async with recorder() as (url, received), desk(url, tmp_path) as at:
        place = {"type": "messaging", "id": "a/b c?d"}
        await at.execute("GetManyMessages", {**place, "ids": ["m-1", "m-2"]})
        await at.execute("GetReplies", {"parent_id": "m", "limit": 5, "sort": [{"field": "x", "direction": -1}]})
        await at.execute("GetChannel", {**place, "state": True})
        await at.execute("QueryUsers", {"payload": {"filter_conditions": {"name": {"$autocomplete": "zoé"}}}})
    many, replies, channel, users = received
    assert many.path == "/channels/messaging/a%2Fb%20c%3Fd/messages"
    assert many.query["ids"] == "m-1,m-2"
    assert json.loads(replies.query["sort"]) == [{"field": "x", "direction": -1}]
    assert replies.query["limit"] == "5"
    assert channel.query["state"] == "true"
    assert json.loads(users.query["payload"]) == {"filter_conditions": {"name": {"$autocomplete": "zoé"}}}


@pytest.mark.parametrize("message", [{"text": "hi", "custom": {"mood": "ok"}}, {"text": "hi", "mood": "ok"}])
async def test_custom_fields_lie_flat_in_the_older_api_however_they_are_given(
    tmp_path: Path, message: dict[str, Any]
) -> None:
    async with recorder() as (url, received), desk(url, tmp_path) as at:
        await at.execute("SendMessage", {"type": "messaging", "id": "x", "message": message})
        sent = received[0].body["message"]
    assert (sent["text"], sent["mood"], "custom" in sent) == ("hi", "ok", False)


async def test_custom_fields_of_what_a_campaign_makes_stay_under_custom(tmp_path: Path) -> None:
    template = {"text": "hi", "custom": {"mood": "ok"}, "attachments": [{"type": "x", "custom": {"alt": "a"}}]}
    async with recorder() as (url, received), desk(url, tmp_path) as at:
        await at.execute("CreateCampaign", {"sender_id": "zoe", "message_template": template})
        with pytest.raises(ArgumentsError, match=r"message_template\.mood is unknown"):
            await at.execute("CreateCampaign", {"sender_id": "zoe", "message_template": {"text": "hi", "mood": "ok"}})
    sent = received[0].body["message_template"]
    assert sent == {"text": "hi", "custom": {"mood": "ok"}, "attachments": [{"type": "x", "alt": "a"}]}


async def test_an_empty_body_is_sent_where_the_service_asks_for_one(tmp_path: Path) -> None:
    async with recorder() as (url, received), desk(url, tmp_path) as at:
        await at.execute("StopCampaign", {"id": "c"})
        await at.execute("CommitMessage", {"id": "m"})
        await at.execute("Unban", {"target_user_id": "max"})
    assert [got.body for got in received] == [{}, {}, None]


async def test_a_file_goes_as_a_part_of_a_form(tmp_path: Path) -> None:
    picture = "data:image/png;name=dot.png;base64,iVBORw0KGgo="
    async with recorder() as (url, received), desk(url, tmp_path) as at:
        await at.execute("UploadImage", {"file": picture, "user": {"id": "alice"}})
        await at.execute("UploadFile", {"file": "/etc/passwd"})
    image, text = received
    assert image.parts["file"] == ("dot.png", bytes.fromhex("89504e470d0a1a0a"))
    assert json.loads(image.parts["user"][1]) == {"id": "alice"}
    assert text.parts["file"][1] == b"/etc/passwd", "a path is text: nothing is read from disk"
