"""Retention policies: what is deleted when it is old enough."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from framework.sandbox.chat.channels.record import CHANNELS
from framework.sandbox.chat.channels.removal import delete_now
from framework.sandbox.chat.channels.view import last_message_at
from framework.sandbox.chat.feature import Feature
from framework.sandbox.chat.messages.deletion import delete_hard
from framework.sandbox.chat.messages.record import MESSAGES
from framework.sandbox.kernel.call import Call
from framework.sandbox.kernel.errors import invalid, not_found
from framework.sandbox.kernel.operations import Access, Domain, Result
from framework.sandbox.kernel.query.paging import listed
from framework.sandbox.kernel.store.record import Record
from framework.sandbox.kernel.store.table import Table
from framework.sandbox.kernel.wire import Json


@dataclass(slots=True)
class RetentionPolicy(Record):
    """One policy: what is older than `max_age_hours` goes, once a day."""

    KEY = ("policy",)

    policy: str
    max_age_hours: int
    enabled_at: datetime


@dataclass(slots=True)
class RetentionRun(Record):
    """What one run of a policy deleted."""

    KEY = ("id",)

    id: str
    policy: str
    at: datetime
    stats: dict[str, int] = field(default_factory=dict)


RETENTION_POLICIES = Table("retention_policies", RetentionPolicy)
RETENTION_RUNS = Table("retention_runs", RetentionRun)


DOMAIN = Domain("retention")
MESSAGES_POLICY, CHANNELS_POLICY = "old-messages", "inactive-channels"
POLICIES = (MESSAGES_POLICY, CHANNELS_POLICY)
MIN_HOURS, MAX_HOURS = 24, 24 * 365 * 10
EVERY = timedelta(days=1)
RUN = "retention.run"


@DOMAIN.operation("GetRetentionPolicy", "GET", "/retention_policy", access=Access.SERVER)
def get_retention_policy(call: Call) -> Result:
    """The policies that hold."""
    return {"policies": [_view(policy) for policy in call.store[RETENTION_POLICIES]]}


@DOMAIN.operation("SetRetentionPolicy", "POST", "/retention_policy", access=Access.SERVER)
def set_retention_policy(call: Call) -> Result:
    """Set a policy; its first run is a day away."""
    name = _name(call)
    if call.body.get("max_age_hours") is None:
        raise invalid("max_age_hours is a required field")
    hours = call.number("max_age_hours", MIN_HOURS, low=MIN_HOURS, high=MAX_HOURS, source=call.body)
    policy = call.store[RETENTION_POLICIES].put(RetentionPolicy(name, hours, call.now))
    call.sandbox.scheduler.plan(RUN, name, call.now + EVERY)
    return {"policy": _view(policy)}


@DOMAIN.operation("DeleteRetentionPolicy", "POST", "/retention_policy/delete", access=Access.SERVER, status=200)
def delete_retention_policy(call: Call) -> Result:
    """Keep things for good again."""
    name = _name(call)
    if call.store[RETENTION_POLICIES].remove(name) is None:
        raise not_found(f"retention policy {name} not found")
    call.sandbox.scheduler.cancel(RUN, name)
    return {}


@DOMAIN.operation("GetRetentionPolicyRuns", "POST", "/retention_policy/runs", access=Access.SERVER, status=200)
def get_retention_policy_runs(call: Call) -> Result:
    """What the runs deleted, the last one first."""
    found = listed(call, call.store[RETENTION_RUNS], _value, conditions="filter_conditions", order=("date", True))
    runs = [{"app_pk": 1, "policy": one.policy, "date": _date(one.at), "stats": one.stats} for one in found.items]
    return {"runs": runs, **found.cursors()}


def run(call: Call, name: str) -> None:
    """Delete what is older than a policy allows, note it, and plan the next run."""
    policy = call.store[RETENTION_POLICIES].get(name)
    if policy is None:
        return
    limit = call.now - timedelta(hours=policy.max_age_hours)
    deleted = {"messages_deleted": 0, "channels_deleted": 0}
    if name == MESSAGES_POLICY:
        for message in call.store[MESSAGES]:
            if message.created_at < limit and message.id in call.store[MESSAGES]:
                delete_hard(call, message, None)
                deleted["messages_deleted"] += 1
    else:
        for channel in call.store[CHANNELS]:
            if (last_message_at(call.sandbox, channel) or channel.created_at) < limit:
                delete_now(call, channel, None)
                deleted["channels_deleted"] += 1
    call.store[RETENTION_RUNS].put(RetentionRun(call.sandbox.ids.new(), name, call.now, deleted))
    call.sandbox.scheduler.plan(RUN, name, call.now + EVERY)


def _name(call: Call) -> str:
    name = call.required_text("policy", call.body)
    if name not in POLICIES:
        raise invalid(f"policy must be one of [{', '.join(POLICIES)}]")
    return name


def _view(policy: RetentionPolicy) -> dict[str, Any]:
    return {
        "app_pk": 1,
        "policy": policy.policy,
        "enabled_at": policy.enabled_at,
        "config": {"max_age_hours": policy.max_age_hours},
    }


def _value(one: RetentionRun, name: str) -> Json:
    return {"policy": one.policy, "date": _date(one.at)}.get(name)


def _date(at: datetime) -> str:
    return at.strftime("%Y-%m-%d")


FEATURE = Feature(operations=(DOMAIN,), due={RUN: run})
