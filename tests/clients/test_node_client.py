"""Stream's own JavaScript client, in Node, cannot tell the sandbox from the service."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.clients.javascript import Restartable, missing, restartable, run_script

WHY_NOT = missing("stream-chat")
pytestmark = pytest.mark.skipif(WHY_NOT is not None, reason=WHY_NOT or "")


@pytest.fixture
async def sandbox(tmp_path: Path) -> AsyncIterator[Restartable]:
    async with restartable(tmp_path) as started:
        yield started


async def test_connects_with_a_token_or_a_provider_and_hears_why_it_is_refused(sandbox: Restartable) -> None:
    assert await run_script("connect", sandbox) == {
        "me": {"id": "ana", "name": "Ana", "favourite": "tea", "lists": [True] * 3, "counts": [0] * 4},
        "asked": ["token"],
        "texts": ["hello", "hello"],
        "presence": ["ana", False, "ana", True],
        "kept": "tea",
        "anonymous": True,
        "refused": {
            "key": {"code": 2, "status": 401},
            "signature": {"code": 43, "status": 401},
            "expired": {"code": 40, "status": 401},
            "future": {"code": 42, "status": 401},
        },
    }


async def test_creates_watches_and_lists_channels_and_hears_of_members(sandbox: Restartable) -> None:
    found = await run_script("channels", sandbox)
    assert {"send-message", "read-events", "send-typing-events", "upload-file"} <= set(found["watched"]["capabilities"])
    del found["watched"]["capabilities"], found["created"]["members"]
    assert found == {
        "created": {"colour": "red"},
        "notice": {"cid": "messaging:team", "colour": "red"},
        "watched": {"watchers": 1, "config": {"reactions": True, "commands": True}},
        "page": ["second"],
        "listed": {"cid": "messaging:team", "texts": ["first", "second"], "online": [True, True], "unread": 2},
        "change": {"colour": "blue", "name": None, "seen": "blue"},
        "join": ["eve", "messaging:team"],
        "members": ["ana", "bob", "eve"],
        "leave": ["eve", "messaging:team"],
        "fresh": {"text": "third", "cid": "messaging:team", "channel": "messaging:team", "unread": 3},
        "quiet": 0,
        "distinct": [True, True],
        "stranger": {"code": 17, "status": 403},
        "deleted": True,
    }


async def test_sends_changes_streams_and_deletes_messages_with_threads_and_reactions(sandbox: Restartable) -> None:
    assert await run_script("messages", sandbox) == {
        "sent": {
            "text": "one & <two>",
            "html": "<p>one &amp; &lt;two&gt;</p>\n",
            "mood": "calm",
            "cid": "messaging:talk",
            "own": [],
        },
        "event": {
            "text": "one & <two>",
            "mentioned": ["bob"],
            "size": 3,
            "watchers": 2,
            "counts": [1, 1, 1],
            "cid": "messaging:talk",
        },
        "update": ["changed", "busy"],
        "patch": ["patched", None, {"deep": 2}],
        "ephemeral": "on its way",
        "stored": "patched",
        "replies": ["a reply", "also in the channel"],
        "page": ["a reply"],
        "parent": [2, ["ana"]],
        "inChannel": ["also in the channel"],
        "quote": "m-1",
        "reaction": ["like", "bob", 2],
        "liked": [{"like": 1}, ["like"]],
        "unique": [{"love": 1}, ["love"]],
        "reactions": ["love"],
        "without": {},
        "pinned": ["m-1"],
        "tombstone": ["deleted", "m-1", True],
        "refused": {
            "long": {"code": 20, "status": 400},
            "twice": {"code": 4, "status": 400},
            "foreign": {"code": 17, "status": 403},
        },
        "many": ["a reply", "quoting"],
    }


async def test_hears_typing_ai_states_and_custom_events(sandbox: Restartable) -> None:
    assert await run_script("events", sandbox) == {
        "typing": ["ana", "messaging:talk", None],
        "names": ["ana"],
        "seen": ["typing.start", "typing.stop", "typing.start"],
        "state": ["AI_STATE_THINKING", "answer", "bob"],
        "stop": "ana",
        "shipped": [{"id": 7}, "ana", "messaging:talk"],
        "friend": "ana",
        "renamed": ["Ana B.", "Ana B."],
        "reserved": {"code": 18, "status": 400},
    }


async def test_counts_what_is_unread_until_it_is_marked_read(sandbox: Restartable) -> None:
    assert await run_script("reads", sandbox) == {
        "counts": [[1, 1], [2, 1], [3, 1]],
        "local": 3,
        "remote": [3, [["messaging:talk", 3]]],
        "me": [3, 1],
        "receipt": ["bob", "m-three", "m-three"],
        "notice": [0, 0, "messaging:talk"],
        "afterRead": 0,
        "marked": [2, "m-two", 2],
        "cleared": 0,
        "delivery": ["bob", "m-three"],
    }


async def test_asks_for_a_new_token_when_the_old_one_expired(sandbox: Restartable) -> None:
    assert await run_script("tokens", sandbox) == {
        "asked": 2,
        "text": "sent with the second token",
        "given": 2,
        "online": True,
        "refused": {"code": 40, "status": 401},
    }


async def test_comes_back_after_a_restart_with_what_it_missed(sandbox: Restartable) -> None:
    assert await run_script("reconnect", sandbox) == {
        "moved": True,
        "state": ["before", "missed"],
        "live": ["before", "missed", "live"],
    }


async def test_comes_back_after_every_close_code_but_1000(sandbox: Restartable) -> None:
    assert await run_script("closing", sandbox) == {"healthy": [True, True, True], "closed": True}


async def test_uploads_files_and_images_that_anyone_with_the_address_can_load(sandbox: Restartable) -> None:
    assert await run_script("files", sandbox) == {
        "text": "one, two",
        "type": "text/csv",
        "same": True,
        "imageType": "image/png",
        "gone": 404,
        "attached": True,
        "foreign": {"code": 16, "status": 404},
    }


async def test_finds_messages_and_people(sandbox: Restartable) -> None:
    assert await run_script("search", sandbox) == {
        "byText": ["the Parcel arrived", "where is my parcel"],
        "byFilter": ["thank you"],
        "channel": "messaging:talk",
        "inChannel": 1,
        "others": 0,
        "people": ["eve"],
    }


async def test_organises_channels_and_people(sandbox: Restartable) -> None:
    assert await run_script("organising", sandbox) == {
        "hidden": [[], ["talk"]],
        "quiet": True,
        "pinned": ["talk"],
        "archived": ["talk"],
        "silenced": ["bob"],
        "blocks": ["bob"],
        "ban": ["bob", "messaging:talk", "rude"],
        "flag": "root",
        "thread": ["root", ["answer"], 1],
        "vote": ["Lunch?", 1, "ana"],
        "draft": "half a thought",
        "reminders": ["root"],
        "devices": ["phone"],
        "truncated": 0,
    }
