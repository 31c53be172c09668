"""What came of campaigns so far, and what they would do, as plain values for commands and MCP clients."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

if TYPE_CHECKING:
    from framework.campaigns.campaigns import BotCampaigns
    from framework.campaigns.files import CampaignFile
    from framework.campaigns.plan import CampaignPlan, Recipient
    from framework.campaigns.run import CampaignRun, RunPart

STATUSES = ("draft", "scheduled", "running", "stopped", "completed", "failed")
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


async def result_facts(campaigns: BotCampaigns, run: CampaignRun) -> dict[str, Any]:
    """Return what came of a run."""
    view = await look_at(campaigns, run)
    counts = await campaigns.ledger.counts(run.id)
    names = ("sent", "read", "answered", "handed_over", "opted_out")
    by_variant = {variant or "all": {name: count.get(name, 0) for name in names} for variant, count in counts.items()}
    left_out = await campaigns.ledger.left_out(run.id)
    return {**view.facts, "by_variant": by_variant, "left_out": dict(left_out)}
