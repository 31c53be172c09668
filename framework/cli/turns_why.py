"""`turns why`: the story of one message, and the line of bot.yaml behind each thing that was decided about it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from framework.errors import ChatServiceError, FrameworkError, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from framework.definition.model import Bot
    from framework.definition.origins import ValueOrigin
    from framework.engine.port import Record
    from framework.settings import Settings
    from framework.stream.model import Message

DEFAULT = "default"


@dataclass(frozen=True)
class StoryLine:
    """One thing that happened or was decided. `where`: `bot.yaml:12:3`, `default`, or empty if no key is behind it."""

    what: str
    detail: str
    where: str = ""


@dataclass(frozen=True)
class Story:
    """What one bot made of a message. `state` is that of the turn, or `none` if the message reached no turn."""

    bot: str
    state: str
    lines: tuple[StoryLine, ...]


def stories(
    message_id: str, records: Iterable[Record], read: Mapping[str, Message], bots: Iterable[Bot]
) -> list[Story]:
    """Return a story for each bot that had the message, or that could have had it. `read`: what the chat service has of
    it and of its replies, by id.

    Raises UsageError if nothing is known of the message.
    """
    known = {bot.name: bot for bot in bots}
    told, message = [], read.get(message_id)
    for record in records:
        message = read.get(asked_id(record))
        reply = read.get(str(record.job.payload.get("reply")))
        told.append(_of_turn(record, known.get(str(record.job.payload.get("bot"))), message, reply))
    if not told and message is not None:
        told = [_without_turn(bot, message) for bot in known.values()]
    if not told:
        raise UsageError(
            f"Nothing is known of a message {message_id!r}.",
            hint="Give its id, that of its reply, or a key that `turns list --state settled` shows. The message itself "
            "is only read while its chat service can be reached.",
        )
    return told


def asked_id(record: Record) -> str:
    """Return the id of the message that a turn is about; empty if it is about none."""
    return str((record.job.payload.get("trigger") or {}).get("id", ""))


async def read_messages(settings: Settings, ids: Iterable[str]) -> dict[str, Message]:
    """Read messages from the chat service: those that exist, and none if no service can be reached at the moment."""
    from framework.app.local_sandbox import reachable
    from framework.stream.factory import find_message

    there = settings if settings.has_stream else reachable(settings)
    found: dict[str, Message] = {}
    if there is None:
        return found
    for one in dict.fromkeys(ids):
        try:
            message = await find_message(there, one)
        except ChatServiceError:
            break  # The story says that the chat cannot be read.
        if message is not None:
            found[one] = message
    return found


def all_bots() -> Iterator[Bot]:
    """The bots under bots/ that can be loaded: of the others, `check` tells what is wrong."""
    from framework.definition.loader import bot_names, load_bot

    for name in bot_names():
        try:
            yield load_bot(name)
        except FrameworkError:
            continue


def _of_turn(record: Record, bot: Bot | None, message: Message | None, reply: Message | None) -> Story:
    payload = record.job.payload
    trigger = payload.get("trigger") or {}
    channel = trigger.get("channel") or {}
    cid = f"{channel['type']}:{channel['id']}" if channel else _channel_of(record.job.lane)
    who = (trigger.get("user") or {}).get("id", "")
    lines = [_written(who, cid, message)]
    if bot is not None:
        lines.append(_presence(bot, cid))
    lines.append(
        StoryLine("accepted", f"{record.accepted_at.astimezone():%Y-%m-%d %H:%M:%S}, as {payload.get('origin')}")
    )
    if bot is not None and message is not None and record.outcome == "replied":
        lines += _started_by(bot, cid, message)
    lines += _outcome(record, bot, cid)
    if reply is not None:
        files = dict.fromkeys(str(source.get("file", "")) for source in reply.custom.get("sources") or ())
        lines.append(StoryLine("it says", reply.text))
        lines.append(StoryLine("from", ", ".join(files) or "no article"))
    return Story(str(payload.get("bot", "")), record.state, tuple(lines))


def _without_turn(bot: Bot, message: Message) -> Story:
    """Why a message reached no turn of a bot."""
    from framework.cli.explain import presence
    from framework.runtime.core.message_context import MessageContext
    from framework.runtime.core.triggers import names_of, not_answered
    from framework.runtime.decide.policy import No, decide

    cid = str(message.channel)
    lines = [_written(message.user.id, cid, message), _presence(bot, cid)]
    there, _ = presence(bot, cid)
    definition = bot.at(cid).definition
    never = not_answered(message, definition)
    context = MessageContext(definition.identity.user_id, names_of(definition), message)
    verdict = decide(context, definition)
    if never is not None:
        lines.append(_decision(bot, cid, "not answered", f"silent: {never}"))
    elif not there:
        lines.append(StoryLine("not answered", "the bot is not in the channel"))
    elif isinstance(verdict, No):
        lines.append(_decision(bot, cid, "not answered", f"silent: {verdict.reason}"))
    else:
        why = "no process with this bot has taken it in: none runs, or it came before the bot joined the channel"
        lines.append(StoryLine("not answered", why))
        lines.append(_decision(bot, cid, "looks back", "", keys=("catch_up.horizon",)))
    return Story(bot.name, "none", tuple(lines))


def _written(who: str, cid: str, message: Message | None) -> StoryLine:
    if message is None:
        return StoryLine("written", f"by {who} in {cid}; its text is not kept, and the chat cannot be read now")
    return StoryLine(
        "written", f"{message.created_at.astimezone():%Y-%m-%d %H:%M:%S} by {who} in {cid}: {message.text}"
    )


def _presence(bot: Bot, cid: str) -> StoryLine:
    from framework.cli.explain import presence

    there, why = presence(bot, cid)
    key = "channels.create" if cid in bot.definition.channels.create else "channels.join"
    return _decision(bot, cid, "in the channel" if there else "not in it", why, keys=(key,))


def _started_by(bot: Bot, cid: str, message: Message) -> Iterator[StoryLine]:
    from framework.runtime.core.message_context import MessageContext
    from framework.runtime.core.triggers import fired, names_of

    definition = bot.at(cid).definition
    trigger = fired(MessageContext(definition.identity.user_id, names_of(definition), message), definition)
    if trigger is None:
        return
    number = definition.effective_triggers.index(trigger)
    yield _decision(bot, cid, "started by", trigger.on.replace("_", " "), keys=("triggers", "respond_to"), item=number)


def _outcome(record: Record, bot: Bot | None, cid: str) -> Iterator[StoryLine]:
    tries = "at the first try" if record.attempts == 1 else f"after {record.attempts} tries"
    reply = record.job.payload.get("reply", "")
    if record.state == "settled" and record.outcome == "replied":
        yield StoryLine("answered", f"{tries}, by the message {reply}")
    elif record.state == "settled":
        kind, _, reason = record.outcome.partition(": ")
        what = {"silent": "not answered", "handed off": "handed over"}.get(kind, kind)
        yield _decision(bot, cid, what, record.outcome, shown=reason) if bot else StoryLine(what, reason)
    elif record.state == "dead":
        yield StoryLine("given up", f"{tries}: {record.error or record.outcome}")
        yield StoryLine("what to do", f"turns retry {record.job.key[:8]}")
    else:
        yield StoryLine(record.state, record.error or "its turn has not come to an end")


def _decision(
    bot: Bot, cid: str, what: str, outcome: str, *, shown: str = "", keys: tuple[str, ...] = (), item: int | None = None
) -> StoryLine:
    """A line with the places of the keys behind it: those that bot.yaml says, or the defaults."""
    from framework.definition.origins import origins
    from framework.runtime.reasons import keys_behind

    behind = keys or keys_behind(outcome)
    found = [one for one in origins(bot, cid) if any(f"{one.name}.".startswith(f"{key}.") for key in behind)]
    said = [f"{one.name} {_place(bot, one, item)}" for one in found if one.where is not None]
    if not said and found:
        said = [f"{found[0].name} {DEFAULT}"]
    detail = shown or outcome.removeprefix("silent: ")
    return StoryLine(what, detail, ", ".join(said))


def _place(bot: Bot, origin: ValueOrigin, item: int | None) -> str:
    if item is None or origin.path != ("triggers",) or bot.document is None:
        return str(origin.where)
    before = ("overrides", origin.pattern) if origin.pattern else ()
    return str(bot.document.position((*before, "triggers", item)))


def _channel_of(lane: str) -> str:
    """The channel in the name of a lane, as in `agent-bot|messaging:support-1|THREAD`."""
    return lane.partition("|")[2].partition("|")[0]
