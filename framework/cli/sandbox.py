"""`sandbox`: the Stream-compatible server by itself."""

from __future__ import annotations

import os
import signal
import threading
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from framework.sandbox.config import SandboxConfig


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(sandbox)


def sandbox(
    host: Annotated[
        str, typer.Option(help="Address to listen on. Only 127.0.0.1 is safe without a firewall.")
    ] = "127.0.0.1",
    port: Annotated[
        int | None,
        typer.Option(min=0, max=65535, help="Port to listen on; 0 takes a free one. [default: 8830, or a free one]"),
    ] = None,
    api_key: Annotated[
        str | None,
        typer.Option(envvar="FRAMEWORK_SANDBOX_API_KEY", help="Key of the app. [default: of the data folder]"),
    ] = None,
    api_secret: Annotated[
        str | None,
        typer.Option(
            envvar="FRAMEWORK_SANDBOX_API_SECRET", help="Its secret. [default: of the data folder]", show_envvar=True
        ),
    ] = None,
    data: Annotated[
        str | None, typer.Option(help="SQLite file, or :memory:. [default: sandbox.sqlite in the data folder]")
    ] = None,
    rate_limits: Annotated[bool, typer.Option("--rate-limits", help="Apply Stream's documented rate limits.")] = False,
    development_tokens: Annotated[
        bool,
        typer.Option(
            "--development-tokens", help="Let the playground sign people in also where others can reach the server."
        ),
    ] = False,
    coverage: Annotated[
        bool, typer.Option("--coverage", help="Print which operations are implemented, and exit.")
    ] = False,
    until_stdin_closes: Annotated[bool, typer.Option("--until-stdin-closes", hidden=True)] = False,
) -> None:
    """Run a Stream-compatible chat server, with a playground page. Needs no account."""
    if coverage:
        from framework.sandbox.coverage import lines

        typer.echo("\n".join(lines()))
        return
    config = _config(host, port, api_key, api_secret, data)
    config = replace(config, rate_limits=rate_limits, development_tokens=development_tokens or None)
    if until_stdin_closes:
        threading.Thread(target=_end_with_stdin, daemon=True).start()
    _serve(config, fixed=port is not None)


def _serve(config: SandboxConfig, *, fixed: bool) -> None:
    """Serve on the wanted port, or on any free one where nobody asked for this one and it is taken."""
    from framework.cli import local_sandbox
    from framework.sandbox.errors import SandboxStartError
    from framework.sandbox.server import run

    try:
        run(config)
    except SandboxStartError:
        if fixed or local_sandbox.is_free(config.host, config.port):
            raise
        run(replace(config, port=0))


def _end_with_stdin() -> None:
    """End when the process that started this one is gone, however it went: its end of the pipe is then closed."""
    # Unbuffered: a thread that waits inside a buffer's lock would crash the interpreter on its way out.
    while os.read(0, 4096):
        pass
    os.kill(os.getpid(), signal.SIGTERM)


def _config(
    host: str, port: int | None, api_key: str | None, api_secret: str | None, data: str | None
) -> SandboxConfig:
    """Fill in what was not given from the data folder, where it stays the same from start to start."""
    from framework.cli import local_sandbox
    from framework.cli.assembly import prepare_data
    from framework.sandbox.config import SandboxConfig
    from framework.settings import load_settings

    if not (api_key and api_secret and data):
        folder = load_settings().data
        prepare_data(folder)
        address = local_sandbox.read_address(folder)
        api_key = api_key or address.api_key
        api_secret = api_secret or address.api_secret.get_secret_value()
        data = data or str(local_sandbox.data_file(folder))
    if data != ":memory:":
        prepare_data(Path(data).parent)
    chosen = local_sandbox.PREFERRED_PORT if port is None else port
    return SandboxConfig(host=host, port=chosen, api_key=api_key, api_secret=api_secret, data=data)
