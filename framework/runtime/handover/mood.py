"""Whether a person is plainly upset: a small, honest set of rules over their last few messages."""

from __future__ import annotations

import re
from collections.abc import Sequence

from framework.stream.model import Message

# One rule a line, each to stand as whole words in the text without its capitals.
_HARD = {
    "en": r"""
        (this|you|it|that|bot|support|service)('s| is| are|'re) (\w+ly |so )?(useless|ridiculous|unacceptable)
        (this|you|it|that|bot|support|service)('s| is| are|'re) (\w+ly |so |just )?(outrageous|disgusting)
        (you|bot|support|service)('s| is| are|'re) (so |really )?(awful|terrible|horrible|pathetic|garbage)
        (this|it|that)('s| is) a (joke|scam|disgrace|rip ?off)
        (useless|stupid|dumb|idiotic|bloody|fucking) (bot|robot|machine|support|service|company|app)
        (i'm|i am|im) (so |really |very |getting ){0,4}(angry|furious|fed up|livid|sick of|desperate)
        (i'm|i am|im) (so |really |very |getting ){0,4}(pissed|frustrated|tired of this)
        worst (service|support|company|experience|product|app)
        (waste of (my )?time|what the (hell|fuck)|wtf|screw (you|this)|fuck (you|this|off)|bullshit)
        how many times (must i|have i|do i have to (tell|ask|say|repeat|explain))
        for the (last|tenth|hundredth|millionth) time
        nobody (helps|cares|listens|answers)
        (i give up|i can't take (this|it) any ?more|i am losing my mind|i('ll| will) sue)
        (you )?(idiots|morons)
    """,
    "de": r"""
        (das|es|sie|ihr|bot) (ist|sind|seid) (doch |so |echt |wirklich |völlig ){0,4}(nutzlos|lächerlich|inakzeptabel)
        (das|es|sie|ihr|bot) (ist|sind|seid) ((doch|so|echt|wirklich|völlig|absolut) ){0,4}(unverschämt|eine zumutung)
        (frechheit|saftladen|verarsch\w*|abzocke)
        ich bin (so |echt |wirklich |sehr |total ){0,4}(wütend|sauer|verzweifelt|stinksauer)
        (mir reicht('s| es)|ich habe (die schnauze voll|genug davon|es satt))
        zum (letzten|zehnten|hundertsten|tausendsten) mal
        (blöder|dummer|scheiß\w*|verdammter?) (bot|roboter|laden|service|support)
        (ihr )?idioten
    """,
    "fr": r"""
        (c'est|vous êtes) (vraiment |complètement |totalement )?(nul|nulle|nuls|inutiles?|ridicule|inacceptable|honteux)
        (j'en ai (marre|assez)|ras le bol|arnaque|imbéciles?)
        je suis (furieux|furieuse|désespérée?|en colère)
    """,
    "es": r"""
        (esto|esta|es|son) (es |está |realmente |totalmente ){0,4}(inútil|ridículo|inaceptable|una vergüenza|pésimo)
        estoy (harto|harta|furioso|furiosa|desesperado|desesperada)
        (estafa|idiotas)
    """,
}
_HARD_RULES = {
    language: re.compile("|".join(rf"\b(?:{line.strip()})\b" for line in rules.splitlines() if line.strip()))
    for language, rules in _HARD.items()
}
_KIND = re.compile(
    r"\b(thanks?|thank you|thx|great|awesome|love|perfect|amazing|yay|hooray|congrat\w*|happy|wow|danke\w*|super|toll|"
    r"merci|génial|gracias|genial|perfecto)\b"
)
_MARKS = re.compile(r"!{3,}|\?{3,}|[!?]*(?:\?!|!\?)[!?]*")
_LETTERS_TO_SHOUT, _SHARE_TO_SHOUT = 8, 0.8
_LOOK_BACK = 3


def upset(messages: Sequence[Message], language: str) -> str | None:
    """Why the author of the last of these messages is plainly upset, judged by their last few; None: they are not.

    Hard words in the bot's language (or in English) count at once; shouting with heaps of marks only in two of the last
    messages, and never beside kind words: people shout for joy as well.
    """
    if not messages:
        return None
    author = messages[-1].user.id
    own = [message.text for message in messages if message.user.id == author][-_LOOK_BACK:]
    if hard := _hard(own[-1], language):
        return f"hard words: {hard}"
    loud = [text for text in own if _is_loud(text)]
    return "shouts, again and again" if own[-1] in loud and len(loud) > 1 else None


def may_be_upset(text: str, language: str) -> bool:
    """Whether it is worth looking at what the author wrote before."""
    return _is_loud(text) or _hard(text, language) is not None


def _is_loud(text: str) -> bool:
    """Capitals throughout with a heap of marks, and no kind word."""
    letters = [sign for sign in text if sign.isalpha()]
    if len(letters) < _LETTERS_TO_SHOUT or len(text.split()) < 2 or _KIND.search(text.casefold()):
        return False
    shouted = sum(sign.isupper() for sign in letters) >= _SHARE_TO_SHOUT * len(letters)
    return shouted and _MARKS.search(text) is not None


def _hard(text: str, language: str) -> str | None:
    plain = " ".join(text.casefold().replace("’", "'").split())
    for rules in dict.fromkeys((language, "en")):
        if rules in _HARD_RULES and (match := _HARD_RULES[rules].search(plain)):
            return match[0]
    return None
