"""Addresses of articles: what a bot's patterns and the articles themselves say."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from framework.definition.model import BotDefinition
from framework.definition.parts.knowledge_url import article_url

SITE = "https://help.example.com/{path}#{anchor}"


def address(patterns: Any, file: str, heading: str = "", own: str = "") -> str:
    definition = BotDefinition.model_validate({"knowledge_url": patterns})
    return article_url(own, file, heading, ("knowledge", "faq.md"), definition.knowledge_url)


@pytest.mark.parametrize(
    ("patterns", "file", "heading", "own", "expected"),
    [
        (SITE, "knowledge/a/ship costs.md", "To Spain › Big & heavy", "", "https://help.example.com/a/ship%20costs#big-heavy"),
        (SITE, "knowledge/returns.md", "", "", "https://help.example.com/returns"),
        (SITE, "faq.md", "Größe", "", "https://help.example.com/faq#gr%C3%B6%C3%9Fe"),
        ("https://x.org/?a={file}", "knowledge/a/b.pdf", "", "", "https://x.org/?a=a/b.pdf"),
        ({"guides/*": "https://d.org/{name}"}, "knowledge/guides/start.md", "", "", "https://d.org/start"),
        ({"guides/*": "https://d.org/{name}"}, "knowledge/other.md", "", "", ""),
        (SITE, "knowledge/a.md", "B", "https://own.example/a", "https://own.example/a"),
        (SITE, "knowledge/a.md", "B", "/pages/a", "https://help.example.com/pages/a"),
        (SITE, "knowledge/a.md", "", "javascript:alert(1)", "https://help.example.com/a"),
        (SITE, "knowledge/a.md", "", "//[x", "https://help.example.com/a"),
        ({}, "knowledge/a.md", "", "/pages/a", ""),
        ({}, "knowledge/a.md", "", "javascript:alert(1)", ""),
        ({}, "knowledge/a.md", "", "http:///x", ""),
        ({}, "knowledge/a.md", "", "https://[x", ""),
    ],
)  # fmt: skip
def test_the_address_of_a_passage(patterns: Any, file: str, heading: str, own: str, expected: str) -> None:
    assert address(patterns, file, heading, own) == expected


@pytest.mark.parametrize(
    "wrong", ["help.example.com/{path}", "javascript:{path}", "https://{name}", "https://x.org/{slug}", "https://x y"]
)
def test_what_is_no_address_is_refused(wrong: str) -> None:
    with pytest.raises(ValidationError, match="knowledge_url"):
        BotDefinition.model_validate({"knowledge_url": wrong})
