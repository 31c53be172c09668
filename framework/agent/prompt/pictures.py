"""Pictures that people attach, read by us for a model that sees: from servers that are declared, bounded, as bytes.

A model's server is never given an address: whoever writes in a channel chooses it, and could lead the server to what
only it reaches.
"""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import structlog

from framework.agent.outgoing import UPLOADS
from framework.net.guarded import FetchError, fetch
from framework.outbound import Domains

if TYPE_CHECKING:
    from framework.agent.conversation import Utterance
    from framework.definition.model import Bot
    from framework.settings import Settings

_log = structlog.get_logger(__name__)

MOST = 6
"""How many pictures a model is shown in one turn, the newest ones."""

BYTES = 5_000_000
"""Of one picture: larger ones are refused by model servers."""

ALL_BYTES = 12_000_000
SECONDS = 8.0


@dataclass(frozen=True)
class Picture:
    """A picture's bytes in base64. `media_type` is told by the bytes, not by whoever sent them."""

    media_type: str
    base64: str


class Pictures:
    """Reads pictures from these domains, and from the servers at `near` (as `https://host:port`), which may be private
    ones.
    """

    def __init__(self, names: Sequence[str] = (), near: Sequence[str] = ()) -> None:
        self._domains = Domains.of(names, near)
        self._near = frozenset(near)

    async def of(self, utterances: Sequence[Utterance]) -> Mapping[str, Picture]:
        """The newest pictures of what people said, by their addresses; what cannot be read is not among them."""
        said = [url for one in reversed(utterances) if one.who == "user" for url in one.images]
        newest = list(dict.fromkeys(said))[:MOST]
        read = await asyncio.gather(*map(self._read, newest))
        kept: dict[str, Picture] = {}
        left = ALL_BYTES
        for url, body in zip(newest, read, strict=True):
            media_type = _media_type(body)
            if media_type and len(body) <= left:
                left -= len(body)
                kept[url] = Picture(media_type, base64.b64encode(body).decode())
        return kept

    async def _read(self, url: str) -> bytes:
        try:
            body = await fetch(url, most=BYTES, seconds=SECONDS, allow=self._domains.allow, near=self._is_near)
        except FetchError as error:
            _log.info("picture.not_read", reason=str(error))
            return b""
        if not _media_type(body):
            _log.info("picture.not_read", reason="It is not a picture that models read: PNG, JPEG, GIF or WebP.")
        return body

    def _is_near(self, url: str) -> bool:
        parts = urlsplit(url)
        return f"{parts.scheme}://{parts.netloc}".lower() in self._near


def pictures_for(bot: Bot, settings: Settings) -> Pictures:
    """Those that a bot reads: of the chat's uploads, and of the domains that its definition names."""
    service = urlsplit(settings.base_url)
    return Pictures([*UPLOADS, *bot.definition.context.images_from], [f"{service.scheme}://{service.netloc}".lower()])


def _media_type(body: bytes) -> str:
    """What kind of picture it is by its first bytes; "" for anything that model servers do not take."""
    if body.startswith(b"\x89PNG\r\n\x1a\n"):
        return "image/png"
    if body.startswith(b"\xff\xd8\xff"):
        return "image/jpeg"
    if body.startswith((b"GIF87a", b"GIF89a")):
        return "image/gif"
    return "image/webp" if body[:4] == b"RIFF" and body[8:12] == b"WEBP" else ""
