"""Opens the engine that outlives its process, over the journal that an address names."""

from __future__ import annotations

import random
import re
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from framework.engine.durable import DurableEngine
from framework.engine.journal import Retention
from framework.engine.liveness import Rhythm, enduring_monotonic
from framework.engine.nats.address import address, is_nats
from framework.errors import UsageError
from framework.extras import extra

if TYPE_CHECKING:
    from pathlib import Path

    from framework.engine.journal import Journal

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}")


def open_engine(
    url: str,
    *,
    replica: str | None = None,
    concurrency: int = 64,
    rhythm: Rhythm | None = None,
    retention: Retention | None = None,
    clock: Callable[[], float] = time.time,
    monotonic: Callable[[], float] | None = None,
    version: int = 1,
    copies: int | None = None,
    credentials: Path | None = None,
    ca: Path | None = None,
    uniform: Callable[[float, float], float] = random.Random().uniform,  # noqa: B008 - one for the process is meant
) -> DurableEngine:
    """Open the journal and join it as a replica. Blocks for about a second: call it on a thread beside other work.

    `url`: `sqlite:///file`, `postgresql://user:password@host/database` or `nats://host:4222,host:4222`. `replica`:
    a name that no other process uses; one is chosen without it. `concurrency`: how many jobs run in this process at
    once. `clock`: seconds since 1970, for SQLite and NATS; Postgres has its own. `version`: of the payloads that this
    program writes; of several replicas, those of the highest one run the jobs. `copies`, `credentials`, `ca`: of NATS
    alone, see `nats.address`.

    Raises SettingsError for a wrong address, UsageError for a name that cannot be one, EngineError when the journal
    cannot be used or another process has this name.
    """
    if replica is not None and not _NAME.fullmatch(replica):
        raise UsageError(
            f"{replica!r} cannot be the name of a replica.",
            hint="Use letters, digits, dots, dashes and underscores: 63 at most.",
        )
    waits = rhythm or Rhythm()
    elapsed = monotonic or enduring_monotonic
    parts = (replica, waits, retention or Retention())
    if is_nats(url):
        with extra("nats", "A journal in NATS (FRAMEWORK_JOURNAL)"):
            from framework.engine.nats.journal import open_nats_journal

        nats = address(url, replicas=copies, credentials=credentials, ca=ca)
        journal: Journal = open_nats_journal(
            nats, *parts, clock=clock, monotonic=elapsed, uniform=uniform, version=version
        )
    else:
        from framework.engine.journal_database import open_database_journal

        journal = open_database_journal(url, *parts, clock=clock, monotonic=elapsed, uniform=uniform, version=version)
    return DurableEngine(journal, concurrency, waits, elapsed)
