"""What was read of the bots' articles, for all tests of a run: reading them takes 20 s of the processor."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

from framework.agent.build.factory import load_knowledge
from framework.definition.loader import load_bot
from framework.settings import Settings


def data_folder(place: Path) -> Path:
    """A data folder of its own at this place, but for what is known of articles: that is shared by all processes that
    run tests together. The support bot's, which most commands need, is there.
    """
    place.mkdir(exist_ok=True)
    # pytest-xdist gives each process a folder of its own in one that they share.
    run = place.parent.parent if "PYTEST_XDIST_WORKER" in os.environ else place.parent
    shared = run / "shared"
    shared.mkdir(exist_ok=True)
    with (shared / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # whoever comes second finds it done
        load_knowledge(load_bot("support_bot"), Settings(_env_file=None, data=shared, openai_api_key=None))
    (place / "knowledge").symlink_to(shared / "knowledge")
    return place
