"""What one server was found to refuse, and how a request is put so that it takes it."""

from __future__ import annotations

import copy
import hashlib
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from framework.values import Json

Payload = dict[str, Any]
ECHOES = "with its own thoughts beside its calls"

_TOOL_KEYS = ("tools", "tool_choice", "parallel_tool_calls")
_KEPT_KEYS = frozenset({"model", "messages", "stream", "tools"})
_SCHEMA_KEYS = (
    *("additionalProperties", "$schema", "$defs", "$ref", "default", "title", "format", "const", "strict"),
    *("exclusiveMinimum", "exclusiveMaximum", "minLength", "maxLength", "minItems", "maxItems", "pattern"),
)
_UNSUPPORTED = re.compile(
    r"not support|unsupported|n't support|not allowed|not permitted|not enabled|not implemented|unrecognized|unknown"
    r"|unexpected|extra|forbidden|invalid|requires|no endpoints|only|not available"
)
_NO_TOOLS = re.compile(
    r"support (?:for )?(?:tool|function)|(?:tools?|tool use|tool calls?|function calling)\b[^.]{0,60}not\b"
    r"|unsupported[^.]{0,30}tool|enable-auto-tool-choice|tool-call-parser|--jinja|support tool"
)
_NAMED_FUNCTION = re.compile(r"(?:function|tool) [\"'`]([\w.-]{1,100})[\"'`]")
_ROLES = re.compile(
    r"alternat|consecutive|roles? must|must be (?:a |from )?(?:the )?[\"'`]?user|expected last role"
    r"|must (?:start|end) with"
)
_BLANK = re.compile(
    r"non-?empty|(?:cannot|must not|can't|may not) be (?:empty|blank|null)|content is required|empty content"
    r"|minlength|at least 1 char"
)
_STRING = re.compile(r"string")
_CONTENT = re.compile(r"content")
_LISTS = re.compile(r"list|array|sequence|must be|should be|expected|valid string")
_IMAGES = re.compile(r"image|vision|multimodal|multi-modal")
_SYSTEM = re.compile(
    r"(?:system|developer)\b[^.]{0,40}(?:role|message|instruction|prompt)|role[^.]{0,20}(?:system|developer)"
)
_NULL = re.compile(r"content\b.{0,60}\b(?:null|none|nonetype)\b|\b(?:null|none)\b.{0,40}\bcontent\b")
_NAME = re.compile(r"messages[\W\d]{0,8}name\b|property [\"'`]?name\b|[\"'`]name[\"'`][^.]{0,30}(?:unsupported|not)")
_CALL_ID = re.compile(r"tool[ _]call[ _]?id")
_ID_FORM = re.compile(r"length of 9|a-z|pattern|format|must be|too long")
_NO_STREAM = re.compile(
    r"stream(?:ing)?\b[^._]{0,40}(?:not|unsupported|must be false)|(?:not|n't) support (?:\w+ )?stream(?:ing)?\b(?!_)"
    r"|(?:cannot|can't|not) (?:use|be used with|combine)[^._]{0,30}stream(?:ing)?\b(?!_)"
)


