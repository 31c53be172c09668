"""All figures, one after the other: `python -m tests.benchmarks`."""

import importlib

for name in (
    "startup",
    "latency",
    "streaming",
    "streamed",
    "ratios",
    "answers",
    "intents",
    "operations",
    "moderation",
    "handover",
    "sandbox",
):
    print(f"\n== {name}")
    importlib.import_module(f"tests.benchmarks.{name}").main()
