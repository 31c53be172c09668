"""Forty ways to break a bot.yaml that people would really have: each is named with line, column, key and remedy."""

from __future__ import annotations

from pathlib import Path

import pytest

from framework.definition.loader import load_bot
from framework.errors import DefinitionError

GOOD = r"""# A support bot.
identity:
  user_id: shop-bot
  name: Shop Bot
channels:
  join: ["messaging:shop-*"]
  where: {team: emea}
triggers:
  - mention
  - keyword: [refund, invoice]
  - regex: 'order #\d+'
  - schedule: {cron: "0 9 * * 1-5", timezone: Europe/Berlin, do: Say what is new.}
  - idle: {after: 30m, do: Ask whether there is more.}
  - member_joined: {say: "Welcome {name}!"}
conditions:
  not_users: [bob]
  hours:
    timezone: Europe/Berlin
    days: {mon-fri: "9:00-17:00"}
context:
  messages: 20
model: {name: "openai:gpt-5-mini", timeout: 30s, fallbacks: [embedded]}
prompt: prompt.md.j2
variables: {company: Example}
knowledge: knowledge
tools:
  - open_ticket
  - {name: refund, approval: "when: args.amount > 100"}
  - tracker/*
mcp_servers:
  tracker: {url: "https://tracker.example.com/mcp"}
team: {users: [ada, grace]}
budget:
  user_day: {money: 0.5}
  price: {input: 0.25, output: 2}
reply: {place: thread, merge_within: 2s}
handover: {enabled: true, alert: "team:desk"}
phrases:
  unsure: I am not certain. {topics} {person}
overrides:
  messaging:shop-vip-*:
    model: {temperature: 0.1}
    context: {messages: 50}
"""

