"""Users by id: pages in order, whoever comes or goes between them."""

from __future__ import annotations

from typing import Any

from tests.sandbox.conftest import World, world

__all__ = ["world"]
BY_ID = [{"field": "id", "direction": 1}]


async def ids(world: World, conditions: dict[str, Any], **more: Any) -> list[str]:
    found = await world.server.query_users(conditions, sort=BY_ID, **more)
    return [user["id"] for user in found["users"] if user["id"].startswith("q-")]


async def test_pages_by_id_have_everybody_once_while_people_come_and_go(world: World) -> None:
    for start in (0, 100, 200):
        users = [{"id": f"q-{n:03}", "plan": "basket" if n % 2 else "none"} for n in range(start, start + 100)]
        await world.server.upsert_users(users)
    mine = {"$and": [{"id": {"$gt": "q-"}}, {"plan": "basket"}]}
    first = await ids(world, mine, limit=100)
    assert first == [f"q-{n:03}" for n in range(1, 200, 2)]
    await world.server.upsert_users([{"id": "q-000a", "plan": "basket"}, {"id": "q-299a", "plan": "basket"}])
    await world.server.delete_user("q-201", mark_messages_deleted=False, hard=True)
    await world.server.deactivate_user("q-203")
    rest = await ids(world, {"$and": [{"id": {"$gt": first[-1]}}, {"plan": "basket"}]}, limit=100)
    assert rest == [*(f"q-{n:03}" for n in range(205, 300, 2)), "q-299a"]
    assert await ids(world, {"id": {"$in": ["q-004", "q-002", "q-none", "q-004"]}}) == ["q-002", "q-004"]
    assert await ids(world, {"id": "q-203"}) == []
    assert await ids(world, {"id": "q-203"}, include_deactivated_users=True) == ["q-203"]
    assert await ids(world, {"id": "q-005", "plan": "none"}) == []
    assert await ids(world, {"$or": [{"id": "q-005"}, {"id": "q-006"}]}) == ["q-005", "q-006"]
    assert await ids(world, mine, limit=2, offset=3) == ["q-005", "q-007"]
