"""What a bot may post, made of what it wants to say."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace

from framework.outbound.domains import Domains, is_unseen
from framework.outbound.leaks import Leaks
from framework.outbound.markdown import coded, with_code
from framework.outbound.rules import OwnRules

EVERYBODY = re.compile(r"(?<![\w@./+-])@(?:all|everyone|everybody|here|channel|room)\b", re.IGNORECASE)
WITHHELD = "[…]"
"""Stands in place of what was left out."""

_TAIL = 200  # characters at the end of an unfinished text that may still become something else
_UNCLEAR = frozenset(".:@/[<`!&~")
_JOINERS = frozenset("\u200c\u200d\ufe0e\ufe0f")  # emoji and some scripts need them


@dataclass(frozen=True)
class Screen:
    """Makes text fit to be posted. Posting its own result again changes nothing.

    `domains` may be linked to; other links and pictures are shown as code. `everybody`: the bot may call all people of
    a channel at once. `leaks` finds the prompt's own text. `rules` are those of a moderation.yaml.
    """

    domains: Domains = field(default_factory=Domains)
    leaks: Leaks = field(default_factory=Leaks)
    everybody: bool = False
    is_on: bool = True
    rules: OwnRules | None = None

    def __call__(self, text: str, *, partial: bool = False) -> str:
        """The text as it may be posted; `partial`: more of it follows, and what might change with it is held back."""
        if not self.is_on:
            return text
        if self.rules is not None:
            text = self.rules.shown(text) if partial else self.rules.final(text).text
        return self._safe(text, partial=partial)

    def _safe(self, text: str, *, partial: bool) -> str:
        """The text without what no bot may post."""
        shown = text
        if not text.isascii() or not text.isprintable():
            shown = "".join(sign for sign in text if sign in _JOINERS or not is_unseen(sign))
        shown = self._without_prompt(shown, partial=partial)
        if partial:
            shown = _settled(shown)
        if not _UNCLEAR.isdisjoint(shown) or "\\" in shown:
            shown = with_code(shown, self.domains)
        if not self.everybody and "@" in shown:
            shown = coded(EVERYBODY, shown)
        return shown

    def allows(self, address: str) -> bool:
        """Whether an address may stand in a field of its own: a picture, the target of a card."""
        return self.domains.allow(address)

    def with_domains(self, domains: Domains) -> Screen:
        """The same with other domains."""
        return replace(self, domains=domains)

    def with_rules(self, rules: OwnRules | None) -> Screen:
        """The same with the rules of another channel."""
        return self if rules is self.rules else replace(self, rules=rules)

    def _without_prompt(self, text: str, *, partial: bool) -> str:
        pieces, end = [], 0
        for start, stop in self.leaks.runs(text, partial=partial):
            held = partial and stop == len(text)
            pieces += [text[end:start], "" if held else WITHHELD]
            end = stop
        return "".join([*pieces, text[end:]])


def _settled(text: str) -> str:
    """An unfinished text without its last word, where that might become a link."""
    tail = text[-_TAIL:]
    blank = max(tail.rfind(" "), tail.rfind("\n"))
    word = tail[blank + 1 :]
    if _UNCLEAR.isdisjoint(word) or (blank < 0 and len(text) > _TAIL):
        return text
    return text[: len(text) - len(word)]
