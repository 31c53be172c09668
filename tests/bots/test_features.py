"""The table of features is true: what it names exists, and what no other test shows is shown here."""

from __future__ import annotations

import ast
import re
import zipfile
from pathlib import Path

import pytest

from framework.definition.loader import load_bot
from framework.settings import Settings
from framework.testing.playing import play
from framework.testing.scenario import load_test

TABLE = Path("docs/features.md").read_text(encoding="utf-8")
ROWS = [line.strip("| ").split(" | ") for line in TABLE.splitlines() if line.startswith("| ")]
FEATURES = [row for row in ROWS if row[0] != "what"]
NAMED = sorted(set(re.findall(r"`((?:tests|bots)/[^`]+)`", TABLE)))
TRIGGERS = 13


def test_every_row_has_a_state_and_names_what_shows_it() -> None:
    assert len(FEATURES) > 60
    for row in FEATURES:
        assert row[1] in {"works", "partly", "no"}, row
        assert row[1] == "no" or "`" in row[2], row
        assert row[1] == "works" or (len(row) > 3 and row[3].strip()), f"{row[0]}: why?"
    assert len(TABLE.partition("## Triggers")[2].partition("##")[0].strip().splitlines()) == TRIGGERS + 2


@pytest.mark.parametrize("name", NAMED)
def test_what_it_names_exists(name: str) -> None:
    file, _, rest = name.partition("::")
    assert Path(file).is_file(), f"{file} is not there"
    if not rest:
        return
    function, _, case = rest.partition("[")
    source = Path(file).read_text(encoding="utf-8")
    functions = {
        node.name for node in ast.walk(ast.parse(source)) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    }
    assert function in functions
    assert not case or f'"{case.rstrip("]")}"' in source


ARTICLES = {
    "lamps.md": "# Lamps\n\nA lamp of ours lasts for nine years when it burns four hours a day.\n",
    "pumps.txt": "Pumps\n\nThe pump of the fountain has to be cleaned with vinegar once a month.\n",
    "chairs.html": "<html><body><h1>Chairs</h1><p>Our oak chairs carry up to 140 kilograms each.</p></body></html>",
}
BOT = """
identity: {user_id: tiny-bot, name: Tiny}
channels: ["messaging:support-*"]
model: embedded
prompt: support.md.j2
variables: {company: Tiny, product: furniture, team_hours: never}
"""
QUESTIONS = """
turns:
  - user: How long does a lamp last?
    expect: {text: nine years, cites: lamps.md}
  - user: How do I clean the pump of the fountain?
    expect: {text: vinegar, cites: pumps.txt}
  - user: How much weight do the oak chairs carry?
    expect: {text: 140 kilograms, cites: chairs.html}
  - user: When are beds delivered?
    expect: {text: nine weeks, cites: beds.docx}
"""


def test_articles_of_every_kind_are_cited(tmp_path: Path) -> None:
    knowledge = tmp_path / "tiny" / "knowledge"
    knowledge.mkdir(parents=True)
    for name, text in ARTICLES.items():
        (knowledge / name).write_text(text, encoding="utf-8")
    _write_docx(knowledge / "beds.docx", "Beds", "Beds are delivered within nine weeks after the order.")
    (tmp_path / "tiny" / "bot.yaml").write_text(BOT)
    (tmp_path / "test.yaml").write_text(QUESTIONS)
    settings = Settings(_env_file=None, data=tmp_path / "data", openai_api_key=None)
    result = play(load_test(tmp_path / "test.yaml"), load_bot(str(tmp_path / "tiny")), settings)
    assert (result.verdict, result.failures, result.reason) == ("passed", [], "")


def _write_docx(file: Path, title: str, text: str) -> None:
    import docx

    document = docx.Document()
    document.add_heading(title, level=1)
    document.add_paragraph(text)
    document.save(str(file))
    assert zipfile.is_zipfile(file)
