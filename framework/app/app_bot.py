"""A bot of an app: as it was loaded, and what the program brought for it."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from framework.app.additions import Additions

if TYPE_CHECKING:
    from langchain_core.language_models import BaseChatModel
    from langchain_core.retrievers import BaseRetriever

    from framework.agent.build.channel_agents import ChannelAgents
    from framework.agent.build.own import OwnParts
    from framework.agent.knowledge.retriever import Retriever
    from framework.definition.model import Bot
    from framework.settings import Settings


@dataclass(frozen=True)
class AppBot:
    """`own` takes the place of what bot.yaml names; `model_name` that of its `model: name:`, empty: as declared.
    `additions` are those of the app.
    """

    loaded: Bot = field(repr=False)
    own: OwnParts
    model_name: str = ""
    additions: Additions = field(default_factory=Additions)

    @classmethod
    def of(
        cls,
        bot: Bot,
        *,
        model: BaseChatModel | str | None = None,
        retriever: Retriever | BaseRetriever | None = None,
        additions: Additions | None = None,
    ) -> AppBot:
        """A bot with what a program brings. Raises DefinitionError for what is neither a model nor the name of one."""
        from framework.agent.build.own import OwnParts

        name = model if isinstance(model, str) else ""
        if name:
            with_model(bot, name)
        own = OwnParts(None if isinstance(model, str) else model, retriever)
        return cls(bot, own, name, additions or Additions())

    @property
    def bot(self) -> Bot:
        """The bot with the model that the program named. Raises DefinitionError for a name of the wrong form."""
        return with_model(self.loaded, self.model_name) if self.model_name else self.loaded

    def reloaded(self) -> AppBot:
        """The same, as its files are now. Raises DefinitionError for what is wrong with them."""
        from framework.definition.loader import load_bot

        return replace(self, loaded=load_bot(str(self.loaded.folder)))

    def build(self, settings: Settings) -> ChannelAgents:
        """Its agents. Takes as long as reading its articles. Raises as `build_agent` does."""
        from framework.agent.build.channel_agents import ChannelAgents

        return ChannelAgents(self.bot, settings, own=self.own)


def with_model(bot: Bot, name: str) -> Bot:
    """The bot on another model, named as in bot.yaml. Raises DefinitionError for a name of the wrong form."""
    from pydantic import ValidationError

    from framework.definition.parts.language_model import Model
    from framework.errors import DefinitionError

    try:
        named = Model(name=name)
    except ValidationError as error:
        what = error.errors(include_url=False)[0]["msg"].removeprefix("Value error, ")
        raise DefinitionError(what, where=f"model of {bot.name}") from None
    model = bot.definition.model.model_copy(update={"name": named.name})
    return replace(bot, definition=bot.definition.model_copy(update={"model": model}))
