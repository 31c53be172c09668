"""What is data and what is not, for a language model: a mark that nobody can guess, and text that cannot imitate it.

The elements in which messages, articles and results stand carry a mark (`<message-7f3a9c21>`) that is new for each
turn, so that nobody can close their own element or open another one. What servers of models take for the end of a
message or for a call (`<|im_end|>`, `<tool_call>`, `[INST]`) is made harmless by its shape, whatever its name.

Small models copy the tags of messages into their answers. `strip_message_tags` removes them.
"""

from __future__ import annotations

import re
import unicodedata
from secrets import token_hex

from framework.outbound.domains import is_unseen

# A bracket, a word, a bracket. No sign of a model is longer, and none has a line break in it.
_SIGN = re.compile(r"<(?=/?[^\s\d=<>/\-][^<>\n]{0,80}>)|\[(?!REDACTED_)(?=/?[A-Z][A-Z_ ]{2,40}\])")
# One that this program uses itself, also where it is not closed.
_ELEMENTS = r"(?:message|articles?|result|summary|facts?|task|conversation)\b"
_ELEMENT = re.compile(rf"<(?=\s{{0,3}}/{{0,2}}\s{{0,3}}{_ELEMENTS})", re.IGNORECASE)
_JOINERS = frozenset("\u200c\u200d\ufe0e\ufe0f")
_OPENED = re.compile(r"\s*<message(?:-\w{1,16})?(?:\s[^<>]*)?>\s*")
_CLOSED = re.compile(r"(?<!\s)\s*+</message(?:-\w{1,16})?\s*+>\s*+\Z")
_TAG_BEGINS = re.compile(r"\s*(?:<|<m|<me|<mes|<mess|<messa|<messag|<message(?:-\w{0,16})?(?:\s[^<>]*)?)")
_ESCAPED = {"<": "&lt;", "[": "&#91;"}


def new_mark() -> str:
    """A mark for one turn."""
    return token_hex(4)


def named(element: str, mark: str) -> str:
    """The name of an element of a turn: `message-7f3a9c21`."""
    return f"{element}-{mark}" if mark else element


def defused(text: str) -> str:
    """The text with all that a model might take for a sign of its own made harmless; all else that is seen stays."""
    text = seen(text)
    folded = text if text.isascii() else "".join(map(_folded, text))
    if "<" not in folded and "[" not in folded:
        return text
    places = {found.start(): _ESCAPED[found[0]] for pattern in (_SIGN, _ELEMENT) for found in pattern.finditer(folded)}
    if not places:
        return text
    pieces, end = [], 0
    for at in sorted(places):
        pieces += [text[end:at], places[at]]
        end = at + 1
    return "".join([*pieces, text[end:]])


def seen(text: str) -> str:
    """The text without what nobody sees and models read. Joiners stay between signs of other scripts and emoji."""
    if text.isascii() and "\x00" not in text:
        return text
    kept = []
    for place, sign in enumerate(text):
        if is_unseen(sign):
            beside = text[max(0, place - 1) : place] + text[place + 1 : place + 2]
            if sign not in _JOINERS or beside.isascii() or any(one < "\x80" for one in beside[:1]):
                continue
        kept.append(sign)
    return "".join(kept)


def _folded(sign: str) -> str:
    """The plain form of a sign, where that is one character as well."""
    if sign.isascii():
        return sign
    plain = unicodedata.normalize("NFKC", sign)
    return plain if len(plain) == 1 else sign


def strip_message_tags(text: str) -> str:
    """Return an answer without the `<message>` element around it; as it is, if there is none or nothing is in it."""
    opened = _OPENED.match(text)
    if opened is None:
        return text
    return _CLOSED.sub("", text[opened.end() :]) or text


def strip_message_tags_so_far(text: str) -> str:
    """Return the same for the beginning of an answer: nothing, until it shows whether there is such an element."""
    if _TAG_BEGINS.fullmatch(text):
        return ""
    opened = _OPENED.match(text)
    return text if opened is None else text[opened.end() :]
