"""Attacks on the console: without a session, with a stolen or an old one, from other pages, by what people are called.
Beside each, somebody who may do it does it.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from framework.console.guard import Reach
from framework.console.sign_ins import IDLE, LINK_LASTS, LONGEST
from framework.errors import FrameworkError
from tests.support.bots import CID
from tests.support.chat import ANN
from tests.support.console import LINE, Stand, handed_over, stand

PAGES = (
    "/console/",
    "/console/conversations/rows",
    f"/console/conversation?channel={CID}",
    "/console/turn?key=turn-1",
    "/console/handovers",
    "/console/reviews",
    "/console/bots",
    "/console/dead",
    "/console/turns",
    "/console/audit",
    "/console/report",
    "/console/moderation",
    "/console/campaigns",
)
OF_AGENTS = (
    *("handovers/take", "handovers/give", "handovers/back", "reviews/decide"),
    *("moderation/pass", "moderation/delete", "moderation/ban"),
)
OF_ADMINS = ("bots/pause", "bots/resume", "dead/retry", "reviews/operation", "campaigns/stop", "campaigns/go-on")
ACTS = ("/console/sign-out", *(f"/console/{one}" for one in (*OF_AGENTS, *OF_ADMINS)))


@pytest_asyncio.fixture
async def at(tmp_path: Path) -> AsyncIterator[Stand]:
    async with stand(tmp_path) as made:
        await made.turns(LINE)
        yield made


async def test_without_a_session_nothing_is_shown_and_nothing_is_done(at: Stand) -> None:
    stranger = at.browser()
    for path in PAGES:
        answer = await stranger.get(path)
        assert (answer.status, CID in answer.text) == (401, False), path
    for path in ACTS:
        assert (await stranger.post(path)).status == 401, path
    assert (await (await at.signed_in("mo")).get("/console/")).status == 200


async def test_a_link_works_once_and_not_for_long(at: Stand) -> None:
    secret = await at.link("mo")
    looked = await at.browser().get(f"/console/sign-in?token={secret}")
    assert looked.status == 200  # a program that looks at links uses none up
    assert (await at.browser().post("/console/sign-in", token=secret)).status == 303
    assert (await at.browser().post("/console/sign-in", token=secret)).status == 403
    late = await at.link("mo")
    at.clock.later(seconds=LINK_LASTS.total_seconds() + 1)
    assert (await at.browser().post("/console/sign-in", token=late)).status == 403
    for guess in ("", "x", "\x00", "ü" * 100, "a" * 100_000, secret.lower()):
        assert (await at.browser().post("/console/sign-in", token=guess)).status == 403


async def test_a_session_ends_by_itself_and_a_page_that_asks_for_news_does_not_keep_it(at: Stand) -> None:
    idle, busy = await at.signed_in("mo"), await at.signed_in("mo")
    step = IDLE.total_seconds() / 2 + 1
    for _ in range(2):
        at.clock.later(seconds=step)
        await idle.get("/console/conversations/rows")
        assert (await busy.get("/console/")).status == 200
    gone = await idle.get("/console/conversations/rows")
    assert (gone.status, gone.headers["hx-redirect"]) == (401, "/console/sign-in")
    for _ in range(int(LONGEST.total_seconds() / step)):
        at.clock.later(seconds=step)
        await busy.get("/console/")
    assert (await busy.get("/console/")).status == 401


async def test_a_stolen_cookie_is_worth_nothing_after_signing_out_or_being_ended(at: Stand) -> None:
    browser, second = await at.signed_in("mo"), await at.signed_in("mo")
    (cookie,) = list(browser.session.cookie_jar)
    assert (await browser.post("/console/sign-out")).status == 303
    thief = at.browser()
    assert (await thief.get("/console/", Cookie=f"console={cookie.value}")).status == 401
    assert (await second.get("/console/")).status == 200
    await at.parts.sign_ins.end_all("mo")
    assert (await second.get("/console/")).status == 401


async def test_the_database_holds_no_secret_that_signs_in(at: Stand, tmp_path: Path) -> None:
    secret = await at.link("mo")
    browser = await at.signed_in("mo")
    (cookie,) = list(browser.session.cookie_jar)
    kept = await asyncio.to_thread(lambda: b"".join(file.read_bytes() for file in tmp_path.iterdir()))
    assert secret.encode() not in kept
    assert cookie.value.encode() not in kept


async def test_who_is_not_of_the_team_gets_in_only_if_the_operator_grants_it(at: Stand) -> None:
    for user in ("eve", "guest", "nobody", "agent-bot"):
        browser = at.browser()
        assert (await browser.post("/console/sign-in", token=await at.link(user))).status == 303
        assert (await browser.get("/console/")).status == 403, user
    assert (await (await at.signed_in("eve", "viewer")).get("/console/")).status == 200


@pytest.mark.parametrize(("role", "beyond"), [("viewer", OF_AGENTS + OF_ADMINS), ("agent", OF_ADMINS)])
async def test_no_role_does_what_is_another_ones(at: Stand, role: str, beyond: tuple[str, ...]) -> None:
    browser = await at.signed_in("mo", role)
    fields: Any = {"bot": "support_bot", "channel": CID, "key": "turn-1", "id": "x", "word": "yes", "to": "mo"}
    for path in beyond:
        assert (await browser.post(f"/console/{path}", **fields)).status == 403, path
        assert f"/console/{path}" not in (await browser.get(f"/console/{path.partition('/')[0]}")).text
    assert await at.parts.pauses.all() == []
    admin = await at.signed_in("root", "admin")
    assert (await admin.post("/console/bots/pause", **fields)).status == 303
    assert len(await at.parts.pauses.all()) == 1


async def test_a_granted_role_decides_nothing_for_a_team_that_the_person_is_not_of(at: Stand) -> None:
    await handed_over(at)
    eve = await at.signed_in("eve", "admin")
    for act in ("take", "give", "back"):
        answer = await eve.post(f"/console/handovers/{act}", bot="support_bot", channel=CID, to="eve")
        assert answer.status == 409, act
        assert "not of the team" in answer.said
    state = (await at.bot.handovers.of(at.bot.scope, [CID]))[CID]
    assert (state.is_open, state.taken, state.to) == (True, None, ("mo",))
    mo = await at.signed_in("mo")
    assert (await mo.post("/console/handovers/take", bot="support_bot", channel=CID)).status == 303


async def test_every_act_and_every_refusal_is_in_the_audit_log_under_the_persons_name(at: Stand) -> None:
    await handed_over(at)
    eve, mo = await at.signed_in("eve", "agent"), await at.signed_in("mo")
    await eve.post("/console/handovers/take", bot="support_bot", channel=CID)
    await mo.post("/console/handovers/take", bot="support_bot", channel=CID)
    taken = [one for one in await at.audited() if one["operation"] == "console: take a handover"]
    assert [(one["who"], one["outcome"], one["channel"]) for one in taken] == [
        ("eve", "refused", CID),
        ("mo", "done", CID),
    ]
    assert all(mo.token not in one["arguments"] for one in await at.audited())


async def test_an_act_that_cannot_be_written_down_is_not_done(at: Stand, monkeypatch: pytest.MonkeyPatch) -> None:
    browser = await at.signed_in("root")

    async def full(_entry: object) -> int:
        raise FrameworkError("The audit log cannot be written, so that nothing is executed.")

    monkeypatch.setattr(at.parts.audit, "begin", full)
    assert (await browser.post("/console/bots/pause", bot="support_bot")).status == 409
    assert await at.parts.pauses.all() == []
    monkeypatch.undo()
    assert (await browser.post("/console/bots/pause", bot="support_bot")).status == 303


async def test_who_loses_the_role_loses_the_console(at: Stand) -> None:
    browser = await at.signed_in("mo")
    at.world.people["mo"] = replace(at.world.people["mo"], role="user")
    at.clock.later(seconds=60)
    assert (await browser.get("/console/")).status == 403


async def test_the_cookie_is_out_of_reach_of_scripts_and_other_sites(at: Stand, tmp_path: Path) -> None:
    answer = await at.browser().post("/console/sign-in", token=await at.link("mo"))
    cookie = answer.headers["Set-Cookie"]
    assert {"HttpOnly", "SameSite=strict", "Path=/console"} <= set(cookie.split("; "))
    folder = tmp_path / "tls"
    folder.mkdir()
    async with stand(folder, reach=Reach("https://console.example.com", local=False)) as proxied:
        headers = {"Host": "console.example.com", "Origin": "https://console.example.com"}
        answer = await proxied.browser().post("/console/sign-in", headers, token=await proxied.link("mo"))
    cookie = answer.headers["Set-Cookie"]
    assert cookie.startswith("__Host-console=")
    assert {"HttpOnly", "SameSite=strict", "Path=/", "Secure"} <= set(cookie.split("; "))


@pytest.mark.parametrize(
    "host", ["evil.example", "127.0.0.1.evil.example", "localhost@evil.example", "[::1", "evil.example:8850", ""]
)
async def test_by_another_name_nothing_is_shown(at: Stand, host: str) -> None:
    browser = await at.signed_in("mo")
    assert (await browser.get("/console/", Host=host)).status in {400, 421}
    assert (await browser.get("/console/")).status == 200


@pytest.mark.parametrize("origin", ["https://evil.example", "null", "http://127.0.0.1:1", "http://localhost", ""])
async def test_a_form_of_another_page_does_nothing(at: Stand, origin: str) -> None:
    browser = await at.signed_in("mo")
    assert (await browser.post("/console/sign-out", {"Origin": origin})).status == 403
    assert (await browser.get("/console/")).status == 200
    fresh = at.browser()
    secret = await at.link("mo")
    assert (await fresh.post("/console/sign-in", {"Origin": origin}, token=secret)).status == 403
    assert (await fresh.post("/console/sign-in", token=secret)).status == 303


async def test_a_form_without_the_token_of_its_session_does_nothing(at: Stand) -> None:
    browser, other = await at.signed_in("mo"), await at.signed_in("mo")
    for wrong in ("", "0" * 64, other.token, "ü"):
        assert (await browser.post("/console/sign-out", form_token=wrong)).status == 403
    assert (await browser.post("/console/sign-out", blob="x" * 200_000)).status == 413
    assert (await browser.get("/console/sign-out")).status == 405
    assert (await browser.post("/console/sign-out")).status == 303


async def test_beyond_this_machine_it_is_served_behind_tls_alone(tmp_path: Path) -> None:
    async with stand(tmp_path, reach=Reach("", local=False)) as bare:
        answer = await bare.browser().get("/console/sign-in")
        assert answer.status == 403
        assert "FRAMEWORK_CONSOLE_URL" in answer.text


HOSTILE = "<script>alert(1)</script>\"'><img src=x onerror=alert(1)>{{7*7}}"


async def test_what_people_write_and_are_called_is_text(at: Stand) -> None:
    channel = f"messaging:{HOSTILE}"
    long = HOSTILE + "\u202e" + "x" * 20_000
    asked = at.world.post(CID, long, user=replace(ANN, name=HOSTILE))
    line = replace(LINE, message=asked.id, user=HOSTILE, reason=f"{HOSTILE}\u202e")
    await at.turns(line, replace(line, key=HOSTILE, channel=channel))
    browser = await at.signed_in("mo")
    await handed_over(at, reason=f"{HOSTILE}\u202e", to=(HOSTILE,))
    await at.parts.pauses.pause("support_bot", channel, HOSTILE)
    hostile = f"/console/?words={HOSTILE}&said={HOSTILE}"
    for path in (
        "/console/",
        "/console/turn?key=turn-1",
        hostile,
        "/console/handovers",
        "/console/bots",
        "/console/turns",
    ):
        page = await browser.get(path)
        assert page.status == 200, path
        assert "<img" not in page.text
        assert "<script>" not in page.text
        assert not re.search(r"[\u202a-\u202e\u2066-\u2069]", page.text)
        assert "49" not in re.findall(r"onerror=alert\(1\)&gt;(..)", page.text)
        assert len(page.text) < 200_000
    assert "[U+202E]" in (await browser.get("/console/turn?key=turn-1")).said


async def test_browsers_run_and_load_nothing_but_its_own_files(at: Stand) -> None:
    browser = await at.signed_in("mo")
    for path in (*PAGES, "/console/static/console.css", "/console/none", "/console/sign-in"):
        answer = await browser.get(path)
        policy = answer.headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert not re.search(r"<script(?! src=\"/console/static/)|<style|\son\w+=|\sstyle=", answer.text), path
        assert not re.search(r"https?://", answer.text) or path.endswith(".css"), path


@pytest.mark.parametrize("to", ["//evil.example", "https://evil.example", "/\\evil.example", "%2f%2fevil.example"])
async def test_it_leads_nowhere_else(at: Stand, to: str) -> None:
    browser = at.browser()
    answer = await browser.post(f"/console/sign-in?next={to}&to={to}", token=await at.link("mo"))
    assert answer.headers["location"] == "/console/"
    for path in (f"/console/{to}", f"/console//{to}", f"/console/static/{to}"):
        assert (await browser.get(path)).headers.get("location", "/console/").startswith("/console/")


@pytest.mark.parametrize(
    "name", ["../tables.py", "..%2ftables.py", "%2e%2e/tables.py", "base.html.j2", "console.css%00"]
)
async def test_no_other_file_is_served(at: Stand, name: str) -> None:
    assert (await at.browser().get(f"/console/static/{name}")).status == 404
    assert (await at.browser().get("/console/static/console.css")).status == 200
