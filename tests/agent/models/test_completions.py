"""Servers that say they are compatible, and are so in their own way: the bot answers all the same, or says why not."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Mapping
from typing import Any

import pytest
from langchain_core.tools import BaseTool, tool
from structlog.testing import capture_logs

from framework.agent.conversation import Finished, TextDelta
from framework.agent.models.check import check_model
from framework.definition.model import Model
from framework.errors import ModelError
from framework.settings import Settings
from tests.agent.conftest import AgentMaker, answer, asking, streamed
from tests.support.openai_server import ScriptedServer, Step, Stream, call, fail, say, say_as_read, send

ANSWER = "The parcel arrives on Monday."


@pytest.fixture
def ran() -> list[str]:
    return []


@pytest.fixture
def order_status(ran: list[str]) -> BaseTool:
    @tool
    def order_status(order_id: str) -> str:
        """Say where an order is."""
        ran.append(order_id)
        return f"Order {order_id} is in Bremen."

    return order_status


@pytest.fixture
def opening_hours(ran: list[str]) -> BaseTool:
    @tool
    def opening_hours() -> str:
        """Say when we are open."""
        ran.append("hours")
        return "9 to 17"

    return opening_hours


def events(*deltas: Mapping[str, Any], finish: str | None = "stop", done: bool = True) -> Step:
    """Stream these deltas as they are."""
    choices: list[dict[str, Any]] = [{"index": 0, "delta": dict(delta), "finish_reason": None} for delta in deltas]
    choices.append({"index": 0, "delta": {}, "finish_reason": finish})
    written = [json.dumps({"id": "c", "object": "chat.completion.chunk", "choices": [choice]}) for choice in choices]
    return send(*written, *(["[DONE]"] if done else []))


def pieces_of_call(*pieces: Mapping[str, Any], finish: str = "tool_calls") -> Step:
    return events(*({"tool_calls": [piece]} for piece in pieces), finish=finish)


def plain(body: Any, *, kind: str = "application/json", lines: bool = False) -> Step:
    """Answer in one piece, whatever was asked for."""

    async def step(stream: Stream) -> None:
        stream.response.content_type = kind
        await stream.response.prepare(stream.request)
        written = "\n".join(map(json.dumps, body)) if lines else json.dumps(body)
        await stream.response.write(written.encode())
        await stream.response.write_eof()

    return step


def refuses(fits: Callable[[dict[str, Any]], bool], status: int, words: str, then: Step) -> Callable[[Any], Step]:
    """A server that refuses such requests, and answers others."""
    return lambda asked: fail(status, words) if fits(asked.body) else then


GOOD = '{"order_id": "A7"}'


@pytest.mark.parametrize(
    "pieces",
    [
        [{"index": 0, "type": "function", "function": {"name": "order_status", "arguments": GOOD}}],
        [
            {"index": 0, "id": "", "function": {"name": "order_status"}},
            {"index": 0, "id": "", "function": {"arguments": GOOD}},
        ],
        [
            {"id": "a", "function": {"name": "order_status", "arguments": '{"order_id":'}},
            {"function": {"arguments": ' "A7"}'}},
        ],
        [
            {"index": 0, "id": "a", "function": {"name": "order_status", "arguments": part}}
            for part in ("", '{"order_id":', ' "A7"}')
        ],
        [
            {"index": 0, "id": "a", "function": {"name": "order_status", "arguments": part}}
            for part in ('{"order', '{"order_id": "A7"}')
        ],
        [{"index": 0, "id": "a", "function": {"name": "order_status", "arguments": {"order_id": "A7"}}}],
        [{"index": 0, "id": "a", "type": None, "function": {"name": "order_status", "arguments": json.dumps(GOOD)}}],
        [{"index": None, "id": "a", "function": {"name": "order_status", "arguments": GOOD + GOOD}}],
        *(
            [{"index": 0, "id": "a", "function": {"name": name, "arguments": GOOD}}]
            for name in (" order_status\n", "functions.order_status", "default_api:order_status", "order-status")
        ),
        [{"index": 0, "id": "a", "function": {"name": "Order_Status<|channel|>commentary", "arguments": GOOD}}],
        *(
            [{"index": 0, "id": "a", "function": {"name": "order_status", "arguments": written}}]
            for written in (f"```json\n{GOOD}\n```", f"{GOOD}}}", f"{{}}{GOOD}")
        ),
    ],
)
async def test_a_call_runs_once_however_it_is_sent(
    pieces: list[dict[str, Any]], server: ScriptedServer, make_agent: AgentMaker, order_status: BaseTool, ran: list[str]
) -> None:
    server.play(pieces_of_call(*pieces), say(ANSWER))
    assert (await answer(make_agent(order_status), "Where is A7?")).text == ANSWER
    assert ran == ["A7"]
    made, result = server.asked[-1].messages[-2:]
    assert made["tool_calls"][0]["id"] == result["tool_call_id"] != ""


async def test_two_calls_with_one_id_are_two(
    server: ScriptedServer, make_agent: AgentMaker, order_status: BaseTool, ran: list[str]
) -> None:
    two = [
        {"index": n, "id": "x", "function": {"name": "order_status", "arguments": json.dumps({"order_id": id_})}}
        for n, id_ in enumerate(["A7", "B8"])
    ]
    server.play(pieces_of_call(*two), say(ANSWER))
    await answer(make_agent(order_status), "Where are they?")
    assert sorted(ran) == ["A7", "B8"]
    assert len({message["tool_call_id"] for message in server.asked[-1].messages if message["role"] == "tool"}) == 2


async def test_ids_that_come_again_in_the_next_answer_are_told_apart(
    server: ScriptedServer, make_agent: AgentMaker, order_status: BaseTool, ran: list[str]
) -> None:
    again = pieces_of_call({"index": 0, "id": "call_0", "function": {"name": "order_status", "arguments": GOOD}})
    server.play(again, again, say(ANSWER))
    await answer(make_agent(order_status), "Where is A7?")
    ids = [message["tool_call_id"] for message in server.asked[-1].messages if message["role"] == "tool"]
    assert len(ids) == len(set(ids)) == 2


@pytest.mark.parametrize(
    "written", ["{order_id: A7,}", "{'order_id': 'A7'}", '["A7"]', '{"order_id": "A7', "A7", '{"order_id": NaN}']
)
async def test_arguments_that_are_no_object_go_back_to_the_model(
    written: str, server: ScriptedServer, make_agent: AgentMaker, order_status: BaseTool, ran: list[str]
) -> None:
    broken = {"index": 0, "id": "x", "function": {"name": "order_status", "arguments": written}}
    server.play(pieces_of_call(broken), call(("order_status", {"order_id": "A7"})), say(ANSWER))
    assert (await answer(make_agent(order_status), "Where is A7?")).text == ANSWER
    assert ran == ["A7"]
    result = server.asked[1].messages[-1]
    assert "not a JSON object" in result["content"]
    sent = server.asked[1].messages[-2]["tool_calls"][0]["function"]["arguments"]
    assert isinstance(json.loads(sent), dict)  # servers that read the history as JSON can


@pytest.mark.parametrize("written", ["", "null", None, "{}"])
async def test_no_arguments_are_an_empty_object(
    written: str | None, server: ScriptedServer, make_agent: AgentMaker, opening_hours: BaseTool, ran: list[str]
) -> None:
    server.play(
        pieces_of_call({"index": 0, "id": "x", "function": {"name": "opening_hours", "arguments": written}}),
        say(ANSWER),
    )
    await answer(make_agent(opening_hours), "When?")
    assert ran == ["hours"]


@pytest.mark.parametrize(
    "written",
    [
        '<tool_call>{"name": "order_status", "arguments": {"order_id": "A7"}}</tool_call>',
        '{"name": "order_status", "parameters": {"order_id": "A7"}}',
    ],
)
async def test_a_call_written_as_text_runs_and_is_not_said(
    written: str, server: ScriptedServer, make_agent: AgentMaker, order_status: BaseTool, ran: list[str]
) -> None:
    server.play(say(*written.split(" ")), say(ANSWER))
    seen = [event async for event in make_agent(order_status).stream(asking("Where is A7?"))]
    assert ran == ["A7"]
    assert "".join(streamed(seen)) == ANSWER


async def test_a_call_as_text_that_cannot_be_read_is_no_answer(
    server: ScriptedServer, make_agent: AgentMaker, order_status: BaseTool, ran: list[str]
) -> None:
    server.play(*[say("<tool_call> {broken")] * 3)
    with pytest.raises(ModelError, match="tool call as text"):
        await answer(make_agent(order_status), "Where is A7?")
    assert ran == []


async def test_an_answer_in_json_that_is_no_call_is_said(
    server: ScriptedServer, make_agent: AgentMaker, order_status: BaseTool
) -> None:
    server.play(say('{"name": ', '"Ada"}'))
    assert (await answer(make_agent(order_status), "As JSON?")).text == '{"name": "Ada"}'


@pytest.mark.parametrize(
    "step",
    [
        say("<thi", "nk>secret plan</th", "ink> ", ANSWER),
        events({"reasoning_content": "secret plan"}, {"content": ANSWER}),
        events({"content": None, "reasoning": "secret plan"}, {"content": ANSWER}),
        events(
            {"content": [{"type": "thinking", "thinking": [{"type": "text", "text": "secret plan"}]}]},
            {"content": ANSWER},
        ),
        say("<|channel|>analysis<|message|>secret plan<|end|><|start|>assistant<|channel|>final<|message|>", ANSWER),
    ],
)
async def test_thoughts_are_neither_shown_nor_kept(
    step: Step, server: ScriptedServer, make_agent: AgentMaker, order_status: BaseTool
) -> None:
    server.play(step)
    seen = [event async for event in make_agent(order_status).stream(asking("When?"))]
    assert "".join(streamed(seen)).strip() == ANSWER
    assert "secret" not in repr(seen)


async def test_a_server_that_thought_aloud_once_shows_nothing_before_its_answer(
    server: ScriptedServer, make_agent: AgentMaker
) -> None:
    agent = make_agent()
    for _ in range(2):
        server.play(say("First I ", "look. </think> ", "The parcel ", "arrives on Monday."))
        seen = [event async for event in agent.stream(asking("When?"))]
        assert isinstance(seen[-1], Finished)
        assert seen[-1].answer.text == ANSWER
    assert "".join(streamed(seen)) == ANSWER


async def test_thoughts_go_back_to_a_server_that_wants_them(
    server: ScriptedServer, make_agent: AgentMaker, order_status: BaseTool
) -> None:
    piece = {"index": 0, "id": "x", "function": {"name": "order_status", "arguments": GOOD}}
    words = "Missing `reasoning_content` field in the assistant message at message index 2."
    server.play(
        events({"reasoning_content": "I look."}, {"tool_calls": [piece]}, finish="tool_calls"),
        fail(400, words),
        say(ANSWER),
    )
    assert (await answer(make_agent(order_status), "Where?")).text == ANSWER
    assert server.asked[-1].messages[-2]["reasoning_content"] == "I look."


async def test_an_answer_that_was_cut_is_continued_once(server: ScriptedServer, make_agent: AgentMaker) -> None:
    server.play(say("The parcel arrives ", finish="length"), say("on Monday."))
    told = await answer(make_agent(), "When?")
    assert (told.text, told.outcome) == (ANSWER, "answered")
    assert (told.input_tokens, told.output_tokens) == (22, 14)
    assert [message["role"] for message in server.asked[1].messages[-2:]] == ["assistant", "user"]


@pytest.mark.parametrize(
    "second", [say("The parcel arrives", finish="length"), fail(400, "no"), say(" at ", finish="length")]
)
async def test_an_answer_that_stays_cut_says_so(second: Step, server: ScriptedServer, make_agent: AgentMaker) -> None:
    server.play(say("The parcel arrives", finish="length"), second)
    with capture_logs() as logs:
        told = await answer(make_agent(), "When?")
    assert told.text.startswith("The parcel arrives")
    assert told.text.count("parcel") == 1
    assert told.text.endswith("…")
    assert told.outcome == "unsure"
    assert "model.answer_cut" in [entry["event"] for entry in logs]


async def test_words_beside_a_call_are_the_answer_if_nothing_follows(
    server: ScriptedServer, make_agent: AgentMaker, order_status: BaseTool
) -> None:
    server.play(call(("order_status", {"order_id": "A7"}), text="Order A7 is packed."), events())
    assert (await answer(make_agent(order_status), "Where?")).text == "Order A7 is packed."


async def test_token_counts_in_every_piece_count_once(server: ScriptedServer, make_agent: AgentMaker) -> None:
    usage = [{"prompt_tokens": 100, "completion_tokens": n, "total_tokens": 100 + n} for n in range(1, 7)]
    chunks = [
        {"choices": [{"index": 0, "delta": {"content": "x"}, "finish_reason": None}], "usage": one} for one in usage
    ]
    end = {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}], "usage": usage[-1]}
    server.play(send(*map(json.dumps, [*chunks, end, {"choices": [], "usage": usage[-1]}]), "[DONE]"))
    told = await answer(make_agent(), "When?")
    assert (told.input_tokens, told.output_tokens) == (100, 6)


async def test_a_refusal_is_said_in_its_own_words(server: ScriptedServer, make_agent: AgentMaker) -> None:
    server.play(events({"content": None, "refusal": "I cannot "}, {"refusal": "help with that."}))
    told = await answer(make_agent(), "How?")
    assert (told.text, told.outcome) == ("I cannot help with that.", "refused")


@pytest.mark.parametrize("finish", [None, "", "eos", "end_turn"])
async def test_an_end_mark_makes_an_answer_whole(
    finish: str | None, server: ScriptedServer, make_agent: AgentMaker
) -> None:
    server.play(events({"content": ANSWER}, finish=finish))
    assert (await answer(make_agent(), "When?")).text == ANSWER


WHOLE = {"choices": [{"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": ANSWER}}]}


@pytest.mark.parametrize("kind", ["application/json", "text/event-stream", "text/plain"])
async def test_one_json_object_is_read_where_a_stream_was_asked_for(
    kind: str, server: ScriptedServer, make_agent: AgentMaker
) -> None:
    server.play(plain(WHOLE, kind=kind))
    assert (await answer(make_agent(), "When?")).text == ANSWER


async def test_objects_line_by_line_are_read(server: ScriptedServer, make_agent: AgentMaker) -> None:
    words = [
        {"choices": [{"index": 0, "delta": {"content": word}, "finish_reason": None}]}
        for word in ("The parcel ", "arrives on Monday.")
    ]
    end = {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}
    server.play(plain([*words, end], kind="application/x-ndjson", lines=True))
    assert (await answer(make_agent(), "When?")).text == ANSWER


async def test_a_separator_of_unicode_inside_an_answer_is_no_end_of_line(
    server: ScriptedServer, make_agent: AgentMaker
) -> None:
    text = "one\u2028two\x85three"
    server.play(
        send(
            json.dumps(
                {"choices": [{"index": 0, "delta": {"content": text}, "finish_reason": "stop"}]}, ensure_ascii=False
            ),
            "[DONE]",
        )
    )
    assert (await answer(make_agent(), "When?")).text == text


async def test_a_page_of_html_is_quoted(server: ScriptedServer, make_agent: AgentMaker) -> None:
    async def page(stream: Stream) -> None:
        stream.response.content_type = "text/html"
        await stream.response.prepare(stream.request)
        await stream.response.write(b"<html>Please log in</html>")
        await stream.response.write_eof()

    server.play(*[page] * 3)
    with pytest.raises(ModelError, match="Please log in"):
        await answer(make_agent(), "When?")


async def test_what_a_server_refuses_is_left_out_from_then_on(
    server: ScriptedServer, make_agent: AgentMaker, order_status: BaseTool
) -> None:
    words = '[{"type": "extra_forbidden", "loc": ["body", "stream_options"], "msg": "Extra inputs are not permitted"}]'
    server.brain = refuses(lambda body: "stream_options" in body, 422, words, say(ANSWER))
    agent = make_agent(order_status)
    with capture_logs() as logs:
        for _ in range(2):
            assert (await answer(agent, "When?")).text == ANSWER
    assert len(server.asked) == 3  # refused once, then asked as it can be asked
    assert [entry["asked"] for entry in logs if entry["event"] == "model.adapted"] == ["without stream_options"]


async def test_several_refusals_are_learned_one_after_the_other(
    server: ScriptedServer, make_agent: AgentMaker, order_status: BaseTool
) -> None:
    def answers(asked: Any) -> Step:
        body = asked.body
        if "stream_options" in body:
            return fail(400, "Unrecognized request argument supplied: stream_options")
        if body.get("tools"):
            return fail(400, "this model does not support tools")
        if any(message["role"] == "system" for message in body["messages"]):
            return fail(400, "System role not supported")
        return say(ANSWER)

    server.brain = answers
    assert (await answer(make_agent(order_status), "When?")).text == ANSWER


async def test_a_refusal_in_the_place_of_an_answer_is_learned_from_too(
    server: ScriptedServer, make_agent: AgentMaker, order_status: BaseTool
) -> None:
    server.play(send(json.dumps({"error": {"message": "this model does not support tools", "code": 400}})), say(ANSWER))
    assert (await answer(make_agent(order_status), "When?")).text == ANSWER
    assert "tools" not in server.asked[-1].body


async def test_an_error_in_the_place_of_an_answer_is_quoted(server: ScriptedServer, make_agent: AgentMaker) -> None:
    server.play(*[send(json.dumps({"error": {"message": "Provider returned error", "code": 502}}))] * 3)
    with pytest.raises(ModelError, match="Provider returned error"):
        await answer(make_agent(), "When?")


async def test_a_refusal_that_nothing_helps_against_is_told_in_the_servers_words(
    server: ScriptedServer, make_agent: AgentMaker
) -> None:
    server.play(fail(400, "no such adapter: fern"))
    with pytest.raises(ModelError, match="no such adapter: fern"):
        await answer(make_agent(), "When?")
    assert len(server.asked) == 1


async def test_check_asks_the_server_of_the_bot_and_says_what_it_needs(
    server: ScriptedServer, settings: Settings
) -> None:
    server.brain = refuses(lambda body: bool(body.get("tools")), 400, "this model does not support tools", say("ok"))
    elsewhere = settings.model_copy(update={"openai_base_url": None})
    said = await check_model(Model(name="openai:scripted-1", base_url=server.url), elsewhere)
    assert server.url in said
    assert "without tools" in said


async def test_text_streams_as_it_comes(server: ScriptedServer, make_agent: AgentMaker, order_status: BaseTool) -> None:
    read, seen = asyncio.Semaphore(0), []
    server.play(say_as_read("The parcel ", "arrives ", "on Monday.", read=read))
    async for event in make_agent(order_status).stream(asking("When?")):
        if isinstance(event, TextDelta):
            seen.append(event.text)
            read.release()  # the server holds the rest back until this was seen
    assert seen == ["The parcel ", "arrives ", "on Monday."]


@pytest.mark.parametrize(
    "event",
    [
        {"choices": {"index": 0, "delta": {"content": ANSWER}, "finish_reason": "stop"}},
        {"choices": [{"index": "0", "delta": {"content": ANSWER}, "finish_reason": "stop"}]},
        {"choices": [{"index": 1, "delta": {"content": "other"}}, {"delta": {"content": ANSWER}}]},
        {"choices": [{"index": 0, "text": ANSWER, "finish_reason": "stop"}]},
        {"model": "m", "message": {"role": "assistant", "content": ANSWER}, "done": True, "done_reason": "stop"},
        {"choices": [{"delta": {"content": [{"type": "text", "text": "secret", "thought": True}, {"text": ANSWER}]}}]},
    ],
)
async def test_an_event_of_another_form_is_read(
    event: dict[str, Any], server: ScriptedServer, make_agent: AgentMaker
) -> None:
    secret = {"choices": [{"delta": {"content": "secret", "extra_content": {"google": {"thought": True}}}}]}
    server.play(send("null", json.dumps(secret), json.dumps(event), "[DONE]"))
    assert (await answer(make_agent(), "Hello")).text == ANSWER


async def test_an_event_over_several_lines_is_one(server: ScriptedServer, make_agent: AgentMaker) -> None:
    event = json.dumps({"choices": [{"index": 0, "delta": {"content": ANSWER}}]}, indent=1)
    server.play(send("\ndata: ".join(event.split("\n")), "[DONE]"))
    assert (await answer(make_agent(), "Hello")).text == ANSWER


async def test_a_whole_message_behind_its_pieces_is_not_said_twice(
    server: ScriptedServer, make_agent: AgentMaker
) -> None:
    whole = {"choices": [{"index": 0, "message": {"content": ANSWER}, "finish_reason": "stop"}]}
    piece = {"choices": [{"index": 0, "delta": {"content": ANSWER}}]}
    server.play(send(json.dumps(piece), json.dumps(whole), "[DONE]"))
    assert (await answer(make_agent(), "Hello")).text == ANSWER


@pytest.mark.parametrize("event", [{"object": "error", "message": "out of memory"}, {"detail": "out of memory"}])
async def test_an_error_of_any_form_is_told_in_the_servers_words(
    event: dict[str, Any], server: ScriptedServer, make_agent: AgentMaker
) -> None:
    server.play(*[send(json.dumps(event))] * 5)
    with pytest.raises(ModelError, match="out of memory"):
        await answer(make_agent(), "Hello")


@pytest.mark.parametrize(
    "usages",
    [
        [{"prompt_tokens": 100.0, "completion_tokens": "6"}],
        [{"input_tokens": 100, "output_tokens": 6}],
        [{"prompt_tokens": 100, "completion_tokens": 6, "total_tokens": 106}, {"prompt_tokens": 0, "total_tokens": 0}],
        [{"prompt_tokens": 100, "completion_tokens": 0}, {"prompt_tokens": 0, "completion_tokens": 6}],
    ],
)
async def test_tokens_are_counted_once_in_any_form(
    usages: list[dict[str, Any]], server: ScriptedServer, make_agent: AgentMaker
) -> None:
    events = [{"choices": [{"index": 0, "delta": {"content": ANSWER}}]}, *({"choices": [], "usage": u} for u in usages)]
    server.play(send(*map(json.dumps, events), "[DONE]"))
    told = await answer(make_agent(), "Hello")
    assert (told.input_tokens, told.output_tokens) == (100, 6)


@pytest.mark.parametrize("reason", ["max_tokens", "MAX_TOKENS", "model_length"])
async def test_a_limit_of_length_has_many_names(reason: str, server: ScriptedServer, make_agent: AgentMaker) -> None:
    server.play(say("The parcel arrives ", finish=reason), say("on Monday."))
    assert (await answer(make_agent(), "Hello")).text == ANSWER


async def test_a_question_that_a_filter_refuses_is_refused(server: ScriptedServer, make_agent: AgentMaker) -> None:
    server.play(fail(400, "filtered by the content management policy", code="content_filter"))
    assert (await answer(make_agent(), "Hello")).outcome == "refused"


@pytest.mark.parametrize("mark", ["```json\n{}\n```", "{}"])
async def test_a_call_behind_words_runs_and_is_not_shown(
    mark: str, server: ScriptedServer, make_agent: AgentMaker, order_status: BaseTool, ran: list[str]
) -> None:
    written = mark.replace("{}", '{"name": "order_status", "arguments": {"order_id": "A7"}}')
    server.play(say("I look. ", *written), say(ANSWER))
    events_ = [event async for event in make_agent(order_status).stream(asking("Where is A7?"))]
    assert ran == ["A7"]
    assert "order_status" not in "".join(streamed(events_))


async def test_a_call_in_thoughts_alone_runs(
    server: ScriptedServer, make_agent: AgentMaker, order_status: BaseTool, ran: list[str]
) -> None:
    thought = '<tool_call>{"name": "order_status", "arguments": {"order_id": "A7"}}</tool_call>'
    server.play(events({"reasoning_content": f"I look. {thought}"}), say(ANSWER))
    assert (await answer(make_agent(order_status), "Where is A7?")).text == ANSWER
    assert ran == ["A7"]
