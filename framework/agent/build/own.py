"""What a program brings for a bot in the place of what its bot.yaml names."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from framework.errors import DefinitionError

if TYPE_CHECKING:
    from langchain_core.language_models import BaseChatModel
    from langchain_core.retrievers import BaseRetriever

    from framework.agent.knowledge.retriever import Retriever


@dataclass(frozen=True)
class OwnParts:
    """A chat model and a retriever. None: as declared.

    The model answers wherever the bot's own `model` would; an override that names another model keeps it. The program
    that brought it closes it. The retriever stands in the place of all articles.
    """

    model: BaseChatModel | None = None
    retriever: Retriever | BaseRetriever | None = None

    def __post_init__(self) -> None:
        """Raise DefinitionError for what is not a chat model, and for a chat model that cannot be given tools."""
        if self.model is None:
            return
        from langchain_core.language_models import BaseChatModel

        name = type(self.model).__name__
        if not isinstance(self.model, BaseChatModel):
            raise DefinitionError(
                f"{name} is not a chat model",
                where="model",
                hint="Pass a chat model of LangChain, such as ChatOpenAI(...), or a name such as 'openai:gpt-5-mini'.",
            )
        if type(self.model).bind_tools is BaseChatModel.bind_tools:
            raise DefinitionError(
                f"{name} cannot be given tools, which every bot has",
                where="model",
                hint=f"Implement `bind_tools` in {name}, or pass another model.",
            )

    @property
    def label(self) -> str:
        """How errors, logs and answers name the model."""
        name = getattr(self.model, "model_name", None) or getattr(self.model, "model", None)
        kind = type(self.model).__name__
        return f"{kind}:{name}" if isinstance(name, str) else kind
