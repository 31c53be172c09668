"""The agent in front of a scripted OpenAI-compatible server, through the real SDK."""

from __future__ import annotations

import asyncio
from contextlib import aclosing

import pytest
from langchain.tools import ToolRuntime, tool
from structlog.testing import capture_logs

from framework.agent.conversation import Finished, TextDelta, ToolFinished, ToolStarted
from framework.agent.turn import MODEL_CALLS
from framework.errors import ModelError, ToolError
from framework.tools.context import ToolContext
from tests.agent.conftest import KEY, RETURNS, WATER, AgentMaker, Shelf, answer, asking, streamed
from tests.support.openai_server import MODEL, ScriptedServer, call, cut, fail, hang, say, say_as_read, send

CALLERS: list[ToolContext] = []


@tool(extras={"suggest": "Open a ticket"})
def open_ticket(summary: str, runtime: ToolRuntime[ToolContext]) -> str:
    """Open a ticket."""
    CALLERS.append(runtime.context)
    return f"Ticket T-0001 is open: {summary}"


@tool
def break_down() -> str:
    """Always fails."""
    raise RuntimeError("password=hunter2")


@tool
def decline() -> str:
    """Always refuses."""
    raise ToolError("There is no such order.")


@tool
async def never_return() -> str:
    """Never comes back."""
    await asyncio.Event().wait()
    return ""


@tool(response_format="content_and_artifact")
def find_article(query: str) -> tuple[str, object]:
    """Search the articles."""
    return RETURNS.text, RETURNS


async def test_streams_the_answer_piece_by_piece_and_ends_with_all_of_it(
    server: ScriptedServer, make_agent: AgentMaker
) -> None:
    read, events = asyncio.Semaphore(0), []
    server.play(say_as_read("Every ", "two ", "weeks. ", "[Watering your garden]", read=read))
    async for event in make_agent(library=Shelf()).stream(asking("How often?")):
        events.append(event)
        read.release()
    assert list(streamed(events)) == ["Every ", "two ", "weeks. ", "[Watering your garden]"]
    finished = events[-1]
    assert isinstance(finished, Finished)
    result = finished.answer
    assert result.text == "Every two weeks. [Watering your garden]"
    assert (result.outcome, result.sources) == ("answered", (WATER.source,))
    assert (result.input_tokens, result.output_tokens) == (11, 7)
    assert result.model == f"openai:{MODEL}"
    assert result.first_token_seconds is not None
    assert 0 < result.first_token_seconds <= result.seconds


async def test_shows_text_while_the_model_is_still_writing(server: ScriptedServer, make_agent: AgentMaker) -> None:
    server.play(hang("Every two"))
    async with aclosing(make_agent().stream(asking("How often?"))) as events:
        assert await anext(events) == TextDelta("Every two")
    await server.abandoned.wait()  # Whoever stops listening ends the request too.


async def test_calls_a_tool_with_the_caller_and_answers_from_its_result(
    server: ScriptedServer, make_agent: AgentMaker
) -> None:
    CALLERS.clear()
    server.play(call(("open_ticket", {"summary": "Leaking tank"}), text="One moment."), say("Ticket T-0001 is open."))
    events = [event async for event in make_agent(open_ticket, library=Shelf()).stream(asking("Open a ticket"))]
    assert events[:-1] == [
        TextDelta("One moment."),
        ToolStarted("open_ticket"),
        ToolFinished("open_ticket", ok=True),
        TextDelta("Ticket T-0001 is open."),
    ]
    finished = events[-1]
    assert isinstance(finished, Finished)
    assert finished.answer.text == "Ticket T-0001 is open."
    assert finished.answer.outcome == "answered"
    assert finished.answer.tools == ("open_ticket",)
    assert finished.answer.input_tokens == 22
    (context,) = CALLERS
    assert (context.user_id, context.channel, context.key) == ("ada", "messaging:support-1", "turn-1:1")
    told = '<result of="open_ticket">\nTicket T-0001 is open: Leaking tank\n</result>'
    assert server.asked[1].messages[-1]["content"] == told
    assert "turn-1" not in server.asked[1].text


