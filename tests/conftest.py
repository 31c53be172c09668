"""What all tests share."""

from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

# The same examples in every run, however long each takes on the machine.
settings.register_profile("steady", deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("steady")

LONGEST = (
    "chaos/test_chaos.py",
    "runtime/test_model_kills.py",
    "cli/test_run.py",
    "cli/test_check.py",
    "clients/test_react_kit.py",
    "bots/test_conversations.py",
    "security/test_children.py",
    "clients/test_node_client.py",
    "security/test_patterns.py",
    "security/test_hostile_texts.py",
    "cli/test_failover.py",
    "cli/test_ask.py",
    "cli/test_reload.py",
    "runtime/test_team_in_playground.py",
    "sandbox/test_playground.py",
    "runtime/test_model_context.py",
    "engine/",
    "security/test_approvals.py",
    "security/test_drafts.py",
    "agent/test_real_model.py",
    "test_readme.py",
    "sandbox/test_fuzz.py",
)
"""Files of many seconds, the longest first: begun last, one would run alone while other processors idle."""
_HERE = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the longest files. pytest-xdist keeps this order with --no-loadscope-reorder."""

    def place(item: pytest.Item) -> int:
        file = item.path.relative_to(_HERE).as_posix()
        return next((number for number, name in enumerate(LONGEST) if file.startswith(name)), len(LONGEST))

    items.sort(key=place)


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
