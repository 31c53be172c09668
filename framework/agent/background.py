"""What a language model reads of a turn besides the newest messages: facts, a summary of older ones, pictures."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from framework.agent.masking import Mask
from framework.agent.messages import HISTORY_CHARACTERS, Background, Window, newest, split

if TYPE_CHECKING:
    from framework.agent.conversation import Conversation, Utterance
    from framework.agent.parts import Parts
    from framework.agent.reference import Reference
    from framework.agent.turn import Ledger


class Backgrounds:
    """Puts together what one turn reads. `window` is the same for all turns."""

    def __init__(self, parts: Parts) -> None:
        """Raises ModelError for a kind of personal data that cannot be masked."""
        definition = parts.bot.definition
        self._parts = parts
        self.window = Window(
            tokens=definition.context.tokens,
            names=definition.context.names,
            sees=_sight(parts) if definition.context.images else None,
            mask=Mask(definition.model.mask),
        )

    async def of(
        self, conversation: Conversation, references: Sequence[Reference], ledger: Ledger
    ) -> tuple[list[Utterance], Background]:
        """The messages to show, oldest first, and what stands beside them. Raises ModelError where a summary fails."""
        summary, caller = "", conversation.caller
        if self._parts.summaries is None:
            shown, _ = split(conversation, self.window)
        else:
            window, beside = _shared_out(self.window)
            shown, gone = split(conversation, window)
            summary, pending = await self._parts.summaries.before(caller, gone, self.window, ledger)
            shown = [*newest(pending, window, beside), *shown]
        facts: Sequence[str] = ()
        if self._parts.facts is not None and not (conversation.instruction or conversation.decided):
            known = await self._parts.facts.of(caller.user_id, caller.channel)
            facts = [self.window.mask(fact) for fact in known]
        return shown, Background(references, summary, facts)


def _shared_out(window: Window) -> tuple[Window, int]:
    """The window, and the room for messages that fell out of it and are in no summary yet: together as much as the
    definition says.
    """
    if window.tokens is None:
        return window, HISTORY_CHARACTERS
    return replace(window, tokens=window.tokens * 3 // 4), window.tokens // 4


def _sight(parts: Parts) -> Callable[[str], bool] | None:
    """Whether the model can look at the picture at an address; None where it cannot see, or does not say so."""
    if parts.embedded or not (parts.model.profile or {}).get("image_inputs"):
        return None
    near = not _public(parts.site.url) if parts.site.url else False
    return lambda url: urlsplit(url).scheme in {"http", "https"} and (near or _public(url))


def _public(url: str) -> bool:
    """Whether a server elsewhere can fetch the address: one that it cannot reach would fail the whole request."""
    host = urlsplit(url).hostname or ""
    if host == "localhost" or host.endswith((".localhost", ".local", ".internal")) or "." not in host.strip("[]"):
        return False
    try:
        return ipaddress.ip_address(host).is_global
    except ValueError:
        return True
