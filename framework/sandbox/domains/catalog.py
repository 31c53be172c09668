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
from framework.sandbox.feature import Feature, Features
from framework.sandbox.operations import Operation, shape_of
from framework.sandbox.wire import Dialect

ALL: tuple[Feature, ...] = (
    actions.FEATURE,
    hook_events.FEATURE,
    appeals.FEATURE,
    review.FEATURE,
    policy_tests.FEATURE,
    moderation_queues.FEATURE,
    moderation_reports.FEATURE,
    moderation_checks.FEATURE,
    moderation_rules.FEATURE,
    moderation_configs.FEATURE,
    storage.FEATURE,
    retention.FEATURE,
    predefined_filters.FEATURE,
    limits.FEATURE,
    imports_v2.FEATURE,
    imports.FEATURE,
    campaigns.FEATURE,
    segments.FEATURE,
    checks.FEATURE,
    push.FEATURE,
    devices.FEATURE,
    blocklists.FEATURE,
    flags.FEATURE,
    mutes.FEATURE,
    bans.FEATURE,
    app.FEATURE,
    users.FEATURE,
    channels.FEATURE,
    members.FEATURE,
    queries.FEATURE,
    messages.FEATURE,
    reactions.FEATURE,
    reads.FEATURE,
    events.FEATURE,
    sync.FEATURE,
    tasks.FEATURE,
    channel_types.FEATURE,
    commands.FEATURE,
    roles.FEATURE,
    user_groups.FEATURE,
    visibility.FEATURE,
    truncation.FEATURE,
    channel_tasks.FEATURE,
    polls.FEATURE,
    locations.FEATURE,
    drafts.FEATURE,
    message_history.FEATURE,
    pinned.FEATURE,
    previews.FEATURE,
    reminders.FEATURE,
    search.FEATURE,
    threads.FEATURE,
    translation.FEATURE,
    uploads.FEATURE,
    votes.FEATURE,
    accounts.FEATURE,
    blocks.FEATURE,
    channel_batch.FEATURE,
    usage.FEATURE,
    grouped_channels.FEATURE,
)
"""Commands come first: what they answer is not screened."""


def implemented() -> list[Operation]:
    """The operations that have a handler."""
    return list(Features(ALL).operations)


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
