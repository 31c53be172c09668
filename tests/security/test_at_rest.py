"""What is kept on disk: readable by its user alone, without the texts of settled turns, and erased when asked for."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from pathlib import Path

from tests.support.person import person
from tests.support.process import Process
from tests.support.sandbox import start_sandbox
from tests.support.waiting import until

SAID = "open a ticket about my zebra-striped gnomon"


def run(given: dict[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "framework", *arguments],
        capture_output=True,
        text=True,
        check=False,
        timeout=100,
        env={**os.environ, **given},
    )


def holding(folder: Path, words: str) -> list[str]:
    """The files below a folder that hold these words."""
    files = [file for file in folder.rglob("*") if file.is_file() and not file.is_symlink()]
    return [str(file.relative_to(folder)) for file in files if words.encode() in file.read_bytes()]


async def test_a_persons_traces_are_private_and_can_be_erased(tmp_path: Path, environment: dict[str, str]) -> None:
    data = tmp_path / "data"
    (data / "old").mkdir(parents=True)
    (data / "old" / "notes.txt").write_text("from before")
    data.chmod(0o755)
    async with start_sandbox() as sandbox:
        given = {
            **environment,
            "FRAMEWORK_DATA": str(data),
            "STREAM_BASE_URL": sandbox.url,
            "STREAM_API_KEY": sandbox.api_key,
            "STREAM_API_SECRET": sandbox.api_secret,
        }
        with (tmp_path / "log").open("w") as log:
            process = await asyncio.to_thread(
                Process.start, ["run", "support_bot"], ready="ready", environment=given, log=log
            )
        try:
            where = (sandbox.url, sandbox.api_key, sandbox.api_secret)
            async with (
                person(*where, user_id="eve", channel="messaging:support-9") as eve,
                person(*where, user_id="bob", channel="messaging:support-8") as bob,
            ):
                assert "T-0001" in (await eve.reply(await eve.say(SAID)))["text"]
                assert "T-0002" in (await bob.reply(await bob.say("open a ticket about a lamp that is broken")))["text"]
                erased = await asyncio.to_thread(run, given, "erase", "eve", "--json")
                assert erased.returncode == 0, erased.stderr
                counts = json.loads(erased.stdout)["erased"]
                assert counts["tools"] == 1
                assert counts["usage"] >= 1
                again = await asyncio.to_thread(run, given, "erase", "eve", "--json")
                assert json.loads(again.stdout)["erased"]["tools"] == 0
                assert "T-0002" in (await bob.reply(await bob.say("my tickets")))["text"]
                assert "no tickets" in (await eve.reply(await eve.say("my tickets")))["text"]
                # She wrote again, and that turn read what still stands in the channel.
                await asyncio.to_thread(run, given, "erase", "eve", "--json")
                assert holding(data, "zebra-striped") == []
        finally:
            await asyncio.to_thread(process.stop)
    assert holding(data, "lamp that is broken") != []  # what is not erased is there
    assert holding(data, "zebra-striped") == []
    wide = [path for path in (data, *data.rglob("*")) if not path.is_symlink() and path.stat().st_mode & 0o077]
    assert wide == []


PAYER = """
identity: {user_id: payer, name: Payer}
prompt: prompt.md.j2
channels: {join: ["messaging:support-*"]}
model: embedded
tools: [{name: refund, approval: "when: args.amount per day > 100"}]
reply: {feedback: [like, sad]}
"""
REFUND = '''
from langchain.tools import tool


@tool(extras={"phrases": ["^refund (?P<amount>[0-9]+)$"]})
def refund(amount: float) -> str:
    """Refund money."""
    return f"Refunded {amount}."
'''


async def test_what_a_person_spent_and_what_they_reacted_with_is_erased_too(
    tmp_path: Path, environment: dict[str, str]
) -> None:
    data, folder = tmp_path / "data", tmp_path / "payer_bot"
    folder.mkdir()
    for name, text in {"bot.yaml": PAYER, "prompt.md.j2": "Be kind.", "tools.py": REFUND}.items():
        (folder / name).write_text(text)
    async with start_sandbox() as sandbox:
        given = {
            **environment,
            "FRAMEWORK_DATA": str(data),
            "STREAM_BASE_URL": sandbox.url,
            "STREAM_API_KEY": sandbox.api_key,
            "STREAM_API_SECRET": sandbox.api_secret,
        }
        with (tmp_path / "log").open("w") as log:
            process = await asyncio.to_thread(
                Process.start, ["run", str(folder)], ready="ready", environment=given, log=log
            )
        try:
            where = (sandbox.url, sandbox.api_key, sandbox.api_secret)
            async with person(*where, user_id="zebulina", channel="messaging:support-9") as eve:
                refunded = await eve.reply(await eve.say("refund 60"))
                assert "Refunded 60" in refunded["text"]
                await eve.react(refunded["id"], "like")
                await until(lambda: "feedback.recorded" in (tmp_path / "log").read_text())
                asked = await eve.reply(await eve.say("refund 50"))
                assert "Refunded" not in asked["text"]  # the sum of the day is known
        finally:
            await asyncio.to_thread(process.stop)
        assert holding(data, "Zebulina") != []  # her name, as the service told it
        erased = await asyncio.to_thread(run, given, "erase", "zebulina", str(folder), "--json")
    assert erased.returncode == 0, erased.stderr
    counts = json.loads(erased.stdout)["erased"]
    assert counts["sums"] == 1
    assert counts["feedback"] == 1
    assert counts["approvals"] == 1
    assert holding(data, "Zebulina") == []
