"""One piece of an answer, read from whatever form a server gave it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

CUT, FILTERED = "length", "content_filter"
"""Reasons to stop: a limit of the answer's length; a filter of the server's."""
_REASONING = ("reasoning_content", "reasoning", "thinking", "reasoning_details")
_TEXT_PARTS = frozenset({"text", "output_text"})
_REASONS: Mapping[str, str] = {
    **dict.fromkeys(("max_tokens", "model_length", "max_length", "max_output_tokens", "token_limit"), CUT),
    **dict.fromkeys(("safety", "recitation", "blocklist", "prohibited_content", "spii", "filter"), FILTERED),
}
_COUNTS: Mapping[str, tuple[str, ...]] = {
    "prompt_tokens": ("prompt_tokens", "input_tokens", "prompt_eval_count"),
    "completion_tokens": ("completion_tokens", "output_tokens", "eval_count"),
    "total_tokens": ("total_tokens",),
}

Usage = dict[str, int]


@dataclass(frozen=True)
class AnswerPiece:
    """`text` belongs to the answer, `thought` to what led to it, `refusal` says why there is none. `whole`: the text is
    the answer so far, or all of it, and not only what comes next. `problem` is the server's error.
    """

    text: str = ""
    thought: Any = None
    refusal: str = ""
    calls: list[Any] = field(default_factory=list)
    finish: str | None = None
    usage: Usage | None = None
    problem: object = None
    whole: bool = False


def read_piece(event: Mapping[str, Any]) -> AnswerPiece:
    """Read one object that a server sent, in the form of OpenAI's chat or text completions, or of Ollama's own."""
    choice = _choice(event)
    usage = _usage(event, choice)
    problem = _problem(event, choice)
    if problem is not None or choice is None:
        return AnswerPiece(problem=problem, usage=usage)
    told, whole = choice.get("delta"), False
    if not isinstance(told, dict):
        told, whole = choice.get("message"), True
    delta: Mapping[str, Any] = told if isinstance(told, dict) else {"content": choice.get("text")}
    whole = whole and isinstance(told, dict) and "done" not in choice
    content = delta.get("content")
    thought = next((delta[name] for name in _REASONING if delta.get(name)), None)
    if _is_thought(delta):
        thought, content = thought or content, None
    refused = _of_parts(content, "refusal", frozenset({"refusal"}))
    return AnswerPiece(
        text=_text(content).replace("\0", ""),
        thought=thought,
        refusal=str(delta.get("refusal") or refused),
        calls=_calls(delta),
        finish=_reason(choice),
        usage=usage,
        whole=whole,
    )


def joined(usage: Usage | None, more: Usage | None) -> Usage | None:
    """The counts of one answer so far: servers send them once, in parts, or all so far in every piece."""
    if usage is None or more is None:
        return usage or more
    counted = {name: max(usage[name], more[name]) for name in usage}
    counted["total_tokens"] = max(counted["total_tokens"], counted["prompt_tokens"] + counted["completion_tokens"])
    return counted


def _choice(event: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """The first choice; Ollama's own form has the message without any."""
    choices = event.get("choices")
    if isinstance(choices, dict):
        choices = [choices]
    if not isinstance(choices, list):
        if isinstance(event.get("message"), dict):
            return {**event, "finish_reason": event.get("done_reason")}
        return None
    return next((one for one in choices if isinstance(one, dict) and one.get("index") in {None, 0, "0"}), None)


def _problem(event: Mapping[str, Any], choice: Mapping[str, Any] | None) -> object:
    problem = event.get("error") or (choice or {}).get("error")
    if problem:
        return problem
    if choice is not None:
        return "no reason was given" if choice.get("finish_reason") == "error" else None
    message = event.get("message") or event.get("detail")
    return {**event, "message": str(message)} if message else None


def _calls(delta: Mapping[str, Any]) -> list[Any]:
    calls = delta.get("tool_calls")
    if isinstance(calls, dict):
        calls = [calls]
    if isinstance(calls, list) and calls:
        return calls
    legacy = delta.get("function_call")
    return [{"index": 0, "function": legacy}] if isinstance(legacy, dict) else []


def _reason(choice: Mapping[str, Any]) -> str | None:
    reason = choice.get("finish_reason")
    return _REASONS.get(str(reason).lower(), str(reason)) if reason else None


def _is_thought(delta: Mapping[str, Any]) -> bool:
    """Gemini's compatible address marks pieces that are thoughts, and gives them as content."""
    extra = delta.get("extra_content")
    google = extra.get("google") if isinstance(extra, dict) else None
    return bool(isinstance(google, dict) and google.get("thought")) or delta.get("thought") is True


def _text(content: object) -> str:
    """The words of a content, which may come as parts; thoughts among them are left out."""
    if isinstance(content, str):
        return content
    if isinstance(content, (int, float)) and not isinstance(content, bool):
        return str(content)
    return _of_parts(content, "text", _TEXT_PARTS)


def _of_parts(content: object, key: str, kinds: frozenset[str]) -> str:
    parts = content if isinstance(content, list) else []
    return "".join(
        str(part.get(key) or "")
        for part in parts
        if isinstance(part, dict) and part.get("type", "text") in kinds and part.get("thought") is not True
    )


def _usage(event: Mapping[str, Any], choice: Mapping[str, Any] | None) -> Usage | None:
    groq = event.get("x_groq")
    places = (event.get("usage"), (choice or {}).get("usage"), groq.get("usage") if isinstance(groq, dict) else None)
    told = next((one for one in places if isinstance(one, dict)), event if "eval_count" in event else None)
    if told is None:
        return None
    counted = {name: max((_count(told.get(key)) for key in keys), default=0) for name, keys in _COUNTS.items()}
    counted["total_tokens"] = counted["total_tokens"] or counted["prompt_tokens"] + counted["completion_tokens"]
    return counted if any(counted.values()) else None


def _count(value: object) -> int:
    try:
        return max(0, int(float(value))) if isinstance(value, (int, float, str)) else 0
    except (ValueError, OverflowError):
        return 0
