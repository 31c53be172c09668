"""One bot whose channels differ: each has its own agent, and what is the same is there once."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from framework.agent.agent import LangChainAgent
from framework.agent.build.channel_agents import ChannelAgents, VariantAgent
from framework.agent.conversation import Caller, Conversation, Finished, Utterance
from framework.definition.loader import load_bot
from framework.settings import Settings
from tests.support.openai_server import ScriptedServer, say

BOT = """
channels: ["messaging:*"]
model: auto
prompt: support.md.j2
variables: {tone: friendly}
tools: [add]
overrides:
  "messaging:vip-*":
    variables: {tone: formal}
    knowledge: [vip]
  "messaging:quiet-*":
    respond_to: mention
  "messaging:plain-*":
    tools: []
    phrases: {greeting: Yo!}
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "bot"
    for name, text in (("knowledge", "You can return a pod within 60 days."), ("vip", "VIPs return within 600 days.")):
        (folder / name).mkdir(parents=True)
        (folder / name / "returns.md").write_text(f"# Returns\n\n{text}\n")
    (folder / "bot.yaml").write_text(BOT)
    (folder / "support.md.j2").write_text("Be {{ tone }}.")
    code = 'IMPORTS = []\n\ndef add(a: int, b: int) -> int:\n    """Add two numbers."""\n    return a + b\n'
    (folder / "tools.py").write_text(code)
    return folder


@pytest.fixture
async def family(folder: Path, settings: Settings) -> AsyncIterator[ChannelAgents]:
    made = ChannelAgents(load_bot(str(folder)), settings)
    yield made
    await made.aclose()


async def ask(agent: VariantAgent | LangChainAgent, cid: str) -> str:
    conversation = Conversation((Utterance("user", "How long can I return it?", "Ada"),), Caller("ada", channel=cid))
    async for event in agent.stream(conversation):
        if isinstance(event, Finished):
            return event.answer.text
    raise AssertionError("no answer")


async def test_channels_differ_as_declared(server: ScriptedServer, family: ChannelAgents) -> None:
    server.play(*[say("Fine. [Returns]")] * 3)
    await ask(family.at("messaging:a"), "messaging:a")
    await ask(family.at("messaging:vip-1"), "messaging:vip-1")
    await ask(family.at("messaging:plain-1"), "messaging:plain-1")
    ordinary, vip, plain = server.asked
    assert "Be friendly." in ordinary.text
    assert "within 60 days" in ordinary.text
    assert "Be formal." in vip.text
    assert "within 600 days" in vip.text
    assert "within 60 days" not in vip.text
    names = [{entry["function"]["name"] for entry in asked.body["tools"]} for asked in (ordinary, plain)]
    assert names[0] - names[1] == {"add"}


async def test_what_channels_have_in_common_is_there_once(server: ScriptedServer, family: ChannelAgents) -> None:
    assert family.at("messaging:a") is family.root
    assert family.at("messaging:quiet-1") is family.root  # When it speaks does not make another agent.
    assert family.at("messaging:vip-1") is family.at("messaging:vip-2")
    server.play(say("Hi."), say("Hi."))
    await ask(family.at("messaging:vip-1"), "messaging:vip-1")
    await ask(family.at("messaging:plain-1"), "messaging:plain-1")
    vip, plain = (family.at(f"messaging:{name}-1") for name in ("vip", "plain"))
    assert isinstance(vip, VariantAgent)
    assert isinstance(plain, VariantAgent)
    assert vip.agent is not None
    assert plain.agent is not None
    assert vip.agent._parts.model is family.root._parts.model
    assert plain.agent._parts.library is family.root._parts.library
    assert vip.agent._parts.library is not family.root._parts.library
    own = [next(tool for tool in agent._parts.tools if tool.name == "add") for agent in (family.root, vip.agent)]
    assert own[0].func is own[1].func  # type: ignore[attr-defined]  # a StructuredTool
