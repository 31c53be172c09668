"""Check what a tool posts in the bot's name as if the bot wrote it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from framework.errors import ToolError
from framework.values import Json

if TYPE_CHECKING:
    from framework.outbound import Screen

_TEXTS = frozenset(
    "text title description fallback pretext footer author_name caption name question value short_description".split()  # noqa: SIM905
)
_ADDRESSES = frozenset({"title_link", "author_link", "link", "image", "author_icon", "footer_icon", "html"})
_NAMES = frozenset({"id", "ids", "cid", "cids", "type", "role", "reaction", "members", "member", "users", "user"})
_EVERYBODY = ("mentioned_channel", "mentioned_here", "mentioned_roles", "mentioned_group_ids")
_MOST_MENTIONED = 5
_WITH_PREVIEW = frozenset({"SendMessage", "UpdateMessage", "UpdateMessagePartial"})


def screened(operation_id: str, arguments: Mapping[str, Any], screen: Screen) -> dict[str, Any]:
    """Return the arguments of an operation with texts that the bot may post.

    Raises ToolError for an address that it may not post in a field that cannot show it as code, for a message that
    mentions everybody, and for a text that the rules of its moderation.yaml refuse.
    """
    if not screen.is_on or operation_id.startswith(("Get", "Query", "Search", "List", "Check")):
        return dict(arguments)
    _check_mentions(arguments, screen)
    done: dict[str, Any] = _value("", arguments, screen)
    if operation_id in _WITH_PREVIEW:
        done.setdefault("skip_enrich_url", True)
    return done


def _value(key: str, value: Json, screen: Screen) -> Json:
    if isinstance(value, Mapping):
        return {name: _value(str(name), one, screen) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [_value(key, one, screen) for one in value]
    if not isinstance(value, str):
        return value
    if screen.rules is not None and not _is_name(key):
        verdict = screen.rules.final(value)
        if verdict.refused:
            raise ToolError(
                f"{key}: this bot may not say that. The moderation of its channels refuses it "
                f"({', '.join(verdict.rules)}). Leave it out, or say something else."
            )
    if (key.endswith("_url") or key in _ADDRESSES) and value and not screen.allows(value):
        raise ToolError(
            f"{key}: this bot may not post that address. Leave it out; the owner can allow its domain by reply.domains."
        )
    return screen(value) if key in _TEXTS else value


def place_of(arguments: Mapping[str, Any]) -> str | None:
    """The channel (TYPE:ID) that the arguments of an operation name; None if they name none."""
    kind, id_ = arguments.get("type"), arguments.get("id")
    cid = f"{kind}:{id_}" if isinstance(kind, str) and isinstance(id_, str) else arguments.get("cid")
    return cid if isinstance(cid, str) and ":" in cid else None


def _is_name(key: str) -> bool:
    """Whether a field names something that exists, and is no text."""
    return key in _NAMES or key.endswith(("_id", "_ids", "_cid", "_cids"))


def _check_mentions(arguments: Mapping[str, Any], screen: Screen) -> None:
    message = arguments.get("message")
    if screen.everybody or not isinstance(message, Mapping):
        return
    mentioned = message.get("mentioned_users") or ()
    if any(message.get(name) for name in _EVERYBODY) or len(mentioned) > _MOST_MENTIONED:
        raise ToolError("This bot may not call everybody at once: mention single people.")
