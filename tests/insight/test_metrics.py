"""Counts: what rooms tell, as a monitoring system reads it, with labels from closed sets."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest
from prometheus_client.parser import text_string_to_metric_families

from framework.insight import meters
from framework.insight.meters import TurnCount
from framework.insight.metrics import Metrics
from framework.moderation.tally import TalliesElsewhere

TURN = TurnCount(
    bot="support_bot",
    outcome="answered",
    reason="none",
    first_text_seconds=0.3,
    seconds=0.4,
    model="m",
    input_tokens=70,
    output_tokens=30,
    cost=0.25,
    tools=(("search_knowledge", True), ("refund", False)),
)
FACTS = {
    "bots": {"support_bot": True},
    "turns": {"waiting": 3, "running": 2, "dead": 1},
    "oldest_seconds": 4.5,
    "quiet_seconds": 7.0,
    "breakers": {"https://api.openai.com": "open"},
    "calls_left": {"SendMessage": 12},
    "handovers": {"support_bot": (2, 60.0)},
    "budgets": {"support_bot": {"money": 0.125}},
}


@pytest.fixture
def metrics() -> Iterator[Metrics]:
    made = Metrics()
    meters.count_with(made)
    yield made
    meters.count_with(None)


class Found(dict[tuple[str, ...], float]):
    """Values by name and labels, in whatever order."""

    def __getitem__(self, key: tuple[str, ...]) -> float:
        return super().__getitem__((key[0], *sorted(key[1:])))


def read(metrics: Metrics) -> Found:
    found = Found()
    for family in text_string_to_metric_families(metrics.text().decode()):
        for sample in family.samples:
            found[(sample.name.removeprefix("agents_"), *sorted(sample.labels.values()))] = sample.value
    return found


def test_a_turn_is_counted_with_what_it_cost(metrics: Metrics) -> None:
    meters.turn_decided(TURN)
    meters.turn_decided(TURN)
    found = read(metrics)
    assert found["turns_total", "support_bot", "answered", "none"] == 2
    assert found["model_tokens_total", "support_bot", "m", "input"] == 140
    assert found["model_cost_total", "support_bot", "m"] == 0.5
    assert found["tool_calls_total", "support_bot", "refund", "failed"] == 2
    assert found["turn_first_text_seconds_bucket", "support_bot", "0.25"] == 0
    assert found["turn_first_text_seconds_bucket", "support_bot", "0.5"] == 2


def test_calls_connections_and_deliveries_are_counted(metrics: Metrics) -> None:
    meters.service_called("SendMessage", 201, 0.02)
    meters.service_called("SendMessage", 0, 10.0)
    meters.connected("support_bot", again=True)
    meters.webhook_answered(401)
    found = read(metrics)
    assert found["stream_calls_total", "SendMessage", "201"] == 1
    assert found["stream_calls_total", "SendMessage", "none"] == 1
    assert found["connections_total", "support_bot", "yes"] == 1
    assert found["webhook_deliveries_total", "401"] == 1


def test_moderation_and_campaigns_are_counted(metrics: Metrics) -> None:
    meters.moderated("support_bot", "decision", "before_send", "reject")
    meters.moderated("support_bot", "rule", "spam", "reject", count=3)
    meters.moderated("support_bot", "late", "hate", "")
    meters.campaign_part_ended("support_bot", "completed", sent=9, missed=1)
    meters.campaign_run_ended("support_bot", "failed")
    found = read(metrics)
    assert found["moderation_decisions_total", "support_bot", "before_send", "reject"] == 1
    assert found["moderation_rule_hits_total", "support_bot", "spam", "reject"] == 3
    assert found["moderation_late_total", "support_bot", "hate"] == 1
    assert found["campaign_messages_total", "support_bot", "sent"] == 9
    assert found["campaign_messages_total", "support_bot", "failed"] == 1
    assert found["campaign_parts_total", "support_bot", "completed"] == 1
    assert found["campaign_runs_total", "support_bot", "failed"] == 1


def test_totals_of_another_process_survive_lost_lines_and_its_restart(metrics: Metrics) -> None:
    key = ("support_bot", "rule", "spam", "reject")
    elsewhere = TalliesElsewhere()
    for process, total in ((7, 2), (7, 2), (7, 9), (8, 4)):  # those from 3 to 8 were lost
        elsewhere.hear(process, key, total)
    assert read(metrics)["moderation_rule_hits_total", "support_bot", "spam", "reject"] == 13


def test_the_state_is_what_was_told_last(metrics: Metrics) -> None:
    metrics.told(FACTS, ready=True)
    found = read(metrics)
    assert found["ready",] == 1
    assert found["queue_turns", "waiting"] == 3
    assert found["breaker_state", "https://api.openai.com"] == 2
    assert found["stream_calls_left", "SendMessage"] == 12
    assert found["handover_oldest_seconds", "support_bot"] == 60
    assert found["budget_left_ratio", "support_bot", "money"] == 0.125
    metrics.told({}, ready=False)
    assert (read(metrics)["ready",], read(metrics)["engine_up",]) == (0, 0)


def test_nothing_is_counted_before_somebody_asks() -> None:
    meters.turn_decided(TURN)
    meters.service_called("SendMessage", 201, 0.02)
    assert ("turns_total", "support_bot", "answered", "none") not in read(Metrics())


def test_names_that_models_make_up_do_not_become_series_without_end(metrics: Metrics) -> None:
    """Ten thousand turns, each with names of its own: all are counted, the first under their names."""
    for number in range(10_000):
        meters.turn_decided(replace(TURN, model=f"model-{number}", tools=((f"tool_{number}", True),)))
    meters.turn_decided(replace(TURN, model="model-0", tools=(("tool_0", True),)))
    found = read(metrics)
    assert len(found) <= 2_000
    assert found["tool_calls_total", "support_bot", "tool_0", "ok"] == 2
    assert sum(value for key, value in found.items() if key[0] == "tool_calls_total") == 10_001
    assert sum(value for key, value in found.items() if key[0] == "model_tokens_total") == 10_001 * 100
