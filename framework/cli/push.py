"""`push`: providers and templates from a file, devices of people, and what one of them would get."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from framework.cli.moderation_apply import executing

if TYPE_CHECKING:
    from framework.app.push.plan import PushPlan

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def register(app: typer.Typer) -> None:
    """Add the group of commands."""
    group = typer.Typer(name="push", help="Push: providers, templates and devices.", no_args_is_help=True)
    group.command()(apply)
    group.command()(devices)
    group.command()(check)
    app.add_typer(group)


def apply(
    file: Annotated[Path, typer.Argument(metavar="[FILE]", help="The file. [default: push.yaml]")] = Path("push.yaml"),
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do it. Without this, the differences are shown.")] = False,
    renew: Annotated[bool, typer.Option("--renew", help="Send secrets again that the service does not show.")] = False,
    as_json: AsJson = False,
) -> None:
    """Set the app's push providers and templates as a file says. Others stay. A second time changes nothing.

    Secrets stand in files or environment variables that the file names. Each template is tried before it is sent.
    """
    plan = asyncio.run(_apply(file, yes=yes, renew=renew))
    if as_json:
        lines = [line for change in plan.changes for line in change.lines]
        _print({"changes": lines, "notes": plan.notes, "applied": yes})
        return
    for change in plan.changes:
        for line in change.lines:
            sys.stdout.write(f"{'done' if yes else 'would'}  {line}\n")
    for note in plan.notes:
        sys.stdout.write(f"note   {note}\n")
    if not plan.changes:
        sys.stdout.write(f"Nothing to change: push is set up as {file} says.\n")
    elif not yes:
        sys.stdout.write("Nothing was changed. --yes does it.\n")


def devices(
    users: Annotated[list[str], typer.Argument(help="Ids of people.")],
    remove_dead: Annotated[
        bool, typer.Option("--remove-dead", help="Remove those that the service switched off for good.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """List the devices of people. A dead one is one that its provider does not know any more."""
    found = asyncio.run(_devices(users, remove=remove_dead))
    if as_json:
        _print(found)
        return
    for one in found:
        state = "removed" if one["removed"] else f"dead: {one['reason']}" if one["dead"] else "alive"
        sys.stdout.write(f"{one['user']}  {one['provider']:8}  {one['device']}  {state}\n")
    if not found:
        sys.stdout.write("None of them has a device.\n")
    elif not remove_dead and any(one["dead"] for one in found):
        sys.stdout.write("Nothing was removed. --remove-dead removes the dead ones.\n")


def check(
    user: Annotated[str, typer.Argument(help="The person who would get it.")],
    message: Annotated[str, typer.Option("--message", help="The id of a message. [default: the newest]")] = "",
    as_json: AsJson = False,
) -> None:
    """Show what somebody would get about a message, and what is wrong. Ends with 1 if anything is."""
    found = asyncio.run(_check(user, message))
    errors = [str(one) for one in found.get("general_errors") or ()]
    per_device: Mapping[str, Any] = found.get("device_errors") or {}
    if as_json:
        _print(found)
    else:
        for name in ("rendered_firebase_template", "rendered_apn_template"):
            sys.stdout.write(f"{name}\n  {found.get(name) or '-'}\n")
        for device, one in per_device.items():
            sys.stdout.write(f"device {device}: {one.get('error_message')}\n")
        for error in errors:
            sys.stdout.write(f"wrong  {error}\n")
    if errors:
        raise typer.Exit(1)


async def _apply(file: Path, *, yes: bool, renew: bool) -> PushPlan:
    from framework.app.push.plan import plan_push
    from framework.app.push.push_file import read_push_file

    read = read_push_file(file)
    async with executing() as execute:
        plan = await plan_push(read, execute, renew=renew)
        for change in plan.changes if yes else ():
            await execute(change.operation, change.arguments)
        return plan


async def _devices(users: Sequence[str], *, remove: bool) -> list[dict[str, Any]]:
    found = []
    async with executing() as execute:
        for user in dict.fromkeys(users):
            for one in (await execute("ListDevices", {"user_id": user})).get("devices") or ():
                dead, device = one.get("disabled") is True, str(one.get("id"))
                if dead and remove:
                    await execute("DeleteDevice", {"id": device, "user_id": user})
                found.append(
                    {
                        "user": user,
                        "device": device,
                        "provider": one.get("push_provider"),
                        "dead": dead,
                        "reason": one.get("disabled_reason") or "",
                        "removed": dead and remove,
                    }
                )
    return found


async def _check(user: str, message: str) -> Mapping[str, Any]:
    async with executing() as execute:
        return await execute("CheckPush", {"user_id": user, **({"message_id": message} if message else {})})


def _print(value: object) -> None:
    sys.stdout.write(json.dumps(value, ensure_ascii=False, indent=2) + "\n")
