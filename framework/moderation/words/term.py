"""Blocked terms, and the files that list them."""

from __future__ import annotations

import json
import unicodedata
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

import yaml

from framework.errors import FrameworkError, Position
from framework.moderation.words.letters import folded, is_word

LONGEST = 200
MOST = 100_000


class Kind(StrEnum):
    """What a term is."""

    WORD = "word"
    PHRASE = "phrase"
    DOMAIN = "domain"


class Match(StrEnum):
    """Where a word may stand: alone, or inside of other words as well."""

    WORD = "word"
    INSIDE = "inside"


@dataclass(frozen=True, slots=True)
class Term:
    """A word, phrase or domain that is blocked."""

    text: str
    kind: Kind = Kind.WORD
    match: Match = Match.WORD


class TermError(FrameworkError):
    """A list of terms cannot be used."""


def read_terms(path: Path, *, most: int = MOST) -> list[Term]:
    """Terms of a file: YAML, JSON, or plain text with one word or phrase a line.

    YAML and JSON hold a list of words, or of objects with `term`, `kind` (word, phrase, domain) and `match` (word,
    inside). Raises TermError with the file and the line, also for the first term that is more than `most`.
    """
    try:
        text = path.read_text("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise TermError(f"{path} cannot be read: {error}", hint="Name a UTF-8 file with one term a line.") from None
    if path.suffix.lower() in {".yaml", ".yml", ".json"} or text.lstrip().startswith(("[", "- ")):
        return _from_yaml(path, text, most)
    lines = [(number, line.strip()) for number, line in enumerate(text.splitlines(), 1)]
    entries = [(number, {"term": line}) for number, line in lines if line and not line.startswith("#")]
    return _checked(path, entries, most)


def _from_yaml(path: Path, text: str, most: int) -> list[Term]:
    try:
        node = yaml.compose(text, Loader=yaml.CSafeLoader if hasattr(yaml, "CSafeLoader") else yaml.SafeLoader)
        read = json.loads(text) if path.suffix.lower() == ".json" else yaml.safe_load(text)
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise TermError(f"{path} is not valid: {error}", hint="Write a list, one term an item.") from None
    if read is None:
        return []
    if not isinstance(node, yaml.SequenceNode) or not isinstance(read, list):
        raise TermError(f"{path} is not a list.", hint="Write one term an item, such as `- spam`.")
    lines = [one.start_mark.line + 1 for one in node.value]
    entries = [(line, one if isinstance(one, dict) else {"term": one}) for line, one in zip(lines, read, strict=True)]
    return _checked(path, entries, most)


def _checked(path: Path, entries: list[tuple[int, dict[str, Any]]], most: int) -> list[Term]:
    if len(entries) > most:
        raise TermError(
            f"this is term {most + 1:,} of {len(entries):,}; a list may have {most:,}.",
            where=f"{path}:{entries[most][0]}",
            hint="Split the list into several files.",
        )
    terms: dict[Term, None] = {}
    for line, entry in entries:
        terms[_term(f"{path}:{line}", entry)] = None
    return list(terms)


def _term(where: str, entry: dict[str, Any]) -> Term:
    unknown = sorted(set(entry) - {"term", "kind", "match"}, key=str)
    if unknown:
        raise TermError(f"{unknown[0]!r} is not a key of a term.", where=where, hint="Use term, kind and match.")
    text = entry.get("term")
    if not isinstance(text, str) or not text.strip():
        raise TermError(f"the term {text!r} is not a text.", where=where, hint="Put it into quotes if it is a number.")
    text = " ".join(text.split())
    default = Kind.PHRASE if " " in text else Kind.WORD
    try:
        kind = Kind(str(entry.get("kind", default)))
        match = Match(str(entry.get("match", Match.WORD)))
    except ValueError as error:
        hint = "kind is word, phrase or domain; match is word or inside."
        raise TermError(f"{error}.", where=where, hint=hint) from None
    return checked(Term(text, kind, match), where)


def checked(term: Term, where: Position | str) -> Term:
    """The term, if it can be looked for. Raises TermError that names the place `where`."""
    told = _wrong(term)
    if told is not None:
        raise TermError(told[0], where=where, hint=told[1])
    return term


def _is_bare(text: str) -> bool:
    """Whether it is a letter or a digit of an alphabet. A sign of Chinese or Japanese is a word of its own."""
    return not any(unicodedata.category(sign) == "Lo" for sign in text)


def _wrong(term: Term) -> tuple[str, str] | None:
    """What is wrong with a term, and what to do."""
    if len(term.text) > LONGEST:
        return f"the term has {len(term.text)} characters; at most {LONGEST} are allowed.", "Shorten it."
    if term.kind is Kind.DOMAIN:
        plain = "." in term.text.strip(".") and not any(sign.isspace() or sign in "/@:" for sign in term.text)
        return None if plain else (f"{term.text!r} is not a domain.", "Write it as spam-domain.example.")
    letters = sum(is_word(one) for sign in term.text for one in folded(sign))
    if letters == 0:
        return f"{term.text!r} has no letter and no digit.", "Remove it."
    if letters == 1 and _is_bare(term.text):
        where = "inside of nearly every word" if term.match is Match.INSIDE else "a word of many texts"
        return f"the bare letter {term.text!r} is {where}.", "Remove it, or write the whole word."
    return None
