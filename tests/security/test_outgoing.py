"""Every place that calls out over the network is known, with the reason why it needs no guard against private ones.

Addresses that strangers chose go through `framework/net/guarded.py`. A new client in another module fails here, until
somebody has asked who chooses its addresses.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

KNOWN = {
    "framework/net/guarded.py": "the guard itself",
    "framework/insight/otel.py": "the collector of traces that the operator names",
    "framework/agent/models/transport.py": "the model's server, which the operator names in bot.yaml or a setting",
    "framework/app/doctor/machine.py": "ports of this machine, which the operator set",
    "framework/app/guarding/forward.py": "the bots' own process on loopback",
    "framework/catalog/execution/transport.py": "the chat service, at STREAM_BASE_URL",
    "framework/cli/check_moderation.py": "the moderation endpoint of the operator's own set-up",
    "framework/app/doctor/journal.py": "the NATS servers of the operator's address",
    "framework/engine/nats/durability.py": "the NATS server's own page, which the operator names",
    "framework/engine/nats/store.py": "the NATS servers of the operator's address",
    "framework/sandbox/features/previews.py": "pages that messages link to, by a resolver that refuses private ones",
    "framework/sandbox/kernel/webhooks/sender.py": "hooks of an app, which only its API secret can set",
    "framework/stream/app_settings.py": "the chat service, at STREAM_BASE_URL",
    "framework/stream/client.py": "the chat service, at STREAM_BASE_URL",
    "framework/stream/sources/sqs.py": "the queue that the operator names",
    "framework/testing/sandbox_app.py": "the sandbox of a developer's tests",
    "framework/tools/mcp_servers/connection.py": "MCP servers that bot.yaml declares",
}
CLIENTS = {"ClientSession", "AsyncClient", "HTTPConnection", "HTTPSConnection", "urlopen", "open_connection"}
CLIENTS |= {"AsyncOpenAI", "OpenAI", "StreamChat", "StreamChatAsync", "AsyncStream", "create_mcp_http_client"}
CLIENTS |= {"OTLPSpanExporter", "AioSession", "get_session", "PoolManager", "create_datagram_endpoint", "SMTP", "FTP"}
LIBRARIES = {"httpx", "httpx2", "requests", "urllib3", "http.client", "urllib.request", "smtplib", "ftplib"}
LIBRARIES |= {"websockets", "boto3", "nats", "nats.aio.client"}
"""Those are for clients alone, so that calls by plain functions such as `requests.get` are found as well."""
NO_CLIENTS = {"Response", "Msg"}


def calls_out(source: str) -> Iterator[str]:
    """Yield each name by which a module opens connections."""
    tree = ast.parse(source)
    typing = {
        id(inner)
        for block in ast.walk(tree)
        if isinstance(block, ast.If) and ast.unparse(block.test) == "TYPE_CHECKING"
        for inner in ast.walk(block)
    }
    for node in ast.walk(tree):
        if id(node) in typing:
            continue
        if isinstance(node, ast.Call):
            name = ast.unparse(node.func).rpartition(".")[2]
            yield from [name] if name in CLIENTS else []
        elif isinstance(node, ast.Import):
            yield from [one.name for one in node.names if one.name in LIBRARIES]
        elif isinstance(node, ast.ImportFrom) and node.module in LIBRARIES:
            yield from [one.name for one in node.names if one.name not in NO_CLIENTS]


def found() -> dict[str, set[str]]:
    calls = {str(path): set(calls_out(path.read_text(encoding="utf-8"))) for path in Path("framework").rglob("*.py")}
    return {path: names for path, names in calls.items() if names}


def test_every_client_is_known() -> None:
    new = {path: names for path, names in found().items() if path not in KNOWN}
    assert not new, f"Who chooses their addresses? Strangers: use framework/net/guarded.py. Else: name them here. {new}"


def test_nothing_is_named_that_calls_nobody() -> None:
    assert not KNOWN.keys() - found().keys()


@pytest.mark.parametrize(
    "source",
    [
        "import aiohttp\nasync def f(): return aiohttp.ClientSession()",
        "from aiohttp import ClientSession\nsession = ClientSession()",
        "def f():\n    import httpx\n    httpx.get('x')",
        "from urllib.request import urlopen",
        "import asyncio\nasync def f(): await asyncio.open_connection('h', 1)",
    ],
)
def test_a_new_client_is_found(source: str) -> None:
    assert list(calls_out(source))


def test_types_alone_are_no_client() -> None:
    assert not list(calls_out("if TYPE_CHECKING:\n    import httpx\n    from aiohttp import ClientSession"))
