"""What went wrong at a model, as one sentence and a remedy. Keys and credentials never get into either."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import urlsplit, urlunsplit

from langchain_core import exceptions as known

from framework.errors import ModelError
from framework.net.breaker import Breaker

if TYPE_CHECKING:
    from collections.abc import Iterable

QUOTED = 200
"""How many characters of a server's own words go into a message."""


class BrokenAnswerError(ModelError):
    """The model began to answer and did not end properly: a cut stream, an unreadable piece, nothing at all.

    The provider's SDK cannot try this again, because it has handed out a part already; the agent can, from the start.
    """


class ModelOutageError(ModelError):
    """The model is down: it cannot be reached, does not answer in time, or fails inside (5xx)."""


class ModelDownError(ModelOutageError):
    """The model was not asked, because it was down a moment ago. `seconds`: from then on it may be asked again."""

    def __init__(self, what: str, *, seconds: float, hint: str) -> None:
        super().__init__(what, retryable=True, hint=hint)
        self.seconds = seconds


@dataclass(frozen=True)
class ModelSite:
    """Which model is asked, and where: what errors speak of. `secrets` are struck out of everything said.

    `breaker` is shared by all that ask the same endpoint; None for what runs in this process.
    """

    label: str
    url: str = ""
    key_name: str = ""
    secrets: tuple[str, ...] = ()
    breaker: Breaker | None = field(default=None, compare=False, repr=False)

    @contextmanager
    def guarded(self) -> Iterator[None]:
        """Call the model inside. Raises ModelDownError instead while it is down, and learns from a ModelError."""
        if self.breaker is None:
            yield
            return
        ticket = self.breaker.claim()
        if ticket is None:
            raise self._down(self.breaker.seconds)
        up: bool | None = None
        try:
            yield
            up = True
        except ModelError as error:
            # An answer that broke off says neither that the endpoint is up nor that it is down.
            up = None if isinstance(error, BrokenAnswerError) else not isinstance(error, ModelOutageError)
            raise
        finally:
            self.breaker.report(ticket, up=up)

    def _down(self, seconds: float) -> ModelDownError:
        when = f"is asked again in {seconds:.0f} s" if seconds >= 1 else "is being asked whether it is back"
        return ModelDownError(
            f"{self.place} is down and {when}.",
            seconds=seconds,
            hint="It is tried again by itself; the log says what made it fail.",
        )

    @property
    def place(self) -> str:
        """`openai:gpt-5-mini at http://localhost:8080/v1`, without credentials that the address may hold."""
        return f"{self.label} at {without_credentials(self.url)}" if self.url else self.label

    def quote(self, text: str) -> str:
        """A server's own words, on one line, short, without secrets."""
        for secret in filter(None, self.secrets):
            text = text.replace(secret, "***")
        text = " ".join(text.split())
        return text if len(text) <= QUOTED else text[:QUOTED] + "…"


def without_credentials(url: str) -> str:
    """The address without the user name and password that it may hold."""
    parts = urlsplit(url)
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))


def explain(error: Exception, site: ModelSite, *, started: bool = False) -> ModelError:
    """Turn what a model's library raised into a ModelError. `started`: a part of the answer had already come."""
    if isinstance(error, ModelError):
        return error
    if started:
        return _broken(error, site)
    if isinstance(error, known.ModelError):
        return _classified(error, site)
    if isinstance(error, TimeoutError):
        return _timed_out(site)
    status = getattr(error, "status_code", None)
    if isinstance(status, int):
        return _by_status(status, str(error), site)
    return BrokenAnswerError(
        f"{site.place} sent something that is not an answer ({type(error).__name__}).",
        retryable=True,
        hint="If it happens again, check that the server speaks the API that its provider name promises.",
    )


def _broken(error: Exception, site: ModelSite) -> ModelError:
    timed_out = isinstance(error, (TimeoutError, known.ModelTimeoutError))
    reason = "stopped sending in the middle of an answer" if timed_out else "broke off in the middle of an answer"
    return BrokenAnswerError(
        f"{site.place} {reason}.", retryable=True, hint="Try again; if it goes on, look at the model server's own logs."
    )


def _classified(error: known.ModelError, site: ModelSite) -> ModelError:
    """The kinds of failure that every LangChain provider package reports alike."""
    if isinstance(error, known.ModelTimeoutError):
        return _timed_out(site)
    if isinstance(error, known.ModelConnectionError):
        return _unreachable(site)
    if isinstance(error, known.ContextOverflowError) or getattr(error, "code", None) == "context_length_exceeded":
        return _too_long(site)
    if isinstance(error, known.ModelRateLimitError):
        return _limited(error, site)
    for kind, status in _STATUS.items():
        if isinstance(error, kind):
            return _by_status(getattr(error, "status_code", status), _words(error), site)
    return _by_status(0, _words(error), site)


