"""The journal in NATS: whether it lets us in, and may write to its disk."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from framework.app.doctor.finding import HealthFinding, ok, wrong
from framework.errors import FrameworkError

if TYPE_CHECKING:
    from framework.engine.nats.address import NatsAddress
    from framework.settings import Settings

CONNECT = 4.0
"""Seconds in which a server has to let us in."""
PART = "nats"


async def nats_findings(settings: Settings) -> list[HealthFinding]:
    """Connect, and make nothing. Empty without FRAMEWORK_JOURNAL."""
    if settings.journal is None:
        return []
    from framework.engine.nats.address import address

    copies = settings.journal_replicas
    try:
        nats = address(
            settings.journal.get_secret_value(),
            replicas=None if copies is None else int(copies),
            credentials=settings.journal_credentials,
            ca=settings.journal_ca,
        )
        return [await _asked(nats)]
    except FrameworkError as error:
        return [wrong(PART, error.what, error.hint or "See FRAMEWORK_JOURNAL.")]


async def _asked(nats: NatsAddress) -> HealthFinding:
    from nats.aio.client import Client
    from nats.errors import Error as NatsError
    from nats.js.errors import Error as JetStreamError

    from framework.engine.nats.options import options_of

    client, said = Client(), []

    async def note(error: Exception) -> None:
        said.append(error)

    async def cut() -> None:
        """The client says it itself."""

    try:
        async with asyncio.timeout(CONNECT):
            await client.connect(**options_of(nats, said=note, cut=cut))
            account = await client.jetstream().account_info()
    except JetStreamError:
        hint = "Start it with JetStream and a folder: `nats-server --jetstream --store_dir /data`."
        return wrong(PART, f"{nats.shown} answers, and has no JetStream, so it keeps nothing", hint)
    except (NatsError, OSError, TimeoutError) as error:
        why = type(said[-1] if said else error).__name__
        hint = "See whether it runs, FRAMEWORK_JOURNAL, and FRAMEWORK_JOURNAL_CREDENTIALS."
        return wrong(PART, f"{nats.shown} cannot be reached ({why})", hint)
    finally:
        await client.close()
    if account.limits.max_storage == 0:
        hint = "Give the account `max_store`: turns are kept on the disk of the server."
        return wrong(PART, f"{nats.shown} gives this account no file storage", hint)
    return ok(PART, f"{nats.shown} lets us in, and keeps on its disk")
