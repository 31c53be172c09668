"""Mistakes in files of campaigns: each has its file, its line, and what to do."""

from __future__ import annotations

from pathlib import Path

import pytest

from framework.campaigns.files import campaign_names, read_campaign
from framework.errors import DefinitionError, UsageError
from tests.support.campaigns import BOT_FILE, bot_folder

GOOD = "audience: {users: [ann]}\ntext: Hello {{ receiver.name }}!\n"
NAME = "news"

WRONG = {
    "audience: {}\ntext: Hi\n": (1, "goes to nobody"),
    "text: Hi\n": (1, "goes to nobody"),
    "audience: {users: [ann]}\n": (1, "has no text"),
    GOOD + "sender: somebody-else\n": (3, "is not the bot"),
    "audience: {users: [ann]}\ntext: |\n  Hello {{ receiver.name }},\n  and {{ discuont }}\n": (4, "uses discuont"),
    "audience: {users: [ann]}\ntext: |\n  Hello\n  {% if receiver.plan %}x\n": (4, "not a valid template"),
    "audience: {users: [ann]}\ntext:\n  english: Hi\n": (2, "two letters"),
    GOOD + "at: tomorrow\n": (3, "is not a time"),
    GOOD + "at: 2026-12-01\n": (3, "has no time of day"),
    GOOD + "cron: 0 99 * * *\n": (3, "hour"),
    GOOD + "timezone: Europe/Berln\ncron: 0 9 * * *\n": (3, "did you mean Europe/Berlin"),
    GOOD + "timezone: person\n": (3, "needs a time"),
    GOOD + "time_of_day: 25:00\n": (3, "is not a time of day"),
    GOOD + "quiet_hours: 0:00-24:00\n": (3, "the whole day"),
    GOOD + "quiet_hours: at night\n": (3, "are not times"),
    GOOD + "at_most: once a week\n": (3, "is not a rate"),
    GOOD + "throttle: 0 per 1m\n": (3, "is not a rate"),
    GOOD + "holdout: 120%\n": (3, "is not a share"),
    GOOD + "holdout: 100%\n": (3, "everybody would get nothing"),
    GOOD + "expires: soon\n": (3, "neither a duration nor a time"),
    GOOD + "variants:\n  a: {share: 70%}\n  b: {share: 70%}\n": (3, "more than 100%"),
    GOOD + "at: 2026-12-01T09:00\ntime_of_day: 9:00\n": (1, "only one of"),
    GOOD + "variables: {receiver: me}\n": (3, "name is taken"),
    GOOD + "audiance: {users: [ann]}\n": (3, "audience"),
    "audience: {file: nobody.csv}\ntext: Hi\n": (1, "cannot be read"),
    "audience: {file: ../../secret.csv}\ntext: Hi\n": (1, "leads out"),
    '{"text": "Hi", "audience": {"users": ["ann"]}': (1, "bracket is not closed|not valid YAML"),
    "- text: Hi\n": (1, "must be a mapping"),
    "audience: {users: [ann]}\ntext: \"{{ ''.__class__ }}\"\n": (2, "is unsafe"),
    "audience: {users: [ann]}\ntext: '{% for n in range(999999999) %}x{% endfor %}'\n": (2, "Range too big"),
    f"audience: {{users: [ann]}}\ntext: {'x' * 5_001}\n": (2, "more than 5,000 characters"),
    "audience: {users: [ann, '']}\ntext: Hi\n": (1, "id of a user is empty"),
    GOOD + "at: 2027-03-01T09:00\nexpires: 2027-02-01T09:00\n": (4, "is not after `at`"),
}


@pytest.mark.parametrize(("text", "place", "what"), [(text, *said) for text, said in WRONG.items()])
def test_a_mistake_is_told_with_its_line(text: str, place: int, what: str, tmp_path: Path) -> None:
    bot = bot_folder(tmp_path, {NAME: text})
    with pytest.raises(DefinitionError, match=what) as caught:
        read_campaign(bot, NAME)
    said = str(caught.value)
    assert f"{NAME}.yaml:{place}" in said
    assert "\n  " in said, "a remedy"


def test_a_bot_without_a_user_has_no_sender(tmp_path: Path) -> None:
    bot = bot_folder(tmp_path, {NAME: GOOD}, bot=BOT_FILE.replace("user_id: market-bot, ", ""))
    with pytest.raises(DefinitionError, match="has no sender") as caught:
        read_campaign(bot, NAME)
    assert "identity: {user_id:" in str(caught.value)


def test_a_name_that_is_not_there_is_guessed(tmp_path: Path) -> None:
    bot = bot_folder(tmp_path, {NAME: GOOD})
    assert campaign_names(bot) == [NAME]
    for name in ("mews", "../bot", ""):
        with pytest.raises(UsageError, match="has no campaign"):
            read_campaign(bot, name)
    with pytest.raises(UsageError) as caught:
        read_campaign(bot, "mews")
    assert "Did you mean 'news'?" in str(caught.value)


def test_a_file_of_users_is_read_by_its_first_column(tmp_path: Path) -> None:
    files = {
        NAME: "audience: {file: people.csv}\ntext: Hi\n",
        "people.csv": "user_id,name\nann,Ann\n\n# gone\nben,Ben\nann,x\n",
    }
    assert read_campaign(bot_folder(tmp_path, files), NAME).users == ("ann", "ben")
    (tmp_path / "campaigns" / "people.csv").write_text("ann\ntwo words\n")
    with pytest.raises(DefinitionError, match="is not the id of a user") as caught:
        read_campaign(bot_folder(tmp_path, {NAME: files[NAME]}), NAME)
    assert "people.csv:2" in str(caught.value)
