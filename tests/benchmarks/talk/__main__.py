"""How often the embedded model quotes an article to what is no question for it: `python -m tests.benchmarks.talk`."""

from __future__ import annotations

import sys
from collections import Counter
from pathlib import Path

from framework.agent.knowledge.base import KnowledgeBase
from framework.definition.model import Bot
from tests.benchmarks.labelled import BASES, load
from tests.benchmarks.talk.asked import follow_ups, kinds, outcome


def main() -> int:
    """Print what came out for each kind, over three companies and the support bot."""
    bot = Bot.load("support_bot")
    support = KnowledgeBase.load(bot.knowledge_files, bot.folder)
    labelled = [load(folder.name) for folder in sorted(BASES.iterdir())]
    bases = [support, *(KnowledgeBase.load(one.files, one.folder) for one in labelled)]
    for name in ("questions", "fresh"):
        for kind, texts in kinds(name).items():
            counts = Counter(outcome(base, text) for base in bases for text in texts)
            print(f"{name:10} {kind:12} {dict(counts)}")
    found = [follow_up for follow_up in follow_ups() if follow_up.answered_by(support)]
    print(f"follow-ups {len(found)} of {len(follow_ups())}")
    return 0


if __name__ == "__main__":
    assert Path(__file__).with_name("fresh.json").is_file()
    sys.exit(main())
