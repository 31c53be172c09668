"""The messages that show the team what is to be decided. They show the database's record, and are never read back."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import structlog

from framework.approvals import Approval, ApprovalStore
from framework.errors import DuplicateMessageError
from framework.runtime.review.record import LOST, Origin, card_of, field_of
from framework.runtime.state.own import own
from framework.stream.model import ChannelRef, Message, MessageCard, OutgoingMessage
from framework.stream.port import ChatService, Check

_log = structlog.get_logger(__name__)


class ReviewCards:
    """Shows the approvals of one bot. Every method raises ChatServiceError and EngineError."""

    def __init__(self, service: ChatService, store: ApprovalStore, bot_user_id: str) -> None:
        self._service = service
        self._store = store
        self._bot_user_id = bot_user_id

    async def show(self, approval: Approval, *, check: Check) -> None:
        """Post all messages of a placed approval, once, then let it be decided on.

        What was posted by an earlier try stays. The ids cannot be guessed, so nobody else can have taken them.
        """
        if approval.card is None:
            raise AssertionError("an approval is placed before it is shown")
        place, origin = ChannelRef.parse(approval.card.channel), Origin.of(approval)
        posted: list[Message | None] = []
        for number, text in enumerate(origin.texts, start=1):
            first = number == 1
            message = OutgoingMessage(
                approval.card_id(number),
                text,
                parent_id=None if first else approval.card_id(1),
                custom=field_of(approval) if first else {},
                visible_to=origin.viewers,
                card=card_of(approval) if first else None,
            )
            posted.append(await self._post(place, message, check))
        if await self._seen(approval) is None:
            _log.error("review.incomplete", number=approval.number, hint="Its messages were deleted: it will expire.")
            return
        # Not as it stands there by now: somebody may have changed it in between.
        kept = [
            message.text
            if message is not None
            else await self._service.amend(approval.card_id(number), text=text, channel=place)
            for number, (message, text) in enumerate(zip(posted, origin.texts, strict=True), start=1)
        ]
        await self._store.shown(approval.id, _hash(kept))

    async def was_decided(self, approval: Approval) -> bool:
        """Whether the card says that something was decided, though the record waits: the database is older than the
        channel. The bot's own card is believed in this alone, that nothing may be done any more.
        """
        if approval.card is None:
            return False
        first = approval.card_id(1)
        found = (await self._service.messages(ChannelRef.parse(approval.card.channel), [first])).get(first)
        card = own(found, self._bot_user_id)
        return card is not None and card.review is not None and card.review.get("state") != "waiting"

    async def is_intact(self, approval: Approval) -> bool:
        """Whether people see what was shown, word for word. If not, it is restored: then they have to decide again."""
        if approval.card is None:
            return False
        seen = await self._seen(approval)
        if not approval.card.seen:
            return await self._is_complete(approval, seen)
        if seen == approval.card.seen:
            return True
        _log.warning("review.card_changed", number=approval.number, restored=seen is not None)
        if seen is not None:
            place = ChannelRef.parse(approval.card.channel)
            texts = enumerate(Origin.of(approval).texts, start=1)
            kept = [
                await self._service.amend(approval.card_id(number), text=text, channel=place) for number, text in texts
            ]
            await self._store.shown(approval.id, _hash(kept))
        return False

    async def _is_complete(self, approval: Approval, seen: str | None) -> bool:
        """Whether all of it stands in the channel as it was asked for, though that is not recorded yet: somebody
        decided in the moment between the last message of the card and the record.
        """
        if seen is None or seen != _hash(Origin.of(approval).texts):
            return False
        await self._store.shown(approval.id, seen)
        return True

    async def update(self, approval: Approval, *, check: Check) -> None:
        """Show what was decided; for an edited draft the new text."""
        if approval.card is None:
            return
        texts = tuple(approval.content["texts"]) if approval.edited else ()
        await check()
        place, viewers = ChannelRef.parse(approval.card.channel), Origin.of(approval).viewers
        await self._service.amend(
            approval.card_id(1),
            text=texts[0] if texts else None,
            custom=field_of(approval),
            card=card_of(approval),
            channel=place,
        )
        for number, text in enumerate(texts[1:], start=2):
            id_ = approval.card_id(number)
            more = OutgoingMessage(id_, text, parent_id=approval.card_id(1), visible_to=viewers)
            if await self._post(place, more, check) is None:
                await self._service.amend(id_, text=text, channel=place)
        for id_ in approval.card.ids[len(texts) :] if texts else ():
            await self._service.delete(id_, check=check)

    async def tell_lost(self, message: Message) -> None:
        """Say on a card of the bot's that nothing can be decided there any more."""
        review = own(message, self._bot_user_id)
        if review is None or review.review is None:
            raise AssertionError("only the bot's own cards are changed")
        title = next((attachment.title for attachment in message.attachments), "")
        kind = review.review.get("kind")
        custom = {"review": {"kind": kind if kind in {"draft", "tool"} else "draft", "state": LOST}}
        text = "The record of this is gone: nothing was sent or executed, and nothing can be decided here any more."
        await self._service.amend(
            message.id, custom=custom, card=MessageCard(title or "Lost", text), channel=message.channel
        )
        _log.warning("review.lost", card=message.id, channel=str(message.channel))

    async def _seen(self, approval: Approval) -> str | None:
        """A hash of the texts as they stand in the channel; None if one of them is gone."""
        if approval.card is None:
            return None
        ids = approval.card.ids
        found = await self._service.messages(ChannelRef.parse(approval.card.channel), ids)
        mine = [own(found.get(id_), self._bot_user_id) for id_ in ids]
        if any(one is None or one.is_deleted for one in mine):
            return None
        return _hash([one.message.text for one in mine if one is not None])

    async def _post(self, place: ChannelRef, message: OutgoingMessage, check: Check) -> Message | None:
        """Post, and return the message as the service keeps it; None if an earlier try posted it."""
        try:
            return await self._service.send(place, message, check=check)
        except DuplicateMessageError:
            return None


def _hash(texts: Sequence[str]) -> str:
    return hashlib.sha256("\x00".join(texts).encode("utf-8", "surrogatepass")).hexdigest()
