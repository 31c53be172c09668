"""`console`: links by which people sign in to the pages for the team."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from typing import Annotated

import typer

from framework.errors import UsageError

Role = Annotated[
    str,
    typer.Option(
        help="Grant a role for this session: viewer, agent or admin. [default: the one that follows from `team` in "
        "bot.yaml]",
        show_default=False,
    ),
]


def register(app: typer.Typer) -> None:
    """Add the group of commands."""
    group = typer.Typer(name="console", help="Links to the pages for the team at /console.", no_args_is_help=True)
    group.command(name="token")(token)
    group.command(name="end")(end)
    group.callback()(root)
    app.add_typer(group)


def root() -> None:
    """Let people into the console, and out."""


def token(
    name: Annotated[str, typer.Argument(metavar="NAME", help="The person's user id in the chat service.")],
    role: Role = "",
) -> None:
    """Print a link that signs a person in, once, within 15 minutes.

    The session ends after an hour without a click, and after 12 hours. What the person does is in the audit log under
    this name.
    """
    from framework.app.admin import OFF, read_address
    from framework.console.roles import ROLES
    from framework.console.sign_ins import SignIns
    from framework.extras import require
    from framework.settings import load_settings
    from framework.storage import Storage

    if role and role not in ROLES:
        raise UsageError(f"{role!r} is not a role.", hint=f"One of {', '.join(ROLES)}.")
    if not name.strip() or len(name) > 255:
        raise UsageError("The name is a user id.", hint="One that `team` in bot.yaml names, for example.")
    require("admin", "The console")
    settings = load_settings()
    if settings.admin == OFF:
        raise UsageError("FRAMEWORK_ADMIN is off: there is no console.", hint="Unset it, or set it to HOST:PORT.")
    storage = Storage(settings.database.get_secret_value())
    try:
        secret = SignIns(storage, now=lambda: datetime.now(UTC)).issue(name.strip(), role)
    finally:
        storage.close()
    address = settings.console_url or read_address(settings)
    sys.stdout.write(f"{address}/console/sign-in?token={secret}\n")
    sys.stdout.flush()


def end(
    name: Annotated[str, typer.Argument(metavar="NAME", help="The person's user id in the chat service.")],
) -> None:
    """End all sessions of a person, and void their links."""
    import asyncio

    from framework.console.sign_ins import SignIns
    from framework.settings import load_settings
    from framework.storage import Storage

    storage = Storage(load_settings().database.get_secret_value())
    try:
        count = asyncio.run(SignIns(storage, now=lambda: datetime.now(UTC)).end_all(name.strip()))
    finally:
        storage.close()
    sys.stdout.write(f"Ended: {count}\n")
