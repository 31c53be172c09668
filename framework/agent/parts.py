"""What an agent is put together from."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from langchain_core.language_models import BaseChatModel
    from langchain_core.tools import BaseTool

    from framework.agent.failure import ModelSite
    from framework.agent.reference import Library
    from framework.definition.model import Bot
    from framework.tools.operations import ChatOperations


def _now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True)
class Parts:
    """The bot, its model, and what the agent works with.

    `tools` are the bot's own, the search and those for the chat's operations, which `operations` connects; `library`
    is None for a bot without articles; `data` is the folder that tools may write to. `backoff` (seconds) is the pause
    before a broken answer is begun again, doubled each time; `tool_seconds` is the longest wait for a tool.
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
    clock: Callable[[], float] = time.monotonic
    now: Callable[[], datetime] = _now