# What is replaced, by what (¦ stands where the mistake is reported), and words of the message.
BREAKAGES = {
    "unknown section": ("identity:\n", "¦identty:\n", ["unknown key 'identty'", "Did you mean 'identity'?"]),
    "unknown key": ("  name: Shop", "  ¦nmae: Shop", ["unknown key 'nmae' in identity", "'name'"]),
    "key at the wrong level": (
        "prompt: prompt.md.j2",
        "¦temperature: 1\nprompt: prompt.md.j2",
        ["'temperature' is a key of `model`"],
    ),
    "section inside another": ("  messages: 20", "  ¦tools: []\n  messages: 20", ["stands at the top of the file"]),
    "user id": ("  user_id: shop-bot", "  ¦user_id: shop bot", ["identity.user_id", "'shop bot'", "agent-bot"]),
    "number as text": ("  name: Shop Bot", "  ¦name: 42", ["identity.name: expected text", 'quotes around it: "42"']),
    "text as number": ("messages: 20\n", "¦messages: twenty\n", ["context.messages", "a whole number", "'twenty'"]),
    "out of bounds": ("messages: 20\n", "¦messages: 0\n", ["context.messages", "greater than or equal to 1"]),
    "section as a list": (
        "context:\n  messages: 20",
        "¦context: [20]",
        ["context: expected keys with values, such as"],
    ),
    "list as a mapping": ("knowledge: knowledge", "¦knowledge: {folder: x}", ["knowledge", "expected a list of texts"]),
    "channel pattern": ('"messaging:shop-*"', '¦"shop-*"', ["channels.join[0]", "TYPE:ID", "messaging:support-*"]),
    "channel filter": ("{team: emea}", "{¦team: [emea]}", ["channels.where.team", "expected text or a number"]),
    "trigger word": ("- mention\n", "- ¦mentoin\n", ["triggers[0]", "Did you mean 'mention'?"]),
    "trigger kind": ("- keyword: [", "- ¦keywords: [", ["triggers[1]", "Did you mean 'keyword'?"]),
    "trigger without values": ("keyword: [refund, invoice]", "¦keyword: []", ["names nothing", "keyword: [refund"]),
    "regular expression": (
        r"regex: 'order #\d+'",
        r"¦regex: 'order (#\d+'",
        ["not a regular expression", "unterminated subpattern"],
    ),
    "regular expression that looks around": (
        r"regex: 'order #\d+'",
        "¦regex: 'order (?!form)'",
        ["looks around", "linear time", "without look-around"],
    ),
    "escape in quotes": (r"'order #\d+'", r'"order #\¦d+"', ["unknown escape character", "into '...'"]),
    "cron field": ('cron: "0 9 * * 1-5"', '¦cron: "0 25 * * *"', ["'25' is not a valid hour", "0 to 23"]),
    "cron fields": ('cron: "0 9 * * 1-5"', '¦cron: "9:00"', ["cron has five", "0 9 * * 1-5"]),
    "key of a schedule": ("timezone: Europe/Berlin, do", "¦timezon: UTC, do", ["'timezon'", "'timezone'"]),
    "time zone": ("  timezone: Europe/Berlin\n", "  ¦timezone: Berlin\n", ["not a time zone", "Europe/Berlin"]),
    "two times": (
        'cron: "0 9 * * 1-5"',
        'cron: "0 9 * * *", ¦every: 6h',
        ["`cron` and `every` exclude each other", "Keep one"],
    ),
    "moment": ('cron: "0 9 * * 1-5"', "¦at: tomorrow", ["'tomorrow' is not a time", "2026-12-24T09:00"]),
    "too often": ('cron: "0 9 * * 1-5"', "¦every: 5s", ["once a minute at most", "1m"]),
    "long jitter": ('cron: "0 9 * * 1-5"', "every: 5m, ¦jitter: 5m", ["`jitter` is not shorter than `every`", "30s"]),
    "name of a schedule": (
        'cron: "0 9 * * 1-5"',
        "¦name: my digest, every: 5m",
        ["'my digest' is not a name", "letters"],
    ),
    "missed": ('cron: "0 9 * * 1-5"', "every: 5m, ¦missed: never", ["run_once"]),
    "zone of a schedule": (
        "timezone: Europe/Berlin, do",
        "¦timezone: Europe/Berlim, do",
        ["not a time zone", "Europe/Berlin"],
    ),
    "schedule without a task": (", do: Say what is new.}", "}", ["'schedule' does not say what", "`do:`"]),
    "duration": ("after: 30m", "¦after: half an hour", ["not a duration", "30m"]),
    "placeholder": ('say: "Welcome {name}!"', '¦say: "Welcome {nmae}!"', ["{nmae}", "{name}"]),
    "day": ("{mon-fri:", "{¦mon-fry:", ["'mon-fry' is not a day", "mon-fri"]),
    "hours": ('mon-fri: "9:00-17:00"', '¦mon-fri: "9 to 5"', ["'9 to 5'", "9:00-17:00"]),
    "user pattern": ("[bob]", "[¦bob smith]", ["conditions.not_users[0]", "not a user id"]),
    "model": ('name: "openai:gpt-5-mini"', "¦name: gpt-5", ["model.name", "PROVIDER:NAME"]),
    "fallback": ("[embedded]", "[¦gpt-4]", ["model.fallbacks[0]", "'gpt-4'", "PROVIDER:NAME"]),
    "own tool": ("- open_ticket", "- ¦open_tiket", ["no tool 'open_tiket'", "Did you mean 'open_ticket'?"]),
    "condition": ("args.amount > 100", "args.amount >", ["tools[1].approval", "is not a condition"]),
    "condition's name": ("args.amount > 100", "amount > 100", ["speaks of amount", "args"]),
    "rule of a tool": ("approval:", "¦aproval:", ["unknown key 'aproval' in tools[1]", "'approval'"]),
    "server of a tool": ("- tracker/*", "- ¦traker/*", ["no MCP server 'traker'", "Did you mean 'tracker'?"]),
    "key of a server": ("{url:", "{¦ulr:", ["unknown key 'ulr' in mcp_servers.tracker", "'url'"]),
    "address of a server": ('url: "https://t', '¦url: "tcp://t', ["not an address", "https://mcp.example.com"]),
    "choice": ("place: thread", "¦place: thred", ["one of same, thread, channel", "Did you mean 'thread'?"]),
    "money without a price": ("  price: {input: 0.25, output: 2}\n", "", ["user_day.money", "price: {input"]),
    "review channel": ('alert: "team:desk"', "¦alert: desk", ["handover.alert", "'desk' is not TYPE:ID"]),
    "placeholder of a phrase": ("  unsure: I", "  ¦unsure: I, {topic}", ["{topic} is not a placeholder", "{topics}"]),
    "override's pattern": ("messaging:shop-vip-*:", "¦shop-vip-*:", ["overrides", "not TYPE:ID"]),
    "override's key": ("    context: {messages", "    context: {¦mesages", ["'mesages'", "Did you mean 'messages'?"]),
    "override of what is one for all": (
        "    context: {messages: 50}",
        "    ¦channels: []",
        ["'channels' is the same in all channels", "top of the file"],
    ),
    "override of the user": (
        "    context: {messages: 50}",
        "    identity: {¦user_id: vip}",
        ["one user in all channels", "top of the file"],
    ),
    "override that contradicts": (
        "    context: {messages: 50}",
        "    drafts: {enabled: true}\n    reply: {¦supersede: true}",
        ["supersede cannot be used with drafts"],
    ),
    "two ways to say when": ("context:\n", "¦respond_to: mention\ncontext:\n", ["respond_to and triggers", "Keep one"]),
    "missing article folder": ("knowledge: knowledge", "¦knowledge: knowlege", ["does not exist", "'knowledge'"]),
    "missing prompt": ("prompt: prompt.md.j2", "¦prompt: prompt.j2", ["'prompt.j2' does not exist", "prompt.md.j2"]),
    "key given twice": ("variables: {", "¦prompt: x\nvariables: {", ["'prompt' stands here a second", "on line"]),
    "indentation": (
        "  name: Shop Bot",
        "   name¦: Shop Bot",
        ["indented by 3 blanks, the one above by 2", "Begin both at the same column"],
    ),
    "no blank behind a colon": (
        "prompt: prompt.md.j2\n",
        "¦prompt:prompt.md.j2\n# A note.\n",
        ["A key needs a colon and a space"],
    ),
    "two documents": ("context:\n", "¦---\ncontext:\n", ["a second document begins here", "remove the line `---`"]),
    "a sign that is no text": ("  name: Shop Bot", "  name: Shop¦\0Bot", ["0x0000, which is not text", "Remove"]),
    "tab": ("  name: Shop Bot", "¦\tname: Shop Bot", ["not valid YAML", "spaces"]),
    "colon in a text": ("  name: Shop Bot", "  name: Shop¦: Bot", ["not valid YAML", "quotes"]),
    "bracket left open": ("users: [ada, grace]}", "users: [ada, grace¦}", ["not valid YAML"]),
    "bracket left open over lines": ("team: {users: [ada, grace]}", "team: ¦{users: [ada, grace]", ["is not closed"]),
    "colon without a space": ("context:\n  messages: 20", "¦context:\n  messages:20", ["A colon needs a space"]),
    "singular": ("tools:\n", "¦tool:\n", ["Did you mean 'tools'?"]),
    "a key beside entries": (
        "  - mention\n",
        "  - mention\n  ¦keyword: x\n",
        ["not valid YAML", "all of them with a dash or all of them with a key"],
    ),
    "blank that is none": ("  name: Shop Bot", "¦\u00a0 name: Shop Bot", ["a no-break space", "type it anew"]),
    "blank that is none, above a right one": (
        "  user_id: shop-bot\n",
        "¦\u00a0 user_id: shop-bot\n",
        ["a no-break space", "type the blanks anew"],
    ),
    "curly quotes": ('["messaging:shop-*"]', "[¦“messaging:shop-*”]", ["TYPE:ID", "straight quotes"]),
    "abbreviated time zone": ("  timezone: Europe/Berlin\n", "  ¦timezone: CEST\n", ["not a time zone; name a place"]),
    "a day that never comes": (
        'cron: "0 9 * * 1-5"',
        '¦cron: "0 9 31 2 *"',
        ["never comes: no month of `2` has a day 31"],
    ),
    "hours without length": (
        'mon-fri: "9:00-17:00"',
        '¦mon-fri: "9:00-9:00"',
        ["ends when it begins", "0:00-24:00"],
    ),
    "language by its name": ("  name: Shop Bot", "  ¦language: English", ["not a code of a language", "en or de"]),
    "language with a country": ("  name: Shop Bot", "  ¦language: de_DE", ["not a code of a language; write 'de'"]),
    "rules below a tool's name": (
        "{name: refund, approval: ",
        "¦{refund: ",
        ["stand beside its name: {name: refund"],
    ),
    "two ways to a server": (
        'mcp"}',
        'mcp", command: [x]}',
        ["mcp_servers.tracker.url", "by its `url` or by its `command`", "Keep one"],
    ),
    "command as one text": (
        '{url: "https://tracker.example.com/mcp"}',
        "{¦command: python server.py}",
        ["a program with blanks", "[python, server.py]"],
    ),
    "wildcard in knowledge": ("knowledge: knowledge", "¦knowledge: knowledge/*.md", ["wildcards", "'knowledge'"]),
    "address as knowledge": ("knowledge: knowledge", "¦knowledge: https://a.example/x", ["is an address", "HTML"]),
    "text as prompt": ("prompt: prompt.md.j2", "¦prompt: You are a bot.", ["not the name of a file", "prompt.md.j2"]),
    "brace left open": ("{topics} {person}", "{topics {person}", ["the brace before 'topics' is not closed"]),
    "anchor without a place": (
        "context:\n",
        "¦x-all: &all {messages: 5}\ncontext:\n",
        ["'x-all'", "put the & where the value is first used"],
    ),
    "asterisk without quotes": ('["messaging:shop-*"]', "¦*all", ["not valid YAML", "needs quotes"]),
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "knowledge").mkdir()
    (tmp_path / "knowledge" / "returns.md").write_text("# Returns\n\nWithin 30 days.\n")
    (tmp_path / "prompt.md.j2").write_text("You are {{ bot_name }} of {{ company }}.")
    (tmp_path / "tools.py").write_text(
        "from typing import TYPE_CHECKING\n\nif TYPE_CHECKING:\n    from pathlib import Path\n\n\n"
        'def open_ticket(text: str) -> str:\n    """Open."""\n    return text\n\n\n'
        'def refund(amount: int) -> str:\n    """Refund."""\n    return str(amount)\n'
    )
    return tmp_path


