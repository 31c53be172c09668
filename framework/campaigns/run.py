"""A run of a campaign, its parts, and the people in them, as the database keeps them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

RunState = Literal["running", "stopped", "completed", "failed", "ended"]
"""`ended`: given up by a person, who began another run instead."""
PartState = Literal["waiting", "claimed", "created", "running", "stopped", "completed", "failed", "expired", "empty"]
"""`claimed`: its people are decided on. `created`: the chat service has its draft. `running`: it is being sent."""
OPEN_RUNS: tuple[RunState, ...] = ("running", "stopped")
OPEN_PARTS: tuple[PartState, ...] = ("waiting", "claimed", "created", "running", "stopped")


@dataclass(frozen=True)
class RunSettings:
    """What a run needs of its campaign, as the file said when the run began: an edit changes nothing of it."""

    name: str
    sender: str
    zone: str
    quiet_hours: str = ""
    throttle: str = ""
    at_most: str = ""
    opt_out_field: str = ""
    words: tuple[str, ...] = ()
    channel_type: str = "messaging"
    channel_id: str = ""
    skip_push: bool = False


@dataclass(frozen=True)
class CampaignRun:
    """One run. `number` counts the runs of a campaign from 1."""

    id: str
    scope: str
    bot: str
    campaign: str
    number: int
    occurrence: str
    state: RunState
    reason: str
    settings: RunSettings
    fingerprint: str
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True)
class RunPart:
    """One campaign of the chat service. `sent`, `read` and `progress` are as the service said last."""

    run: str
    number: int
    service_id: str
    state: PartState
    reason: str
    due: datetime
    ends: datetime | None
    zone: str
    variant: str
    language: str
    text: str
    stamp: str
    sent: int
    read: int
    progress: float
    people: int
    started_at: datetime | None = None


def moment_of(seconds: float | None) -> datetime | None:
    """Return a time of the database."""
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC)
