"""The tool calls of one answer, put together from the pieces in which servers send them."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from framework.agent.models.arguments import read_arguments


@dataclass
class _Pieces:
    id: str = ""
    name: str = ""
    written: str = ""
    given: Mapping[str, Any] | None = None

    def add(self, name: str, arguments: object) -> None:
        if name and not self.name.endswith(name):
            self.name += name
        if isinstance(arguments, Mapping):
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
            if isinstance(piece, Mapping):
                self._add(piece)

    def _add(self, piece: Mapping[str, Any]) -> None:
        function = piece.get("function")
        told: Mapping[str, Any] = function if isinstance(function, Mapping) else piece
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
