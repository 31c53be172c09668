"""Asks the person at an MCP client, by elicitation, in both eras of the protocol."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mcp_types import ElicitRequest, ElicitRequestFormParams, ElicitResult, InputRequiredResult
from mcp_types.version import MODERN_PROTOCOL_VERSIONS

if TYPE_CHECKING:
    from fastmcp import Context

    from framework.catalog.execution.approvals import Question

ANSWER = "approval"
LONGEST = 10_000
"""Characters of a question that a client is trusted to show in full."""


class AskFirst(Exception):  # noqa: N818 - no error: it ends this round of the call, the answer comes in the next one
    """The client has to be asked before the call can go on; `result` is what asks it."""

    def __init__(self, result: InputRequiredResult) -> None:
        super().__init__("input required")
        self.result = result


class Elicitation:
    """`Ask` for one tool call. None where the client cannot ask anybody."""

    def __init__(self, context: Context) -> None:
        self._context = context

    async def __call__(self, question: Question) -> bool | None:
        """Ask. Raises AskFirst where the protocol wants the question as the call's result."""
        capabilities = self._context.session.client_capabilities
        if capabilities is None or capabilities.elicitation is None:
            return None
        text = f"{question}Do you approve?"
        if len(text) > LONGEST:
            return None  # No client shows so much: it waits for `ops approve`, which does.
        request = self._context.request_context
        if request is not None and request.protocol_version in MODERN_PROTOCOL_VERSIONS:
            return self._answer(question, text)
        result = await self._context.elicit(text, bool, response_title="Approve")
        return result.action == "accept" and result.data is True

    def _answer(self, question: Question, text: str) -> bool:
        """The answer that came with this round. It counts only for the very question that was asked."""
        given = (self._context.input_responses or {}).get(ANSWER)
        if self._context.request_state == question.fingerprint and isinstance(given, ElicitResult):
            return given.action == "accept" and (given.content or {}).get("approve") is True
        form = {
            "type": "object",
            "properties": {"approve": {"type": "boolean", "title": "Approve"}},
            "required": ["approve"],
        }
        params = ElicitRequestFormParams.model_validate({"message": text, "requestedSchema": form})
        raise AskFirst(
            InputRequiredResult(
                input_requests={ANSWER: ElicitRequest(params=params)}, request_state=question.fingerprint
            )
        )
