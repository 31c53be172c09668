"""Repair messages of MCP servers before the library reads them: it refuses a whole list for one odd tool."""

from __future__ import annotations

import json
import logging
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import structlog

from framework.values import Untyped

_log = structlog.get_logger(__name__)

ORIGINAL = "x-original-schema"
"""The key that keeps the schema of a tool if the library would not take it."""
_HINTS = ("readOnlyHint", "destructiveHint", "idempotentHint", "openWorldHint")
_BLOCKS: Mapping[str, tuple[str, ...]] = {
    "text": ("text",),
    "image": ("data", "mimeType"),
    "audio": ("data", "mimeType"),
    "resource_link": ("uri", "name"),
}


@asynccontextmanager
async def repaired(transport: Untyped) -> AsyncGenerator[tuple[Untyped, ...], None]:
    """Yield the streams of a transport, with every incoming message repaired."""
    quiet_about_other_lines()
    async with transport as (read, *rest):
        yield (_Repaired(read), *rest)


class _Repaired:
    """A stream whose messages are repaired."""

    def __init__(self, stream: Untyped) -> None:
        self._stream = stream

    def __getattr__(self, name: str) -> Untyped:
        return getattr(self._stream, name)

    async def receive(self) -> Untyped:
        """Return the next message."""
        return _read(await self._stream.receive())

    def __aiter__(self) -> AsyncIterator[Any]:
        return self

    async def __anext__(self) -> Untyped:
        return _read(await anext(self._stream))

    async def __aenter__(self) -> _Repaired:
        await self._stream.__aenter__()
        return self

    async def __aexit__(self, *error: object) -> Untyped:
        return await self._stream.__aexit__(*error)


def _read(item: Untyped) -> Untyped:
    result = getattr(getattr(item, "message", None), "result", None)
    if isinstance(result, dict):
        repair(result)
    return item


def repair(result: dict[str, Any]) -> None:
    """Repair a list of tools, a result or a greeting in place."""
    if "tools" in result:
        listed = result["tools"]
        result["tools"] = list(listed.values()) if isinstance(listed, dict) else listed or []
        result["tools"] = [tool for raw in result["tools"] if (tool := _tool(raw)) is not None]
        if not isinstance(result.get("nextCursor", ""), str):
            del result["nextCursor"]
    elif "protocolVersion" in result:
        _greeting(result)
    elif "toolResult" in result and "content" not in result:  # as in the protocol's first version
        result["content"] = [_as_text(result.pop("toolResult"))]
    elif "content" in result or "structuredContent" in result:
        _returned(result)


def _tool(raw: object) -> dict[str, Any] | None:
    if not isinstance(raw, dict) or not isinstance(raw.get("name"), str) or not raw["name"]:
        _log.warning("mcp.tool_left_out", why="it has no name")
        return None
    schema = raw.get("inputSchema", raw.get("input_schema"))
    fits = isinstance(schema, dict) and schema.get("type") == "object" and _plain_object(schema)
    tool = {"name": raw["name"], "inputSchema": schema if fits else {"type": "object", ORIGINAL: schema}}
    tool.update({key: raw[key] for key in ("title", "description") if isinstance(raw.get(key), str)})
    hints = raw.get("annotations")
    if isinstance(hints, dict):
        tool["annotations"] = {key: hints[key] for key in _HINTS if isinstance(hints.get(key), bool)}
    return tool


def _plain_object(schema: Mapping[str, Any]) -> bool:
    """Return whether the library takes a schema's parts."""
    properties, required = schema.get("properties", {}), schema.get("required", [])
    return (
        isinstance(properties, dict)
        and all(isinstance(one, dict) for one in properties.values())
        and isinstance(required, list)
        and all(isinstance(one, str) for one in required)
    )


def _greeting(result: dict[str, Any]) -> None:
    """Repair a greeting: the server's name, and the version of the protocol that it speaks."""
    from mcp_types.version import HANDSHAKE_PROTOCOL_VERSIONS

    told = result.get("serverInfo")
    about: dict[str, Any] = told if isinstance(told, dict) else {}
    result["serverInfo"] = {key: str(about.get(key) or "unknown") for key in ("name", "version")}
    if not isinstance(result.get("capabilities"), dict):
        result["capabilities"] = {"tools": {}}
    if not isinstance(result.get("instructions", ""), str):
        del result["instructions"]
    if result["protocolVersion"] not in HANDSHAKE_PROTOCOL_VERSIONS:
        _log.warning("mcp.other_version", said=str(result["protocolVersion"])[:40])
        result["protocolVersion"] = HANDSHAKE_PROTOCOL_VERSIONS[0]


def _returned(result: dict[str, Any]) -> None:
    content = result.get("content")
    blocks = content if isinstance(content, list) else [] if content is None else [content]
    result["content"] = [_block(block) for block in blocks]
    if "isError" in result:
        result["isError"] = bool(result["isError"])
    if "structuredContent" in result and not isinstance(result["structuredContent"], dict):
        told = result.pop("structuredContent")
        if told is not None:
            result["content"].append(_as_text(told))


def _block(block: object) -> dict[str, Any]:
    """Return a block that the library takes: for other kinds, a text with their JSON."""
    if isinstance(block, str):
        return {"type": "text", "text": block}
    if not isinstance(block, dict):
        return _as_text(block)
    kind = block.get("type")
    if kind == "resource":
        resource = block.get("resource")
        held: dict[str, Any] = resource if isinstance(resource, dict) else {}
        whole = isinstance(held.get("uri"), str) and any(isinstance(held.get(key), str) for key in ("text", "blob"))
        return block if whole else _as_text(block)
    needed = _BLOCKS.get(kind) if isinstance(kind, str) else None
    if needed is None or not all(isinstance(block.get(key), str) for key in needed):
        return _as_text(block)
    return {key: value for key, value in block.items() if key in {"type", "title", "description", *needed}}


def _as_text(value: object) -> dict[str, Any]:
    return {"type": "text", "text": json.dumps(value, ensure_ascii=False, default=str)}


class _OneLine(logging.Filter):
    """Log a banner that a server prints to its output in one line, without a traceback."""

    def filter(self, record: logging.LogRecord) -> bool:
        record.exc_info = record.exc_text = None
        record.levelno, record.levelname = logging.DEBUG, "DEBUG"
        return record.name != "mcp.client.stdio" or logging.getLogger(record.name).isEnabledFor(logging.DEBUG)


def quiet_about_other_lines() -> None:
    """Keep lines that are not messages out of the log: some servers print them to their output."""
    logger = logging.getLogger("mcp.client.stdio")
    if not any(isinstance(one, _OneLine) for one in logger.filters):
        logger.addFilter(_OneLine())
