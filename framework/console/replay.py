"""A turn replayed: what happened to it, step by step, in the words of the pipeline."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from framework.runtime.reasons import keys_behind

if TYPE_CHECKING:
    from framework.console.parts import ConsoleParts
    from framework.insight.history import TurnLine

GATES: dict[str, str] = {
    "AlreadyAnswered": "It was not answered before",
    "language": "The language of the message was told",
    "CampaignReplies": "It is not a word about a campaign, such as STOP",
    "LoopGuard": "It is not a loop of automatic answers",
    "ReviewGate": "It is not the team's word on a draft or a tool call",
    "HandoverGate": "No person has taken over",
    "PauseGate": "Nobody has paused the bot or the channel",
    "Gate": "Triggers and conditions let it through",
    "language_before": "The language of the talk before it was looked at",
    "signs": "Nothing in it calls for a person",
    "PromiseRule": "It wanted nothing promised, and broke no promise",
    "_extra_rules": "The rules of your own let it through",
    "fixed_text": "No fixed text is due",
    "allow": "The budget allows it",
    "DraftGate": "No draft for it waits",
    "no_text": "There is a text in it to answer",
}
"""The rules, in the order in which a turn passes them, and what it means to pass each."""


@dataclass(frozen=True)
class Step:
    """One thing that happened. `detail` may be a stranger's words. `kind`: passed, decided, info or bad."""

    what: str
    detail: str = ""
    kind: str = "info"


async def steps_of(parts: ConsoleParts, line: TurnLine) -> Sequence[Step]:
    """Return the steps of a turn, first to last. What is not kept any more is left out. Raises EngineError."""
    steps = [Step("Started by", line.cause.replace("_", " "))]
    steps += _gates(line)
    steps += _answer(line)
    record = await parts.engine.record(line.key)
    if record is not None:
        tries = "at the first try" if record.attempts <= 1 else f"at try {record.attempts}"
        steps.append(Step("Run by the engine", f"{tries}; the job is {record.state}"))
        if record.error:
            steps.append(Step("Error of the last try", record.error, "bad"))
    steps.append(Step("Decided by replica", line.replica))
    return steps


def _gates(line: TurnLine) -> list[Step]:
    names = list(GATES)
    end = names.index(line.rule) if line.rule in GATES else len(names)
    steps = [Step(GATES[name], kind="passed") for name in names[:end]]
    if line.rule:
        keys = ", ".join(keys_behind(f"{line.outcome.replace('_', ' ')}: {line.reason}"))
        said = line.reason or line.label.replace("_", " ")
        what = "Handed over by" if line.outcome == "handed_over" else "Decided by"
        steps.append(Step(f"{what} the rule {line.rule}", f"{said}{f' (see {keys})' if keys else ''}", "decided"))
    return steps


def _answer(line: TurnLine) -> list[Step]:
    steps = [Step("Article", f"{file}{f' — {heading}' if heading else ''}") for file, heading in line.sources]
    for name, worked in line.tools:
        steps.append(Step(f"Tool {name}", *(("worked", "info") if worked else ("failed", "bad"))))
    if line.model:
        tokens = f"{line.input_tokens:,} tokens in, {line.output_tokens:,} out"
        steps.append(Step("Model", f"{line.model}: {tokens}, cost {line.cost:.4f}"))
    if line.outcome == "failed":
        steps.append(Step("Failed", line.reason, "bad"))
    return steps
