"""The one root error, and its kinds: what happened, where, and what to do next."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Position:
    """A place in a file a person wrote. `line` and `column` count from 1."""

    file: Path
    line: int | None = None
    column: int | None = None

    def __str__(self) -> str:
        """Return `bots/support_bot/bot.yaml:12:3`, relative to the working directory if that is shorter."""
        file = self.file
        if file.is_absolute() and file.is_relative_to(Path.cwd()):
            file = file.relative_to(Path.cwd())
        return ":".join(str(part) for part in (file, self.line, self.column) if part is not None)


class FrameworkError(Exception):
    """The root of all errors that this project raises on purpose. A person can act on each of them.

    `what` says what happened, `where` points at the place, and `hint` says what to do. None of them may hold a secret.
    """

    exit_code = 1

    def __init__(self, what: str, *, where: Position | str | None = None, hint: str | None = None) -> None:
        super().__init__(what)
        self.what = what
        self.where = where
        self.hint = hint

    def strike_out(self, redact: Callable[[str], str]) -> None:
        """Strike secrets out of the texts of this error."""
        self.what = redact(self.what)
        self.hint = redact(self.hint) if self.hint else self.hint
        self.args = (self.what,)

    def __str__(self) -> str:
        place = f"{self.where}: " if self.where else ""
        remedy = f"\n  {self.hint}" if self.hint else ""
        return f"{place}{self.what}{remedy}"


class UsageError(FrameworkError):
    """The command line was wrong: an unknown bot, a malformed channel id."""

    exit_code = 2


class DefinitionError(FrameworkError):
    """A bot's folder is wrong: its YAML, prompt, knowledge or tools."""


class SettingsError(FrameworkError):
    """The environment is wrong: a missing or half-set key, a data folder that cannot be written."""


class ChatServiceError(FrameworkError):
    """The chat service refused or could not be reached. `retryable` says whether the same call may work later."""

    def __init__(
        self,
        what: str,
        *,
        code: int | None = None,
        status: int | None = None,
        retryable: bool = False,
        where: Position | str | None = None,
        hint: str | None = None,
    ) -> None:
        super().__init__(what, where=where, hint=hint)
        self.code = code
        self.status = status
        self.retryable = retryable


class DuplicateMessageError(ChatServiceError):
    """A message with this id already exists: for a reply with a derived id, it was posted before."""


class ModelError(FrameworkError):
    """The model refused, failed or could not be reached. `retryable` as in ChatServiceError."""

    def __init__(
        self, what: str, *, retryable: bool = False, where: Position | str | None = None, hint: str | None = None
    ) -> None:
        super().__init__(what, where=where, hint=hint)
        self.retryable = retryable


class EngineError(FrameworkError):
    """A job could not be stored or read: the database is gone, full or too new. A later try may work."""


class DrainingError(EngineError):
    """A job could not be stored, because the process is about to end. Another replica or the next process stores it."""


class ToolError(FrameworkError):
    """A tool could not do what was asked. The agent is told; the turn goes on."""


class UncertainToolError(ToolError):
    """A tool was interrupted: nobody knows whether it did what was asked.

    If the tool changes anything, the customer is told so, too.
    """