def load_error(folder: Path, text: str) -> DefinitionError:
    (folder / "bot.yaml").write_text(text, encoding="utf-8")
    with pytest.raises(DefinitionError) as caught:
        load_bot(str(folder))
    return caught.value


def test_the_bot_that_is_broken_below_is_right(folder: Path) -> None:
    (folder / "bot.yaml").write_text(GOOD, encoding="utf-8")
    bot = load_bot(str(folder))
    assert not bot.warnings
    assert bot.system_prompt == "You are Shop Bot of Example."


@pytest.mark.parametrize("name", BREAKAGES)
def test_a_mistake_is_named_with_line_column_key_and_remedy(folder: Path, name: str) -> None:
    old, new, words = BREAKAGES[name]
    assert GOOD.count(old) == 1, f"{old!r} does not stand exactly once in the example"
    marked = GOOD.replace(old, new)
    error = load_error(folder, marked.replace("¦", ""))
    message = str(error)
    for word in words:
        assert word in message, message
    assert error.hint, "no remedy"
    assert "\n" not in error.what, f"more than one mistake is told:\n{message}"
    if "¦" in marked:
        before = marked.partition("¦")[0]
        line, column = before.count("\n") + 1, len(before) - before.rfind("\n")
        assert f"bot.yaml:{line}:{column}: " in message, message
    else:
        assert "bot.yaml:" in message


