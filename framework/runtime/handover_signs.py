"""What leads to a handover: the words of a person, their mood, the bot's own failures. Pure rules."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from framework.stream.model import Message

Kind = Literal["phrase", "tool", "failed_answers", "sentiment", "budget", "errors"]

PUBLIC: dict[Kind, str] = {
    "phrase": "A person was asked for.",
    "tool": "The bot asked for a person.",
    "failed_answers": "The bot could not answer.",
    "sentiment": "The bot asked for a person.",  # not for the customer to read how they sound
    "budget": "The bot has answered all that it may for now.",
    "errors": "The bot has a technical problem.",
}
"""The reason as everybody in the channel may read it."""

WITHOUT_EVIDENCE = frozenset({"refused", "unsure"})
"""Outcomes of answers that did not help."""


@dataclass(frozen=True)
class Sign:
    """Why a person is to take over. `detail` is for the team and the log; `summary` is the model's own, if it made one."""

    kind: Kind
    detail: str
    summary: str = ""


# ---- phrases

_WORD = re.compile(r"\w+(?:['’]\w+)*")
_SMALL = frozenset(
    "a an the to with please just some me my can could i now and or of for your "
    "ein eine einen einem einer der die das dem den mit zu bitte mal kann ich jetzt "
    "un une le la les avec à s'il vous plaît je con el los las por favor".split()
)
_REFUSALS = frozenset("don't dont not never no doesn't didn't kein keinen keine nicht pas ne ninguna".split())
_WISHES = frozenset(
    "want need wish like have wanna will möchte brauche brauch muss veux besoin quiero necesito necesidad".split()
)
_BEFORE = 5  # words before a phrase in which it may be turned round


def asks_for_person(text: str, phrases: Sequence[str]) -> str | None:
    """The first of these phrases that stands in a text as whole words, whatever the case and the small words in it."""
    words = _words(text)
    for phrase in phrases:
        wanted = _words(phrase)
        place = _find(words, wanted)
        if place is not None and not _turned_round(words[max(0, place - _BEFORE) : place]):
            return phrase
        core = [word for word in wanted if word not in _SMALL]
        if len(core) < 2:
            continue
        kept = [word for word in words if word not in _SMALL]
        place = _find(kept, core)
        if place is not None and not _turned_round(kept[max(0, place - _BEFORE) : place]):
            return phrase
    return None


def _turned_round(before: Sequence[str]) -> bool:
    """`I don't want to`, `no need to`: said of what follows."""
    for n, word in enumerate(before):
        if word in _REFUSALS and _WISHES & set(before[n + 1 :]):
            return True
    return False


def _words(text: str) -> list[str]:
    return [word.replace("’", "'") for word in _WORD.findall(text.casefold())]


def _find(words: Sequence[str], wanted: Sequence[str]) -> int | None:
    size = len(wanted)
    return next((n for n in range(len(words) - size + 1) if size and list(words[n : n + size]) == list(wanted)), None)


# ---- mood

