"""A bot's folder, right and wrong: every mistake is named with its file, its line and what to do."""

from pathlib import Path

import pytest

from framework.definition.loader import bot_names, load_bot
from framework.definition.overrides import may_meet
from framework.errors import DefinitionError, FrameworkError, UsageError


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """An empty bot that loads."""
    (tmp_path / "bot.yaml").write_text("description: empty\n")
    (tmp_path / "support.md.j2").write_text("You are {{ bot_name }}.")
    return tmp_path


def write(folder: Path, text: str) -> Path:
    (folder / "bot.yaml").write_text(text, encoding="utf-8")
    return folder


def failure(folder: Path) -> FrameworkError:
    with pytest.raises(FrameworkError) as caught:
        load_bot(str(folder))
    return caught.value


def test_the_bots_of_the_checkout_load() -> None:
    assert "support_bot" in bot_names()
    bot = load_bot("support_bot")
    assert bot.definition.identity.user_id == "agent-bot"
    assert bot.definition.context.messages == 20
    assert len(bot.knowledge_files) >= 12
    assert bot.definition.identity.name in bot.system_prompt


def test_a_path_to_the_folder_or_to_its_yaml_will_do(folder: Path) -> None:
    assert load_bot(str(folder)).name == load_bot(str(folder / "bot.yaml")).name == folder.name


def test_an_empty_definition_takes_the_defaults(folder: Path) -> None:
    definition = load_bot(str(write(folder, ""))).definition
    assert definition.model.name == "auto"
    assert definition.channels.covers("messaging:support-7")
    assert not definition.channels.covers("messaging:lobby")


def test_an_unknown_bot_names_the_nearest_one() -> None:
    with pytest.raises(UsageError, match="Did you mean 'support_bot'"):
        load_bot("suport_bot")


def test_a_folder_without_bot_yaml_is_said(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"has no bot\.yaml"):
        load_bot(str(tmp_path))


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("descripton: x\n", 1, ["unknown key 'descripton'", "'description'"]),
        ("context:\n  mesages: 20\n", 2, ["unknown key 'mesages' in context", "'messages'"]),
        ("context:\n  messages: many\n", 2, ["context.messages", "'many'"]),
        ("context:\n  messages: 0\n", 2, ["context.messages", "greater than or equal to 1"]),
        ("a: 1\na: 2\n", 2, ["'a' stands here a second time"]),
        ("identity: [1\n", 1, ["not valid YAML"]),
        ("identity:\n\tname: x\n", 2, ["not valid YAML"]),
        ("- one\n- two\n", 1, ["must be a mapping"]),
        ("description: x\nmodel: gpt-9\n", 2, ["PROVIDER:NAME"]),
        ("channels:\n  join: [lobby]\n", 2, ["TYPE:ID"]),
        ("channels:\n  create: ['messaging:a-*']\n", 2, ["wildcard"]),
        ("identity:\n  user_id: 'a b'\n", 2, ["identity.user_id"]),
        ("model:\n  name: auto\n  timeout: soon\n", 3, ["model.timeout"]),
        ("description: x\nprompt: suport.md.j2\n", 2, ["'suport.md.j2' does not exist", "support.md.j2"]),
        ("knowledge: articles\n", 1, ["'articles' does not exist"]),
        ("tools: [open_ticket]\n", 1, ["no tools.py"]),
        ("operations:\n  allow: [everything]\n", 2, ["'everything'", "reads, writes, administers or destroys"]),
        ("operations:\n  alow: reads\n", 2, ["unknown key 'alow' in operations", "'allow'"]),
        ("operations:\n  channels: lobby\n", 2, ["'lobby'", "conversation"]),
        ("operations:\n  issue_tokens: {longest: soon}\n", 2, ["issue_tokens.longest"]),
        ("respond_to: always\n", 1, ["respond_to", "every_message"]),
    ],
)
def test_a_mistake_is_named_with_its_line_and_remedy(folder: Path, text: str, line: int, words: list[str]) -> None:
    error = failure(write(folder, text))
    assert isinstance(error, DefinitionError)
    assert f"bot.yaml:{line}" in str(error)
    for word in words:
        assert word in str(error)


def test_several_mistakes_are_told_at_once_in_the_order_of_the_file(folder: Path) -> None:
    message = str(failure(write(folder, "modle: auto\ncontext:\n  messages: -1\nlanguage: en\n")))
    assert message.index("'modle'") < message.index("context.messages") < message.index("'language'")


def test_a_file_that_is_not_text_is_said(folder: Path) -> None:
    (folder / "bot.yaml").write_bytes(b"\xff\xfe\x00\x01")
    assert "bot.yaml:1:1: is not text in UTF-8" in str(failure(folder))


def test_an_empty_knowledge_folder_is_said(folder: Path) -> None:
    (folder / "articles").mkdir()
    assert "holds no articles" in str(failure(write(folder, "knowledge: articles\n")))


