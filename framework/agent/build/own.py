"""What a program brings for a bot in the place of what its bot.yaml names."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from langchain_core.language_models import BaseChatModel
    from langchain_core.retrievers import BaseRetriever

    from framework.agent.knowledge.retriever import Retriever


@dataclass(frozen=True)
class OwnParts:
    """A chat model and a retriever. None: as declared.

    The model answers wherever the bot's own `model` would; an override that names another model keeps it. Whoever
    brought it closes it. The retriever stands in the place of all articles.
    """

    model: BaseChatModel | None = None
    retriever: Retriever | BaseRetriever | None = None

    @property
    def label(self) -> str:
        """How errors, logs and answers name the model."""
        name = getattr(self.model, "model_name", None) or getattr(self.model, "model", None)
        kind = type(self.model).__name__
        return f"{kind}:{name}" if isinstance(name, str) else kind
