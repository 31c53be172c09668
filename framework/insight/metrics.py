"""The counts of a process in Prometheus' format. The only module that knows prometheus-client; import it late."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    disable_created_metrics,
    generate_latest,
)
from prometheus_client.exposition import CONTENT_TYPE_LATEST

from framework.insight.meters import TurnCount
from framework.version import __version__

PREFIX = "agents"
CONTENT_TYPE = CONTENT_TYPE_LATEST
_TO_TEXT = (0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
_TO_END = (0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0)
_OF_CALL = (0.01, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0)
_MOST_TOOLS, _MOST_MODELS, _MOST_RULES = 100, 50, 100
OTHER = "other"
_STATES = {"closed": 0, "half_open": 1, "open": 2}


class BoundedNames:
    """The first names that come, up to a number; each later one is `other`. Models make up names of tools, and a
    monitoring system keeps each of them for ever.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._known: set[tuple[str, str]] = set()

    def label(self, bot: str, name: str) -> str:
        """Return the name as a label."""
        if (bot, name) in self._known:
            return name
        if len(self._known) >= self._most:
            return OTHER
        self._known.add((bot, name))
        return name


class Metrics:
    """Counts of one process, and its state as it was when it was last told."""

    def __init__(self) -> None:
        # A second series beside each, which nothing here needs.
        disable_created_metrics()  # type: ignore[no-untyped-call]  # the library forgot its type
        self.registry = CollectorRegistry()
        self._tool_names, self._model_names = BoundedNames(_MOST_TOOLS), BoundedNames(_MOST_MODELS)
        self._rule_names = BoundedNames(_MOST_RULES)
        self._count_turns()
        self._count_calls()
        self._count_moderation()
        self._count_campaigns()
        self._tell_state()

    def _count_turns(self) -> None:
        self._turns = self._counter("turns", "Turns that were decided.", "bot", "outcome", "reason")
        self._to_text = self._histogram("turn_first_text_seconds", "From the message to the first text.", _TO_TEXT)
        self._to_end = self._histogram("turn_seconds", "From the event to the end of the turn.", _TO_END)
        self._tokens = self._counter("model_tokens", "Tokens of models.", "bot", "model", "direction")
        self._cost = self._counter("model_cost", "What models cost, in the bot's currency.", "bot", "model")
        self._tools = self._counter("tool_calls", "Calls of tools.", "bot", "tool", "outcome")

    def _count_calls(self) -> None:
        self._calls = self._counter("stream_calls", "Calls of the chat service.", "operation", "status")
        self._of_call = Histogram(
            f"{PREFIX}_stream_call_seconds",
            "Until the chat service answered.",
            buckets=_OF_CALL,
            registry=self.registry,
        )
        self._connections = self._counter("connections", "Connections of events that came up.", "bot", "again")
        self._webhooks = self._counter("webhook_deliveries", "Deliveries by webhook, by our answer.", "status")

    def _count_moderation(self) -> None:
        about = "Decisions of moderation on texts, by when they were made."
        self._decisions = self._counter("moderation_decisions", about, "bot", "origin", "outcome")
        about = "How often a rule of moderation applied, by what it wanted."
        self._rules = self._counter("moderation_rule_hits", about, "bot", "rule", "outcome")
        about = "How often a rule could not be judged before the deadline."
        self._late = self._counter("moderation_late", about, "bot", "rule")

    def _count_campaigns(self) -> None:
        about = "People of campaigns, by whether the chat service sent them the message."
        self._campaign_people = self._counter("campaign_messages", about, "bot", "outcome")
        self._campaign_parts = self._counter("campaign_parts", "Parts of campaigns that ended.", "bot", "outcome")
        self._campaign_runs = self._counter("campaign_runs", "Runs of campaigns that ended.", "bot", "outcome")

    def _tell_state(self) -> None:
        self._ready = self._gauge("ready", "1 while every bot is ready.")
        self._bots = self._gauge("bot_ready", "1 while the bot is ready.", "bot")
        self._queue = self._gauge("queue_turns", "Turns that the engine has, by state, over all replicas.", "state")
        self._oldest = self._gauge("queue_oldest_seconds", "How long the oldest turn waits.")
        self._quiet = self._gauge("seconds_since_event", "Since any event came from the chat service.")
        self._breakers = self._gauge("breaker_state", "0 closed, 1 half open, 2 open.", "service")
        self._left = self._gauge("stream_calls_left", "Calls left in this minute, by operation.", "operation")
        self._handovers = self._gauge("handovers_open", "Channels that a person has or is called to.", "bot")
        self._unanswered = self._gauge("handover_oldest_seconds", "How long the oldest handover waits.", "bot")
        about = "What is left of the bot's budget of today, from 1 to 0, by what is counted."
        self._budgets = self._gauge("budget_left_ratio", about, "bot", "measure")
        self._engine_up = self._gauge("engine_up", "1 while the database of turns answers.")
        self._gauge("build_info", "Which version runs.", "version").labels(__version__).set(1)

    def turn(self, turn: TurnCount) -> None:
        """See `Counts.turn`."""
        self._turns.labels(turn.bot, turn.outcome, turn.reason).inc()
        self._to_end.labels(turn.bot).observe(turn.seconds)
        if turn.first_text_seconds is not None:
            self._to_text.labels(turn.bot).observe(turn.first_text_seconds)
        if turn.model:
            model = self._model_names.label(turn.bot, turn.model)
            self._tokens.labels(turn.bot, model, "input").inc(turn.input_tokens)
            self._tokens.labels(turn.bot, model, "output").inc(turn.output_tokens)
            self._cost.labels(turn.bot, model).inc(turn.cost)
        for name, ok in turn.tools:
            self._tools.labels(turn.bot, self._tool_names.label(turn.bot, name), "ok" if ok else "failed").inc()

    def call(self, operation: str, status: int, seconds: float) -> None:
        """See `Counts.call`."""
        self._calls.labels(operation, str(status) if status else "none").inc()
        self._of_call.observe(seconds)

    def connection(self, bot: str, *, again: bool) -> None:
        """See `Counts.connection`."""
        self._connections.labels(bot, "yes" if again else "no").inc()

    def webhook(self, status: int) -> None:
        """See `Counts.webhook`."""
        self._webhooks.labels(str(status)).inc()

    def moderation(self, bot: str, what: str, name: str, outcome: str, count: int) -> None:
        """See `Counts.moderation`."""
        if what == "decision":
            self._decisions.labels(bot, name, outcome).inc(count)
        elif what == "late":
            self._late.labels(bot, self._rule_names.label(bot, name)).inc(count)
        else:
            self._rules.labels(bot, self._rule_names.label(bot, name), outcome).inc(count)

    def campaign_part(self, bot: str, outcome: str, *, sent: int, missed: int) -> None:
        """See `Counts.campaign_part`."""
        self._campaign_parts.labels(bot, outcome).inc()
        self._campaign_people.labels(bot, "sent").inc(sent)
        self._campaign_people.labels(bot, "failed").inc(missed)

    def campaign_run(self, bot: str, outcome: str) -> None:
        """See `Counts.campaign_run`."""
        self._campaign_runs.labels(bot, outcome).inc()

    def told(self, facts: Mapping[str, Any], *, ready: bool) -> None:
        """Take over how the process does, as `Bots.facts` tells; no facts: the database does not answer."""
        self._ready.set(ready)
        self._engine_up.set(bool(facts))
        connections = facts.get("connections", {})
        for bot, is_ready in facts.get("bots", {}).items():
            self._bots.labels(bot).set(is_ready and connections.get(bot, {}).get("up", True))
        for state, count in facts.get("turns", {}).items():
            self._queue.labels(state).set(count)
        if "oldest_seconds" in facts:
            self._oldest.set(facts["oldest_seconds"])
        if facts.get("quiet_seconds") is not None:
            self._quiet.set(facts["quiet_seconds"])
        for service, state in facts.get("breakers", {}).items():
            self._breakers.labels(service).set(_STATES[state])
        for operation, left in facts.get("calls_left", {}).items():
            self._left.labels(operation).set(left)
        for bot, (count, oldest) in facts.get("handovers", {}).items():
            self._handovers.labels(bot).set(count)
            self._unanswered.labels(bot).set(oldest)
        for bot, left_by_measure in facts.get("budgets", {}).items():
            for measure, ratio in left_by_measure.items():
                self._budgets.labels(bot, measure).set(ratio)

    def text(self) -> bytes:
        """Everything, as a monitoring system reads it."""
        return generate_latest(self.registry)

    def _counter(self, name: str, help_: str, *labels: str) -> Counter:
        return Counter(f"{PREFIX}_{name}", help_, labels, registry=self.registry)

    def _gauge(self, name: str, help_: str, *labels: str) -> Gauge:
        return Gauge(f"{PREFIX}_{name}", help_, labels, registry=self.registry)

    def _histogram(self, name: str, help_: str, buckets: tuple[float, ...]) -> Histogram:
        return Histogram(f"{PREFIX}_{name}", help_, ("bot",), buckets=buckets, registry=self.registry)
