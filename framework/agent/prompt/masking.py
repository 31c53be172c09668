"""Personal data kept from the model, by LangChain's own detectors.

Its middleware looks at the last message alone, and a channel's history reaches the model with every turn: so each text
goes through it by itself. What the company's own articles say is not masked.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

from langchain.agents.middleware import PIIMiddleware
from langchain_core.messages import HumanMessage
from langgraph.runtime import Runtime

from framework.errors import ModelError

KINDS = frozenset({"email", "credit_card", "ip", "mac_address", "url"})


class Mask:
    """Strikes out personal data of these kinds; none: every text stays as it is."""

    def __init__(self, kinds: Sequence[str] = ()) -> None:
        """Raises ModelError for a kind that is not known."""
        if unknown := sorted(set(kinds) - KINDS):
            raise ModelError(
                f"`model: mask` does not know {', '.join(unknown)}.", hint=f"It knows {', '.join(sorted(KINDS))}."
            )
        self._detectors = [PIIMiddleware[Any, Any](kind, strategy="redact") for kind in kinds]

    def __call__(self, text: str) -> str:
        """The text as the model may read it."""
        for detector in self._detectors:
            update = detector.before_model({"messages": [HumanMessage(text)]}, cast("Runtime[Any]", _RUNTIME))
            if update:
                text = update["messages"][-1].text
        return text


_RUNTIME: Runtime[None] = Runtime()
