"""The words of a short text and the groups of letters in them, as places in a vector of fixed length."""

from __future__ import annotations

import re
import unicodedata
import zlib
from collections.abc import Iterator

PLACES = 1 << 13
"""Length of the vector. Several groups may share a place."""

_WORD = re.compile(r"\w+|[!?]+")
_SIZES = (3, 4, 5)


def places(text: str) -> list[int]:
    """Return the places of a text's words, its pairs of words and their groups of letters, each once, in order."""
    return sorted({zlib.crc32(part.encode("utf-8", "surrogatepass")) % PLACES for part in _parts(text)})


def _parts(text: str) -> Iterator[str]:
    decomposed = unicodedata.normalize("NFKD", text.casefold().replace("’", "'"))
    words = _WORD.findall("".join(sign for sign in decomposed if not unicodedata.combining(sign)))
    yield from (f"w{word}" for word in words)
    yield from (f"b{one} {other}" for one, other in zip(["^", *words], [*words, "$"], strict=True))
    for word in words:
        whole = f"<{word}>"
        for size in _SIZES:
            yield from (whole[start : start + size] for start in range(len(whole) - size + 1))
