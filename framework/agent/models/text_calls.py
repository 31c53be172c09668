"""Tool calls that a model wrote as text, in the forms that small models and bare servers are known for."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Collection, Iterator
from typing import Any

from framework.values import Json

Call = tuple[str, dict[str, Any]]

LONGEST = 20_000
"""Characters of a text that is looked through for calls."""
_CALLS = 16
_TAGS = re.compile(
    r"</?(?:tool_calls?|tool_code|function_calls?|functioncall|minimax:tool_call)>|<\|[\w/]{1,40}\|?>|\[/?TOOL_\w{1,10}\]|<｜[^｜<>]{1,40}｜>",
    re.IGNORECASE,
)
_FENCE = re.compile(r"```[\w.-]{0,20}\s*|```")
_NAMED = re.compile(r"<(?:function=|[^<>\s]{0,12}invoke\s+name=)\"?([\w./:-]{1,100})\"?\s*>")
_PARAMETER = re.compile(r"<[^<>\s]{0,12}parameter(?:=|\s+name=)\"?([\w.-]{1,100})\"?(?:\s[^<>]{0,40})?>")
_PARAMETER_END = re.compile(r"</[^<>\s]{0,12}parameter>")
_GEMMA = re.compile(r"call:([\w.-]{1,64})\{([^{}]{0,4000})\}")
_GEMMA_VALUE = re.compile(r"([\w.-]{1,64}):(?:<escape>([^<]{0,4000})<escape>|([^,<{}]{1,200}))")
_VALUE_END = re.compile(r"</arg_value>")
_KEY = re.compile(r"<arg_key>([^<]{1,100})</arg_key>\s*<arg_value>")
_NAME_FIRST = re.compile(r"\s*(?:functions?\.)?([\w./-]{1,100}?)(?::\d{1,4})?\s*(?=[{\n<]|$)")
_ARGUMENTS_BEGIN = re.compile(r"\[ARGS\]|<\|tool_call_argument_begin\|>|<｜tool▁sep｜>(?=\s*\{)")
_STARTS = re.compile(r"\s*(?:```(?:json|tool_call|tool_code|python|xml)?\s*)?[\[{]|\s*```tool_(?:call|code)\s")
_CANDIDATE = re.compile(r"`{1,3}(?:\Z|(?<=```))|\{")
_FENCE_OPEN = re.compile(r"```([\w-]{0,20})\s")
_LANGUAGES = ("", "json", "tool_call", "tool_code", "xml")
_KEYS = ("name", "tool", "tool_name", "function", "tool_calls", "action", "type", "id", "arguments", "parameters")


def may_be_call(text: str) -> bool:
    """Whether an answer that begins so may turn out to be nothing but a call: JSON, bare or in a fence."""
    head = text.lstrip()[:40]
    return _STARTS.match(head) is not None or (
        head.startswith("`") and "```json\n".startswith(head.lower()[:8]) and len(head) < 12
    )


def call_place(text: str, *, first: bool) -> int:
    """From where on a text may turn out to be a call, while it comes; its length if nowhere. `first`: it begins an
    answer, which may be a call in any form; later on, only an object that names something, or a marked fence, may be.
    """
    if first and (not text.strip() or may_be_call(text)):
        return 0
    places = (place.start() for place in _CANDIDATE.finditer(text))
    return next((place for place in places if _may_be_named(text[place : place + 200])), len(text))


def _may_be_named(text: str) -> bool:
    """Whether a text that begins with a fence or a brace may be an object that names a tool."""
    if text.startswith("`"):
        fence = _FENCE_OPEN.match(text)
        if fence is None:
            return any(f"```{language}\n".startswith(text) for language in _LANGUAGES)
        if fence[1].startswith("tool_"):
            return True
        if fence[1] not in _LANGUAGES:
            return False
        text = text[fence.end() :].lstrip().removeprefix("[").lstrip()
    inner = text[1:].lstrip()
    fits = (not inner or f'"{key}"'.startswith(inner) or inner.startswith(f'"{key}"') for key in _KEYS)
    return not text or (text.startswith("{") and any(fits))


def calls_in(text: str, known: Collection[str], *, named: str = "", marked: bool) -> list[Call]:
    """Return the calls that a text is. `marked`: a model's own mark said that it is one. Otherwise only a whole text
    that names a tool in `known` is a call. `named`: the tool whose arguments the text is. Empty where it is none.
    """
    text = text[:LONGEST]
    if named:
        found = next(_objects(text), None)
        return [(named, found)] if isinstance(found, dict) else []
    for read in (_gemma, _tagged, _by_name, _as_json, _as_python) if marked else (_as_json, _as_python):
        calls = read(text, known, marked)
        if calls:
            return calls[:_CALLS]
    return []


def _gemma(text: str, known: Collection[str], marked: bool) -> list[Call]:
    """`call:NAME{KEY:<escape>VALUE<escape>}`, with other marks around texts in later versions."""
    plain = text.replace('<|"|>', "<escape>")
    return [
        (
            call[1],
            {
                value[1]: value[2] if value[2] is not None else _value(value[3].strip())
                for value in _GEMMA_VALUE.finditer(call[2])
            },
        )
        for call in _GEMMA.finditer(plain)
    ]


def _tagged(text: str, known: Collection[str], marked: bool) -> list[Call]:
    """`<function=NAME><parameter=KEY>VALUE</parameter></function>`, and `<invoke name="NAME">` alike."""
    calls: list[Call] = []
    places = list(_NAMED.finditer(text))
    ends = [*(place.start() for place in places[1:]), len(text)]
    for place, end in zip(places, ends, strict=False):
        body = text[place.end() : end]
        values = _values(body, _PARAMETER, _PARAMETER_END)
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
        values = _values(body, _KEY, _VALUE_END)
        found = next(_objects(body), None)
        if values or isinstance(found, dict):
            calls.append((name[1], values or dict(found or {})))
        elif name[1] in known and not body.strip("`;, \n"):
            calls.append((name[1], {}))
    return calls


def _values(body: str, key: re.Pattern[str], end: re.Pattern[str]) -> dict[str, Any]:
    """By name what stands behind each key; a key may say that its value is a text, whatever it looks like."""
    values: dict[str, Any] = {}
    for place in key.finditer(body):
        ends = end.search(body, place.end())
        written = body[place.end() : ends.start() if ends else len(body)].strip()
        values[place[1].strip()] = written if 'string="true"' in place[0] else _value(written)
    return values


def _value(written: str) -> Json:
    try:
        return json.loads(written)
    except (ValueError, RecursionError):
        return written


def _as_json(text: str, known: Collection[str], marked: bool) -> list[Call]:
    """`{"name": ..., "arguments": {...}}` or a list of them; `parameters`, `args` and OpenAI's own form alike."""
    stripped = _TAGS.sub(" ", text)
    rest = _FENCE.sub(" ", stripped).strip(" \n;,")
    if not marked and not (rest[:1] in "{[" and rest[-1:] in "}]"):
        return []
    values = [one for value in _objects(rest) for one in _listed(value)]
    calls = [call for value in values if isinstance(value, dict) and (call := _call_of(value)) is not None]
    if len(calls) != len(values) or (not marked and any(name not in known for name, _ in calls)):
        return []
    return calls


def _listed(value: Json) -> list[Json]:
    """One call or several: a list of them, or OpenAI's own form around it."""
    if isinstance(value, dict) and isinstance(value.get("tool_calls"), list):
        value = value["tool_calls"]
    return value if isinstance(value, list) else [value]


def _call_of(value: dict[str, Any]) -> Call | None:
    inner = value.get("function")
    if isinstance(inner, dict):
        value = inner
    name = (
        value.get("name")
        or value.get("tool_name")
        or value.get("tool")
        or value.get("action")
        or (inner if isinstance(inner, str) else None)
    )
    if not isinstance(name, str):
        return None
    keys = ("arguments", "parameters", "args", "input", "tool_input", "action_input")
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
