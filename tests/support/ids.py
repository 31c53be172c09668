"""The ids that a bot gives its messages, for tests that know the app's secret."""

from __future__ import annotations

from pydantic import SecretStr

from framework.runtime.state.ids import TurnIds
from framework.stream.ids import IdKey
from tests.support.sandbox import API_SECRET

MEMORY_SECRET = "the secret of the app memory"


def ids_of(message_id: str, *, bot: str = "agent-bot", secret: str = API_SECRET) -> TurnIds:
    """Those of the turn for this message."""
    return TurnIds(IdKey(SecretStr(secret)), bot, message_id)


def reply_id(message_id: str, *, bot: str = "agent-bot", secret: str = API_SECRET) -> str:
    """The id of the reply to this message."""
    return ids_of(message_id, bot=bot, secret=secret).reply[0]
