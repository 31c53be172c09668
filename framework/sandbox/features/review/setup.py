"""How moderators work: queues, actions, the set-up, templates, tests of policies, label results, feedback."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from framework.sandbox.kernel.store.record import Record
from framework.sandbox.kernel.store.table import Table, grouped


@dataclass(slots=True)
class ActionConfig(Record):
    """An action that moderators are offered for a kind of entity."""

    KEY = ("id",)

    id: str
    action: str
    entity_type: str
    order: int
    description: str = ""
    icon: str = ""
    queue_type: str | None = None
    custom_data: dict[str, Any] = field(default_factory=dict)


@dataclass(slots=True)
class ModerationQueue(Record):
    """A saved view of the review queue."""

    KEY = ("id",)

    id: str
    name: str
    type: str
    created_by: str
    created_at: datetime
    updated_at: datetime
    description: str = ""
    filters: dict[str, Any] = field(default_factory=dict)
    sort: list[dict[str, Any]] = field(default_factory=list)


@dataclass(slots=True)
class SetupSession(Record):
    """How far the app is with setting up its moderation."""

    current_step: str
    status: str
    created_at: datetime
    updated_at: datetime
    setup_data: dict[str, Any] = field(default_factory=dict)
    completed_at: datetime | None = None

    @property
    def key(self) -> str:
        """The only record has this key."""
        return "setup"


@dataclass(slots=True)
class FeedTemplate(Record):
    """How entities of feeds are moderated."""

    KEY = ("name",)

    name: str
    created_at: datetime
    updated_at: datetime
    config: dict[str, Any] = field(default_factory=dict)


@dataclass(slots=True)
class LabelResult(Record):
    """What was found in a text that the app had labelled."""

    KEY = ("id",)

    id: str
    created_at: datetime
    content: str
    content_type: str
    category: str
    recommended_action: str
    masked_content: str
    labels: list[str] = field(default_factory=list)
    content_id: str | None = None
    policy: str | None = None
    user_id: str | None = None


@dataclass(slots=True)
class ModerationFeedback(Record):
    """What the app thinks of a decision of the automatic moderation."""

    KEY = ("id",)

    id: str
    created_at: datetime
    body: dict[str, Any] = field(default_factory=dict)


@dataclass(slots=True)
class PolicyTestSet(Record):
    """Texts with what a configuration should say to them."""

    KEY = ("id",)

    id: str
    name: str
    created_at: datetime
    updated_at: datetime
    config_key: str = ""
    mode: str = "expected"
    team: str | None = None
    created_by: str = ""
    rows: list[dict[str, Any]] = field(default_factory=list)


@dataclass(slots=True)
class PolicyTestRun(Record):
    """One run of a test set, with what came out for each row."""

    KEY = ("id",)

    id: str
    set_id: str
    task_id: str
    config_key: str
    created_at: datetime
    completed_at: datetime
    results: list[dict[str, Any]] = field(default_factory=list)


ACTION_CONFIGS = Table("moderation_action_configs", ActionConfig)
QUEUES = Table("moderation_queues", ModerationQueue)
SETUP_SESSIONS = Table("moderation_setup_sessions", SetupSession)
FEED_TEMPLATES = Table("moderation_feed_templates", FeedTemplate)
LABEL_RESULTS = Table("moderation_label_results", LabelResult)
FEEDBACK = Table("moderation_feedback", ModerationFeedback)
TEST_SETS = Table("moderation_test_sets", PolicyTestSet)
TEST_RUNS = Table("moderation_test_runs", PolicyTestRun)
RUNS_OF_SET = grouped(TEST_RUNS, lambda run: run.set_id)
