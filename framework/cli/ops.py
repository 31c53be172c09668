"""`ops`: the operations of Stream: find one by what it should do, list them, see what one takes."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer

from framework.cli import ops_call, ops_plan
from framework.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from framework.catalog.operation import Operation
    from framework.catalog.search.search import SearchResult

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def register(app: typer.Typer) -> None:
    """Add the group of commands."""
    group = typer.Typer(
        name="ops", help="Find and inspect the operations of Stream Chat.", no_args_is_help=True, add_completion=False
    )
    group.command(name="search")(search)
    group.command(name="list")(list_operations)
    group.command(name="show")(show)
    ops_call.register(group)
    ops_plan.register(group)
    app.add_typer(group)


def search(
    intent: Annotated[str, typer.Argument(help='What should be done, such as "halt the campaign"; - reads lines.')],
    limit: Annotated[int, typer.Option(min=1, max=50, help="How many operations at most.")] = 5,
    as_json: AsJson = False,
    words_only: Annotated[bool, typer.Option("--words-only", help="Compare words, never meanings.")] = False,
) -> None:
    """Find the operation that does what is wanted, or learn that there is none.

    With --json, each line of output is an object with intent, status (ok or no_operation) and hits (id and score, best
    first; a score of 0.5 is just enough), and with reason and hint where there is no operation.
    """
    from framework.catalog.catalog import Catalog
    from framework.catalog.search.factory import open_search

    lines: Iterable[str] = sys.stdin if intent == "-" else [intent]
    operations = open_search(Catalog.load(), words_only=words_only)
    for line in lines:
        wanted = line.strip()
        if wanted:
            result = operations.search(wanted, limit)
            sys.stdout.write((json.dumps(_record(result), ensure_ascii=False) if as_json else result.text()) + "\n")
            sys.stdout.flush()


def list_operations(
    group: Annotated[str | None, typer.Option(help="Only this group, such as channels or polls.")] = None,
    effect: Annotated[str | None, typer.Option(help="Only what reads, writes, administers or destroys.")] = None,
    as_json: AsJson = False,
) -> None:
    """List the operations."""
    from framework.catalog.catalog import Catalog
    from framework.catalog.operation import EFFECTS

    if effect is not None and effect not in EFFECTS:
        raise UsageError(f"{effect!r} is not an effect.", hint=f"One of {', '.join(EFFECTS)}.")
    catalog = Catalog.load()
    groups = sorted({operation.group for operation in catalog})
    if group is not None and group not in groups:
        raise UsageError(f"There is no group {group!r}.", hint=f"One of {', '.join(groups)}.")
    chosen = [
        operation for operation in catalog if group in (None, operation.group) and effect in (None, *operation.effects)
    ]
    if as_json:
        records = [_facts(operation) for operation in chosen]
        sys.stdout.write(json.dumps(records, ensure_ascii=False, indent=2) + "\n")
        return
    width = max((len(operation.id) for operation in chosen), default=0)
    for operation in chosen:
        sys.stdout.write(f"{operation.id:<{width}}  {operation.effect:<10}  {operation.profile.summary}\n")


def show(
    operation_id: Annotated[str, typer.Argument(metavar="ID", help="The operation, such as StartCampaign.")],
    as_json: AsJson = False,
) -> None:
    """Show one operation: what it does, where it lives, what it takes."""
    from framework.catalog.catalog import Catalog

    catalog = Catalog.load()
    operation = catalog.operation(operation_id)
    if as_json:
        record = _facts(operation) | {
            "abilities": operation.profile.abilities,
            "use_when": operation.profile.use_when,
            "not_this": operation.profile.not_this,
            "schema": catalog.schema(operation.id),
        }
        sys.stdout.write(json.dumps(record, ensure_ascii=False, indent=2) + "\n")
    else:
        sys.stdout.write("\n".join(_page(operation)) + "\n")


def _record(result: SearchResult) -> dict[str, Any]:
    record: dict[str, Any] = {
        "intent": result.intent,
        "status": result.status,
        "hits": [{"id": hit.id, "score": hit.score} for hit in result.hits],
    }
    return record if result.status == "ok" else record | {"reason": result.reason, "hint": result.hint}


def _facts(operation: Operation) -> dict[str, Any]:
    return {
        "id": operation.id,
        "group": operation.group,
        "summary": operation.profile.summary,
        "effect": operation.effect,
        "administers": "administers" in operation.effects,
        "token": operation.token,
        "rate": operation.rate,
        "calls_a_minute": operation.calls_a_minute,
        "v1": f"{operation.v1.method} {operation.v1.path}" if operation.v1 else None,
        "v2": f"{operation.v2.method} {operation.v2.path}",
    }


def _page(operation: Operation) -> list[str]:
    from framework.catalog.execution.effects import effects_by_argument
    from framework.catalog.operation import EFFECTS

    tokens = {"server": "the server's", "either": "the server's or a user's"}
    limit = f", {operation.calls_a_minute:,} calls a minute" if operation.calls_a_minute else ""
    lines = [
        f"{operation.id}: {operation.profile.summary}",
        f"  {operation.profile.use_when}",
        *(f"  Not this: {other} {when}" for other, when in operation.profile.not_this.items()),
        "",
        f"  {' and '.join(e for e in EFFECTS if e in operation.effects)}, with {tokens[operation.token]} token{limit}",
        *(f"  {effect} with {', '.join(names)}" for effect, names in effects_by_argument(operation).items()),
        *([f"  v1  {operation.v1.method} {operation.v1.path}"] if operation.v1 else []),
        f"  v2  {operation.v2.method} {operation.v2.path}",
    ]
    if operation.parameters:
        lines.append("")
        width = max(len(parameter.name) for parameter in operation.parameters)
        for parameter in operation.parameters:
            needed = "required" if parameter.required else ""
            lines.append(f"  {parameter.name:<{width}}  {parameter.type_name:<22} {needed}".rstrip())
    return lines
