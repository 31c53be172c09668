"""Loading a bot's tools.py."""

from functools import partial
from pathlib import Path

import pytest

from framework.definition.loader import load_bot
from framework.definition.model import Bot
from framework.errors import DefinitionError
from framework.tools.registry import load_tools

TOOL = "from langchain.tools import tool\n\n"


def bot_with_tools(folder: Path, code: str, names: str) -> Bot:
    (folder / "bot.yaml").write_text(f"tools: [{names}]\n")
    (folder / "support.md.j2").write_text("You help.")
    (folder / "tools.py").write_text(code)
    return load_bot(str(folder))


def test_a_typed_function_with_a_docstring_is_a_tool(tmp_path: Path) -> None:
    code = 'def add(a: int, b: int) -> int:\n    """Add two numbers."""\n    return a + b\n'
    (tool,) = load_tools(bot_with_tools(tmp_path, code, "add"))
    assert tool.name == "add"
    assert tool.invoke({"a": 1, "b": 2}) == 3


def test_the_support_bots_tools_load_in_the_order_of_its_definition() -> None:
    assert [tool.name for tool in load_tools(load_bot("support_bot"))] == ["open_ticket", "find_ticket"]


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("def add(a: int) -> int:\n    return a\n", ["tools.py:1", "docstring"]),
        ("def add(:\n", ["tools.py:1", "not valid Python"]),
        (
            'import os\n\nimport no_such_module\n\ndef add(a: int) -> int:\n    """Add."""\n    return a\n',
            ["tools.py:3", "no_such_module"],
        ),
        ("x = 1\n", ["has no tool 'add'"]),
        ('\ndef add(a, b: int) -> int:\n    """Add."""\n    return b\n', ["tools.py:2", "a has no type", "`a: str`"]),
        ('def add(*a: int) -> int:\n    """Add."""\n    return 1\n', ["tools.py:1", "no names", "`a: list[str]`"]),
        (
            'import socket\ndef add(a: socket.socket) -> int:\n    """Add."""\n    return 1\n',
            ["tools.py:2", "a type that a model cannot give"],
        ),
        (f'{TOOL}@tool\ndef add(a, b: int) -> int:\n    """Add."""\n    return b\n', ["tools.py:3", "a has no type"]),
        (
            f'{TOOL}@tool(extras={{"phrases": ["add ("]}})\ndef add(a: int) -> int:\n    """Add."""\n    return a\n',
            ["tools.py:3", "'add (' is not a regular expression"],
        ),
        (
            f'{TOOL}@tool(extras={{"phrases": "add"}})\ndef add(a: int) -> int:\n    """Add."""\n    return a\n',
            ["are one text", '[r"add"]'],
        ),
        (
            f'{TOOL}@tool(extras={{"phrases": ["(?P<b>x)"]}})\ndef add(a: int) -> int:\n    """Add."""\n    return a\n',
            ["fills 'b'", "It takes: a"],
        ),
        ('LIMIT = {}["x"]\n\ndef add() -> int:\n    """Add."""\n    return 1\n', ["tools.py:1", "KeyError: 'x'"]),
        ('def add() -> int:\n    """Add."""\n    return 1\n\nraise SystemExit\n', ["tools.py:5", "end the program"]),
    ],
)
def test_a_mistake_in_tools_py_is_named_with_line_and_remedy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: str, words: list[str]
) -> None:
    bot_with = partial(bot_with_tools, code=code, names="add")
    monkeypatch.chdir(tmp_path)
    for folder in (tmp_path, Path()):  # The line is known however the bot was named.
        with pytest.raises(DefinitionError) as caught:
            load_tools(bot_with(folder))
        for word in words:
            assert word in str(caught.value)
        assert caught.value.hint


def test_a_condition_on_an_argument_that_the_tool_does_not_take_is_named(tmp_path: Path) -> None:
    code = 'def add(a: int) -> int:\n    """Add."""\n    return a\n'
    right = bot_with_tools(tmp_path, code, "{name: add, approval: 'when: args.a > 1'}")
    assert len(load_tools(right)) == 1
    wrong = bot_with_tools(tmp_path, code, """{name: add, approval: 'when: args["b"] > 1'}""")
    with pytest.raises(DefinitionError, match=r"bot\.yaml:1:21: tools\[0\]\.approval: add has no argument 'b'"):
        load_tools(wrong)


def test_an_operation_that_does_not_exist_is_named_with_its_place(tmp_path: Path) -> None:
    bot = bot_with_tools(tmp_path, "", "search_operations]\noperations:\n  allow: [reads, SendMesage")
    with pytest.raises(DefinitionError, match=r"bot\.yaml:3:18: operations\.allow: .*SendMesage.*\n.*SendMessage"):
        load_tools(bot)


@pytest.mark.parametrize(
    ("run", "words"),
    [
        ("{tool: ad, arguments: {a: 1}}", ["bot.yaml:3", "'ad' is not a tool of this bot", "Did you mean 'add'?"]),
        ("{tool: add}", ["bot.yaml:3", "a: Field required", "It takes: a, b"]),
        ("{tool: add, arguments: {a: 1, bb: 2}}", ["bot.yaml:3", "no 'bb'", "did you mean 'b'?"]),
        ("{tool: add, arguments: {a: one, b: 2}}", ["bot.yaml:3", "a: Input should be a valid integer"]),
    ],
)
def test_the_tool_of_a_schedule_is_checked_at_load_time(tmp_path: Path, run: str, words: list[str]) -> None:
    (tmp_path / "bot.yaml").write_text(f"tools: [add]\ntriggers:\n  - schedule: {{every: 1h, run: {run}}}\n")
    (tmp_path / "support.md.j2").write_text("You help.")
    (tmp_path / "tools.py").write_text(
        'def add(a: int, b: int) -> int:\n    """Add two numbers."""\n    return a + b\n'
    )
    with pytest.raises(DefinitionError) as told:
        load_tools(load_bot(str(tmp_path)))
    assert all(word in str(told.value) for word in words), str(told.value)
    right = (tmp_path / "bot.yaml").read_text().replace(run, "{tool: add, arguments: {a: 1, b: 2}}")
    (tmp_path / "bot.yaml").write_text(right)
    assert len(load_tools(load_bot(str(tmp_path)))) == 1
