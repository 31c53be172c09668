"""Errors of the chat service, with what to do next. No error repeats an address that holds a token."""

from __future__ import annotations

import asyncio
import os

import aiohttp

from framework.errors import ChatServiceError, DuplicateMessageError

# Stream's own codes.
INPUT, ACCESS_KEY, AUTH_FAILED, RATE_LIMITED, MISSING, NOT_ALLOWED, TOO_LONG = 4, 2, 5, 9, 16, 17, 20
EXPIRED, NOT_YET_VALID, FUTURE, BAD_SIGNATURE = 40, 41, 42, 43
RETRYABLE_CODES = frozenset({-1, 3, RATE_LIMITED, 23, 71})
# Answers to the token rather than to the call: a fresh one may do.
TOKEN_CODES = frozenset({EXPIRED, NOT_YET_VALID, FUTURE})
LONGEST_QUOTE = 300

_KEYS = "Both are on the dashboard of your Stream app: STREAM_API_KEY and STREAM_API_SECRET."
_CLOCK = "Set this machine's clock (NTP); the service refuses tokens that seem too old or too new."
_HINTS = {
    ACCESS_KEY: ("the API key is not known there", f"Check STREAM_API_KEY, and STREAM_BASE_URL if set. {_KEYS}"),
    AUTH_FAILED: ("the credentials were rejected", f"Check that the secret belongs to the key. {_KEYS}"),
    BAD_SIGNATURE: ("the API secret does not belong to the API key", f"Check STREAM_API_SECRET. {_KEYS}"),
    EXPIRED: ("the bot's token had expired on arrival", _CLOCK),
    NOT_YET_VALID: ("the bot's token is not valid yet", _CLOCK),
    FUTURE: ("the bot's token was issued in the future", _CLOCK),
    RATE_LIMITED: ("too many calls", "Wait a minute; if it comes often, ask Stream for a higher rate limit."),
    NOT_ALLOWED: (
        "the bot may not do this",
        "Check the permissions of its role and channel type (dashboard).",
    ),
    TOO_LONG: ("the text is too long", "Shorten it, or raise max_message_length of the channel type."),
}


def refused(base_url: str, status: int, code: int | None, message: str) -> ChatServiceError:
    """Return the error for an answer that refuses. `code` is Stream's, or None if the body is not Stream's."""
    quote = " ".join(message.split())[:LONGEST_QUOTE]
    retryable = status >= 500 or status == 429 or code in RETRYABLE_CODES or code in TOKEN_CODES
    if code == INPUT and "already exists" in message and "message with id" in message.lower():
        return DuplicateMessageError(f"This message was posted before: {quote}", code=code, status=status)
    if code is None and not retryable:
        return ChatServiceError(
            f"{base_url} does not answer like Stream (HTTP {status}).",
            status=status,
            hint="Check STREAM_BASE_URL: it must be the address of Stream or of the sandbox, without a path.",
        )
    if status == 429 and code is None:
        code = RATE_LIMITED
    reason, hint = _HINTS.get(code if code is not None else -1, ("", None))
    if status >= 500:
        reason, hint = f"it failed (HTTP {status})", "Try again in a moment; see https://status.getstream.io."
    said = ": ".join(part for part in (reason, quote) if part)
    return ChatServiceError(
        f"The chat service at {base_url} said no: {said}", code=code, status=status, retryable=retryable, hint=hint
    )


def unreachable(base_url: str, error: BaseException) -> ChatServiceError:
    """Return the error for a call without an answer, or with one that broke off."""
    return ChatServiceError(
        f"The chat service at {base_url} cannot be reached: {describe(error)}.",
        retryable=True,
        hint="Check the network, and STREAM_BASE_URL if set.",
    )


def left_alone(base_url: str, seconds: float) -> ChatServiceError:
    """Return the error for a call that was not made, because the service is down or the budget of calls is spent."""
    reason = f"is down and is not asked for {seconds:.0f} s" if seconds else "did not take the call in time"
    return ChatServiceError(
        f"The chat service at {base_url} {reason}.",
        retryable=True,
        hint="It is tried again by itself; see the log for what made it fail.",
    )


def is_outage(error: ChatServiceError) -> bool:
    """Return whether an error means that the service is down: unreachable, too late, or failing inside."""
    return error.status is None or error.status >= 500


def is_limit(error: ChatServiceError) -> bool:
    """Return whether an error means that the limit of calls was reached. The call itself is then not at fault."""
    return error.code == RATE_LIMITED or error.status == 429


def garbled(base_url: str, status: int) -> ChatServiceError:
    """Return the error for an answer with a good status and a body that Stream would not send."""
    return ChatServiceError(
        f"{base_url} answered HTTP {status} with something that is not Stream's JSON.",
        status=status,
        hint="Check STREAM_BASE_URL, and whether a proxy stands in between.",
    )


def describe(error: BaseException) -> str:
    """Describe an exception in a few words, without addresses: that of the event connection holds a token."""
    if isinstance(error, aiohttp.WSServerHandshakeError):
        return f"HTTP {error.status} instead of a WebSocket"
    if isinstance(error, (asyncio.TimeoutError, aiohttp.ServerTimeoutError)):
        return "no answer in time"
    if isinstance(error, aiohttp.ClientConnectorDNSError):
        return f"the name {error.host} is not known"
    if isinstance(error, aiohttp.ClientConnectorCertificateError):
        return f"the certificate of {error.host} is not valid"
    if isinstance(error, aiohttp.ClientConnectorError):
        return describe(error.os_error)
    if isinstance(error, aiohttp.ServerDisconnectedError):
        return "the connection was closed before the answer"
    if isinstance(error, ConnectionResetError):
        return "the connection was cut"
    if isinstance(error, OSError) and error.errno:
        # Its own text would repeat the address.
        return os.strerror(error.errno)
    return type(error).__name__
