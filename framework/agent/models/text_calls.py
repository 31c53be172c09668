"""Tool calls that a model wrote as text, in the forms that small models and bare servers are known for."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Collection, Iterator
from typing import Any

Call = tuple[str, dict[str, Any]]

LONGEST = 20_000
"""Characters of a text that is looked through for calls."""
_CALLS = 16
_TAGS = re.compile(
    r"</?(?:tool_calls?|tool_code|function_calls?|functioncall|minimax:tool_call)>|<\|[\w/]{1,40}\|?>|\[/?TOOL_\w{1,10}\]|<｜[^｜<>]{1,40}｜>",
    re.IGNORECASE,
)
_FENCE = re.compile(r"```[\w.-]{0,20}\s*|```")
_NAMED = re.compile(r"<(?:function=|invoke\s+name=)\"?([\w./:-]{1,100})\"?\s*>")
_PARAMETER = re.compile(r"<parameter(?:=|\s+name=)\"?([\w.-]{1,100})\"?\s*>")
_KEY = re.compile(r"<arg_key>([^<]{1,100})</arg_key>\s*<arg_value>")
_NAME_FIRST = re.compile(r"\s*(?:functions?\.)?([\w./-]{1,100}?)(?::\d{1,4})?\s*(?=[{\n<]|$)")
_ARGUMENTS_BEGIN = re.compile(r"\[ARGS\]|<\|tool_call_argument_begin\|>")
_STARTS = re.compile(r"\s*(?:```(?:json|tool_call|tool_code|python|xml)?\s*)?[\[{]")


def may_be_call(text: str) -> bool:
    """Whether an answer that begins so may turn out to be nothing but a call: JSON, bare or in a fence."""
    head = text.lstrip()[:40]
    return _STARTS.match(head) is not None or (
        head.startswith("`") and "```json\n".startswith(head.lower()[:8]) and len(head) < 12
    )


def calls_in(text: str, known: Collection[str], *, named: str = "", marked: bool) -> list[Call]:
    """Return the calls that a text is. `marked`: a model's own mark said that it is one. Otherwise only a whole text
    that names a tool in `known` is a call. `named`: the tool whose arguments the text is. Empty where it is none.
    """
    text = text[:LONGEST]
    if named:
        found = next(_objects(text), None)
        return [(named, found)] if isinstance(found, dict) else []
    for read in (_tagged, _by_name, _as_json, _as_python) if marked else (_as_json, _as_python):
        calls = read(text, known, marked)
        if calls:
            return calls[:_CALLS]
    return []


def _tagged(text: str, known: Collection[str], marked: bool) -> list[Call]:
    """`<function=NAME><parameter=KEY>VALUE</parameter></function>`, and `<invoke name="NAME">` alike."""
    calls: list[Call] = []
    places = list(_NAMED.finditer(text))
    ends = [*(place.start() for place in places[1:]), len(text)]
    for place, end in zip(places, ends, strict=False):
        body = text[place.end() : end]
        values = _values(body, _PARAMETER, "</parameter>")
        if not values and (found := next(_objects(body), None)) is not None and isinstance(found, dict):
            values = found
        calls.append((place[1], values))
    return calls


def _by_name(text: str, known: Collection[str], marked: bool) -> list[Call]:
    """A name first, then its arguments: as JSON, or as `<arg_key>` and `<arg_value>`."""
    calls: list[Call] = []
    for part in filter(str.strip, _TAGS.split(_ARGUMENTS_BEGIN.sub(" ", text))):
        name = _NAME_FIRST.match(part)
        if name is None or (name[1] not in known and "{" not in part and "<arg_key>" not in part):
            continue
        body = part[name.end() :]
        values = _values(body, _KEY, "</arg_value>")
        found = next(_objects(body), None)
        if values or isinstance(found, dict):
            calls.append((name[1], values or dict(found or {})))
        elif name[1] in known and not body.strip("`;, \n"):
            calls.append((name[1], {}))
    return calls


def _values(body: str, key: re.Pattern[str], end: str) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for place in key.finditer(body):
        written = body[place.end() :].partition(end)[0].strip()
        try:
            values[place[1].strip()] = json.loads(written)
        except ValueError:
            values[place[1].strip()] = written
    return values


def _as_json(text: str, known: Collection[str], marked: bool) -> list[Call]:
    """`{"name": ..., "arguments": {...}}` or a list of them; `parameters`, `args` and OpenAI's own form alike."""
    stripped = _TAGS.sub(" ", text)
    rest = _FENCE.sub(" ", stripped).strip(" \n;,")
    if not marked and not (rest[:1] in "{[" and rest[-1:] in "}]"):
        return []
    values = [one for value in _objects(rest) for one in (value if isinstance(value, list) else [value])]
    calls = [call for value in values if isinstance(value, dict) and (call := _call_of(value)) is not None]
    if len(calls) != len(values) or (not marked and any(name not in known for name, _ in calls)):
        return []
    return calls


def _call_of(value: dict[str, Any]) -> Call | None:
    inner = value.get("function")
    if isinstance(inner, dict):
        value = inner
    name = (
        value.get("name") or value.get("tool_name") or value.get("tool") or (inner if isinstance(inner, str) else None)
    )
    if not isinstance(name, str):
        return None
    keys = ("arguments", "parameters", "args", "input", "tool_input")
    given: Any = next((value[key] for key in keys if key in value), {})
    if isinstance(given, str):
        try:
            given = json.loads(given or "{}")
        except ValueError:
            return None
    return (name.removeprefix("functions."), given or {}) if given is None or isinstance(given, dict) else None


def _objects(text: str) -> Iterator[Any]:
    """The JSON values in a text, one after the other."""
    place = 0
    for _ in range(_CALLS):
        starts = [n for n in (text.find("{", place), text.find("[", place)) if n >= 0]
        if not starts:
            return
        try:
            value, place = _DECODER.raw_decode(text, min(starts))
        except (ValueError, RecursionError):
            return
        yield value


def _as_python(text: str, known: Collection[str], marked: bool) -> list[Call]:
    """`[name(key="value")]` or `print(name(key="value"))`: calls with plain values, of tools that are known."""
    source = _FENCE.sub(" ", _TAGS.sub(" ", text)).strip()
    if not any(f"{name}(" in source for name in known):
        return []
    try:
        tree = ast.parse(source, mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return []
    nodes = tree.elts if isinstance(tree, (ast.List, ast.Tuple)) else [tree]
    calls = [_python_call(node, known) for node in nodes]
    return [call for call in calls if call is not None] if all(calls) else []


def _python_call(node: ast.expr, known: Collection[str]) -> Call | None:
    if not isinstance(node, ast.Call):
        return None
    name = ast.unparse(node.func).rpartition(".")[2]
    if name == "print" and len(node.args) == 1:
        return _python_call(node.args[0], known)
    if name not in known or node.args:
        return None
    try:
        return name, {keyword.arg: ast.literal_eval(keyword.value) for keyword in node.keywords if keyword.arg}
    except (ValueError, RecursionError):
        return None


_DECODER = json.JSONDecoder()
