"""What a person may do in the console: read, decide for the team, or run the bots."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Literal

from framework.errors import ChatServiceError
from framework.runtime.team.people import belongs
from framework.stream.model import User

if TYPE_CHECKING:
    from framework.console.sign_ins import SignIn
    from framework.runtime.core.bot import RunningBot

Role = Literal["viewer", "agent", "admin"]
ROLES: tuple[Role, ...] = ("viewer", "agent", "admin")
_ADMIN = "admin"
_GOOD_FOR = 30.0
"""Seconds for which the service's word on a person's role is used again for pages. Acts ask it anew by themselves."""


def allows(role: Role, needed: Role) -> bool:
    """Whether somebody with this role may do what needs the other."""
    return ROLES.index(role) >= ROLES.index(needed)


class Roles:
    """Tells the role of a session: the one that its link granted, or the one that follows from `team` of the bots."""

    def __init__(self, bots: Callable[[], Sequence[RunningBot]], *, monotonic: Callable[[], float]) -> None:
        self._bots = bots
        self._monotonic = monotonic
        self._known: dict[str, tuple[Role | None, float]] = {}

    async def of(self, sign_in: SignIn) -> Role | None:
        """Return the role; None: the person is not of the team (any more). Raises ChatServiceError."""
        granted = next((role for role in ROLES if role == sign_in.granted), None)
        if granted is not None:
            return granted
        role, until = self._known.get(sign_in.user, (None, 0.0))
        if self._monotonic() >= until:
            role = await self._derived(sign_in.user)
            self._known[sign_in.user] = (role, self._monotonic() + _GOOD_FOR)
        return role

    async def person(self, user_id: str) -> User:
        """Return the person as the chat service knows them; by the id alone if it does not."""
        for bot in self._bots():
            found = (await bot.service.users([user_id])).get(user_id)
            if found is not None:
                return found
        return User(user_id)

    async def _derived(self, user_id: str) -> Role | None:
        found: list[Role] = []
        failed: ChatServiceError | None = None
        for bot in self._bots():
            try:
                user = (await bot.service.users([user_id])).get(user_id)
            except ChatServiceError as error:
                failed = error
                continue
            if user is not None and belongs(bot.definition.team, user):
                found.append("admin" if user.role == _ADMIN else "agent")
        if not found and failed is not None:
            raise failed
        return _highest(found)


def _highest(found: Iterable[Role]) -> Role | None:
    return max(found, key=ROLES.index, default=None)
