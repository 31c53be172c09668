"""Texts that give a language model instructions: phrases that people use for it, and the marks of chat templates."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

from framework.definition.expressions.patterns import LinearPattern

_OURS = r"\b(?:previous|prior|above|earlier|all|your|the|system)\b"
_ON = r"(?:, ?(?:please|bitte|por favor|s'il (?:vous|te) plaît|per favore),?|: ?)?[^.,;!?]{0,30}"
"""To what the verb belongs: "ignore my last message, I found the instructions" asks nothing of a model."""
_PHRASES = (
    rf"\b(?:ignore|disregard|forget|override)\b{_ON}{_OURS}[^.;!?]{{0,20}}\b(?:instruction|prompt|rule|guideline)s?\b",
    r"\b(?:reveal|show|print|repeat|output)\b.{0,30}\b(?:system|hidden|initial|secret) (?:prompt|instructions?)\b",
    r"\byou are (?:now|no longer)\b.{0,40}\b(?:dan|jailbr\w+|unrestricted|developer mode|an? ai|assistant|bot)\b",
    r"\b(?:enable|enter|activate)\b.{0,15}\b(?:developer|god|debug|jailbreak) mode\b",
    r"\b(?:new|updated) (?:system )?instructions?\s?:",
    rf"\b(?:ignoriere|vergiss|missachte)\b{_ON}\b(?:anweisung|vorgabe|regel|befehl|prompt)\w{{0,3}}\b",
    rf"\b(?:ignora|olvida)\b{_ON}\b(?:instruccion|regla|indicacion|orden|istruzion|regol)\w{{0,4}}\b",
    rf"\b(?:ignore|oublie)[zs]?\b{_ON}\b(?:instruction|consigne|règle|directive)s?\b",
    r"<\|?(?:im_start|im_end|system|assistant|endoftext|start_header_id|eot_id)\|?>|\[/?INST\]|<</?SYS>>",
    r"(?:^|\n)\s{0,3}(?:#{1,3} ?)?(?:system|assistant|developer) ?(?:message|prompt)?\s?:\s",
)


def instructions_in(text: str) -> Iterator[tuple[int, int]]:
    """Where the text gives instructions to a model, as [0, length): once for the whole text."""
    if any(pattern.matches(text) for pattern in _patterns()):
        yield 0, len(text)


@cache
def _patterns() -> tuple[LinearPattern, ...]:
    return tuple(LinearPattern(phrase, ignore_case=True) for phrase in _PHRASES)
