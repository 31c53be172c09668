"""The tool with which a model hands over to a person."""

from __future__ import annotations

from typing import Annotated

from langchain_core.tools import BaseTool, tool
from pydantic import Field

from framework.agent.builtin import HAND_OVER
from framework.agent.conversation import HandoverRequested


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
