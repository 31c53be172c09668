"""What people see of campaigns in the terminal, and what programs get as JSON."""

from __future__ import annotations

import json
import sys
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self
from zoneinfo import ZoneInfo

from framework.cli.screen import out

if TYPE_CHECKING:
    from rich.live import Live

    from framework.campaigns.campaigns import BotCampaigns
    from framework.campaigns.files import CampaignFile
    from framework.campaigns.plan import CampaignPlan, Recipient
    from framework.campaigns.run import CampaignRun, RunPart

_SHOWN = 5
_TIME = "%Y-%m-%d %H:%M"


@dataclass(frozen=True)
class RunView:
    """A run at one moment."""

    run: CampaignRun
    parts: tuple[RunPart, ...]

    @property
    def status(self) -> str:
        """Return `running`, or `scheduled` while the first part waits for its time, or how it ended."""
        if self.run.state != "running":
            return "completed" if self.run.state == "ended" else self.run.state
        if any(part.state not in ("waiting", "claimed", "created") for part in self.parts):
            return "running"
        soonest = min((part.due for part in self.parts), default=datetime.now(UTC))
        return "scheduled" if soonest > datetime.now(UTC) else "starting"

    @property
    def sent(self) -> int:
        """Return to how many people it was sent so far."""
        return sum(part.sent for part in self.parts)

    @property
    def people(self) -> int:
        """Return to how many people it goes."""
        return sum(part.people for part in self.parts)

    @property
    def failures(self) -> list[str]:
        """Return why parts failed."""
        return [f"part {part.number}: {part.reason}" for part in self.parts if part.state == "failed"]

    @property
    def facts(self) -> dict[str, Any]:
        """Return all of it as plain values."""
        return {
            "campaign": self.run.campaign,
            "bot": self.run.bot,
            "run": self.run.number,
            "status": self.status,
            "reason": self.run.reason,
            "people": self.people,
            "sent": self.sent,
            "parts": [
                {
                    "id": part.service_id, "status": part.state, "due": part.due.isoformat(), "people": part.people,
                    "sent": part.sent, "variant": part.variant, "language": part.language, "reason": part.reason,
                }
                for part in self.parts
            ],
        }  # fmt: skip


async def look_at(campaigns: BotCampaigns, run: CampaignRun) -> RunView:
    """Return a run as the ledger has it."""
    return RunView(run, tuple(await campaigns.ledger.parts(run.id)))


def plan_facts(file: CampaignFile, plan: CampaignPlan) -> dict[str, Any]:
    """Return a plan as plain values."""
    dues = sorted({one.due for one in plan.recipients})
    return {
        "campaign": file.name,
        "bot": file.bot.name,
        "people": len(plan.recipients),
        "left_out": dict(plan.reasons),
        "who_not": plan.left_out,
        "variants": dict(Counter(one.variant for one in plan.recipients if one.variant)),
        "languages": dict(Counter(one.language or "all" for one in plan.recipients)),
        "parts": len(plan.parts),
        "first": dues[0].isoformat() if dues else None,
        "last": dues[-1].isoformat() if dues else None,
        "warnings": plan.warnings,
        "examples": [_example(one) for one in _examples(plan)],
    }


def _examples(plan: CampaignPlan) -> list[Recipient]:
    """Return a few people, of different texts if there are any."""
    by_text: dict[str, Recipient] = {}
    for one in plan.recipients:
        by_text.setdefault(one.template, one)
    rest = [one for one in plan.recipients if one is not by_text[one.template]]
    return [*by_text.values(), *rest][:_SHOWN]


def _example(one: Recipient) -> dict[str, Any]:
    local = one.due.astimezone(ZoneInfo(one.zone))
    return {
        "user": one.id, "variant": one.variant, "language": one.language, "when": one.due.isoformat(),
        "their_time": local.strftime("%A, " + _TIME), "zone": one.zone, "text": one.text,
    }  # fmt: skip


def print_plan(facts: dict[str, Any]) -> None:
    """Print a plan for people."""
    show = out().print
    show(f"{facts['campaign']} of {facts['bot']}: {facts['people']} people, {facts['parts']} parts", markup=False)
    if facts["first"]:
        first, last = (datetime.fromisoformat(facts[name]).strftime(_TIME) for name in ("first", "last"))
        show(f"  when: {first} UTC" + (f" to {last} UTC" if last != first else ""), markup=False)
    for name in ("variants", "languages"):
        if len(facts[name]) > 1:
            show(f"  {name}: " + ", ".join(f"{key} {count}" for key, count in facts[name].items()), markup=False)
    for reason, count in facts["left_out"].items():
        who = [user for user, why in facts["who_not"].items() if why == reason][:_SHOWN]
        show(f"  not to {count}: {reason} ({', '.join(who)}{', …' if count > len(who) else ''})", markup=False)
    for warning in facts["warnings"]:
        show(f"  note: {warning}", markup=False)
    for one in facts["examples"]:
        variant = f", variant {one['variant']}" if one["variant"] else ""
        show(f"\n  {one['user']}{variant}, {one['their_time']} in {one['zone']}:", markup=False)
        show("\n".join(f"    {line}" for line in one["text"].splitlines()), markup=False, soft_wrap=True)


