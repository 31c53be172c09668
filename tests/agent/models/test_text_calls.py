"""Tool calls that models write as text are read in every form that is known, and nothing else is taken for one."""

from __future__ import annotations

import pytest

from framework.agent.models.text_calls import call_place, calls_in, may_be_call
from framework.agent.models.thoughts import AnswerText

KNOWN = {"order_status", "opening_hours"}
CALL = [("order_status", {"order_id": "A7"})]

MARKED = [
    '<tool_call>\n{"name": "order_status", "arguments": {"order_id": "A7"}}\n</tool_call>',
    '<tool_call>{"name": "order_status", "arguments": "{\\"order_id\\": \\"A7\\"}"}</tool_call>',
    '<tool_call>{"type": "function", "function": {"name": "order_status", "arguments": {"order_id": "A7"}}}',
    "<tool_call>order_status\n<arg_key>order_id</arg_key>\n<arg_value>A7</arg_value>\n</tool_call>",
    "<tool_call>\n<function=order_status>\n<parameter=order_id>\nA7\n</parameter>\n</function>\n</tool_call>",
    '<function=order_status>{"order_id": "A7"}</function>',
    '<function_calls><invoke name="order_status"><parameter name="order_id">A7</parameter></invoke></function_calls>',
    '[TOOL_CALLS][{"name": "order_status", "arguments": {"order_id": "A7"}}]',
    '[TOOL_CALLS]order_status{"order_id": "A7"}',
    '[TOOL_CALLS]order_status[ARGS]{"order_id": "A7"}',
    '<|python_tag|>{"name": "order_status", "parameters": {"order_id": "A7"}}',
    '<|python_tag|>order_status(order_id="A7")',
    '<|tool_call|>[{"name": "order_status", "arguments": {"order_id": "A7"}}]<|/tool_call|>',
    (
        "<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>function<｜tool▁sep｜>order_status\n"
        '```json\n{"order_id": "A7"}\n```<｜tool▁call▁end｜><｜tool▁calls▁end｜>'
    ),
    (
        "<|tool_calls_section_begin|><|tool_call_begin|>functions.order_status:0<|tool_call_argument_begin|>"
        '{"order_id": "A7"}<|tool_call_end|><|tool_calls_section_end|>'
    ),
    '<|channel|>commentary to=functions.order_status <|constrain|>json<|message|>{"order_id": "A7"}<|call|>',
    '<tool_code>print(order_status(order_id="A7"))</tool_code>',
    (
        '<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>order_status<｜tool▁sep｜>{"order_id": "A7"}'
        "<｜tool▁call▁end｜><｜tool▁calls▁end｜>"
    ),
    (
        '<｜DSML｜function_calls>\n<｜DSML｜invoke name="order_status">\n'
        '<｜DSML｜parameter name="order_id" string="true">A7</｜DSML｜parameter>\n</｜DSML｜invoke>'
    ),
    "<start_function_call>call:order_status{order_id:<escape>A7<escape>}<end_function_call>",
    '<|tool_call>call:order_status{order_id:<|"|>A7<|"|>}<tool_call|>',
    '<tool_call>{"tool_calls": [{"name": "order_status", "arguments": {"order_id": "A7"}}]}</tool_call>',
]
BARE = [
    '{"name": "order_status", "parameters": {"order_id": "A7"}}',
    '[{"name": "order_status", "arguments": {"order_id": "A7"}}]',
    '```json\n{"name": "order_status", "arguments": {"order_id": "A7"}}\n```',
    '{"tool": "order_status", "tool_input": {"order_id": "A7"}}',
    '{"function": "order_status", "args": {"order_id": "A7"}}',
    '[order_status(order_id="A7")]',
    "```tool_code\nprint(order_status(order_id='A7'))\n```",
    '{"tool_calls": [{"id": "x", "function": {"name": "order_status", "arguments": {"order_id": "A7"}}}]}',
    '{"action": "order_status", "action_input": {"order_id": "A7"}}',
]


@pytest.mark.parametrize("written", MARKED)
@pytest.mark.parametrize("size", [1, 6, 10_000])
def test_a_marked_call_is_read_and_not_shown(written: str, size: int) -> None:
    text = AnswerText()
    shown = [text.feed(written[n : n + size]) for n in range(0, len(written), size)]
    assert "".join(shown) + text.finish() == ""
    assert text.call is not None
    assert calls_in(text.call, KNOWN, named=text.named, marked=True) == CALL


@pytest.mark.parametrize("written", BARE)
def test_an_answer_that_is_nothing_but_a_call_is_read_as_one(written: str) -> None:
    assert calls_in(written, KNOWN, marked=False) == CALL


def test_words_before_a_marked_call_are_shown() -> None:
    text = AnswerText()
    assert (
        text.feed('I look it up. <tool_call>{"name": "opening_hours", "arguments": {}}</tool_call>') == "I look it up. "
    )
    assert calls_in(text.call or "", KNOWN, marked=True) == [("opening_hours", {})]


def test_several_calls_are_read_in_order() -> None:
    written = "".join(
        f'<tool_call>{{"name": "order_status", "arguments": {{"order_id": "{n}"}}}}</tool_call>' for n in "AB"
    )
    assert calls_in(written, KNOWN, marked=True) == [("order_status", {"order_id": n}) for n in "AB"]


@pytest.mark.parametrize(
    "written",
    [
        '{"name": "Ada", "age": 36}',
        '{"name": "unknown_tool", "arguments": {}}',
        'Send {"name": "order_status", "arguments": {}} to the server.',
        "[1, 2, 3]",
        "order_status(order_id=open('/etc/passwd'))",
        '[order_status(order_id="A7"), 3]',
        "{" * 5_000,
        "[" * 5_000,
    ],
)
def test_other_texts_are_no_calls(written: str) -> None:
    assert calls_in(written, KNOWN, marked=False) == []


@pytest.mark.parametrize("written", ["<tool_call>{broken", "<tool_call>", '[TOOL_CALLS]"', "<function=order_status"])
def test_a_marked_call_that_cannot_be_read_is_none(written: str) -> None:
    text = AnswerText()
    text.feed(written)
    text.finish()
    assert calls_in(text.call or "", KNOWN, marked=True) in ([], [("order_status", {})])


def test_only_what_begins_like_json_is_held_back() -> None:
    assert may_be_call('{"na')
    assert may_be_call(" ```js")
    assert may_be_call("```json\n[")
    assert not may_be_call("The answer is {x}")
    assert not may_be_call("```sh\nls")


@pytest.mark.parametrize(
    ("shown", "held"),
    [
        ("I look. ", '```json\n{"name": "order_status", "arguments": {}}\n```'),
        ("I look. ", '{"name": "order_status"'),
        ("I look.\n", "```tool_code\nprint("),
        ("I look. ", "``"),
        ('Set {x} and {"color": 1}. ', "{ "),
        ("A fence: ```python\nx = {}\n``` and\n", ""),
        ('```json\n{"color": 1}\n``` Blue.', ""),
    ],
)
def test_of_a_text_only_what_may_name_a_tool_is_held_back(shown: str, held: str) -> None:
    assert call_place(f"{shown}{held}", first=False) == len(shown)
