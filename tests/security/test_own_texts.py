"""What the bot says, with a model that obeys: what its moderation.yaml refuses is seen by nobody, at no time."""

from __future__ import annotations

import ast
from pathlib import Path

import aiohttp
from stream_chat import StreamChatAsync

import framework
from tests.security.test_outbound import shop, texts, watch
from tests.support.openai_server import call, say, scores
from tests.support.waiting import until

RULES = """
channels: ["messaging:*"]
judge: {by: openai, within: 5s}
rules:
  - {name: words, when: {words: [zorbax], domains: [spam-domain.example]}, do: reject, alert: "team:desk"}
  - {name: numbers, when: {personal_data: [iban]}, do: mask}
  - {name: hate, when: {model: hate, above: 0.8}, do: reject}
"""
TEAM = 'team: {users: [tina], channels: ["team:desk"]}\nphrases: {refused: "I would rather not say that."}'
REFUSED = "I would rather not say that."
IBAN = "DE89 3704 0044 0532 0130 00"
WRITERS = {"send_message", "update_message", "update_message_partial", "send_action", "query_draft", "create_draft"}


async def test_nothing_refused_is_seen_and_the_team_is_told(tmp_path: Path, environment: dict[str, str]) -> None:
    async with shop(tmp_path, environment, TEAM, RULES) as place, aiohttp.ClientSession() as session:
        place.model.judge = lambda asked: scores(hate=0.95 if "nasty" in str(asked.body["input"]) else 0.0)
        seen = await watch(place.sandbox, session)

        honest = await place.told("Three years. ", "See spam-domain.example.org, ", f"and pay to {IBAN}.", pause=0.05)
        assert honest["text"] == "Three years. See `spam-domain.example.org`, and pay to [iban]."
        for pieces in (("Of course: z ", "0 r", " b", " a x", ", as you wish"), ("See spam-", "domain[.]", "example ")):
            answer = await place.told(*pieces, pause=0.1)
            assert answer["text"] == REFUSED
        answer = await place.told("This is a ", "nasty thing to say.")
        assert answer["text"] == REFUSED, "the model refused it"
        await until(lambda: seen.count(REFUSED) >= 3)

        place.model.play(call(("send_message", {"text": "zorbax!"})), say("I could not send it."))
        await place.ann.reply(await place.ann.say("Send it"))

        shown = "\n".join([*seen, *await texts(place.sandbox)])
        for hidden in ("0 r", "zorbax", "domain[.]", IBAN[:12], "nasty thing to say."):
            assert hidden not in shown
        async with StreamChatAsync(
            place.sandbox.api_key, place.sandbox.api_secret, base_url=place.sandbox.url
        ) as client:
            told = await client.channel("team", "desk").query(state=True, messages={"limit": 20})
        lines = [message["text"] for message in told["messages"]]
        assert len(lines) == 3, lines
        assert sum("`words`" in line for line in lines) == 2
        assert not any("zorbax" in line or "domain[" in line for line in lines)


def test_a_bot_posts_through_one_door_alone() -> None:
    """Whoever writes messages at the chat service has each text looked at; other code cannot write any."""
    root = Path(framework.__file__).parent
    doors = set()
    for path in root.rglob("*.py"):
        if "sandbox" in path.parts:
            continue
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            called = node.func.attr if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) else ""
            receiver = node.func.value if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) else None
            if called in WRITERS and not _is_port(receiver):
                doors.add(str(path.relative_to(root)))
    # The second one sets what people wrote to what a rule of moderation.yaml makes of it.
    assert doors == {"stream/service/messages.py", "stream/moderation.py"}


def _is_port(receiver: ast.AST | None) -> bool:
    """Whether it is our own port to a chat service, whose implementation is that door."""
    return isinstance(receiver, ast.Attribute) and receiver.attr in {"_service", "service"}
