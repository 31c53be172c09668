"""Which model answers, and what is said when it cannot."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from framework.agent.models.check import check_model
from framework.agent.models.setup import DEFAULT_OPENAI_MODEL, ModelChoice, build_model, choose_model
from framework.definition.model import Model
from framework.errors import ModelError
from framework.settings import Settings
from tests.agent.conftest import KEY
from tests.support.openai_server import MODEL, ScriptedServer, fail, say

BARE = Settings(_env_file=None, openai_api_key=None, openai_model=None, openai_base_url=None)
KEYED = BARE.model_copy(update={"openai_api_key": Settings(openai_api_key=KEY, _env_file=None).openai_api_key})


@pytest.mark.parametrize(
    ("name", "settings", "choice"),
    [
        ("auto", BARE, ModelChoice("embedded")),
        ("auto", KEYED, ModelChoice("openai", DEFAULT_OPENAI_MODEL)),
        ("auto", KEYED.model_copy(update={"openai_model": "tiny"}), ModelChoice("openai", "tiny")),
        ("embedded", KEYED, ModelChoice("embedded")),
        ("openai:gpt-5-mini", BARE, ModelChoice("openai", "gpt-5-mini")),
        ("ollama:llama3:8b", BARE, ModelChoice("ollama", "llama3:8b")),
    ],
)
def test_chooses_by_the_definition_and_the_environment(name: str, settings: Settings, choice: ModelChoice) -> None:
    assert choose_model(Model(name=name), settings) == choice


@pytest.mark.parametrize(
    ("name", "settings", "what", "hint"),
    [
        ("openai:gpt-5-mini", BARE, "OPENAI_API_KEY is not set", "model: auto"),
        ("anthropic:claude-haiku-4-5", KEYED, "'anthropic' is not installed", "langchain-anthropic"),
        ("nonsense:x", KEYED, "nonsense", "PROVIDER:NAME"),
        (
            "auto",
            KEYED.model_copy(update={"openai_base_url": "localhost:8080"}),
            "OPENAI_BASE_URL is not an address",
            "http://",
        ),
    ],
)
def test_a_model_that_cannot_be_set_up_says_why(name: str, settings: Settings, what: str, hint: str) -> None:
    definition = Model(name=name)
    with pytest.raises(ModelError, match=what) as caught:
        build_model(choose_model(definition, settings), definition, settings)
    assert caught.value.hint is not None
    assert hint in caught.value.hint
    assert not caught.value.retryable
    assert KEY not in str(caught.value)


async def test_the_embedded_model_needs_no_check() -> None:
    assert (await check_model(Model(), BARE)).startswith("embedded")


async def test_a_listed_model_of_a_compatible_server_is_asked_as_bots_ask(
    server: ScriptedServer, settings: Settings
) -> None:
    server.play(say("ok"))
    assert MODEL in await check_model(Model(), settings)
    listed, asked = server.asked
    assert listed.path == "/v1/models"
    assert asked.body["tools"]


async def test_a_model_that_is_not_listed_is_asked(server: ScriptedServer, settings: Settings) -> None:
    server.models = ("something-else",)
    server.play(say("ok"))
    assert MODEL in await check_model(Model(), settings)


async def test_a_server_without_a_list_is_asked(server: ScriptedServer, settings: Settings) -> None:
    server.models = None
    server.play(say("ok"))
    assert MODEL in await check_model(Model(), settings)


async def test_an_unknown_model_is_told_with_those_there_are(server: ScriptedServer, settings: Settings) -> None:
    server.models = ("large", "small")
    server.play(fail(404, "no such model"))
    with pytest.raises(ModelError, match="is not found") as caught:
        await check_model(Model(), settings)
    assert caught.value.hint is not None
    assert "It has large, small." in caught.value.hint


@pytest.mark.parametrize(("status", "what"), [(401, "refused the key"), (500, "failed"), (429, "no more requests")])
async def test_a_server_that_refuses_says_so(
    server: ScriptedServer, settings: Settings, status: int, what: str
) -> None:
    server.listing = fail(status, f"about {KEY}")
    with pytest.raises(ModelError, match=what) as caught:
        await check_model(Model(), settings)
    assert KEY not in str(caught.value)
    assert len(server.asked) == 1  # A check does not try again.


async def test_an_unreachable_server_is_told() -> None:
    settings = KEYED.model_copy(update={"openai_base_url": "http://127.0.0.1:9/v1"})
    with pytest.raises(ModelError, match="cannot be reached"):
        await check_model(Model(), settings)


async def test_something_that_is_no_model_server_is_told(server: ScriptedServer, settings: Settings) -> None:
    server.models = None
    elsewhere = settings.model_copy(update={"openai_base_url": server.url.removesuffix("/v1")})
    with pytest.raises(ModelError, match="is not found") as caught:
        await check_model(Model(), elsewhere)
    assert caught.value.hint is not None
    assert "/v1" in caught.value.hint


def test_choosing_a_model_loads_no_sdk() -> None:
    code = (
        "import sys; from framework.agent.models.setup import choose_model;"
        "from framework.definition.model import Model;"
        "from framework.settings import Settings; choose_model(Model(), Settings(_env_file=None));"
        "print([name for name in ('openai', 'langchain', 'langchain_core') if name in sys.modules])"
    )
    root = Path(__file__).resolve().parents[2]
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=root)
    assert result.stdout.strip() == "[]"
