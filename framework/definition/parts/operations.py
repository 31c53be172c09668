"""What an agent or an MCP client may do with the operations of the chat service. The default is: nothing."""

from __future__ import annotations

import re
from datetime import timedelta
from fnmatch import fnmatchcase
from typing import Annotated

from pydantic import AfterValidator, Field

from framework.definition.parts.part import ONE_OR_MANY, Duration, Part, Texts

CATALOGUE_TOOLS = (
    "search_operations",
    "load_operation",
    "execute_operation",
    "list_operations",
    "issue_user_token",
)
"""Tools for the whole catalogue, which a bot may list beside those of its tools.py."""
DIRECT_TOOLS = {
    "read_messages": "QueryChannels",
    "send_message": "SendMessage",
    "add_reaction": "SendReaction",
    "query_channels": "QueryChannels",
    "add_member": "UpdateChannel",
    "search_messages": "Search",
}
"""Tools for one common operation each, and that operation."""
OPERATION_TOOLS = (*CATALOGUE_TOOLS, *DIRECT_TOOLS)

CONVERSATION = "conversation"
BOT, CALLER, APP = "bot", "caller", "app"
CLASSES = ("reads", "writes", "administers", "destroys")
_RULE = re.compile(r"[A-Z][A-Za-z0-9]*|reads|writes|administers|destroys")


def _rule(value: str) -> str:
    if not _RULE.fullmatch(value):
        raise ValueError(f"{value!r} is not an operation (as in SendMessage), reads, writes, administers or destroys")
    return value


def _address(value: str) -> str:
    if value not in {CONVERSATION, "*"} and not re.fullmatch(r"[a-zA-Z0-9_*-]+:[^:,%\s]+", value):
        raise ValueError(f"{value!r} is not `conversation`, `*` or TYPE:ID, for example messaging:support-*")
    return value


Rules = Annotated[tuple[Annotated[str, AfterValidator(_rule)], ...], ONE_OR_MANY]
Addresses = Annotated[tuple[Annotated[str, AfterValidator(_address)], ...], ONE_OR_MANY]


class IssueTokens(Part):
    """For whom `issue_user_token` may sign a token. For nobody, unless users are named."""

    users: Texts = Field(
        (), description="User ids; `*` and `?` are wildcards. None: the tool is off.", examples=[["ada", "staff-*"]]
    )
    reveal: bool = Field(
        False, description="Give out the token itself and not only a handle, to set up a person's client."
    )
    longest: Duration = Field(timedelta(minutes=15), description="The longest life of a token or handle, as in 15m.")


class Operations(Part):
    """Which operations may be executed, where, as whom, and which of them a person has to approve."""

    allow: Rules = Field(
        ("reads",),
        description="Operations that may be executed: ids, as in SendMessage, and classes: reads, writes, "
        "administers, destroys. A bot may administer (roles, app settings, exports) only with operations "
        "that are named by id.",
    )
    deny: Rules = Field(
        (),
        description="Operations that are never executed, in the same form. Wins over `allow`.",
        examples=[["DeleteChannel"]],
    )
    approve: Rules = Field(
        ("destroys", "administers"),
        description="Operations that wait until a person approved this very call, in the same form.",
    )
    channels: Addresses = Field(
        (CONVERSATION,),
        description="Where: `conversation` (the channel of the turn), TYPE:ID with wildcards, or `*` for everywhere.",
    )
    act_as: Texts = Field(
        (BOT,),
        min_length=1,
        description="As whom the bot may act. The first one is the default: `bot`, `caller` (the person who asks), "
        "`app` (no user), user ids, or `*`.",
    )
    mention_everybody: bool = Field(
        False, description="Let messages mention the whole channel, roles or groups, or more than 5 people."
    )
    fields: Texts = Field(
        (), description="Custom fields of the bot's own records, such as `review`, that messages may set. `*`: all."
    )
    issue_tokens: IssueTokens = Field(default_factory=IssueTokens, description="Whether tokens may be issued.")

    @property
    def everywhere(self) -> bool:
        """Return whether all channels are allowed."""
        return "*" in self.channels

    @property
    def named(self) -> tuple[str, ...]:
        """Return the operations that are named by their id."""
        return tuple(dict.fromkeys(rule for rule in self.allow + self.deny + self.approve if rule not in CLASSES))


def matches(value: str, patterns: tuple[str, ...]) -> bool:
    """Return whether a value matches one of the patterns, in which `*` and `?` are wildcards."""
    return any(fnmatchcase(value, pattern) for pattern in patterns)
