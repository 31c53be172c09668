"""What stands above an article and is not part of it: front matter in YAML, TOML or JSON, and a page's properties."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

_FENCED = re.compile(
    r"\s{0,3}(---|\+\+\+|;;;)[ \t]*+\r?\n(.*?)^(?:\1|\.\.\.)[ \t]*+(?:\r?\n|\Z)", re.DOTALL | re.MULTILINE
)
_LONGEST = 65_536
_KEY = re.compile(r"^([\w .-]{1,60}):(?:[ \t]++(.*))?$")
_PROPERTY = re.compile(r"^[^\W\d_][\w /()&'’.-]{0,40}:[ \t].*$")
_KNOWN = frozenset(
    [
        "title",
        "date",
        "author",
        "authors",
        "tags",
        "tag",
        "category",
        "categories",
        "slug",
        "status",
        "created",
        "updated",
        "modified",
        "last_modified",
        "owner",
        "template",
        "summary",
        "lang",
        "language",
        "layout",
        "save_as",
        "url",
        "keywords",
        "description",
    ]
)
_TITLES = ("title", "Title", "name", "sidebar_label", "linkTitle", "page_title")
_ADDRESSES = ("url", "canonical_url", "canonical", "permalink", "link", "source_url", "html_url", "URL", "Url", "Link")


@dataclass
class Front:
    """What the article says of itself."""

    values: Mapping[str, Any] = field(default_factory=dict)
    title: str = ""
    url: str = ""
    warnings: list[str] = field(default_factory=list)


def front_matter(text: str) -> tuple[Front, str, int]:
    """The front matter, the text below it, and at which line that begins (from 0)."""
    text = text.removeprefix("\ufeff")
    match = _FENCED.match(text[: _LONGEST + 10])
    if match:
        values, warning = _values(match[1], match[2])
        if values is not None:
            return _front(values, warning), text[match.end() :], text[: match.end()].count("\n")
    elif text.lstrip()[:1] == "{" and (found := _json(text)):
        values, end = found
        return _front(values, ""), text[end:], text[:end].count("\n")
    return Front(), text, 0


def _values(fence: str, body: str) -> tuple[Mapping[str, Any] | None, str]:
    import yaml

    try:
        if fence == "+++":
            return tomllib.loads(body), ""
        if fence == ";;;":
            value = json.loads("{" + body + "}" if body.lstrip()[:1] != "{" else body)
        else:
            value = yaml.load(body, getattr(yaml, "CSafeLoader", yaml.SafeLoader))  # noqa: S506 - a safe loader
        if isinstance(value, dict):
            return {str(key): item for key, item in value.items()}, ""
        if value is None:
            return {}, ""
    except (ValueError, yaml.YAMLError, RecursionError):
        pass
    lines = [match for line in body.splitlines() if (match := _KEY.match(line))]
    if not lines:
        return None, ""
    values = {match[1].strip(): (match[2] or "").strip().strip("\"'") for match in lines}
    return values, "its front matter is not valid and was read line by line; put values with a colon in quotes"


def _json(text: str) -> tuple[Mapping[str, Any], int] | None:
    start = len(text) - len(text.lstrip())
    try:
        value, end = json.JSONDecoder().raw_decode(text[start : start + _LONGEST])
    except (ValueError, RecursionError):
        return None
    return (value, start + end) if isinstance(value, dict) and value and text[start + end :].strip() else None


def _front(values: Mapping[str, Any], warning: str) -> Front:
    title = next((values[key] for key in _TITLES if _is_text(values.get(key))), "")
    url = next((values[key] for key in _ADDRESSES if _is_text(values.get(key))), "")
    extra = values.get("extra")
    if not url and isinstance(extra, dict):
        url = next((extra[key] for key in _ADDRESSES if _is_text(extra.get(key))), "")
    shown = str(url).strip()
    warnings = [warning] if warning else []
    return Front(values, " ".join(str(title).split()), shown if shown.startswith(("http", "/")) else "", warnings)


def _is_text(value: object) -> bool:
    return isinstance(value, str | int | float) and not isinstance(value, bool) and bool(str(value).strip())


def without_properties(body: str, front: Front, *, exported: bool) -> str:
    """Without the properties that Notion and other programs write as lines under the title; they fill `front`."""
    match = re.match(r"\s*+(#[ \t][^\n]*+\n\s*+)?((?>(?:[^\n]++\n?)+))", body)
    if not match:
        return body
    lines = match[2].rstrip("\n").splitlines()
    if not all(_PROPERTY.match(line) for line in lines):
        return body
    keys = {
        line.partition(":")[0].strip().casefold().replace(" ", "_"): line.partition(":")[2].strip() for line in lines
    }
    if not exported and (match[1] or not keys.keys() <= _KNOWN or len(keys) < 2 or "title" not in keys):
        return body
    if not front.title and keys.get("title"):
        front.title = keys["title"]
    if not front.url and (keys.get("url") or "").startswith("http"):
        front.url = keys["url"]
    # As many lines as before, so that what is below still has its line.
    return body[: match.start(2)] + "\n" * len(lines) + body[match.end(2) :]
