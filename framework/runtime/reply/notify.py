"""Reach people by push: a message from the bot to single people, posted once, that the chat service pushes.

Who gets a push is the service's word: it knows devices, preferences and mutes.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime

import structlog

from framework.campaigns.times import after_quiet
from framework.definition.parts.hours import zone
from framework.errors import ChatServiceError, ToolError
from framework.runtime.core.bot import RunningBot
from framework.runtime.core.turn import Turn
from framework.runtime.reply.post import post_once
from framework.runtime.state.ids import TRIES
from framework.runtime.state.own import NOTE
from framework.stream.failure import MISSING
from framework.stream.ids import IdKey
from framework.stream.model import ChannelRef, OutgoingMessage
from framework.stream.port import ChatService, Check, unchecked
from framework.tools.notices import Notice, NoticeState, Notified

_log = structlog.get_logger(__name__)
_OWNER = "notices_to"
"""The field of a channel for notices with the id of the person that it was made for."""


class Notices:
    """Sends the notices of one bot: `await Notices(service, bot_user_id, now).send(("maria",), Notice(...))`."""

    def __init__(self, service: ChatService, bot_user_id: str, now: Callable[[], datetime]) -> None:
        self._service = service
        self._bot = bot_user_id
        self._now = now

    async def send(self, users: Sequence[str], notice: Notice, *, check: Check = unchecked) -> tuple[Notified, ...]:
        """Send a notice to these people, each at most once for the notice's key, and say what became of it.

        With `notice.channel` one message there reaches all who are members; without, each gets a message in a channel
        of the bot and that person. `check` as in `ChatService.send`. Raises ChatServiceError if another try may help;
        a person whom the service refuses is `refused`, with the reason.
        """
        if notice.channel:
            return await self._together(users, notice, ChannelRef.parse(notice.channel), check)
        return tuple([await self._alone(user, notice, check) for user in users])

    async def _together(
        self, users: Sequence[str], notice: Notice, channel: ChannelRef, check: Check
    ) -> tuple[Notified, ...]:
        try:
            members = {one.user.id for one in await self._service.members(channel, ids=users)}
            reached = [user for user in users if user in members]
            done = await self._post(channel, reached, notice, str(channel), check) if reached else {}
        except ChatServiceError as error:
            if error.retryable:
                raise
            return tuple(self._refused(user, error.what) for user in users)
        return tuple(done.get(user) or self._refused(user, f"not a member of {channel}") for user in users)

    async def _alone(self, user: str, notice: Notice, check: Check) -> Notified:
        try:
            channel = notice_channel(self._service.id_key, self._bot, user)
            why = await self._prepare(channel, user)
            return self._refused(user, why) if why else (await self._post(channel, [user], notice, user, check))[user]
        except ChatServiceError as error:
            if error.retryable:
                raise
            return self._refused(user, error.what)

    async def _prepare(self, channel: ChannelRef, user: str) -> str:
        """Make the channel of the bot and a person where it is missing. Returns why nothing may be posted there."""
        try:
            made_for = (await self._service.info(channel)).custom.get(_OWNER)
        except ChatServiceError as error:
            if error.code != MISSING:
                raise
            if user not in await self._service.users([user]):
                return f"there is no user {user!r}"
            await self._service.create_channel(channel)
            made_for = None
        if made_for is None:
            # The field comes last: a process that dies before it leaves a channel that is made ready again.
            await self._service.add_members(channel, [user])
            await self._service.update_channel(channel, to_set={_OWNER: user})
        elif not await self._service.members(channel, ids=[user]):
            return f"they left the channel of this bot's notices, {channel}"
        return ""

    async def _post(
        self, channel: ChannelRef, users: Sequence[str], notice: Notice, target: str, check: Check
    ) -> dict[str, Notified]:
        is_quiet = self._is_quiet(notice)
        message = OutgoingMessage(
            "",
            notice.shown,
            custom={NOTE: "notice"},
            visible_to=tuple(users) if notice.channel else (),
            mentions=tuple(users),
            skip_push=is_quiet,
        )
        key = self._service.id_key
        chain = [key.id_of("notice", self._bot, notice.key, target, number) for number in range(TRIES)]
        posted = await post_once(self._service, channel, chain, message, bot_user_id=self._bot, check=check)
        state: NoticeState = "sent" if posted.is_new else "known"
        id_ = posted.message.id
        _log.info(f"notice.{state}", bot=self._bot, people=len(users), message=id_)
        return {user: Notified(user, state, str(channel), id_, is_quiet=is_quiet) for user in users}

    def _is_quiet(self, notice: Notice) -> bool:
        now = self._now()
        return bool(notice.quiet_hours) and after_quiet(now, zone(notice.timezone), notice.quiet_hours) > now

    def _refused(self, user: str, why: str) -> Notified:
        _log.warning("notice.refused", bot=self._bot, user=user, why=why)
        return Notified(user, "refused", why=why)


class TurnNotices:
    """The notices that tools send in one try at a turn. Two from one call of a tool differ by their place in it."""

    def __init__(self, bot: RunningBot, turn: Turn, now: Callable[[], datetime]) -> None:
        self._notices = Notices(bot.service, bot.user_id, now)
        self._turn = turn
        self._sent: Counter[str] = Counter()

    async def send(self, users: Sequence[str], notice: Notice) -> tuple[Notified, ...]:
        """See `Notifier.send`."""
        key = notice.key
        if key.startswith("turn\x1f"):
            self._sent[key] += 1
            key = f"{key}\x1f{self._sent[notice.key]}"
        try:
            ChannelRef.parse(notice.channel or "messaging:none")
            return await self._notices.send(users, replace(notice, key=key), check=self._turn.fence)
        except (ChatServiceError, ValueError) as error:
            raise ToolError(f"The notice was not sent: {error}") from None


def notice_channel(key: IdKey, bot_user_id: str, user: str) -> ChannelRef:
    """Return the channel in which a bot notifies a person: nobody else can compute its id."""
    return ChannelRef("messaging", f"notice-{key.id_of('notice channel', bot_user_id, user)}")
