"""What operations cost an MCP client: seconds until the server answers, milliseconds a call, tokens an answer."""

from __future__ import annotations

import asyncio
import json
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

from framework.catalog.catalog import Catalog
from framework.catalog.toolbox import Toolbox
from tests.support.mcp import stdio, variables
from tests.support.operations import policy
from tests.support.sandbox import start_sandbox

INTENTS = ("halt the welcome campaign", "shut someone up in this room for a bit", "list the channels of alice")
CHARACTERS_A_TOKEN = 4
CALLS = 50


async def measure() -> None:
    """Start the server as a client does, and call it."""
    async with start_sandbox() as sandbox:
        began = time.perf_counter()
        async with stdio(environment=variables(sandbox, Path(tempfile.mkdtemp()))) as client:
            await client.tools()
            print(f"stdio server answers after {time.perf_counter() - began:.2f} s")
            calls: dict[str, dict[str, Any]] = {
                "search_operations": {"intent": INTENTS[1]},
                "execute_operation": {"operation_id": "GetChannelType", "arguments": {"name": "messaging"}},
            }
            for tool, arguments in calls.items():
                seconds = []
                for _ in range(CALLS):
                    began = time.perf_counter()
                    await client.call(tool, **arguments)
                    seconds.append(time.perf_counter() - began)
                print(f"{tool}: p50 {statistics.median(seconds) * 1000:.1f} ms, all of MCP and the service included")


def sizes() -> None:
    """Tokens of answers, by their characters."""
    catalog = Catalog.load()
    # Neither search nor load executes anything.
    toolbox = Toolbox(catalog, None)  # type: ignore[arg-type]  # so that no executor is needed
    rules = policy()

    def tokens(value: object) -> int:
        return len(json.dumps(value, ensure_ascii=False)) // CHARACTERS_A_TOKEN

    found = max(tokens(toolbox.search(rules, intent)) for intent in INTENTS)
    loaded = sorted(tokens(toolbox.load(operation.id)) for operation in catalog)
    print(f"search_operations: at most {found} tokens; list_operations: {tokens(toolbox.list(rules))}")
    print(f"load_operation: median {loaded[len(loaded) // 2]}, largest {loaded[-1]} tokens")


def main() -> None:
    """Print the figures."""
    asyncio.run(measure())
    sizes()


if __name__ == "__main__":
    main()
