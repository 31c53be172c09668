"""Questions that the articles do not answer, grouped by meaning in any language."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from framework.personal_data import find

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from framework.embedding.embedder import Vectors

ALIKE = 0.4
"""Mean cosine from which on two groups are one: no group of 20 planted topics in four languages is mixed then, and some
topics make two groups.
"""
MOST = 800
"""Different questions that are compared: each takes some 20 ms to understand."""
EXAMPLES = 3
LONGEST = 2_000
"""Characters of a question that count: a report is for reading."""
_STRUCK = frozenset({"email", "iban", "card", "ssn", "phone"})


@dataclass(frozen=True)
class AskedQuestion:
    """A question, and how often it was asked in these words."""

    text: str
    times: int = 1


@dataclass(frozen=True)
class QuestionGroup:
    """Questions with one meaning. `closest` is the article that came closest, empty where there is none."""

    examples: Sequence[str]
    times: int
    closest: str = ""


def without_personal_data(text: str) -> str:
    """Return the text with `[email]`, `[phone]` and the like where such data stood, and without signs that turn its
    direction. A report is handed on to people who cannot read the channels.
    """
    start, parts, end = text[:LONGEST], [], 0
    for one in find(start, _STRUCK):
        parts += [start[end : one.start], f"[{one.kind}]"]
        end = one.end
    return "".join([*parts, start[end:]]).translate(_TURNS)


_TURNS = dict.fromkeys((0x200E, 0x200F, *range(0x202A, 0x202F), *range(0x2066, 0x206A)))


def distinct(texts: Sequence[str]) -> list[AskedQuestion]:
    """Return each text once, the most frequent first. Case, blanks and a sign at the end make no difference."""
    counts: dict[str, list[str]] = {}
    for text in texts:
        words = " ".join(without_personal_data(text).split())
        if words:
            counts.setdefault(words.casefold().rstrip("?!.… "), []).append(words)
    return sorted((AskedQuestion(said[0], len(said)) for said in counts.values()), key=lambda one: -one.times)


def grouped(
    questions: Sequence[AskedQuestion],
    meaning: Callable[[Sequence[str]], Vectors],
    closest: Callable[[str], str] = lambda _: "",
) -> list[QuestionGroup]:
    """Return groups, the most frequent first. `meaning` gives unit vectors, a row a text; `closest` names an article.

    Only the `MOST` most frequent questions are compared; the others are left out.
    """
    asked = questions[:MOST]
    if not asked:
        return []
    groups = _merged(meaning([one.text for one in asked]), [one.times for one in asked])
    found = []
    for members in groups:
        best = sorted((asked[number] for number in members), key=lambda one: (-one.times, len(one.text)))
        times = sum(one.times for one in best)
        found.append(QuestionGroup([one.text for one in best[:EXAMPLES]], times, closest(best[0].text)))
    return sorted(found, key=lambda group: -group.times)


def _merged(vectors: Vectors, weights: Sequence[int]) -> list[list[int]]:
    """Average linkage: the two groups that are most alike become one, as long as any are alike enough."""
    import numpy as np

    alike: NDArray[np.float64] = (vectors @ vectors.T).astype(np.float64)
    np.fill_diagonal(alike, -np.inf)
    size = np.asarray(weights, dtype=np.float64)
    groups = [[number] for number in range(len(vectors))]
    while len(groups) > 1:
        one, other = divmod(int(alike.argmax()), len(groups))
        if alike[one, other] < ALIKE:
            break
        both = size[one] + size[other]
        alike[one] = (alike[one] * size[one] + alike[other] * size[other]) / both
        alike[:, one] = alike[one]
        alike[one, one] = -np.inf
        alike[other] = alike[:, other] = -np.inf
        size[one] = both
        groups[one] += groups[other]
        groups[other] = []
    return [members for members in groups if members]
