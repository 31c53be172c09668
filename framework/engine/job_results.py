"""What every engine makes of a handler that ended: its result, or what stands for one where it raised."""

from __future__ import annotations

import asyncio

import structlog

from framework.engine.port import DeadLetter, Done, Job, JobResult, Retry
from framework.errors import DrainingError, EngineError, FrameworkError

_log = structlog.get_logger(__name__)

SHORTEST_PREFIX = 8
"""Characters of a key that people must type at least."""

_RETRY = 1.0
_LONGEST_ERROR = 500


def job_result_of(job: Job, task: asyncio.Task[JobResult]) -> JobResult:
    """The boundary of a job. A handler that raised is logged, and its job goes to the dead letters.

    Not so where the engine itself failed beneath it (EngineError): that is tried again.
    """
    error = task.exception()
    if error is None:
        return task.result()
    if isinstance(error, EngineError):
        _log.warning("job.interrupted", key=job.key, lane=job.lane, error=error.what)
        return Retry(_RETRY, error.what)
    _log.error("job.crashed", key=job.key, lane=job.lane, exc_info=error)
    # The text of a foreign exception may hold anything, a secret included; ours are written without.
    text = error.what if isinstance(error, FrameworkError) else "An unexpected error; the log has it."
    return DeadLetter(f"{type(error).__name__}: {text}"[:_LONGEST_ERROR])


def draining() -> DrainingError:
    """What is said to those who come with a job while the engine drains."""
    return DrainingError("The process is about to end and takes nothing more.", hint="Hand it over once more.")


def printable(result: JobResult | None) -> JobResult | None:
    """Return a result with its texts as every database takes them."""
    match result:
        case Done(outcome):
            return Done(_clean(outcome))
        case DeadLetter(error):
            return DeadLetter(_clean(error))
        case Retry(seconds, error):
            return Retry(seconds, _clean(error))
        case _:
            return result


def _clean(text: str) -> str:
    return text.replace("\x00", "").encode("utf-8", "replace").decode()
