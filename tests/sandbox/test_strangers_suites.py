"""What the test suites of the official SDKs expect of the service, and what people reported of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from stream_chat.base.exceptions import StreamAPIException

from tests.sandbox.clients import v2_client
from tests.sandbox.conftest import World, until


async def test_switching_users_off_and_on_answers_with_a_task_that_tells_of_each(world: World) -> None:
    await world.server.upsert_users([{"id": "ada"}, {"id": "bob"}])
    for path in ("users/deactivate", "users/reactivate", "users/delete"):
        started = await world.server.post(path, data={"user_ids": ["ada", "nobody", "bob"]})
        task = await world.server.get_task(started["task_id"])
        assert task["status"] == "completed"
        assert task["result"]["ada"] == task["result"]["bob"] == {"status": "ok"}
        assert task["result"]["nobody"]["status"] == "error"


async def test_every_message_says_whether_it_is_pinned(world: World) -> None:
    channel = await world.channel("c", "ada")
    sent = (await channel.send_message({"id": "m", "text": "x"}, "ada"))["message"]
    pinned = (await world.server.pin_message("m", "ada"))["message"]
    unpinned = (await world.server.unpin_message("m", "ada"))["message"]
    assert pinned["pinned_at"] is not None
    assert pinned["pinned_by"]["id"] == "ada"
    for message in (sent, unpinned, (await world.server.get_message("m"))["message"]):
        assert [message[name] for name in ("pinned", "pinned_at", "pinned_by", "pin_expires")] == [
            False,
            None,
            None,
            None,
        ]


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("cious", {"part"}),
        ("precious", {"whole"}),
        ("PRECIOUS stones", {"whole"}),
        ("stones", {"whole"}),
        ("stone", set()),
        ("precious, stones!", {"whole"}),
        ("Größe", {"german"}),
        ("返金", {"japanese"}),
        ("...", set()),
    ],
)
async def test_a_search_finds_whole_words(world: World, query: str, found: set[str]) -> None:
    channel = await world.channel("c", "ada")
    texts = {
        "whole": "Are precious stones insured?",
        "part": "Does 'cious' count?",
        "german": "Welche GRÖSSE? Größe 12.",
    }
    texts["japanese"] = "返金はいつですか"
    for message_id, text in texts.items():
        await channel.send_message({"id": message_id, "text": text}, "ada")
    for answer in (
        await world.server.search({"type": "messaging"}, query),
        await world.server.search({"type": "messaging"}, {"text": {"$q": query}}),
    ):
        assert {result["message"]["id"] for result in answer["results"]} == found


async def test_the_built_in_blocklist_is_listed_and_read(world: World) -> None:
    await world.server.create_blocklist("Foo", ["fudge"])
    names = [blocklist["name"] for blocklist in (await world.server.list_blocklists())["blocklists"]]
    assert sorted(names) == ["Foo", "profanity_en_2020_v1"]
    assert (await world.server.get_blocklist("profanity_en_2020_v1"))["blocklist"]["words"]


async def test_replies_are_paged_by_ids_and_an_offset_changes_nothing(world: World) -> None:
    channel = await world.channel("c", "ada")
    await channel.send_message({"id": "m", "text": "x"}, "ada")
    for index in range(10):
        await channel.send_message({"id": f"r{index}", "text": "x", "index": index, "parent_id": "m"}, "ada")

    async def page(**params: Any) -> list[int]:
        return [reply["index"] for reply in (await channel.get_replies("m", **params))["messages"]]

    assert await page() == list(range(10))
    assert await page(limit=3) == await page(limit=3, offset=3) == [7, 8, 9]
    assert await page(limit=3, id_lt="r7") == await page(limit=3, id_lte="r6") == [4, 5, 6]
    assert await page(limit=3, id_gt="r2") == await page(limit=3, id_gte="r3") == [3, 4, 5]
    assert await page(limit=3, id_around="r5") == [4, 5, 6]


async def test_a_receipt_for_a_message_that_is_not_there_is_taken(world: World) -> None:
    channel = await world.channel("c", "ada")
    await channel.send_message({"id": "m", "text": "x"}, "ada")
    receipts = [{"cid": channel.cid, "id": "gone"}, {"cid": channel.cid, "id": "m"}]
    for named in ({"user_id": "ada"}, {"user": {"id": "ada"}}):
        await world.server.mark_delivered({"latest_delivered_messages": receipts, **named})
    read = (await channel.query())["read"][0]
    assert read["last_delivered_message_id"] == "m"


async def test_who_acts_is_said_in_one_way(world: World) -> None:
    channel = await world.channel("c", "ada")
    await channel.send_message({"id": "m", "text": "x"}, "ada")
    both = {"id": "m", "text": "y", "user": {"id": "ada"}, "user_id": "ada"}
    for path, body in (
        ("messages/m", {"message": both}),
        ("channels/messaging/c/message", {"message": {**both, "id": "n"}}),
        ("messages/m/reaction", {"reaction": {"type": "like", "user": {"id": "ada"}, "user_id": "ada"}}),
        ("channels/messaging/c/event", {"event": {"type": "typing.start", "user": {"id": "ada"}, "user_id": "ada"}}),
        ("channels/messaging/c/read", {"user": {"id": "ada"}, "user_id": "ada"}),
    ):
        with pytest.raises(StreamAPIException) as refused:
            await world.server.post(path, data=body)
        assert (refused.value.status_code, refused.value.error_code) == (400, 4), path
        assert "cannot set both" in str(refused.value)
    with pytest.raises(StreamAPIException, match=r"message\.user and message\.user_id"):
        await world.server.post("messages/m", data={"message": both})
    for named in ({"user": {"id": "ada"}}, {"user_id": "ada"}):
        answer = await world.server.post("messages/m", data={"message": {"id": "m", "text": "z", **named}})
        assert answer["message"]["text"] == "z"


async def test_who_is_a_member_and_invited_is_invited(world: World) -> None:
    await world.server.upsert_users([{"id": name} for name in ("john", "ringo", "eric", "brian")])
    channel = world.server.channel("team", "b", {"members": ["john", "ringo", "eric"], "invites": ["ringo", "eric"]})
    await channel.create("john")
    with pytest.raises(StreamAPIException):
        await channel.accept_invite("brian")
    for _ in range(2):
        members = {member["user_id"]: member for member in (await channel.accept_invite("ringo"))["members"]}
        assert members["ringo"]["invited"] is True
        assert members["ringo"]["invite_accepted_at"]
        members = {member["user_id"]: member for member in (await channel.reject_invite("eric"))["members"]}
        assert members["eric"]["invite_rejected_at"]


async def test_an_invitation_is_looked_at_accepted_once_and_heard_of_afterwards(world: World) -> None:
    await world.server.upsert_users([{"id": name} for name in ("john", "nick", "anna", "eve")])
    john, nick, eve = (world.person(name) for name in ("john", "nick", "eve"))
    data = {"members": ["anna", "nick", "john"], "invites": ["nick"]}
    status, state = await john.call("POST", "/channels/messaging/founders/query", {"data": data, "state": True})
    assert (status, [member["user_id"] for member in state["members"]]) == (201, ["anna", "nick", "john"])
    assert [member.get("invited") for member in state["members"]] == [None, True, None]
    socket = await nick.online()
    assert (await nick.watch("founders"))["channel"]["id"] == "founders"
    await john.call("POST", "/channels/messaging/founders/message", {"message": {"text": "before"}})
    status, said = await nick.call("POST", "/channels/messaging/founders/message", {"message": {"text": "not yet"}})
    assert (status, said["code"]) == (403, 17)
    status, said = await eve.call("POST", "/channels/messaging/founders/query", {"state": True})
    assert (status, said["code"]) == (403, 17)
    answer = {"accept_invite": True, "message": {"text": "Nick accepted."}}
    status, accepted = await nick.call("POST", "/channels/messaging/founders", answer)
    assert (status, accepted["message"]["text"]) == (201, "Nick accepted.")
    status, again = await nick.call("POST", "/channels/messaging/founders", answer)
    assert (status, "message" in again) == (201, False)
    await nick.watch("founders")
    await john.call("POST", "/channels/messaging/founders/message", {"message": {"text": "after"}})
    told = await until(socket, "message.new")
    assert told["message"]["text"] == "after"


async def test_a_person_tags_the_channel_that_they_may_change(world: World) -> None:
    await world.channel("c", "ada", "bob")
    for change in ({"add_filter_tags": ["a", "b"]}, {"remove_filter_tags": ["a"]}):
        status, said = await world.person("ada").call("POST", "/channels/messaging/c", change)
        assert status == 201
        status, refused = await world.person("bob").call("POST", "/channels/messaging/c", change)
        assert (status, refused["code"]) == (403, 17)
    assert said["channel"]["filter_tags"] == ["b"]


async def test_uploads_are_allowed_or_blocked_and_refused_in_the_services_words(world: World, tmp_path: Path) -> None:
    channel = await world.channel("c", "ada")
    for key, words in (("file_extensions", "file extensions"), ("mime_types", "mime types")):
        config = {f"allowed_{key}": [".txt"], f"blocked_{key}": [".md"]}
        with pytest.raises(StreamAPIException, match=f"Cannot specify both allowed {words} and blocked {words}"):
            await world.server.update_app_settings(file_upload_config=config)
    (tmp_path / "a.md").write_text("# x")
    for config, words in (
        ({"blocked_file_extensions": [".md"]}, "File extension .md is not supported"),
        ({"blocked_file_extensions": [], "allowed_mime_types": ["text/plain"]}, "File type text/markdown is not"),
    ):
        await world.server.update_app_settings(file_upload_config=config)
        with pytest.raises(StreamAPIException, match=f"UploadFile failed with error: .*{words}"):
            await channel.send_file(str(tmp_path / "a.md"), "a.md", {"id": "ada"}, content_type="text/markdown")


async def test_a_cursor_goes_on_with_the_query_that_it_comes_from(world: World) -> None:
    from stream_chat.types.segment import SegmentType

    segment = world.server.segment(segment_type=SegmentType.USER)
    await segment.create()
    await segment.add_targets(target_ids=[f"u{number}" for number in range(10)])
    first = await segment.query_targets(options={"limit": 3})
    other = {"target_id": {"$lte": "u1"}}
    second = await segment.query_targets(other, options={"limit": 3, "next": first["next"]})
    assert [target["target_id"] for target in second["targets"]] == ["u3", "u4", "u5"]
    assert second["next"]
    assert [target["target_id"] for target in (await segment.query_targets(other))["targets"]] == ["u0", "u1"]
    for foreign in ("x", "YXQ6MXxb", "YXQ6MXx7fQ"):
        with pytest.raises(StreamAPIException) as refused:
            await segment.query_targets(options={"next": foreign})
        assert refused.value.error_code == 4


async def test_one_privacy_setting_leaves_the_other_as_it_was(world: World) -> None:
    await world.server.upsert_user({"id": "ada"})
    for name in ("typing_indicators", "read_receipts"):
        change = {"id": "ada", "set": {"privacy_settings": {name: {"enabled": False}}}}
        user = (await world.server.update_user_partial(change))["users"]["ada"]
    assert user["privacy_settings"] == {"typing_indicators": {"enabled": False}, "read_receipts": {"enabled": False}}


async def test_what_says_that_it_is_an_image_is_taken_as_one(world: World, tmp_path: Path) -> None:
    channel = await world.channel("c", "ada")
    for name, content in (("a.jpg", b"not really one"), ("b.png", b"\x89PNG\r\n\x1a\n"), ("c.bin", b"GIF89a")):
        file = tmp_path / name
        file.write_bytes(content)
        kind = "image/jpeg" if name.endswith("jpg") else None
        answer = await channel.send_image(str(file), name, {"id": "ada"}, content_type=kind)
        assert name in answer["file"]
        async with v2_client(world.running) as v2:
            from getstream import models

            await v2.upload_image(file=str(file), user=models.OnlyUserID(id="ada"))
    (tmp_path / "d.txt").write_text("text")
    with pytest.raises(StreamAPIException) as refused:
        await channel.send_image(str(tmp_path / "d.txt"), "d.txt", {"id": "ada"})
    assert refused.value.error_code == 4
