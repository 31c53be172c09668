"""Moderation at Stream: what is done to messages and their authors with the app's rights, in the name of one user."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from functools import partial
from typing import Any

from framework.errors import ChatServiceError
from framework.stream.budget import Endpoint
from framework.stream.client import ORDINARY, PATIENT, CallPatience, Request, StreamClient
from framework.stream.failure import MISSING
from framework.stream.service.queries import A_PAGE, CHANNELS_A_PAGE, objects, path_part
from framework.values import JsonObject, Untyped

MESSAGE = "stream:chat:v1:message"
MOST_PENDING_CHANNELS = 300
MOST_ANSWERS = 1_000
HOOKS = "/hooks"
HOOK_SECONDS = 1.5
"""What the service waits for the hook if the app does not set another time."""


class StreamModeration:
    """Every method raises ChatServiceError. Each is safe to repeat: what is done already stays as it is.

    `by` is the user who flags and bans.
    """

    def __init__(self, client: StreamClient, by: str, now: Callable[[], datetime]) -> None:
        self._client = client
        self._by = by
        self._now = now

    async def close(self) -> None:
        """Close all connections."""
        await self._client.close()

    async def hook_seconds(self) -> float:
        """How long the service waits for the answer to the before-message-send hook."""
        app = (await self._call(Endpoint.GET_APP, lambda sdk: sdk.get_app_settings())).get("app")
        value = app.get("before_message_send_hook_attempt_timeout_ms") if isinstance(app, Mapping) else None
        return value / 1000 if isinstance(value, int) and value > 0 else HOOK_SECONDS

    async def set_hook(self, base: str) -> None:
        """Have the service ask `base` before it sends a message, and tell it of messages that wait to be seen."""
        app = (await self._call(Endpoint.GET_APP, lambda sdk: sdk.get_app_settings())).get("app") or {}
        others = [one for one in app.get("event_hooks") or () if not _is_ours(one)]
        told = {"hook_type": "pending_message", "enabled": True, "webhook_url": f"{base}{HOOKS}"}
        settings = {
            "before_message_send_hook_url": f"{base}{HOOKS}/before-message-send",
            "event_hooks": [*others, {**told, "callback": {"mode": "CALLBACK_MODE_REST"}}],
        }
        await self._call(Endpoint.UPDATE_APP, lambda sdk: sdk.update_app_settings(**settings))

    async def words_of(self, name: str) -> Sequence[str]:
        """The words of a blocklist."""
        found = await self._call(Endpoint.GET_BLOCK_LIST, lambda sdk: sdk.get_blocklist(path_part(name)))
        words = (found.get("blocklist") or {}).get("words")
        return [word for word in words or () if isinstance(word, str)]

    async def changed(self, types: Sequence[str], since: datetime) -> Sequence[JsonObject]:
        """All messages of channels of these types that were sent or changed since then, the oldest change first.

        Replies in threads and messages that few people see are among them; pending and deleted ones are not.
        """
        found: list[JsonObject] = []
        payload: dict[str, Any] = {
            "filter_conditions": {"type": {"$in": list(types)}},
            "message_filter_conditions": {"updated_at": {"$gte": since.isoformat()}},
            "sort": [{"field": "updated_at", "direction": 1}],
            "limit": A_PAGE,
        }
        while True:
            params = {"payload": json.dumps(payload)}
            page = await self._call(Endpoint.SEARCH, partial(_get, "search", params))
            found += [one for item in objects(page, "results") if isinstance(one := item.get("message"), Mapping)]
            if not (following := page.get("next")):
                return found
            payload["next"] = following

    async def pending(self, types: Sequence[str]) -> Sequence[JsonObject]:
        """The pending messages in the channels of these types that were changed last. `channel` is where each is."""
        found: list[JsonObject] = []
        for offset in range(0, MOST_PENDING_CHANNELS, CHANNELS_A_PAGE):
            body = {
                "filter_conditions": {"type": {"$in": list(types)}},
                "sort": [{"field": "updated_at", "direction": -1}],
                "state": True, "message_limit": 1, "limit": CHANNELS_A_PAGE, "offset": offset,
            }  # fmt: skip
            page = await self._call(Endpoint.QUERY_CHANNELS, partial(_post, "channels", body))
            channels = objects(page, "channels")
            for one in channels:
                waiting = [item.get("message", item) for item in objects(one, "pending_messages")]
                found += [{**message, "channel": one.get("channel")} for message in waiting]
            if len(channels) < CHANNELS_A_PAGE:
                break
        return found

    async def types(self) -> Mapping[str, JsonObject]:
        """All channel types by name, with their settings."""
        found = await self._call(Endpoint.GET_APP, lambda sdk: sdk.list_channel_types())
        types = found.get("channel_types")
        return dict(types) if isinstance(types, Mapping) else {}

    async def flag(self, message_id: str, reason: str) -> str:
        """Put a message into the review queue, and return the id of its item there."""
        body = {"entity_type": MESSAGE, "entity_id": message_id, "reason": reason, "user_id": self._by}
        try:
            made = await self._patiently(Endpoint.FLAG, lambda sdk: sdk.post("api/v2/moderation/flag", data=body))
        except ChatServiceError as error:
            if error.status != 400 or (item := await self._item(message_id)) is None:
                raise
            return item  # it was flagged before
        return str(made.get("item_id") or await self._item(message_id) or "")

    async def shadow(self, message_id: str, reason: str) -> None:
        """Hide a message from everybody but its author. It stands in the review queue."""
        item = await self.flag(message_id, reason)
        body = {"item_id": item, "action_type": "shadow_block", "shadow_block": {"reason": reason}, "user_id": self._by}
        await self._patiently(
            Endpoint.SUBMIT_ACTION, lambda sdk: sdk.post("api/v2/moderation/submit_action", data=body)
        )

    async def restore(self, message_id: str) -> None:
        """Let a message be seen that was hidden or deleted. Raises ChatServiceError if it is in no review queue."""
        item = await self._item(message_id) or await self.flag(message_id, "restored")
        body = {"item_id": item, "action_type": "restore", "restore": {}, "user_id": self._by}
        await self._patiently(
            Endpoint.SUBMIT_ACTION, lambda sdk: sdk.post("api/v2/moderation/submit_action", data=body)
        )

    async def delete(self, message_id: str, *, hard: bool = False) -> None:
        """Delete a message. Do nothing if it is gone."""
        await self._unless_gone(
            Endpoint.DELETE_MESSAGE, lambda sdk: sdk.delete_message(path_part(message_id), hard=hard)
        )

    async def commit(self, message_id: str) -> None:
        """Let a pending message be seen. Do nothing if it is seen already."""
        try:
            await self._patiently(
                Endpoint.COMMIT_MESSAGE, lambda sdk: sdk.post(f"messages/{path_part(message_id)}/commit", data={})
            )
        except ChatServiceError as error:
            if error.status != 400:
                raise

    async def rewrite(self, message_id: str, fields: JsonObject) -> None:
        """Set fields of a message. Do nothing if it is gone."""
        await self._unless_gone(
            Endpoint.UPDATE_MESSAGE,
            lambda sdk: sdk.update_message_partial(path_part(message_id), {"set": dict(fields)}, self._by),
        )

    async def message(self, message_id: str) -> JsonObject | None:
        """A message with its poll, and with all answers to it. None if it is gone."""
        try:
            found = await self._call(Endpoint.GET_MESSAGE, lambda sdk: sdk.get_message(path_part(message_id)))
        except ChatServiceError as error:
            if is_gone(error):
                return None
            raise
        message = found.get("message")
        if not isinstance(message, Mapping):
            return None
        poll = message.get("poll")
        if not isinstance(poll, Mapping) or len(poll.get("latest_answers") or ()) >= int(
            poll.get("answers_count") or 0
        ):
            return message
        return {**message, "poll": {**poll, "latest_answers": await self._answers(str(poll["id"]))}}

    async def _answers(self, poll_id: str) -> Sequence[JsonObject]:
        """The newest answers to a poll, at most MOST_ANSWERS."""
        found: list[JsonObject] = []
        body: dict[str, Any] = {"filter": {"is_answer": True}, "limit": A_PAGE}
        while len(found) < MOST_ANSWERS:
            path = f"polls/{path_part(poll_id)}/votes"
            page = await self._call(Endpoint.QUERY_POLL_VOTES, partial(_post, path, dict(body)))
            found += objects(page, "votes")
            if not (following := page.get("next")):
                break
            body["next"] = following
        return found

    async def drop_from_poll(self, message_id: str, dropped: JsonObject) -> None:
        """Take something away from the poll of a message. Do nothing where it is gone.

        `dropped` has the id of the poll as `poll`, and either the id of an `option`, or that of a `vote` with `of`, the
        user whose answer it is. `closed` says that the poll was closed when that was decided.
        """
        poll = f"polls/{path_part(str(dropped['poll']))}"
        if option := dropped.get("option"):
            drop = partial(_delete, f"{poll}/options/{path_part(str(option))}", {})
        else:
            path = f"messages/{path_part(message_id)}/{poll}/vote/{path_part(str(dropped['vote']))}"
            drop = partial(_delete, path, {"user_id": str(dropped["of"])})
        if dropped.get("closed"):
            await self._while_open(poll, drop)
            return
        try:
            await self._unless_gone(Endpoint.CHANGE_POLL, drop)
        except ChatServiceError as error:
            if error.status != 400 or not await self._is_closed(poll):
                raise
            await self._while_open(poll, drop)

    async def _while_open(self, poll: str, drop: Request) -> None:
        """Take something away from a closed poll: no vote of one can be taken back, so it is opened for that moment.

        Whoever repeats this after a kill closes it as well.
        """
        for request in (partial(_set_closed, poll, False), drop, partial(_set_closed, poll, True)):
            await self._unless_gone(Endpoint.CHANGE_POLL, request)

    async def _is_closed(self, poll: str) -> bool:
        found = (await self._call(Endpoint.GET_POLL, partial(_get, poll, {}))).get("poll")
        return isinstance(found, Mapping) and found.get("is_closed") is True

    async def ban(self, user_id: str, channel: str, *, seconds: int, reason: str) -> None:
        """Keep a user from writing in a channel for so long; the service counts minutes."""
        type_, _, id_ = channel.partition(":")
        minutes = max(1, round(seconds / 60))
        options = {"type": type_, "id": id_, "timeout": minutes, "reason": reason, "banned_by_id": self._by}
        await self._unless_gone(Endpoint.BAN, lambda sdk: sdk.ban_user(user_id, **options))

    async def _item(self, message_id: str) -> str | None:
        body = {"filter": {"entity_id": message_id}, "limit": 1}
        page = await self._call(
            Endpoint.QUERY_REVIEW_QUEUE, lambda sdk: sdk.post("api/v2/moderation/review_queue", data=body)
        )
        item = next(iter(objects(page, "items")), None)
        return None if item is None else str(item["id"])

    async def _unless_gone(self, endpoint: Endpoint, request: Request) -> None:
        try:
            await self._patiently(endpoint, request)
        except ChatServiceError as error:
            if not is_gone(error):
                raise

    async def _patiently(self, endpoint: Endpoint, request: Request) -> JsonObject:
        return await self._call(endpoint, request, PATIENT)

    async def _call(self, endpoint: Endpoint, request: Request, patience: CallPatience = ORDINARY) -> JsonObject:
        return await self._client.as_server(endpoint, request, patience=patience)


def _is_ours(hook: object) -> bool:
    """Whether an earlier start of ours set a hook of pending messages."""
    if not isinstance(hook, Mapping) or hook.get("hook_type") != "pending_message":
        return False
    return str(hook.get("webhook_url", "")).endswith(HOOKS)


async def _get(path: str, params: Mapping[str, str], sdk: Untyped) -> JsonObject:
    found: JsonObject = await sdk.get(path, params=params)
    return found


async def _delete(path: str, params: Mapping[str, str], sdk: Untyped) -> JsonObject:
    found: JsonObject = await sdk.delete(path, params=params)
    return found


async def _post(path: str, body: JsonObject, sdk: Untyped) -> JsonObject:
    found: JsonObject = await sdk.post(path, data=body)
    return found


async def _set_closed(poll: str, closed: bool, sdk: Untyped) -> JsonObject:
    found: JsonObject = await sdk.patch(poll, data={"set": {"is_closed": closed}})
    return found


def is_gone(error: ChatServiceError) -> bool:
    """Whether the service says that what was named does not exist."""
    return error.status == 404 or error.code == MISSING
