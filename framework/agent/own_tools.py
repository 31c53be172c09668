"""The tools that the agent brings itself: their names, and those two with which a model ends a turn. No rule of a bot
applies to them.
"""

from __future__ import annotations

from typing import Annotated, Literal

from langchain_core.tools import BaseTool, tool
from pydantic import Field

from framework.agent.conversation import HandoverRequested, Outcome

SEARCH = "search_knowledge"
OFFER_PERSON = "offer_person"
HAND_OVER = "hand_over"
REMEMBER, RECALL, FORGET = "remember_fact", "recall_facts", "forget_facts"
PROMISE, LIST_PROMISES, TAKE_BACK = "promise", "list_promises", "cancel_promises"

BUILT_IN = frozenset({SEARCH, OFFER_PERSON, HAND_OVER, REMEMBER, RECALL, FORGET, PROMISE, LIST_PROMISES, TAKE_BACK})


@tool(OFFER_PERSON, return_direct=True, response_format="content_and_artifact")
def offer_person(
    reply: Annotated[str, Field(description="What to tell the customer, in their language, one to three sentences.")],
    because: Annotated[
        Literal["no_evidence", "not_certain"],
        Field(description="no_evidence: nothing answers it. not_certain: something comes near, and `reply` names it."),
    ],
) -> tuple[str, Outcome]:
    """Call this instead of writing an answer when the articles and tools do not answer the question, or only perhaps:
    it sends `reply`, which says so honestly and offers a person. It must not guess.
    """
    return reply, "refused" if because == "no_evidence" else "unsure"


def handover_tool(said: str) -> BaseTool:
    """The tool `hand_over`. The turn ends with it; the customer is told `said`."""

    @tool(HAND_OVER, return_direct=True, response_format="content_and_artifact")
    def hand_over(
        reason: Annotated[str, Field(description="Why a person has to take over, in a few words.")],
        summary: Annotated[
            str,
            Field(description="For that person: who wants what, what was tried, what is open. Two to five sentences."),
        ],
    ) -> tuple[str, HandoverRequested]:
        """Hand this conversation over to a person of the team: when the customer asks for one, is upset, or needs what
        you cannot do. You stay silent afterwards until the team hands back.
        """
        return said, HandoverRequested(reason.strip(), summary.strip())

    return hand_over
