"""What goes wrong while people ask. Each scenario is one function of the world, beside the questions."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from tests.chaos.world import Ingress, Setting, World

LEASE = 5.0
"""Seconds of silence after which the engine takes a replica for dead (framework/engine/liveness.py)."""
_SEND, _EPHEMERAL, _PARTIAL = "SendMessage", "EphemeralMessageUpdate", "UpdateMessagePartial"


async def calm(_: World) -> None:
    """Nothing goes wrong."""


async def kill(world: World) -> None:
    """kill -9 of a random replica, again and again; each is started again at once. The next one is killed once it is
    back: where starting takes long, there would soon be nobody left to recover anything.
    """
    await asyncio.sleep(2)
    while world.loading.is_set():
        replica = world.chance.choice(world.replicas)
        await world.kill(replica)
        await replica.until_ready()
        await asyncio.sleep(world.chance.uniform(0.5, 3))


async def kill_once(world: World) -> None:
    """The first replica is killed in the middle of its turns, while webhooks come twice; it is started again."""
    await world.app.fault(pattern="message.new", webhook="duplicate", count=1_000)
    await asyncio.sleep(1.5)
    await world.kill(world.replicas[0], pause=0.1)


async def freeze(world: World) -> None:
    """SIGSTOP for longer than the lease, then SIGCONT: a replica wakes up whose turns others have finished."""
    await asyncio.sleep(2)
    while world.loading.is_set():
        await world.freeze(world.chance.choice(world.replicas), LEASE + world.chance.uniform(1, 3))
        await asyncio.sleep(1)


async def database(world: World) -> None:
    """The database is killed and comes back."""
    await asyncio.sleep(4)
    await world.kill_database(2.5)
    await asyncio.sleep(6)
    await world.kill_database(1.0)


async def stall(world: World) -> None:
    """The database stands still for longer than the lease, under load: nobody may be taken for dead."""
    await asyncio.sleep(4)
    await world.stall_database(6.5)


async def nodes(world: World) -> None:
    """One NATS server of three is killed each 4 s, and comes back."""
    await asyncio.sleep(2)
    number = 0
    while world.loading.is_set():
        await world.kill_node(number % 3, 1.5)
        number += 1
        await asyncio.sleep(2.5)


async def deleted(world: World) -> None:
    """The streams are deleted."""
    await asyncio.sleep(6)
    await world.delete_streams()


async def emptied(world: World) -> None:
    """NATS loses its disks."""
    await asyncio.sleep(6)
    await world.empty_nats()


async def sandbox(world: World) -> None:
    """The chat service is killed and comes back."""
    await asyncio.sleep(4)
    await world.kill_sandbox(2.0)
    await asyncio.sleep(6)
    await world.kill_sandbox(0.5)


async def silence(world: World) -> None:
    """Every WebSocket of the bot goes silent: it stays open, and nothing comes any more."""
    await asyncio.sleep(4)
    world.note("all of the bot's WebSockets go silent")
    await world.app.fault(pattern="now", socket="silent", user_id="agent-bot")


async def drops(world: World) -> None:
    """Connections are cut before and after writes took effect."""
    await asyncio.sleep(1)
    number = 0
    while world.loading.is_set():
        when = ("before", "after")[number % 2]
        for pattern in (_SEND, _PARTIAL, _EPHEMERAL):
            await world.app.fault(pattern=pattern, drop=when, count=2)
        number += 1
        await asyncio.sleep(0.5)
    world.note(f"cut {number * 6} connections, half of them after the write took effect")
    await world.app.calm()


async def webhooks(world: World) -> None:
    """Webhooks come twice and out of order."""
    while world.loading.is_set():
        for kind in ("duplicate", "reorder", "duplicate"):
            await world.app.fault(pattern="message.new", webhook=kind, count=4)
        await asyncio.sleep(0.5)
    world.note("many webhooks came twice, many after those that followed them")
    await world.app.calm()


async def storm(world: World) -> None:
    """Storms of 429 over every write, under the documented limits."""
    await asyncio.sleep(1)
    storms = 0
    while world.loading.is_set():
        for pattern in (_SEND, _PARTIAL, _EPHEMERAL, "SendEvent"):
            await world.app.fault(pattern=pattern, status=429, retry_after_s=1, count=25)
        storms += 1
        await asyncio.sleep(4)
    world.note(f"{storms} storms of 100 answers with 429 each")
    await world.app.calm()


async def rolling(world: World) -> None:
    """Every replica is told to end and started again, one after the other."""
    await asyncio.sleep(2)
    while world.loading.is_set():
        for replica in world.replicas:
            status = await replica.end(signal.SIGTERM)
            world.note(f"SIGTERM {replica.name}: exit {status}")
            replica.start()
            await replica.until_ready()


async def reload(world: World) -> None:
    """Definitions are read again in the middle of turns."""
    await asyncio.sleep(2)
    while world.loading.is_set():
        for replica in world.replicas:
            replica.send(signal.SIGHUP)
        world.note("SIGHUP to all replicas")
        await asyncio.sleep(3)


async def mixed(world: World) -> None:
    """Kills, a freeze, cut connections and storms at once."""
    async with asyncio.TaskGroup() as group:
        group.create_task(kill(world))
        group.create_task(drops(world))
        group.create_task(storm(world))
        if world.setting.ingress != "websocket":
            group.create_task(webhooks(world))


@dataclass(frozen=True)
class Scenario:
    """`ingress`: how events must come in for it to mean anything; None for any way. `judges_recovery`: whether a killed
    replica's turns must be complete in time, since nothing else holds them up.
    """

    disturb: Callable[[World], Awaitable[None]]
    ingress: Ingress | None = None
    needs_server: bool = False
    needs_nats: bool = False
    needs_cluster: bool = False
    rate_limits: bool = False
    judges_recovery: bool = True

    def fit(self, setting: Setting) -> str | None:
        """Why it makes no sense with a setting; None where it does."""
        if self.needs_server and setting.database == "sqlite":
            return "a file has no server to kill"
        if self.needs_nats and setting.database not in {"nats", "cluster"}:
            return "there is no NATS"
        if self.needs_cluster and setting.database != "cluster":
            return "there is one server"
        if self.ingress == "websocket" and setting.ingress == "webhook":
            return "there is no WebSocket"
        if self.ingress == "webhook" and setting.ingress == "websocket":
            return "there are no webhooks"
        return None


SCENARIOS: dict[str, Scenario] = {
    "calm": Scenario(calm),
    "kill": Scenario(kill),
    "freeze": Scenario(freeze),
    "database": Scenario(database, needs_server=True),
    "stall": Scenario(stall, needs_server=True, judges_recovery=False),
    "nodes": Scenario(nodes, needs_cluster=True),
    "deleted": Scenario(deleted, needs_nats=True, judges_recovery=False),
    "emptied": Scenario(emptied, needs_nats=True, judges_recovery=False),
    "sandbox": Scenario(sandbox),
    "silence": Scenario(silence, ingress="websocket"),
    "drops": Scenario(drops),
    "webhooks": Scenario(webhooks, ingress="webhook"),
    "storm": Scenario(storm, rate_limits=True),
    "rolling": Scenario(rolling),
    "reload": Scenario(reload),
    "mixed": Scenario(mixed, judges_recovery=False),
}
