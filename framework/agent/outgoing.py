"""What a bot may post, by its definition, its articles and its prompt."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from framework.outbound import Domains, Leaks, Screen, domains_in

if TYPE_CHECKING:
    from framework.definition.model import Bot
    from framework.definition.parts.phrases import PhraseTexts
    from framework.moderation.own_texts import OwnTexts
    from framework.settings import Settings

UPLOADS = ("stream-io-cdn.com", "stream-cloud-uploads.imgix.net")
"""Where Stream keeps what was uploaded to a channel."""

_OWN_WORDS = {"description", "identity", "persona", "phrases", "triggers", "reply", "handover"}


def screen_for(bot: Bot, articles: Iterable[str], settings: Settings, *, embedded: bool) -> Screen:
    """The screen of a bot, or of it as it is in one channel. `articles`: the domains that they name. The embedded model
    knows no prompt, so that it cannot repeat it.
    """
    reply = bot.definition.reply
    own_words = bot.definition.model_dump_json(include=_OWN_WORDS)
    names = {*reply.domains, *articles, *domains_in(own_words), *domains_in(bot.system_prompt), *UPLOADS}
    service = urlsplit(settings.base_url)
    leaks = Leaks() if embedded or not reply.keep_prompt else Leaks.of(bot.system_prompt)
    return Screen(Domains.of(names, [f"{service.scheme}://{service.netloc}".lower()]), leaks, reply.everybody)


def widest(screens: Iterable[Screen]) -> Screen:
    """What may be posted where it is not known which of these screens holds: links that any of them allows."""
    first, *others = screens
    names = first.domains.names.union(*(one.domains.names for one in others))
    everything = any(one.domains.everything for one in (first, *others))
    return first.with_domains(replace(first.domains, names=names, everything=everything))


def own_texts_of(
    bot: Bot, settings: Settings, now: Callable[[], datetime], *, with_model: bool = True
) -> OwnTexts | None:
    """The rules of a bot's moderation.yaml for what it says itself; None if it has none. Opens no connection.

    Raises DefinitionError for what is wrong in the file, and ModelError for a model that cannot be asked.
    """
    if not (bot.folder / "moderation.yaml").is_file():
        return None
    from framework.moderation.decision_book import DecisionBook
    from framework.moderation.files import read_moderation
    from framework.moderation.own_texts import OwnTexts

    file = read_moderation(bot.folder)
    if file is None:
        return None
    judge = None
    if with_model and any(rule.when.model for rule in file.moderation.rules):
        from framework.agent.models.moderator import open_judge

        judge = open_judge(file.moderation.judge, bot.definition.model, settings)
    identity, channels = bot.definition.identity, bot.definition.channels.join
    book = DecisionBook.of(settings, bot.name, now)
    return OwnTexts.of(file, bot.name, identity.user_id, now=now, channels=channels, judge=judge, book=book)


def refusal(phrases: PhraseTexts) -> str:
    """What is said instead of an answer that may not be given."""
    return phrases.refused.replace("{person}", phrases.person).replace("{topics}", "").strip()
