"""Whatever a server says of its tools, a model server takes it, or the one tool is left out."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from framework.tools.mcp_servers.schemas import ImpossibleSchemaError, read_schema, short_description, tool_names


def one(schema: object) -> Any:
    """A property with this schema, put right."""
    return read_schema({"type": "object", "properties": {"x": schema}}).schema["properties"]["x"]


def taken(schema: Any) -> bool:
    """Whether a strict model server takes it: objects have properties, arrays items, and nothing is referred to."""
    if isinstance(schema, list):
        return all(map(taken, schema))
    if not isinstance(schema, dict):
        return True
    if schema.get("type") == "object" and not isinstance(schema.get("properties"), dict):
        return False
    if schema.get("type") == "array" and "items" not in schema:
        return False
    parts = [*schema.get("properties", {}).values(), schema.get("items"), *schema.get("anyOf", ())]
    return "$ref" not in schema and all(map(taken, parts))


@pytest.mark.parametrize(
    "raw", [None, {}, {"type": "object"}, {"type": "object", "properties": None}, {"$schema": "x"}]
)
def test_no_arguments_are_an_object_without_properties(raw: object) -> None:
    assert read_schema(raw).schema == {"type": "object", "properties": {}}


def test_arrays_have_items_and_objects_properties() -> None:
    assert one({"type": "array", "description": "Tags"}) == {"type": "array", "description": "Tags", "items": {}}
    assert one({"type": "object"}) == {"type": "object", "properties": {}}
    assert one({"items": {"type": "string"}}) == {"type": "array", "items": {"type": "string"}}
    assert one({"type": "array", "items": [{"type": "string"}, {"type": "integer"}]})["items"]["anyOf"]


def test_null_beside_a_type_only_says_that_it_may_be_left_out() -> None:
    assert one({"anyOf": [{"type": "string"}, {"type": "null"}], "default": None})["type"] == "string"
    assert one({"type": ["integer", "null"]}) == {"type": "integer"}
    assert one({"oneOf": [{"type": "null"}, {"type": "array"}]}) == {"type": "array", "items": {}}


def test_references_are_filled_in_and_circles_end() -> None:
    raw = {
        "$defs": {
            "C": {"type": "string", "enum": ["red"]},
            "Node": {"type": "object", "properties": {"next": {"$ref": "#/$defs/Node"}}},
        },
        "properties": {
            "color": {"$ref": "#/$defs/C"},
            "node": {"$ref": "#/$defs/Node"},
            "far": {"$ref": "https://x.example/s.json"},
            "none": {"$ref": "#/nowhere"},
        },
        "required": ["color"],
    }
    schema = read_schema(raw).schema
    assert schema["properties"]["color"] == {"type": "string", "enum": ["red"]}
    assert schema["required"] == ["color"]
    assert taken(schema)


def test_a_choice_at_the_top_becomes_one_object() -> None:
    raw = {
        "oneOf": [
            {"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"]},
            {"properties": {"b": {"type": "int"}}},
        ]
    }
    assert read_schema(raw).schema == {
        "type": "object",
        "properties": {"a": {"type": "string"}, "b": {"type": "integer"}},
    }


def test_older_drafts_and_loose_words_are_understood() -> None:
    raw = {
        "properties": {"a": {"type": "str", "required": True}, "b": {"type": "float"}, "c": True, "d": {"type": "any"}},
        "required": "b",
    }
    schema = read_schema(raw).schema
    assert [schema["properties"][name].get("type") for name in "abcd"] == ["string", "number", None, None]
    assert sorted(schema["required"]) == ["a", "b"]


def test_names_of_arguments_that_no_model_server_takes_are_led_back() -> None:
    found = read_schema({"properties": {"user id": {"type": "string"}, "user_id": {}, "$top": {}, "x" * 80: {}}})
    assert all(re.fullmatch(r"[a-zA-Z0-9_.-]{1,64}", name) for name in found.schema["properties"])
    given = dict.fromkeys(found.schema["properties"], "v")
    assert found.arguments(given) == {"user id": "v", "user_id": "v", "$top": "v", "x" * 80: "v"}


def test_null_for_what_may_be_left_out_is_left_out() -> None:
    found = read_schema(
        {"properties": {"a": {"type": ["string", "null"]}, "b": {"type": "integer"}}, "required": ["a"]}
    )
    assert found.arguments({"a": None, "b": None}) == {"a": None}


def test_half_a_surrogate_pair_does_not_reach_the_wire() -> None:
    sent = read_schema({"properties": {"a": {}}}).arguments({"a": ["x\ud800", {"k\udfff": 1}]})
    json.dumps(sent, ensure_ascii=False).encode()


@pytest.mark.parametrize("raw", ["x", 7, ["a"], {"type": "array"}, {"type": "string"}])
def test_what_is_no_object_is_impossible(raw: object) -> None:
    with pytest.raises(ImpossibleSchemaError):
        read_schema(raw)


def test_a_schema_that_grows_without_end_is_bounded() -> None:
    defs = {f"D{n}": {"properties": {f"p{i}": {"$ref": f"#/$defs/D{n + 1}"} for i in range(9)}} for n in range(9)}
    try:
        found = read_schema({"$defs": defs, "properties": {"x": {"$ref": "#/$defs/D0"}}})
    except ImpossibleSchemaError:
        return
    assert len(json.dumps(found.schema)) <= 100_000


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.sampled_from(["string", "object", "array", "null", "#", "#/properties/a"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["type", "properties", "items", "anyOf", "allOf", "$ref", "required", "a", "additionalProperties"]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=20,
)


@given(JSON)
def test_whatever_a_server_sends_is_taken_or_impossible(raw: object) -> None:
    try:
        schema = read_schema(raw).schema
    except ImpossibleSchemaError:
        return
    assert taken(schema)
    assert schema["type"] == "object"


def test_names_are_the_tools_own_and_short() -> None:
    tools = ["docs.search", "docs_search", "docs search", "ok", "x" * 80, "y" * 90, "ünïcode", "日本", "中国"]
    names = tool_names("widget", tools)
    assert len(set(names.values())) == len(tools)
    assert all(re.fullmatch(r"[a-zA-Z0-9_-]{1,64}", name) for name in names.values())
    assert names["docs_search"] == "widget__docs_search"
    assert names["ok"] == "widget__ok"
    assert tool_names("widget", tools[::-1]) == names


def test_a_long_description_is_cut() -> None:
    assert len(short_description("word " * 1_000)) <= 1_000
