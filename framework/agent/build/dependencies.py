"""What an agent is put together from."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from framework.agent.prompt.marks import new_mark
from framework.agent.spoken.language import language_of

if TYPE_CHECKING:
    from langchain_core.language_models import BaseChatModel
    from langchain_core.tools import BaseTool

    from framework.agent.agent import LangChainAgent
    from framework.agent.conversation import Conversation, Library
    from framework.agent.models.failure import ModelSite
    from framework.agent.prompt.facts import Facts
    from framework.agent.prompt.pictures import Pictures
    from framework.agent.prompt.summary import ChannelSummaries
    from framework.definition.model import Bot
    from framework.definition.parts.phrases import PhraseTexts
    from framework.tools.approval.tool_calls import ToolApprovals
    from framework.tools.database import Database
    from framework.tools.mcp_servers.servers import McpTools
    from framework.tools.operations import ChatOperations
    from framework.tools.rate import CallLimits


def _now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True)
class AgentDependencies:
    """The bot, its model, and what the agent works with.

    `tools` are the bot's own, the search and those for the chat's operations, which `operations` connects; `library`
    is None for a bot without articles; `data` is the folder that tools may write to. `backoff` (seconds) is the pause
    before a broken answer is begun again, doubled each time; `tool_seconds` is the longest wait for a tool whose rule
    gives no time. `fallbacks` are asked in order when the model fails. `approvals` keeps calls that need approval,
    where any may; `facts` and `summaries` are there where the definition has them; `mcp` brings tools of MCP servers.
    `pictures` reads those that people attach; without it no model is shown any. `last_resort` answers when every model
    failed. `keeps_model`: whoever brought `model` closes it.
    """

    bot: Bot
    model: BaseChatModel
    site: ModelSite
    data: Path
    tools: Sequence[BaseTool] = ()
    operations: ChatOperations | None = None
    library: Library | None = None
    embedded: bool = False
    backoff: float = 0.5
    tool_seconds: float = 30.0
    fallbacks: Sequence[tuple[BaseChatModel, ModelSite]] = ()
    approvals: ToolApprovals | None = None
    facts: Facts | None = None
    summaries: ChannelSummaries | None = None
    mcp: McpTools | None = None
    database: Database | None = None
    limits: CallLimits | None = None
    last_resort: LangChainAgent | None = None
    pictures: Pictures | None = None
    keeps_model: bool = False
    clock: Callable[[], float] = time.monotonic
    now: Callable[[], datetime] = _now
    mark: Callable[[], str] = new_mark

    def phrases(self, conversation: Conversation) -> PhraseTexts:
        """The bot's fixed sentences in the customer's language."""
        definition = self.bot.definition
        language = conversation.language or language_of(conversation.said, definition.identity.language)
        return definition.phrases.spoken(language)
