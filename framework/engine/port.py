"""The port to an engine: what a job is, and what may be asked of whoever executes it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal, Protocol

from framework.errors import FrameworkError
from framework.values import Json

State = Literal["waiting", "running", "settled", "dead"]
"""Where a job stands. `dead`: given up on, kept for a person to look at and to try again."""

SUSPECTED_AFTER = 2
"""A job whose process died so often in the middle of it may be what ended it: a replica runs one such job at a time."""

APART = "\x1f"
"""Stands between a scope and a lane."""


class FencedError(FrameworkError):
    """The execution is no longer the job's own: another replica took it over while this one was frozen or cut off.

    Whoever sees it stops at once and writes nothing more: the other one does.
    """


@dataclass(frozen=True)
class Job:
    """Something to do, as plain data (JSON values only), so that it can be kept outside the process.

    `key` names the job: it is accepted once. Jobs of one `lane` run one at a time, in the order of `order`, a string
    that must come from the event itself and never from the local clock. `delay`: seconds after acceptance before which
    it does not start, for those that may come out of order, or that wait for quiet.

    `heard_everywhere`: every replica is told of it by itself, so that whoever owns its lane keeps it, and the others
    only where nobody has after a second. Not kept with the job.

    `scope` says whose it is: only a process that serves the scope executes the job, and lanes of different scopes have
    nothing to do with each other. A job without one is anybody's.
    """

    key: str
    lane: str
    order: str
    payload: Mapping[str, Any] = field(default_factory=dict)
    delay: float = 0.0
    scope: str = ""
    heard_everywhere: bool = field(default=False, compare=False)

    @property
    def version(self) -> int:
        """Which version of the program can read the payload: that one and all later ones."""
        return int(self.payload.get("version", 1))

    @property
    def place(self) -> str:
        """The lane, told apart from those of other scopes that are called the same."""
        return f"{self.scope}{APART}{self.lane}" if self.scope or APART in self.lane else self.lane


@dataclass(frozen=True)
class Done:
    """The job is settled for good. `outcome` is for people: what came of it, in a word or a sentence."""

    outcome: str = "done"


@dataclass(frozen=True)
class Retry:
    """Try once more, after so many seconds. The lane waits: later jobs of it do not overtake."""

    seconds: float
    error: str = ""


@dataclass(frozen=True)
class DeadLetter:
    """Not to be tried again by itself: the job goes to the dead letters."""

    error: str


@dataclass(frozen=True)
class Discard:
    """The job is forgotten: its key may be accepted once more."""


JobResult = Done | Retry | DeadLetter | Discard


class Execution(Protocol):
    """One try at a job, with what earlier tries left behind.

    A try that lost the job (see `FencedError`) can neither save nor settle: every write names its attempt, and an older
    one is refused.
    """

    @property
    def attempt(self) -> int:
        """Counts from 1. A crash of the process counts; so does `Retry`."""

    @property
    def crashes(self) -> int:
        """How many earlier tries ended with their process, without a result."""

    def saved(self, step: str) -> Json | None:
        """What an earlier try, or this one, saved under this name; None where nothing was."""

    async def save(self, step: str, value: Json) -> None:
        """Keep a finished step's result (a JSON value, not None), durably. Raises FencedError."""

    async def check(self) -> None:
        """Return only while the job is ours: before a write that others see. Cheap while heartbeats get through.

        Raises FencedError.
        """


Handler = Callable[[Job, Execution], Awaitable[JobResult]]
OnBroadcast = Callable[[str, Mapping[str, Any]], None]
"""Is told what another replica said to a scope. Called on the event loop; it must return at once."""


@dataclass(frozen=True)
class Record:
    """A job as the engine keeps it, for people. Times are aware, in UTC."""

    job: Job
    state: State
    attempts: int
    accepted_at: datetime
    updated_at: datetime
    owner: str = ""
    outcome: str = ""
    error: str = ""
    steps: tuple[str, ...] = ()


@dataclass(frozen=True)
class Load:
    """How much there is to do: for logs and metrics. `oldest` is the age in seconds of the job that waits longest."""

    waiting: int
    running: int
    dead: int
    oldest: float = 0.0


class Engine(Protocol):
    """Executes jobs by one handler.

    Execution is at least once across crashes; a key is settled once. A handler that raises gives its job to the dead
    letters; one that raises EngineError has it tried again. No job waits for ever: a lane with a job waiting gets its
    turn before another lane gets a second one. What `enqueue` took over is kept as long as the engine promises to keep
    anything: see the implementation.
    """

    async def start(
        self,
        handler: Handler,
        *,
        scopes: Collection[str] | None = None,
        on_broadcast: OnBroadcast | None = None,
        hears: bool = True,
    ) -> None:
        """Begin to execute the jobs of these scopes (None: of all); those accepted earlier run now. `on_broadcast` is
        told what other replicas say to one of them. `hears`: this process hears of everything that is to become a job;
        before it does, others that do keep the lanes. Called again, it replaces all four; what runs goes on.
        """

    async def broadcast(self, scope: str, note: Mapping[str, Any]) -> None:
        """Say something small (ids, in JSON values) to all other replicas that serve this scope now, within a moment.

        Nobody is told twice, nor later: what must not be lost is a job. Raises EngineError where it cannot be said.
        """

    async def enqueue(self, job: Job) -> bool:
        """Take a job over, durably. False: its key is known, whatever its state, or it is left to others, which hear of
        it as well (`Job.heard_everywhere`).

        Raises EngineError when it cannot be kept: DrainingError once the engine drains.
        """

    def answered(self, key: str) -> None:
        """Hear that somebody's turn of this job has posted a reply. Whoever runs a job has kept it before."""

    async def holds(self, key: str) -> bool:
        """Whether this key is known and was not dropped."""

    async def cancel(self, key: str) -> bool:
        """Forget a waiting job, or cancel one running here and forget it. False: it is not held, or runs elsewhere."""

    async def settled(self) -> None:
        """Return once nothing waits and nothing runs, in the scopes that are served here."""

    async def load(self) -> Load:
        """How much there is to do over all replicas, in the scopes that are served here: before `start`, in all."""

    async def records(self, states: Sequence[State], *, limit: int = 100) -> Sequence[Record]:
        """Jobs in these states, the latest change first."""

    async def record(self, key: str) -> Record | None:
        """One job, by its key or by the only key that begins so (8 characters or more)."""

    async def retry(self, key: str) -> bool:
        """Have a dead job tried again, with its steps; its attempts count anew. False: it is not dead."""

    async def drain(self, seconds: float) -> tuple[Job, ...]:
        """Accept nothing more, start nothing more, let running jobs finish for this long, then cancel them.

        Returns the jobs of this process that were not settled, for the log: whoever recovers finds them again.
        """

    async def close(self) -> None:
        """Let go of whatever is held. Safe to call twice, and without `drain`."""
