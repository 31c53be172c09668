"""Handlebars, as far as push templates use it: places, `truncate`, `json`, `if`, `unless`, `each`, `with`.

A template is read once, from its beginning to its end, and what it makes is bounded: both take linear time. The
packages for Handlebars have had no release for years.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

MOST_MADE = 256 * 1024
"""Characters that a template may make."""
DEEPEST = 20
_TAG = re.compile(r"\{\{\{([^{}]{0,2000})\}\}\}|\{\{([^{}]{0,2000})\}\}")
"""Three braces end with three. After a place of two, a third one is the template's own, as in `{"n": {{ n }}}`."""
_WORDS = re.compile(r"""'[^']*'|"[^"]*"|[^\s'"]+""")
_BLOCKS = ("if", "unless", "each", "with")


class TemplateError(ValueError):
    """The template cannot be read, or makes too much."""


@dataclass
class _Block:
    """Some of a template: texts, places (lists of words), and blocks in it."""

    kind: str
    words: list[str]
    inside: list[str | list[str] | _Block] = field(default_factory=list)
    otherwise: list[str | list[str] | _Block] | None = None

    @property
    def current(self) -> list[str | list[str] | _Block]:
        """Where what comes next belongs."""
        return self.inside if self.otherwise is None else self.otherwise


def render_push(template: str, values: Mapping[str, Any]) -> str:
    """Return a text with its places filled in; a name that says nothing leaves its place empty.

    Raises TemplateError.
    """
    made = _Made()
    _render(_read(template).inside, [values], made)
    return "".join(made.parts)


def names_in(template: str) -> set[str]:
    """Return the first names of all places outside `each` and `with`, whose places may name what is in a list's items.

    Raises TemplateError.
    """
    return _names(_read(template).inside)


def _names(nodes: Sequence[str | list[str] | _Block]) -> set[str]:
    found: set[str] = set()
    for node in nodes:
        if isinstance(node, _Block):
            found |= {_root(word) for word in node.words[:1]}
            if node.kind in {"if", "unless"}:
                found |= _names(node.inside) | _names(node.otherwise or ())
        elif not isinstance(node, str) and node:
            found.add(_root(node[1] if node[0] in {"truncate", "json"} and len(node) > 1 else node[0]))
    return {name for name in found if name}


def _root(path: str) -> str:
    return "" if path[:1] in {"'", '"', "."} else path.removeprefix("this.").split(".")[0]


class _Made:
    def __init__(self) -> None:
        self.parts: list[str] = []
        self._length = 0

    def add(self, text: str) -> None:
        self._length += len(text)
        if self._length > MOST_MADE:
            raise TemplateError(f"it makes more than {MOST_MADE:,} characters")
        self.parts.append(text)


def _read(template: str) -> _Block:
    open_: list[_Block] = [_Block("", [])]
    at = 0
    for match in _TAG.finditer(template):
        open_[-1].current.append(template[at : match.start()])
        at = match.end()
        _take((match[1] or match[2] or "").strip(), open_)
    if len(open_) > 1:
        raise TemplateError(f"{{{{#{open_[-1].kind}}}}} has no end")
    open_[0].inside.append(template[at:])
    return open_[0]


def _take(tag: str, open_: list[_Block]) -> None:
    words: list[str] = _WORDS.findall(tag.lstrip("#/"))
    if tag.startswith("!"):
        return
    if tag.startswith("#"):
        if not words or words[0] not in _BLOCKS:
            raise TemplateError(f"{{{{{tag}}}}} is not known; known are {', '.join(_BLOCKS)}")
        if len(open_) > DEEPEST:
            raise TemplateError(f"more than {DEEPEST} blocks lie in each other")
        block = _Block(words[0], words[1:])
        open_[-1].current.append(block)
        open_.append(block)
    elif tag.startswith("/"):
        if len(open_) == 1 or words != [open_[-1].kind]:
            raise TemplateError(f"{{{{{tag}}}}} ends nothing")
        open_.pop()
    elif tag == "else":
        if len(open_) == 1 or open_[-1].otherwise is not None:
            raise TemplateError("{{else}} belongs to no block")
        open_[-1].otherwise = []
    else:
        open_[-1].current.append(words)


def _render(nodes: Sequence[str | list[str] | _Block], scopes: list[Any], made: _Made) -> None:
    for node in nodes:
        if isinstance(node, str):
            made.add(node)
        elif isinstance(node, _Block):
            _render_block(node, scopes, made)
        else:
            made.add(_place(node, scopes))


def _render_block(block: _Block, scopes: list[Any], made: _Made) -> None:
    value = _value(block.words[0], scopes) if block.words else None
    holds = bool(value) != (block.kind == "unless")
    if not holds:
        _render(block.otherwise or (), scopes, made)
    elif block.kind == "each":
        items = list(value.values()) if isinstance(value, Mapping) else value if isinstance(value, list) else []
        for item in items:
            _render(block.inside, [*scopes, item], made)
    else:
        _render(block.inside, [*scopes, value] if block.kind == "with" else scopes, made)


def _place(words: list[str], scopes: list[Any]) -> str:
    if not words:
        return ""
    if words[0] == "truncate" and len(words) >= 3:
        value, most = _value(words[1], scopes), words[2]
        text = "" if value is None else str(value)
        length = int(most) if most.isascii() and most.isdigit() and len(most) < 8 else len(text)
        return _text(text if len(text) <= length else text[:length] + "...")
    if words[0] == "json" and len(words) == 2:
        return json.dumps(_value(words[1], scopes), ensure_ascii=False, default=str)
    if len(words) > 1:
        raise TemplateError(f"the helper {words[0]!r} is not known; known are truncate and json")
    return _text(_value(words[0], scopes))


def _text(value: object) -> str:
    """A value inside a JSON text, as templates are."""
    if value is None:
        return ""
    return json.dumps(str(value), ensure_ascii=False)[1:-1] if not isinstance(value, bool) else str(value).lower()


def _value(path: str, scopes: list[Any]) -> Any:  # noqa: ANN401 - whatever JSON holds
    if path[:1] in {"'", '"'}:
        return path[1:-1]
    here = len(scopes) - 1
    while path.startswith("../"):
        path, here = path[3:], max(0, here - 1)
    if path in {"this", "."}:
        return scopes[here]
    names = path.removeprefix("this.").split(".")
    for scope in reversed(scopes[: here + 1]):
        if isinstance(scope, Mapping) and names[0] in scope:
            return _dig(scope, names)
    return None


def _dig(value: Any, names: list[str]) -> Any:  # noqa: ANN401 - whatever JSON holds
    for name in names:
        if not isinstance(value, Mapping):
            return None
        value = value.get(name)
    return value
