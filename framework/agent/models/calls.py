"""The tool calls of one answer, put together from the pieces in which servers send them.

Arguments become one JSON object, however they come. Unreadable ones are kept for the model to correct.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

BROKEN = "__arguments_that_are_not_json__"
"""The only argument of a call whose arguments could not be read; its value is what the model wrote."""
_KEPT = 2_000
"""How many characters of unreadable arguments are kept."""
_FENCE = re.compile(r"\A```(?:json)?\s|```\Z", re.IGNORECASE)
_EMPTY = frozenset({"", "null", "none", "{}"})


@dataclass
class _Pieces:
    id: str = ""
    name: str = ""
    written: str = ""
    given: Mapping[str, Any] | None = None

    def add(self, name: str, arguments: object) -> None:
        if name and not self.name.endswith(name):
            self.name += name
        if isinstance(arguments, dict):
            self.given = arguments
        elif isinstance(arguments, str) and arguments:
            # Some servers send all that there is so far in each piece, or the whole once more at the end.
            again = len(self.written) > 1 and arguments.startswith(self.written) and self.written.startswith("{")
            self.written = arguments if again else self.written + arguments


@dataclass
class ToolCalls:
    """Collects calls. `known`: the names of the tools that the model was offered; `taken`: ids that stand in the
    conversation already. Every call of the result has an id of its own.
    """

    known: Collection[str]
    taken: Collection[str]
    new_id: Callable[[], str]
    _calls: list[_Pieces] = field(default_factory=list)
    _at: dict[object, _Pieces] = field(default_factory=dict)

    def add(self, pieces: Sequence[object]) -> None:
        """Take in what one event says of calls."""
        for piece in pieces:
            if isinstance(piece, dict):
                self._add(piece)

    def _add(self, piece: Mapping[str, Any]) -> None:
        function = piece.get("function")
        told: Mapping[str, Any] = function if isinstance(function, dict) else piece
        name, id_ = str(told.get("name") or ""), str(piece.get("id") or "")
        index = piece.get("index")
        call = self._at.get(index) if index is not None else (self._calls[-1] if self._calls else None)
        if call is None or self._begins(call, name, id_, told.get("arguments")):
            call = _Pieces(id=id_)
            self._calls.append(call)
        self._at[index] = call
        call.id = call.id or id_
        call.add(name, told.get("arguments"))

    def _begins(self, call: _Pieces, name: str, id_: str, arguments: object) -> bool:
        """Whether a piece is the beginning of another call, at the same index or without any."""
        if id_ and call.id and id_ != call.id:
            return bool(name)
        if name and call.name in self.known and name in self.known:
            whole = bool(call.written or call.given) and isinstance(read_whole(arguments), Mapping)
            return name != call.name or (whole and not id_)
        return False

    def finish(self) -> list[dict[str, Any]]:
        """The calls in OpenAI's form, their arguments as JSON of an object."""
        taken, out = set(self.taken), []
        for number, call in enumerate(call for call in self._calls if call.name):
            id_ = call.id if call.id and call.id not in taken else self.new_id()
            taken.add(id_)
            arguments = read_arguments(call.given if call.given is not None else call.written)
            name = known_name(call.name, self.known)
            function = {"name": name, "arguments": json.dumps(arguments, ensure_ascii=False)}
            out.append({"index": number, "id": id_, "type": "function", "function": function})
        return out


def known_name(name: str, known: Collection[str]) -> str:
    """The tool that a model means: it may write another case, other signs between words, or its server's prefix. A name
    that fits none, or several, stays as it is.
    """
    if name in known:
        return name
    bare = _MARK.split(name.strip(), maxsplit=1)[0]
    for written in (bare, _PREFIX.sub("", bare)):
        fits = [tool for tool in known if _plain(tool) == _plain(written)]
        if len(fits) == 1:
            return fits[0]
    return name


def _plain(name: str) -> str:
    return _SIGNS.sub("_", name).casefold()


_MARK = re.compile(r"<\|")
_PREFIX = re.compile(r"\A(?:functions?|tools?|default_api|default_function|multi_tool_use)[.:/]")
_SIGNS = re.compile(r"[\s._-]")


def read_whole(arguments: object) -> object:
    """The value that a piece is by itself; None if it is a part."""
    if not isinstance(arguments, str):
        return arguments
    try:
        return json.loads(arguments)
    except ValueError:
        return None


def read_arguments(written: object) -> dict[str, Any]:
    """Return the arguments as an object. What cannot be read comes back under the one key BROKEN, as text.

    Read as well: an object that a server did not write as text, nothing or `null` for no arguments, JSON inside a JSON
    string or in a fence, line breaks inside texts, the same object twice in a row, an empty one before the object, and
    one bracket too many behind it.
    """
    if isinstance(written, Mapping):
        return {str(name): value for name, value in written.items()}
    if written is None:
        return {}
    text = written if isinstance(written, str) else json.dumps(written, default=str)
    if text.strip().lower() in _EMPTY:
        return {}
    found = _object_in(_FENCE.sub("", text.strip()).strip())
    return found if found is not None else {BROKEN: text[:_KEPT]}


def broken_arguments(arguments: Mapping[str, Any]) -> str | None:
    """Return what the model wrote instead of a JSON object; None for arguments that were read."""
    written = arguments.get(BROKEN) if len(arguments) == 1 else None
    return written if isinstance(written, str) else None


def _object_in(text: str, depth: int = 0) -> dict[str, Any] | None:
    try:
        value, end = _DECODER.raw_decode(text)
        rest = text[end:].strip()
        if rest.strip("}") and value == {}:
            value, end = _DECODER.raw_decode(rest)
            rest = rest[end:].strip()
        if rest.strip("}") and _DECODER.raw_decode(rest) != (value, len(rest)):
            return None
    except (ValueError, RecursionError):
        return None
    if isinstance(value, str) and depth == 0:
        return _object_in(value.strip(), depth + 1)
    return value if isinstance(value, dict) else None


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError("a number beyond the range of floating point")
    return number


def _refuse(constant: str) -> float:
    raise ValueError(f"{constant} is not JSON")


_DECODER = json.JSONDecoder(strict=False, parse_float=_finite, parse_constant=_refuse)
