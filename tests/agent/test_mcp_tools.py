"""An agent with tools of an MCP server."""

from __future__ import annotations

from pathlib import Path

from framework.agent.conversation import ToolFinished, ToolStarted
from framework.tools.mcp_servers.servers import McpTools
from framework.tools.mcp_servers.targets import Target
from tests.agent.conftest import AgentMaker, answer, asking
from tests.support.openai_server import ScriptedServer, call, say
from tests.tools.mcp_servers.test_servers import serving


async def test_the_model_calls_a_server_and_its_answer_is_data(
    server: ScriptedServer, make_agent: AgentMaker, tmp_path: Path
) -> None:
    async with serving() as port:
        mcp = McpTools((Target("shop", url=f"http://127.0.0.1:{port}/mcp"),), tmp_path)
        definition: dict[str, object] = {
            "tools": [{"name": "shop/price", "users": ["ada"]}],
            "mcp_servers": {"shop": {"url": f"http://127.0.0.1:{port}/mcp"}},
        }
        agent = make_agent(definition=definition, mcp=mcp)
        server.play(call(("shop__price", {"item": "pod"})), say("It costs 5."))
        events = [event async for event in agent.stream(asking("How much?"))]
        assert ToolStarted("shop__price") in events
        assert ToolFinished("shop__price", ok=True) in events
        names = {entry["function"]["name"] for entry in server.asked[0].body["tools"]}
        assert names == {"shop__price", "offer_person"}  # Only what the bot names.
        told = server.asked[-1].messages[-1]["content"]
        assert told.startswith('<result of="shop__price">\npod costs 5.')
        await agent.aclose()
    server.play(say("I cannot look."))
    assert (await answer(make_agent(definition=definition, mcp=mcp), "How much?")).text == "I cannot look."
    await mcp.aclose()
