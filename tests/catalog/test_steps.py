"""Intents that ask for several things: their parts, the operations in order, and a plan to start from."""

import json
from pathlib import Path

import pytest

from framework.catalog.catalog import Catalog
from framework.catalog.execution.plan import read_plan
from framework.catalog.search.clauses import clauses
from framework.catalog.search.search import OperationSearch
from framework.catalog.toolbox import Toolbox
from tests.support.operations import policy

SETS = Path(__file__).parents[1] / "benchmarks" / "intents_data"


@pytest.mark.parametrize(
    ("intent", "parts"),
    [
        ("create a poll, add an option and close it", ["create a poll", "add an option", "close it"]),
        ("1. create a role 2. list the roles", ["create a role", "list the roles"]),
        ("ban troll42; then delete his posts", ["ban troll42", "delete his posts"]),
        ("delete the room after exporting it", ["exporting it", "delete the room"]),
        ("post 'ban him and delete it' in the lobby", ["post 'ban him and delete it' in the lobby"]),
        ("create a channel for alice and bob", ["create a channel for alice and bob"]),
        ("we wiped carl by mistake, get him back", []),
        ("", []),
    ],
)
def test_an_intent_is_taken_apart_where_something_else_is_to_be_done(intent: str, parts: list[str]) -> None:
    assert clauses(intent, lambda part: part.startswith("exporting")) == parts


@pytest.mark.parametrize("intent", ["and " * 4_000, "1. " * 4_000, "create, " * 4_000, "'" * 8_000, "x after " * 4_000])
def test_no_text_takes_long_or_has_too_many_parts(intent: str) -> None:
    assert len(clauses(intent, lambda part: True)) <= 8


@pytest.mark.parametrize(
    ("intent", "steps"),
    [
        ("start the campaign camp_welcome_2026 and check that it is running", ["StartCampaign", "GetCampaign"]),
        (
            "add 'spam-domain.example' to the global blocklist and confirm the rule is active for all channels",
            ["UpdateBlockList", "ListChannelTypes"],
        ),
        ("supprime le message puis bannis son auteur", ["DeleteMessage", "Ban"]),
    ],
)
def test_the_operations_come_in_their_order(operations: OperationSearch, intent: str, steps: list[str]) -> None:
    result = operations.search(intent)
    assert [step.hit.id for step in result.steps] == steps
    assert [hit.id for hit in result.hits[: len(steps)]] == steps


def test_who_asks_for_one_thing_gets_no_plan(operations: OperationSearch) -> None:
    rows = json.loads((SETS / "everyday.json").read_text(encoding="utf-8"))
    planned = [row["intent"] for row in rows if operations.search(row["intent"]).steps]
    assert len(planned) <= 0.03 * len(rows), planned


def test_finds_most_of_the_steps(operations: OperationSearch) -> None:
    rows = json.loads((SETS / "multi_step.json").read_text(encoding="utf-8"))
    first = [operations.search(row["intent"]).hits[0].id in row["steps"][0] for row in rows]
    assert sum(first) >= 0.9 * len(rows)
    wanted = [(row["intent"], step) for row in rows for step in row["steps"]]
    found = [bool({hit.id for hit in operations.search(intent).hits} & set(step)) for intent, step in wanted]
    assert sum(found) >= 0.9 * len(wanted)


def test_a_drafted_plan_can_be_filled_in_and_executed(catalog: Catalog) -> None:
    # Neither search nor load executes anything.
    toolbox = Toolbox(catalog, None)  # type: ignore[arg-type]  # so that no executor is needed
    plan = toolbox.search(policy(), "create a poll about lunch and then close it")["plan"]
    assert [step["operation_id"] for step in plan] == ["CreatePoll", "UpdatePollPartial"]
    assert plan[0]["missing"] == ["name"]
    assert plan[1]["arguments"] == {"poll_id": "$1.poll.id"}
    assert read_plan(plan).steps[1].arguments == plan[1]["arguments"]
