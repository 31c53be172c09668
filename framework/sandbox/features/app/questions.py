"""Asking the app's backend about a message before it is sent: whether, and as what; and what a custom command does."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from framework.sandbox.chat.channels.commands import COMMANDS
from framework.sandbox.chat.channels.rules import check_custom
from framework.sandbox.chat.channels.view import channel_view
from framework.sandbox.chat.messages.record import MESSAGE_INPUT, MESSAGE_RESERVED, MESSAGES, Message
from framework.sandbox.chat.messages.view import message_view, render_html, take_attachment
from framework.sandbox.chat.users.view import user_view
from framework.sandbox.kernel.errors import ApiError, invalid
from framework.sandbox.kernel.webhooks import settings
from framework.sandbox.kernel.wire import WireDialect, parse_json

if TYPE_CHECKING:
    from collections.abc import Awaitable

    from framework.sandbox.chat.channels.record import Channel
    from framework.sandbox.chat.users.record import User
    from framework.sandbox.kernel.call import Call

_log = logging.getLogger("framework.sandbox")
_ANSWER_TYPES = ("regular", "reply", "system", "error", "ephemeral")
_TEXT_LIMIT = 20_000


def ask(call: Call, channel: Channel, message: Message, user: User) -> Awaitable[bool] | None:
    """Ask the app about a composed message, where it wants to be asked."""
    if settings.before_send_url(call.store) is None and _command_url(call, message) is None:
        return None
    return _answered(call, channel, message, user)


async def _answered(call: Call, channel: Channel, message: Message, user: User) -> bool:
    """Let the app's backend change a composed message; whether it is to be sent. A refusal has the type `error`.

    The service goes on without a backend that does not answer, or answers nonsense. Raises ApiError 400 when the id
    was taken meanwhile, 404 when the channel went.
    """
    body: dict[str, Any] = {"message": message_view(call.sandbox, message), "user": user_view(call.sandbox, user)}
    url = _command_url(call, message)
    if url is not None:
        await _ask(call, channel, message, url, {**body, "form_data": {}})
    url = settings.before_send_url(call.store)
    if url is not None and message.type not in ("error", "ephemeral"):
        asked = message_view(call.sandbox, message)
        if not _is_named(call):
            asked.fields["id"] = ""  # the service makes the id later
        body["message"] = asked
        body["channel"] = channel_view(call.sandbox, channel)
        body["request_info"] = _request_info(call)
        await _ask(call, channel, message, url, body)
    # Others sent messages while this one waited: it comes after them.
    call.__dict__.pop("now", None)
    message.created_at = message.updated_at = call.now
    if message.id in call.store[MESSAGES]:
        raise invalid(f"a message with ID {message.id} already exists")
    return message.type not in ("error", "ephemeral")


def _is_named(call: Call) -> bool:
    """Return whether the client gave the message its id."""
    given = call.body.get("message")
    return isinstance(given, dict) and bool(given.get("id"))


def _command_url(call: Call, message: Message) -> str | None:
    """Where a message goes that begins with a command of the app's own."""
    if message.command is None or message.command not in call.store[COMMANDS]:
        return None
    return settings.command_url(call.store, message.command)


async def _ask(call: Call, channel: Channel, message: Message, url: str, body: dict[str, Any]) -> None:
    answer = await call.sandbox.webhooks.ask(url, WireDialect.V1.encode(body))
    if answer is None or answer.status != 200 or not answer.body:
        return
    try:
        _rewrite(call, channel, message, answer.body)
    except ApiError as error:
        _log.warning("the answer of %s was ignored: %s", url, error.reason)


def _rewrite(call: Call, channel: Channel, message: Message, raw: bytes) -> None:
    """Take over what an answer may change. Raises ApiError when it is malformed, before anything changed."""
    said = parse_json(raw, "it")
    given = said.get("message") if isinstance(said, dict) else None
    if not isinstance(given, dict):
        return
    taken = WireDialect.V1.take({k: v for k, v in given.items() if k not in MESSAGE_RESERVED}, MESSAGE_INPUT, "message")
    changes = _changes(call, taken.fields)
    custom = {**message.custom, **{name: value for name, value in taken.custom.items() if name != "custom"}}
    check_custom(call, custom, "message")
    for name, value in changes.items():
        setattr(message, name, value)
    message.custom = custom


def _changes(call: Call, fields: dict[str, Any]) -> dict[str, Any]:
    changes: dict[str, Any] = {}
    text = call.text("text", fields)
    if text is not None:
        if len(text) > _TEXT_LIMIT:
            raise invalid("its text is too long")
        changes |= {"text": text, "html": render_html(text)}
    kind = call.text("type", fields)
    if kind:
        if kind not in _ANSWER_TYPES:
            raise invalid(f"its type {kind} cannot be given to a message")
        changes["type"] = kind
    if fields.get("i18n") is not None:
        changes["i18n"] = call.mapping("i18n", fields)
    for name in ("silent", "show_in_channel"):
        if fields.get(name) is not None:
            changes[name] = call.flag(name, fields)
    if fields.get("attachments") is not None:
        changes["attachments"] = [take_attachment(WireDialect.V1, item) for item in call.objects("attachments", fields)]
    return changes


def _request_info(call: Call) -> dict[str, Any]:
    """Who asks: the kind of token, the address, and what the client says it is."""
    scope = call.request.scope if call.request is not None else {"headers": []}
    headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
    client = scope.get("client")
    return {
        "type": "server" if call.actor.is_server else "client",
        "ip": client[0] if client else "",
        "user_agent": headers.get("user-agent", ""),
        "sdk": headers.get("x-stream-client", ""),
        "ext": headers.get("x-stream-ext", ""),
    }
