"""Tests of policies: texts, and what a configuration says to them."""

from __future__ import annotations

from typing import Any

from framework.sandbox.chat.feature import Feature
from framework.sandbox.features.moderation import content_check
from framework.sandbox.features.review.setup import RUNS_OF_SET, TEST_RUNS, TEST_SETS, PolicyTestRun, PolicyTestSet
from framework.sandbox.kernel import tasks
from framework.sandbox.kernel.call import Call
from framework.sandbox.kernel.errors import invalid, not_found
from framework.sandbox.kernel.operations import Access, Domain, Result

DOMAIN = Domain("policy_tests")
_ROOT = "/api/v2/moderation/policy_tests"
MAX_ROWS = 1000


@DOMAIN.operation("ListPolicyTestSets", "GET", None, v2=f"{_ROOT}/sets", access=Access.SERVER)
def list_sets(call: Call) -> Result:
    """Return the test sets."""
    return {"sets": [_set_view(call, one) for one in call.store[TEST_SETS]]}


@DOMAIN.operation("CreatePolicyTestSet", "POST", None, v2=f"{_ROOT}/sets", access=Access.SERVER)
def create_set(call: Call) -> Result:
    """Make a test set of the rows given."""
    name, rows = call.required_text("name", call.body), call.objects("rows", call.body)
    if call.body.get("seed") is not None:
        raise invalid("seed needs label results of the service's models: give rows")
    if len(rows) > MAX_ROWS:
        raise invalid(f"rows may hold at most {MAX_ROWS} items")
    for row in rows:
        call.required_text("text", row)
    made = PolicyTestSet(call.sandbox.ids.new(), name, call.now, call.now, rows=rows)
    made.config_key, made.mode = call.text("config_key", call.body) or "", call.text("mode", call.body) or "expected"
    made.team = call.text("team", call.body)
    return {"set": _set_view(call, call.store[TEST_SETS].put(made), rows=True)}


@DOMAIN.operation("GetPolicyTestSet", "GET", None, v2=f"{_ROOT}/sets/{{id}}", access=Access.SERVER)
def get_set(call: Call) -> Result:
    """One test set with its rows and runs."""
    found = _find(call)
    runs = call.store.index(RUNS_OF_SET).of(found.id)
    return {"set": _set_view(call, found, rows=True), "recent_runs": [_run_view(run) for run in reversed(runs)]}


@DOMAIN.operation("DeletePolicyTestSet", "DELETE", None, v2=f"{_ROOT}/sets/{{id}}", access=Access.SERVER)
def delete_set(call: Call) -> Result:
    """Forget a test set with its runs."""
    found = _find(call)
    for run in call.store.index(RUNS_OF_SET).of(found.id):
        call.store[TEST_RUNS].remove(run.id)
    call.store[TEST_SETS].remove(found.id)
    return {}


@DOMAIN.operation("StartPolicyTestRun", "POST", None, v2=f"{_ROOT}/sets/{{id}}/runs", access=Access.SERVER)
def start_run(call: Call) -> Result:
    """Put each row to the set's configuration; done when it is answered."""
    found = _find(call)
    config = content_check.config_for(call.sandbox, found.config_key, found.team)
    if config is None:
        raise invalid(f"moderation config with key {found.config_key} does not exist")
    lists = content_check.lists_of(config.settings)
    results = [_tried(call, found, number, row, lists) for number, row in enumerate(found.rows)]
    task_id = tasks.completed(call, "moderation.policy_test", {"rows": len(results)})
    run = PolicyTestRun(call.sandbox.ids.new(), found.id, task_id, found.config_key, call.now, call.now, results)
    return _answer(call.store[TEST_RUNS].put(run))


@DOMAIN.operation("GetPolicyTestRun", "GET", None, v2=f"{_ROOT}/runs/{{id}}", access=Access.SERVER)
def get_run(call: Call) -> Result:
    """One run with its results."""
    run = call.store[TEST_RUNS].get(call.path["id"])
    if run is None:
        raise not_found(f"policy test run with id {call.path['id']} not found")
    return _answer(run)


def _tried(
    call: Call, found: PolicyTestSet, number: int, row: dict[str, Any], lists: list[tuple[str, str]]
) -> dict[str, Any]:
    text = str(row["text"])
    verdict = content_check.judge(call.sandbox, text, lists, found.team)
    result: dict[str, Any] = {
        "row_index": number,
        "message_text": text,
        "actual_action": verdict.action,
        "actual_labels": verdict.lists,
        "scored": row.get("recommended_action") is not None,
    }
    if result["scored"]:
        result["expected_action"] = str(row["recommended_action"])
        result["expected_labels"] = call.texts("labels", row)
        result["passed"] = result["expected_action"] == verdict.action
    return result


def _answer(run: PolicyTestRun) -> Result:
    shown = [
        {**result, "id": number, "run_id": run.id, "created_at": run.created_at}
        for number, result in enumerate(run.results, 1)
    ]
    return {"run": _run_view(run), "results": shown}


def _run_view(run: PolicyTestRun) -> dict[str, Any]:
    scored = [result for result in run.results if result["scored"]]
    passed = sum(result["passed"] for result in scored)
    totals = {
        "rows": len(run.results),
        "scored": len(scored),
        "unscored": len(run.results) - len(scored),
        "passed": passed,
        "failed": len(scored) - passed,
    }
    return {
        "id": run.id,
        "set_id": run.set_id,
        "task_id": run.task_id,
        "config_key": run.config_key,
        "status": "completed",
        "triggered_by": "",
        "rows_total": len(run.results),
        "rows_completed": len(run.results),
        "created_at": run.created_at,
        "started_at": run.created_at,
        "completed_at": run.completed_at,
        "metrics": {"mode": "expected", "totals": totals},
    }


def _find(call: Call) -> PolicyTestSet:
    found = call.store[TEST_SETS].get(call.path["id"])
    if found is None:
        raise not_found(f"policy test set with id {call.path['id']} not found")
    return found


def _set_view(call: Call, found: PolicyTestSet, *, rows: bool = False) -> dict[str, Any]:
    view = {**found.view().fields, "row_count": len(found.rows)}
    if not rows:
        view.pop("rows")
    runs = call.store.index(RUNS_OF_SET).of(found.id)
    if runs:
        view["last_run"] = _run_view(runs[-1])
    return view


FEATURE = Feature(operations=(DOMAIN,))
