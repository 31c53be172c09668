"""The facts are those of the installed SDK, and they hang together."""

import json
import re

import pytest

from framework.catalog.catalog import DATA, Catalog
from framework.catalog.operation import ApiEndpoint, Operation
from scripts import catalog_facts

V1_OPERATIONS = 198
ALL_OPERATIONS = 247


def test_facts_are_those_of_the_installed_sdk() -> None:
    source = catalog_facts.find_source()
    if source is None:
        pytest.skip("getstream is not installed (it is in the extra `test`)")
    for name, text in catalog_facts.collect(source).items():
        ours = (DATA / "facts" / name).read_text(encoding="utf-8")
        assert ours == text, f"{name} differs from the SDK: run `python -m scripts.catalog_facts`"


def test_holds_every_operation_of_both_apis(catalog: Catalog) -> None:
    assert len(catalog) == ALL_OPERATIONS
    assert len([operation for operation in catalog if operation.v1]) == V1_OPERATIONS


def test_each_endpoint_is_one_operation(catalog: Catalog) -> None:
    first = [_address(operation.v1) for operation in catalog if operation.v1]
    second = [_address(operation.v2) for operation in catalog]
    assert len(first) == len(set(first))
    assert len(second) == len(set(second))


def test_path_parameters_are_those_that_the_path_names(catalog: Catalog) -> None:
    for operation in catalog:
        for endpoint in filter(None, (operation.v1, operation.v2)):
            named = set(re.findall(r"{(\w+)}", endpoint.path))
            taken = {item.wire_name for item in endpoint.parameters if item.place == "path"}
            assert named == taken, operation.id
            assert all(item.required for item in endpoint.parameters if item.place == "path"), operation.id


def test_a_name_used_in_path_and_body_is_told_apart(catalog: Catalog) -> None:
    by_name = {item.name: item for item in catalog.operation("UpdateCampaign").parameters}
    assert (by_name["id"].place, by_name["id_"].place, by_name["id_"].wire_name) == ("path", "body", "id")


def test_unban_is_a_delete_in_the_older_api(catalog: Catalog) -> None:
    unban = catalog.operation("Unban")
    assert unban.v1 is not None
    assert (unban.v1.method, unban.v1.path) == ("DELETE", "/moderation/ban")
    assert (unban.v2.method, unban.v2.path) == ("POST", "/api/v2/moderation/unban")


def test_every_reference_of_a_schema_is_defined(catalog: Catalog) -> None:
    for operation in catalog:
        schema = catalog.schema(operation.id)
        named = set(re.findall(r'"#/\$defs/(\w+)"', json.dumps(schema)))
        assert named == schema.get("$defs", {}).keys(), operation.id


# They are called by GET, and yet have the service open a connection, or hand out all of a person's data.
ACTING_GETS = {
    "GetOG": "writes",
    "CheckExternalStorage": "writes",
    "ValidateImporterExternalStorage": "writes",
    "ExportUser": "administers",
}


def test_nothing_that_reads_uses_a_verb_that_changes(catalog: Catalog) -> None:
    for operation in catalog:
        if operation.v2.method == "GET":
            assert operation.effect == ACTING_GETS.get(operation.id, "reads"), operation.id
        if operation.v2.method == "DELETE":
            assert operation.effect == "destroys", operation.id


def test_enumerations_and_times_are_kept(catalog: Catalog) -> None:
    by_name = {item.name: item.schema for item in catalog.operation("CreateBlockList").parameters}
    assert "regex" in by_name["type"]["enum"]
    start: Operation = catalog.operation("StartCampaign")
    assert {item.name: item.type_name for item in start.parameters}["scheduled_for"] == "date-time"


def _address(endpoint: ApiEndpoint) -> tuple[str, str]:
    return endpoint.method, re.sub(r"{\w+}", "{}", endpoint.path)
