"""`ChatService` on Stream: channels, members, history, messages, signals and users, put together by composition."""

from framework.stream.service.service import StreamChatService
from framework.stream.service.users import BotIdentity

__all__ = ["BotIdentity", "StreamChatService"]
