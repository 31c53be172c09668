"""Failures in Stream's shape: an HTTP status, Stream's own code, and a message that names the operation."""

from __future__ import annotations

from typing import Any

from framework.errors import FrameworkError

DOCS = "https://getstream.io/chat/docs/api_errors_response"


class SandboxStartError(FrameworkError):
    """The sandbox cannot start: the port is taken, or its data file cannot be used."""


class ApiError(Exception):
    """A refusal that becomes the answer of a call. `code` is Stream's, `status` is HTTP's."""

    def __init__(self, status: int, code: int, reason: str, *, details: list[int] | None = None) -> None:
        super().__init__(reason)
        self.status = status
        self.code = code
        self.reason = reason
        self.details = details or []
        self.headers: dict[str, str] = {}

    def body(self, operation: str | None, duration: str = "0.00ms") -> dict[str, Any]:
        """Return the JSON body; `operation` is the id of the called operation where one was found."""
        message = f'{operation} failed with error: "{self.reason}"' if operation else self.reason
        return {
            "code": self.code,
            "message": message,
            "StatusCode": self.status,
            "duration": duration,
            "more_info": DOCS,
            "details": self.details,
            "exception_fields": {},
        }


def invalid(reason: str) -> ApiError:
    """400, code 4: the input is wrong."""
    return ApiError(400, 4, reason)


def not_found(reason: str) -> ApiError:
    """404, code 16: there is no such thing."""
    return ApiError(404, 16, reason)


def forbidden(reason: str) -> ApiError:
    """403, code 17: the caller may not do this."""
    return ApiError(403, 17, reason)


def unauthenticated(reason: str, code: int = 5) -> ApiError:
    """401: code 2 bad key, 5 failed, 40 expired, 41 not yet valid, 42 issued in the future, 43 bad signature."""
    return ApiError(401, code, reason)


def too_long(reason: str) -> ApiError:
    """400, code 20: a text or id is longer than allowed."""
    return ApiError(400, 20, reason)


def not_implemented(operation: str) -> ApiError:
    """501: the operation is known but this server does not have it."""
    return ApiError(501, -1, f"{operation} is not implemented by the sandbox")
