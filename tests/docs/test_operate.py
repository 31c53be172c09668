"""The page for operators: every metric is told of, and none that does not exist."""

from __future__ import annotations

import re
from pathlib import Path

from framework.insight.metrics import Metrics

PAGE = Path("docs/operate.md")


def test_the_page_has_every_metric_and_no_other() -> None:
    told = set(re.findall(r"`agents_(\w+)`", PAGE.read_text(encoding="utf-8")))
    families = {family.name.removeprefix("agents_"): family for family in Metrics().registry.collect()}
    real = {f"{name}_total" if family.type == "counter" else name for name, family in families.items()}
    assert told == real
