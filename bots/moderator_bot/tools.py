"""Tools of the moderator: the list of rules, reports to the team, and what only the team may have done."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from langchain.tools import ToolRuntime, tool

from framework import ToolContext, ToolError
from framework.names import quoted, shown_name

BOT = "moderator-bot"
TEAM_CHANNEL = ("team", "makers-moderation")
TEAM = frozenset({"admin", "moderator"})
RULES = Path(__file__).parent / "knowledge"
LONGEST_MINUTES = 7 * 24 * 60
_QUOTED = 300

Runtime = ToolRuntime[ToolContext]


# With the embedded model, which does not choose tools by itself, the `phrases` lead to a tool.
@tool(extras={"phrases": [r"^\s*/rules\s*$", r"\b(list|all|show)\b.{0,20}\brules\b"], "writes": False})
def list_rules() -> str:
    """List the community's rules by name. Use it when somebody asks for all of them."""
    titles = [_title(file) for file in sorted(RULES.glob("rule-*.md"))]
    listed = "\n".join(f"{number}. {title}" for number, title in enumerate(titles, start=1))
    return f"Our rules:\n{listed}\n\nWrite **/rules** and a topic to read one, as in `/rules selling`."


@tool(extras={"phrases": [r"^report this message to the team\.$"]})
async def report_message(runtime: Runtime) -> str:
    """Bring the message that somebody flagged to the team's channel, once. Say nothing about who flagged it."""
    context = runtime.context
    if not context.message:
        raise ToolError("There is no message to report here: react to one with a flag.")
    message = (await context.execute("GetMessage", {"id": context.message})).get("message") or {}
    author = message.get("user") or {}
    if author.get("id") == BOT:
        return "That is one of my own messages. Please write to a moderator if something is wrong with it."
    name = shown_name(author.get("name") or "", author.get("id") or "", with_id=True)
    quote = quoted(str(message.get("text") or ""), _QUOTED)
    report = {
        # Several people may flag one message: the id makes it one report.
        "id": context.id_for("report", context.message),
        "text": f"A message of {name} in {context.channel} was reported:\n> {quote or '(no text)'}",
        "reported_message": context.message,
        "reported_channel": context.channel,
    }
    if await _exists(context, report["id"]):
        return "A moderator knows about this message already, and will look at it."
    place = {"type": TEAM_CHANNEL[0], "id": TEAM_CHANNEL[1]}
    if strangers := await _strangers(context, place):
        raise ToolError(f"The team's channel has members who are not of the team: {', '.join(strangers)}.")
    await context.execute("SendMessage", {**place, "message": report}, as_user=BOT)
    return "Thank you. A moderator has been told about this message, and will look at it."


_PERSON = r"@?(?P<member>[^\s,]+)"


@tool(extras={"phrases": [rf"^\s*/timeout\s+{_PERSON}\s+(?P<minutes>[0-9]+)\s*(?:m|min|minutes)?\b\s*(?P<reason>.*)$"]})
async def time_out(member: str, minutes: int, runtime: Runtime, reason: str = "") -> str:
    """Keep a member from writing in this channel for some minutes. Only when a moderator asks for it; another
    moderator approves.

    Args:
        member: The member's user id, or the name as it is shown.
        minutes: For how long, from 1 to 10080 (a week).
        reason: Which rule was broken, for the member to read.
    """
    if not 1 <= minutes <= LONGEST_MINUTES:
        raise ToolError(f"A time-out lasts from 1 to {LONGEST_MINUTES} minutes.")
    found = await _member(runtime.context, member)
    await _bar(runtime.context, found, reason, timeout=minutes)
    return f"{_name(found)} cannot write in this channel for {minutes} minutes.{_because(reason)}"


@tool(extras={"phrases": [rf"^\s*/ban\s+{_PERSON}\s*(?P<reason>.*)$"]})
async def ban(member: str, runtime: Runtime, reason: str = "") -> str:
    """Keep a member from writing in this channel for good. Only when a moderator asks for it; another moderator
    approves.

    Args:
        member: The member's user id, or the name as it is shown.
        reason: Which rule was broken, for the member to read.
    """
    found = await _member(runtime.context, member)
    await _bar(runtime.context, found, reason)
    return f"{_name(found)} cannot write in this channel any more.{_because(reason)}"


async def _bar(context: ToolContext, member: dict[str, Any], reason: str, **more: int) -> None:
    """Bar a member. Barring twice only changes the end, so a second try does no harm."""
    about: dict[str, Any] = {"target_user_id": member["id"], "banned_by_id": BOT, "channel_cid": context.channel}
    await context.execute("Ban", {**about, "reason": reason.strip() or "our rules", **more})


async def _member(context: ToolContext, wanted: str) -> dict[str, Any]:
    """A member of the channel by id or name. Raises ToolError for nobody, for several, and for people of the team."""
    kind, _, id_ = context.channel.partition(":")
    payload = {"type": kind, "id": id_, "filter_conditions": {}, "limit": 100}
    members = (await context.execute("QueryMembers", {"payload": payload})).get("members") or []
    users = [member.get("user") or {"id": member.get("user_id", "")} for member in members]
    plain = wanted.lstrip("@").casefold()
    found = [user for user in users if user["id"].casefold() == plain]
    found = found or [user for user in users if plain in _names(user)]
    if len(found) != 1:
        who = "nobody" if not found else f"{len(found)} people"
        raise ToolError(f"I find {who} called {wanted!r} in this channel. Use the user id.")
    if found[0]["id"] == BOT or found[0].get("role") in TEAM:
        raise ToolError("That is a person of the team: an admin has to do that by hand.")
    return dict(found[0])


async def _strangers(context: ToolContext, place: dict[str, str]) -> list[str]:
    """Return the members of a channel of the team who are not of the team: they would read what is posted there."""
    payload = {**place, "filter_conditions": {}, "limit": 100}
    members = (await context.execute("QueryMembers", {"payload": payload})).get("members") or []
    users = [member.get("user") or {"id": member.get("user_id", "")} for member in members]
    return [user["id"] for user in users if user["id"] != BOT and user.get("role") not in TEAM]


async def _exists(context: ToolContext, message_id: str) -> bool:
    try:
        found = await context.execute("GetMessage", {"id": message_id})
    except ToolError:
        return False
    return ((found.get("message") or {}).get("user") or {}).get("id") == BOT


def _names(user: dict[str, Any]) -> set[str]:
    name = str(user.get("name") or "").casefold()
    return {name, name.split(" ")[0]} - {""}


def _name(user: dict[str, Any]) -> str:
    return shown_name(user.get("name") or "", user["id"])


def _because(reason: str) -> str:
    return f" Reason: {reason.strip().rstrip('.')}." if reason.strip() else ""


def _title(file: Path) -> str:
    return file.read_text(encoding="utf-8").partition("\n")[0].lstrip("# ").strip()
