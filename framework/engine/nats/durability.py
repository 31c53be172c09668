"""When a NATS server syncs its disk, as its own monitoring says: clients cannot ask it."""

from __future__ import annotations

import asyncio
import json
import urllib.error
import urllib.request
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import structlog

if TYPE_CHECKING:
    from framework.engine.nats.address import NatsAddress

_log = structlog.get_logger(__name__)

MONITORING = 8222
_ANSWERS = 1.0


async def tell_durability(address: NatsAddress, port: int = MONITORING) -> None:
    """Log on how many servers turns are kept, and whether each write is on the disk before it is answered."""
    said = [await asyncio.to_thread(_syncs_always, urlsplit(one).hostname or "", port) for one in address.servers]
    facts = {"journal": address.shown, "copies": address.replicas}
    if any(one is False for one in said):
        _log.warning(
            "engine.journal_not_synced",
            **facts,
            hint="Set `sync_interval: always` in the jetstream block of the NATS servers: a power cut loses what was "
            "not synced.",
        )
    else:
        sync = "always" if all(said) else "unknown: the monitoring port does not answer"
        _log.info("engine.journal", **facts, sync=sync)


def _syncs_always(host: str, port: int) -> bool | None:
    """None where the server does not say."""
    shown = f"[{host}]" if ":" in host else host
    try:
        with urllib.request.urlopen(f"http://{shown}:{port}/jsz?config=1", timeout=_ANSWERS) as answer:
            config = json.load(answer).get("config") or {}
    except (urllib.error.URLError, OSError, ValueError):
        return None
    return bool(config.get("sync_always"))
