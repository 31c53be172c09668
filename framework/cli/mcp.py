"""`mcp`: the operations of Stream for MCP clients, over stdio or HTTP."""

from __future__ import annotations

import asyncio
import os
import secrets
import socket
import sys
import threading
from contextlib import AsyncExitStack
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from framework.errors import FrameworkError, UsageError
from framework.extras import require

if TYPE_CHECKING:
    from collections.abc import Callable

    from framework.agent.conversation import Agent
    from framework.catalog.toolbox import Toolbox
    from framework.mcp.campaign_tools import CampaignActions
    from framework.mcp.config import McpConfig
    from framework.mcp.server import Asker
    from framework.settings import Settings

LOCAL = "local"
TOKEN_VARIABLE = "FRAMEWORK_MCP_TOKEN"  # noqa: S105 - its name
TOKEN_FILE = "mcp.token"  # noqa: S105 - its name


WARM_AFTER = 1.5
"""Seconds after the start at which the search is made ready, if nobody searched before."""


@dataclass(frozen=True)
class _Served:
    """Who is served: the clients, which of them comes over stdio, their hashed tokens, and the bots they may ask."""

    known: McpConfig
    client: str
    digests: dict[str, str]
    bots: tuple[str, ...]


@dataclass(frozen=True)
class _Listen:
    """The address to serve HTTP at, and the other hosts and origins that are trusted."""

    host: str
    port: int
    hosts: list[str]
    origins: list[str]


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(mcp)


def mcp(
    policy: Annotated[
        str | None, typer.Option(help="What the client may do: read-only, standard or full. [default: standard]")
    ] = None,
    config: Annotated[
        Path | None, typer.Option(exists=True, dir_okay=False, help="A file with clients and their policies.")
    ] = None,
    client: Annotated[str, typer.Option(help="Which client of the file this is, over stdio.")] = LOCAL,
    http: Annotated[bool, typer.Option("--http", help="Serve streamable HTTP at /mcp instead of stdio.")] = False,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port to listen on; 0 takes a free one.")] = 8840,
    allow_host: Annotated[list[str] | None, typer.Option(help="Another host name that clients may use.")] = None,
    allow_origin: Annotated[list[str] | None, typer.Option(help="An origin that pages may call from.")] = None,
    bot: Annotated[
        list[str] | None, typer.Option(help="A bot that clients may ask, as the tool ask_NAME: a name or a path.")
    ] = None,
) -> None:
    """Serve the operations of Stream Chat to an MCP client (Claude Desktop, Cursor, Windsurf, ...).

    With the policy `standard`, what destroys or administers waits for a person's approval; `full` approves everything
    and issues user tokens. Over HTTP a bearer token is needed. Without STREAM_API_KEY, a sandbox is used.
    """
    require("mcp", "The server for MCP clients")
    from framework.app.environment import logging_for, prepare_data
    from framework.settings import load_settings, require_stream_in_production

    settings = load_settings()
    require_stream_in_production(settings)
    logging_for(settings, level="warning")
    prepare_data(settings.data)
    known = _clients(policy, config, client, http=http)
    digests = _digests(known, settings.data) if http else {}
    listen = _Listen(host, port, allow_host or [], allow_origin or []) if http else None
    asyncio.run(_serve(settings, _Served(known, client, digests, tuple(bot or ())), listen))


async def _serve(settings: Settings, served: _Served, listen: _Listen | None) -> None:
    from framework.app.local_sandbox import local_sandbox

    async with AsyncExitStack() as stack:
        if not settings.has_stream:
            settings = await stack.enter_async_context(local_sandbox(settings))
        toolbox = _opened_late(settings, stack)
        bots = await _askers(served.bots, settings, stack)
        campaigns = _campaigns(settings, stack)
        warming = asyncio.create_task(_warm(toolbox))
        stack.callback(warming.cancel)
        if listen is None:
            await _serve_stdio(toolbox, served, bots, campaigns)
        else:
            await _serve_http(toolbox, served, bots, campaigns, listen)


def _campaigns(settings: Settings, stack: AsyncExitStack) -> CampaignActions | None:
    """What clients do with campaigns; None if no bot has any. Bots are read when a tool first wants them."""
    from framework.definition.loader import bot_names, bots_folder
    from framework.definition.parts.schedule_run import CAMPAIGNS

    if not any((bots_folder() / name / CAMPAIGNS).is_dir() for name in bot_names()):
        return None
    from framework.app.bot_campaigns import ServedCampaigns

    campaigns = ServedCampaigns(settings)
    stack.push_async_callback(campaigns.close)
    return campaigns


def _opened_late(settings: Settings, stack: AsyncExitStack) -> Callable[[], Toolbox]:
    """Opens the operations when a tool first wants them: a client that starts us waits for as little as possible."""
    opened: list[Toolbox] = []
    opening = threading.Lock()

    def toolbox() -> Toolbox:
        with opening:
            if not opened:
                from framework.catalog.factory import open_toolbox

                opened.append(open_toolbox(settings))
                stack.push_async_callback(opened[0].close)
            return opened[0]

    return toolbox


async def _warm(toolbox: Callable[[], Toolbox]) -> None:
    """Do what the first search would wait for, once the client is connected."""
    await asyncio.sleep(WARM_AFTER)
    await asyncio.to_thread(lambda: toolbox().warm())


