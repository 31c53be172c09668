"""A Dockerfile, read into its stages: what a test asks of it, and what a benchmark builds from it without Docker."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

_VARIABLE = re.compile(r"\$(?:\{(\w+)\}|(\w+))")


@dataclass(frozen=True)
class Step:
    """One instruction: its word in capitals, and the rest of the line, continued lines joined."""

    word: str
    rest: str

    @property
    def options(self) -> dict[str, str]:
        """The options before the arguments, as in `--chown=1:1`."""
        words = self.rest.split()
        found = words[: next((n for n, word in enumerate(words) if not word.startswith("--")), len(words))]
        return dict(word.removeprefix("--").split("=", 1) for word in found)

    @property
    def arguments(self) -> list[str]:
        """The words after the options, as a shell would split them."""
        return [word for word in shlex.split(self.rest) if not word.startswith("--")]

    @property
    def command(self) -> list[str]:
        """The command of the exec form, also behind `HEALTHCHECK ... CMD`. Raises ValueError for the shell form."""
        return list(json.loads(self.rest[self.rest.index("[") :]))


@dataclass
class Stage:
    """A stage: its name, what it is built on (an image or another stage), and its own steps."""

    name: str
    base: str
    steps: list[Step] = field(default_factory=list)

    @property
    def sources(self) -> set[str]:
        """The stages that files are copied from."""
        return {step.options["from"] for step in self.steps if step.word == "COPY" and "from" in step.options}


def read_stages(file: Path) -> dict[str, Stage]:
    """The stages by name, in their order. Arguments before the first stage are filled in."""
    arguments: dict[str, str] = {}
    stages: dict[str, Stage] = {}
    stage: Stage | None = None
    for step in _steps(file.read_text(encoding="utf-8")):
        if step.word == "ARG" and stage is None:
            name, _, value = step.rest.partition("=")
            arguments[name] = value
        elif step.word == "FROM":
            base, _, name = expanded(step.rest, arguments).partition(" AS ")
            stage = stages[name or str(len(stages))] = Stage(name or str(len(stages)), base)
        else:
            assert stage is not None, f"{step.word} before FROM"
            stage.steps.append(step)
    return stages


def line_of(stages: Mapping[str, Stage], target: str) -> list[Stage]:
    """The target and what it is built on, the first one first."""
    line = [stages[target]]
    while line[0].base in stages:
        line.insert(0, stages[line[0].base])
    return line


def steps_of(stages: Mapping[str, Stage], target: str, word: str) -> list[Step]:
    """The instructions of one kind that hold for a target. Of `CMD` and the like the last one counts."""
    return [step for stage in line_of(stages, target) for step in stage.steps if step.word == word]


def environment_of(stages: Mapping[str, Stage], target: str, before: Mapping[str, str]) -> dict[str, str]:
    """The variables of a target, added to those of the base image."""
    found = dict(before)
    for step in steps_of(stages, target, "ENV"):
        now = dict(found)
        found |= {name: expanded(value, now) for name, value in (word.split("=", 1) for word in step.arguments)}
    return found


def expanded(text: str, variables: Mapping[str, str]) -> str:
    """A text with its variables filled in; unknown ones are empty."""
    return _VARIABLE.sub(lambda found: variables.get(found[1] or found[2], ""), text)


def _steps(text: str) -> list[Step]:
    kept = "\n".join(line for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#"))
    lines = kept.replace("\\\n", "").splitlines()
    return [Step(word.upper(), rest.strip()) for word, _, rest in (line.partition(" ") for line in lines)]
