"""What a bot may post, by its definition, its articles and its prompt."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from framework.outbound import Domains, Leaks, Screen, domains_in

if TYPE_CHECKING:
    from framework.definition.model import Bot
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
