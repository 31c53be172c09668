"""What is no question for articles is not answered by one, and what follows an answer is understood from it."""

from __future__ import annotations

from pathlib import Path

import pytest

from framework.agent.build.factory import load_knowledge
from framework.agent.embedded.model import QuotingChatModel
from framework.agent.knowledge.base import KnowledgeBase
from framework.agent.knowledge.search.question import goes_on, is_topic
from framework.agent.knowledge.tool import knowledge_tool
from framework.definition.loader import load_bot
from framework.settings import Settings
from tests.benchmarks.talk.asked import follow_ups, kinds, outcome
from tests.support.indexed import data_folder


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> KnowledgeBase:
    data = data_folder(tmp_path_factory.mktemp("talk") / "data")
    found = load_knowledge(load_bot("support_bot"), Settings(_env_file=None, data=data, openai_api_key=None))
    assert found is not None
    return found


@pytest.mark.parametrize("name", ["questions", "fresh"])
@pytest.mark.parametrize(("kind", "most"), [("about", 0.03), ("task", 0.05), ("not_offered", 0.09), ("one_word", 0.08)])
def test_no_article_is_quoted_to_what_asks_for_none(base: KnowledgeBase, name: str, kind: str, most: float) -> None:
    texts = kinds(name)[kind]
    quoted = [text for text in texts if outcome(base, text) == "answered"]
    assert len(quoted) <= most * len(texts), quoted


def test_talk_about_the_bot_gets_words_about_the_bot(base: KnowledgeBase) -> None:
    texts = kinds("fresh")["about"]
    assert sum(outcome(base, text) == "about" for text in texts) >= 0.85 * len(texts)


@pytest.mark.parametrize(
    ("text", "article"),
    [
        ("When is your team there?", "contact"),
        ("Can you ship to Spain?", "shipping"),
        ("Do you offer replacements for broken lamps?", "light"),
        ("Can you send me a replacement if my parcel is lost?", "shipping"),
        ("Do you have a subscription for pods?", "subscription"),
        ("warranty", "warranty"),
        ("W1", "error-codes"),
    ],
)
def test_what_is_asked_of_the_company_is_answered_as_before(base: KnowledgeBase, text: str, article: str) -> None:
    found = base.search(text)
    assert (found.outcome, found.talk) == ("answered", "")
    assert article in [Path(passage.source.file).stem for passage in found.passages]


@pytest.mark.parametrize(
    "text",
    ["are you open at Christmas?", "where is your office?", "who founded your company?", "Seid ihr heute da?",
     "did you get my e-mail?", "you charged me too much", "Can you cancel my order?", "Where is my parcel?"],
)  # fmt: skip
def test_questions_about_the_company_are_not_taken_for_talk_about_the_bot(base: KnowledgeBase, text: str) -> None:
    assert outcome(base, text) != "about"


def test_follow_ups_are_about_the_last_answer(base: KnowledgeBase) -> None:
    lost = [f"{one.first} {one.then}" for one in follow_ups() if not one.answered_by(base)]
    assert len(lost) <= 0.1 * len(follow_ups()), lost


def test_what_goes_on_is_told_by_its_words() -> None:
    texts = [
        "I want my money back",
        "A new lamp, please",
        "And a lamp?",
        "Is it old?",
        "¿Y cada cuánto?",
        "What is it?",
    ]
    assert [goes_on(text) for text in texts] == [False, False, True, True, True, False]


def test_a_code_is_no_topic() -> None:
    assert (is_topic("customer service"), is_topic("W2-110"), is_topic("where is it")) == (True, False, False)


def test_the_bot_says_in_the_persons_language_what_it_is(base: KnowledgeBase) -> None:
    from langchain.agents import create_agent
    from langchain_core.messages import HumanMessage

    agent = create_agent(QuotingChatModel(), tools=[knowledge_tool(base)])
    state = agent.invoke({"messages": [HumanMessage("Du bist echt keine Hilfe")]})
    last = state["messages"][-1]
    assert last.text.startswith("Ich bin ein Bot")
    assert (last.response_metadata["outcome"], last.response_metadata["sources"]) == ("answered", ())
