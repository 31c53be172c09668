"""The bots that answer here, as their process told the sandbox. The playground offers to talk to them."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

from framework.sandbox.chat.channels import rules as channels
from framework.sandbox.chat.channels.record import CHANNELS, MEMBERS, pair
from framework.sandbox.chat.members import memberships
from framework.sandbox.chat.messages import rules as messages
from framework.sandbox.chat.permissions.ban_status import is_banned
from framework.sandbox.chat.permissions.rules import require
from framework.sandbox.chat.users import people
from framework.sandbox.chat.users.record import USERS
from framework.sandbox.dev.invites import is_invite, make_invite
from framework.sandbox.kernel.call import Call
from framework.sandbox.kernel.errors import forbidden, invalid
from framework.sandbox.kernel.operations import Access, Domain, Result
from framework.sandbox.kernel.store.record import Record
from framework.sandbox.kernel.store.table import Table

if TYPE_CHECKING:
    from framework.sandbox.chat.users.record import User

MOST_BOTS = 100
MOST_TEXTS = 100
LONGEST = 1_000
_UNPROVEN = frozenset({"guest", "anonymous"})


@dataclass(slots=True)
class PresentedBot(Record):
    """One bot.

    - `conversations`: channels as TYPE:ID in which `*` stands for some letters and `?` for one. A channel of such a
      name is the bot's, if it has the custom fields `where`. `automatic`: the bot joins it by itself.
    - `rooms`: channels that users matching `open_to` may join. `desks`: channels of the team.
    - `team_users`: patterns of user ids. `team_roles`: roles in the app.
    - `resume`: what the team writes to hand a channel back to the bot.
    """

    KEY = ("user_id",)

    user_id: str
    told_at: datetime
    name: str = ""
    image: str = ""
    description: str = ""
    resume: str = ""
    automatic: bool = True
    where: dict[str, Any] = field(default_factory=dict)
    starters: list[str] = field(default_factory=list)
    conversations: list[str] = field(default_factory=list)
    rooms: list[str] = field(default_factory=list)
    open_to: list[str] = field(default_factory=list)
    desks: list[str] = field(default_factory=list)
    team_users: list[str] = field(default_factory=list)
    team_roles: list[str] = field(default_factory=list)


BOTS = Table("playground_bots", PresentedBot)
DOMAIN = Domain("playground")
_TEXTS = ("name", "image", "description", "resume")
_LISTS = ("starters", "conversations", "rooms", "open_to", "desks", "team_users", "team_roles")


@DOMAIN.operation("PresentBots", "PUT", "/sandbox/bots", v2=None, access=Access.SERVER)
def present_bots(call: Call) -> Result:
    """Take in `{"bots": [...]}`, each with the fields of PresentedBot. It replaces the one of the same user id."""
    told = call.objects("bots")
    if len(told) > MOST_BOTS:
        raise invalid(f"bots cannot contain more than {MOST_BOTS} bots")
    for bot in [_read(call, fields) for fields in told]:
        call.store[BOTS].put(bot)
    return {}


@DOMAIN.operation("ListBots", "GET", "/sandbox/bots", v2=None)
def list_bots(call: Call) -> Result:
    """Return the bots as the caller may know them: the rooms open to them, and the desks of their team."""
    user = people.acting_user(call)
    known = sorted(call.store[BOTS], key=lambda bot: (bot.name, bot.user_id))
    return {"bots": [_view(call, bot, user) for bot in known if bot.user_id in call.store[USERS]]}


@DOMAIN.operation("JoinRoom", "POST", "/sandbox/join", v2=None)
def join_room(call: Call) -> Result:
    """Make the caller a member of `cid`: a room open to them, a channel of their team or its bot, or by an `invite`."""
    user, cid = people.acting_user(call), call.required_text("cid")
    invite = call.text("invite") or ""
    if not (is_invite(call, invite, cid) or any(_may_enter(call, bot, user, cid) for bot in call.store[BOTS])):
        why = "this link is not, or no longer, valid" if invite else "it is not open to everybody"
        raise forbidden(f"{user.id} cannot join {cid}: {why}. A member can add you.")
    if is_banned(call.sandbox, cid, user.id):
        raise forbidden(f"user {user.id} is banned from this channel")
    memberships.add_members(call, channels.by_cid(call, cid), [{"user_id": user.id}], user)
    return {"cid": cid}


@DOMAIN.operation("MakeInvite", "POST", "/sandbox/invites", v2=None)
def make_room_invite(call: Call) -> Result:
    """Return an `invite`: everybody who has it may join `cid` for a week. Only for those who may add members."""
    user = people.acting_user(call)
    channel = channels.by_cid(call, call.required_text("cid"))
    require(call, channel, user, "update-channel-members")
    return {"invite": make_invite(call, channel.cid)}


@DOMAIN.operation("HandBack", "POST", "/sandbox/hand-back", v2=None)
def hand_back(call: Call) -> Result:
    """Post the command that hands `cid` back to the `bot` (its user id), as the caller, for the bot's eyes alone.

    Only for the bot's team. People may be of it who may not send messages that only some see.
    """
    user, bot = people.acting_user(call), call.store[BOTS].get(call.required_text("bot"))
    channel = channels.by_cid(call, call.required_text("cid"))
    if bot is None or not is_team(bot, user) or pair(channel.cid, bot.user_id) not in call.store[MEMBERS]:
        raise forbidden(f"{user.id} is not of the team of a bot in {channel.cid}")
    require(call, channel, user, "send-message")
    taken = messages.take_message(call, {"text": bot.resume, "restricted_visibility": [bot.user_id]})
    message = messages.compose(call, channel, taken, user)
    messages.deliver(call, channel, message, user, keep_hidden=False)
    return {}


def _read(call: Call, fields: dict[str, Any]) -> PresentedBot:
    user_id = people.check_user_id(fields.get("user_id"))
    texts = {name: (call.text(name, fields) or "")[:LONGEST] for name in _TEXTS}
    lists = {name: [text[:LONGEST] for text in call.texts(name, fields)[:MOST_TEXTS]] for name in _LISTS}
    bot = PresentedBot(user_id, call.now, automatic=call.flag("automatic", fields, default=True))
    for name, value in {**texts, **lists, "where": call.mapping("where", fields)}.items():
        setattr(bot, name, value)
    return bot


def _view(call: Call, bot: PresentedBot, user: User) -> dict[str, Any]:
    of_team = is_team(bot, user)
    rooms = [cid for cid in bot.rooms if _may_join(bot, user, cid) and cid in call.store[CHANNELS]]
    desks = [cid for cid in bot.desks if of_team and cid in call.store[CHANNELS]]
    joined = [cid for cid in (*rooms, *desks) if pair(cid, user.id) in call.store[MEMBERS]]
    return {
        "user_id": bot.user_id,
        "name": bot.name,
        "image": bot.image,
        "description": bot.description,
        "starters": bot.starters,
        "conversations": bot.conversations,
        "where": bot.where,
        "automatic": bot.automatic,
        "resume": bot.resume if of_team else "",
        "online": call.sandbox.hub.is_online(bot.user_id),
        "of_team": of_team,
        "rooms": rooms,
        "desks": desks,
        "joined": joined,
    }


def _may_enter(call: Call, bot: PresentedBot, user: User, cid: str) -> bool:
    """The team may also enter the conversations of its bot: somebody may wait for a person there."""
    is_conversation = pair(cid, bot.user_id) in call.store[MEMBERS]
    return _may_join(bot, user, cid) or (is_conversation and is_team(bot, user))


def _may_join(bot: PresentedBot, user: User, cid: str) -> bool:
    if cid in bot.desks and is_team(bot, user):
        return True
    return cid in bot.rooms and any(fnmatchcase(user.id, pattern) for pattern in bot.open_to)


def is_team(bot: PresentedBot, user: User) -> bool:
    """Whether somebody is of a bot's team: by their id or by their role. Guests choose their id, so they never are."""
    if user.role in _UNPROVEN or user.id == bot.user_id:
        return False
    return user.role in bot.team_roles or any(fnmatchcase(user.id, pattern) for pattern in bot.team_users)
