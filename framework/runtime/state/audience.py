"""Who may see what a bot says: nobody who could not see what it answers."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from framework.stream.model import Message


def audience_of(
    bot_user_id: str, answered: Sequence[Message], *, around: Iterable[Message | None] = (), also: Sequence[str] = ()
) -> tuple[str, ...]:
    """Return the only users who may see the answer to these messages, the bot among them; none: every member may.

    `around` are the messages that they stand below or quote, `also` a restriction that comes from elsewhere. The people
    are those who see each of them that is restricted. The person who asked is always among them.
    """
    authors = [message.user.id for message in answered]
    bounds = [seen_by(message) for message in answered]
    bounds += [quoted for message in answered if (quoted := message.quoted_visible_to)]
    bounds += [seen_by(message) for message in around if message is not None]
    restricted = [users for users in (*bounds, tuple(also)) if users]
    if not restricted:
        return ()
    common = [user for user in restricted[0] if all(user in users for users in restricted)]
    return tuple(dict.fromkeys([*common, *authors, bot_user_id]))


def seen_by(message: Message) -> tuple[str, ...]:
    """Return the only users who see a message, its author among them; none: every member does."""
    if message.shadowed:
        return (message.user.id,)
    return (*message.visible_to, message.user.id) if message.visible_to else ()
