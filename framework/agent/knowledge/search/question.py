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
    r"^\W*(?:and|und|et|y|e|en|ok(?:ay)?|but|aber|mais|pero|ma|mas|maar|ale|also|or|oder|then|so|same for|"
    r"what about|how about|what of|what if|was ist mit|wie (?:ist|sieht|steht) es|qué (?:hay|pasa|tal)|qu['’]en est-il|"
    r"che ne è|e quanto a|hoe zit het|en wat|co z|a (?:co|jak|ile|do|na|w|we|z|ten|ta|to|te|dla|czy|kiedy|gdzie|po))\b",
    re.IGNORECASE,
)
_POINTING = frozenset(
    """it its that this those these one ones they them there then else afterwards so instead
    das den dem die dort dann diese dieser dieses dafür davon damit es ihn sie dasselbe danach dazu daran keiner
    ça cela celui celle ceux le la les y en ils elles là même cet
    eso esa ese esto esta este lo la los las ahí allí entonces mismo ella ellos
    quello quella questo questa lo la ci ne li dat die dit deze daar het isso esse essa aquilo to tam""".split()  # noqa: SIM905 - a table of words reads best as words
)
_VAGUE = frozenset(
    """often long far many much big bigger biggest large larger small smaller little other old new fast soon late early
    expensive cheap cheaper loud heavy oft haufig lange gross grosse grossen grosser klein kleine kleinen teuer schwer
    frecuencia seguido grande gran pequeno pequena grandes tiempo largo frequence souvent grand petit petite longtemps
    gros frequenza spesso piccolo piccola quello quella lungo frequencia frequentemente vaak groot grote klein lang duur
    czesto dlugo duzy duza duze maly mala male drogi viel viele wieviel cuanto cuanta cuantos cuantas combien quanto
    quanta quanti quante quantos quantas hoeveel veel ile""".split()  # noqa: SIM905 - a table of words reads best as words
)
"""Words of degree: what they are about was said before."""
_SHORT = 7
MAX_PARTS = 3


_OFFER = re.compile(
    r"\b(?:do you (?:sell|rent|offer|have|repair|do|make|hire|stock)|can i (?:buy|rent|book|order|hire)|is there an? |"
    r"(?:verkauft|vermietet|habt|bietet|repariert) ihr|(?:verkaufen|vermieten|haben|bieten|reparieren) sie|"
    r"(?:venden|vendéis|alquilan|alquiláis|tienen|tenéis|ofrecen|reparan) |"
    r"(?:vendez|louez|avez|proposez|réparez)[- ]vous|"
    r"(?:vendete|noleggiate|avete|offrite|riparate) |(?:vendem|alugam|têm|oferecem|consertam) |"
    r"(?:verkoopt|verhuurt|heeft|repareert) (?:u|je)|(?:sprzedajecie|wynajmujecie|macie|oferujecie|naprawiacie) )",
    re.IGNORECASE,
)
_TOPIC_WORDS = 2


def asks_for_offer(question: str) -> bool:
    """Whether a question is if the company sells, rents or has something."""
    return _OFFER.search(question) is not None


def is_topic(question: str) -> bool:
    """Whether a message names a subject and asks nothing, as in `customer service`. A code asks what it means."""
    return len(question.split()) <= _TOPIC_WORDS and not any(char.isdigit() for char in question)


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
    """Whether a question goes on with what was said before: it begins so (`And in Spain?`), or asks for a degree alone
    (`How often?`).
    """
    if _LEANING.match(question) is not None:
        return True
    words = terms(question)
    asks_degree = len(words) <= _SHORT and any(word in _VAGUE for word in words)
    return asks_degree and all(word in _VAGUE for word in content_terms(question))


def leans_back(question: str) -> bool:
    """Whether a question may not be understood without what was said before it."""
    subjects = content_terms(question)
    if goes_on(question) or len(subjects) <= 1:
        return True
    return any(word in _POINTING for word in terms(question)) and len(subjects) <= 6
