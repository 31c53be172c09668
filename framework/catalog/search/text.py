"""From text to terms: what people write, without the names, ids and quotations that say nothing about the operation."""

from __future__ import annotations

import re
from functools import lru_cache

# A quotation is content ("post 'the ban is lifted'"), never part of what is asked for.
_QUOTED = re.compile(r"\"[^\"]{0,300}\"|“[^”]{0,300}”|`[^`]{0,300}`|(?<!\w)['‘][^'’]{0,300}['’](?!\w)")
_URL = re.compile(r"https?://\S+|\bwww\.\S+")
_ADDRESS = re.compile(r"(?<!\S)@*+[^\s@]++@[^\s.]++\.++\w\S*+")
_CHANNEL_ID = re.compile(r"\b[a-z_]+:[\w-]+|(?<!\w)#[\w-]+")
_MENTION = re.compile(r"(?<!\w)@[\w-]+")
_PATH = re.compile(r"(?<!\S)(?:[~.]{0,2}/[\w.-]+){2,}/?|\b[A-Z]:\\\\\S+")
_SLASH = re.compile(r"(?<!\S)/\w+")
_EMOJI = re.compile("[\U0001f300-\U0001faff\u2600-\u27bf\u2764]")
_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_WORD = re.compile(r"[a-z]*\d+[a-z]*|[a-z][a-z']*(?:-[a-z']+)*")
_RUN = re.compile(r"\w[\w-]*+")
_LETTERS = re.compile(r"[a-z]*", re.IGNORECASE)
_IDENTIFIES = re.compile(r"\d-|-\d|[a-z]_[a-z]|[a-z]\d", re.IGNORECASE)
_SEVERAL_IDS = re.compile(
    r"(?<![\w-])[a-z_-]*+\d[\w-]*+(?>(?:(?:, and |, or |, | and | or )[a-z_-]*+\d[\w-]*+)+)", re.IGNORECASE
)
# What people begin ids with.
_PREFIXES = {
    "camp": "campaign", "campaign": "campaign", "seg": "segment", "segment": "segment", "msg": "message",
    "message": "message", "imp": "import", "import": "import", "poll": "poll", "task": "task", "thread": "thread",
    "room": "channel", "channel": "channel", "ch": "channel", "user": "user", "usr": "user",
}  # fmt: skip
_CONTRACTIONS = {
    "can't": "can not", "cannot": "can not", "won't": "will not", "n't": " not", "who's": "who is",
    "what's": "what is", "where's": "where is", "how's": "how is", "i'm": "i am", "let's": "let us",
}  # fmt: skip
_SAYING_NOTHING = """
    all every a an the of to in on at for from by with and or but so as that this these those it its is are was were be
    been am i me my mine we us our you your he his she her they them their please can could would should will
    shall may might do does did have has had just really very there here now then than too also any some into
    onto want need like let's s t d ll re ve ok okay hey hi thanks thank kindly if because while about
    """
STOPWORDS = frozenset(_SAYING_NOTHING.split())
_KEPT_WITH_DIGITS = frozenset({"s3", "v1", "v2", "1on1", "429", "mp4", "mp3", "2fa"})
_PLAIN = re.compile(r"[a-z ]+")
_DOUBLED = re.compile(r"([bdgmnprt])\1$")


def words(text: str) -> list[str]:
    """Lower-case words of a text, with camel case split, and ids, addresses, quotations and numbers left out.

    What an id shows is kept: `messaging:general` and `#general` are a `channel`, `@bob` is a `user`, `camp_7` is a
    `campaign`, a link is a `url`. Words joined by hyphens stay together.
    """
    if _PLAIN.fullmatch(text) and "cannot" not in text:
        return text.split()  # Nearly all of the catalogue's own phrases: the index is built twice as fast.
    text = text.replace("’", "'")
    text = _URL.sub(" url ", text)
    text = _ADDRESS.sub(" address ", text)
    text = _QUOTED.sub(" ", text)
    text = _MENTION.sub(" user ", text)
    text = _CHANNEL_ID.sub(" channel ", text)
    text = _PATH.sub(" path ", text)
    text = _SLASH.sub(" slash ", text)
    text = _EMOJI.sub(" emoji ", text)
    text = _SEVERAL_IDS.sub(_several, text)
    text = _RUN.sub(_named_by_prefix, text)
    text = _CAMEL.sub(" ", text).lower()
    for short, full in _CONTRACTIONS.items():
        text = text.replace(short, full)
    found = (word.removesuffix("'s").strip("'-") for word in _WORD.findall(text))
    return [word for word in found if word and (not any(map(str.isdigit, word)) or word in _KEPT_WITH_DIGITS)]


def unquoted(text: str) -> str:
    """A text without its quotations, unless little else is in it."""
    rest = _QUOTED.sub(" ", text)
    return rest if len(rest.split()) > 1 else text


def _several(found: re.Match[str]) -> str:
    whole = found.group()
    known = not _KEPT_WITH_DIGITS.isdisjoint(re.findall(r"\w+", whole.lower()))
    return whole if known else " several "


def _named_by_prefix(found: re.Match[str]) -> str:
    """What a word says if it is an id (`camp_7`): the name of what people begin such ids with. Others stay."""
    whole = found.group().rstrip("-")
    if whole.lower() in _KEPT_WITH_DIGITS or not _is_id(whole):
        return found.group()
    letters = _LETTERS.match(whole)
    return f" {_PREFIXES.get(letters[0].lower() if letters else '', '')} "


def _is_id(word: str) -> bool:
    has_digit = any(sign.isdecimal() for sign in word)
    return (has_digit and "_" in word) or _IDENTIFIES.search(word) is not None


@lru_cache(maxsize=8192)
def stem(word: str) -> str:
    """A light stem: plural, -ing, -ed, -er, -ly and -tion endings are folded. Short words are left alone."""
    if len(word) <= 3 or not word.isalpha():
        return word
    word = _singular(word)
    for ending in ("ations", "ation", "ators", "ator", "ating", "ated", "ate"):
        if word.endswith(ending) and len(word) - len(ending) >= 4:
            return word[: -len(ending)]
    for ending in ("ions", "ion", "ings", "ing", "ed", "ers", "er", "ly", "ment", "able"):
        if word.endswith(ending) and len(word) - len(ending) >= 3:
            return _tidy(word[: -len(ending)])
    return _tidy(word)


def _singular(word: str) -> str:
    if word.endswith("ies") and len(word) > 4:
        return word[:-3] + "y"
    if word.endswith(("sses", "shes", "ches", "xes")):
        return word[:-2]
    if word.endswith("s") and not word.endswith(("ss", "us", "is")):
        return word[:-1]
    return word


def _tidy(word: str) -> str:
    word = _DOUBLED.sub(r"\1", word)
    if word.endswith("e") and len(word) > 3:
        return word[:-1]
    if word.endswith("y") and len(word) > 3:
        return word[:-1] + "i"
    return word


def trigrams(word: str) -> list[str]:
    """Three-letter pieces of a word, with its ends marked."""
    padded = f"^{word}$"
    return [padded[at : at + 3] for at in range(len(padded) - 2)]