_HARD = {
    "en": (
        r"(this|you|it|that|bot|support|service)('s| is| are|'re)? (so |just |really |completely |totally |absolutely )?"
        r"(useless|ridiculous|a joke|pathetic|unacceptable|outrageous|disgusting|awful|terrible|horrible|garbage|rubbish)",
        r"(useless|stupid|dumb|idiotic|damn|bloody|fucking) (bot|robot|machine|thing|support|service|company|app)",
        r"(i'm|i am|im) (so |really |very |extremely |absolutely |getting )*"
        r"(angry|furious|fed up|livid|sick of|pissed|desperate|beyond frustrated|so frustrated|tired of this)",
        r"worst (service|support|company|experience|product|app)",
        r"(waste of (my )?time|what the (hell|fuck)|wtf|rip ?off|scam|screw (you|this)|fuck (you|this|off)|bullshit)",
        r"(how many times|for the (third|fourth|fifth|last|tenth|hundredth) time|nobody (helps|cares|listens|answers))",
        r"(i give up|i can't take (this|it) any ?more|i am losing my mind|i('ll| will) sue)",
        r"(idiots?|morons?|incompetent)",
    ),
    "de": (
        r"(das|es|sie|ihr|bot) (ist|sind|seid) (doch |so |echt |wirklich |völlig |absolut )*"
        r"(nutzlos|lächerlich|unverschämt|eine frechheit|eine zumutung|inakzeptabel|furchtbar|schrecklich|müll)",
        r"(frechheit|zumutung|saftladen|verarsch\w*|abzocke|betrug)",
        r"ich bin (so |echt |wirklich |sehr |total )*(wütend|sauer|verzweifelt|stinksauer|am ende)",
        r"(mir reicht('s| es)|ich habe (die schnauze|genug davon|es satt)|zum (dritten|vierten|letzten|hundertsten) mal)",
        r"(blöder|dummer|scheiß\w*|verdammter?) (bot|roboter|laden|service|support)",
        r"(idioten?|unfähig\w*)",
    ),
    "fr": (
        r"(c'est|vous êtes) (vraiment |complètement |totalement )?(nul|nulle|nuls|inutiles?|ridicule|inacceptable|honteux|scandaleux)",
        r"(j'en ai (marre|assez)|ras le bol|je suis (furieux|furieuse|désespérée?|en colère)|arnaque|imbéciles?|idiots?)",
    ),
    "es": (
        r"(esto|esta|es|son) (es |está |realmente |totalmente )*(inútil|ridículo|inaceptable|una vergüenza|horrible|pésimo)",
        r"(estoy (harto|harta|furioso|furiosa|desesperado|desesperada)|estafa|idiotas?|inútiles)",
    ),
}
_HARD_RULES = {
    language: re.compile("|".join(rf"\b(?:{rule})\b" for rule in rules)) for language, rules in _HARD.items()
}
_KIND = re.compile(
    r"\b(thanks?|thank you|thx|great|awesome|love|perfect|amazing|yay|hooray|congrat\w*|happy|wow|danke\w*|super|toll|"
    r"merci|génial|gracias|genial|perfecto)\b"
)
_MARKS = re.compile(r"!{3,}|\?{3,}|[!?]*(?:\?!|!\?)[!?]*")
_LETTERS_TO_SHOUT, _SHARE_TO_SHOUT = 10, 0.8
_LOOK_BACK = 3


def upset(messages: Sequence[Message], language: str) -> str | None:
    """Why the author of the last of these messages is plainly upset, judged by their last few; None: they are not.

    Hard words in the bot's language (or in English) count at once; shouting and heaps of marks only where both come
    together in two messages, and never beside kind words: people shout for joy as well.
    """
    if not messages:
        return None
    author = messages[-1].user.id
    own = [message.text for message in messages if message.user.id == author][-_LOOK_BACK:]
    if hard := _hard(own[-1], language):
        return f"hard words: {hard}"
    loud = [text for text in own if is_loud(text)]
    if own[-1] in loud and len(loud) >= 2:
        return "shouts, again and again"
    return None


def may_be_upset(text: str, language: str) -> bool:
    """Whether it is worth to look at what the author wrote before."""
    return is_loud(text) or _hard(text, language) is not None


def is_loud(text: str) -> bool:
    """Capitals throughout with a heap of marks, and no kind word."""
    letters = [sign for sign in text if sign.isalpha()]
    shouted = sum(sign.isupper() for sign in letters) >= _SHARE_TO_SHOUT * len(letters)
    several = len(text.split()) >= 2
    if _KIND.search(text.casefold()) or len(letters) < _LETTERS_TO_SHOUT or not several:
        return False
    return shouted and _MARKS.search(text) is not None


def _hard(text: str, language: str) -> str | None:
    plain = " ".join(text.casefold().replace("’", "'").split())
    for rules in dict.fromkeys((language, "en")):
        if rules in _HARD_RULES and (match := _HARD_RULES[rules].search(plain)):
            return match[0]
    return None


# ---- failures


def failures_in_a_row(messages: Sequence[Message], *, bot_user_id: str, but: str) -> int:
    """How many of the bot's newest replies, one after the other, came without evidence. The reply `but` is left out,
    and so are apologies for technical problems, which say nothing about what it knows.
    """
    count = 0
    for message in reversed(messages):
        outcome = message.custom.get("outcome")
        if message.user.id != bot_user_id or outcome is None or message.id == but or outcome == "failed":
            continue
        if outcome not in WITHOUT_EVIDENCE:
            break
        count += 1
    return count
