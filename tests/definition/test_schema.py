"""The JSON Schema of bot.yaml: current, complete, and of one mind with the loader."""

from __future__ import annotations

import re
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from pydantic import BaseModel, ValidationError

from framework.definition.loader import bot_names, bots_folder
from framework.definition.model import BotDefinition
from framework.definition.parts.tools import ToolRule
from framework.definition.parts.triggers import Trigger
from framework.definition.reading.positions import read_yaml
from framework.definition.reading.shape import choices, inside, part_of
from framework.definition.reference import renewed
from framework.definition.schema import bot_schema, schema_text

PAGES = (
    "bots.md",
    "clients.md",
    "connect.md",
    "models.md",
    "operations.md",
    "prompts.md",
    "team.md",
    "tools.md",
    "tutorial.md",
)
REFERENCE = Path("docs/reference/bot-yaml.md")
COMMENT = "# yaml-language-server: $schema=../bot.schema.json\n"


def test_the_schema_beside_the_bots_is_current() -> None:
    file = bots_folder() / "bot.schema.json"
    assert file.read_text(encoding="utf-8") == schema_text(), "run: python -m framework schema -o bots/bot.schema.json"


@pytest.mark.parametrize("name", bot_names())
def test_each_bot_names_the_schema_and_fits_it(name: str) -> None:
    file = bots_folder() / name / "bot.yaml"
    assert file.read_text(encoding="utf-8").startswith(COMMENT)
    jsonschema.validate(read_yaml(file).value, bot_schema())


def test_each_template_names_the_schema() -> None:
    templates = [folder for folder in (files("framework") / "templates").iterdir() if folder.is_dir()]
    assert len(templates) == 4
    for folder in templates:
        assert (folder / "bot.yaml.tmpl").read_text(encoding="utf-8").startswith(COMMENT)


@pytest.mark.parametrize(
    "value",
    [
        {"model": "embedded", "channels": ["messaging:*"], "tools": "open_ticket", "knowledge": "articles"},
        {"triggers": "mention"},
        {
            "triggers": [
                "mention",
                {"keyword": "refund"},
                {"keyword": ["a", "b"], "do": "x"},
                {"idle": "30m", "do": "x"},
            ]
        },
        {"triggers": [{"schedule": {"cron": "0 9 * * 1-5", "timezone": "UTC", "say": "Hi"}}, {"on": "mention"}]},
        {"triggers": [{"member_joined": {"say": "Hello"}}, {"event": "order.shipped"}, {"mention": {"do": "x"}}]},
        {"model": {"timeout": "1h 30m"}, "reply": {"merge_within": 2}},
        {"tools": ["a", {"name": "b", "approval": "always"}]},
        {"overrides": {"messaging:vip-*": {"model": "embedded", "triggers": ["mention"]}}},
        {"operations": {"allow": "reads"}, "conditions": {"hours": {"days": {"mon": "9-17"}}}},
    ],
)
def test_what_the_loader_takes_fits_the_schema(value: dict[str, Any]) -> None:
    BotDefinition.model_validate(value)
    jsonschema.validate(value, bot_schema())


@pytest.mark.parametrize(
    "value",
    [
        {"modle": "embedded"},
        {"triggers": ["mentoin"]},
        {"triggers": [{"schedule": {"crn": "x"}}]},
        {"overrides": {"messaging:vip-*": {"channels": []}}},
        {"context": {"messages": 0}},
        {"reply": {"place": "nowhere"}},
    ],
)
def test_what_the_schema_refuses_the_loader_refuses_too(value: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        BotDefinition.model_validate(value)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(value, bot_schema())


def parts(model: type[BaseModel], seen: set[type[BaseModel]]) -> Iterator[type[BaseModel]]:
    if model in seen:
        return
    seen.add(model)
    yield model
    for field in model.model_fields.values():
        for choice in choices(field.annotation):
            inner = part_of(choice) or part_of(inside(choice))
            if inner is not None:
                yield from parts(inner, seen)


def test_every_key_has_a_description_and_stands_in_the_reference() -> None:
    document = REFERENCE.read_text(encoding="utf-8")
    for part in parts(BotDefinition, set()):
        for name, field in part.model_fields.items():
            assert field.description, f"{part.__name__}.{name} has no description"
            assert f"| `{name}` |" in document, f"{REFERENCE} does not mention {name} of {part.__name__}"


def test_the_reference_says_what_the_models_say() -> None:
    document = REFERENCE.read_text(encoding="utf-8")
    assert document == renewed(document), f"run: python -m framework schema --docs {REFERENCE}"


def examples() -> Iterator[str]:
    """The parts of a bot.yaml that the pages show. Other YAML on these pages is marked `yml`."""
    for name in PAGES:
        yield from re.findall(r"```yaml\n(.*?)```", (Path("docs") / name).read_text(encoding="utf-8"), re.DOTALL)


def test_the_examples_of_the_pages_load(tmp_path: Path) -> None:
    blocks = list(examples())
    assert len(blocks) > 4
    for block in blocks:
        (tmp_path / "bot.yaml").write_text(block, encoding="utf-8")
        BotDefinition.model_validate(read_yaml(tmp_path / "bot.yaml").value)


def test_each_example_of_a_key_is_right() -> None:
    for part in parts(BotDefinition, set()):
        for name, field in part.model_fields.items():
            for example in field.examples or ():
                needed = {"name": "x"} if part is ToolRule else {"on": "keyword"} if part is Trigger else {}
                part.model_validate({**needed, name: example})