async def _askers(names: tuple[str, ...], settings: Settings, stack: AsyncExitStack) -> dict[str, Asker]:
    """What answers for each bot, by its name. Raises UsageError for a bot whose answers the team looks over first."""
    if not names:
        return {}
    from framework.app.app import App

    app = App(settings)
    bots = [app.add(name) for name in names]
    for bot in bots:
        if bot.definition.drafts.enabled:
            raise UsageError(
                f"The team approves the answers of {bot.name} first, and an MCP client would read them before that.",
                where=bot.document.position(("drafts", "enabled")) if bot.document else None,
                hint="Leave --bot out, or ask the bot in its channel.",
            )
    await stack.enter_async_context(app)
    return {bot.name: _asker(await app.agent(bot.name)) for bot in bots}


def _asker(agent: Agent) -> Asker:
    from framework.agent.conversation import Caller, Conversation, Finished, Utterance

    async def ask(question: str, client: str) -> dict[str, Any]:
        conversation = Conversation((Utterance("user", question.strip()),), Caller(client, key=secrets.token_hex(8)))
        async for event in agent.stream(conversation):
            if isinstance(event, Finished):
                answer = event.answer
                sources = [asdict(source) for source in answer.sources]
                return {"answer": answer.text, "outcome": answer.outcome, "sources": sources}
        raise FrameworkError("The bot ended without an answer.", hint="Ask again.")

    return ask


async def _serve_stdio(
    toolbox: Callable[[], Toolbox], served: _Served, bots: dict[str, Asker], campaigns: CampaignActions | None
) -> None:
    from framework.catalog.execution.policy import Policy
    from framework.catalog.execution.principal import Principal
    from framework.mcp.bounded_input import bound_standard_input
    from framework.mcp.server import build_server

    client = served.known.clients[served.client]
    policy = Policy(client.rules, Principal(f"mcp:{served.client}"))
    issuing = bool(client.rules.issue_tokens.users)
    server = build_server(toolbox, lambda: policy, issuing=issuing, bots=bots, campaigns=campaigns)
    bound_standard_input()
    await server.run_stdio_async(show_banner=False)


async def _serve_http(
    toolbox: Callable[[], Toolbox],
    served: _Served,
    bots: dict[str, Asker],
    campaigns: CampaignActions | None,
    listen: _Listen,
) -> None:
    from framework.mcp.auth import CallingClient, build_auth
    from framework.mcp.server import build_server
    from framework.stream.sources.connections import BoundedProtocol

    known = served.known
    server = build_server(
        toolbox,
        CallingClient(known.clients),
        issuing=any(client.rules.issue_tokens.users for client in known.clients.values()),
        bots=bots,
        campaigns=campaigns,
        auth=build_auth(served.digests, known.oauth),
    )
    with _bind(listen) as bound:
        port = bound.getsockname()[1]
        sys.stdout.write(f"mcp ready http://{listen.host}:{port}/mcp\n")
        sys.stdout.flush()
        await server.run_http_async(
            show_banner=False,
            host=listen.host,
            port=port,
            path="/mcp",
            sockets=[bound],
            host_origin_protection=True,
            allowed_hosts=listen.hosts,
            allowed_origins=listen.origins,
            uvicorn_config={"log_config": None, "access_log": False, "http": BoundedProtocol},
        )


def _bind(listen: _Listen) -> socket.socket:
    family = socket.AF_INET6 if ":" in listen.host else socket.AF_INET
    bound = socket.socket(family)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        bound.bind((listen.host, listen.port))
        bound.listen(128)  # clients that connect before the server runs wait for it
    except OSError as error:
        bound.close()
        raise UsageError(
            f"{listen.host}:{listen.port} cannot be listened on: {error.strerror}.", hint="Choose another --port."
        ) from None
    return bound


def _clients(policy: str | None, config: Path | None, client: str, *, http: bool) -> McpConfig:
    """The clients of the file, or the one that the command line describes."""
    from framework.mcp.config import STANDARD, McpClient, McpConfig, preset, read_config

    if config is None:
        preset(policy or STANDARD)
        return McpConfig(clients={client: McpClient(policy=policy)})
    if policy is not None:
        raise UsageError("--policy and --config exclude each other.", hint="Write the policy into the file.")
    known = read_config(config)
    if not http and client not in known.clients:
        raise UsageError(
            f"{config} has no client {client!r}.", hint=f"Pass --client with one of {', '.join(known.clients)}."
        )
    return known


def _digests(known: McpConfig, data: Path) -> dict[str, str]:
    """The hash of each client's bearer token. One without any gets a token of its own, kept in the data folder."""
    from framework.mcp.auth import digest

    digests: dict[str, str] = {}
    for name, client in known.clients.items():
        variable = client.token_env or (TOKEN_VARIABLE if name == LOCAL else None)
        token = os.environ.pop(variable, None) if variable else None
        if client.token_sha256:
            digests[name] = client.token_sha256
        elif token:
            digests[name] = digest(token)
        elif client.token_env:
            raise UsageError(
                f"{client.token_env} is not set, but client {name!r} takes its token from it.",
                hint="Set it to the token that the client shows, a long random text.",
            )
        elif not client.oauth_client:
            digests[name] = digest(_kept_token(data / (TOKEN_FILE if name == LOCAL else f"mcp-{name}.token")))
    _check_different(digests)
    return digests


def _check_different(digests: dict[str, str]) -> None:
    """Raise UsageError for two clients that nobody could tell apart."""
    owners: dict[str, str] = {}
    for name, digest in digests.items():
        other = owners.setdefault(digest, name)
        if other != name:
            raise UsageError(
                f"The clients {other!r} and {name!r} have the same token.", hint="Give each a token of its own."
            )


def _kept_token(file: Path) -> str:
    """The token in a file that only this user may read, made up at first."""
    if not file.is_file():
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as handle:
            handle.write(secrets.token_urlsafe(32) + "\n")
    sys.stderr.write(f"The bearer token is in {file}\n")
    return file.read_text(encoding="utf-8").strip()
