"""Strips the `<message>` tags that small models copy into their answers."""

from __future__ import annotations

import re

_OPENED = re.compile(r"\s*<message(?:-\w{1,16})?(?:\s[^<>]*)?>\s*")
_CLOSED = re.compile(r"(?<!\s)\s*+</message(?:-\w{1,16})?\s*+>\s*+\Z")
_OPENING = re.compile(r"\s*(?:<|<m|<me|<mes|<mess|<messa|<messag|<message(?:-\w{0,16})?(?:\s[^<>]*)?)")


def strip_message_tags(text: str) -> str:
    """An answer without the `<message>` element around it. As it is, where there is none or nothing is in it."""
    opened = _OPENED.match(text)
    if opened is None:
        return text
    return _CLOSED.sub("", text[opened.end() :]) or text


def strip_message_tags_so_far(text: str) -> str:
    """The same for the beginning of an answer: nothing, until it shows whether there is such an element."""
    if _OPENING.fullmatch(text):
        return ""
    opened = _OPENED.match(text)
    return text if opened is None else text[opened.end() :]
