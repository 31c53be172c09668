"""Push: who is told of a message on which device, and what the provider gets."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import pytest_asyncio

from framework.sandbox.features.push.handlebars import TemplateError, render_push
from tests.sandbox.clients import shared_world
from tests.sandbox.conftest import World

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def world() -> AsyncIterator[World]:
    async with shared_world() as made:
        yield made


class Room:
    """A channel with ann, who writes, and ben, who has a phone."""

    def __init__(self, world: World) -> None:
        tag = uuid.uuid4().hex[:8]
        self.world, self.server = world, world.server
        self.ann, self.ben, self.cid = f"ann-{tag}", f"ben-{tag}", f"room-{tag}"
        self.phone = f"phone-{tag}"
        self.channel = self.server.channel("messaging", self.cid, {"members": [self.ann, self.ben], "name": "Desk"})

    async def open(self) -> Room:
        await self.server.upsert_users([{"id": self.ann, "name": "Ann"}, {"id": self.ben, "name": "Ben"}])
        await self.channel.create(self.ann)
        await self.server.add_device(self.phone, "firebase", self.ben)
        return self

    async def say(self, text: str = "hello", **more: Any) -> dict[str, Any]:
        options = {"skip_push": True} if more.pop("skip_push", False) else {}
        sent = await self.channel.send_message({"text": text, **more}, more.pop("by", self.ann), **options)
        message: dict[str, Any] = sent["message"]
        return message

    async def pushes(self, user: str | None = None) -> list[dict[str, Any]]:
        url = f"{self.world.running.url}/sandbox/pushes"
        async with self.world.http.get(url, params={"user": user or self.ben}) as answer:
            assert answer.status == 200
            found: list[dict[str, Any]] = (await answer.json())["pushes"]
            return found

    async def told(self, user: str | None = None) -> tuple[bool, str]:
        """Whether the newest entry went out, and why not."""
        last = (await self.pushes(user))[-1]
        return last["sent"], last["why_not"]


@pytest_asyncio.fixture(loop_scope="module")
async def room(world: World) -> Room:
    return await Room(world).open()


async def test_a_member_with_a_device_is_told_and_the_sender_is_not(room: Room) -> None:
    message = await room.say()
    (push,) = await room.pushes()
    assert (push["sent"], push["device"], push["provider"]) == (True, room.phone, "firebase")
    assert push["payload"]["data"]["id"] == message["id"]
    assert push["payload"]["data"]["cid"] == f"messaging:{room.cid}"
    assert await room.pushes(room.ann) == []


async def test_every_device_is_told(room: Room) -> None:
    await room.server.add_device(f"{room.phone}-2", "apn", room.ben)
    await room.say('it\'s "here"')
    first, second = await room.pushes()
    assert (first["provider"], second["provider"]) == ("firebase", "apn")
    assert second["payload"]["aps"]["alert"] == {"title": "Ann @ Desk", "body": 'it\'s "here"'}


async def both(room: Room) -> None:
    await prefer(room, chat_level="none")
    await prefer(room, chat_level="all", channel_cid=f"messaging:{room.cid}")


async def unmuted(room: Room) -> None:
    await room.channel.mute(room.ben)
    await room.channel.unmute(room.ben)


Change = Callable[[Room], Awaitable[Any]]
SILENT: dict[str, tuple[Change, str]] = {
    "no device": (lambda room: room.server.delete_device(room.phone, room.ben), "no device"),
    "channel muted": (lambda room: room.channel.mute(room.ben), "muted the channel"),
    "sender muted": (lambda room: room.server.mute_user(room.ann, room.ben), "muted the sender"),
    "sender blocked": (lambda room: room.server.block_user(room.ann, room.ben), "blocked the sender"),
    "none": (lambda room: prefer(room, chat_level="none"), "wants no push"),
    "mentions": (lambda room: prefer(room, chat_level="mentions"), "mentions only"),
    "direct": (lambda room: prefer(room, chat_level="direct_mentions"), "direct mentions only"),
    "not this channel": (lambda room: prefer(room, chat_level="none", channel_cid=f"messaging:{room.cid}"), "no push"),
    "paused": (lambda room: prefer(room, disabled_until=later(1)), "wants no push until"),
    "deactivated": (lambda room: room.server.deactivate_user(room.ben), "deactivated"),
    "shadow banned": (lambda room: room.server.shadow_ban(room.ann, banned_by_id=room.ben), "shadow banned"),
}
TOLD: dict[str, Change] = {
    "all": lambda room: prefer(room, chat_level="all"),
    "default": lambda room: prefer(room, chat_level="default"),
    "this channel all the same": both,
    "paused until before": lambda room: prefer(room, disabled_until=later(-1)),
    "mute of another": lambda room: room.server.mute_user(room.ben, room.ann),
    "unmuted": unmuted,
}


def later(hours: int) -> str:
    return (datetime.now(UTC) + timedelta(hours=hours)).isoformat()


async def prefer(room: Room, **preference: Any) -> None:
    await room.server.post("push_preferences", data={"preferences": [{"user_id": room.ben, **preference}]})


@pytest.mark.parametrize("name", SILENT)
async def test_who_is_not_told(room: Room, name: str) -> None:
    change, why = SILENT[name]
    await change(room)
    await room.say()
    sent, why_not = await room.told()
    assert (sent, why in why_not) == (False, True), why_not


@pytest.mark.parametrize("name", TOLD)
async def test_who_is_told_all_the_same(room: Room, name: str) -> None:
    await TOLD[name](room)
    await room.say()
    assert await room.told() == (True, "")


@pytest.mark.parametrize("level", ["mentions", "direct_mentions", "all_mentions"])
async def test_a_mention_is_told(room: Room, level: str) -> None:
    await prefer(room, chat_level=level)
    await room.say(f"@{room.ben}", mentioned_users=[room.ben])
    assert await room.told() == (True, "")


@pytest.mark.parametrize(("more", "why"), [({"skip_push": True}, "skip_push"), ({"silent": True}, "silent")])
async def test_a_message_that_tells_nobody(room: Room, more: dict[str, Any], why: str) -> None:
    await room.say(**more)
    sent, why_not = await room.told()
    assert (sent, why in why_not) == (False, True), why_not


async def test_a_reply_is_for_those_in_the_thread(room: Room) -> None:
    first = await room.say("a question", skip_push=True)
    await room.say("a reply", parent_id=first["id"])
    assert await room.told() == (False, "the user takes no part in the thread")
    await room.channel.send_message({"text": "mine", "parent_id": first["id"]}, room.ben)
    await room.say("another", parent_id=first["id"])
    assert await room.told() == (True, "")


async def test_a_reply_that_the_channel_shows_and_one_that_names_somebody_are_told(room: Room) -> None:
    first = await room.say("a question", skip_push=True)
    await room.say("shown", parent_id=first["id"], show_in_channel=True)
    assert await room.told() == (True, "")
    await room.say("named", parent_id=first["id"], mentioned_users=[room.ben])
    assert await room.told() == (True, "")


async def test_who_is_no_member_is_not_told(room: Room) -> None:
    await room.channel.remove_members([room.ben])
    await room.say()
    assert [push for push in await room.pushes() if push["sent"]] == []


async def test_a_channel_type_without_push(room: Room) -> None:
    await room.server.update_channel_type("messaging", push_notifications=False)
    try:
        await room.say()
        assert (await room.told())[1] == "the channel type has push_notifications off"
    finally:
        await room.server.update_channel_type("messaging", push_notifications=True)


async def test_a_pending_message_is_told_once_it_can_be_seen(room: Room) -> None:
    sent = await room.channel.send_message({"text": "held"}, room.ann, pending=True)
    assert await room.pushes() == []
    await room.server.post(f"messages/{sent['message']['id']}/commit")
    assert await room.told() == (True, "")


async def test_a_providers_own_template_its_switch_and_one_that_makes_no_json() -> None:
    async with shared_world() as world:
        room = await Room(world).open()
        await room.server.upsert_push_provider({"type": "firebase", "name": "main", "firebase_credentials": "{}"})

        async def template(text: str, **more: Any) -> None:
            await room.server.post(
                "push_templates",
                data={"event_type": "message.new", "push_provider_type": "firebase", "template": text, **more},
            )

        await template('{"t": "{{ truncate message.text 5 }}", "n": [{{#each members}}"{{name}}"{{/each}}]}')
        await room.say('he said "no"')
        (push,) = await room.pushes()
        assert push["payload"] == {"t": "he sa...", "n": ["Ann"]}
        checked = await room.server.check_push({"user_id": room.ben, "message_id": push["message_id"]})
        assert '"t": "he sa..."' in checked["rendered_firebase_template"]
        await template("not JSON")
        await room.say()
        assert "makes no JSON" in (await room.told())[1]
        await template("{}", enable_push=False)
        await room.say()
        assert "switched off" in (await room.told())[1]
        await room.server.add_device(f"{room.phone}-2", "huawei", room.ben)
        await room.say()
        assert (await room.told())[1] == "no push provider of this type is set up"


async def test_a_page_of_the_internet_cannot_read_pushes(room: Room) -> None:
    url = f"{room.world.running.url}/sandbox/pushes"
    async with room.world.http.get(url, headers={"Origin": "https://evil.example"}) as answer:
        assert answer.status == 403


VALUES = {"a": {"b": 'x"y'}, "n": 0, "yes": True, "items": [{"v": 1}, {"v": 2}], "words": ["p", "q"]}


@pytest.mark.parametrize(
    ("template", "made"),
    [
        ("{{a.b}} {{{ a.b }}} {{none}}", 'x\\"y x\\"y '),
        ("{{#if yes}}1{{else}}2{{/if}}{{#if n}}3{{else}}4{{/if}}{{#if none}}5{{/if}}", "14"),
        ("{{#unless n}}no{{/unless}}", "no"),
        ("{{#each items}}<{{v}}{{this.v}}{{../yes}}>{{else}}none{{/each}}", "<11true><22true>"),
        ("{{#each none}}x{{else}}none{{/each}}{{#each words}}{{this}}{{/each}}", "nonepq"),
        ("{{#with a}}{{b}}{{/with}}{{! a remark }}", 'x\\"y'),
        ("{{truncate a.b 2}}{{truncate 'abc' 9}}", 'x\\"...abc'),
        ("{{json items}}", '[{"v": 1}, {"v": 2}]'),
        ("{ {single} } {{", "{ {single} } {{"),
    ],
)
async def test_a_template_is_filled_in(template: str, made: str) -> None:
    assert render_push(template, VALUES) == made


@pytest.mark.parametrize(
    "template",
    ["{{#if a}}", "{{/if}}", "{{#loop a}}{{/loop}}", "{{else}}", "{{shout a}}", "{{#each a}}{{/if}}", "{{#if a}}" * 99],
)
async def test_a_template_that_cannot_be_read_says_why(template: str) -> None:
    with pytest.raises(TemplateError):
        render_push(template, VALUES)


async def test_a_template_that_makes_too_much_is_ended() -> None:
    deep = "{{#each items}}" * 18 + "x" * 50 + "{{/each}}" * 18
    with pytest.raises(TemplateError, match="more than"):
        render_push(deep, {"items": [{}] * 9})
