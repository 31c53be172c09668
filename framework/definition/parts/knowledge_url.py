"""Where a bot's articles can be read on the web: patterns that make an address of an article's path."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase
from pathlib import PurePosixPath
from typing import Annotated
from urllib.parse import quote, urljoin, urlsplit

from pydantic import AfterValidator, BeforeValidator

PLACES = ("path", "name", "file", "anchor")
_PLACE = re.compile(r"\{([^{}]{0,100})\}")
_ALL = "*"


def _by_pattern(value: object) -> object:
    return {_ALL: value} if isinstance(value, str) else value


def _addresses(value: dict[str, str]) -> dict[str, str]:
    for address in value.values():
        if not re.match(r"https?://[^\s/{}]", address) or re.search(r"\s", address):
            raise ValueError(f"{address!r} is not an address; write it as in https://help.example.com/{{path}}")
        unknown = next((name for name in _PLACE.findall(address) if name not in PLACES), None)
        if unknown is not None:
            places = ", ".join(f"{{{name}}}" for name in PLACES)
            raise ValueError(f"{{{unknown}}} in {address!r} stands for nothing; the places are {places}")
    return value


KnowledgeUrl = Annotated[
    dict[str, str],
    BeforeValidator(_by_pattern, json_schema_input_type=str | dict[str, str]),
    AfterValidator(_addresses),
]
"""In bot.yaml one address, or addresses by patterns of paths."""


def article_url(own: str, file: str, heading: str, knowledge: Sequence[str], patterns: Mapping[str, str]) -> str:
    """Return the address of a passage, empty if it has none.

    `own` is what the article says of itself; a path in it is one on the site of the pattern. `file` is the article in
    the bot's folder, `heading` the passage's, `knowledge` the folders and files that the bot names.
    """
    path = _below(file, knowledge)
    made = next((address for pattern, address in patterns.items() if fnmatchcase(path, pattern)), "")
    if made:
        made = _filled(made, path, heading)
    if not own:
        return made
    try:
        address = urljoin(made, own) if made else own
        return address if _is_web(address) else made
    except ValueError:  # half an IPv6 address, for example
        return made


def _filled(address: str, path: str, heading: str) -> str:
    place = PurePosixPath(path)
    texts = {
        "path": quote(place.with_suffix("").as_posix()),
        "name": quote(place.stem),
        "file": quote(path),
        "anchor": quote(_anchor(heading)),
    }
    return _PLACE.sub(lambda found: texts[found[1]], address).removesuffix("#")


def _anchor(heading: str) -> str:
    """The name that most site generators give to a heading."""
    words = re.sub(r"[^\w\s-]", "", heading.rpartition(" › ")[2].lower())
    return re.sub(r"\s+", "-", words.strip())


def _below(file: str, knowledge: Sequence[str]) -> str:
    """The article's path below the folder of `knowledge` that holds it."""
    for entry in knowledge:
        folder = PurePosixPath(entry)
        if folder != PurePosixPath(file) and PurePosixPath(file).is_relative_to(folder):
            return PurePosixPath(file).relative_to(folder).as_posix()
    return file


def _is_web(address: str) -> bool:
    parts = urlsplit(address)
    return parts.scheme in {"http", "https"} and bool(parts.hostname) and not re.search(r"\s", address)
