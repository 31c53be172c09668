"""The parts of a campaign over MCP: listed by status, stopped in the middle, and gone on with."""

from __future__ import annotations

import asyncio
from pathlib import Path

from tests.mcp.test_mission import connected
from tests.support.campaigns import open_market

NEWS = "audience: {filter: {customer: true}}\ntext: 'Hello {{ receiver.name }}!'\n"


async def test_a_running_campaign_is_found_stopped_and_gone_on_with(tmp_path: Path) -> None:
    async with open_market(tmp_path, {"news": NEWS}, rate=2) as market:
        await market.people([{"id": f"p{number}"} for number in range(300)])
        async with connected("stdio", market.running, tmp_path / "mcp") as client:
            campaigns = market.process()
            run, _ = await campaigns.start(campaigns.file("news"))
            run = await campaigns.sender.advance(run.id)
            found = await client.call(
                "execute_operation", operation_id="QueryCampaigns", arguments={"filter": {"status": "in_progress"}}
            )
            assert [one["id"] for one in found["result"]["campaigns"]] == ["news"]
            stopped = await client.call("execute_operation", operation_id="StopCampaign", arguments={"id": "news"})
            assert stopped["status"] == "ok"
            so_far = market.got()
            assert len(so_far) < 300
            run = await campaigns.sender.advance(run.id)
            (part,) = await campaigns.ledger.parts(run.id)
            assert (run.state, part.state) == ("running", "stopped")
            assert part.reason == "somebody stopped it in the chat service"
            await asyncio.sleep(0.3)
            await campaigns.sender.advance(run.id)
            assert market.got() == so_far, "it is not started again by itself"
            again = await client.call("execute_operation", operation_id="StartCampaign", arguments={"id": "news"})
            assert again["status"] == "ok"
            while len(market.got()) == len(so_far):
                await asyncio.sleep(0.05)
            run = await campaigns.sender.advance(run.id)
            (part,) = await campaigns.ledger.parts(run.id)
            assert (run.state, part.state, part.reason) == ("running", "running", "")
            assert set(market.got().values()) == {1}
