"""Text as people type it in a hurry, spelled out: `u`, `pls`, `vllt`, `bcp` say nothing to an embedder."""

from __future__ import annotations

import re
from collections.abc import Container, Mapping
from functools import cache
from importlib import resources

_WORDS = 3
"""From so many letters on, what an article has may be meant as it stands."""


@cache
def _table(language: str) -> tuple[re.Pattern[str] | None, Mapping[str, str]]:
    told = resources.files(__package__).joinpath("shorthand.txt").read_text(encoding="utf-8")
    joined = re.sub(r"\n +", " ", re.sub(r"^#.*\n", "", told, flags=re.MULTILINE))
    line = next((line for line in joined.splitlines() if line.startswith(f"{language}:")), "")
    pairs = dict(entry.replace("_", " ").split("=", 1) for entry in line.partition(":")[2].split())
    if not pairs:
        return None, pairs
    either = "|".join(re.escape(short) for short in sorted(pairs, key=len, reverse=True))
    # Neither a part of a word or a code, nor a unit after a number.
    return re.compile(rf"(?<![\w'’-])(?<!\d )(?:{either})(?![\w'’-])"), pairs


def spelled_out(text: str, language: str, known: Container[str]) -> str:
    """The text with short forms of a language (two letters) written out; `known` are words that stay as they are."""
    pattern, pairs = _table(language)
    if pattern is None:
        return text

    def long(match: re.Match[str]) -> str:
        short = match[0]
        return short if len(short) >= _WORDS and short in known else pairs[short]

    return pattern.sub(long, text)
