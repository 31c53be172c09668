"""Reading the catalogue."""

import subprocess
import sys

import pytest

from framework.catalog.catalog import Catalog, UnknownOperationError


def test_an_unknown_id_is_answered_with_the_nearest(catalog: Catalog) -> None:
    with pytest.raises(UnknownOperationError) as raised:
        catalog.operation("startcampain")
    assert "StartCampaign" in str(raised.value)


def test_a_schema_says_what_is_required_and_refuses_the_rest(catalog: Catalog) -> None:
    schema = catalog.schema("SendMessage")
    assert schema["required"] == ["type", "id", "message"]
    assert schema["additionalProperties"] is False
    assert "text" in schema["$defs"]["MessageRequest"]["properties"]


def test_an_operation_of_the_newer_api_alone_is_called_there(catalog: Catalog) -> None:
    check = catalog.operation("Check")
    assert check.v1 is None
    assert check.endpoint.path == "/api/v2/moderation/check"


def test_limits_are_named_where_they_are_documented(catalog: Catalog) -> None:
    assert catalog.operation("SendMessage").calls_a_minute == 1_000
    assert catalog.operation("QueryChannels").calls_a_minute == 10_000
    assert catalog.operation("GetApp").calls_a_minute is None


def test_neither_sdk_is_imported() -> None:
    code = (
        "import sys; from framework.catalog.catalog import Catalog;"
        "from framework.catalog.search.search import OperationSearch;"
        "OperationSearch(Catalog.load()).search('ban a troll');"
        "print([name for name in ('getstream', 'stream_chat', 'numpy', 'pydantic') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
