"""From a question, and what was said before it, to the chunks that answer it and how likely they do."""

from __future__ import annotations

from collections.abc import Sequence
from copy import copy
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from framework.agent.conversation import Utterance
from framework.agent.embedded.smalltalk import small_talk
from framework.agent.knowledge.search.calibration import SIGNALS, EvidenceJudge
from framework.agent.knowledge.search.evidence import TalkKind
from framework.agent.knowledge.search.index import Scores, matches
from framework.agent.knowledge.search.languages import detect
from framework.agent.knowledge.search.question import asks_for_offer, goes_on, is_topic, leans_back, split
from framework.agent.knowledge.search.ranking import QuestionReading, Ranker, relative_weights
from framework.agent.knowledge.search.shorthand import spelled_out
from framework.agent.knowledge.search.talk import TalkJudge
from framework.agent.knowledge.search.weights import WordWeights
from framework.agent.knowledge.search.words import ALIKE
from framework.embedding.embedder import Embedder, Vectors

LONGEST = 900
"""Characters of a message that are looked at: its beginning and its end, where the question mostly is."""

_TOP = 5
_UNKNOWN_NAMES = SIGNALS.index("unknown_names")
_DESPITE_UNKNOWN_NAME = 0.75
"""The confidence that it takes to answer a question with a name in it that no article mentions."""

_HINT = 0.5
"""How much confidence that comes from what was said before counts, where the question may as well be about something
new."""

_QUOTED_ARTICLE = 12.0
"""How much the words of the bot's last answer speak for the article it quoted."""


@dataclass(frozen=True)
class SearchContext:
    """What a question may lean on: what the person said before, and what the bot answered; `near`: in one message."""

    said: str = ""
    answered: str = ""
    near: bool = False


@dataclass(frozen=True)
class PassageFinding:
    """The best chunks for one question, each with its share of belief; `confidence` that the first one answers it.

    `text` is the question with what it leans on, `vector` its meaning.
    `lacking`: the question is about something by name that the articles do not have. `talk`: what the message is if it
    reads like nothing for articles.
    """

    text: str
    vector: Vectors
    chunks: tuple[int, ...]
    beliefs: tuple[float, ...]
    confidence: float
    lacking: bool
    signals: NDArray[np.float64]
    talk: TalkKind = ""