def test_a_file_in_another_encoding_is_named_with_its_line(folder: Path) -> None:
    (folder / "bot.yaml").write_bytes(GOOD.replace("Shop Bot", "Fröhlich").encode("latin-1"))
    with pytest.raises(DefinitionError, match=r"bot\.yaml:4:11: is not text in UTF-8\n.*Save it as UTF-8"):
        load_bot(str(folder))


def test_all_mistakes_are_told_at_once_in_the_order_of_the_file(folder: Path) -> None:
    chosen = ["user id", "trigger word", "out of bounds", "key of a server", "missing article folder", "choice"]
    text = GOOD
    for name in chosen:
        old, new, _ = BREAKAGES[name]
        text = text.replace(old, new.replace("¦", ""))
    message = str(load_error(folder, text))
    signs = ["user_id", "triggers[0]", "context.messages", "does not exist", "'ulr'", "reply.place"]
    places = [message.index(sign) for sign in signs]
    assert places == sorted(places)


def test_words_that_yaml_once_took_for_booleans_and_dates_are_texts(folder: Path) -> None:
    text = GOOD.replace("Shop Bot", "No").replace("- mention\n", "- on: mention\n")
    text = text.replace("  hours:\n", "  hours:\n    closed: [2026-12-25]\n")
    (folder / "bot.yaml").write_text(text, encoding="utf-8")
    definition = load_bot(str(folder)).definition
    assert definition.identity.name == "No"
    assert definition.triggers[0].on == "mention"
    assert definition.conditions.hours is not None
    assert definition.conditions.hours.closed == ("2026-12-25",)


