"""The JavaScript of docs/clients.md understands what a bot posts, and its React component bundles with Stream's kit."""

from __future__ import annotations

import asyncio
import json
import os
import re
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import stream_chat

from framework.runtime.state.handover import Handover
from tests.clients.javascript import NODE, PACKAGES, missing
from tests.support.person import person
from tests.support.sandbox import start_sandbox

PAGE = Path("docs/clients.md").read_text(encoding="utf-8")
CALLS = """
import * as answers from "./answers.js";
const { name, args } = JSON.parse(process.argv[2]);
console.log(JSON.stringify(answers[name](...args) ?? null));
"""


def block(language: str) -> str:
    (found,) = re.findall(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)
    return str(found)


@pytest.fixture
def scripts(tmp_path: Path) -> Path:
    (tmp_path / "package.json").write_text('{"type": "module"}')
    (tmp_path / "answers.js").write_text(block("js"), encoding="utf-8")
    (tmp_path / "call.js").write_text(CALLS)
    (tmp_path / "support.jsx").write_text(block("jsx"), encoding="utf-8")
    return tmp_path


def call(scripts: Path, name: str, *args: Any) -> Any:
    said = json.dumps({"name": name, "args": args}, default=str)
    done = subprocess.run([NODE or "node", "call.js", said], cwd=scripts, capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


async def real_answer(environment: dict[str, str]) -> dict[str, Any]:
    """The message that a bot posts about a question, as the service hands it to clients."""
    async with start_sandbox() as sandbox:
        stream = {
            "STREAM_BASE_URL": sandbox.url,
            "STREAM_API_KEY": sandbox.api_key,
            "STREAM_API_SECRET": sandbox.api_secret,
        }
        async with person(sandbox.url, sandbox.api_key, sandbox.api_secret) as maria:
            await maria.say("How long is the warranty?")
        command = [sys.executable, "-m", "framework", "reply", "support_bot", "--channel", "messaging:support-123"]
        process = await asyncio.create_subprocess_exec(
            *command, env={**os.environ, **environment, **stream}, stdout=asyncio.subprocess.PIPE
        )
        printed, _ = await process.communicate()
        async with stream_chat.StreamChatAsync(sandbox.api_key, sandbox.api_secret, base_url=sandbox.url) as server:
            found = await server.get_message(printed.decode().split()[-1])
    return dict(found["message"])


@pytest.mark.skipif(NODE is None, reason="no Node on this machine")
async def test_the_functions_read_a_real_answer(scripts: Path, environment: dict[str, str]) -> None:
    answer = await real_answer(environment)
    assert answer["outcome"] == "answered"
    titles = [source["title"] for source in answer["sources"]]
    assert call(scripts, "sourcesOf", answer) == list(dict.fromkeys(titles)) != []
    assert call(scripts, "isWriting", answer) is False
    growing = {**answer, "generating": True, "updated_at": datetime.now(UTC).isoformat()}
    assert call(scripts, "isWriting", growing) is True
    assert call(scripts, "isWriting", {**growing, "updated_at": "2020-01-01T00:00:00Z"}) is False
    assert call(scripts, "sourcesOf", growing) == []
    assert call(scripts, "suggestionsOf", {**answer, "suggestions": ["Open a ticket", 7]}) == ["Open a ticket"]
    named = set(re.findall(r"^\| `(\w+)` \|", PAGE.partition("## Events")[0], re.MULTILINE))
    assert {"ai_generated", "generating", "outcome", "sources", "suggestions", "feedback", "reply_to", "model"} <= named
    assert named - {"handover", "part_of"} <= answer.keys()


@pytest.mark.skipif(NODE is None, reason="no Node on this machine")
def test_the_functions_read_the_field_of_a_channel(scripts: Path) -> None:
    opened = Handover("open", datetime(2026, 1, 5, tzinfo=UTC), "turn", "message", reason="asked for it", to=("ada",))
    shown = opened.shown(bot="agent-bot")
    called = {"called": ["ada"], "takenBy": None, "reason": "asked for it"}
    assert call(scripts, "handoverOf", {"handover": shown}) == called
    assert call(scripts, "handoverOf", {"handover": {**shown, "state": "closed"}}) is None
    assert call(scripts, "handoverOf", {}) is None


@pytest.mark.skipif(missing("esbuild", "stream-chat-react") is not None, reason="no npm packages: make clients")
def test_the_component_bundles_with_the_kit(scripts: Path) -> None:
    (scripts / "node_modules").symlink_to(PACKAGES.resolve())
    options = ["--bundle", "--format=esm", "--jsx=automatic", "--log-level=warning", "--outfile=out.js"]
    esbuild = PACKAGES.resolve() / ".bin" / "esbuild"
    done = subprocess.run([esbuild, "support.jsx", *options], cwd=scripts, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
