"""What is asked of the engine's database, and what it answers: plain data between the event loop and the thread."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import Literal, NamedTuple, TypeAlias

from framework.engine.port import Job, JobResult


class Partition(NamedTuple):
    """A share of the lanes of one scope: see `partition_of`."""

    scope: str
    number: int


@dataclass(frozen=True)
class Token:
    """Which try at a job this is: `owner` and `attempt` together never come twice for a key."""

    key: str
    lane: str
    owner: str
    attempt: int


@dataclass
class Kept:
    """A job that waits, as the database has it. `wait`: seconds before it may start. `steps`: values as JSON text.

    `forgiven`: tries before a person had it tried again, which its handler does not see.
    """

    job: Job
    attempt: int = 0
    forgiven: int = 0
    crashes: int = 0
    wait: float = 0.0
    steps: dict[str, str] = field(default_factory=dict)

    @property
    def rank(self) -> tuple[str, str]:
        """Its place in its lane."""
        return self.job.order, self.job.key


Rank: TypeAlias = tuple[str, str]
"""A job's place in its lane: order and key."""


@dataclass(frozen=True)
class News:
    """Jobs that wait in partitions of ours. `bound`: the rank behind which the journal holds more; None: none."""

    partitions: Collection[Partition]
    jobs: Sequence[Kept]
    bound: Rank | None = None


@dataclass(frozen=True)
class Sighting:
    """A replica as others see it. `beat` goes up while it lives. `serves`: see `owners.serves`."""

    id: str
    name: str
    beat: int
    serves: str | None = None


@dataclass(frozen=True)
class Appending:
    """A job to keep. `owner`: whoever owns its lane, where nothing is before it: it is kept as one that runs there.

    Answered by the Token of its first try, "waits", or "known" where its key was kept before.
    """

    job: Job
    owner: str = ""


@dataclass(frozen=True)
class Starting:
    """A job that waits is to run, at the owner of its lane.

    Answered by its Token, "gone" where it waits no more, or "later".
    """

    key: str
    lane: str
    owner: str


@dataclass(frozen=True)
class Saving:
    """A finished step, its value as JSON text. Answered by whether the job is still this try's."""

    token: Token
    step: str
    value: str


@dataclass(frozen=True)
class Settling:
    """What a try came to. `Discard` forgets the job; None gives it back to be started anew. Answered as `Saving` is."""

    token: Token
    result: JobResult | None
    payload: str | None = None
    """With `Done`: what stays of the job's payload."""


Order = Appending | Starting | Saving | Settling
Answer = Token | bool | Literal["waits", "known", "gone", "later"]
