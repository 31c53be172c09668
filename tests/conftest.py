"""What all tests share."""

from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

# The same examples in every run, however long each takes on the machine.
settings.register_profile("steady", deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("steady")


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
