"""`campaign` as others script it, against a sandbox of its own process."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from tests.support.campaigns import bot_folder

NEWS = "audience: {users: [ann, ben, gone]}\ntext: 'Hello {{ receiver.name }}!'\n"
USERS = {name: {"id": name, "name": name.title()} for name in ("ann", "ben")}


class Program:
    """The program with a data folder and a bot of its own."""

    def __init__(self, folder: Path) -> None:
        self._bot = str(bot_folder(folder / "shop", {"news": NEWS, "broken": "text: {{ x }}\n"}).folder)
        none = {"STREAM_API_KEY": "", "STREAM_API_SECRET": "", "OPENAI_API_KEY": "", "DATABASE_URL": ""}
        self._environment = {**os.environ, **none, "FRAMEWORK_DATA": str(folder / "data")}

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "framework", *arguments]
        return subprocess.run(command, env=self._environment, capture_output=True, text=True, check=False)

    def campaign(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return self.run("campaign", *arguments, "--bot", self._bot)

    def facts(self, *arguments: str) -> Any:
        return json.loads(self.campaign(*arguments, "--json").stdout)


def test_a_campaign_from_its_plan_to_its_end(tmp_path: Path) -> None:
    program = Program(tmp_path)
    assert program.run("ops", "call", "UpdateUsers", "--yes", "--arg", f"users={json.dumps(USERS)}").returncode == 0
    plan = program.facts("plan", "news")
    assert (plan["people"], list(plan["who_not"])) == (2, ["gone"])
    assert {one["text"] for one in plan["examples"]} == {"Hello Ann!", "Hello Ben!"}
    done = program.campaign("start", "news", "--watch", "--json")
    seen = [json.loads(line) for line in done.stdout.splitlines()]
    assert done.returncode == 0
    assert next(one["status"] for one in seen if one["status"] != "starting") == "running"
    assert (seen[-1]["status"], seen[-1]["sent"]) == ("completed", 2)
    assert [one["campaign"] for one in program.facts("list", "--status", "completed")] == ["news"]


def test_a_name_that_is_not_there_is_guessed(tmp_path: Path) -> None:
    program = Program(tmp_path)
    wrong = program.campaign("plan", "mews")
    assert (wrong.returncode, "Did you mean 'news'?" in wrong.stderr) == (2, True)
    assert "Traceback" not in wrong.stderr