@dataclass
class ModelDialect:
    """One server's manners, for one model: shared by all who ask it in this process, and learned from its refusals.

    `thinks`: its answers begin with thoughts that no mark opens. `echoes`: it wants its own thoughts back, beside the
    tool calls that they led to.
    """

    dropped: set[str] = field(default_factory=set)
    tools: set[str] = field(default_factory=set)
    schema_keys: set[str] = field(default_factory=set)
    forms: dict[str, None] = field(default_factory=dict)
    thinks: bool = False
    echoes: bool = False

    def adapt(self, payload: Payload) -> Payload:
        """Return the request as this server takes it."""
        if not (self.dropped or self.tools or self.schema_keys or self.forms):
            return payload
        payload = {key: value for key, value in payload.items() if key not in self.dropped}
        if payload.get("tools") and (self.tools or self.schema_keys):
            kept = [tool for tool in payload["tools"] if _name_of(tool) not in self.tools]
            payload["tools"] = _without_keys(kept, self.schema_keys) if self.schema_keys else kept
        if not payload.get("tools"):
            payload = {key: value for key, value in payload.items() if key not in _TOOL_KEYS}
        for form in self.forms:
            payload = _FORMS[form](payload)
        return payload

    def learn(self, words: str, payload: Payload) -> str | None:
        """Read a refusal of `payload`, as it was sent. Return what is done otherwise from now on; None if it says
        nothing that helps.
        """
        said = words[:4_000].lower()
        for lesson in (self._options, self._function, self._schema, self._tools, self._keys, self._form):
            changed = lesson(said, payload)
            if changed is not None:
                return changed
        return None

    def describe(self) -> str:
        """What is done otherwise for this server, for people; empty if nothing is."""
        return ", ".join(
            [
                *(f"without {name}" for name in sorted(self.dropped)),
                *(f"without the tool {name}" for name in sorted(self.tools)),
                *(f"without {name} in schemas" for name in sorted(self.schema_keys)),
                *(_SAID[name] for name in self.forms),
                *([ECHOES] if self.echoes else []),
                *(["its answers begin with thoughts"] if self.thinks else []),
            ]
        )

    def _options(self, said: str, payload: Payload) -> str | None:
        for key in ("stream_options", "tool_choice", "parallel_tool_calls"):
            named = (
                key in said or key.replace("_", " ") in said or (key == "stream_options" and "include_usage" in said)
            )
            if named and key in payload and not (key == "tool_choice" and "requires --" in said):
                return self._drop(key)
        if _NO_STREAM.search(said) and payload.get("stream") and "stream_options" not in said:
            return self._drop("stream", "stream_options")
        return None

    def _function(self, said: str, payload: Payload) -> str | None:
        """A tool whose schema the server cannot take is left out; the others stay."""
        named = _NAMED_FUNCTION.search(said)
        names = {_name_of(tool).lower(): _name_of(tool) for tool in payload.get("tools") or ()}
        if named is None or named[1] not in names or not re.search(r"schema|parameter|invalid", said):
            return None
        if key := self._schema(said, payload):
            return key
        self.tools.add(names[named[1]])
        return f"without the tool {names[named[1]]}"

    def _schema(self, said: str, payload: Payload) -> str | None:
        if not payload.get("tools") or not re.search(r"schema|parameters|function_declarations|tools?[\[.]", said):
            return None
        text = repr(payload["tools"])
        for key in _SCHEMA_KEYS:
            if re.search(rf"(?<![\w$]){re.escape(key.lower())}\b", said) and f"'{key}'" in text:
                self.schema_keys.add(key)
                return f"without {key} in schemas"
        return None

    def _tools(self, said: str, payload: Payload) -> str | None:
        if payload.get("tools") and _NO_TOOLS.search(said):
            return self._drop(*_TOOL_KEYS)
        return None

    def _keys(self, said: str, payload: Payload) -> str | None:
        """An option that the refusal names; the model and the messages stay."""
        if not _UNSUPPORTED.search(said):
            return None
        for key in payload:
            if key not in _KEPT_KEYS and re.search(rf"\b{re.escape(key.lower())}\b", said):
                return self._drop(key)
        if payload.get("tools") and re.search(r"[\"'`.\s]tools[\"'`\s:]", said):
            return self._drop(*_TOOL_KEYS)
        return None

    def _form(self, said: str, payload: Payload) -> str | None:
        for form, fits in _SIGNS.items():
            if form not in self.forms and fits(said) and _FORMS[form](payload) != payload:
                self.forms[form] = None
                return _SAID[form]
        return None

    def _drop(self, *keys: str) -> str:
        self.dropped.update(keys)
        return f"without {keys[0]}"


def _name_of(tool: Mapping[str, Any]) -> str:
    return str((tool.get("function") or {}).get("name", ""))


def _without_keys(value: Json, keys: set[str]) -> Json:
    """A schema without these keys. Properties that happen to be called so stay."""
    if isinstance(value, list):
        return [_without_keys(one, keys) for one in value]
    if not isinstance(value, dict):
        return value
    return {
        key: {name: _without_keys(one, keys) for name, one in inner.items()}
        if key == "properties" and isinstance(inner, dict)
        else _without_keys(inner, keys)
        for key, inner in value.items()
        if key not in keys
    }


def _text_of(content: Json) -> str:
    if isinstance(content, list):
        return "\n".join(str(part.get("text", "")) for part in content if isinstance(part, dict) and part.get("text"))
    return content if isinstance(content, str) else ""


def _each(change: Callable[[Payload], Payload]) -> Callable[[Payload], Payload]:
    def changed(payload: Payload) -> Payload:
        return {**payload, "messages": [change(message) for message in payload["messages"]]}

    return changed


def _flat(message: Payload) -> Payload:
    content = message.get("content")
    return {**message, "content": _text_of(content)} if isinstance(content, list) else message


def _without_images(message: Payload) -> Payload:
    content = message.get("content")
    if not isinstance(content, list):
        return message
    kept = [part for part in content if not (isinstance(part, dict) and part.get("type") == "image_url")]
    note = [{"type": "text", "text": "[a picture that this model cannot see]"}] if len(kept) < len(content) else []
    return {**message, "content": [*kept, *note]}


