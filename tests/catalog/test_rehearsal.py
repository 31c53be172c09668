"""Rehearsals: a plan on a copy of the sandbox, which changes nothing and of which nothing is heard."""

from __future__ import annotations

import json
import os
import sys
from asyncio import create_subprocess_exec
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from framework.catalog.execution.approvals import Question
from framework.catalog.execution.rehearsal import NoRehearsalError
from framework.sandbox.kernel.realtime.event import Event
from tests.support.mcp import variables
from tests.support.operations import Desk, desk, policy, recorder
from tests.support.sandbox import RunningSandbox, start_sandbox

ROOM = {"type": "messaging", "id": "room"}
PLAN: list[dict[str, Any]] = [
    {
        "operation_id": "SendMessage",
        "arguments": {**ROOM, "message": {"id": "m-1", "text": "Hello", "user_id": "bob"}},
    },
    {
        "operation_id": "SendReaction",
        "arguments": {"id": "$1.message.id", "reaction": {"type": "like", "user_id": "bob"}},
    },
    {"operation_id": "UpdateChannelPartial", "arguments": {**ROOM, "set": {"frozen": True}}},
    {"operation_id": "DeleteMessage", "arguments": {"id": "m-0", "hard": True}},
]


@pytest.fixture(params=[":memory:", "file"])
async def sandbox(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[RunningSandbox]:
    data = str(tmp_path / "sandbox.db") if request.param == "file" else ":memory:"
    async with start_sandbox(data) as running:
        yield running


@pytest.fixture
async def at(sandbox: RunningSandbox, tmp_path: Path) -> AsyncIterator[Desk]:
    async with desk(sandbox.url, tmp_path) as open_desk:
        await open_desk.execute("UpdateUsers", {"users": {n: {"id": n} for n in ("alice", "bob")}})
        await open_desk.execute("GetOrCreateChannel", {**ROOM, "data": {"created_by_id": "alice"}})
        await open_desk.execute("SendMessage", {**ROOM, "message": {"id": "m-0", "text": "Old", "user_id": "alice"}})
        yield open_desk


async def everything(at: Desk) -> Any:
    query = {"filter_conditions": {"cid": "messaging:room"}, "message_limit": 30, "state": True}
    return (await at.toolbox.execute(at.policy, "QueryChannels", query))["result"]


async def test_it_tells_what_would_change_and_changes_nothing(at: Desk, sandbox: RunningSandbox) -> None:
    heard: list[Event] = []
    sandbox.sandbox.publishers.append(heard.append)
    hook = {"event_hooks": [{"hook_type": "webhook", "enabled": True, "webhook_url": f"{sandbox.url}/hook"}]}
    await at.execute("UpdateApp", hook)
    before, log = await everything(at), len(await at.log())
    heard.clear()
    done = await at.toolbox.rehearse_plan(at.policy, PLAN)
    told = "\n".join(done["difference"])
    assert done["status"] == "rehearsed"
    assert "made: messages m-1" in told
    assert "removed: messages m-0" in told
    assert '"frozen": false' in told
    assert '"frozen": true' in told
    assert "made: reactions" in told
    assert (await everything(at), len(await at.log()) - log, heard) == (before, 1, []), "nothing happened"
    assert not [call for call in sandbox.sandbox.log.view(None) if "/hook" in call["path"]]
    assert (await at.toolbox.execute_plan(at.policy, PLAN))["status"] == "ok", "and it can be done for real"
    assert heard


async def test_it_says_where_it_would_fail(at: Desk) -> None:
    failing = [*PLAN, {"operation_id": "GetCampaign", "arguments": {"id": "none"}}]
    done = await at.toolbox.rehearse_plan(at.policy, failing)
    assert (done["status"], done["failed"]["step"]) == ("stopped", 5)
    assert "stopped at step 5" in done["difference"][-1]


async def test_whoever_approves_sees_what_it_changes(at: Desk) -> None:
    asked: list[str] = []

    async def no(question: Question) -> bool:
        asked.append(str(question))
        return True

    cautious = policy(approve=["destroys"])
    await at.toolbox.execute_plan(cautious, PLAN, ask=no)
    await at.execute("DeleteChannel", {**ROOM, "hard_delete": True}, policy=cautious, ask=no)
    assert "removed: messages m-0" in asked[0]
    assert "step 4: DeleteMessage" in asked[0]
    assert "removed: channels messaging:room" in asked[1]


async def test_a_secret_is_not_shown(at: Desk) -> None:
    provider = {"name": "push", "type": "firebase", "firebase_credentials": "hush-hush"}
    plan = [{"operation_id": "UpsertPushProvider", "arguments": {"push_provider": provider}}]
    done = await at.toolbox.rehearse_plan(at.policy, plan)
    assert "made: push_providers" in "\n".join(done["difference"])
    assert "hush-hush" not in json.dumps(done)


async def test_what_stands_in_a_record_stays_on_its_line(at: Desk) -> None:
    text = "x\nremoved: users admin"
    plan = [{"operation_id": "SendMessage", "arguments": {**ROOM, "message": {"text": text, "user_id": "bob"}}}]
    done = await at.toolbox.rehearse_plan(at.policy, plan)
    assert not [line for line in done["difference"] if line.startswith("removed")]


async def test_only_the_sandbox_keeps_copies(tmp_path: Path) -> None:
    async with recorder() as (url, received), desk(url, tmp_path) as at:
        received.clear()
        with pytest.raises(NoRehearsalError):
            await at.toolbox.rehearse_plan(at.policy, PLAN)


async def test_a_user_of_the_app_makes_no_copies(sandbox: RunningSandbox) -> None:
    import aiohttp

    token = sandbox.sandbox.auth.token_for("bob")
    headers = {"authorization": token, "stream-auth-type": "jwt"}
    async with aiohttp.ClientSession(headers=headers) as session:
        async with session.post(f"{sandbox.url}/sandbox/rehearsals") as answer:
            assert answer.status == 403
        async with session.get(f"{sandbox.url}/sandbox/rehearsals/none") as answer:
            assert answer.status == 403


async def test_at_the_command_line(at: Desk, sandbox: RunningSandbox, tmp_path: Path) -> None:
    async def ops(*arguments: str, given: str = "") -> tuple[int | None, str, str]:
        child = await create_subprocess_exec(
            *(sys.executable, "-m", "framework", "ops", *arguments),
            stdin=PIPE,
            stdout=PIPE,
            stderr=PIPE,
            env={**os.environ, **variables(sandbox, tmp_path)},
        )
        out, err = await child.communicate(given.encode())
        return child.returncode, out.decode(), err.decode()

    file = tmp_path / "plan.json"
    file.write_text(json.dumps(PLAN))
    code, out, _ = await ops("rehearse", "--plan", str(file))
    assert (code, "made: messages m-1" in out) == (0, True)
    code, _, err = await ops("execute", "--plan", str(file))
    assert (code, "--yes" in err) == (2, True), "it destroys, and nobody is at the terminal"
    code, out, _ = await ops("execute", "--plan", "-", "--yes", "--json", given=json.dumps(PLAN))
    assert (code, json.loads(out)["status"]) == (0, "ok")
    code, out, _ = await ops("execute", "--plan", str(file), "--yes")
    assert (code, json.loads(out)["status"]) == (1, "stopped"), "the message is gone"
    code, _, err = await ops("execute", "--plan", str(tmp_path / "none.json"))
    assert (code, "cannot be read" in err, "Traceback" in err) == (2, True, False)
