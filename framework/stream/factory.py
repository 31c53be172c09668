"""Makes the chat service that the environment names."""

from __future__ import annotations

from framework.errors import SettingsError
from framework.settings import Settings
from framework.stream.chat import Identity, StreamChatService
from framework.stream.client import StreamClient
from framework.stream.credentials import Credentials
from framework.stream.timing import Timing


def open_chat_service(settings: Settings, identity: Identity, *, timing: Timing | None = None) -> StreamChatService:
    """One bot user's view of the Stream app in `settings`. Nothing is connected yet.

    Raises SettingsError where the environment names no app.
    """
    if settings.stream_api_key is None or settings.stream_api_secret is None:
        raise SettingsError(
            "No Stream app is named.",
            where="environment",
            hint="Set STREAM_API_KEY and STREAM_API_SECRET, or start the sandbox.",
        )
    timing = timing or Timing()
    credentials = Credentials(settings.stream_api_key, settings.stream_api_secret, identity.user_id, now=timing.now)
    return StreamChatService(StreamClient(credentials, settings.base_url, timing), identity, timing)
