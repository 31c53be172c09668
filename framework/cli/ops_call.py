"""`ops call`, `ops audit`, `ops approve`: execute an operation, and see and approve what others want executed."""

from __future__ import annotations

import asyncio
import getpass
import json
import sys
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from framework.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from framework.audit import AuditLog
    from framework.catalog.catalog import Catalog
    from framework.catalog.execution.approvals import OperationApprovals, Question
    from framework.catalog.execution.policy import Policy
    from framework.catalog.toolbox import Toolbox

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def register(group: typer.Typer) -> None:
    """Add the commands to the group `ops`."""
    group.command(name="call")(call)
    group.command(name="audit")(audit)
    group.command(name="approvals")(approvals)
    group.command(name="approve")(approve)


def call(
    operation_id: Annotated[str, typer.Argument(metavar="ID", help="The operation, such as StartCampaign.")],
    arg: Annotated[
        list[str] | None, typer.Option(help="An argument, as NAME=VALUE or NAME.PART=VALUE; @FILE reads a file.")
    ] = None,
    arguments: Annotated[str | None, typer.Option(help="All arguments as a JSON object; - reads it.")] = None,
    as_user: Annotated[str | None, typer.Option(help="In whose name: a user's id. [default: the app]")] = None,
    full: Annotated[bool, typer.Option("--full", help="Print the whole answer, not the short form.")] = False,
    yes: Annotated[
        bool, typer.Option("--yes", "-y", help="Do not ask before something destroys or administers.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the JSON in one line.")] = False,
) -> None:
    """Execute an operation against the Stream app of the environment, or the sandbox, and print the answer as JSON."""
    from framework.catalog.catalog import Catalog

    catalog = Catalog.load()
    given = _arguments(catalog, operation_id, arg or [], arguments)
    answer = asyncio.run(_call(catalog, operation_id, given, as_user, full=full, yes=yes))
    sys.stdout.write(json.dumps(answer, ensure_ascii=False, indent=None if as_json else 2) + "\n")


def audit(
    last: Annotated[int, typer.Option(min=1, help="How many of the newest entries.")] = 20,
    as_json: AsJson = False,
) -> None:
    """Show who executed which operations, on whose behalf, and what came of it."""
    log, _ = _records()
    entries = log.last(last)
    asyncio.run(log.close())
    for entry in entries:
        if as_json:
            sys.stdout.write(json.dumps(entry, ensure_ascii=False) + "\n")
        else:
            behalf = f" for {entry['caller']}" if entry["caller"] else ""
            by = f"  approved by {entry['approved_by']}" if entry["approved_by"] else ""
            sys.stdout.write(
                f"{entry['at'][:19]}  {entry['outcome']:<8}  {entry['who']}{behalf} as {entry['acts_as']}: "
                f"{entry['operation']} {entry['arguments'][:120]}  {entry['detail'][:120]}{by}\n"
            )


def approvals(as_json: AsJson = False) -> None:
    """List the operations that wait for a person's approval, with all their arguments."""
    for one in asyncio.run(_records()[1].waiting()):
        waiting = {
            "number": one.number,
            "at": one.asked_at.isoformat(timespec="seconds"),
            "who": one.request.scope,
            "caller": one.request.asked_by or None,
            "channel": one.request.channel or None,
            "operation": one.request.subject,
            "arguments": list(one.request.shown),
            "expires": one.expires_at.isoformat(timespec="seconds"),
        }
        if as_json:
            sys.stdout.write(json.dumps(waiting, ensure_ascii=False) + "\n")
        else:
            head = "  ".join(str(waiting[name]) for name in ("number", "at", "who", "operation"))
            sys.stdout.write("\n".join([head, *(f"    {line}" for line in one.request.shown)]) + "\n")


def approve(
    number: Annotated[str, typer.Argument(help="The number of the waiting operation.")],
    deny: Annotated[bool, typer.Option("--deny", help="Say no instead.")] = False,
) -> None:
    """Approve one operation that waits; it counts once, within an hour, and for exactly these arguments."""
    decided = asyncio.run(_records()[1].decide(number, approve=not deny, by=getpass.getuser()))
    shown = "\n".join(f"    {line}" for line in decided.request.shown)
    sys.stdout.write(f"{decided.state}: {decided.request.subject}, wanted by {decided.request.scope}\n{shown}\n")


async def _call(
    catalog: Catalog, operation_id: str, arguments: dict[str, Any], as_user: str | None, *, full: bool, yes: bool
) -> dict[str, Any]:
    from framework.catalog.execution.preparation import OperationCall

    async with opened(catalog, yes=yes) as (toolbox, policy):
        if full:
            done = await toolbox.executor.execute(policy, OperationCall(operation_id, arguments, as_user), ask=ask)
            return done.body
        return await toolbox.execute(policy, operation_id, arguments, as_user, ask=ask)


