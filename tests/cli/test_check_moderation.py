"""`check --online` tells what lets messages pass unseen: no hook, one that does not answer, too little time for it."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from stream_chat import StreamChatAsync

from framework.cli.check_moderation import online_findings
from framework.definition.loader import load_bot
from framework.settings import load_settings
from tests.support.sandbox import start_sandbox

RULES = """
channels: ["*:*"]
judge: {by: openai, within: 2s}
rules:
  - {name: links, when: {links: true}, do: hold}
  - {name: hate, when: {model: hate}, do: flag}
"""
ASKED = "http://127.0.0.1:9/hooks/before-message-send"


async def test_what_is_missing_at_the_service_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "bot.yaml").write_text('prompt: p.md.j2\nchannels: ["messaging:*"]\n')
    (tmp_path / "p.md.j2").write_text("You are a guard.")
    (tmp_path / "moderation.yaml").write_text(RULES)
    async with start_sandbox() as sandbox:
        for name, value in (("KEY", sandbox.api_key), ("SECRET", sandbox.api_secret)):
            monkeypatch.setenv(f"STREAM_API_{name}", value)
        monkeypatch.setenv("STREAM_BASE_URL", sandbox.url)
        monkeypatch.setenv("FRAMEWORK_DATA", str(tmp_path / "data"))
        monkeypatch.delenv("FRAMEWORK_WEBHOOK", raising=False)
        bot, settings = load_bot(str(tmp_path)), load_settings()

        async def told() -> str:
            found = await asyncio.to_thread(online_findings, bot, settings)
            assert all(one.ok and one.warning for one in found)
            return "\n".join(one.detail for one in found)

        without = await told()
        assert "app: asks nobody before a message is sent" in without
        assert "moderation.yaml:5:5: messages in messaging are not held" in without
        async with StreamChatAsync(sandbox.api_key, sandbox.api_secret, base_url=sandbox.url) as client:
            wrong: dict[str, Any] = {"before_message_send_hook_attempt_timeout_ms": 300}
            await client.update_app_settings(before_message_send_hook_url=ASKED, **wrong)
        dead = await told()
        assert f"{ASKED} cannot be reached" in dead
        assert "is not set: app: waits 1500 ms for the answer (before: 300 ms)" in dead
        assert "is not set: channel type messaging: messages wait until they are judged" in dead
        assert "moderation.yaml:6:5: the model may take 2000 ms" in dead
        assert "moderation apply" in dead
