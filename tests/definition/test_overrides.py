"""What holds in one channel: overrides are merged from the least to the most specific, and each value has an origin."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from framework.definition.loader import files_of, load_bot
from framework.definition.model import BotDefinition
from framework.definition.origins import origins
from framework.definition.overrides import effective, matching


def definition(overrides: dict[str, Any], **more: object) -> BotDefinition:
    return BotDefinition.model_validate({"overrides": overrides, **more})


def test_the_most_specific_pattern_wins_whatever_the_order_in_the_file() -> None:
    bot = definition(
        {
            "messaging:vip-7": {"context": {"messages": 7}},
            "messaging:vip-*": {"context": {"messages": 50, "tokens": 900}},
            "*:*": {"context": {"messages": 5}, "prompt": "all.md.j2"},
        }
    )
    there = effective(bot, "messaging:vip-7")
    assert matching(bot, "messaging:vip-7") == ("*:*", "messaging:vip-*", "messaging:vip-7")
    assert (there.context.messages, there.context.tokens, there.prompt) == (7, 900, "all.md.j2")
    assert effective(bot, "messaging:vip-8").context.messages == 50
    assert effective(bot, "team:x").context.messages == 5


def test_of_two_patterns_alike_the_later_one_wins() -> None:
    bot = definition({"messaging:a*": {"prompt": "one"}, "messaging:?b": {}, "messaging:a?": {"prompt": "two"}})
    assert effective(bot, "messaging:ab").prompt == "two"


def test_mappings_are_merged_and_lists_replaced() -> None:
    bot = definition(
        {"messaging:x": {"model": "embedded", "variables": {"tone": "dry"}, "triggers": ["mention"]}},
        model={"name": "openai:gpt-5", "temperature": 0.3},
        variables={"company": "Fernly", "tone": "warm"},
        triggers=["every_message", {"keyword": "refund"}],
    )
    there = effective(bot, "messaging:x")
    assert (there.model.name, there.model.temperature) == ("embedded", 0.3)
    assert there.variables == {"company": "Fernly", "tone": "dry"}
    assert [trigger.on for trigger in there.triggers] == ["mention"]


def test_one_way_to_say_when_it_speaks_replaces_the_other() -> None:
    bot = definition({"messaging:x": {"respond_to": "mention"}}, triggers=["every_message"])
    assert [trigger.on for trigger in effective(bot, "messaging:x").effective_triggers] == ["mention"]


def test_an_optional_part_can_be_taken_away() -> None:
    hours = {"days": {"mon-fri": "9:00-17:00"}}
    bot = definition({"messaging:x": {"conditions": {"hours": None}}}, conditions={"hours": hours})
    assert bot.conditions.hours is not None
    assert effective(bot, "messaging:x").conditions.hours is None


def test_channels_alike_share_one_definition_and_others_have_the_bots_own() -> None:
    bot = definition({"messaging:vip-*": {"prompt": "x"}})
    assert effective(bot, "messaging:vip-1") is effective(bot, "messaging:vip-2")
    assert effective(bot, "messaging:other") is bot


def test_a_changed_copy_does_not_remember_the_original() -> None:
    bot = definition({"messaging:*": {"prompt": "x"}})
    assert effective(bot, "messaging:a").context.messages == 20
    copy = bot.model_copy(update={"context": bot.context.model_copy(update={"messages": 3})})
    assert effective(copy, "messaging:a").context.messages == 3
    assert bot == definition({"messaging:*": {"prompt": "x"}})


@pytest.mark.parametrize(
    "block",
    [
        {"channels": []},
        {"catch_up": {}},
        {"overrides": {}},
        {"mcp_servers": {}},
        {"identity": {"user_id": "x"}},
        {"modle": "embedded"},
        {"reply": {"place": "anywhere"}},
    ],
)
def test_an_override_is_judged_as_strictly_as_the_rest(block: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        definition({"messaging:x": block})


YAML = """\
prompt: prompt.md.j2
variables: {company: Fernly}
knowledge: knowledge
overrides:
  messaging:vip-*:
    variables: {company: Fernly Gold}
    knowledge: gold
  messaging:vip-7:
    prompt: special.md.j2
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "bot.yaml").write_text(YAML)
    (tmp_path / "prompt.md.j2").write_text("You work for {{ company }}.")
    (tmp_path / "special.md.j2").write_text("{% include 'tone.md.j2' %} {{ company }} at your service.")
    (tmp_path / "tone.md.j2").write_text("Be kind.")
    for name in ("knowledge", "gold"):
        (tmp_path / name).mkdir()
        (tmp_path / name / f"{name}.md").write_text("# Title\n\nText.\n")
    return tmp_path


def test_prompt_and_knowledge_follow_the_channel(folder: Path) -> None:
    bot = load_bot(str(folder))
    assert bot.at("messaging:lobby") is bot
    vip, seven = bot.at("messaging:vip-1"), bot.at("messaging:vip-7")
    assert bot.system_prompt == "You work for Fernly."
    assert vip.system_prompt == "You work for Fernly Gold."
    assert seven.system_prompt == "Be kind. Fernly Gold at your service."
    assert [file.name for file in bot.knowledge_files] == ["knowledge.md"]
    assert [file.name for file in seven.knowledge_files] == ["gold.md"]
    assert bot.at("messaging:vip-2") is vip


def test_nothing_is_read_from_the_disk_once_a_bot_is_loaded(folder: Path) -> None:
    bot = load_bot(str(folder))
    for name in ("special.md.j2", "tone.md.j2", "bot.yaml"):
        (folder / name).unlink()
    assert bot.at("messaging:vip-7").system_prompt.startswith("Be kind.")


def test_every_file_whose_change_matters_is_known(folder: Path) -> None:
    names = {str(file.relative_to(folder)) for file in files_of(load_bot(str(folder)))}
    prompts = {"prompt.md.j2", "special.md.j2", "tone.md.j2"}
    articles = {"knowledge", "gold", "knowledge/knowledge.md", "gold/gold.md"}
    assert names == {"bot.yaml", "tools.py", *prompts, *articles}


def test_each_value_has_its_origin(folder: Path) -> None:
    found = {value.name: value for value in origins(load_bot(str(folder)), "messaging:vip-7")}
    company, prompt, messages = found["variables.company"], found["prompt"], found["context.messages"]
    assert (company.value, company.pattern, company.where and company.where.line) == (
        "Fernly Gold",
        "messaging:vip-*",
        6,
    )
    assert (prompt.value, prompt.pattern, prompt.where and prompt.where.line) == (
        "special.md.j2",
        "messaging:vip-7",
        9,
    )
    assert (messages.value, messages.source) == (20, "default")
    here = {value.name: value for value in origins(load_bot(str(folder)), "messaging:lobby")}
    assert here["prompt"].pattern is None
    assert here["prompt"].where is not None
    assert here["prompt"].where.line == 1
