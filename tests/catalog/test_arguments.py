"""Arguments are checked before anything is sent, and an error says what would fit."""

from typing import Any

import pytest

from framework.catalog.catalog import Catalog
from framework.catalog.example import example
from framework.catalog.execution.arguments import ArgumentsError, argument_schema, check_arguments, resolved


@pytest.mark.parametrize("every", [False, True])
def test_the_example_of_every_operation_fits_it(catalog: Catalog, every: bool) -> None:
    for operation in catalog:
        schema = argument_schema(catalog, operation)
        check_arguments(catalog, operation, example(resolved(schema, schema.get("$defs", {})), every=every))


@pytest.mark.parametrize(
    ("operation", "arguments", "words"),
    [
        ("StartCampaign", {}, ["id is required", "a string", '"support-123"']),
        ("StartCampaign", {"id": 7}, ["id: expected a string", "It is 7."]),
        ("StartCampaign", {"id": "x", "scheduled_for": "tomorrow"}, ["scheduled_for", "ISO 8601", "2026-01-31T12"]),
        ("StartCampaign", {"id": "x", "scheduled_for": "2026-01-31T12:00:00"}, ["with its zone"]),
        ("QueryChannels", {"limt": 3}, ["limt is unknown", "Did you mean limit?"]),
        ("QueryChannels", {"limit": "20"}, ["limit: expected an integer, such as 10", 'It is "20"']),
        (
            "SendMessage",
            {"type": "messaging", "id": "x"},
            ['message is required: an object, such as {"text": '],
        ),
        ("CreateBlockList", {"name": "a", "words": "b"}, ["words: expected a list", '["word"]']),
        ("CreateBlockList", {"name": "a", "words": ["b"], "type": "foo"}, ["one of", "domain", '"foo"']),
        (
            "UpdateMessage",
            {"id": "x", "message": {"attachments": [{"actions": [{"name": "x"}]}]}},
            ["message.attachments[0].actions[0].text is required"],
        ),
        ("GetMessage", {"id": ".."}, ["no part of a path"]),
        ("GetMessage", {"id": ""}, ["no part of a path"]),
        ("GetMessage", {"id": "a/../b"}, ["no part of a path"]),
        ("GetMessage", {"id": "..%2Fusers"}, ["no part of a path"]),
        ("GetMessage", {"id": "..%252Fusers"}, ["no part of a path"]),
        ("GetMessage", {"id": "a\x00b"}, ["no part of a path"]),
        ("SendReaction", {"id": "m", "reaction": {"typ": "like"}}, ["reaction.type is required"]),
    ],
)
def test_an_error_names_the_argument_what_was_expected_and_an_example(
    catalog: Catalog, operation: str, arguments: dict[str, Any], words: list[str]
) -> None:
    with pytest.raises(ArgumentsError) as caught:
        check_arguments(catalog, catalog.operation(operation), arguments)
    for word in (operation, "was not sent", f"load_operation('{operation}')", *words):
        assert word in str(caught.value)


def test_each_problem_is_told_once_and_not_too_many(catalog: Catalog) -> None:
    arguments = {f"wrong_{number}": 1 for number in range(9)}
    with pytest.raises(ArgumentsError) as caught:
        check_arguments(catalog, catalog.operation("GetApp"), arguments)
    assert str(caught.value).count("is unknown") == 5
    assert "and 4 more" in str(caught.value)
