"""A real model file behind a real OpenAI-compatible server: the plumbing, not the wit, of 135 million parameters."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from framework.agent.agent import LangChainAgent
from framework.agent.build.dependencies import AgentDependencies
from framework.agent.conversation import Caller, Conversation, Finished, TextDelta, Utterance
from framework.agent.models.check import check_model
from framework.agent.models.setup import build_model, choose_model, site_of
from framework.definition.model import Bot, BotDefinition
from framework.settings import Settings
from tests.support.local_model import NAME, local_model, missing

reason = missing()
pytestmark = pytest.mark.skipif(reason is not None, reason=f"no real model here: {reason}")


@pytest.fixture(scope="module")
def base_url() -> Iterator[str]:
    with local_model() as url:
        yield url


async def test_a_real_model_streams_an_answer_and_says_what_it_cost(base_url: str, tmp_path: Path) -> None:
    settings = Settings(openai_api_key="none-needed", openai_base_url=base_url, openai_model=NAME, _env_file=None)
    definition = BotDefinition.model_validate({"model": {"name": "auto", "temperature": 0}})
    assert NAME in await check_model(definition.model, settings)
    choice = choose_model(definition.model, settings)
    agent = LangChainAgent(
        AgentDependencies(
            Bot("test", tmp_path, definition, "You are a friendly assistant. Answer in one short sentence."),
            build_model(choice, definition.model, settings),
            site_of(choice, settings),
            tmp_path,
        )
    )
    conversation = Conversation((Utterance("user", "Hello! How are you?", "Ada"),), Caller("ada"))
    events = [event async for event in agent.stream(conversation)]
    await agent.aclose()
    *_, finished = events
    assert isinstance(finished, Finished)
    answer = finished.answer
    assert answer.text.strip()
    pieces = [event.text for event in events if isinstance(event, TextDelta)]
    assert "".join(pieces).rstrip() == answer.text.removesuffix(" …").rstrip()  # it may run into its limit
    assert len(pieces) > 1
    assert answer.input_tokens
    assert answer.output_tokens
    assert answer.first_token_seconds is not None
    assert answer.first_token_seconds < answer.seconds
