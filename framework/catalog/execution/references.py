"""References of a plan's step to answers of earlier steps: `$1.channel.cid` is that field of the first step's answer.

A reference may be a whole text, and then stands for a value of any kind, or be part of a text. `${1.channel.id}` is the
same in braces, for names with other signs and where a letter follows. Items of lists are `$1.channels[0].channel.cid`.
`$$1.name` is the text `$1.name` itself.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from framework.catalog.values import Json
from framework.errors import FrameworkError

_REFERENCE = re.compile(r"\$(\$)?(?:\{(\d{1,3})\.([^\s{}$]+)\}|(\d{1,3})((?:\.[A-Za-z_]\w*)(?:\.\w+|\[\d+\])*))")
_PARTS = re.compile(r"[^.\[\]]+")
ANSWER = "result"
"""How the tools show an answer: `$1.result.channel` is read as `$1.channel`."""


class MissingValueError(FrameworkError):
    """A reference names something that is not in the answer."""


@dataclass(frozen=True, slots=True)
class StepReference:
    """A field of an earlier step's answer. `step` counts from 1; items of lists have numbers in `path`."""

    text: str
    step: int
    path: tuple[str, ...]

    def of(self, answer: Json) -> Json:
        """The value in an answer. Raises MissingValueError if it is not there."""
        value = answer
        path = self.path
        if path[0] == ANSWER and isinstance(value, dict) and ANSWER not in value:
            path = path[1:]
        for part in path:
            if isinstance(value, dict) and part in value:
                value = value[part]
            elif isinstance(value, list) and part.isdecimal() and int(part) < len(value):
                value = value[int(part)]
            else:
                raise MissingValueError(f"{self.text}: the answer of step {self.step} has no {part!r}.{_known(value)}")
        return value


def references(value: Json) -> Iterator[StepReference]:
    """Every reference in a value, also those in names."""
    if isinstance(value, str):
        yield from (_read(found) for found in _REFERENCE.finditer(value) if not found[1])
    elif isinstance(value, list):
        for item in value:
            yield from references(item)
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from references(key)
            yield from references(item)


def replaced(value: Json, whole: Callable[[StepReference], Json], part: Callable[[str], Json]) -> Json:
    """The value with its references replaced: `whole` is asked about a text that is one reference, `part` about a text
    that holds references or the escaped form of one.
    """
    if isinstance(value, str):
        found = _REFERENCE.fullmatch(value)
        if found is not None and not found[1]:
            return whole(_read(found))
        return part(value) if _REFERENCE.search(value) else value
    if isinstance(value, list):
        return [replaced(item, whole, part) for item in value]
    if isinstance(value, dict):
        return {str(replaced(key, whole, part)): replaced(item, whole, part) for key, item in value.items()}
    return value


def filled(text: str, value_of: Callable[[StepReference], Json]) -> str:
    """A text with what its references stand for. Raises MissingValueError for one that is an object or a list."""

    def fill(found: re.Match[str]) -> str:
        if found[1]:
            return found[0][1:]
        reference = _read(found)
        value = value_of(reference)
        if isinstance(value, (dict, list)):
            raise MissingValueError(f"{reference.text} is more than a text can hold: name one of its fields.")
        return value if isinstance(value, str) else json.dumps(value)

    return _REFERENCE.sub(fill, text)


def _read(found: re.Match[str]) -> StepReference:
    return StepReference(found[0], int(found[2] or found[4]), tuple(_PARTS.findall(found[3] or found[5])))


def _known(value: Json) -> str:
    if isinstance(value, dict):
        return f" It has {', '.join(list(value)[:12]) or 'nothing'}."
    return f" The list has {len(value)} items." if isinstance(value, list) else ""
