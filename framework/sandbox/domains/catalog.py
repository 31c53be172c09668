"""All operations: those with a handler, and those that are merely known."""

from __future__ import annotations

import json
from functools import cache
from importlib.resources import files
from typing import Any

from framework.sandbox.domains import (
    accounts,
    actions,
    app,
    appeals,
    bans,
    blocklists,
    blocks,
    campaigns,
    channel_batch,
    channel_tasks,
    channel_types,
    channels,
    checks,
    commands,
    devices,
    drafts,
    events,
    flags,
    grouped_channels,
    hook_events,
    imports,
    imports_v2,
    limits,
    locations,
    members,
    message_history,
    messages,
    moderation_checks,
    moderation_configs,
    moderation_queues,
    moderation_reports,
    moderation_rules,
    mutes,
    pinned,
    policy_tests,
    polls,
    predefined_filters,
    previews,
    push,
    queries,
    reactions,
    reads,
    reminders,
    retention,
    review,
    roles,
    search,
    segments,
    storage,
    sync,
    tasks,
    threads,
    translation,
    truncation,
    uploads,
    usage,
    user_groups,
    users,
    visibility,
    votes,
)
from framework.sandbox.operations import Domain, Operation, shape_of
from framework.sandbox.wire import Dialect

DOMAINS: tuple[Domain, ...] = (
    hook_events.DOMAIN,
    appeals.DOMAIN,
    review.DOMAIN,
    policy_tests.DOMAIN,
    moderation_queues.DOMAIN,
    moderation_reports.DOMAIN,
    moderation_checks.DOMAIN,
    moderation_rules.DOMAIN,
    moderation_configs.DOMAIN,
    storage.DOMAIN,
    retention.DOMAIN,
    predefined_filters.DOMAIN,
    limits.DOMAIN,
    imports_v2.DOMAIN,
    imports.DOMAIN,
    campaigns.DOMAIN,
    segments.DOMAIN,
    checks.DOMAIN,
    push.DOMAIN,
    devices.DOMAIN,
    blocklists.DOMAIN,
    flags.DOMAIN,
    mutes.DOMAIN,
    bans.DOMAIN,
    app.DOMAIN,
    users.DOMAIN,
    channels.DOMAIN,
    members.DOMAIN,
    queries.DOMAIN,
    messages.DOMAIN,
    reactions.DOMAIN,
    reads.DOMAIN,
    events.DOMAIN,
    sync.DOMAIN,
    tasks.DOMAIN,
    channel_types.DOMAIN,
    commands.DOMAIN,
    roles.DOMAIN,
    user_groups.DOMAIN,
    visibility.DOMAIN,
    truncation.DOMAIN,
    channel_tasks.DOMAIN,
    actions.DOMAIN,
    drafts.DOMAIN,
    locations.DOMAIN,
    message_history.DOMAIN,
    pinned.DOMAIN,
    polls.DOMAIN,
    previews.DOMAIN,
    reminders.DOMAIN,
    search.DOMAIN,
    threads.DOMAIN,
    translation.DOMAIN,
    uploads.DOMAIN,
    votes.DOMAIN,
    accounts.DOMAIN,
    blocks.DOMAIN,
    channel_batch.DOMAIN,
    usage.DOMAIN,
    grouped_channels.DOMAIN,
)


def implemented() -> list[Operation]:
    """The operations that have a handler."""
    return [operation for domain in DOMAINS for operation in domain.operations]


@cache
def known() -> tuple[dict[str, Any], ...]:
    """`{"id", "method", "v1", "v2"}` of every operation that the SDKs have; written by scripts/known_operations.py."""
    text = files("framework.sandbox.known").joinpath("operations.json").read_text()
    return tuple(json.loads(text))


def operations() -> list[Operation]:
    """All operations, the implemented ones first: the router lets the first declaration of a path win."""
    return implemented() + [
        Operation(item["id"], item["method"], item["v1"], item["v2"], handler=None) for item in known()
    ]


def coverage() -> dict[Dialect, tuple[list[str], list[str]]]:
    """For each dialect the ids of the known operations that are implemented, and of those that are not."""
    report = {}
    for dialect in Dialect:
        have = {(op.method, shape_of(path)) for op in implemented() if (path := op.path(dialect)) is not None}
        done: list[str] = []
        missing: list[str] = []
        for item in known():
            path = item[dialect.value]
            if path is not None:
                (done if (item["method"], shape_of(path)) in have else missing).append(item["id"])
        report[dialect] = (done, missing)
    return report
