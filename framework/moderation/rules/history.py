"""What authors wrote lately: how many messages, and how often nearly the same."""

from __future__ import annotations

import re
from collections import OrderedDict, deque
from collections.abc import Callable
from datetime import timedelta

from framework.moderation.words.reading import read

MOST_AUTHORS = 20_000
MOST_KEPT = 1_000
"""Messages of one author that are remembered."""
_SAID = 400
"""Characters of a text by which it is compared."""
_LETTERS = re.compile(r"[^\W_]+")


class AuthorHistory:
    """Remembers the latest messages of authors, channel by channel, in this process. `now` gives seconds."""

    def __init__(self, now: Callable[[], float], *, compares: bool = True) -> None:
        """`compares`: whether texts are kept as well, for `repeats`."""
        self._now = now
        self._compares = compares
        self._authors: OrderedDict[tuple[str, str], deque[tuple[float, str, str]]] = OrderedDict()

    def add(self, channel: str, user_id: str, message_id: str, text: str, at: float | None = None) -> None:
        """Remember a message that was written at this time, in seconds; None: now. The same message counts once,
        however often it is looked at.
        """
        key = (channel, user_id)
        kept = self._authors.setdefault(key, deque(maxlen=MOST_KEPT))
        self._authors.move_to_end(key)
        if not (message_id and any(known == message_id for _, known, _ in kept)):
            kept.append((self._now() if at is None else at, message_id, _compared(text) if self._compares else ""))
        while len(self._authors) > MOST_AUTHORS:
            self._authors.popitem(last=False)

    def take_over(self, other: AuthorHistory) -> None:
        """Remember what another history remembers."""
        self._authors = other._authors

    def count(self, channel: str, user_id: str, within: timedelta, until: float | None = None) -> int:
        """How many messages the author wrote in the channel within this time, up to `until`, in seconds; None: now."""
        last = self._now() if until is None else until
        since = last - within.total_seconds()
        return sum(since <= at <= last for at, _, _ in self._authors.get((channel, user_id), ()))

    def repeats(self, channel: str, user_id: str, text: str, within: timedelta, until: float | None = None) -> int:
        """How many of them say nearly the same: the same letters, whatever stands between and around them."""
        last, same = self._now() if until is None else until, _compared(text)
        since = last - within.total_seconds()
        kept = self._authors.get((channel, user_id), ())
        return sum(since <= at <= last and bool(same) and said == same for at, _, said in kept)


def _compared(text: str) -> str:
    """The words of a text in plain letters, without digits that count up and without repeated letters."""
    plain = "".join(_LETTERS.findall(read(text[: 4 * _SAID]).plain))
    letters = "".join(sign for sign in plain if not sign.isdigit()) or plain
    return re.sub(r"(.)\1+", r"\1", letters)[:_SAID]
