"""A question as people write it: its language, its parts, whether it leans on what was said before."""

from __future__ import annotations

import re

from framework.agent.knowledge.search.words import content_terms, terms

_INTERROGATIVES = (
    r"how|what|what's|whats|when|where|which|who|whose|why|can|could|do|does|did|is|are|will|would|should|may|whether|"
    r"wie|was|wann|wo|wohin|woher|welche[nrsm]?|wer|wem|wen|warum|kann|können|darf|muss|gilt|gibt|ist|sind|hat|wird|ob|"
    r"geht|comment|combien|quand|où|quel(?:le)?s?|qui|que (?:veut|dois|faut|faire|se)|qu['’]est|pourquoi|"
    r"est-ce|peut-on|puis-je|dois-je|y a-t-il|faut-il|si|"
    r"cómo|cuánt[oa]s?|cuándo|dónde|qué|cuál(?:es)?|quién|puedo|hay|tengo|"
    r"come|quant[oaie]|quando|dove|quale|quali|chi|posso|c'è|che|"
    r"hoe|wat|wanneer|waar|welke?|wie|kan|mag|moet|"
    r"como|quanto|onde|qual|quais|quem|há|"
    r"jak|ile|kiedy|gdzie|który|która|czy"
)
_AND = r"and|plus|und|et|y|e|en|oraz|sowie"
_JOINED = re.compile(
    rf"(?:[,;]|(?<!\s))\s++(?:{_AND})\s++"
    r"(?:(?:also|then|auch|aussi|también|on|in|at|from|for|ab|bis|à|en|de|a|por|mit|für)\s++)?"
    rf"(?=(?:{_INTERROGATIVES})\b)",
    re.IGNORECASE,
)
_MARKS = re.compile(r"(?<=[?？])\s+")
_LEANING = re.compile(
    r"^\W*(and|und|et|y|e|en|ok(ay)?|but|aber|mais|pero|also|what about|how about|what if|or|oder|then|so)\b",
    re.IGNORECASE,
)
_POINTING = frozenset(
    """it its that this those these one ones they them there then else afterwards so instead
    das den dem die dort dann diese dieser dieses dafür davon damit es ihn sie dasselbe danach dazu daran keiner
    ça cela celui celle ceux le la les y en ils elles là même cet
    eso esa ese esto esta este lo la los las ahí allí entonces mismo ella ellos
    quello quella questo questa lo la ci ne li dat die dit deze daar het isso esse essa aquilo to tam""".split()  # noqa: SIM905 - a table of words reads best as words
)
MAX_PARTS = 3


def split(question: str) -> tuple[str, ...]:
    """The questions in a message, in order; one that asks one thing comes back whole."""
    pieces: list[str] = []
    for sentence in _MARKS.split(question.strip()):
        cut = [part.strip(" ,;") for part in _JOINED.split(sentence)]
        if len(cut) > 1 and all(len(content_terms(part)) >= 1 for part in cut):
            pieces += cut
        else:
            pieces.append(sentence)
    asked = [piece for piece in pieces if content_terms(piece) and len(terms(piece)) >= 2]
    return tuple(asked) if 2 <= len(asked) <= MAX_PARTS else (question,)


def goes_on(question: str) -> bool:
    """Whether a question begins as one that goes on with what was said before, as in `And in Spain?`."""
    return _LEANING.match(question) is not None


def leans_back(question: str) -> bool:
    """Whether a question may not be understood without what was said before it."""
    subjects = content_terms(question)
    if goes_on(question) or len(subjects) <= 1:
        return True
    return any(word in _POINTING for word in terms(question)) and len(subjects) <= 6