async def test_runs_several_tool_calls_of_one_answer(server: ScriptedServer, make_agent: AgentMaker) -> None:
    server.play(call(("open_ticket", {"summary": "A"}), ("decline", {})), say("Done."))
    events = [event async for event in make_agent(open_ticket, decline).stream(asking("Both"))]
    assert {event for event in events if isinstance(event, ToolFinished)} == {
        ToolFinished("open_ticket", ok=True),
        ToolFinished("decline", ok=False),
    }


async def test_a_failing_tool_is_told_to_the_model_without_its_inner_words(
    server: ScriptedServer, make_agent: AgentMaker
) -> None:
    server.play(call(("break_down", {})), say("That did not work."))
    with capture_logs() as logs:
        assert (await answer(make_agent(break_down), "Go")).text == "That did not work."
    assert "hunter2" not in server.asked[1].text
    assert "technical problem" in server.asked[1].messages[-1]["content"]
    assert "hunter2" in str(logs[-1]["exc_info"])  # The operator is told.


async def test_what_a_tool_refuses_is_told_in_its_own_words(server: ScriptedServer, make_agent: AgentMaker) -> None:
    server.play(call(("decline", {})), say("There is none."))
    await answer(make_agent(decline), "Where is my order?")
    assert "There is no such order." in server.asked[1].messages[-1]["content"]


async def test_a_tool_that_hangs_is_given_up_on(server: ScriptedServer, make_agent: AgentMaker) -> None:
    server.play(call(("never_return", {})), say("It takes too long."))
    result = await answer(make_agent(never_return), "Go")
    assert result.text.startswith("It takes too long.\n\nI cannot say whether “never_return” was done.")
    assert result.uncertain == ("never_return",)
    assert "did not finish" in server.asked[1].messages[-1]["content"]
    reading = make_agent(never_return, definition={"tools": [{"name": "never_return", "writes": False}]})
    server.play(call(("never_return", {})), say("It takes too long."))
    assert (await answer(reading, "Go")).text == "It takes too long."


async def test_arguments_of_the_wrong_kind_are_told_to_the_model(
    server: ScriptedServer, make_agent: AgentMaker
) -> None:
    server.play(call(("open_ticket", {"subject": "?"})), say("Sorry."))
    assert (await answer(make_agent(open_ticket), "Go")).text == "Sorry."
    assert "summary" in server.asked[1].messages[-1]["content"]


async def test_a_loop_of_tool_calls_ends_with_a_call_that_has_no_tools(
    server: ScriptedServer, make_agent: AgentMaker
) -> None:
    server.play(*[call(("decline", {}))] * (MODEL_CALLS - 1), say("I give up."))
    assert (await answer(make_agent(decline), "Again")).text == "I give up."
    assert "tools" in server.asked[-2].body
    assert "tools" not in server.asked[-1].body


async def test_a_model_that_calls_tools_for_ever_is_an_error(server: ScriptedServer, make_agent: AgentMaker) -> None:
    server.play(*[call(("decline", {}))] * (MODEL_CALLS + 1))
    with pytest.raises(ModelError, match="kept calling tools"):
        await answer(make_agent(decline), "Again")
    assert len(server.asked) == MODEL_CALLS


async def test_an_honest_refusal_ends_the_turn_in_one_call(server: ScriptedServer, make_agent: AgentMaker) -> None:
    server.play(call(("offer_person", {"reply": "I don't know. Shall I ask?", "because": "no_evidence"})))
    events = [event async for event in make_agent(open_ticket, library=Shelf()).stream(asking("Who won?"))]
    (finished,) = events
    assert isinstance(finished, Finished)
    result = finished.answer
    assert (result.text, result.outcome, result.sources) == ("I don't know. Shall I ask?", "refused", ())
    assert result.suggestions == ("Open a ticket",)
    assert result.tools == ()
    assert len(server.asked) == 1


async def test_an_answer_that_names_no_article_is_unsure(server: ScriptedServer, make_agent: AgentMaker) -> None:
    server.play(say("Certainly forty-two."))
    result = await answer(make_agent(open_ticket, library=Shelf()), "How many?")
    assert (result.outcome, result.suggestions) == ("unsure", ("Open a ticket",))


