"""Bytes as text, in whatever encoding they were saved."""

from __future__ import annotations

import codecs
import re

_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_DECLARED = re.compile(
    rb"""<meta[^>]{0,200}charset\s{0,3}=\s{0,3}["']?\s{0,3}([\w-]++)|<\?xml[^>]{0,100}encoding=["']([\w-]+)|"""
    rb"""@charset "([\w-]+)"|-\*- coding: ([\w-]+)""",
    re.IGNORECASE,
)
_SAMPLE = 60_000
_WESTERN = re.compile("[À-ÖØ-öø-ÿŒœŠšŽžŸ€–—‘’“”„…•«»¿¡°§©®™²³¼½¾·ªº£¥ \x00-\x7f]*")


def decode(content: bytes) -> tuple[str, str]:
    """The text, and what is to be told of its encoding ("" if there is nothing). Never fails: bytes that are no text
    in any encoding are replaced, and that is told.
    """
    for mark, name in _MARKS:
        if content.startswith(mark):
            return _strictly(content, name)
    try:
        return content.decode("utf-8"), ""
    except UnicodeDecodeError as error:
        broken = error
    if (wide := _wide(content)) is not None:
        return _strictly(content, wide)
    if (declared := _declared(content)) and declared not in {"utf8", "utf-8", "utf-16"}:
        text = content.decode(declared, "replace")
        return text, ""
    if _mostly_utf8(content):
        line = content[: broken.start].count(b"\n") + 1
        return content.decode(
            "utf-8", "replace"
        ), f"line {line} is not text in UTF-8; what could not be read shows as \ufffd"
    name = _guessed(content)
    text = content.decode(name, "replace")
    line = content[: broken.start].count(b"\n") + 1
    return text, f"is not text in UTF-8 (line {line}); it was read as {name}. Save it as UTF-8 in your editor"


def _strictly(content: bytes, name: str) -> tuple[str, str]:
    text = content.decode(name, "replace").removeprefix("\ufeff")
    return text, "parts of it are not text; they show as \ufffd" if "\ufffd" in text else ""


def _wide(content: bytes) -> str | None:
    """UTF-16 without a mark: every other byte is zero in text of Western languages."""
    sample = content[:4000]
    even, odd = sample[0::2].count(0), sample[1::2].count(0)
    if odd * 4 > len(sample) and even * 20 < len(sample):
        return "utf-16-le"
    return "utf-16-be" if even * 4 > len(sample) and odd * 20 < len(sample) else None


def _declared(content: bytes) -> str:
    match = _DECLARED.search(content[:4096])
    name = next((group for group in match.groups() if group), b"").decode("ascii", "replace") if match else ""
    try:
        return "cp1252" if codecs.lookup(name).name in {"iso8859-1", "ascii"} else codecs.lookup(name).name
    except LookupError:
        return ""


def _mostly_utf8(content: bytes) -> bool:
    """Whether only a few bytes of a text in UTF-8 are broken."""
    text = content.decode("utf-8", "replace")
    good = sum(ord(char) > 127 and char != "\ufffd" for char in text[:_SAMPLE])
    return good >= text[:_SAMPLE].count("\ufffd")


def _guessed(content: bytes) -> str:
    """Windows' Western code page if all letters make sense in it; otherwise what the statistics of letters say."""
    high = bytes(sorted({byte for byte in content if byte > 127}))
    western = high.decode("cp1252", "replace")
    runs = re.findall(rb"[\x80-\xff]{3,}", content[:_SAMPLE])
    dense = sum(map(len, runs)) * 4 > sum(byte > 127 for byte in content[:_SAMPLE])
    if "\ufffd" not in western and _WESTERN.fullmatch(western) and not dense:
        return "cp1252"
    from charset_normalizer import from_bytes

    best = from_bytes(content[:_SAMPLE]).best()
    return best.encoding if best is not None else "cp1252"
