"""Asks a model about texts: within a time limit, once for one text, and not while it is down."""

from __future__ import annotations

import asyncio
import hashlib
import math
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Mapping, Sequence

import structlog

from framework.errors import FrameworkError, ModelError
from framework.net.breaker import Breaker

MOST_KEPT = 10_000
"""Texts whose scores are remembered, by their digests."""
LONGEST = 20_000
"""Characters of a text that a model reads."""

Ask = Callable[[str, Sequence[str]], Awaitable[Mapping[str, object]]]
"""Given a text and kinds of bad text: return a score from 0 to 1 for each kind. Raises ModelError."""

_log = structlog.get_logger(__name__)


class ModelJudge:
    """Scores texts by a model. `within` is the longest wait in seconds.

    A model that does not answer, or answers with anything but scores, has failed. After some failures in a row the
    breaker keeps it from being asked.
    """

    def __init__(
        self, ask: Ask, breaker: Breaker, *, within: float, close: Callable[[], Awaitable[None]] | None = None
    ) -> None:
        self._ask = ask
        self._close = close
        self._breaker = breaker
        self._within = within
        self._known: OrderedDict[bytes, Mapping[str, float]] = OrderedDict()

    async def scores(
        self, text: str, kinds: Sequence[str], *, within: float | None = None
    ) -> Mapping[str, float] | None:
        """The scores of a text by kind; None if there are none in time. Raises nothing.

        `within` is another limit than the usual one.
        """
        key = hashlib.sha256("\0".join([*sorted(kinds), text]).encode("utf-8", "replace")).digest()
        known = self._known.get(key)
        if known is not None:
            self._known.move_to_end(key)
            return known
        ticket = self._breaker.claim()
        if ticket is None:
            return None
        up: bool | None = None
        try:
            async with asyncio.timeout(self._within if within is None else within):
                made = _checked(await self._ask(text[:LONGEST], kinds), kinds)
            up = True
        except TimeoutError:
            up = False
            _log.warning("moderation.model_late", model=self._breaker.name)
            return None
        except FrameworkError as error:
            up = False
            _log.warning("moderation.model_failed", model=self._breaker.name, error=str(error))
            return None
        finally:
            self._breaker.report(ticket, up=up)
        self._keep(key, made)
        return made

    async def aclose(self) -> None:
        """Close the model's connections."""
        if self._close is not None:
            await self._close()

    def _keep(self, key: bytes, scores: Mapping[str, float]) -> None:
        self._known[key] = scores
        while len(self._known) > MOST_KEPT:
            self._known.popitem(last=False)


def _checked(answer: Mapping[str, object], kinds: Sequence[str]) -> Mapping[str, float]:
    """The scores of these kinds. Raises ModelError for what is no score: it must not count as innocence."""
    scores: dict[str, float] = {}
    for kind in kinds:
        score = answer.get(kind)
        if isinstance(score, bool) or not isinstance(score, int | float) or not math.isfinite(score):
            raise ModelError(f"The model gave no score for {kind!r}.", hint="Try another model, or another kind.")
        if not 0 <= score <= 1:
            raise ModelError(f"The model's score for {kind!r} is not between 0 and 1.", hint="Try another model.")
        scores[kind] = float(score)
    return scores