@asynccontextmanager
async def opened(catalog: Catalog, *, yes: bool) -> AsyncIterator[tuple[Toolbox, Policy]]:
    """The operations of the app of the environment, or of a sandbox, and the policy of the person at the terminal.

    They hold the secret: nothing is kept from them, but it is in the audit log. A person is asked before something
    destroys or administers; with `yes` nobody is.
    """
    from framework.app.environment import logging_for, prepare_data
    from framework.app.local_sandbox import local_sandbox
    from framework.catalog.execution.policy import Policy
    from framework.catalog.execution.principal import Principal
    from framework.catalog.factory import open_toolbox
    from framework.definition.parts.operations import APP, CLASSES, Operations
    from framework.settings import load_settings, require_stream_in_production

    everything = Operations(
        allow=CLASSES,
        approve=() if yes else ("destroys", "administers"),
        channels=("*",),
        act_as=(APP, "*"),
    )
    policy = Policy(everything, Principal("cli", caller=getpass.getuser()))
    settings = load_settings()
    logging_for(settings, level="warning")
    require_stream_in_production(settings)
    prepare_data(settings.data)
    async with AsyncExitStack() as stack:
        if not settings.has_stream:
            settings = await stack.enter_async_context(local_sandbox(settings))
        toolbox = open_toolbox(settings, catalog=catalog)
        stack.push_async_callback(toolbox.close)
        yield toolbox, policy


async def ask(question: Question) -> bool | None:
    """Ask at the terminal. Raises UsageError without a terminal."""
    if not sys.stdin.isatty():
        raise UsageError(
            f"{question.operation} was not executed: it needs a person's word, and nobody is at a terminal.",
            hint="Pass --yes if it is meant.",
        )
    return typer.confirm(f"{question}Execute it?", err=True)


def _arguments(catalog: Catalog, operation_id: str, pairs: list[str], text: str | None) -> dict[str, Any]:
    from framework.catalog.execution.arguments import argument_schema, resolved

    operation = catalog.operation(operation_id)
    models = argument_schema(catalog, operation).get("$defs", {})
    shape = {"properties": {p.name: resolved(p.schema, models) for p in operation.parameters}}
    given: dict[str, Any] = _object(text) if text is not None else {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not equals:
            raise UsageError(f"{pair!r} is not NAME=VALUE.", hint="For example --arg id=camp_welcome_2026.")
        _put(given, shape, name.split("."), _file(value) if value.startswith("@") else value)
    return given


def _put(target: dict[str, Any], shape: dict[str, Any], path: list[str], value: str) -> None:
    inner = shape.get("properties", {}).get(path[0], {})
    if len(path) > 1:
        below = target.setdefault(path[0], {})
        if not isinstance(below, dict):
            raise UsageError(f"{path[0]} was given before, and is not an object.")
        _put(below, inner, path[1:], value)
    else:
        target[path[0]] = _typed(value, inner)


def _typed(value: str, shape: dict[str, Any]) -> object:
    """Text as what the schema wants, where it can be read as that; the check says so where it cannot."""
    if shape.get("type") == "string":
        return value
    if shape.get("type") == "array" and not value.lstrip().startswith("["):
        return [_typed(item, shape.get("items", {})) for item in value.split(",")]
    try:
        return json.loads(value)
    except json.JSONDecodeError:
        return value


def _object(text: str) -> dict[str, Any]:
    try:
        value = json.loads(sys.stdin.read() if text == "-" else text)
    except json.JSONDecodeError as error:
        raise UsageError(f"--arguments is not JSON: {error}") from None
    if not isinstance(value, dict):
        raise UsageError(
            "--arguments must be a JSON object.", hint='For example --arguments \'{"id": "support-123"}\'.'
        )
    return value


def _file(value: str) -> str:
    """Return what a file holds: text as it is, anything else as a `data:` address."""
    import base64
    import mimetypes

    file = Path(value[1:])
    try:
        content = file.read_bytes()
    except OSError as error:
        raise UsageError(f"{file} cannot be read: {error.strerror}.") from None
    mime = mimetypes.guess_type(file.name)[0] or "application/octet-stream"
    if mime in {"text/plain", "application/json"}:
        return content.decode(errors="replace")
    return f"data:{mime};name={file.name};base64,{base64.b64encode(content).decode()}"


def _records() -> tuple[AuditLog, OperationApprovals]:
    from datetime import UTC, datetime

    from framework.app.environment import prepare_data
    from framework.catalog.factory import open_records
    from framework.settings import load_settings

    settings = load_settings()
    prepare_data(settings.data)
    return open_records(settings, now=lambda: datetime.now(UTC))
