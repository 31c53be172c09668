"""All features of the sandbox."""

from __future__ import annotations

from framework.sandbox.chat import history
from framework.sandbox.chat.channels import batch as channel_batch
from framework.sandbox.chat.channels import events, queries, truncation
from framework.sandbox.chat.channels import operations as channels
from framework.sandbox.chat.feature import Feature
from framework.sandbox.chat.members import operations as members
from framework.sandbox.chat.messages import operations as messages
from framework.sandbox.chat.messages import pins, reactions, revisions, sending
from framework.sandbox.chat.mutes import channels as visibility
from framework.sandbox.chat.mutes import operations as mutes
from framework.sandbox.chat.permissions import channel_types, roles
from framework.sandbox.chat.reads import operations as reads
from framework.sandbox.chat.threads import operations as threads
from framework.sandbox.chat.users import operations as users
from framework.sandbox.features import (
    limits,
    locations,
    predefined_filters,
    previews,
    reminders,
    retention,
    search,
    storage,
    tasks,
    translation,
    usage,
    user_groups,
)
from framework.sandbox.features.accounts import operations as accounts
from framework.sandbox.features.app import hooks, pending
from framework.sandbox.features.app import operations as app
from framework.sandbox.features.blocklists import operations as blocklists
from framework.sandbox.features.campaigns import operations as campaigns
from framework.sandbox.features.campaigns import segment_operations as segments
from framework.sandbox.features.commands import actions
from framework.sandbox.features.commands import operations as commands
from framework.sandbox.features.drafts import operations as drafts
from framework.sandbox.features.imports import operations as imports
from framework.sandbox.features.moderation import bans, flags, policy_tests
from framework.sandbox.features.moderation import checks as moderation_checks
from framework.sandbox.features.moderation import configs as moderation_configs
from framework.sandbox.features.moderation import reports as moderation_reports
from framework.sandbox.features.moderation import rules as moderation_rules
from framework.sandbox.features.polls import operations as polls
from framework.sandbox.features.polls import votes
from framework.sandbox.features.push import devices
from framework.sandbox.features.push import operations as push
from framework.sandbox.features.review import appeals
from framework.sandbox.features.review import operations as review
from framework.sandbox.features.review import queues as moderation_queues
from framework.sandbox.features.uploads import operations as uploads

ALL: tuple[Feature, ...] = (
    actions.FEATURE,
    hooks.FEATURE,
    pending.FEATURE,
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
    imports.FEATURE,
    campaigns.FEATURE,
    segments.FEATURE,
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
    sending.FEATURE,
    messages.FEATURE,
    reactions.FEATURE,
    reads.FEATURE,
    events.FEATURE,
    history.FEATURE,
    tasks.FEATURE,
    channel_types.FEATURE,
    commands.FEATURE,
    roles.FEATURE,
    user_groups.FEATURE,
    visibility.FEATURE,
    truncation.FEATURE,
    polls.FEATURE,
    locations.FEATURE,
    drafts.FEATURE,
    revisions.FEATURE,
    pins.FEATURE,
    previews.FEATURE,
    reminders.FEATURE,
    search.FEATURE,
    threads.FEATURE,
    translation.FEATURE,
    uploads.FEATURE,
    votes.FEATURE,
    accounts.FEATURE,
    channel_batch.FEATURE,
    usage.FEATURE,
)
"""Commands come first: what they answer is not screened."""