def test_a_missing_prompt_variable_is_named_with_the_line_of_the_template(folder: Path) -> None:
    (folder / "support.md.j2").write_text("Hello.\nYou work for {{ company }}.\n")
    message = str(failure(folder))
    assert "support.md.j2:2" in message
    assert "company" in message
    assert "variables:" in message


def test_a_broken_template_is_named_with_its_line(folder: Path) -> None:
    (folder / "support.md.j2").write_text("Hello.\n{% if %}\n")
    assert "support.md.j2:2" in str(failure(folder))


@pytest.mark.parametrize(
    ("template", "words"),
    [
        ("Hello.\n{{ bot_name | shout }}\n", [":2: ", "No filter named 'shout'"]),
        ("Hello.\n\n{{ bot_name + 1 }}\n", [":3: ", "can only concatenate str"]),
        ("{{ bot_name }}\n{{ language.short.name }}\n", [":2: ", "no attribute 'short'"]),
    ],
)
def test_a_template_that_cannot_be_filled_in_is_named_with_its_line(
    folder: Path, template: str, words: list[str]
) -> None:
    (folder / "support.md.j2").write_text(template)
    message = str(failure(folder))
    for word in ["support.md.j2", *words]:
        assert word in message


def test_without_a_prompt_of_its_own_the_bot_is_told_to_name_one(tmp_path: Path) -> None:
    assert "bot.yaml:1: no prompt is named, and the shared support.md.j2" in str(
        failure(write(tmp_path, "model: auto\n"))
    )
    assert "bot.yaml:1: is empty" in str(failure(write(tmp_path, "# model: auto\n")))


def test_what_nothing_uses_is_a_warning(folder: Path) -> None:
    (folder / "knowledge").mkdir()
    (folder / "knowledge" / "prices.xls").write_bytes(b"")
    (folder / "knowledge" / "photo.png").write_bytes(b"")
    (folder / "support.md.j2").write_text("{{ bot_name }} of {{ company }}.")
    text = """\
channels: {join: ["messaging:shop-*"]}
variables: {company: X, colour: red}
overrides:
  messaging:shop-vip-*: {variables: {company: Y}}
  messaging:shpo-*: {variables: {company: Z, mood: good}}
"""
    warnings = sorted(str(warning).partition(str(folder))[2] for warning in load_bot(str(write(folder, text))).warnings)
    assert [warning.partition("\n")[0] for warning in warnings] == [
        "/bot.yaml:2:25: variables.colour is used by no prompt",
        "/bot.yaml:5:3: overrides.messaging:shpo-*: the bot joins no channel of that name; it joins messaging:shop-*",
        "/bot.yaml:5:46: variables.mood is used by no prompt",
        "/knowledge/prices.xls: is not read: .xls is not a kind of article",
    ]
    assert all("\n" in warning for warning in warnings), "no remedy"


@pytest.mark.parametrize(
    ("one", "other", "meets"),
    [
        ("messaging:vip-*", "messaging:*", True),
        ("messaging:vip-7", "messaging:vip-?", True),
        ("messaging:*-de", "messaging:shop-*", True),
        ("*:shop", "messaging:sh*", True),
        ("messaging:vip-77", "messaging:vip-?", False),
        ("team:*", "messaging:*", False),
        ("messaging:vip-*", "messaging:vpi-*", False),
    ],
)
def test_two_patterns_may_match_one_channel(one: str, other: str, meets: bool) -> None:
    assert may_meet(one, other) == may_meet(other, one) == meets


def test_variables_reach_the_prompt(folder: Path) -> None:
    (folder / "support.md.j2").write_text("You work for {{ company }}.")
    assert load_bot(str(write(folder, "variables: {company: Fernly}\n"))).system_prompt == "You work for Fernly."


def test_durations_are_read_as_people_write_them(folder: Path) -> None:
    definition = load_bot(str(write(folder, "catch_up: {horizon: 2d, before_joining: 90s}\n"))).definition
    assert definition.catch_up.horizon.total_seconds() == 2 * 86400
    assert definition.catch_up.before_joining.total_seconds() == 90


def test_operations_are_limited_to_reading_the_conversation_as_the_bot_unless_more_is_said(folder: Path) -> None:
    rules = load_bot(str(folder)).definition.operations
    assert (rules.allow, rules.deny, rules.approve) == (("reads",), (), ("destroys", "administers"))
    assert (rules.channels, rules.act_as) == (("conversation",), ("bot",))
    assert not rules.issue_tokens.users
    assert not rules.issue_tokens.reveal


def test_tools_for_operations_need_no_file_of_their_own(folder: Path) -> None:
    assert load_bot(str(write(folder, "tools: [search_operations, send_message]\n"))).tools_file is None


def test_a_list_of_channels_is_what_to_join(folder: Path) -> None:
    assert load_bot(str(write(folder, "channels: ['team:help-*']\n"))).definition.channels.types == ("team",)
