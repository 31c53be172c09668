"""Whom a campaign reaches, asked of the chat service."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from http import HTTPStatus
from typing import Any

from framework.campaigns.files import CampaignFile
from framework.campaigns.person import Addressee
from framework.errors import ChatServiceError
from framework.stream.campaigns import StreamCampaigns
from framework.stream.failure import MISSING
from framework.stream.wire import read_user


async def people_of(file: CampaignFile, chat: StreamCampaigns) -> tuple[list[Addressee], list[str]]:
    """Return the people, each once, and the ids that are named and are no active users.

    Raises DefinitionError for a segment that does not exist, ChatServiceError if the service refuses or is away.
    """
    audience = file.campaign.audience
    found: dict[str, Addressee] = {}
    named = dict.fromkeys((*audience.users, *file.users))
    for number, segment_id in enumerate(audience.segment):
        try:
            segment = await chat.segment(segment_id)
        except ChatServiceError as error:
            if error.code != MISSING:
                raise
            raise file.problem(
                f"the segment {segment_id!r} does not exist",
                "`ops call QuerySegments` lists those that do.",
                *("audience", "segment", number),
            ) from None
        if segment.get("type") != "user":
            raise file.problem(
                f"the segment {segment_id!r} is one of channels, not of users",
                "Name a segment of the type `user`.",
                *("audience", "segment", number),
            )
        if segment.get("all_users"):
            found |= await _all(chat.users({}))
        elif segment.get("filter"):
            found |= await _all(chat.users(segment["filter"]))
        named |= dict.fromkeys(await chat.segment_targets(segment_id))
    if audience.filter:
        found |= await _by_filter(file, chat)
    wanted = [one for one in named if one not in found]
    found |= {person.id: person for person in map(_person, await chat.users_by_id(wanted))}
    return list(found.values()), [one for one in wanted if one not in found]


async def _by_filter(file: CampaignFile, chat: StreamCampaigns) -> dict[str, Addressee]:
    try:
        return await _all(chat.users(file.campaign.audience.filter))
    except ChatServiceError as error:
        if error.retryable or error.status != HTTPStatus.BAD_REQUEST:
            raise
        raise file.problem(
            f"the filter of the audience is refused: {error.what}",
            "It is a filter of QueryUsers, as in `{plan: pro}` or `{role: {$in: [user]}}`.",
            *("audience", "filter"),
        ) from None


async def _all(pages: AsyncIterator[Sequence[Mapping[str, Any]]]) -> dict[str, Addressee]:
    return {person.id: person async for page in pages for person in map(_person, page)}


def _person(body: Mapping[str, Any]) -> Addressee:
    user = read_user(body)
    return Addressee(user.id, {**body, "name": user.name or user.id}, user.is_bot)
