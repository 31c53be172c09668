"""A server's refusal, in the words of many servers, changes the next request, and only what it speaks of."""

from __future__ import annotations

from typing import Any

import pytest

from framework.agent.models.dialect import ModelDialect


def request() -> dict[str, Any]:
    schema = {"type": "object", "properties": {"title": {"type": "string"}}, "additionalProperties": False}
    tools = [
        {"type": "function", "function": {"name": name, "parameters": schema}} for name in ("order_status", "odd_tool")
    ]
    picture = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AA=="}}
    return {
        "model": "m",
        "stream": True,
        "stream_options": {"include_usage": True},
        "temperature": 0.2,
        "parallel_tool_calls": False,
        "tools": tools,
        "messages": [
            {"role": "system", "content": "You help."},
            {"role": "user", "content": "Hello", "name": "ada"},
            {"role": "user", "content": [{"type": "text", "text": "What is this?"}, picture]},
            {"role": "assistant", "content": None, "tool_calls": [{"id": "call_0123456789", "function": {}}]},
            {"role": "tool", "content": "", "tool_call_id": "call_0123456789"},
        ],
    }


OPTIONS = [
    ('{"detail":[{"type":"extra_forbidden","loc":["body","stream_options","include_usage"]}]}', "stream_options"),
    ("Unrecognized request argument supplied: stream_options", "stream_options"),
    ("Unsupported value: 'temperature' does not support 0.2 with this model.", "temperature"),
    ("`temperature` is not supported for reasoning models", "temperature"),
    ("Unsupported parameter: 'parallel_tool_calls' is not supported with this model.", "parallel_tool_calls"),
    ("registry.ollama.ai/library/gemma3:4b does not support tools", "tools"),
    ('"auto" tool choice requires --enable-auto-tool-choice and --tool-call-parser to be set', "tools"),
    ("tools param requires --jinja flag", "tools"),
    ("No endpoints found that support tool use.", "tools"),
    ("Function calling is not enabled for this model", "tools"),
    ("Streaming is not supported for this model", "stream"),
    ("This model does not support streaming.", "stream"),
]


@pytest.mark.parametrize(("words", "key"), OPTIONS)
def test_an_option_that_is_refused_is_left_out(words: str, key: str) -> None:
    dialect, asked = ModelDialect(), request()
    assert dialect.learn(words, asked) == f"without {key}"
    sent = dialect.adapt(asked)
    assert key not in sent
    assert sent["messages"] == asked["messages"]
    others = {"temperature", "stream_options", "tools", "parallel_tool_calls"} - {key}
    gone = {"tools", "parallel_tool_calls"} if key == "tools" else {"stream_options"} if key == "stream" else set()
    assert others - gone <= set(sent)


def learned(words: str) -> list[dict[str, Any]]:
    dialect, asked = ModelDialect(), request()
    assert dialect.learn(words, asked) is not None
    assert dialect.describe()
    sent = dialect.adapt(asked)
    assert sent["tools"] == asked["tools"]
    messages: list[dict[str, Any]] = sent["messages"]
    return messages


@pytest.mark.parametrize(
    "words",
    [
        "System role not supported",
        "Developer instruction is not enabled for models/gemma-3-27b-it",
        "role 'system' is not allowed",
    ],
)
def test_a_system_message_that_is_refused_stands_before_the_first_question(words: str) -> None:
    messages = learned(words)
    assert [message["role"] for message in messages] == ["user", "assistant", "tool"]
    assert messages[0]["content"][0]["text"] == "You help.\n\nHello"


@pytest.mark.parametrize(
    "words",
    [
        "After the optional system message, conversation roles must alternate user/assistant/user/assistant/...",
        'roles must alternate between "user" and "assistant", but found multiple "user" roles in a row',
        "Expected last role User or Tool (or Assistant with prefix True) for serving but got assistant",
    ],
)
def test_roles_take_turns_where_they_have_to(words: str) -> None:
    messages = learned(words)
    assert [message["role"] for message in messages] == ["system", "user", "assistant", "tool"]


def test_a_conversation_that_the_bot_began_begins_with_the_user() -> None:
    dialect, asked = ModelDialect(), request()
    asked["messages"] = [{"role": "assistant", "content": "Welcome"}, {"role": "user", "content": "Hi"}]
    dialect.learn("conversation roles must alternate user/assistant", asked)
    assert [message["role"] for message in dialect.adapt(asked)["messages"]] == ["user", "assistant", "user"]


@pytest.mark.parametrize("words", ["messages: text content blocks must be non-empty", "content cannot be empty"])
def test_empty_messages_are_filled(words: str) -> None:
    assert learned(words)[-1]["content"] == "(nothing)"


def test_pictures_that_a_model_cannot_see_are_named() -> None:
    messages = learned("This model does not support image input")
    assert "picture" in messages[2]["content"][1]["text"]
    assert "image_url" not in str(messages)


def test_content_is_plain_text_where_it_has_to_be() -> None:
    assert learned("messages[2].content: invalid type: sequence, expected a string")[2]["content"] == "What is this?"


def test_names_of_authors_are_left_out() -> None:
    assert "name" not in learned("property 'name' is unsupported")[1]


def test_ids_of_calls_are_short_where_they_have_to_be() -> None:
    words = "Tool call id was call_0123456789 but must be a-z, A-Z, 0-9, with a length of 9."
    call, result = learned(words)[-2:]
    assert call["tool_calls"][0]["id"] == result["tool_call_id"]
    assert len(result["tool_call_id"]) == 9


def test_a_key_of_schemas_that_is_refused_is_left_out_of_them_and_a_property_of_that_name_stays() -> None:
    dialect, asked = ModelDialect(), request()
    words = 'Invalid JSON payload. Unknown name "additionalProperties" at tools[0].function_declarations[0].parameters'
    dialect.learn(words, asked)
    assert "additionalProperties" not in str(dialect.adapt(asked)["tools"])
    dialect.schema_keys.add("title")
    assert "title" in dialect.adapt(asked)["tools"][0]["function"]["parameters"]["properties"]


def test_a_tool_that_a_server_cannot_take_is_left_out_alone() -> None:
    dialect, asked = ModelDialect(), request()
    dialect.learn("Invalid schema for function 'odd_tool': array schema missing items.", asked)
    assert [tool["function"]["name"] for tool in dialect.adapt(asked)["tools"]] == ["order_status"]


@pytest.mark.parametrize("words", ["", "model not found", "This content was flagged", "quota exceeded", "x" * 50_000])
def test_other_refusals_teach_nothing(words: str) -> None:
    dialect = ModelDialect()
    assert dialect.learn(words, request()) is None
    assert dialect.describe() == ""


@pytest.mark.parametrize(
    "words", ["Invalid value for 'content': expected a string, got null.", "messages[3].content must not be None"]
)
def test_a_call_without_text_gets_an_empty_one_where_it_has_to(words: str) -> None:
    assert learned(words)[3]["content"] == ""


def test_tools_that_cannot_be_streamed_are_asked_for_in_one_piece() -> None:
    dialect, asked = ModelDialect(), request()
    assert dialect.learn("Cannot use tools with stream=True", asked) == "without stream"
    assert "tools" in dialect.adapt(asked)
