"""Reads the campaigns of a bot, `campaigns/NAME.yaml` in its folder, and finds what is wrong in them."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cached_property
from typing import Any

import jinja2
from pydantic import ValidationError

from framework.campaigns.model import CampaignDefinition
from framework.campaigns.text import CampaignText
from framework.campaigns.user_file import read_user_ids
from framework.definition.model import Bot
from framework.definition.parts.schedule_run import CAMPAIGNS
from framework.definition.reading.positions import YamlDocument, read_text, read_yaml
from framework.definition.reading.problems import explain, together
from framework.errors import DefinitionError, Position, UsageError

FOLDER = CAMPAIGNS
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,59}")


@dataclass(frozen=True)
class CampaignFile:
    """A campaign that was read. `texts` are its wordings by variant ("" without variants) and language ("" for all)."""

    name: str
    bot: Bot
    campaign: CampaignDefinition
    document: YamlDocument
    texts: Mapping[tuple[str, str], CampaignText]
    users: tuple[str, ...] = ()

    def position(self, *key: str | int) -> Position:
        """Return where a value stands."""
        return self.document.position(key)

    def problem(self, what: str, hint: str, *key: str | int) -> DefinitionError:
        """Return the error of one value."""
        return DefinitionError(what, where=self.position(*key), hint=hint)

    @property
    def languages(self) -> dict[str, None]:
        """Return the languages in which it is written, in the order of the file."""
        return dict.fromkeys(language for _, language in self.texts)

    @cached_property
    def fingerprint(self) -> str:
        """Return a hash of all that it says, and of the file of users: it changes if somebody edits either."""
        said = json.dumps([self.campaign.model_dump(mode="json"), self.users], sort_keys=True)
        return hashlib.sha256(said.encode()).hexdigest()[:16]

    @property
    def sender(self) -> Mapping[str, Any]:
        """Return the bot as its texts name it."""
        identity = self.bot.definition.identity
        return {"id": identity.user_id, "name": identity.name, "image": identity.image}


def campaign_names(bot: Bot) -> list[str]:
    """Return the names of a bot's campaigns, sorted."""
    return sorted(file.stem for file in (bot.folder / FOLDER).glob("*.yaml"))


def is_scheduled(bot: Bot, name: str) -> bool:
    """Return whether a schedule of the bot begins this campaign: each of its times goes to the whole audience."""
    return any(trigger.campaign == name for trigger in bot.definition.triggers)


def read_campaign(bot: Bot, name: str) -> CampaignFile:
    """Read one campaign. Raises UsageError if there is none, DefinitionError for all that is wrong in it."""
    path = bot.folder / FOLDER / f"{name}.yaml"
    if not _NAME.fullmatch(name) or not path.is_file():
        names = campaign_names(bot)
        near = get_close_matches(name, names, n=1)
        guess = f"Did you mean {near[0]!r}? " if near else ""
        raise UsageError(
            f"The bot {bot.name} has no campaign {name!r}.",
            hint=f"{guess}It has: {', '.join(names) or 'none'}. A campaign is a file "
            f" {bot.folder / FOLDER}/NAME.yaml; its name has letters, digits, - and _, 60 at most.",
        )
    return campaign_of(bot, name, read_yaml(path))


def campaign_of(bot: Bot, name: str, document: YamlDocument) -> CampaignFile:
    """Check a campaign that was read. Raises DefinitionError for all that is wrong."""
    value = document.value
    if not isinstance(value, dict):
        raise DefinitionError(
            "must be a mapping of keys to values", where=document.position(()), hint="Begin as in `text: Hello!`."
        )
    try:
        campaign = CampaignDefinition.model_validate(value)
    except ValidationError as error:
        raise explain(error, document, CampaignDefinition) from None
    texts: dict[tuple[str, str], CampaignText] = {}
    problems = [
        *_rules(bot, campaign, document),
        *_two_times(bot, name, campaign, document),
        *_read_texts(campaign, document, texts),
    ]
    users: tuple[str, ...] = ()
    try:
        if campaign.audience.file:
            where = document.position(("audience", "file"))
            users = read_user_ids(document.file.parent, campaign.audience.file, where)
    except DefinitionError as error:
        problems.append(error)
    if problems:
        raise together(problems)
    return CampaignFile(name, bot, campaign, document, texts, users)


def _two_times(bot: Bot, name: str, campaign: CampaignDefinition, document: YamlDocument) -> Iterator[DefinitionError]:
    own = "cron" if campaign.cron else "at" if campaign.at else ""
    if own and is_scheduled(bot, name):
        yield DefinitionError(
            f"`{own}` says when it is sent, and a schedule of {bot.name} says it, too",
            where=document.position((own,)),
            hint=f"Remove `{own}`, or the schedule in bot.yaml.",
        )


def _rules(bot: Bot, campaign: CampaignDefinition, document: YamlDocument) -> Iterator[DefinitionError]:
    from framework.campaigns.rules import findings

    for finding in findings(bot, campaign):
        yield DefinitionError(finding.what, where=document.position(finding.path), hint=finding.hint)


def _read_texts(
    campaign: CampaignDefinition, document: YamlDocument, texts: dict[tuple[str, str], CampaignText]
) -> Iterator[DefinitionError]:
    for variant in campaign.variants or ("",):
        own = bool(variant and campaign.variants[variant].text)
        base = ("variants", variant, "text") if own else ("text",)
        for language, source in campaign.texts_of(variant).items():
            where = document.position((*base, language) if language else base)
            try:
                text = CampaignText(source, campaign.variables)
            except jinja2.TemplateSyntaxError as error:
                yield _broken(error, source, where)
                continue
            except (RecursionError, ValueError):
                yield DefinitionError("is not a valid template: it is nested too deep", where=where, hint=_ADVICE)
                continue
            if text.unknown:
                yield _unknown(text, campaign, where)
            elif why := text.wrong_for_all():
                yield DefinitionError(why, where=where, hint=_ADVICE)
            texts[(variant, language)] = text


_ADVICE = "Templates are Jinja: {{ receiver.name }} is a value, {% if receiver.plan %}...{% endif %} a choice."


def _broken(error: jinja2.TemplateSyntaxError, source: str, where: Position) -> DefinitionError:
    lines = source.splitlines()
    shown = lines[error.lineno - 1].strip() if 0 < error.lineno <= len(lines) else ""
    place = _line_of(where, shown[:40]) if shown else where
    return DefinitionError(f"the text is not a valid template: {error.message}", where=place, hint=_ADVICE)


def _unknown(text: CampaignText, campaign: CampaignDefinition, where: Position) -> DefinitionError:
    name = text.unknown[0]
    given = ["receiver", "sender", *campaign.variables]
    near = get_close_matches(name, given, n=1)
    guess = f"Did you mean {near[0]!r}? " if near else ""
    return DefinitionError(
        f"the text uses {name}, which nobody gives",
        where=_line_of(where, name),
        hint=f"{guess}Write receiver.{name} for a field of the person, or add {name} under `variables:`. "
        f"Given are: {', '.join(given)}.",
    )


def _line_of(where: Position, word: str) -> Position:
    """Return the line at or below a key on which a word stands in the file."""
    lines = read_text(where.file).splitlines()
    for number in range((where.line or 1) - 1, len(lines)):
        column = lines[number].find(word)
        if column >= 0:
            return Position(where.file, number + 1, column + 1)
    return where