_STATUS: dict[type[known.ModelError], int] = {
    known.ModelAuthenticationError: 401,
    known.ModelPermissionDeniedError: 403,
    known.ModelNotFoundError: 404,
    known.ModelInvalidRequestError: 400,
    known.ModelAPIError: 500,
}


def _by_status(status: int, words: str, site: ModelSite) -> ModelError:
    if status in {401, 403}:
        # The server's words are left out: some repeat the key.
        refused = "refused the key" if status == 401 else "does not allow this key to use the model"
        key = site.key_name or "the provider's key"
        return ModelError(
            f"{site.place} {refused} ({status}).", hint=f"Check {key}, and that it belongs to this server."
        )
    if status == 404:
        return unknown_model(site, words)
    if status == 429:
        return _limited(None, site)
    if status == 402:
        return _without_credit(site, status)
    if status < 500 and _TOO_LONG.search(words.lower()):
        return _too_long(site)
    if status >= 500:
        return ModelOutageError(
            f"{site.place} failed ({status}): {site.quote(words)}",
            retryable=True,
            hint="The fault is on the model's side. Try again in a while.",
        )
    return ModelError(
        f"{site.place} refused the request ({status or 'no status'}): {site.quote(words)}",
        hint="Check `model` in bot.yaml: the name, and whether the model takes tools and this temperature.",
    )


def unknown_model(site: ModelSite, words: str = "", names: Iterable[str] = ()) -> ModelError:
    """The server answers, but not for this model. `names` are those that it has."""
    said = f": {site.quote(words)}" if words else "."
    has = sorted(names)
    listed = f"It has {', '.join(has[:8])}{' and more' if len(has) > 8 else ''}. " if has else ""
    address = "OPENAI_BASE_URL (most end in /v1), and " if site.url else ""
    return ModelError(
        f"{site.place} is not found{said}",
        hint=f"{listed}Check {address}the model's name: OPENAI_MODEL, or `model` in bot.yaml.",
    )


def _limited(error: Exception | None, site: ModelSite) -> ModelError:
    if getattr(error, "code", None) == "insufficient_quota":
        return _without_credit(site, 429)
    return ModelError(
        f"{site.place} takes no more requests for now (429).",
        retryable=True,
        hint="Wait, raise the account's limit, or lower the load.",
    )


def _without_credit(site: ModelSite, status: int) -> ModelError:
    return ModelError(
        f"The account for {site.place} has no credit left ({status}).",
        hint="Top it up with the provider, or use another key.",
    )


def _too_long(site: ModelSite) -> ModelError:
    return ModelError(
        f"The conversation is too long for {site.label}.",
        hint="Lower `context: messages` in bot.yaml, or choose a model with a longer context.",
    )


_TOO_LONG = re.compile(
    r"maximum context|context (?:length|size|window)|(?:prompt|input|request|conversation)s? (?:is |are )?too "
    r"(?:long|large)|exceeds? the (?:available|maximum|model'?s)[^.]{0,30}(?:context|tokens)|too many (?:input )?tokens"
    r"|reduce the length"
)


def _timed_out(site: ModelSite) -> ModelOutageError:
    return ModelOutageError(
        f"{site.place} did not answer in time.",
        retryable=True,
        hint="Try again, or raise `model: timeout` in bot.yaml.",
    )


def _unreachable(site: ModelSite) -> ModelOutageError:
    return ModelOutageError(
        f"{site.place} cannot be reached.",
        retryable=True,
        hint="Check OPENAI_BASE_URL, the network, and that the server runs."
        if site.url
        else "Check the network and the provider's status.",
    )


def _words(error: Exception) -> str:
    """The sentence in a server's answer, where its error has one; otherwise what the library says."""
    said = _sentence(getattr(error, "body", None))
    return said or str(error)


def _sentence(body: object) -> str:
    """The words of an error's body: compatible servers keep them in one of many places."""
    if isinstance(body, str):
        return body
    if isinstance(body, list):
        return "; ".join(filter(None, map(_sentence, body[:3])))
    if not isinstance(body, dict):
        return ""
    said = next((words for key in ("error", "message", "detail", "msg") if (words := _sentence(body.get(key)))), "")
    place = body.get("loc")
    return f"{said} ({'.'.join(map(str, place))})" if said and isinstance(place, list) else said