def print_run(view: RunView) -> None:
    """Print where a run stands."""
    show = out().print
    show(_line(view), markup=False)
    for part in view.parts:
        if part.state == "waiting" and part.due > datetime.now(UTC):
            show(f"  the next part is due {part.due:{_TIME}} UTC: a running bot sends it, or `campaign watch`")
            break
    for failure in view.failures:
        show(f"  {failure}", markup=False)


def _line(view: RunView) -> str:
    parts = Counter(part.state for part in view.parts)
    several = (
        f" ({', '.join(f'{count} parts {state}' for state, count in parts.items())})" if len(view.parts) > 1 else ""
    )
    reason = f": {view.run.reason}" if view.run.reason and view.status in ("failed", "completed") else ""
    return f"{view.run.campaign}: {view.status}{reason}, {view.sent} of {view.people} sent{several}"


class Follower:
    """Shows a run as it goes: one line that changes in a terminal, else a line for each change."""

    def __init__(self, *, as_json: bool) -> None:
        self._as_json = as_json
        self._last = ""
        self._live: Live | None = None

    def __enter__(self) -> Self:
        """Begin."""
        if not self._as_json and out().is_terminal:
            from rich.live import Live

            self._live = Live(console=out(), refresh_per_second=8)
            self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Leave the last line where it is."""
        if self._live is not None:
            self._live.stop()

    def show(self, view: RunView) -> None:
        """Show a run if it changed."""
        text = json.dumps(view.facts, ensure_ascii=False) if self._as_json else "\n".join([_line(view), *view.failures])
        if text == self._last:
            return
        self._last = text
        if self._live is not None:
            from rich.text import Text

            self._live.update(Text(text), refresh=True)
        else:
            sys.stdout.write(text + "\n")
            sys.stdout.flush()


async def listed(campaigns: BotCampaigns) -> list[dict[str, Any]]:
    """Return the campaigns of a bot with the state of their last run."""
    from framework.campaigns.files import campaign_names

    found: list[dict[str, Any]] = []
    for name in campaign_names(campaigns.bot):
        runs = await campaigns.ledger.runs(name)
        view = await look_at(campaigns, await campaigns.refresh(runs[0])) if runs else None
        figures = {"people": view.people, "sent": view.sent, "run": view.run.number} if view else {}
        found.append(
            {"campaign": name, "bot": campaigns.bot.name, "status": view.status if view else "draft", **figures}
        )
    return found


def print_list(facts: list[dict[str, Any]], status: str | None) -> None:
    """Print campaigns as a table."""
    if not facts:
        out().print(f"No campaign is {status}." if status else "There are no campaigns: bots/BOT/campaigns/NAME.yaml.")
        return
    from rich.table import Table

    table = Table(box=None, pad_edge=False)
    for title in ("campaign", "bot", "status", "run", "sent"):
        table.add_column(title)
    for fact in facts:
        sent = f"{fact['sent']} of {fact['people']}" if "sent" in fact else ""
        table.add_row(fact["campaign"], fact["bot"], fact["status"], str(fact.get("run", "")), sent)
    out().print(table)


async def result_facts(campaigns: BotCampaigns, run: CampaignRun) -> dict[str, Any]:
    """Return what came of a run."""
    view = await look_at(campaigns, run)
    counts = await campaigns.ledger.counts(run.id)
    names = ("sent", "read", "answered", "handed_over", "opted_out")
    by_variant = {variant or "all": {name: count.get(name, 0) for name in names} for variant, count in counts.items()}
    left_out = await campaigns.ledger.left_out(run.id)
    return {**view.facts, "by_variant": by_variant, "left_out": dict(left_out)}


def print_results(facts: dict[str, Any]) -> None:
    """Print what came of a run."""
    from rich.table import Table

    out().print(
        f"{facts['campaign']}, run {facts['run']}: {facts['status']}, {facts['sent']} of {facts['people']} sent"
    )
    table = Table(box=None, pad_edge=False)
    for title in ("variant", "sent", "read", "answered in a day", "handed over", "opted out"):
        table.add_column(title)
    for variant, count in facts["by_variant"].items():
        table.add_row(variant, *map(str, count.values()))
    out().print(table)
    for reason, count in facts["left_out"].items():
        out().print(f"  not to {count}: {reason}", markup=False)