def test_a_section_whose_lines_are_all_commented_out_says_nothing(folder: Path) -> None:
    (folder / "bot.yaml").write_text("prompt: prompt.md.j2\nvariables: {company: X}\ncontext:\n  # messages: 5\n")
    assert load_bot(str(folder)).definition.context.messages == 20


def test_settings_without_effect_are_warnings(folder: Path) -> None:
    text = GOOD.replace("enabled: true, ", "") + "memory: {limit: 5}\n"
    (folder / "bot.yaml").write_text(text, encoding="utf-8")
    warnings = [str(warning) for warning in load_bot(str(folder)).warnings]
    assert len(warnings) == 2
    assert "handover.alert has no effect" in warnings[0] + warnings[1]
    assert "memory.limit has no effect" in warnings[0] + warnings[1]


def test_what_is_rarely_meant_is_a_warning(folder: Path) -> None:
    text = GOOD.replace('"9:00-17:00"', '"17:00-9:00"').replace(
        "keyword: [refund, invoice]", "keyword: refund, invoice"
    )
    text = text.replace("  where: {team: emea}", '  where: {team: emea}\n  create: ["messaging:other-1"]')
    (folder / "bot.yaml").write_text(text, encoding="utf-8")
    warnings = "\n".join(str(warning) for warning in load_bot(str(folder)).warnings)
    assert "17:00-9:00 goes on over midnight" in warnings
    assert "write 9:00-17:00; if it is the night, write 0:00-9:00, 17:00-24:00" in warnings
    assert "is one keyword, with its comma" in warnings
    assert "messaging:other-1 is made at start, but the bot does not work there" in warnings


def test_nights_and_schedules_that_come_are_no_mistakes(folder: Path) -> None:
    text = GOOD.replace('"9:00-17:00"', '"22:00-6:00", sat: "0:00-9:00, 17:00-24:00", sun: "0:00-0:00"')
    text = text.replace('cron: "0 9 * * 1-5"', 'cron: "0 9 31 2 1"')
    (folder / "bot.yaml").write_text(text, encoding="utf-8")
    assert not load_bot(str(folder)).warnings


@pytest.mark.parametrize(
    ("prompt", "words"),
    [
        ("You are {{ compny }}.", [":1:12: uses compny", "Did you mean 'company'?"]),
        ("A\nB {{ company|uper }}", [":2: cannot be filled in", "Did you mean 'upper'?"]),
        ("A\n{% include 'rules.md' %}", [":2:13: the prompt 'rules.md' does not exist"]),
        ("A {{ company }", [":1: is not a valid template"]),
    ],
)
def test_a_mistake_in_a_prompt_is_named_with_its_line(folder: Path, prompt: str, words: list[str]) -> None:
    (folder / "prompt.md.j2").write_text(prompt)
    message = str(load_error(folder, GOOD))
    for word in words:
        assert f"prompt.md.j2{word}" in message or word in message, message


def test_a_template_that_is_included_is_checked_too(folder: Path) -> None:
    (folder / "prompt.md.j2").write_text("Hello.\n{% include 'rules.md.j2' %}\n")
    (folder / "rules.md.j2").write_text("One.\nBe {{ mood }}.\n")
    message = str(load_error(folder, GOOD))
    assert "rules.md.j2:2" in message
    assert "mood" in message
