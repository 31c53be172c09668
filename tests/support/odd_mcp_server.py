"""An MCP server over stdio with odd tools, written by hand: no library would let it be so odd.

Arguments: `noise` prints a banner to stdout first; `vague` says little of itself, and pages without end.
"""

from __future__ import annotations

import json
import sys
from typing import Any


def tool(name: str, schema: object = None, **more: object) -> dict[str, object]:
    return {"name": name, "inputSchema": schema or {"type": "object", "properties": {}}, **more}


def names(*properties: str) -> dict[str, object]:
    return {"type": "object", "properties": {name: {"type": "string"} for name in properties}}


TOOLS = [
    tool("docs.search", names("q"), description="Search"),
    tool("docs_search", names("q"), description="Search, old"),
    tool("tags", {"type": "object", "properties": {"tags": {"type": "array"}}}, description="d" * 3_000),
    tool("bare", {"type": "object"}),
    tool("impossible", {"type": "array"}),
    tool(
        "untyped", {"properties": {"q": {"type": "str"}}}, annotations="yes", outputSchema={"type": "string"}, title=7
    ),
    {"description": "no name"},
    "nothing",
    tool("reserved", names("config", "self", "run_manager", "callbacks", "runtime", "state", "store", "tool_call_id")),
    tool("spelled", names("user-id", "from", "filter[name]")),
    tool("structured"),
    tool("both"),
    tool("picture"),
    tool("link"),
    tool("nothing"),
    tool("strange"),
    tool("refuse"),
    tool("fail"),
    tool("old"),
    tool("name with space, ünusual"),
    tool("lists", {"type": "object", "properties": [], "required": "q"}),
    tool("docs.search", names("again"), description="The same name once more"),
]
BLOCKS: dict[str, dict[str, Any]] = {
    "structured": {"content": [], "structuredContent": {"stock": 17, "unit": "pcs"}},
    "both": {"content": [{"type": "text", "text": '{"stock": 17}'}], "structuredContent": {"stock": 17}},
    "picture": {"content": [{"type": "image", "data": "iVBORw0KGgo=", "mimeType": "image/png"}]},
    "link": {"content": [{"type": "resource_link", "uri": "https://x.example/r/9", "name": "Report 9"}]},
    "nothing": {"content": []},
    "old": {"toolResult": "as it was"},
    "strange": {"content": [{"type": "chart", "points": [1, 2]}, "words", {"type": "image"}], "structuredContent": [3]},
    "fail": {"content": [{"type": "text", "text": "quota used up"}], "isError": True},
}


def say(message: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps({"jsonrpc": "2.0", **message}) + "\n")
    sys.stdout.flush()


def answer(method: str, params: dict[str, Any]) -> dict[str, Any]:
    if method == "initialize":
        info = {"name": "odd", "version": "1"}
        if "vague" in sys.argv:
            return {"protocolVersion": "1.0", "capabilities": None, "serverInfo": {"name": "odd"}, "instructions": 5}
        return {"protocolVersion": "2024-11-05", "capabilities": {"tools": {}}, "serverInfo": info}
    if method == "tools/list":
        if "vague" in sys.argv:
            return {"tools": {"0": TOOLS[0]}, "nextCursor": "same"}
        return {"tools": TOOLS}
    name, given = params["name"], params.get("arguments")
    return BLOCKS.get(name) or {"content": [{"type": "text", "text": f"got {json.dumps(given, sort_keys=True)}"}]}


def main() -> None:
    if "noise" in sys.argv:
        sys.stdout.write("Starting the server ✅\n\n")
        sys.stdout.flush()
    for line in sys.stdin:
        asked = json.loads(line)
        if "id" not in asked:
            continue
        if (
            asked["method"] not in {"initialize", "tools/list", "tools/call", "ping"}
            or asked.get("params", {}).get("name") == "refuse"
        ):
            say({"id": asked["id"], "error": {"code": -32602, "message": "no such order"}})
        else:
            say({"id": asked["id"], "result": answer(asked["method"], asked.get("params") or {})})


if __name__ == "__main__":
    main()
