"""What a sign of a text can stand for: a letter, a digit, a separator, or nothing that anybody sees.

Similar letters come from Unicode's table of confusables (TR39); what that leaves out is listed here.
"""

from __future__ import annotations

import unicodedata
from functools import cache
from typing import Final

DIGITS: Final = {
    "0": "o", "1": "il", "2": "z", "3": "e", "4": "a", "5": "s", "6": "gb", "7": "t", "8": "b", "9": "gq",
}  # fmt: skip
"""Letters that a digit stands for, and the other way round."""

SIGNS: Final = {
    "@": "a", "$": "s", "!": "il", "|": "il", "+": "t", "(": "c", "€": "e", "£": "l", "¢": "c", "¥": "y", "#": "h",
    "<": "c", "^": "a", "§": "s", "[": "c", "{": "c", "¡": "i",
}  # fmt: skip
"""Letters that a sign stands for. Between letters the same sign may also be a mere separator."""

_TURNED = {
    "ɐ": "a", "ɔ": "c", "ǝ": "e", "ɟ": "f", "ƃ": "g", "ɓ": "b", "ɥ": "h", "ᴉ": "i", "ı": "i", "ɾ": "j", "ʞ": "k",
    "ꞁ": "l", "ן": "l", "ɯ": "m", "ɹ": "r", "ʇ": "t", "ʌ": "v", "ʍ": "w", "ʎ": "y", "∀": "a", "Ɐ": "a", "Ǝ": "e",
    "Ⅎ": "f", "⅁": "g", "⅂": "l", "ꓕ": "t", "ɘ": "e", "ɿ": "r", "ƨ": "s", "ƚ": "t", "ƽ": "s",
}  # fmt: skip
_SMALL = dict(zip("ᴀʙᴄᴅᴇꜰɢʜɪᴊᴋʟᴍɴᴏᴘꞯʀꜱᴛᴜᴠᴡʏᴢ", "abcdefghijklmnopqrstuvwyz", strict=True))
_SIMILAR = {
    # Greek and Cyrillic as they are used for Latin letters, beside what the table of confusables knows.
    "α": "a", "β": "b", "ε": "e", "η": "n", "ι": "i", "κ": "k", "μ": "u", "ν": "v", "ο": "o", "π": "n", "ρ": "p",
    "σ": "o", "ς": "c", "τ": "t", "υ": "u", "χ": "x", "ω": "w", "γ": "y", "ζ": "z", "δ": "d", "λ": "l", "θ": "o",
    "а": "a", "в": "b", "г": "r", "е": "e", "ё": "e", "з": "3", "и": "u", "й": "u", "к": "k", "м": "m", "н": "h",
    "о": "o", "п": "n", "р": "p", "с": "c", "т": "t", "у": "y", "х": "x", "ь": "b", "я": "r", "і": "i", "ї": "i",
    "ј": "j", "ѕ": "s", "ԁ": "d", "һ": "h", "ӏ": "l", "ѵ": "v", "ԛ": "q", "ԝ": "w", "ҽ": "e", "б": "6", "ч": "4",
    "ђ": "h", "ћ": "h", "є": "e", "қ": "k", "ғ": "f", "ш": "w", "щ": "w", "д": "d", "л": "n", "э": "e",
    # Latin letters whose stroke or hook is not a mark of its own.
    "đ": "d", "ð": "d", "ħ": "h", "ł": "l", "ø": "o", "ŧ": "t", "ƀ": "b", "ƈ": "c", "ƒ": "f", "ɠ": "g", "ɨ": "i",
    "ɩ": "i", "ƙ": "k", "ɲ": "n", "ƞ": "n", "ŋ": "n", "ɵ": "o", "ƥ": "p", "ʂ": "s", "ș": "s", "ƭ": "t", "ʋ": "v",
    "ƴ": "y", "ƶ": "z", "ȥ": "z", "ɀ": "z", "ɛ": "e", "ɑ": "a", "ɡ": "g", "ʏ": "y", "ɪ": "i", "ƅ": "b", "ʐ": "z",
    "ɮ": "l", "ɫ": "l", "ɱ": "m", "ɳ": "n", "ɽ": "r", "ʈ": "t", "ⱥ": "a", "ɇ": "e", "ɉ": "j", "ɍ": "r", "ɏ": "y",
    "ȼ": "c", "ꞓ": "c", "ꝑ": "p", "ᵽ": "p", "ꝗ": "q", "ŀ": "l", "ɋ": "q", "ɗ": "d", "ɖ": "d", "ȡ": "d", "ⱪ": "k",
    "ⱬ": "z", "ⱨ": "h", "ȿ": "s", "ƾ": "s", "þ": "p", "ß": "ss", "æ": "ae", "œ": "oe", "ĳ": "ij", "ŉ": "n",
}  # fmt: skip
_ALPHABETS = (0x1F1E6, 0x1F130, 0x1F150, 0x1F170, 0x24B6, 0x24D0, 0x249C)
"""Where alphabets in circles, squares and brackets begin; the first one makes flags of two letters."""

_INVISIBLE = frozenset(
    "\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u3164\uffa0\u2800\u180b\u180c\u180d\u180e\u180f\ufeff"
)
_SEEN_TAGS = range(0xE0000, 0xE0080)


@cache
def _confusable() -> dict[str, str]:
    """Signs beyond ASCII that look like a Latin letter or a digit, in small letters."""
    from confusable_homoglyphs.confusables import confusables_data

    table: dict[str, str] = {}
    for sign, alike in confusables_data.items():
        if len(sign) != 1 or sign.isascii():
            continue
        for one in alike:
            plain = one["c"]
            if len(plain) == 1 and plain.isascii() and plain.isalnum() and (sign not in table or plain.islower()):
                table[sign] = plain.lower()
    return table


@cache
def _fixed() -> dict[str, str]:
    table = {**_confusable(), **_TURNED, **_SMALL, **_SIMILAR}
    for first in _ALPHABETS:
        for place in range(26):
            table[chr(first + place)] = chr(ord("a") + place)
    return table


@cache
def folded(sign: str) -> str:
    """The small plain letters or digits that a sign is read as; "" for what nobody sees.

    A sign that is neither stays what it is.
    """
    if sign.isascii():
        return sign.lower()
    if is_invisible(sign):
        return ""
    lowered = sign.lower()
    if lowered.isascii() or ((plain := unicodedata.normalize("NFKC", sign).lower()).isascii() and plain.isalnum()):
        return lowered if lowered.isascii() else plain
    fixed = _fixed()
    if (plain := fixed.get(sign, "")) != "":
        return plain
    if (plain := fixed.get(lowered, "")) != "":
        return plain
    if (digit := unicodedata.decimal(sign, None)) is not None:
        return str(int(digit))
    parts = unicodedata.normalize("NFKD", lowered)
    kept = "".join(part for part in parts if unicodedata.category(part) not in {"Mn", "Me", "Cf"})
    if kept == lowered or not kept:
        return kept and lowered
    return "".join(fixed.get(part, part) for part in kept.lower())


def is_invisible(sign: str) -> bool:
    """Whether nobody sees the sign: joiners, direction marks, tags, variation selectors, combining marks."""
    return (
        sign in _INVISIBLE
        or unicodedata.category(sign) in {"Cf", "Mn", "Me"}
        or (sign < " " and sign not in "\t\n\r\v\f")
        or (ord(sign) in _SEEN_TAGS)
    )


@cache
def is_word(sign: str) -> bool:
    """Whether the sign belongs to a word: a letter, a mark or a digit of any script."""
    return unicodedata.category(sign)[0] in "LMN"