async def test_small_talk_needs_no_article(server: ScriptedServer, make_agent: AgentMaker) -> None:
    server.play(say("You're welcome!"))
    assert (await answer(make_agent(library=Shelf()), "Thank you very much")).outcome == "answered"


async def test_a_bot_without_articles_answers_by_itself(server: ScriptedServer, make_agent: AgentMaker) -> None:
    server.play(say("Hello."))
    assert (await answer(make_agent(), "Hello")).outcome == "answered"


async def test_what_the_model_finds_by_itself_can_be_cited(server: ScriptedServer, make_agent: AgentMaker) -> None:
    server.play(call(("find_article", {"query": "send back"})), say("Within 60 days. [Returns]"))
    result = await answer(make_agent(find_article, library=Shelf(references=())), "Can I send it back?")
    assert (result.outcome, result.sources) == ("answered", (RETURNS.source,))


async def test_serves_many_turns_at_once(server: ScriptedServer, make_agent: AgentMaker) -> None:
    server.play(*[say("Hello ", "there.", pause=0.02)] * 20)
    agent = make_agent(library=Shelf())
    results = await asyncio.gather(*(answer(agent, f"Question {n}") for n in range(20)))
    assert {result.text for result in results} == {"Hello there."}
    assert {asked.messages[-1]["content"].split("Question ")[1].split()[0] for asked in server.asked} == {
        str(n) for n in range(20)
    }


@pytest.mark.parametrize("politely", [False, True])
async def test_an_answer_that_breaks_off_is_begun_again(
    server: ScriptedServer, make_agent: AgentMaker, *, politely: bool
) -> None:
    server.play(cut("Every ", "two", politely=politely), say("Every two", " weeks."))
    events = [event async for event in make_agent().stream(asking("How often?"))]
    assert "".join(streamed(events)) == "Every two weeks."
    assert len(server.asked) == 2


async def test_a_second_try_that_says_something_else_replaces_the_first(
    server: ScriptedServer, make_agent: AgentMaker
) -> None:
    server.play(cut("Every two"), say("Fill it ", "twice a month."))
    events = [event async for event in make_agent().stream(asking("How often?"))]
    assert list(streamed(events)) == ["Every two"]
    assert isinstance(events[-1], Finished)
    assert events[-1].answer.text == "Fill it twice a month."


async def test_an_answer_that_keeps_breaking_off_is_an_error(server: ScriptedServer, make_agent: AgentMaker) -> None:
    server.play(*[cut("Every")] * 3)
    with pytest.raises(ModelError, match="broke off") as caught:
        await answer(make_agent(), "How often?")
    assert caught.value.retryable
    assert len(server.asked) == 3


@pytest.mark.parametrize("finish", [None, "length"])
async def test_a_tool_call_that_was_cut_short_is_not_made(
    server: ScriptedServer, make_agent: AgentMaker, finish: str | None
) -> None:
    CALLERS.clear()
    server.play(call(("open_ticket", {"summary": "Leaking tank"}), finish=finish, whole=False), say("Sorry?"))
    assert (await answer(make_agent(open_ticket), "Open a ticket")).text == "Sorry?"
    assert CALLERS == []


async def test_an_unreadable_piece_is_tried_again(server: ScriptedServer, make_agent: AgentMaker) -> None:
    server.play(send("{not json"), send('{"choices": 7}'), say("Here."))
    assert (await answer(make_agent(), "Hello")).text == "Here."


async def test_an_error_inside_the_stream_is_tried_again(server: ScriptedServer, make_agent: AgentMaker) -> None:
    server.play(send('{"error": {"message": "overloaded", "type": "server_error"}}'), say("Here."))
    assert (await answer(make_agent(), "Hello")).text == "Here."


async def test_an_empty_answer_is_tried_again(server: ScriptedServer, make_agent: AgentMaker) -> None:
    server.play(say(""), say("Here."))
    assert (await answer(make_agent(), "Hello")).text == "Here."


async def test_a_server_that_stops_sending_is_given_up_on(server: ScriptedServer, make_agent: AgentMaker) -> None:
    server.play(hang("Every"))
    with pytest.raises(ModelError, match="stopped sending") as caught:
        await answer(make_agent(model={"timeout": "2s", "retries": 0}), "How often?")  # time for the first word
    assert caught.value.retryable