def _filled(message: Payload) -> Payload:
    content = message.get("content")
    if message.get("tool_calls") and content is None:
        return message
    return message if _text_of(content).strip() or isinstance(content, list) else {**message, "content": "(nothing)"}


def _worded(message: Payload) -> Payload:
    return {**message, "content": ""} if message.get("content") is None else message


def _nameless(message: Payload) -> Payload:
    return {key: value for key, value in message.items() if key != "name"}


def _short_id(written: str) -> str:
    return hashlib.sha256(written.encode()).hexdigest()[:9]


def _short_ids(message: Payload) -> Payload:
    if message.get("tool_calls"):
        calls = [{**call, "id": _short_id(str(call["id"]))} for call in message["tool_calls"]]
        return {**message, "tool_calls": calls}
    if message.get("tool_call_id"):
        return {**message, "tool_call_id": _short_id(str(message["tool_call_id"]))}
    return message


def _without_system(payload: Payload) -> Payload:
    """What the system's messages say stands at the head of the first message of the user."""
    told = [
        _text_of(message["content"]) for message in payload["messages"] if message["role"] in {"system", "developer"}
    ]
    rest = [message for message in payload["messages"] if message["role"] not in {"system", "developer"}]
    if not told:
        return payload
    return {**payload, "messages": _joined([{"role": "user", "content": "\n\n".join(told)}, *rest])}


def _alternating(payload: Payload) -> Payload:
    """The system's word first and once, then the user and the assistant in turns, the user first."""
    told = [message for message in payload["messages"] if message["role"] in {"system", "developer"}]
    rest = [message for message in payload["messages"] if message["role"] not in {"system", "developer"}]
    head = (
        [{"role": "system", "content": "\n\n".join(_text_of(message["content"]) for message in told)}] if told else []
    )
    if rest and rest[0]["role"] == "assistant":
        rest = [{"role": "user", "content": "(the conversation so far)"}, *rest]
    return {**payload, "messages": [*head, *_joined(rest)]}


def _joined(messages: Iterable[Payload]) -> list[Payload]:
    out: list[Payload] = []
    for message in messages:
        last = out[-1] if out else None
        plain = not message.get("tool_calls") and message["role"] in {"user", "assistant"}
        if last is None or not plain or last["role"] != message["role"] or last.get("tool_calls"):
            out.append(copy.copy(message))
        elif isinstance(last["content"], list) or isinstance(message["content"], list):
            last["content"] = [*_parts(last["content"]), *_parts(message["content"])]
        else:
            last["content"] = f"{last['content']}\n\n{message['content']}"
    return out


def _parts(content: Json) -> list[Json]:
    return content if isinstance(content, list) else [{"type": "text", "text": content or ""}]


_FORMS: Mapping[str, Callable[[Payload], Payload]] = {
    "system": _without_system,
    "alternate": _alternating,
    "call_ids": _each(_short_ids),
    "name": _each(_nameless),
    "images": _each(_without_images),
    "filled": _each(_filled),
    "worded": _each(_worded),
    "flat": _each(_flat),
}
_SAID: Mapping[str, str] = {
    "system": "without a system message",
    "alternate": "with the user and the assistant in turns",
    "call_ids": "with short ids of tool calls",
    "name": "without names of authors",
    "images": "without pictures",
    "filled": "without empty messages",
    "worded": "with an empty text beside tool calls",
    "flat": "with plain text as content",
}
_SIGNS: Mapping[str, Callable[[str], bool]] = {
    "alternate": lambda said: _ROLES.search(said) is not None,
    "system": lambda said: _SYSTEM.search(said) is not None and _UNSUPPORTED.search(said) is not None,
    "call_ids": lambda said: _CALL_ID.search(said) is not None and _ID_FORM.search(said) is not None,
    "name": lambda said: _NAME.search(said) is not None,
    "images": lambda said: _IMAGES.search(said) is not None,
    "worded": lambda said: _NULL.search(said) is not None,
    "filled": lambda said: _BLANK.search(said) is not None,
    "flat": lambda said: all(sign.search(said) for sign in (_CONTENT, _STRING, _LISTS)),
}

_dialects: dict[tuple[str, str], ModelDialect] = {}


def dialect_of(url: str, model: str) -> ModelDialect:
    """The manners of a model at an address, learned so far in this process."""
    return _dialects.setdefault((url, model), ModelDialect(thinks=begins_with_thoughts(model)))


_THINKERS = re.compile(r"deepseek-?r1|r1-distill|qwq|thinking|reasoner|magistral|-r1\b", re.IGNORECASE)


def begins_with_thoughts(model: str) -> bool:
    """Whether models of this name are known to begin with thoughts that their chat template opens for them."""
    return _THINKERS.search(model) is not None
