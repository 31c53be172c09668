"""Reasons for counts: a closed set, whatever a person reads in the log."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

import framework.runtime
from framework.agent.conversation import Answer
from framework.runtime.core.outcome import Failed, HandedOff, Replied, Silent
from framework.runtime.core.reasons import OTHER, REASONS, label_of

ROOT = Path(framework.runtime.__file__).parent
SAYS = {"Skip", "Silent", "No"}


def texts() -> list[str]:
    """Every reason for silence that stands in the code as a text, with {} for what is filled in."""
    found = []
    for file in sorted(ROOT.rglob("*.py")):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in SAYS and node.args:
                found += _text(node.args[0])
    return found


def _text(node: ast.expr) -> list[str]:
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return [node.value]
    if isinstance(node, ast.JoinedStr):
        parts = [str(part.value) if isinstance(part, ast.Constant) else "x" for part in node.values]
        return ["".join(parts)]
    return []


@pytest.mark.parametrize("text", texts())
def test_every_reason_in_the_code_has_a_label(text: str) -> None:
    outcome, label = label_of(Silent(text))
    assert outcome == "silent"
    assert label in REASONS - {OTHER}, text


@pytest.mark.parametrize(
    ("text", "label"),
    [
        ("the bot is not mentioned", "not_addressed"),
        ("no trigger fits (every message)", "no_trigger"),
        ("ann is of the team", "team"),
        ("Mo of the team wrote meanwhile", "team"),
        ("more than 20 turns of this person within a minute", "budget"),
        ("the budget of this channel for today is spent", "budget"),
        ("8 replies in a row without a message of another person", "loop"),
        ("the role guest is not among those that it answers", "not_for_them"),
        ("a rule of somebody's own", OTHER),
    ],
)
def test_what_is_put_together_has_a_label(text: str, label: str) -> None:
    assert label_of(Silent(text)) == ("silent", label)


def test_other_outcomes() -> None:
    assert label_of(Replied("r", Answer("a", "unsure"))) == ("unsure", "none")
    assert label_of(Replied("r", Answer("a", "answered"), stopped=True)) == ("stopped", "none")
    assert label_of(HandedOff("the customer wrote `my card is 4242`", "tool")) == ("handed_over", "tool")
    assert label_of(Failed("boom")) == ("failed", "failed")
