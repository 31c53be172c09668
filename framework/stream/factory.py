"""Make the chat service that the settings name."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any
from weakref import WeakValueDictionary

from framework.errors import ChatServiceError, SettingsError
from framework.settings import Settings
from framework.stream.budget import Endpoint
from framework.stream.campaigns import StreamCampaigns
from framework.stream.client import StreamApp, StreamClient
from framework.stream.credentials import Credentials
from framework.stream.failure import MISSING
from framework.stream.model import Message, User
from framework.stream.moderation import StreamModeration
from framework.stream.service import BotIdentity, StreamChatService
from framework.stream.timing import Timing
from framework.stream.wire import read_message

# By key, address and clock, as long as any bot uses it. Shared here, so that nobody can forget to.
_apps: WeakValueDictionary[tuple[str, str, Timing], StreamApp] = WeakValueDictionary()


async def introduce(settings: Settings, *users: User) -> None:
    """Create users of the app, or set their name and role if they exist. Raises ChatServiceError."""
    people = [{"id": user.id, "name": user.name, "role": user.role} for user in users]
    await _as_server(settings, lambda sdk: sdk.upsert_users(people))


async def find_message(settings: Settings, message_id: str) -> Message | None:
    """Return a message of the app, wherever it stands; None if there is none. Raises ChatServiceError."""
    try:
        answer = await _as_server(settings, lambda sdk: sdk.get_message(message_id))
    except ChatServiceError as error:
        if error.code == MISSING:
            return None
        raise
    return read_message(answer["message"])


async def tell_sandbox(settings: Settings, path: str, body: Mapping[str, Any]) -> None:
    """Send a PUT to one of the paths that only the sandbox has. Raises ChatServiceError."""
    await _as_server(settings, lambda sdk: sdk.put(path, data=body))


async def _as_server(settings: Settings, call: Callable[[Any], Awaitable[Any]]) -> Any:  # noqa: ANN401 - as the SDK answers
    if settings.stream_api_key is None or settings.stream_api_secret is None:
        raise no_app()
    timing = Timing()
    credentials = Credentials(settings.stream_api_key, settings.stream_api_secret, "server", now=timing.now)
    client = StreamClient(credentials, settings.base_url, timing)
    try:
        return await client.as_server(Endpoint.UPDATE_USERS, call)
    finally:
        await client.close()


def no_app() -> SettingsError:
    """Return the error of a call without a Stream app."""
    return SettingsError(
        "No Stream app is named.",
        where="environment",
        hint="Set STREAM_API_KEY and STREAM_API_SECRET, or start the sandbox.",
    )


def open_chat_service(
    settings: Settings, identity: BotIdentity, *, timing: Timing | None = None, app: StreamApp | None = None
) -> StreamChatService:
    """Make the chat service of one bot user. Nothing is connected yet.

    All services of one app in the process share its limits and its circuit breaker, or those of `app` if it is given.
    Raises SettingsError if the settings name no app.
    """
    if settings.stream_api_key is None or settings.stream_api_secret is None:
        raise no_app()
    timing = timing or Timing()
    credentials = Credentials(settings.stream_api_key, settings.stream_api_secret, identity.user_id, now=timing.now)
    app = app or shared_app(settings.stream_api_key, settings.base_url, timing)
    return StreamChatService(StreamClient(credentials, settings.base_url, timing, app), identity, timing)


def open_campaigns(
    settings: Settings, *, timing: Timing | None = None, app: StreamApp | None = None
) -> StreamCampaigns:
    """Make the campaigns of the app, which shares its limits with the bots. Nothing is connected yet.

    Raises SettingsError if the settings name no app.
    """
    if settings.stream_api_key is None or settings.stream_api_secret is None:
        raise no_app()
    timing = timing or Timing()
    credentials = Credentials(settings.stream_api_key, settings.stream_api_secret, "server", now=timing.now)
    app = app or shared_app(settings.stream_api_key, settings.base_url, timing)
    return StreamCampaigns(StreamClient(credentials, settings.base_url, timing, app))


def open_moderation(settings: Settings, by: str, *, timing: Timing | None = None) -> StreamModeration:
    """Make the moderation of the app that the settings name, by this user. It shares the limits of `open_chat_service`.

    Raises SettingsError if the settings name no app.
    """
    if settings.stream_api_key is None or settings.stream_api_secret is None:
        raise no_app()
    timing = timing or Timing()
    credentials = Credentials(settings.stream_api_key, settings.stream_api_secret, by, now=timing.now)
    app = shared_app(settings.stream_api_key, settings.base_url, timing)
    return StreamModeration(StreamClient(credentials, settings.base_url, timing, app), by, timing.now)


def shared_app(key: str, base_url: str, timing: Timing) -> StreamApp:
    """Return the limits and the circuit breaker that all callers of this app in the process share."""
    return _apps.setdefault((key, base_url, timing), StreamApp.at(base_url, timing))
