"""The plan: who gets which text when, and who does not and why."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from framework.campaigns.files import read_campaign
from framework.campaigns.person import Addressee
from framework.campaigns.plan import MOST_TEXTS, CampaignPlan, make_plan
from framework.errors import DefinitionError
from tests.support.campaigns import bot_folder

NOON = datetime(2026, 6, 1, 12, 0, tzinfo=UTC)
ALL = "audience: {filter: {customer: true}}\n"


def plan_of(tmp_path: Path, text: str, people: list[Addressee], *, start: datetime = NOON, **more: Any) -> CampaignPlan:
    file = read_campaign(bot_folder(tmp_path, {"news": ALL + text}), "news")
    given = {"wall": None, "screen": lambda said: said, "barred": {}, **more}
    return make_plan(file, people, (), start=start, **given)


def person(user_id: str, **fields: Any) -> Addressee:
    return Addressee(user_id, {"id": user_id, "name": user_id.title(), **fields})


def crowd(count: int, **fields: Any) -> list[Addressee]:
    return [person(f"p{number}", **fields) for number in range(count)]


def test_what_stream_fills_in_stays_one_text(tmp_path: Path) -> None:
    plan = plan_of(tmp_path, "text: 'Hi {{ receiver.name }}!'\n", crowd(500))
    assert [part.template for part in plan.parts] == ["Hi {{ receiver.name }}!"]
    assert plan.recipients[3].text == "Hi P3!"


def test_what_stream_cannot_render_is_rendered_and_equal_texts_share_a_part(tmp_path: Path) -> None:
    text = "text: '{{ receiver.name }}, {% if receiver.visits > 3 %}thank you{% else %}welcome{% endif %}'\n"
    plan = plan_of(tmp_path, text, [person(f"p{n}", visits=n) for n in range(10)])
    assert {part.template: len(part.user_ids) for part in plan.parts} == {
        "{{ receiver.name }}, welcome": 4,
        "{{ receiver.name }}, thank you": 6,
    }


def test_more_than_200_texts_are_refused_with_the_way_out(tmp_path: Path) -> None:
    with pytest.raises(DefinitionError, match=f"comes to {MOST_TEXTS + 1} different ones") as caught:
        plan_of(tmp_path, "text: 'Hi {{ receiver.name | upper }}'\n", crowd(MOST_TEXTS + 1))
    assert "news.yaml:2" in str(caught.value)


def test_what_people_call_themselves_is_never_a_template(tmp_path: Path) -> None:
    names = ["{{ sender.secret }}", "{% for x in y %}", "\x02name\x03", "{{receiver.id}}"]
    people = [person(f"p{n}", name=name) for n, name in enumerate(names)]
    plan = plan_of(tmp_path, "text: 'Hi {{ receiver.name | trim }}'\n", people)
    assert all("{{" not in part.template and "{%" not in part.template for part in plan.parts)
    plan = plan_of(tmp_path, "text: 'Hi {{ receiver.name }}'\n", people)
    assert {part.template for part in plan.parts} == {"Hi {{ receiver.name }}"}


def test_a_person_without_a_field_gets_nothing_and_a_field_that_nobody_has_is_a_mistake(tmp_path: Path) -> None:
    text = "text: 'Your number is {{ receiver.number }}'\n"
    plan = plan_of(tmp_path, text, [person("ann", number=7), person("ben")])
    assert plan.left_out == {"ben": "has no field number, which the text needs"}
    with pytest.raises(DefinitionError, match=r"receiver\.number, and nobody") as caught:
        plan_of(tmp_path, text, crowd(3))
    assert "news.yaml:2" in str(caught.value)


def test_a_text_that_the_bot_may_not_post_goes_to_nobody(tmp_path: Path) -> None:
    people = [person("ann"), person("eve", name="evil.example")]
    plan = plan_of(tmp_path, "text: 'Hi {{ receiver.name }}'\n", people, screen=lambda said: said.replace("evil", "…"))
    assert [one.id for one in plan.recipients] == ["ann"]
    assert "may not post" in plan.left_out["eve"]


def test_languages_variants_and_the_holdout_depend_on_the_person_alone(tmp_path: Path) -> None:
    text = "variants: {a: {share: 25%, text: {en: A, de: A!}}, b: {text: {en: B, de: B!}}}\nholdout: 10%\n"
    people = [person(f"p{n}", language="de" if n % 2 else "en") for n in range(2_000)]
    plan, again = (plan_of(tmp_path, text, order) for order in (people, people[::-1]))
    assert {one.id: one.text for one in plan.recipients} == {one.id: one.text for one in again.recipients}
    held = Counter(plan.left_out.values())["is held out, to compare with"]
    assert 150 < held < 250
    shares = Counter(one.variant for one in plan.recipients)
    assert 0.2 < shares["a"] / len(plan.recipients) < 0.3
    assert {one.text for one in plan.recipients if one.language == "de"} == {"A!", "B!"}


@pytest.mark.parametrize(
    ("zone", "start", "expected"),
    [
        ("Europe/Berlin", "2026-03-28T22:00+01:00", "2026-03-29T09:30+02:00"),
        ("Europe/Berlin", "2026-10-24T22:00+02:00", "2026-10-25T09:30+01:00"),
        ("America/New_York", "2026-03-07T20:00-05:00", "2026-03-08T09:30-04:00"),
        ("America/New_York", "2026-10-31T20:00-04:00", "2026-11-01T09:30-05:00"),
        ("Asia/Kolkata", "2026-10-25T09:30+05:30", "2026-10-25T09:30+05:30"),
        ("Asia/Kolkata", "2026-10-25T09:31+05:30", "2026-10-26T09:30+05:30"),
    ],
)
def test_a_time_of_day_is_that_of_the_person(zone: str, start: str, expected: str, tmp_path: Path) -> None:
    began = datetime.fromisoformat(start).astimezone(UTC)
    plan = plan_of(tmp_path, "text: Hi\ntime_of_day: 9:30\n", [person("ann", timezone=zone)], start=began)
    assert plan.recipients[0].due == datetime.fromisoformat(expected)


def test_nothing_comes_in_quiet_hours_while_clocks_change(tmp_path: Path) -> None:
    text = ALL + "text: Hi\nquiet_hours: 21:30-2:30, 13:00-14:00\n"
    file = read_campaign(bot_folder(tmp_path, {"news": text}), "news")
    zones = ("Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Pacific/Apia", "UTC")
    people = [person(zone, timezone=zone) for zone in zones]
    for change in ("2026-03-08", "2026-03-29", "2026-04-05", "2026-10-25", "2026-11-01"):
        begin = datetime.fromisoformat(f"{change}T00:00+00:00") - timedelta(days=1)
        for quarter in range(0, 3 * 96, 5):
            start = begin + quarter * timedelta(minutes=15)
            plan = make_plan(file, people, (), start=start, wall=None, screen=lambda said: said, barred={})
            for one in plan.recipients:
                clock = one.due.astimezone(ZoneInfo(one.id))
                minute = clock.hour * 60 + clock.minute
                assert 150 <= minute < 779 or 840 <= minute < 1289, (start, clock)
                assert start <= one.due <= start + timedelta(hours=8)


def test_what_is_past_its_end_is_not_sent(tmp_path: Path) -> None:
    with pytest.raises(DefinitionError, match="past its end") as caught:
        plan_of(tmp_path, "text: Hi\nat: 2026-05-20T09:00\nexpires: 2d\n", crowd(3))
    assert "news.yaml:4" in str(caught.value)
    with pytest.raises(DefinitionError, match="past its end"):
        plan_of(tmp_path, "text: Hi\nexpires: 2026-06-01T11:00\n", crowd(3))
    text = "text: Hi\ntime_of_day: 9:00\nexpires: 2026-06-02T05:00\n"
    zones = [person("tokyo", timezone="Asia/Tokyo"), person("berlin", timezone="Europe/Berlin")]
    plan = plan_of(tmp_path, text, zones)
    assert ([one.id for one in plan.recipients], list(plan.left_out)) == (["tokyo"], ["berlin"])


def test_a_zone_that_does_not_exist_is_taken_for_the_campaigns_own_and_told(tmp_path: Path) -> None:
    people = [person("ann", timezone="Mars/Olympus"), person("ben", timezone="../../etc/passwd")]
    plan = plan_of(tmp_path, "text: Hi\ntime_of_day: 9:00\ntimezone: Europe/Paris\n", people)
    assert {one.zone for one in plan.recipients} == {"Europe/Paris"}
    assert "2 people have a time zone that does not exist" in plan.warnings[0]
