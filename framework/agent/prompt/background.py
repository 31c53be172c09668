"""What a language model reads of a turn besides the newest messages: facts, a summary of older ones, pictures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from framework.agent.prompt.messages import HISTORY_CHARACTERS, PromptBackground, Window, newest, split
from framework.errors import ModelError
from framework.personal_data import KINDS, find

if TYPE_CHECKING:
    from framework.agent.build.dependencies import AgentDependencies
    from framework.agent.conversation import Conversation, Reference, Utterance
    from framework.agent.turn import TurnJournal


class Backgrounds:
    """Puts together what one turn reads. `window` is the same for all turns."""

    def __init__(self, parts: AgentDependencies) -> None:
        """Raises ModelError for a kind of personal data that cannot be masked."""
        definition = parts.bot.definition
        self._parts = parts
        self.window = Window(
            tokens=definition.context.tokens,
            names=definition.context.names,
            mask=Mask(definition.model.mask),
        )
        sees = (
            definition.context.images and not parts.embedded and bool((parts.model.profile or {}).get("image_inputs"))
        )
        self._pictures = parts.pictures if sees else None

    async def of(
        self, conversation: Conversation, references: Sequence[Reference], journal: TurnJournal
    ) -> tuple[list[Utterance], PromptBackground]:
        """The messages to show, oldest first, and what stands beside them. Raises ModelError where a summary fails."""
        summary, caller = "", conversation.caller
        if self._parts.summaries is None:
            shown, _ = split(conversation, self.window)
        else:
            window, beside = _shared_out(self.window)
            shown, gone = split(conversation, window)
            summary, pending = await self._parts.summaries.before(caller, gone, self.window, journal)
            shown = [*newest(pending, window, beside), *shown]
        facts: Sequence[str] = ()
        if self._parts.facts is not None and not (conversation.instruction or conversation.decided):
            known = await self._parts.facts.of(caller.user_id, caller.channel)
            facts = [self.window.mask(fact) for fact in known]
        pictures = await self._pictures.of(shown) if self._pictures is not None else {}
        return shown, PromptBackground(references, summary, facts, pictures)


def _shared_out(window: Window) -> tuple[Window, int]:
    """The window, and the room for messages that fell out of it and are in no summary yet: together as much as the
    definition says.
    """
    if window.tokens is None:
        return window, HISTORY_CHARACTERS
    return replace(window, tokens=window.tokens * 3 // 4), window.tokens // 4


class Mask:
    """Strikes out personal data of these kinds; none: every text stays as it is."""

    def __init__(self, kinds: Sequence[str] = ()) -> None:
        """Raises ModelError for a kind that is not known."""
        if unknown := sorted(set(kinds) - KINDS):
            raise ModelError(
                f"`model: mask` does not know {', '.join(unknown)}.", hint=f"It knows {', '.join(sorted(KINDS))}."
            )
        self._kinds = frozenset(kinds)

    def __call__(self, text: str) -> str:
        """The text as the model may read it: `[REDACTED_EMAIL]` stands where an address was."""
        if not self._kinds:
            return text
        for one in reversed(find(text, self._kinds)):
            text = f"{text[: one.start]}[REDACTED_{one.kind.upper()}]{text[one.end :]}"
        return text