async def test_a_withheld_answer_is_a_refusal(server: ScriptedServer, make_agent: AgentMaker) -> None:
    server.play(say(finish="content_filter"))
    result = await answer(make_agent(open_ticket), "Something bad")
    assert result.outcome == "refused"
    assert "could not find an answer" in result.text
    assert "{" not in result.text


@pytest.mark.parametrize("status", [429, 500, 503])
async def test_a_passing_failure_is_tried_again(server: ScriptedServer, make_agent: AgentMaker, status: int) -> None:
    server.play(fail(status), fail(status), say("Here."))
    assert (await answer(make_agent(), "Hello")).text == "Here."


async def test_does_not_wait_for_a_server_that_asks_for_too_long(
    server: ScriptedServer, make_agent: AgentMaker
) -> None:
    server.play(fail(429, headers={"retry-after-ms": "600000"}), say("Here."))
    with pytest.raises(ModelError, match="no more requests") as caught:
        await answer(make_agent(), "Hello")
    assert caught.value.retryable
    assert len(server.asked) == 1


async def test_retries_are_not_multiplied(server: ScriptedServer, make_agent: AgentMaker) -> None:
    server.play(*[fail(500)] * 9)
    with pytest.raises(ModelError, match="failed"):
        await answer(make_agent(), "Hello")
    assert len(server.asked) == 3


FAILURES = [
    (fail(401, f"Incorrect API key provided: {KEY}"), "refused the key", "OPENAI_API_KEY", False),
    (fail(403, "no access"), "does not allow this key", "OPENAI_API_KEY", False),
    (fail(404, "The model does not exist", code="model_not_found"), "is not found", "OPENAI_MODEL", False),
    (fail(400, f"Bad value near {KEY}"), "refused the request", "model", False),
    (fail(400, "too long", code="context_length_exceeded"), "too long", "context: messages", False),
    (fail(429), "no more requests", "Wait", True),
    (fail(429, code="insufficient_quota"), "no credit", "Top it up", False),
    (fail(500, f"crashed with {KEY}"), "failed", "model's side", True),
]


@pytest.mark.parametrize(("step", "what", "hint", "retryable"), FAILURES)
async def test_each_failure_says_what_to_do_and_no_secret(
    server: ScriptedServer,
    make_agent: AgentMaker,
    step: object,
    what: str,
    hint: str,
    *,
    retryable: bool,
) -> None:
    server.play(step)  # type: ignore[arg-type]  # parametrize knows no type
    with capture_logs() as logs, pytest.raises(ModelError, match=what) as caught:
        await answer(make_agent(model={"retries": 0}), "Hello")
    error = caught.value
    assert error.retryable is retryable
    assert error.hint is not None
    assert hint in error.hint
    assert KEY not in f"{error}{error.__cause__}{logs}"


async def test_a_server_that_does_not_run_is_named(make_agent: AgentMaker) -> None:
    agent = make_agent(model={"retries": 0}, base_url="http://user:secret@127.0.0.1:9/v1")
    with pytest.raises(ModelError, match=r"http://127\.0\.0\.1:9/v1 cannot be reached") as caught:
        await answer(agent, "Hello")
    assert caught.value.retryable
    assert "secret" not in str(caught.value)


async def test_a_server_that_does_not_answer_in_time_is_an_error(
    server: ScriptedServer, make_agent: AgentMaker
) -> None:
    server.play(hang())
    with pytest.raises(ModelError, match="in time") as caught:
        await answer(make_agent(model={"timeout": "0.2s", "retries": 0}), "Hello")
    assert caught.value.retryable


async def test_the_key_goes_into_the_header_alone(server: ScriptedServer, make_agent: AgentMaker) -> None:
    server.play(say("Hello."))
    await answer(make_agent(library=Shelf(), model={"temperature": 0.3}), "Hello")
    (asked,) = server.asked
    assert asked.headers["Authorization"] == f"Bearer {KEY}"
    assert KEY not in asked.text
    assert asked.body["temperature"] == 0.3
    assert asked.body["stream"] is True
    assert asked.body["stream_options"] == {"include_usage": True}
