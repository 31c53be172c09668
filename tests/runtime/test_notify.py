"""Notices of tools: each person once, by push, where the person may see it."""

from __future__ import annotations

from pathlib import Path

import pytest

from framework.errors import ToolError
from framework.runtime.reply.notify import Notices, notice_channel
from framework.stream.model import User
from framework.stream.timing import Timing
from framework.tools.context import ToolContext
from framework.tools.notices import Notice, Notified
from tests.support.bots import BOT, CID
from tests.support.chat import ANN, BEN, TwinService, World


@pytest.fixture
def notices(world: World, timing: Timing) -> Notices:
    for user in (ANN, BEN):
        world.people[user.id] = user
    return Notices(TwinService(world, BOT), BOT.id, timing.now)


async def test_each_person_gets_a_notice_once_for_its_key(notices: Notices, world: World) -> None:
    first = await notices.send(("ann", "ben"), Notice("shipped 7", "Order 7 is on its way.", "Shipped"))
    again = await notices.send(("ann", "ben"), Notice("shipped 7", "Order 7 is on its way.", "Shipped"))
    other = await notices.send(("ann",), Notice("shipped 8", "Order 8 is on its way."))
    assert [one.state for one in (*first, *again, *other)] == ["sent", "sent", "known", "known", "sent"]
    place = notice_channel(TwinService(world, BOT).id_key, BOT.id, "ann")
    assert [one.text for one in world.messages(str(place))] == [
        "Shipped\nOrder 7 is on its way.",
        "Order 8 is on its way.",
    ]
    assert set(world.rooms[place].members) == {BOT.id, "ann"}
    assert world.messages(str(place))[0].mentioned == ("ann",)


async def test_who_left_or_does_not_exist_is_refused_with_the_reason(notices: Notices, world: World) -> None:
    await notices.send(("ann",), Notice("1", "Hello."))
    place = notice_channel(TwinService(world, BOT).id_key, BOT.id, "ann")
    world.remove_member(str(place), "ann")
    left, unknown, reached = await notices.send(("ann", "nobody", "ben"), Notice("2", "Hello."))
    assert (left.state, unknown.state, reached.state) == ("refused", "refused", "sent")
    assert "left" in left.why
    assert "nobody" in unknown.why


async def test_in_a_channel_only_its_members_and_they_alone_see_it(notices: Notices, world: World) -> None:
    world.room(CID)
    world.add_member(CID, "ann", user=ANN)
    ann, ben = await notices.send(("ann", "ben"), Notice("1", "For your eyes.", channel=CID))
    assert (ann.state, ben.state) == ("sent", "refused")
    (message,) = [one for one in world.messages(CID) if one.user.id == BOT.id]
    assert message.visible_to == ("ann",)


async def test_a_process_that_died_before_its_channel_was_ready_harms_nothing(notices: Notices, world: World) -> None:
    service = TwinService(world, BOT)
    place = notice_channel(service.id_key, BOT.id, "ann")
    await service.create_channel(place)
    (done,) = await notices.send(("ann",), Notice("1", "Hello."))
    assert done.state == "sent"
    assert "ann" in world.rooms[place].members


async def test_quiet_hours_take_the_push_away_and_not_the_message(notices: Notices) -> None:
    quiet, loud = Notice("1", "x", quiet_hours="11:00-13:00"), Notice("2", "x", quiet_hours="22:00-8:00")
    assert [(await notices.send(("ann",), one))[0].is_quiet for one in (quiet, loud)] == [True, False]


def context(**more: object) -> ToolContext:
    return ToolContext("ann", "Ann", CID, "turn-1:1", Path(), **more)  # type: ignore[arg-type]


class Sent:
    """Keeps what a tool sends."""

    def __init__(self) -> None:
        self.keys: list[str] = []

    async def send(self, users: object, notice: Notice) -> tuple[Notified, ...]:
        self.keys.append(notice.key)
        return (Notified(User("ann").id, "sent"),)


async def test_a_tool_is_told_what_is_wrong_with_its_notice() -> None:
    sent = Sent()
    for users, text, more, said in (
        ((), "x", {}, "Nobody is named"),
        ("ann", " ", {}, "no text"),
        ("ann", "x", {"timezone": "Europe/Berlim"}, "Europe/Berlin"),
        ("ann", "x", {"quiet_hours": "night"}, "9:00-17:00"),
        ([f"u{n}" for n in range(101)], "x", {}, "campaign"),
    ):
        with pytest.raises(ToolError, match=said):
            await context(notifier=sent).notify(users, text, **more)
    with pytest.raises(ToolError, match="run the bot in a channel"):
        await context().notify("ann", "x")
    with pytest.raises(ToolError, match="Only some people"):
        await context(notifier=sent, restricted=True).notify("ben", "x")
    assert sent.keys == []
    await context(notifier=sent, restricted=True).notify("ann", "x")
    await context(notifier=sent).notify("ann", "x", key="shipped")
    assert sent.keys == ["turn\x1fturn-1:1", "own\x1fshipped"]
