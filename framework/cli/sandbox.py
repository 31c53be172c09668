"""`sandbox`: the Stream-compatible server by itself."""

from __future__ import annotations

import contextlib
import os
import signal
import threading
import time
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from framework.app.ports import is_free
from framework.app.sandbox_files import (
    PREFERRED_PORT,
    ClaimedError,
    SandboxAddress,
    claim,
    data_file,
    publish,
    read_address,
    secret_from,
    wait_until_unused,
)
from framework.errors import FrameworkError
from framework.extras import require
from framework.private_files import close_file

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from framework.sandbox.kernel.config import SandboxConfig

POLL, PATIENCE = 0.05, 80  # seconds, and how often


Host = Annotated[str, typer.Option(help="Address to listen on. Only 127.0.0.1 is safe without a firewall.")]
Port = Annotated[
    int | None,
    typer.Option(min=0, max=65535, help="Port to listen on; 0 takes a free one. [default: 8830, or a free one]"),
]
ApiKey = Annotated[
    str | None,
    typer.Option(envvar="FRAMEWORK_SANDBOX_API_KEY", help="Key of the app. [default: of the data folder]"),
]
ApiSecret = Annotated[
    str | None,
    typer.Option(
        envvar="FRAMEWORK_SANDBOX_API_SECRET", help="Its secret. [default: of the data folder]", show_envvar=True
    ),
]
ApiSecretFile = Annotated[
    Path | None,
    typer.Option(
        envvar="FRAMEWORK_SANDBOX_API_SECRET_FILE",
        dir_okay=False,
        help="File that holds the secret; made with a random one where there is none.",
    ),
]
Data = Annotated[
    str | None, typer.Option(help="SQLite file, or :memory:. [default: sandbox.sqlite in the data folder]")
]
RateLimits = Annotated[bool, typer.Option("--rate-limits", help="Apply Stream's documented rate limits.")]
DevelopmentTokens = Annotated[
    bool,
    typer.Option("--development-tokens", help="Let the playground sign people in even if others can reach the server."),
]
AllowHost = Annotated[
    list[str] | None,
    typer.Option(
        envvar="FRAMEWORK_SANDBOX_HOSTS",
        help="Another host name that the server is reached by, or whose pages may call it; may be given often.",
    ),
]
CampaignRate = Annotated[
    int, typer.Option("--campaign-rate", min=1, max=100_000, help="How many messages a second a campaign sends.")
]
Coverage = Annotated[bool, typer.Option("--coverage", help="Print which operations are implemented, and exit.")]
PreferredPort = Annotated[int | None, typer.Option(hidden=True)]
UntilUnused = Annotated[bool, typer.Option("--until-unused", hidden=True)]


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(sandbox)


def sandbox(
    host: Host = "127.0.0.1",
    port: Port = None,
    api_key: ApiKey = None,
    api_secret: ApiSecret = None,
    api_secret_file: ApiSecretFile = None,
    data: Data = None,
    rate_limits: RateLimits = False,
    development_tokens: DevelopmentTokens = False,
    allow_host: AllowHost = None,
    campaign_rate: CampaignRate = 1_000,
    coverage: Coverage = False,
    preferred_port: PreferredPort = None,
    until_unused: UntilUnused = False,
) -> None:
    """Run a Stream-compatible chat server, with a playground page. Needs no account."""
    if coverage:
        from framework.sandbox.dev.coverage import lines

        typer.echo("\n".join(lines()))
        return
    if api_secret_file is not None and api_secret is None:
        api_secret = secret_from(api_secret_file)
    config = _config(host, preferred_port if port is None else port, api_key, api_secret, data)
    hosts = frozenset(name.lower() for name in allow_host or ())
    tokens = development_tokens or None
    config = replace(
        config, rate_limits=rate_limits, development_tokens=tokens, allowed_hosts=hosts, campaign_rate=campaign_rate
    )
    if until_unused:
        threading.Thread(target=_end_unused, args=(Path(config.data).parent,), daemon=True).start()
    _serve(config, fixed=port is not None, ready=partial(_publish, config))


def _serve(config: SandboxConfig, *, fixed: bool, ready: Callable[[str], None] | None) -> None:
    """Serve on the wanted port, or on any free one where nobody asked for this one and it is taken."""
    require("sandbox", "The sandbox")
    from framework.sandbox.dev.server import run
    from framework.sandbox.kernel.errors import SandboxStartError

    with _data_of_ones_own(config.data):
        try:
            run(config, ready=ready)
        except SandboxStartError:
            if fixed or is_free(config.host, config.port):
                raise
        else:
            return
        run(replace(config, port=0), ready=ready)


@contextlib.contextmanager
def _data_of_ones_own(data: str) -> Iterator[None]:
    """Keep other sandboxes away from this file: what one writes, the other one would never see."""
    if data == ":memory:":
        yield
        return
    with contextlib.ExitStack() as held:
        for wait in (*[POLL] * PATIENCE, None):  # one that is just ending gets the time for it
            try:
                held.enter_context(claim(Path(data)))
                break
            except ClaimedError:
                if wait is None:
                    raise FrameworkError(
                        "Another sandbox uses this file.",
                        where=data,
                        hint="Use that one, or give another file with --data, or --data :memory: to keep nothing.",
                    ) from None
                time.sleep(wait)
        yield


def _publish(config: SandboxConfig, url: str) -> None:
    """Tell other commands where this sandbox answers, if it is the one of its data folder."""
    if config.data == ":memory:" or Path(config.data).name != data_file(Path()).name:
        return
    folder = Path(config.data).parent
    known = read_address(folder)
    if known.api_key == config.api_key and known.api_secret.get_secret_value() == config.api_secret:
        publish(folder, SandboxAddress(config.api_key, known.api_secret, url, os.getpid()))


def _end_unused(folder: Path) -> None:
    """End when the last process that uses the sandbox has ended, however it went."""
    wait_until_unused(folder)
    os.kill(os.getpid(), signal.SIGTERM)


def _config(
    host: str, port: int | None, api_key: str | None, api_secret: str | None, data: str | None
) -> SandboxConfig:
    """Fill in what was not given from the data folder, where it stays the same from start to start."""
    from framework.app.environment import prepare_data
    from framework.sandbox.kernel.config import SandboxConfig
    from framework.settings import load_settings

    if not (api_key and api_secret and data):
        folder = load_settings().data
        prepare_data(folder)
        address = read_address(folder)
        port = address.port if port is None else port
        api_key = api_key or address.api_key
        api_secret = api_secret or address.api_secret.get_secret_value()
        data = data or str(data_file(folder))
    if data != ":memory:":
        Path(data).parent.mkdir(parents=True, exist_ok=True)
        close_file(Path(data))
    port = PREFERRED_PORT if port is None else port
    return SandboxConfig(host=host, port=port, api_key=api_key, api_secret=api_secret, data=data)
