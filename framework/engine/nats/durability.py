"""When a NATS server syncs its disk, as its own monitoring says: clients cannot ask it."""

from __future__ import annotations

import asyncio
import json
import urllib.error
import urllib.request
from typing import TYPE_CHECKING, Literal
from urllib.parse import urlsplit

import structlog

if TYPE_CHECKING:
    from framework.engine.nats.address import NatsAddress

_log = structlog.get_logger(__name__)

MONITORING = 8222
NOT_SYNCED = (
    "Set `sync_interval: always` in the jetstream block of the NATS servers: a power cut loses what was not synced."
)
_ANSWERS = 1.0

Synced = Literal["always", "not always", "unknown"]
"""`unknown`: a server's monitoring port does not answer, and no other one says that it does not sync."""


def synced(address: NatsAddress, port: int = MONITORING) -> Synced:
    """Ask all servers whether each write is on the disk before it is answered. Blocks for a second a server at most."""
    said = [_syncs_always(urlsplit(one).hostname or "", port) for one in address.servers]
    if any(one is False for one in said):
        return "not always"
    return "always" if all(said) else "unknown"


async def tell_durability(address: NatsAddress, port: int = MONITORING) -> None:
    """Log on how many servers turns are kept, and whether each write is on the disk before it is answered."""
    sync = await asyncio.to_thread(synced, address, port)
    facts = {"journal": address.shown, "copies": address.replicas}
    if sync == "not always":
        _log.warning("engine.journal_not_synced", **facts, hint=NOT_SYNCED)
    else:
        hint = ": the monitoring port does not answer" if sync == "unknown" else ""
        _log.info("engine.journal", **facts, sync=f"{sync}{hint}")


def _syncs_always(host: str, port: int) -> bool | None:
    """None where the server does not say."""
    shown = f"[{host}]" if ":" in host else host
    try:
        with urllib.request.urlopen(f"http://{shown}:{port}/jsz?config=1", timeout=_ANSWERS) as answer:
            config = json.load(answer).get("config") or {}
    except (urllib.error.URLError, OSError, ValueError):
        return None
    return bool(config.get("sync_always"))
