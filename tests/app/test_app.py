"""An app as a program uses it: single answers, replies in a channel, serving, and what it says of mistakes."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from langchain_core.documents import Document
from langchain_core.language_models.fake_chat_models import GenericFakeChatModel
from langchain_core.messages import AIMessage
from langchain_core.retrievers import BaseRetriever
from pydantic import SecretStr

from framework.agent.conversation import Reference, Source, Utterance
from framework.app.app import App
from framework.app.serving import Ready
from framework.errors import DefinitionError, SettingsError, UsageError
from framework.settings import Settings
from tests.support.person import person
from tests.support.sandbox import RunningSandbox, start_sandbox
from tests.support.waiting import PATIENCE

BOT = """\
identity: {user_id: fern-bot, name: Fern}
channels: {join: ["messaging:support-*"]}
prompt: prompt.md.j2
"""


@pytest.fixture
def bot(tmp_path: Path) -> Path:
    folder = tmp_path / "fern"
    (folder / "knowledge").mkdir(parents=True)
    (folder / "bot.yaml").write_text(BOT)
    (folder / "prompt.md.j2").write_text("You help.")
    (folder / "knowledge" / "returns.md").write_text("# Returns\n\nYou can return a garden within 60 days.\n")
    return folder


def settings(folder: Path, sandbox: RunningSandbox | None = None) -> Settings:
    values: dict[str, Any] = {
        "openai_api_key": None,
        "data": folder / "data",
        "stream_api_key": None,
        "stream_api_secret": None,
    }
    if sandbox is not None:
        values |= {
            "stream_api_key": sandbox.api_key,
            "stream_api_secret": SecretStr(sandbox.api_secret),
            "stream_base_url": sandbox.url,
        }
    return Settings(**values, _env_file=None)


async def test_one_message_is_answered_without_a_channel(bot: Path, tmp_path: Path) -> None:
    app = App(settings(tmp_path))
    added = app.add(bot)
    assert added.name == "fern"
    async with app:
        answer = await app.answer("Within how many days can I return a garden?")
        with pytest.raises(UsageError, match="empty"):
            await app.answer("  ")
    assert answer.outcome == "answered"
    assert "60 days" in answer.text
    assert [source.file for source in answer.sources] == ["knowledge/returns.md"]


async def test_a_channel_is_answered_once(bot: Path, tmp_path: Path) -> None:
    async with start_sandbox() as sandbox, person(sandbox.url, sandbox.api_key, sandbox.api_secret) as maria:
        asked = await maria.say("Within how many days can I return a garden?")
        app = App(settings(tmp_path, sandbox))
        app.add(bot)
        async with app:
            first = await app.reply("messaging:support-123")
            second = await app.reply("messaging:support-123", bot="fern")
            with pytest.raises(UsageError, match="no channel"):
                await app.reply("messaging:nowhere")
        (posted,) = await maria.replies(asked)
    assert (first.posted, second.posted) == (True, False)
    assert posted["id"] == first.message_id == second.message_id
    assert "60 days" in posted["text"]


async def test_bots_are_served_in_the_loop_of_the_program(bot: Path, tmp_path: Path) -> None:
    async with start_sandbox() as sandbox:
        app = App(settings(tmp_path, sandbox))
        app.add(bot)
        stop, ready = asyncio.Event(), asyncio.get_running_loop().create_future()
        work = asyncio.create_task(app.serve(stop, ready=ready.set_result))
        try:
            async with asyncio.timeout(PATIENCE):
                await asyncio.wait({work, ready}, return_when=asyncio.FIRST_COMPLETED)
            told: Ready = ready.result()
            async with person(sandbox.url, sandbox.api_key, sandbox.api_secret) as maria:
                reply = await maria.reply(await maria.say("Within how many days can I return a garden?"))
        finally:
            stop.set()
            await work
    assert told.models == {"fern": "embedded"}
    assert "60 days" in reply["text"]


class Parrot(GenericFakeChatModel):
    def bind_tools(self, tools: Any, **_: Any) -> Any:
        return self


async def test_a_model_of_ones_own_answers_and_stays_open(bot: Path, tmp_path: Path) -> None:
    model = Parrot(messages=iter([AIMessage("Hello from a model of mine.")]))
    app = App(settings(tmp_path))
    app.add(bot, model=model)
    async with app:
        answer = await app.answer("hello")
    assert answer.text == "Hello from a model of mine."
    assert answer.model == "Parrot"


class Wiki:
    def __init__(self, *found: object) -> None:
        self.found = found
        self.asked: list[str] = []

    async def search(self, question: str, history: Sequence[Utterance]) -> Sequence[Reference]:
        self.asked.append(question)
        return list(self.found)  # type: ignore[arg-type]  # what authors may return


class Documents(BaseRetriever):
    def _get_relevant_documents(self, query: str, **_: object) -> list[Document]:
        return [Document("Gardens ship on Mondays.", metadata={"title": "Shipping", "source": "wiki/shipping"})]


async def test_a_retriever_takes_the_place_of_the_articles(bot: Path, tmp_path: Path) -> None:
    wiki = Wiki(Reference(Source("Shipping", "wiki/shipping"), "Gardens ship on Mondays."))
    for retriever in (wiki, Documents()):
        app = App(settings(tmp_path))
        app.add(bot, retriever=retriever)
        async with app:
            answer = await app.answer("When do gardens ship?")
        assert "Gardens ship on Mondays." in answer.text
        assert answer.sources[0].file == "wiki/shipping"
    assert wiki.asked == ["When do gardens ship?"]


async def test_a_retriever_that_finds_nothing_has_the_bot_say_so(bot: Path, tmp_path: Path) -> None:
    app = App(settings(tmp_path))
    app.add(bot, retriever=Wiki())
    async with app:
        assert (await app.answer("When do gardens ship?")).outcome == "refused"


async def test_mistakes_are_told_in_sentences(bot: Path, tmp_path: Path) -> None:
    app = App(settings(tmp_path))
    with pytest.raises(UsageError, match="no bot"):
        await app.serve(asyncio.Event())
    with pytest.raises(UsageError, match="There is no bot 'nobody'"):
        app.add("nobody")
    with pytest.raises(DefinitionError, match="is not `auto`, `embedded` or PROVIDER:NAME"):
        app.add(bot, model="gpt 5")
    with pytest.raises(DefinitionError, match="GenericFakeChatModel cannot be given tools"):
        app.add(bot, model=GenericFakeChatModel(messages=iter([])))
    with pytest.raises(DefinitionError, match="int is not a chat model"):
        app.add(bot, model=5)  # type: ignore[arg-type]  # the mistake
    app.add(bot)
    with pytest.raises(UsageError, match="Two bots are called fern"):
        app.add(bot)
    with pytest.raises(UsageError, match="not open") as closed:
        await app.answer("hello")
    assert closed.value.hint == "Write `async with app:` around it."
    async with app:
        with pytest.raises(UsageError, match="no bot 'basil'") as unknown:
            await app.answer("hello", bot="basil")
    assert "fern" in str(unknown.value)


async def test_a_call_in_the_wrong_place_is_told(bot: Path, tmp_path: Path) -> None:
    app = App(settings(tmp_path))
    app.add(bot)
    with pytest.raises(UsageError, match="one is running here already") as running:
        app.run()
    assert running.value.hint == "Write `await app.serve(stop)`."
    async with app:
        with pytest.raises(UsageError, match="last=0 is not a number of messages"):
            await app.reply("messaging:support-1", last=0)
        with pytest.raises(UsageError, match="here"):
            await app.reply("here")


async def test_what_is_no_retriever_is_told_before_anybody_asks(bot: Path, tmp_path: Path) -> None:
    app = App(settings(tmp_path))
    app.add(bot, retriever="wiki")  # type: ignore[arg-type]  # the mistake
    async with app:
        with pytest.raises(DefinitionError, match="str is not a retriever"):
            await app.answer("hello")


def test_a_data_folder_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("a file")
    with pytest.raises(SettingsError, match="cannot be written"):
        App(settings(tmp_path))


def test_a_program_ends_with_a_sentence_and_names_its_own_line(tmp_path: Path) -> None:
    (tmp_path / "main.py").write_text('from framework import App\n\napp = App.from_env()\napp.add("nobody")\n')
    environment = {**os.environ, "PYTHONPATH": str(Path.cwd()), "FRAMEWORK_DATA": str(tmp_path / "data")}
    done = subprocess.run(
        [sys.executable, "main.py"], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert done.stderr.startswith("error: There is no bot 'nobody'.")
    assert f"{tmp_path / 'main.py'}:4" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_run_that_cannot_start_ends_with_a_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        App(settings(tmp_path)).run()
    assert ended.value.code == 2
    assert capsys.readouterr().err.startswith("error: The app has no bot.")
