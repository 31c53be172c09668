"""Messages that ask nothing of the articles: greetings, thanks, agreement, goodbyes, calls for help, who is it."""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Literal, get_args

Kind = Literal["unclear", "acknowledged", "greeting", "thanks", "goodbye", "about"]
"""From the weakest on: a message of several kinds is of the strongest."""

_STRENGTH = {kind: number for number, kind in enumerate(get_args(Kind))}
_LONGEST = 12
"""Words. What is longer says more than that."""

_WORD = re.compile(r"[^\W\d_]+(?:['-][^\W\d_]+)*")
_FILLERS = frozenset(
    """there all everyone everybody bot team folks guys again a lot so very much many for your the help zusammen
    alle schön lieben dir ihnen euch sehr für die ihre deine hilfe schnelle beaucoup à tous toutes vous le monde
    pour votre ton aide a todos todas por tu su ayuda qué tal tutti per l aiuto muito pela pelo ajuda je u wel
    voor de hulp bardzo that that's was it it's now really answer quick support and und et y e please bitte then
    just i you too oh ah to me la el mate""".split()  # noqa: SIM905 - a table of words reads best as words
)
_SMILE = re.compile(r"[:;=]-?\)|<3|\^\^")
_NODS = frozenset("👍👌🙏❤♥🧡💛💚💙💜🤍🖤😀😃😄😁😆😅😂🤣😊☺🙂😉😍🥰😘😎🤩🎉🥳💯✅✔☑👏🙌💪🔥✨⭐🌟🤝👊✌🫶🤗😇")


@dataclass(frozen=True)
class SmallTalk:
    """What kind it is, and a reply in its language; empty where the bot's own words will do."""

    kind: Kind
    reply: str = ""


def small_talk(text: str) -> SmallTalk | None:
    """What a message is that asks nothing of the articles; None where it may ask something, or says nothing at all.

    Signs without words are small talk too: emoji of applause agree, and what else there is, as in `???`, is unclear.
    """
    said = text.casefold().replace("’", "'")
    words = _WORD.findall(said)
    if not words:
        return _of_signs(said)
    found = _entries(words) if len(words) <= _LONGEST and not any(char.isdigit() for char in said) else []
    if not found:
        return None
    kind = max((kind for kind, _ in found), key=_STRENGTH.__getitem__)
    if "?" in said and kind in {"acknowledged", "thanks", "goodbye"}:
        return SmallTalk("unclear")
    languages = {language for other, spoken in found if other == kind for language in spoken}
    only = languages.pop() if len(languages) == 1 else ""
    return SmallTalk(kind, _tables()[1].get((only, kind), ""))


def talk_in(language: str, kind: Kind) -> SmallTalk:
    """Small talk of a kind, with the reply in a language."""
    return SmallTalk(kind, _tables()[1].get((language, kind), ""))


def spoken_in(text: str) -> frozenset[str]:
    """The languages of a message that is small talk; none if it is not, or if its words belong to no language."""
    words = _WORD.findall(text.casefold().replace("’", "'"))
    found = [languages for _, languages in _entries(words)] if len(words) <= _LONGEST else []
    known = [languages - {""} for languages in found if languages - {""}]
    return frozenset.intersection(*known) if known else frozenset()


def only_nods(text: str) -> bool:
    """Whether there is nothing but emoji of agreement or thanks."""
    signs = [sign for sign in text if not sign.isspace() and unicodedata.category(sign) not in {"Cf", "Mn", "Sk"}]
    return bool(signs) and all(sign in _NODS for sign in signs)


def _of_signs(said: str) -> SmallTalk | None:
    if only_nods(said) or _SMILE.search(said):
        return SmallTalk("acknowledged")
    visible = any(unicodedata.category(sign)[0] in "PS" for sign in said)
    return SmallTalk("unclear") if visible and not any(sign.isalnum() for sign in said) else None


_Entry = tuple[Kind, frozenset[str]]


@cache
def _tables() -> tuple[Mapping[tuple[str, ...], _Entry], Mapping[tuple[str, str], str]]:
    """From words that stand for small talk to its kind and languages, and the replies by language and kind."""
    text = resources.files(__package__).joinpath("smalltalk.json").read_text(encoding="utf-8")
    entries: dict[tuple[str, ...], _Entry] = {}
    replies: dict[tuple[str, str], str] = {}
    for language, told in json.loads(text).items():
        for kind in get_args(Kind):
            for entry in told["words"].get(kind, "").split():
                words = tuple(entry.split("_"))
                _, spoken = entries.get(words, (kind, frozenset()))
                entries[words] = (kind, spoken | {language})
        replies |= {(language, kind): reply for kind, reply in told["says"].items()}
    return entries, replies


def _entries(words: Sequence[str]) -> list[_Entry]:
    """The entries that a message consists of, but for fillers; none where it holds anything else."""
    entries = _tables()[0]
    found: list[_Entry] = []
    place = 0
    while place < len(words):
        sizes = range(min(_LONGEST, len(words) - place), 0, -1)
        size = next((size for size in sizes if tuple(words[place : place + size]) in entries), 0)
        if size:
            found.append(entries[tuple(words[place : place + size])])
        elif words[place] not in _FILLERS:
            return []
        place += size or 1
    return found
