"""`explain`: what holds in a channel, and which line says so."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from framework.cli.main import app
from framework.definition.model import BotDefinition
from framework.errors import UsageError

YAML = """\
prompt: prompt.md.j2
channels: {join: ["messaging:shop-*"], where: {team: emea}}
context: {messages: 30}
mcp_servers:
  tracker: {url: "https://example.com/mcp", headers: {X-Api-Key: "hunter2", Authorization: "Bearer ${TOKEN}"}}
overrides:
  messaging:shop-vip-*:
    model: {name: embedded, timeout: 90s}
  messaging:shop-*:
    model: {name: "openai:gpt-5", retries: 1}
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "shop"
    folder.mkdir()
    (folder / "bot.yaml").write_text(YAML)
    (folder / "prompt.md.j2").write_text("You are {{ bot_name }}.")
    return folder


def explain(*arguments: str) -> str:
    result = CliRunner().invoke(app, ["explain", *arguments], env={"COLUMNS": "160"}, catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.output


def test_each_value_and_its_line(folder: Path) -> None:
    record = json.loads(explain(str(folder), "messaging:shop-vip-7", "--json"))
    values = {value["key"]: value for value in record["values"]}
    assert record["overrides"] == ["messaging:shop-*", "messaging:shop-vip-*"]
    assert (record["present"], "team = emea" in record["reason"]) == (True, True)
    name, retries, messages = values["model.name"], values["model.retries"], values["context.messages"]
    assert (name["value"], name["source"], name["pattern"], name["line"]) == (
        "embedded",
        "override",
        "messaging:shop-vip-*",
        8,
    )
    assert (retries["value"], retries["pattern"], retries["line"]) == (1, "messaging:shop-*", 10)
    assert (messages["value"], messages["source"], messages["line"], messages["column"]) == (30, "bot.yaml", 3, 11)
    assert (values["model.timeout"]["value"], values["reply.place"]["source"]) == ("90s", "default")


def test_it_tells_the_same_keys_in_every_channel_and_none_but_those_of_bot_yaml(folder: Path) -> None:
    told = [
        {value["key"] for value in json.loads(explain(str(folder), cid, "--json"))["values"]}
        for cid in ("messaging:elsewhere", "messaging:shop-vip-7")
    ]
    assert told[0] == told[1]
    assert {key.partition(".")[0] for key in told[0]} <= set(BotDefinition.model_fields)


def test_people_read_what_was_said_and_ask_for_the_rest(folder: Path) -> None:
    text = explain(str(folder), "messaging:shop-vip-7")
    assert "messaging:shop-* → messaging:shop-vip-*" in text
    assert "bot.yaml:8" in text
    assert "reply.place" not in text
    assert "--all" in text
    assert "reply.place" in explain(str(folder), "messaging:shop-vip-7", "--all")


def test_a_channel_that_it_would_not_be_in_is_said(folder: Path) -> None:
    assert "not in it" in explain(str(folder), "messaging:lobby")
    assert json.loads(explain(str(folder), "messaging:lobby", "--json"))["present"] is False


def test_secrets_are_not_shown(folder: Path) -> None:
    for arguments in ((), ("--json",)):
        text = explain(str(folder), "messaging:shop-1", *arguments)
        assert "hunter2" not in text
        assert "${TOKEN}" in text


def test_what_is_no_channel_is_refused(folder: Path) -> None:
    with pytest.raises(UsageError, match="is not TYPE:ID"):
        explain(str(folder), "lobby")


def test_long_values_stay_on_their_line_where_no_person_is_looking(folder: Path) -> None:
    pattern = f"messaging:shop-{'very-' * 20}long-*"
    with (folder / "bot.yaml").open("a") as file:
        file.write(f"  {pattern}:\n    phrases: {{greeting: {'Hello and welcome. ' * 12}}}\n")
    shown = explain(str(folder), pattern.replace("*", "1"))
    (line,) = [line for line in shown.splitlines() if line.startswith("phrases.greeting")]
    assert ("Hello and welcome. " * 12).strip() in line
    assert f"{pattern} bot.yaml:12" in line
