"""`ops execute` and `ops rehearse`: several operations in order, whose arguments refer to earlier answers."""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from framework.cli.ops_call import ask, opened
from framework.errors import UsageError

PlanFile = Annotated[Path, typer.Option("--plan", help="A JSON file with the steps; - reads them from standard input.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print the JSON in one line.")]


def register(group: typer.Typer) -> None:
    """Add the command to the group `ops`."""
    group.command(name="execute")(execute)
    group.command(name="rehearse")(rehearse)


def execute(
    plan: PlanFile,
    yes: Annotated[
        bool, typer.Option("--yes", "-y", help="Do not ask before something destroys or administers.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Execute a plan: a JSON list of steps with operation_id, arguments and as_user.

    Arguments may refer to earlier answers: $1.channel.cid is that field of the first step's answer. All steps are
    checked, and approved together, before the first one is executed. The first failure ends the plan: the output then
    says what was done and how to take it back, and the exit code is 1.
    """
    from framework.catalog.toolbox import PlanStoppedError

    try:
        answer, code = asyncio.run(_execute(read_steps(plan), yes=yes)), 0
    except PlanStoppedError as stopped:
        answer, code = stopped.record, 1
    sys.stdout.write(json.dumps(answer, ensure_ascii=False, indent=None if as_json else 2) + "\n")
    if code:
        raise typer.Exit(code)


def rehearse(plan: PlanFile, as_json: AsJson = False) -> None:
    """Try a plan on a copy of the sandbox, and print what it would change. Nothing leaves the copy: no event, webhook
    or push. Where a step fails, the exit code is 1.
    """
    answer = asyncio.run(_rehearse(read_steps(plan)))
    if as_json:
        sys.stdout.write(json.dumps(answer, ensure_ascii=False) + "\n")
    else:
        sys.stdout.write("".join(f"{line}\n" for line in answer["difference"]))
    if answer["status"] == "stopped":
        raise typer.Exit(1)


def read_steps(file: Path) -> str:
    """The text of a plan. Raises UsageError for a file that cannot be read."""
    if str(file) == "-":
        return sys.stdin.read()
    try:
        return file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(
            f"{file} cannot be read: {error}.", hint="Pass a JSON file, or - for standard input."
        ) from None


async def _execute(steps: str, *, yes: bool) -> dict[str, Any]:
    from framework.catalog.catalog import Catalog

    async with opened(Catalog.load(), yes=yes) as (toolbox, policy):
        return await toolbox.execute_plan(policy, steps, ask=ask)


async def _rehearse(steps: str) -> dict[str, Any]:
    from framework.catalog.catalog import Catalog

    async with opened(Catalog.load(), yes=True) as (toolbox, policy):
        return await toolbox.rehearse_plan(policy, steps)
