"""`ops` as others script it."""

import json
import subprocess
import sys


def run(*arguments: str, given: str | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "framework", "ops", *arguments], input=given, capture_output=True, text=True, check=False
    )


def test_search_reads_lines_and_prints_an_object_a_line() -> None:
    done = run("search", "--json", "-", given="halt the campaign\n\nsend an email to bob\n")
    first, second = (json.loads(line) for line in done.stdout.splitlines())
    assert first["intent"] == "halt the campaign"
    assert first["status"] == "ok"
    assert first["hits"][0]["id"] == "StopCampaign"
    assert set(first["hits"][0]) == {"id", "score"}
    assert second["status"] == "no_operation"
    assert second["reason"]
    assert second["hint"]


def test_search_prints_for_people_and_honours_the_limit() -> None:
    done = run("search", "--limit", "2", "halt the campaign")
    assert done.stdout.startswith("StopCampaign")
    assert done.stdout.count("): ") == 2


def test_list_can_be_narrowed() -> None:
    done = run("list", "--group", "polls", "--effect", "destroys", "--json")
    assert {record["id"] for record in json.loads(done.stdout)} == {"DeletePoll", "DeletePollOption", "DeletePollVote"}


def test_list_names_the_groups_where_one_is_unknown() -> None:
    done = run("list", "--group", "pols")
    assert done.returncode == 2
    assert "polls" in done.stderr


def test_show_prints_the_schema() -> None:
    record = json.loads(run("show", "StartCampaign", "--json").stdout)
    assert record["v1"] == "POST /campaigns/{id}/start"
    assert record["schema"]["required"] == ["id"]
    assert "scheduled_for" in run("show", "StartCampaign").stdout


def test_show_suggests_where_the_id_is_misspelt() -> None:
    done = run("show", "StartCampain")
    assert done.returncode == 1
    assert "StartCampaign" in done.stderr
    assert "Traceback" not in done.stderr
