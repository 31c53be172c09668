"""What `check --online` says of the journal in NATS, which all bots of a process share."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from framework.cli.finding import CheckFinding
from framework.errors import FrameworkError

if TYPE_CHECKING:
    from framework.engine.nats.address import NatsAddress
    from framework.engine.nats.durability import Synced
    from framework.settings import Settings


def journal_findings(
    settings: Settings, synced: Callable[[NatsAddress], Synced] | None = None
) -> Iterator[CheckFinding]:
    """Tell on how many servers turns are kept, and whether a power cut loses some. Nothing without FRAMEWORK_JOURNAL.

    Blocks for up to a second a server. `synced` asks them; by default by their monitoring port.
    """
    if settings.journal is None:
        return
    from framework.engine.nats import durability
    from framework.engine.nats.address import address

    copies = settings.journal_replicas
    try:
        nats = address(
            settings.journal.get_secret_value(),
            replicas=None if copies is None else int(copies),
            credentials=settings.journal_credentials,
            ca=settings.journal_ca,
        )
    except FrameworkError as error:
        yield CheckFinding("journal", "nats", ok=False, detail=str(error))
        return
    said = (synced or durability.synced)(nats)
    kept = f"{nats.shown}, each turn on {nats.replicas} server{'s' if nats.replicas > 1 else ''}"
    if said == "not always":
        detail = f"{kept}. A write is answered before it is on the disk.\n  {durability.NOT_SYNCED}"
        yield CheckFinding("journal", "nats", ok=True, detail=detail, warning=True)
    elif said == "always":
        yield CheckFinding("journal", "nats", ok=True, detail=f"{kept}, on the disk before it is answered")
    else:
        detail = f"{kept}. Port {durability.MONITORING} does not answer, so whether writes are synced is unknown"
        yield CheckFinding("journal", "nats", ok=True, detail=detail)
