"""The search over a bot's articles as a tool of its agent."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Literal, Protocol

from pydantic import BaseModel, Field

from framework.agent.conversation import Utterance
from framework.agent.knowledge.search.evidence import Evidence
from framework.agent.own_tools import SEARCH

if TYPE_CHECKING:
    from langchain_core.tools import BaseTool


class SaidBefore(BaseModel):
    """Something said before."""

    who: Literal["user", "bot"]
    text: str


class Searchable(Protocol):
    """What the tool searches."""

    def search(self, question: str, history: Sequence[Utterance] = ()) -> Evidence:
        """Find what answers a question, in the light of what was said before."""


def knowledge_tool(base: Searchable) -> BaseTool:
    """The tool `search_knowledge`. Its text holds numbered passages for a language model to read, as data; its artifact
    is the `Evidence`.
    """
    from langchain_core.tools import tool

    @tool(SEARCH, response_format="content_and_artifact")
    def search_knowledge(
        question: Annotated[str, Field(description="What to look for: one question that stands on its own.")],
        history: Annotated[
            list[SaidBefore] | None,
            Field(description="What was said before, oldest first; only where the question needs it to be understood."),
        ] = None,
    ) -> tuple[str, Evidence]:
        """Search the company's help articles. Returns the passages that fit best, with the titles of their articles."""
        said = tuple(Utterance(turn.who, turn.text) for turn in history or ())
        evidence = base.search(question, said)
        return as_text(evidence), evidence

    return search_knowledge


def as_text(evidence: Evidence) -> str:
    """The passages as a language model reads them."""
    if not evidence.passages:
        return "No article says anything about this."
    return "\n\n".join(
        f"[{number}] {passage.source.title}{f' › {passage.source.heading}' if passage.source.heading else ''}\n"
        f"{passage.text}"
        for number, passage in enumerate(evidence.passages, 1)
    )
