"""Keeps what was decided on a bot's own texts, in the same place as decisions on people's messages."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

import structlog

from framework.errors import FrameworkError
from framework.moderation.endpoint.keys import content_key
from framework.moderation.guard import GuardDecision
from framework.moderation.message import Screened

if TYPE_CHECKING:
    from framework.moderation.decisions import DecisionStore
    from framework.settings import Settings

_log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class DecisionBook:
    """The decisions on what one bot says. `keep_text`: the texts are kept, too, and not only digests of them."""

    bot: str
    store: DecisionStore
    keep_text: bool = False
    key: bytes = b""
    """That of the digests: nobody without the app's secret can tell a text by trying."""

    @classmethod
    def of(cls, settings: Settings, bot: str, now: Callable[[], datetime]) -> DecisionBook:
        """In the database of `settings`. Opens nothing before its first use."""
        from framework.moderation.decisions import DecisionStore
        from framework.storage import Storage

        store = DecisionStore(Storage(settings.database.get_secret_value()), now=now)
        secret = settings.stream_api_secret
        return cls(bot, store, bool(settings.keep_text), content_key(secret) if secret is not None else b"")

    async def keep(self, decided: GuardDecision, message: Screened) -> None:
        """Keep a decision, once for a text of a message. An answer does not wait for a database that is gone: that is
        logged.
        """
        from framework.moderation.decisions import MessageDecision
        from framework.moderation.tally import count_here

        made = MessageDecision.of(
            decided,
            message,
            bot=self.bot,
            at=self.store.now(),
            origin="reply",
            key=self.key,
            keep_text=self.keep_text,
        )
        try:
            count_here([made] if await self.store.record([made]) else ())
        except FrameworkError as error:
            _log.error("moderation.not_recorded", message=message.message_id, error=str(error))

    def close(self) -> None:
        """Let go of the database."""
        self.store.storage.close()