class Searcher:
    """Finds chunks for questions. Read-only once built, so safe in threads."""

    def __init__(self, ranker: Ranker, embedder: Embedder, weights: WordWeights) -> None:
        self._ranker = ranker
        self._judge = EvidenceJudge(ranker)
        self._talk = TalkJudge(ranker.geometry)
        self._embedder = embedder
        self._weights = weights

    def with_weights(self, weights: WordWeights) -> Searcher:
        """The same with other weights."""
        other = copy(self)
        other._weights = weights  # noqa: SLF001 - of its own kind
        return other

    def read(self, text: str) -> QuestionReading:
        """A text held against all chunks, without what was said before."""
        language = detect(text, self._ranker.index.language)
        plain = self._plain(text, language)
        return self._ranker.read(plain, self._embedder.queries([plain])[0], language)

    def find(
        self, question: str, history: Sequence[Utterance] = ()
    ) -> tuple[PassageFinding, tuple[PassageFinding, ...]]:
        """What fits the whole message, and what fits each question in it where it holds several."""
        context = self._context(history)
        language = detect(question, detect(context.said, self._ranker.index.language))
        text = self._plain(question, language)
        parts = split(text)
        asked = [(text, context if leans_back(text) else SearchContext())]
        if len(parts) > 1:
            for part in parts:
                asked.append((part, context if asked[1:] or leans_back(part) else SearchContext()))
                context = SearchContext(part, near=True)
        vectors = self._embed(asked)
        whole, *rest = (self._find(part, leaned, language, vectors) for part, leaned in asked)
        leaning = bool(asked[0][1].said)
        if is_topic(text) or asks_for_offer(text) or (leaning and goes_on(text)):
            return whole, tuple(rest)
        talk = self._talk.kind(text, vectors[text], leaning=leaning)
        return replace(whole, talk=talk), tuple(rest)

    def _plain(self, question: str, language: str) -> str:
        """What is asked, shortened and in the words that this base may know."""
        vocabulary = self._ranker.index.vocabulary
        return vocabulary.spaced(spelled_out(shorten(question), language, vocabulary.ids))

    def _context(self, history: Sequence[Utterance]) -> SearchContext:
        """The last thing that the person asked, and what was answered to it; small talk is neither."""
        said = answered = ""
        for turn in history:
            if turn.who == "user" and turn.text.strip() and small_talk(turn.text) is None:
                said, answered = turn.text, ""
            elif turn.who == "bot" and said:
                answered = answered or turn.text.strip()
        return SearchContext(self._plain(said, detect(said, self._ranker.index.language)), answered)

    def _embed(self, asked: Sequence[tuple[str, SearchContext]]) -> dict[str, Vectors]:
        texts = list(dict.fromkeys(text for part, context in asked for text in (part, _joined(part, context))))
        return dict(zip(texts, self._embedder.queries(texts), strict=True))

    def _find(
        self, question: str, context: SearchContext, language: str, vectors: dict[str, Vectors]
    ) -> PassageFinding:
        alone = self._ranker.read(question, vectors[question], language)
        scores = alone.features @ self._weights.ranking
        if not context.said:
            return self._judged(alone, alone, scores, vectors)
        text = _joined(question, context)
        reading = self._ranker.read(text, vectors[text], language)
        leaning = scores + reading.features @ self._weights.ranking
        if context.answered:
            leaning = leaning + _QUOTED_ARTICLE * self._quoted(context.answered)
        found = self._judged(reading, alone, (leaning / 1.5).astype(np.float32), vectors)
        if context.near:
            return found
        new = self._judged(alone, alone, scores, vectors)
        if new.lacking and is_topic(question):  # `By phone?` names a part of what was spoken of
            return found
        return found if found.confidence * (1.0 if goes_on(question) else _HINT) > new.confidence else new

    def _judged(
        self, reading: QuestionReading, alone: QuestionReading, scores: Scores, vectors: dict[str, Vectors]
    ) -> PassageFinding:
        order = np.argsort(-scores)[:_TOP]
        beliefs = np.exp(scores - scores.max())
        beliefs = beliefs / beliefs.sum()
        first = int(order[0])
        signals = self._judge.signals(reading, scores)
        confidence = self._weights.confidence(signals, len(self._ranker.index.chunks))
        lacking = self._judge.lacks_name(alone, first) or self._judge.lacks_name(reading, first)
        if reading is alone:
            lacking = lacking or self._is_beside(reading, first, confidence)
        return PassageFinding(
            reading.text,
            vectors[reading.text],
            tuple(int(number) for number in order),
            tuple(float(beliefs[number]) for number in order),
            confidence,
            lacking or (signals[_UNKNOWN_NAMES] > 0 and confidence < _DESPITE_UNKNOWN_NAME),
            signals,
        )

    def _is_beside(self, reading: QuestionReading, first: int, confidence: float) -> bool:
        """Whether a subject without a question is not what the chunk is about, by its headings; or whether it is asked
        if the company offers something that its articles do not know.
        """
        index = self._ranker.index
        if is_topic(reading.text):
            return not reading.terms or bool(matches(index.in_path, reading.terms)[first].min() < ALIKE)
        if confidence >= _DESPITE_UNKNOWN_NAME or str(index.chunk_language[first]) != reading.language:
            return False
        unknown = any(max(alike.values(), default=0.0) < ALIKE for _, alike, _ in reading.terms)
        return asks_for_offer(reading.text) and unknown

    def unit_scores(self, finding: PassageFinding, chunk: int) -> Scores:
        """How well each unit of a chunk fits a found question: its share of the question's words, and its meaning."""
        index = self._ranker.index
        start = int(index.unit_start[chunk])
        units = slice(start, start + len(index.chunks[chunk].units))
        terms = index.weigh(finding.text)
        words = matches(index.in_unit, terms)[units] @ relative_weights(terms) if terms else 0.0
        scores: Scores = words + 2.0 * (index.unit_vectors[units] @ finding.vector)
        return scores

    def _quoted(self, answer: str) -> Vectors:
        """For each chunk, how much the words of its article's best chunk are those of the answer."""
        index = self._ranker.index
        terms = index.weigh(shorten(answer))
        return self._ranker.best_of_articles(matches(index.in_chunk, terms) @ relative_weights(terms))


def shorten(text: str) -> str:
    """The beginning and the end of a long text, cut at words."""
    text = " ".join(text.split())
    if len(text) <= LONGEST:
        return text
    half = LONGEST // 2
    return f"{text[:half].rpartition(' ')[0] or text[:half]} {text[-half:].partition(' ')[2] or text[-half:]}"


def _joined(question: str, context: SearchContext) -> str:
    return f"{context.said} {question}" if context.said else question
