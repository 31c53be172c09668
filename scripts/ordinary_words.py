"""Make `framework/moderation/words/ordinary.txt.gz`: frequent words, so that "boots" is not taken for "bots".

    python -m venv /tmp/words && /tmp/words/bin/pip install pyspellchecker==0.9.1
    /tmp/words/bin/python scripts/ordinary_words.py

The counts come from pyspellchecker (MIT), which took them from film subtitles.
"""

from __future__ import annotations

import gzip
import json
import unicodedata
from importlib import resources
from pathlib import Path

TARGET = Path(__file__).parents[1] / "framework" / "moderation" / "words" / "ordinary.txt.gz"
MOST = {"en": 40_000, "de": 22_000, "es": 20_000, "fr": 20_000, "it": 20_000, "nl": 20_000, "pt": 20_000}
SHORT = 5_000
"""A word of two letters is ordinary only if it is among so many words of its language."""


def plain(word: str) -> str:
    """Return the word in small letters without accents."""
    parts = unicodedata.normalize("NFKD", word.lower().replace("ß", "ss"))
    return "".join(part for part in parts if unicodedata.category(part) != "Mn")


def main() -> None:
    """Write the file."""
    found: set[str] = set()
    for language, most in MOST.items():
        packed = resources.files("spellchecker").joinpath("resources", f"{language}.json.gz").read_bytes()
        counts: dict[str, int] = json.loads(gzip.decompress(packed))
        ranked = sorted(counts, key=lambda word: -counts[word])[:most]
        for place, word in enumerate(ranked):
            short = plain(word)
            if short.isalpha() and (len(short) > 2 or (len(short) == 2 and place < SHORT)):
                found.add(short)
    text = "\n".join(sorted(found)).encode()
    TARGET.write_bytes(gzip.compress(text, 9, mtime=0))
    print(f"{len(found)} words, {TARGET.stat().st_size} bytes")


if __name__ == "__main__":
    main()
