"""What all tests share."""

from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

# The same examples in every run, however long each takes on the machine.
settings.register_profile("steady", deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("steady")

LONGEST = (
    "test_chaos.py",
    "test_model_kills.py",
    "test_wheel.py",
    "test_run.py",
    "test_check.py",
    "test_react_kit.py",
    "test_backup.py",
    "test_chart_run.py",
    "test_compose_run.py",
    "test_compose_nats_run.py",
    "test_conversations.py",
    "test_children.py",
    "test_node_client.py",
    "test_patterns.py",
    "test_hostile_texts.py",
    "test_failover.py",
    "test_slim.py",
    "test_ask.py",
    "test_reload.py",
    "test_team_in_playground.py",
    "test_playground.py",
    "test_model_context.py",
    "test_faults.py",
    "test_approvals.py",
    "test_drafts.py",
    "test_real_model.py",
    "test_readme.py",
    "test_fuzz.py",
)
"""Files of many seconds, the longest first: begun last, one would run alone while other processors idle."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the longest files. pytest-xdist keeps this order with --no-loadscope-reorder."""
    place = {name: number for number, name in enumerate(LONGEST)}
    items.sort(key=lambda item: place.get(item.path.name, len(place)))


@pytest.fixture(scope="session")
def shared_data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder for all commands that tests run: the articles of a bot are indexed once."""
    from tests.support.indexed import data_folder

    return data_folder(tmp_path_factory.mktemp("data"))


@pytest.fixture(scope="session")
def environment(shared_data: Path) -> dict[str, str]:
    """Variables for a command that is to use the shared data folder and no account of whoever runs the tests."""
    return {
        "FRAMEWORK_DATA": str(shared_data),
        "STREAM_API_KEY": "",
        "STREAM_API_SECRET": "",
        "STREAM_BASE_URL": "",
        "OPENAI_API_KEY": "",
        "OPENAI_BASE_URL": "",
        "FRAMEWORK_LOG_FORMAT": "json",
    }
